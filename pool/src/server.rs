//! A server that is connected.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mcp_registry_spec::{Digest, Error, ErrorKind, Result, ServerName};
use rmcp::RoleClient;
use rmcp::model::{ServerPeerInfo, Tool};
use rmcp::service::{Peer, RunningService};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::about::About;
use crate::client::Client;
use crate::mask::Mask;
use crate::message::Faults;
use crate::pins::Pin;
use crate::process::Process;
use crate::verifier::Seen;

/// A server that is connected, and what it said of itself.
pub struct Server {
    pub(crate) name: ServerName,
    pub(crate) info: Arc<ServerPeerInfo>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) took: Duration,
    pub(crate) link: Link,
}

/// The connection itself. What is dropped in this order ends in this order: the process is killed, then the pipes to
/// it are closed.
pub(crate) struct Link {
    pub(crate) process: Option<Mutex<Process>>,
    pub(crate) service: RunningService<RoleClient, Client>,
    pub(crate) faults: Faults,
    pub(crate) mask: Mask,
}

impl Server {
    /// The entry's name.
    #[must_use]
    pub fn name(&self) -> &ServerName {
        &self.name
    }

    /// What it answered to `initialize`: the protocol's version, its own name and version, and its instructions.
    #[must_use]
    pub fn info(&self) -> &ServerPeerInfo {
        &self.info
    }

    /// The same, as far as it says what it is, as it may be shown.
    #[must_use]
    pub fn about(&self) -> About {
        About::of(&self.info, &self.link.mask)
    }

    /// Its tools, in the order it lists them, under its own names.
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// What it showed of itself, as a verifier sees it (S13).
    #[must_use]
    pub fn seen(&self) -> Seen<'_> {
        Seen { name: &self.name, info: &self.info, tools: &self.tools }
    }

    /// The pin of it, where the entry of that digest started it (S17).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`] where what a pin keeps as it is, the version and the names of tools, shows what the
    /// server was given, or cannot be shown at all.
    pub fn pin(&self, entry: Digest) -> Result<Pin> {
        let pin = Pin::of(entry, &self.seen())?;
        let mut kept = pin.version.iter().chain(pin.tools.keys());
        if kept.any(|word| self.link.mask.hide(word) != *word) {
            let message = format!("the server {:?} shows a value that it was given", self.name.as_str());
            return Err(Error::new(ErrorKind::InvalidSpec, message).hint("it is in its version or the name of a tool"));
        }
        Ok(pin)
    }

    /// How long it took until its tools were there.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// A text of this server as it may be shown: without what the server was given (S9), and escaped.
    #[must_use]
    pub fn shown(&self, said: &str) -> String {
        self.link.mask.shown(said)
    }

    /// The same of a text of several lines, which stay.
    #[must_use]
    pub fn shown_lines(&self, said: &str) -> String {
        self.link.mask.shown_lines(said)
    }

    /// A value of this server's without what the server was given, in any text of it (S9).
    #[must_use]
    pub fn without_secrets(&self, said: &impl Serialize) -> Value {
        // What cannot be written as JSON did not come as JSON.
        let mut value = serde_json::to_value(said).unwrap_or_default();
        self.link.mask.hide_in(&mut value);
        value
    }

    pub(crate) fn peer(&self) -> &Peer<RoleClient> {
        self.link.service.peer()
    }

    /// Ends it. `false` where something of it could not be killed.
    pub(crate) async fn stop(self, grace: Duration) -> bool {
        let Link { process, service, .. } = self.link;
        stop(process.map(Mutex::into_inner), Some(service), grace).await
    }
}

/// Closes a connection, and ends the process, where they are there. `false` where something could not be killed.
pub(crate) async fn stop(
    process: Option<Process>,
    service: Option<RunningService<RoleClient, Client>>,
    grace: Duration,
) -> bool {
    if let Some(mut service) = service {
        // A remote one is told that its session ends; one that does not listen is left.
        let _ = service.close_with_timeout(grace).await;
    }
    match process {
        Some(process) => process.stop(grace).await,
        None => true,
    }
}

/// Names alone: the rest is the server's own words.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("name", &self.name).field("tools", &self.tools.len()).finish_non_exhaustive()
    }
}
