//! What a server shows, and who may refuse it for that (S13).

use mcp_registry_spec::{Result, ServerName};
use rmcp::model::{ServerPeerInfo, Tool};

/// What a server showed of itself, before anything of it is offered.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Seen<'a> {
    /// The entry's name.
    pub name: &'a ServerName,
    /// What it answered to `initialize`: its version, capabilities and instructions.
    pub info: &'a ServerPeerInfo,
    /// Its tools, in the order it listed them.
    pub tools: &'a [Tool],
}

/// Who may refuse a server for what it shows: where pins plug in.
pub trait Verifier: Send + Sync {
    /// Whether the server is the one that is meant.
    ///
    /// # Errors
    /// Why it is not; none of its tools is offered then.
    fn verify(&self, seen: &Seen<'_>) -> Result<()>;
}
