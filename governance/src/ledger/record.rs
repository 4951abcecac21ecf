//! What a row tells, and the row (L1, L2).

use std::time::SystemTime;

use mcp_registry_spec::redact::redact;
use mcp_registry_spec::{AuditAction, Digest, ErrorKind, Scope, ServerName, named};
use serde::{Deserialize, Serialize};

use crate::changes::{Party, Place};

/// The most that a row keeps of a text, in bytes.
const MOST: usize = 4_000;

named! {
    /// What a row tells of.
    #[non_exhaustive]
    pub enum Event {
        /// A change went from one state to another, or was asked for.
        Transition = "transition",
        /// The policy denied something.
        Denial = "denial",
        /// The operator is about to write an entry by the command line.
        WriteBegun = "write_begun",
        /// What came of that.
        WriteEnded = "write_ended",
        /// The operator took note of an entry that nothing here explained.
        Accepted = "accepted",
        /// The operator pinned what a server shows; the digests are those of its pins.
        Pinned = "pinned",
    }
}

/// What a row tells, all of it that there is. Its texts are redacted when it is written (rule 4, L7).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The event; none is never written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    /// The change it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// What that is, or the write of the command line (H4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Digest>,
    /// What is or was to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<AuditAction>,
    /// The backend's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend_id: Option<String>,
    /// Where, without credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locator: Option<String>,
    /// Whose entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Which server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ServerName>,
    /// How the change stood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// How it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Who did that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// In which role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// By which way they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How it is known who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The tool that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The rule of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The digest of the entry that was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Digest>,
    /// The digest of the entry that is there, or of the one that is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Digest>,
    /// The kind of the error it ended with; of what was accepted, the one that reading it gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorKind>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Record {
    /// A record of something at a place, of which nothing else is said yet.
    #[must_use]
    pub fn new(event: Event, place: &Place) -> Self {
        Self {
            event: Some(event),
            backend_id: Some(place.backend_id.clone()),
            locator: Some(place.locator.clone()),
            scope: place.scope.clone(),
            ..Self::default()
        }
    }

    /// The same, by somebody.
    #[must_use]
    pub fn by(self, party: &Party) -> Self {
        Self {
            who: party.name.clone(),
            role: party.role.clone(),
            source: Some(party.surface.to_string()),
            mode: Some(party.mode.to_string()),
            ..self
        }
    }

    /// The same, as it may be kept: without what looks like a secret, and no longer than a row should be.
    pub(super) fn kept(mut self) -> Self {
        let texts = [
            &mut self.change,
            &mut self.backend_id,
            &mut self.locator,
            &mut self.from,
            &mut self.to,
            &mut self.who,
            &mut self.role,
            &mut self.reason,
            &mut self.source,
            &mut self.mode,
            &mut self.tool,
            &mut self.rule,
            &mut self.note,
        ];
        for text in texts.into_iter().flatten() {
            *text = kept(text);
        }
        self
    }

    /// Whether it is of this place, which must be told as it is [kept](Self::kept).
    pub(super) fn is_of(&self, place: &Place) -> bool {
        self.backend_id.as_ref() == Some(&place.backend_id)
            && self.locator.as_ref() == Some(&place.locator)
            && self.scope == place.scope
    }
}

/// A text as it may be kept. Kept again, it stays the same.
pub(super) fn kept(text: &str) -> String {
    const CUT: &str = "…";
    let text = redact(text);
    if text.len() <= MOST {
        return text.into_owned();
    }
    let end = text.floor_char_boundary(MOST - CUT.len());
    format!("{}{CUT}", text.get(..end).unwrap_or_default())
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Row {
    /// Its number: 1, 2, 3 and so on, without a gap.
    pub seq: u64,
    /// When it was written; RFC 3339 in UTC, to the millisecond.
    #[serde(with = "mcp_registry_spec::time")]
    pub at: SystemTime,
    /// The hash of the row before; of the first one, 32 zero bytes.
    pub prev: Digest,
    /// The SHA-256 over the canonical JSON of all the rest.
    pub hash: Digest,
    /// What it tells.
    #[serde(flatten)]
    pub record: Record,
}
