//! What a server says of itself.

use rmcp::model::ServerPeerInfo;
use serde::Serialize;

use crate::mask::Mask;

/// What a server said of itself in its answer to `initialize`, masked and escaped, fit to be shown (S9).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// The version of the protocol that is spoken with it.
    pub protocol_version: String,
    /// What program it is, where it tells that.
    pub server: Option<ServerInfo>,
}

/// A server's own name and version, as it gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServerInfo {
    /// Its name; not the entry's.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl About {
    pub(crate) fn of(info: &ServerPeerInfo, mask: &Mask) -> Self {
        let server = info.server_info.as_ref();
        Self {
            protocol_version: mask.shown(&info.protocol_version.to_string()),
            server: server.map(|own| ServerInfo { name: mask.shown(&own.name), version: mask.shown(&own.version) }),
        }
    }
}
