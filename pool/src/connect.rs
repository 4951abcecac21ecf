//! Connecting to a server: its phases, each in its time (S5).

use std::collections::HashSet;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mcp_registry_spec::{Error, LaunchRemote, LaunchSpec, LaunchTransport, ServerName, text};
use rmcp::model::{ProtocolVersion, ServerPeerInfo, Tool};
use rmcp::service::RunningService;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, Transport};
use rmcp::{RoleClient, ServiceExt};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::about::About;
use crate::client::Client;
use crate::endpoint;
use crate::failure::{Cause, Failure, Phase};
use crate::list;
use crate::mask::Mask;
use crate::message::Faults;
use crate::options::Options;
use crate::problem::{Problem, named};
use crate::process::{Pipes, Process, Spawning, inherited};
use crate::qualified::qualify;
use crate::server::{Link, Server, stop};
use crate::sse::Sse;
use crate::stdio::Stdio;
use crate::verifier::Seen;

/// Starts or reaches a server that passed the gate, and lists its tools.
///
/// # Errors
/// In which phase that failed, and why; nothing of it is left then.
pub(crate) async fn connect(launch: LaunchSpec, options: &Options) -> Result<Server, Failure> {
    // What is reached at a URL gets no variable.
    let is_started = matches!(launch.transport, LaunchTransport::Stdio { .. });
    let inherited = is_started.then(|| inherited(options.inherit_env.as_deref())).into_iter().flatten();
    let mask = Mask::of(&launch, inherited);
    let attempt =
        Attempt { name: launch.name.clone(), options, mask, begun: Instant::now(), faults: Faults::default() };
    match &launch.transport {
        LaunchTransport::Stdio { .. } => match attempt.spawn(launch).await {
            Ok((process, pipes)) => {
                let transport = Stdio::new(pipes, attempt.faults.clone());
                attempt.establish(Some(process), async { Ok(transport) }).await
            }
            Err(problem) => Err(attempt.failed(Phase::Spawn, problem, None, None).await),
        },
        LaunchTransport::StreamableHttp(remote) => {
            let transport = async {
                let (client, url) = attempt.reached(remote)?;
                let config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
                Ok(StreamableHttpClientTransport::with_client(client, config))
            };
            attempt.establish(None, transport).await
        }
        LaunchTransport::Sse(remote) => {
            let transport = async {
                let (client, url) = attempt.reached(remote)?;
                let opened = Sse::open(client, url, attempt.faults.clone()).await;
                opened.map_err(|error| Problem::of_sse(&error, &attempt.mask))
            };
            attempt.establish(None, transport).await
        }
    }
}

/// One server that is being connected.
struct Attempt<'a> {
    name: ServerName,
    options: &'a Options,
    mask: Mask,
    begun: Instant,
    faults: Faults,
}

impl Attempt<'_> {
    async fn spawn(&self, launch: LaunchSpec) -> Result<(Process, Pipes), Problem> {
        let (inherit, mask) = (self.options.inherit_env.clone(), self.mask.clone());
        let time = self.options.timeouts.spawn;
        let mut spawning = Spawning::begin(move || Process::spawn(&launch, inherit.as_deref(), &mask));
        match timeout(time, spawning.done()).await {
            Ok(Ok(spawned)) => Ok(spawned),
            Ok(Err(cause)) => Err(Problem::new(Cause::NotStarted, self.not_started(&cause))),
            Err(_) => {
                // Waiting on would hold the others up, and it may take for ever.
                spawning.leave();
                let message = format!("the process was not made within {time:?}; should it be made yet, it is killed");
                Err(Problem::new(Cause::TimedOut, message))
            }
        }
    }

    fn not_started(&self, cause: &io::Error) -> String {
        let hint = match cause.kind() {
            io::ErrorKind::NotFound => "; install it, or mend the entry",
            _ => "",
        };
        format!("cannot be started: {}{hint}", self.mask.quote(&cause.to_string()))
    }

    fn reached(&self, remote: &LaunchRemote) -> Result<(reqwest::Client, url::Url), Problem> {
        let made = endpoint::checked(&self.name, remote.url.expose())
            .and_then(|url| Ok((endpoint::client(&self.name, &url, remote)?, url)));
        made.map_err(|error| Problem::new(Cause::Unreachable, error.to_string()))
    }

    /// Initializes, lists and verifies.
    async fn establish<T: Transport<RoleClient> + 'static>(
        &self,
        mut process: Option<Process>,
        transport: impl Future<Output = Result<T, Problem>>,
    ) -> Result<Server, Failure> {
        let timeouts = self.options.timeouts;
        let initialized = async {
            let transport = transport.await?;
            Client::default().serve(transport).await.map_err(|error| Problem::of_initialize(error, &self.mask))
        };
        let initialized = {
            let mut initialized = pin!(initialized);
            match timeout(timeouts.initialize, initialized.as_mut()).await {
                Ok(initialized) => initialized,
                // Asked before the pipes are closed, for which it would end too.
                Err(_) => Err(late("it did not answer \"initialize\"", timeouts.initialize, process.as_mut())),
            }
        };
        let service = match initialized {
            Ok(service) => service,
            Err(problem) => {
                return Err(self.failed(Phase::Initialize, problem, process, None).await);
            }
        };
        let link =
            Link { process: process.map(Mutex::new), service, faults: self.faults.clone(), mask: self.mask.clone() };
        let (phase, problem) = match self.look(&link, timeouts.list).await {
            Ok((info, tools)) => {
                let (name, took) = (self.name.clone(), self.begun.elapsed());
                return Ok(Server { name, info, tools, took, link });
            }
            Err(failed) => failed,
        };
        let Link { process, service, .. } = link;
        Err(self.failed(phase, problem, process.map(Mutex::into_inner), Some(service)).await)
    }

    async fn look(&self, link: &Link, time: Duration) -> Result<(Arc<ServerPeerInfo>, Vec<Tool>), (Phase, Problem)> {
        let peer = link.service.peer();
        let Some(info) = peer.peer_info() else {
            return Err((Phase::Initialize, Problem::new(Cause::Protocol, "it did not say what it is")));
        };
        if !ProtocolVersion::KNOWN_VERSIONS.contains(&info.protocol_version) {
            let version = self.mask.quote(&info.protocol_version.to_string());
            let message = format!("it speaks version {version} of the protocol, which is not known here");
            return Err((Phase::Initialize, Problem::new(Cause::Protocol, message)));
        }
        let listed = match timeout(time, list::tools(peer)).await {
            Ok(listed) => listed.map_err(|error| Problem::of_list(error, &self.mask)),
            Err(_) => {
                let mut process = match &link.process {
                    Some(process) => Some(process.lock().await),
                    None => None,
                };
                Err(late("it did not list its tools", time, process.as_deref_mut()))
            }
        };
        let tools = listed.map_err(|problem| (Phase::List, problem))?;
        self.check_names(&tools).map_err(|problem| (Phase::List, problem))?;
        if let Some(verifier) = &self.options.verifier {
            let seen = Seen { name: &self.name, info: &info, tools: &tools };
            let differs =
                |error: Error| (Phase::Verify, Problem::new(Cause::Differs, self.mask.quote(&error.to_string())));
            verifier.verify(&seen).map_err(differs)?;
        }
        Ok((info, tools))
    }

    /// Refuses names that cannot be offered, and one that is given twice (S11).
    fn check_names(&self, tools: &[Tool]) -> Result<(), Problem> {
        let mut seen = HashSet::new();
        let complaints: Vec<_> = tools
            .iter()
            .filter_map(|tool| match qualify(&self.name, &tool.name) {
                Err(why) => Some(why.to_string()),
                Ok(_) if !seen.insert(&tool.name) => Some(format!("there are two tools {}", text::quote(&tool.name))),
                Ok(_) => None,
            })
            .collect();
        if complaints.is_empty() {
            Ok(())
        } else {
            Err(Problem::new(Cause::ToolName, self.mask.hide(&named(&complaints))))
        }
    }

    /// Puts together what is known, and leaves nothing of the server.
    async fn failed(
        &self,
        phase: Phase,
        problem: Problem,
        mut process: Option<Process>,
        service: Option<RunningService<RoleClient, Client>>,
    ) -> Failure {
        let took = Some(self.begun.elapsed());
        let about = service.as_ref().and_then(|service| Some(About::of(&*service.peer().peer_info()?, &self.mask)));
        // What the server wrote says more than that the connection ended for it.
        let told = self.faults.get().map(|fault| Problem::of_fault(fault, process.is_some(), &self.mask));
        let Problem { mut cause, mut message } = told.unwrap_or(problem);
        let (mut exit, mut stderr) = (None, String::new());
        if let Some(process) = &mut process {
            if cause == Cause::Closed {
                exit = process.ended().await;
                if let Some(exit) = exit {
                    cause = Cause::Exited;
                    message = format!("it ended with {exit} before it {}", awaited(phase));
                }
            }
            if cause == Cause::Exited {
                exit = exit.or_else(|| process.has_ended());
            }
            stderr = process.last_words(&self.mask).await;
        }
        let is_gone = stop(process, service, self.options.timeouts.stop).await;
        Failure { exit, stderr, about, took, ..Failure::new(self.name.clone(), phase, cause, message) }.stopped(is_gone)
    }
}

/// What did not come in its time: also of a process that ended, whose output a child of it holds open.
fn late(what: &str, time: Duration, process: Option<&mut Process>) -> Problem {
    match process.and_then(Process::has_ended) {
        Some(exit) => Problem::new(Cause::Exited, format!("it ended with {exit}; what it started holds its output")),
        None => Problem::late(what, time),
    }
}

/// What was waited for.
fn awaited(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve | Phase::Spawn | Phase::Initialize => "answered \"initialize\"",
        Phase::List | Phase::Verify => "listed its tools",
    }
}
