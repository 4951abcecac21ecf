//! The server over the standard streams of a process: one message a line (rule M1).

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mcp_registry_spec::{Error, ErrorKind, Result};
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ErrorData, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage, serve_server};
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Server;
use super::caller::Caller;
use super::handler::Handler;
use super::messages;

/// How long the client may take to read the last answers.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many messages wait on either side; who sends more than are taken waits.
const WAITING: usize = 16;
/// The most requests that one client has unanswered.
const UNANSWERED: usize = 256;

/// Serves the one client at the other end of the streams, until it closes them or `stop` is done. `user` is
/// the operating system's, who decides on changes where that is allowed.
///
/// # Errors
/// [`ErrorKind::ConfigInvalid`] when what came first was no beginning.
pub async fn serve(
    server: Server,
    reads: impl AsyncRead + Unpin + Send + 'static,
    writes: impl AsyncWrite + Unpin + Send + 'static,
    user: &str,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let handler = Handler::of(server, Caller::Stdio { user: user.into() });
    let serving = async {
        match serve_server(handler, Lines::new(reads, writes)).await {
            Ok(running) => running.waiting().await.map(drop).map_err(|_| ()),
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(_) => Err(()),
        }
    };
    let served = tokio::select! {
        served = serving => served,
        () = stop => Ok(()),
    };
    served.map_err(|()| Error::new(ErrorKind::ConfigInvalid, "the client did not begin as MCP has it"))
}

/// Messages as lines. Reading and writing are done by tasks of their own, so that nothing is torn when
/// somebody stops waiting for either.
struct Lines {
    incoming: Receiver<ClientJsonRpcMessage>,
    outgoing: Option<Sender<ServerJsonRpcMessage>>,
    unanswered: Unanswered,
    reading: JoinHandle<()>,
    writing: Option<JoinHandle<io::Result<()>>>,
}

/// The ids of requests that were not answered yet.
#[derive(Clone, Default)]
struct Unanswered(Arc<Mutex<HashSet<RequestId>>>);

impl Unanswered {
    /// Takes note of a request.
    fn begin(&self, id: &RequestId) -> std::result::Result<(), ErrorData> {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.len() >= UNANSWERED {
            return Err(ErrorData::invalid_request("too many requests are unanswered", None));
        }
        if ids.insert(id.clone()) {
            return Ok(());
        }
        Err(ErrorData::invalid_request("a request of that id is unanswered", None))
    }

    fn end(&self, id: &RequestId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl Lines {
    fn new(reads: impl AsyncRead + Unpin + Send + 'static, writes: impl AsyncWrite + Unpin + Send + 'static) -> Self {
        let (to_server, incoming) = mpsc::channel(WAITING);
        let (outgoing, to_client) = mpsc::channel(WAITING);
        let unanswered = Unanswered::default();
        let reader = Reader { to_server, to_client: outgoing.clone(), unanswered: unanswered.clone() };
        let reading = tokio::spawn(reader.read(BufReader::new(reads)));
        let writing = Some(tokio::spawn(write(to_client, writes)));
        Self { incoming, outgoing: Some(outgoing), unanswered, reading, writing }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Transport<RoleServer> for Lines {
    type Error = io::Error;

    fn send(&mut self, message: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (outgoing, unanswered) = (self.outgoing.clone(), self.unanswered.clone());
        async move {
            let answered = match &message {
                JsonRpcMessage::Response(response) => Some(response.id.clone()),
                JsonRpcMessage::Error(error) => error.id.clone(),
                _ => None,
            };
            let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
            let sent = outgoing.ok_or_else(gone)?.send(message).await;
            answered.iter().for_each(|id| unanswered.end(id));
            sent.map_err(|_| gone())
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        self.incoming.recv().await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.reading.abort();
        self.outgoing = None;
        // What was answered is written before the process ends.
        match self.writing.take() {
            Some(writing) => match timeout(PATIENCE, writing).await {
                Ok(Ok(written)) => written,
                _ => Err(io::ErrorKind::BrokenPipe.into()),
            },
            None => Ok(()),
        }
    }
}

/// Writes messages until nobody sends any more.
async fn write(mut messages: Receiver<ServerJsonRpcMessage>, mut out: impl AsyncWrite + Unpin) -> io::Result<()> {
    while let Some(message) = messages.recv().await {
        let mut line = serde_json::to_vec(&message)?;
        line.push(b'\n');
        out.write_all(&line).await?;
        out.flush().await?;
    }
    Ok(())
}

/// What reads messages.
struct Reader {
    to_server: Sender<ClientJsonRpcMessage>,
    /// For what is answered before it is understood.
    to_client: Sender<ServerJsonRpcMessage>,
    unanswered: Unanswered,
}

impl Reader {
    /// Reads until the stream ends, or nobody wants what is read.
    async fn read(self, mut lines: BufReader<impl AsyncRead + Unpin>) {
        let mut line = Vec::new();
        loop {
            let whole = tokio::select! {
                whole = next_line(&mut lines, &mut line) => whole,
                // Nobody takes answers any more.
                () = self.to_client.closed() => return,
            };
            let Ok(Some(whole)) = whole else { return };
            let taken = if !whole {
                let message = format!("the message is longer than {} MiB", messages::MOST >> 20);
                self.refuse(None, ErrorData::invalid_request(message, None)).await
            } else if line.trim_ascii().is_empty() {
                Ok(())
            } else {
                self.take(&line).await
            };
            if taken.is_err() {
                return;
            }
        }
    }

    /// Passes a message on, or answers why not. Fails when nobody is there any more.
    async fn take(&self, line: &[u8]) -> std::result::Result<(), ()> {
        let value = match messages::parse(line) {
            Ok(value) => value,
            Err(error) => return self.refuse(None, error).await,
        };
        let (id, is_notification) = (messages::id(&value), messages::is_notification(&value));
        let Ok(message) = serde_json::from_value::<ClientJsonRpcMessage>(value) else {
            // One that nobody knows is not answered.
            return if is_notification {
                Ok(())
            } else {
                self.refuse(id, ErrorData::invalid_request("the message is none of JSON-RPC 2.0", None)).await
            };
        };
        match &message {
            JsonRpcMessage::Request(request) => {
                if let Err(error) = self.unanswered.begin(&request.id) {
                    return self.refuse(None, error).await;
                }
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification {
                    // It is not going to be answered.
                    cancelled.params.request_id.iter().for_each(|id| self.unanswered.end(id));
                }
            }
            _ => {}
        }
        self.to_server.send(message).await.map_err(drop)
    }

    async fn refuse(&self, id: Option<RequestId>, error: ErrorData) -> std::result::Result<(), ()> {
        self.to_client.send(ServerJsonRpcMessage::error(error, id)).await.map_err(drop)
    }
}

/// Reads a line of bounded length; whether it was whole, or `None` at the end.
async fn next_line(lines: &mut BufReader<impl AsyncRead + Unpin>, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut whole = true;
    loop {
        let bytes = lines.fill_buf().await?;
        if bytes.is_empty() {
            // What has no end of line is no message.
            return Ok(None);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        whole = whole && line.len() + taken.len() <= messages::MOST;
        if whole {
            line.extend_from_slice(taken);
        }
        let used = taken.len() + usize::from(end.is_some());
        lines.consume(used);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}
