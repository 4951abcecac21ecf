//! Starting the servers that a contract requires a tool of (E13).

use std::time::Duration;

use mcp_registry_pool::{Gate, Pool};
use mcp_registry_presence::{Launch, Prober};
use mcp_registry_spec::{Error, Result, ServerName, async_trait};

use super::launches;

/// How long each phase of starting a server may take.
const TIME: Duration = Duration::from_secs(20);

/// Starts servers as `probe` does: behind the gate, and for no longer than it takes to list their tools.
pub(crate) struct Probes {
    /// The list of allowed commands of the agent that the settings name, where it has one.
    pub(crate) own: Option<Vec<String>>,
}

impl Probes {
    /// Whether the agent allows it, and the registry that delivers it.
    fn check(&self, launch: &Launch) -> Result<()> {
        launches::gate_of(self.own.clone()).check(&launch.spec)?;
        match &launch.allowed {
            Some(list) => launches::gate_of(Some(list.clone())).check(&launch.spec),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Prober for Probes {
    async fn tools(&self, launches: Vec<Launch>) -> Result<Vec<Result<Vec<String>>>> {
        launches.iter().try_for_each(|launch| self.check(launch))?;
        let mut names = Vec::with_capacity(launches.len());
        let mut specs = Vec::with_capacity(launches.len());
        for (i, Launch { mut spec, .. }) in launches.into_iter().enumerate() {
            // The deliveries are of one server, and a pool tells servers apart by their names.
            let name = std::mem::replace(&mut spec.name, ServerName::parse(&format!("d{i}"))?);
            names.push((name, spec.name.clone()));
            specs.push(spec);
        }
        // The policy judged each by its true name.
        let pool = Pool::connect(specs, &Gate::new(self.own.clone()), launches::options(TIME)).await?;
        let tools = names.iter().map(|(name, own)| tools_of(&pool, name, own)).collect();
        pool.close().await?;
        Ok(tools)
    }
}

/// The tools of the server that the pool has under its `own` name there, or why there are none.
fn tools_of(pool: &Pool, name: &ServerName, own: &ServerName) -> Result<Vec<String>, Error> {
    if let Some(server) = pool.servers().iter().find(|server| server.name() == own) {
        return Ok(server.tools().iter().map(|tool| tool.name.to_string()).collect());
    }
    let failure = pool.failures().iter().find(|failure| failure.name == *own);
    Err(failure.map_or_else(launches::gone, |failure| {
        let mut failure = failure.clone();
        failure.name = name.clone();
        launches::unreachable(&failure)
    }))
}
