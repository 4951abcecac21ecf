//! Connecting to a server: its phases, each in its time (S5).

use std::collections::HashSet;
use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mcp_registry_spec::{Error, LaunchRemote, LaunchSpec, LaunchTransport, ServerName, text};
use rmcp::model::{ErrorData, ProtocolVersion, ServerPeerInfo, Tool};
use rmcp::service::{ClientInitializeError, RunningService, ServiceError};
use rmcp::transport::streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError};
use rmcp::transport::{DynamicTransportError, StreamableHttpClientTransport, Transport};
use rmcp::{RoleClient, ServiceExt};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::client::Client;
use crate::endpoint;
use crate::failure::{Cause, Failure, Phase};
use crate::list::{self, ListError};
use crate::mask::Mask;
use crate::options::{Options, Seen};
use crate::process::{Pipes, Process};
use crate::qualified::qualify;
use crate::server::{Link, Server};
use crate::sse::{Sse, SseError};
use crate::stdio::{Fault, Faults, MOST_MESSAGE, Stdio};

/// How many of several complaints a message names.
const MOST_NAMED: usize = 3;

/// Why a phase did not do.
struct Problem {
    cause: Cause,
    message: String,
}

impl Problem {
    fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into() }
    }
}

/// Starts or reaches a server that passed the gate, and lists its tools.
///
/// # Errors
/// In which phase that failed, and why; nothing of it is left then.
pub(crate) async fn connect(launch: LaunchSpec, options: &Options) -> Result<Server, Failure> {
    let mask = Mask::of(&launch);
    let attempt =
        Attempt { name: launch.name.clone(), options, mask, begun: Instant::now(), faults: Faults::default() };
    match &launch.transport {
        LaunchTransport::Stdio { .. } => match attempt.spawn(launch).await {
            Ok((process, pipes)) => {
                let transport = Stdio::new(pipes, attempt.faults.clone());
                attempt.establish(Some(process), async { Ok(transport) }).await
            }
            Err(Problem { cause, message }) => Err(Failure::new(attempt.name, Phase::Spawn, cause, message)),
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
                opened.map_err(|error| attempt.unreached(&error))
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
        // Looking for a program waits for the disk. One that is made too late is dropped, which kills it.
        let spawned = tokio::task::spawn_blocking(move || Process::spawn(&launch, inherit.as_deref(), &mask));
        let time = self.options.timeouts.spawn;
        match timeout(time, spawned).await {
            Ok(Ok(Ok(spawned))) => Ok(spawned),
            Ok(Ok(Err(cause))) => Err(Problem::new(Cause::NotStarted, self.not_started(&cause))),
            Ok(Err(cause)) => Err(Problem::new(Cause::NotStarted, cause.to_string())),
            Err(_) => Err(late("the process was not made", time)),
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
        process: Option<Process>,
        transport: impl Future<Output = Result<T, Problem>>,
    ) -> Result<Server, Failure> {
        let timeouts = self.options.timeouts;
        let initialized = async {
            let transport = transport.await?;
            Client::default().serve(transport).await.map_err(|error| self.uninitialized(error))
        };
        let service = match timeout(timeouts.initialize, initialized).await {
            Ok(Ok(service)) => service,
            failed => {
                let problem = match failed {
                    Ok(Err(problem)) => problem,
                    _ => late("it did not answer \"initialize\"", timeouts.initialize),
                };
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
            Ok(listed) => listed.map_err(|error| self.unlisted(error)),
            Err(_) => Err(late("it did not list its tools", time)),
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
                Err(why) => Some(why),
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

    fn uninitialized(&self, error: ClientInitializeError) -> Problem {
        match error {
            ClientInitializeError::JsonRpcError(data) => self.refused("initialize", &data),
            ClientInitializeError::ConnectionClosed(_) => {
                Problem::new(Cause::Closed, "it closed the connection before it answered \"initialize\"")
            }
            ClientInitializeError::TransportError { error, .. } => self.unsent(&error),
            ClientInitializeError::ExpectedInitResponse(_)
            | ClientInitializeError::ExpectedInitResult(_)
            | ClientInitializeError::ConflictInitResponseId(..)
            | ClientInitializeError::UncorrelatedErrorResponse { .. } => {
                Problem::new(Cause::Protocol, "it answered \"initialize\" with something else")
            }
            other => Problem::new(Cause::Protocol, self.mask.quote(&other.to_string())),
        }
    }

    fn unlisted(&self, error: ListError) -> Problem {
        match error {
            ListError::Refused(data) => self.refused("tools/list", &data),
            ListError::TooLarge(what) => Problem::new(Cause::TooLarge, what),
            ListError::Circle => Problem::new(Cause::Protocol, "the pages of its tools lead back to an earlier one"),
            ListError::Service(ServiceError::TransportSend(error)) => self.unsent(&error),
            ListError::Service(ServiceError::TransportClosed) => {
                Problem::new(Cause::Closed, "it closed the connection before it listed its tools")
            }
            ListError::Service(_) => Problem::new(Cause::Protocol, "it answered \"tools/list\" with something else"),
        }
    }

    fn refused(&self, method: &str, data: &ErrorData) -> Problem {
        let said = self.mask.quote(&data.message);
        Problem::new(Cause::Refused, format!("it answered \"{method}\" with error {}: {said}", data.code.0))
    }

    /// What a message that could not be sent, or was not answered as it should be, failed with.
    fn unsent(&self, error: &DynamicTransportError) -> Problem {
        type HttpError = StreamableHttpError<reqwest::Error>;
        match error.error.downcast_ref::<HttpError>() {
            Some(HttpError::AuthRequired(_) | HttpError::InsufficientScope(_)) => unauthorized(),
            Some(HttpError::UnexpectedServerResponse(what))
                if ["HTTP 401", "HTTP 403"].iter().any(|status| what.starts_with(status)) =>
            {
                unauthorized()
            }
            Some(HttpError::Client(cause)) => Problem::new(Cause::Unreachable, self.mask.quote(&innermost(cause))),
            Some(HttpError::ResponseBodyTooLarge { max_size }) => {
                Problem::new(Cause::TooLarge, format!("it answered with more than {max_size} bytes"))
            }
            Some(other) => Problem::new(Cause::Unreachable, self.mask.quote(&other.to_string())),
            None => match error.error.downcast_ref::<SseError>() {
                Some(error) => self.unreached(error),
                // A pipe that nobody reads.
                None => Problem::new(Cause::Closed, "it closed its standard input"),
            },
        }
    }

    fn unreached(&self, error: &SseError) -> Problem {
        match error {
            SseError::Status(status) if matches!(status.as_u16(), 401 | 403) => unauthorized(),
            other => Problem::new(Cause::Unreachable, self.mask.quote(&other.to_string())),
        }
    }

    /// Puts together what is known, and leaves nothing of the server.
    async fn failed(
        &self,
        phase: Phase,
        problem: Problem,
        process: Option<Process>,
        service: Option<RunningService<RoleClient, Client>>,
    ) -> Failure {
        let Problem { mut cause, mut message } = problem;
        match self.faults.get() {
            Some(Fault::Garbage(begin)) => {
                cause = Cause::Garbage;
                let place = if process.is_some() { "it wrote to standard output" } else { "it sent" };
                message = format!("{place} what is no message: {}", text::quote(&self.mask.hide(begin)));
            }
            Some(Fault::TooLarge) => {
                cause = Cause::TooLarge;
                message = format!("it sent a message that is larger than {} MiB", MOST_MESSAGE >> 20);
            }
            None => {}
        }
        let grace = self.options.timeouts.stop;
        let (mut exit, mut stderr) = (None, String::new());
        if let Some(mut process) = process {
            if cause == Cause::Closed {
                exit = process.ended().await;
                if let Some(exit) = exit {
                    cause = Cause::Exited;
                    message = format!("it ended with {exit} before it {}", awaited(phase));
                }
            }
            stderr = process.last_words(&self.mask).await;
            if let Some(mut service) = service {
                let _ = service.close_with_timeout(grace).await;
            }
            if !process.stop(grace).await {
                message.push_str("; a process of it could not be killed");
            }
        } else if let Some(mut service) = service {
            let _ = service.close_with_timeout(grace).await;
        }
        Failure { exit, stderr, ..Failure::new(self.name.clone(), phase, cause, message) }
    }
}

/// What was waited for.
fn awaited(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve | Phase::Spawn | Phase::Initialize => "answered \"initialize\"",
        Phase::List | Phase::Verify => "listed its tools",
    }
}

fn late(what: &str, time: Duration) -> Problem {
    Problem::new(Cause::TimedOut, format!("{what} within {time:?}"))
}

fn unauthorized() -> Problem {
    Problem::new(Cause::Unauthorized, "it asks for credentials, or for others; give them in the entry's headers")
}

/// The first few of what is complained of.
pub(crate) fn named(complaints: &[String]) -> String {
    let more = match complaints.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let first: Vec<_> = complaints.iter().take(MOST_NAMED).map(String::as_str).collect();
    format!("{}{more}", first.join("; "))
}

/// What an error was caused by in the end; the outer ones name the URL.
pub(crate) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(next) = innermost.source() {
        innermost = next;
    }
    innermost.to_string()
}
