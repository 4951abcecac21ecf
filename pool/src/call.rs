//! Calling a tool (S12).

use std::fmt;
use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mcp_registry_spec::text;
use rmcp::RoleClient;
use rmcp::model::{CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, JsonObject, ServerResult};
use rmcp::service::{PeerRequestOptions, RequestHandle, ServiceError};
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::client::{Listener, Listeners};
use crate::problem::Problem;
use crate::server::{Link, Server};

/// How far a call is, as the server tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What is done so far; it grows.
    pub progress: f64,
    /// What there is to do, where the server knows.
    pub total: Option<f64>,
    /// What it does, in the server's words: untrusted text.
    pub message: Option<String>,
}

/// A call of a tool: its arguments, and how it is gone about.
///
/// ```
/// # use mcp_registry_pool::Call;
/// let mut arguments = serde_json::Map::new();
/// arguments.insert("timezone".into(), "UTC".into());
/// let call = Call::new(arguments).on_progress(|now| println!("{}", now.progress));
/// ```
#[derive(Default)]
pub struct Call {
    arguments: JsonObject,
    listener: Option<Listener>,
    cancelled: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    timeout: Option<Duration>,
}

impl Call {
    /// A call with these arguments, which waits as long as it takes.
    #[must_use]
    pub fn new(arguments: JsonObject) -> Self {
        Self { arguments, ..Self::default() }
    }

    /// The same, telling how far it is.
    #[must_use]
    pub fn on_progress(mut self, listener: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// The same, given up when `cancelled` is done; the server is told.
    #[must_use]
    pub fn cancelled_by(mut self, cancelled: impl Future<Output = ()> + Send + 'static) -> Self {
        self.cancelled = Some(Box::pin(cancelled));
        self
    }

    /// The same, given up after that time; the server is told.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }
}

/// Arguments and callbacks are not shown.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Why a call has no result. A tool that did its work and says that it failed has one, with `is_error`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The pool offers no tool of that name.
    NoSuchTool(String),
    /// The server answered with an error of the protocol.
    Refused {
        /// Its code.
        code: i32,
        /// Its words, masked and escaped.
        said: String,
    },
    /// It was given up.
    Cancelled,
    /// There was no answer in that time.
    TimedOut(Duration),
    /// The connection ended, or was of no more use.
    Lost {
        /// What is known of why, masked and escaped.
        why: String,
        /// The last lines that the server wrote to standard error, masked; empty where there are none.
        stderr: String,
    },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchTool(name) => write!(f, "there is no tool {}", text::quote(name)),
            Self::Refused { code, said } => write!(f, "the server answered with error {code}: {said}"),
            Self::Cancelled => f.write_str("the call was given up"),
            Self::TimedOut(time) => write!(f, "the server did not answer within {time:?}"),
            Self::Lost { why, .. } => write!(f, "the server gave no result: {why}"),
        }
    }
}

impl std::error::Error for CallError {}

impl Server {
    /// Calls the tool of that name of its own.
    pub(crate) async fn call(&self, tool: &str, call: Call) -> Result<CallToolResult, CallError> {
        let Call { arguments, listener, cancelled, timeout } = call;
        let late = async {
            match timeout {
                Some(time) => sleep(time).await,
                None => future::pending().await,
            }
        };
        let cancelled = cancelled.unwrap_or_else(|| Box::pin(future::pending()));
        // What is given up is dropped, sent or not: telling the server may take as long as it likes, and holds nobody up.
        tokio::select! {
            biased;
            answer = self.answer(tool, arguments, listener) => match answer {
                Ok(ServerResult::CallToolResult(result)) => Ok(result),
                Ok(_) => {
                    let why = "it answered the call with something else".to_owned();
                    Err(CallError::Lost { why, stderr: String::new() })
                }
                Err(ServiceError::McpError(data)) => {
                    Err(CallError::Refused { code: data.code.0, said: self.link.mask.quote(&data.message) })
                }
                Err(error) => Err(self.lost(error).await),
            },
            () = cancelled => Err(CallError::Cancelled),
            () = late => Err(CallError::TimedOut(timeout.unwrap_or_default())),
        }
    }

    /// Sends the call, and waits for what comes back.
    async fn answer(
        &self,
        tool: &str,
        arguments: JsonObject,
        listener: Option<Listener>,
    ) -> Result<ServerResult, ServiceError> {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let listeners = self.link.service.service().listeners.clone();
        let mut held = listeners.lock().await;
        let handle = self.peer().send_cancellable_request(request, PeerRequestOptions::no_options()).await?;
        if let Some(listener) = listener {
            held.insert(handle.progress_token.clone(), listener);
        }
        drop(held);
        Pending { handle: Some(handle), listeners }.answer().await
    }

    /// What is known of why the connection ended.
    async fn lost(&self, error: ServiceError) -> CallError {
        let Link { process, mask, faults, .. } = &self.link;
        let fault = faults.get().map(|fault| Problem::of_fault(fault, process.is_some(), mask).message);
        let (mut exit, mut stderr) = (None, String::new());
        if let Some(process) = process {
            let mut process = process.lock().await;
            exit = process.ended().await.map(|exit| format!("it ended with {exit}"));
            stderr = process.last_words(mask).await;
        }
        // That its input was closed for what it said is no end of its own.
        let why = fault.or(exit).unwrap_or_else(|| match error {
            ServiceError::TransportClosed => "it closed the connection".to_owned(),
            other => mask.quote(&other.to_string()),
        });
        CallError::Lost { why, stderr }
    }
}

/// A call that was sent. Dropped before it was answered, the server is told that nobody waits any more.
struct Pending {
    handle: Option<RequestHandle<RoleClient>>,
    listeners: Listeners,
}

impl Pending {
    async fn answer(mut self) -> Result<ServerResult, ServiceError> {
        let Some(handle) = self.handle.as_mut() else { return Err(ServiceError::TransportClosed) };
        let answer = (&mut handle.rx).await;
        if let Some(handle) = self.handle.take() {
            self.listeners.lock().await.remove(&handle.progress_token);
        }
        answer.map_err(|_| ServiceError::TransportClosed)?
    }
}

async fn cancel(handle: RequestHandle<RoleClient>, listeners: &Listeners) {
    listeners.lock().await.remove(&handle.progress_token);
    // One that is gone need not be told.
    let _ = handle.cancel(Some("given up".to_owned())).await;
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Without a runtime there is no connection either.
        if let (Some(handle), Ok(runtime)) = (self.handle.take(), Handle::try_current()) {
            let listeners = self.listeners.clone();
            runtime.spawn(async move { cancel(handle, &listeners).await });
        }
    }
}
