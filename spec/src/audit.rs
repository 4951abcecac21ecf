//! The audit: what was asked to be written in a scope, by whom, and what came of it.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Digest, ErrorKind, Scope, ServerName, named};

/// One write, as it is on record (rule 27). It holds digests, never the entries themselves.
///
/// ```
/// use mcp_registry_spec::{AuditOutcome, AuditRecord};
/// let record: AuditRecord = serde_json::from_str(
///     r#"{"seq":1,"at":"2026-01-02T03:04:05.678Z","actor":"ci","request_id":null,"action":"install",
///         "scope":"scout","name":"github","before":null,"after":null,"outcome":"already_installed"}"#,
/// )?;
/// assert_ne!(record.outcome, AuditOutcome::Done);
/// assert!(serde_json::to_string(&record)?.contains(r#""at":"2026-01-02T03:04:05.678Z""#));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditRecord {
    /// Its number in the scope: 1, 2, 3 and so on, without a gap.
    pub seq: u64,
    /// When, by the clock of the storage; RFC 3339 in UTC, to the millisecond.
    #[serde(with = "crate::time")]
    pub at: SystemTime,
    /// Who asked.
    pub actor: Option<String>,
    /// What the write was part of.
    pub request_id: Option<String>,
    /// What was asked for.
    pub action: AuditAction,
    /// Whose entry.
    pub scope: Scope,
    /// Which entry.
    pub name: ServerName,
    /// The digest of the entry that was there, if any.
    pub before: Option<Digest>,
    /// The digest of the entry that is there after it, if any.
    pub after: Option<Digest>,
    /// What came of it.
    pub outcome: AuditOutcome,
}

impl AuditRecord {
    /// A record of a write that was done, at the given time, of nothing known but what is given.
    #[must_use]
    pub fn new(seq: u64, at: SystemTime, action: AuditAction, scope: Scope, name: ServerName) -> Self {
        Self {
            seq,
            at,
            actor: None,
            request_id: None,
            action,
            scope,
            name,
            before: None,
            after: None,
            outcome: AuditOutcome::Done,
        }
    }
}

named! {
    /// What a write asked for.
    #[non_exhaustive]
    pub enum AuditAction {
        /// A new entry.
        Install = "install",
        /// Another entry in place of one.
        Update = "update",
        /// One entry less.
        Uninstall = "uninstall",
    }
}

/// What came of a write: `done`, or the kind of the error it was refused with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditOutcome {
    /// What was asked for is so.
    Done,
    /// Nothing changed.
    Refused(ErrorKind),
}

impl AuditOutcome {
    /// The word as it stands on record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused(kind) => kind.as_str(),
        }
    }
}

impl fmt::Display for AuditOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for AuditOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AuditOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        if word == "done" {
            return Ok(Self::Done);
        }
        let kind = ErrorKind::from_name(&word);
        kind.map(Self::Refused).ok_or_else(|| serde::de::Error::custom("an outcome is done or an error's kind"))
    }
}
