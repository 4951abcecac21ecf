//! What commands that start servers have in common: the gate, and entries that are ready to be started.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mcp_registry_governance::{Launch, Policy, Source};
use mcp_registry_pool::{Failure as NotThere, Gate, Options, Pool, Server, Timeouts};
use mcp_registry_spec::{
    Digest, Error, ErrorKind, LaunchSpec, McpServerRegistry, McpServerSpec, ProcessEnvironment, Result, ServerName,
    Transport,
};

use super::failure::Failure;
use super::names;
use super::progress::Progress;
use super::stop::Stop;

// How long servers are waited for (a doc comment would take the place of the command's own description).
#[derive(clap::Args)]
pub(crate) struct PhaseTime {
    /// How long each phase may take: making the process, initialize, and listing the tools
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
}

/// Entries that are ready to be started, and those that cannot be.
#[derive(Default)]
pub(crate) struct Launches {
    ready: Vec<LaunchSpec>,
    pub(crate) broken: Vec<NotThere>,
    /// The digests of all entries that are no broken ones.
    pub(crate) digests: BTreeMap<ServerName, Digest>,
}

/// The gate of an agent, and what is asked of entries that do not come as far as that.
pub(crate) struct Door {
    pub(crate) gate: Gate,
    own: Option<Vec<String>>,
    policy: Arc<Policy>,
}

impl Door {
    /// That of the agent whose registry this is, with the operator's policy in it (S2, S3).
    ///
    /// # Errors
    /// When the agent's own list cannot be read.
    async fn of(registry: &McpServerRegistry) -> Result<Self> {
        Ok(Self::new(registry.allowed_commands().await?, policy()))
    }

    /// That of an agent with this list of its own, or with none.
    pub(crate) fn new(own: Option<Vec<String>>, policy: Arc<Policy>) -> Self {
        let judge = {
            let (own, policy) = (own.clone(), policy.clone());
            move |launch: &LaunchSpec| policy.judge(&Launch::from(launch), own.as_deref()).check()
        };
        Self { gate: Gate::new(own.clone()).judged_by(judge), own, policy }
    }

    /// Whether an entry that cannot be resolved might be started, as it is written.
    ///
    /// # Errors
    /// What the list says of its command, and the policy of all of it.
    pub(crate) fn check_written(&self, spec: &McpServerSpec) -> Result<()> {
        if let Transport::Stdio(stdio) = &spec.transport {
            self.gate.check_command(&spec.name, &stdio.command)?;
        }
        // This program obeys none of the keys that other clients may take for orders.
        let obeyed = McpServerSpec { extra: BTreeMap::new(), ..spec.clone() };
        self.policy.judge(&Launch::from(&obeyed), self.own.as_deref()).check()
    }
}

/// The operator's policy.
pub(crate) fn policy() -> Arc<Policy> {
    Arc::new(Source::new(None, &ProcessEnvironment).load())
}

/// Reads the entries of these names, or all of them, and resolves them.
///
/// # Errors
/// [`ErrorKind::NotInRegistry`] for a name that is not there; what the gate says of a command, also of an entry that
/// could not be started anyway (S1); when the storage cannot be reached.
async fn resolve(registry: &McpServerRegistry, names: &[String], door: &Door) -> Result<Launches> {
    let mut launches = Launches::default();
    let mut entries = Vec::new();
    if names.is_empty() {
        entries.extend(registry.load_all().await?.into_iter().map(|loaded| (loaded.name, loaded.result)));
    }
    for name in names {
        let name = ServerName::parse(name)?;
        if entries.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let result = match registry.load(&name).await {
            Err(error) if error.kind() != ErrorKind::DescriptorInvalid => {
                return Err(names::suggest(error, &name, registry).await);
            }
            result => result,
        };
        entries.push((name, result));
    }
    for (name, result) in entries {
        if let Ok(spec) = &result {
            launches.digests.insert(name.clone(), spec.digest()?);
        }
        match resolve_one(registry, result, door).await? {
            Ok(launch) => launches.ready.push(launch),
            Err(error) => launches.broken.push(NotThere::unresolved(name, &error)),
        }
    }
    Ok(launches)
}

async fn resolve_one(
    registry: &McpServerRegistry,
    loaded: Result<McpServerSpec>,
    door: &Door,
) -> Result<Result<LaunchSpec>> {
    let spec = match loaded {
        Ok(spec) => spec,
        Err(error) => return Ok(Err(error)),
    };
    match registry.resolve(&spec).await {
        Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
        Err(error) => {
            door.check_written(&spec)?;
            Ok(Err(error))
        }
        Ok(launch) => Ok(Ok(launch)),
    }
}

/// The one entry of that name, behind the gate.
///
/// # Errors
/// As [`resolve`], and what the gate says; why it is not ready.
pub(crate) async fn one(registry: &McpServerRegistry, name: &str) -> Result<(LaunchSpec, Gate)> {
    let door = Door::of(registry).await?;
    let name = ServerName::parse(name)?;
    let spec = match registry.load(&name).await {
        Ok(spec) => spec,
        Err(error) => return Err(names::suggest(error, &name, registry).await),
    };
    let launch = resolve_one(registry, Ok(spec), &door).await??;
    door.gate.check(&launch)?;
    Ok((launch, door.gate))
}

/// Connects to the servers of these names, or to all of them; tells what of the entries is broken, and their digests.
///
/// # Errors
/// What the gate refuses (S1); a name that is not there; when the storage cannot be reached.
pub(crate) async fn connect(
    registry: &McpServerRegistry,
    names: &[String],
    options: Options,
) -> Result<(Pool, Launches)> {
    let door = Door::of(registry).await?;
    let mut launches = resolve(registry, names, &door).await?;
    let progress = Progress::of(launches.ready.iter().map(|launch| &launch.name));
    let ready = std::mem::take(&mut launches.ready);
    let pool = Pool::connect_with(ready, &door.gate, options, |name, _| progress.settled(name)).await?;
    progress.end();
    Ok((pool, launches))
}

/// How a command of this program starts servers: it has no other children (S8).
pub(crate) fn options(time: Duration) -> Options {
    let mut options = Options::default();
    options.timeouts = Timeouts::each(time);
    options.only_children = true;
    options
}

/// Connects to the one server of that name, does `work` with it, and ends it, whatever came of that.
///
/// # Errors
/// Those of [`one`] and of the work; why it cannot be connected to; that somebody wanted it to stop.
pub(crate) async fn with_server<T>(
    registry: &McpServerRegistry,
    name: &str,
    time: Duration,
    work: impl AsyncFnOnce(&Pool, &Server) -> std::result::Result<T, Failure>,
) -> std::result::Result<T, Failure> {
    unless_stopped(async {
        let (launch, gate) = one(registry, name).await?;
        let pool = Pool::connect(vec![launch], &gate, options(time)).await?;
        let Some(server) = pool.servers().first() else {
            return Err(pool.failures().first().map_or_else(|| Failure::from(gone()), |why| unreachable(why).into()));
        };
        let done = work(&pool, server).await;
        let closed = pool.close().await;
        let done = done?;
        closed?;
        Ok(done)
    })
    .await
}

/// Does what starts servers, and gives it up when somebody wants it to stop; by then nothing runs any more.
///
/// # Errors
/// Those of the work; that it was stopped.
pub(crate) async fn unless_stopped<T>(
    work: impl Future<Output = std::result::Result<T, Failure>>,
) -> std::result::Result<T, Failure> {
    let stop = Stop::listen_to_all()?;
    tokio::select! {
        worked = work => worked,
        () = stop.asked() => {
            let message = "interrupted; every server that was started is stopped";
            Err(Error::new(ErrorKind::Unavailable, message).into())
        }
    }
}

/// A server that is not there, as an error.
pub(crate) fn unreachable(why: &NotThere) -> Error {
    let error = Error::new(ErrorKind::Unavailable, why.to_string());
    if why.stderr.is_empty() { error } else { error.caused_by(format!("it said: {}", why.stderr)) }
}

/// The same where nobody says why.
pub(crate) fn gone() -> Error {
    Error::new(ErrorKind::Unavailable, "the server is not there")
}
