//! Messages over a process's standard input and output: one a line, within bounds (S10).

use std::io;
use std::sync::Arc;

use rmcp::RoleClient;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::Mutex;

use crate::message::{Asked, Fault, Faults, MOST_MESSAGE, parse};
use crate::process::Pipes;

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
