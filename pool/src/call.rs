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
use crate::message::Fault;
use crate::server::Server;

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
    /// The server answered with an error of the protocol: its code, and its masked words.
    Refused(i32, String),
    /// It was given up.
    Cancelled,
    /// There was no answer in that time.
    TimedOut(Duration),
    /// The connection ended; what is known of why, and the last lines of standard error.
    Lost(String, String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchTool(name) => write!(f, "there is no tool {}", text::quote(name)),
            Self::Refused(code, said) => write!(f, "the server answered with error {code}: {said}"),
            Self::Cancelled => f.write_str("the call was given up"),
            Self::TimedOut(time) => write!(f, "the server did not answer within {time:?}"),
            Self::Lost(why, _) => f.write_str(why),
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
                Ok(_) => Err(CallError::Lost("the server answered the call with something else".into(), String::new())),
                Err(ServiceError::McpError(data)) => {
                    Err(CallError::Refused(data.code.0, self.link.mask.quote(&data.message)))
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
        let fault = match self.link.faults.get() {
            Some(Fault::Garbage(begin)) => {
                Some(format!("the server sent what is no message: {}", text::quote(&self.link.mask.hide(begin))))
            }
            Some(Fault::TooLarge) => Some("the server sent a message that is larger than is read".to_owned()),
            Some(Fault::Unread) => Some("the server asked more and more, and took no answer".to_owned()),
            None => None,
        };
        let (mut exit, mut stderr) = (None, String::new());
        if let Some(process) = &self.link.process {
            let mut process = process.lock().await;
            exit = process.ended().await.map(|exit| format!("the server ended with {exit}"));
            stderr = process.last_words(&self.link.mask).await;
        }
        // That its input was closed for what it said is no end of its own.
        let why = fault.or(exit).unwrap_or_else(|| match error {
            ServiceError::TransportClosed => "the server closed the connection".to_owned(),
            other => format!("the call failed: {}", self.link.mask.quote(&other.to_string())),
        });
        CallError::Lost(why, stderr)
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
