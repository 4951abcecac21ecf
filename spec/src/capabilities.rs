//! What a backend can do.

use serde::{Deserialize, Serialize};

/// What a backend can do (rule 3). What is claimed works; what is not claimed fails as
/// `unsupported` and changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Capabilities {
    /// `install` works.
    pub supports_install: bool,
    /// `update` works.
    pub supports_update: bool,
    /// `uninstall` works.
    pub supports_uninstall: bool,
    /// What the connected resource allows is negotiated with it, and may change.
    pub supports_capability_handshake: bool,
    /// Writes are recorded with their [`WriteContext`](crate::WriteContext).
    pub supports_audit: bool,
    /// Entries outlive the process.
    pub durable: bool,
}

impl Capabilities {
    /// Reads only, of a resource that outlives the process.
    #[must_use]
    pub const fn read_only() -> Self {
        Self {
            supports_install: false,
            supports_update: false,
            supports_uninstall: false,
            supports_capability_handshake: false,
            supports_audit: false,
            durable: true,
        }
    }

    /// Reads and every write, of a resource that outlives the process.
    #[must_use]
    pub const fn read_write() -> Self {
        Self { supports_install: true, supports_update: true, supports_uninstall: true, ..Self::read_only() }
    }

    /// The same, of a resource that does not outlive the process.
    #[must_use]
    pub const fn volatile(self) -> Self {
        Self { durable: false, ..self }
    }
}
