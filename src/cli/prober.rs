//! Starting the servers that a contract requires a tool of (E13).

use std::sync::Arc;
use std::time::Duration;

use mcp_registry_governance::Policy;
use mcp_registry_pool::{Gate, Pool};
use mcp_registry_presence::{Launch, Prober, Written};
use mcp_registry_spec::{Error, ErrorKind, Result, ServerName, async_trait};

use super::launches::{self, Door};

/// How long each phase of starting a server may take.
const TIME: Duration = Duration::from_secs(20);

/// Starts servers as `probe` does: behind the gate, and for no longer than it takes to list their tools.
pub(crate) struct Probes {
    /// The lists of allowed commands that the agent has; without one, the default list counts.
    pub(crate) lists: Vec<Vec<String>>,
    /// The operator's policy, one for all that is judged.
    pub(crate) policy: Arc<Policy>,
}

impl Probes {
    /// The gates that something must pass: of every list of the agent, and of that of the registry which delivers it.
    fn doors(&self, allowed: Option<&Vec<String>>) -> Vec<Door> {
        let lists = self.lists.iter().chain(allowed).cloned().map(Some);
        let default = self.lists.is_empty().then_some(None);
        default.into_iter().chain(lists).map(|list| Door::new(list, self.policy.clone())).collect()
    }
}

#[async_trait]
impl Prober for Probes {
    async fn tools(&self, launches: Vec<Launch>) -> Result<Vec<Result<Vec<String>>>> {
        for launch in &launches {
            self.doors(launch.allowed.as_ref()).iter().try_for_each(|door| door.gate.check(&launch.spec))?;
        }
        let mut names = Vec::with_capacity(launches.len());
        let mut specs = Vec::with_capacity(launches.len());
        for (i, Launch { mut spec, .. }) in launches.into_iter().enumerate() {
            // The deliveries are of one server, and a pool tells servers apart by their names.
            let name = std::mem::replace(&mut spec.name, ServerName::parse(&format!("d{i}"))?);
            names.push((name, spec.name.clone()));
            specs.push(spec);
        }
        // The policy judged each by its true name.
        let pool = Pool::connect(specs, &Gate::new(self.lists.first().cloned()), launches::options(TIME)).await?;
        let tools = names.iter().map(|(name, own)| tools_of(&pool, name, own)).collect();
        pool.close().await?;
        Ok(tools)
    }

    fn check_written(&self, written: &Written) -> Result<()> {
        self.doors(written.allowed.as_ref()).iter().try_for_each(|door| door.check_written(&written.spec))
    }
}

/// The tools of the server that the pool has under its `own` name there, or why there are none.
fn tools_of(pool: &Pool, name: &ServerName, own: &ServerName) -> Result<Vec<String>, Error> {
    if let Some(server) = pool.servers().iter().find(|server| server.name() == own) {
        let tools: Vec<_> = server.tools().iter().map(|tool| tool.name.to_string()).collect();
        // They are told, and reported to a catalog.
        if tools.iter().any(|tool| server.shown(tool) != *tool) {
            return Err(Error::new(ErrorKind::InvalidSpec, "it shows in the name of a tool what it was given"));
        }
        return Ok(tools);
    }
    let failure = pool.failures().iter().find(|failure| failure.name == *own);
    Err(failure.map_or_else(launches::gone, |failure| {
        let mut failure = failure.clone();
        failure.name = name.clone();
        launches::unreachable(&failure)
    }))
}
