//! The server as a whole: what all its sessions share.

use std::sync::Arc;
use std::time::Duration;

use mcp_registry_governance::{Governance, Request, Target, Tool};
use mcp_registry_spec::{Error, ErrorKind, Result, ServerName};
use rmcp::handler::server::ServerHandler;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::{OwnedRwLockReadGuard, OwnedSemaphorePermit, RwLock, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::answer::{Answer, Refused};
use super::arguments::Arguments;
use super::caller::Caller;
use super::handler::Handler;
use super::watch::Watch;
use super::{approvals, changes, reads};
use crate::catalog::Log;

/// How often what is over is ended.
const SETTLE: Duration = Duration::from_secs(60);

/// What answers: a registry, and who may change it how. Clones share it.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    target: Target,
    governance: Governance,
    operator: bool,
    watch: Watch,
    log: Log,
    /// Held by each call, which is brought to its end though nobody waits for it any more.
    unfinished: Arc<RwLock<()>>,
    /// One for each stream of notifications that somebody listens to outside a session.
    streams: Arc<Semaphore>,
}

/// How many listen to notifications at once outside a session.
const STREAMS: usize = 256;

/// A line of the log about what nobody asked for.
#[derive(Serialize)]
struct Unsettled {
    msg: &'static str,
    error: ErrorKind,
    message: String,
}

impl Server {
    /// A server of that registry. With `operator` its clients may also decide on changes, as far as the policy
    /// allows that.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] for `operator` where the policy does not say `approve_over_mcp` (rule M8).
    pub fn new(target: Target, governance: Governance, operator: bool, log: Log) -> Result<Self> {
        let policy = governance.policy();
        if operator && !policy.changes().is_some_and(|changes| changes.approve_over_mcp) {
            let error = match policy.problems().first() {
                Some(problem) => Error::new(ErrorKind::ConfigInvalid, "--operator needs a policy that can be used")
                    .caused_by(problem),
                None => Error::new(ErrorKind::ConfigInvalid, "the policy does not let anybody approve over MCP")
                    .hint("set approve_over_mcp = true in the table [changes], or start without --operator"),
            };
            return Err(policy.path().iter().fold(error, |error, path| error.at(path, None)));
        }
        let watch = Watch::of(target.registry.clone());
        let (unfinished, streams) = (Arc::default(), Arc::new(Semaphore::new(STREAMS)));
        Ok(Self(Arc::new(Inner { target, governance, operator, watch, log, unfinished, streams })))
    }

    /// The side of it that a client over HTTP talks to, whose every request says who calls.
    #[must_use]
    pub fn over_http(&self) -> impl ServerHandler + use<> {
        Handler::over_http(self.clone())
    }

    pub(super) fn target(&self) -> &Target {
        &self.0.target
    }

    pub(super) fn governance(&self) -> &Governance {
        &self.0.governance
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.0.watch
    }

    pub(super) fn log(&self) -> &Log {
        &self.0.log
    }

    /// Whether its clients may decide on changes.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.0.operator
    }

    /// The tools that are offered (rule M3).
    pub(super) fn offered(&self) -> impl Iterator<Item = Tool> {
        let operator = self.0.operator;
        Tool::ALL
            .iter()
            .copied()
            .filter(move |tool| operator || !matches!(tool, Tool::ApprovalApprove | Tool::ApprovalReject))
    }

    /// The tool of that name, where it is offered.
    pub(super) fn tool(&self, name: &str) -> Option<Tool> {
        self.offered().find(|tool| tool.as_str() == name)
    }

    /// Answers a call of a tool, also where it is refused.
    pub(super) async fn call(&self, tool: Tool, arguments: Map<String, Value>, caller: &Caller) -> Answer {
        let unfinished = self.unfinished().await;
        let (server, caller) = (self.clone(), caller.clone());
        // In a task of its own: a fault of ours is told to whoever waits for the answer.
        let answering = tokio::spawn(async move {
            let _unfinished = unfinished;
            server.answer(tool, arguments, &caller).await
        });
        let answered = answering.await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Unavailable, "the call failed in the server; look at its log").into())
        });
        answered.unwrap_or_else(Answer::from)
    }

    /// Room for one more stream of notifications; `None` when there are as many as may be.
    pub(super) fn stream(&self) -> Option<OwnedSemaphorePermit> {
        self.0.streams.clone().try_acquire_owned().ok()
    }

    async fn answer(&self, tool: Tool, arguments: Map<String, Value>, caller: &Caller) -> Result<Answer, Refused> {
        caller.must_see(self.target().place.scope.as_ref())?;
        let arguments = Arguments::check(tool, arguments)?;
        // What changes something is decided on where it is done, with all that is known of it there.
        if !tool.changes() && tool != Tool::ApprovalGet {
            self.permit(tool, arguments.name()?.as_ref(), caller).await?;
        }
        match tool {
            Tool::RegistryList => reads::list(self).await,
            Tool::RegistryShow => reads::show(self, &arguments).await,
            Tool::RegistryValidate => reads::validate(self, &arguments).await,
            Tool::RegistryCapabilities => reads::capabilities(self).await,
            Tool::Doctor => Answer::of(&self.governance().policy().diagnostics()),
            Tool::ChangePreview => changes::preview(self, &arguments, caller).await,
            Tool::ChangeRequest => changes::request(self, &arguments, caller).await,
            Tool::ChangeCancel => changes::cancel(self, &arguments, caller).await,
            Tool::ApprovalList => approvals::list(self, &arguments).await,
            Tool::ApprovalGet => approvals::get(self, &arguments, caller).await,
            Tool::ApprovalApprove => approvals::approve(self, &arguments, caller).await,
            Tool::ApprovalReject => approvals::reject(self, &arguments, caller).await,
            _ => Err(Error::unsupported("mcp", tool.as_str()).into()),
        }
    }

    /// Asks the policy, which records a denial (rule M7).
    pub(super) async fn permit(&self, tool: Tool, server: Option<&ServerName>, caller: &Caller) -> Result<(), Refused> {
        let request = Request::new(tool).scope(self.target().place.scope.as_ref()).server(server);
        self.governance().permit(&request, &caller.party()).await?;
        Ok(())
    }

    /// Ends what is over, now and every minute (rule M12), until what is given is dropped.
    #[must_use]
    pub fn settle(&self) -> Settling {
        let server = self.clone();
        Settling(tokio::spawn(async move {
            loop {
                if let Err(refusal) = server.governance().settle(server.target()).await {
                    let (error, message) = (refusal.error().kind(), refusal.to_string());
                    server.log().write(&Unsettled { msg: "not settled", error, message });
                }
                tokio::time::sleep(SETTLE).await;
            }
        }))
    }

    /// Waits until every call has come to its end, for at most `patience`, and lets go of the registry.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when one has not; those of closing.
    pub async fn close(&self, patience: Duration) -> Result<()> {
        let finished = async {
            let _all = self.0.unfinished.write().await;
            self.governance().idle().await;
        };
        match timeout(patience, finished).await {
            Ok(()) => self.target().registry.close().await,
            Err(_) => Err(Error::new(ErrorKind::Unavailable, format!("calls were still in flight after {patience:?}"))),
        }
    }

    async fn unfinished(&self) -> OwnedRwLockReadGuard<()> {
        self.0.unfinished.clone().read_owned().await
    }
}

/// Ends what is over, until it is dropped.
pub struct Settling(JoinHandle<()>);

impl Drop for Settling {
    fn drop(&mut self) {
        self.0.abort();
    }
}
