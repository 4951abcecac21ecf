//! Messages over a process's standard input and output: one a line, within bounds (S10).

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rmcp::RoleClient;
use rmcp::model::JsonRpcMessage;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::Mutex;

use crate::process::Pipes;

/// The largest message that is read, in bytes.
pub(crate) const MOST_MESSAGE: usize = 16 << 20;

/// Why a connection was given up, where it was for what the server wrote.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It is no message; this is how it begins.
    Garbage(String),
    /// It is larger than is read.
    TooLarge,
    /// It asked more than is kept, and took no answer.
    Unread,
}

/// How many requests of a server may be without the answer that is made to each at once.
const MOST_ASKED: usize = 1024;

/// The requests of a server whose answers it has not taken: whoever asks and does not read would fill this memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<AtomicUsize>);

impl Asked {
    /// Counts what came.
    ///
    /// # Errors
    /// Where that is one too many.
    pub(crate) fn came(&self, message: &RxJsonRpcMessage<RoleClient>) -> Result<(), Fault> {
        let is_request = matches!(message, JsonRpcMessage::Request(_));
        if is_request && self.0.fetch_add(1, Ordering::Relaxed) >= MOST_ASKED { Err(Fault::Unread) } else { Ok(()) }
    }

    /// Counts what was taken.
    pub(crate) fn went(&self, message: &TxJsonRpcMessage<RoleClient>) {
        if matches!(message, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_)) {
            // An error may also be of a message that was none.
            let less = |asked: usize| asked.checked_sub(1);
            let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }
}

/// Where the reason is left for who asks.
pub(crate) type Faults = Arc<OnceLock<Fault>>;

/// A server's standard input and output.
pub(crate) struct Stdio {
    from: BufReader<ChildStdout>,
    /// What has come of the line that is being read.
    line: Vec<u8>,
    to: Arc<Mutex<Option<ChildStdin>>>,
    faults: Faults,
    asked: Asked,
}

impl Stdio {
    pub(crate) fn new(pipes: Pipes, faults: Faults) -> Self {
        let from = BufReader::with_capacity(64 << 10, pipes.stdout);
        Self { from, line: Vec::new(), to: Arc::new(Mutex::new(Some(pipes.stdin))), faults, asked: Asked::default() }
    }

    /// Reads a line; `None` at the end, or where it is too long. Given up and called again it goes on where it was.
    async fn read_line(&mut self) -> Option<()> {
        loop {
            let new = self.from.fill_buf().await.ok()?;
            if new.is_empty() {
                return None;
            }
            let end = new.iter().position(|byte| *byte == b'\n');
            let line = new.get(..end.unwrap_or(new.len())).unwrap_or_default();
            let taken = line.len() + usize::from(end.is_some());
            if self.line.len() + line.len() > MOST_MESSAGE {
                let _ = self.faults.set(Fault::TooLarge);
                return None;
            }
            self.line.extend_from_slice(line);
            self.from.consume(taken);
            if end.is_some() {
                return Some(());
            }
        }
    }
}

/// What a line says: a message, or nothing that concerns a client.
pub(crate) fn parse(line: &[u8]) -> Result<Option<RxJsonRpcMessage<RoleClient>>, Fault> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    if let Ok(message) = serde_json::from_slice(line) {
        return Ok(Some(message));
    }
    // A notification that nobody here knows is for somebody else.
    let value = serde_json::from_slice(line).unwrap_or(Value::Null);
    if value.get("jsonrpc").is_some() && value.get("method").is_some_and(Value::is_string) && value.get("id").is_none()
    {
        return Ok(None);
    }
    let begin = line.get(..line.len().min(4 << 10)).unwrap_or_default();
    Err(Fault::Garbage(String::from_utf8_lossy(begin).into_owned()))
}

impl Transport<RoleClient> for Stdio {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let (to, asked) = (self.to.clone(), self.asked.clone());
        async move {
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let mut to = to.lock().await;
            let to = to.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            to.write_all(&line).await?;
            to.flush().await?;
            asked.went(&message);
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            self.read_line().await?;
            let parsed = parse(&self.line).and_then(|message| {
                message.iter().try_for_each(|message| self.asked.came(message))?;
                Ok(message)
            });
            self.line.clear();
            match parsed {
                Ok(Some(message)) => return Some(message),
                Ok(None) => {}
                Err(fault) => {
                    let _ = self.faults.set(fault);
                    return None;
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.to.lock().await.take();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s10_what_is_no_message_is_told_from_what_concerns_nobody_here() {
        for ignored in ["", " \r", r#"{"jsonrpc":"2.0","method":"$/progress","params":[1]}"#] {
            assert!(matches!(parse(ignored.as_bytes()), Ok(None)), "{ignored}");
        }
        for message in [
            "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\r",
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#,
        ] {
            assert!(matches!(parse(message.as_bytes()), Ok(Some(_))), "{message}");
        }
        for garbage in ["hello", "{", "[]", "1", "null", "{}", r#"{"id":1,"result":{}}"#, &"[".repeat(1_000_000)] {
            let garbage = garbage.as_bytes();
            assert!(matches!(parse(garbage), Err(Fault::Garbage(begin)) if begin.len() <= 4 << 10), "{garbage:?}");
        }
        assert!(matches!(parse(b"\xff\xfe"), Err(Fault::Garbage(_))));
    }
}
