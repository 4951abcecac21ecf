//! Starting the servers that a contract requires a tool of (E13).

use std::time::Duration;

use mcp_registry_pool::Pool;
use mcp_registry_presence::Prober;
use mcp_registry_spec::{LaunchSpec, Result, async_trait};

use super::launches;

/// How long each phase of starting a server may take.
const TIME: Duration = Duration::from_secs(20);

/// Starts servers as `probe` does: behind the gate, and for no longer than it takes to list their tools.
pub(crate) struct Probes {
    /// The list of allowed commands of the agent that the settings name, where it has one.
    pub(crate) own: Option<Vec<String>>,
}

#[async_trait]
impl Prober for Probes {
    async fn tools(&self, launch: &LaunchSpec, allowed: Option<&[String]>) -> Result<Vec<String>> {
        let gate = launches::gate_of(allowed.map(<[String]>::to_vec).or_else(|| self.own.clone()));
        let pool = Pool::connect(vec![launch.clone()], &gate, launches::options(TIME)).await?;
        let tools = match pool.servers().first() {
            Some(server) => Ok(server.tools().iter().map(|tool| tool.name.to_string()).collect()),
            None => Err(pool.failures().first().map_or_else(launches::gone, launches::unreachable)),
        };
        pool.close().await?;
        tools
    }
}
