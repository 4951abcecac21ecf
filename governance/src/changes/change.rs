//! A change as it is stored and shown.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use mcp_registry_spec::{AuditAction, Digest, Error, ErrorKind, MaskedSpec, ServerName, time};
use serde::{Deserialize, Serialize};

use super::party::{Mode, Surface};
use super::proposal::Place;
use super::refusal::{Code, Refusal};
use super::state::State;

/// What a change is called by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ChangeId(String);

impl ChangeId {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ChangeId {
    /// A new one: later ones sort behind.
    pub(super) fn random(now: SystemTime) -> Result<Self, Error> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|cause| {
            Error::new(ErrorKind::Unavailable, "the system gives no random bytes").caused_by(cause).retryable()
        })?;
        Ok(Self(format!("chg_{:012x}{:016x}", time::to_millis(now), u64::from_be_bytes(random))))
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ChangeId {
    type Err = Refusal;

    /// Any text of a few dozen letters and digits may be one.
    fn from_str(text: &str) -> Result<Self, Refusal> {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if !text.is_empty() && text.len() <= 64 && text.chars().all(known) {
            return Ok(Self(text.to_owned()));
        }
        let shown = mcp_registry_spec::text::quote(text);
        Err(Refusal::new(Code::ChangeNotFound, format!("{shown} is no change's id"), "list those there are"))
    }
}

/// A request for a change, and what became of it. Times are RFC 3339 in UTC, to the millisecond.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// What it is called by.
    pub id: ChangeId,
    /// What it is: the digest of what is asked for, and where (H4).
    pub identity: Digest,
    /// How it stands.
    pub state: State,
    /// What it does.
    pub action: AuditAction,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// The server's name.
    pub name: ServerName,
    /// The entry as it is to be; none where it is to go.
    pub entry: Option<MaskedSpec>,
    /// The digest of what is replaced or removed.
    pub replaces: Option<Digest>,
    /// The difference that it makes, as it was when it was asked for.
    pub difference: String,
    /// Who asked.
    pub requested_by: String,
    /// In which role, in upper case.
    pub actor_role: String,
    /// Why.
    pub approval_reason: String,
    /// The way they came.
    pub source: Surface,
    /// How it is known who they are.
    pub mode: Mode,
    /// Where in the approver's list: higher first.
    pub priority: i64,
    /// Not to be approved before.
    #[serde(serialize_with = "time::option::serialize")]
    pub scheduled_at: Option<SystemTime>,
    /// When it was asked for.
    #[serde(serialize_with = "time::serialize")]
    pub created_at: SystemTime,
    /// When it expires, or has.
    #[serde(serialize_with = "time::serialize")]
    pub expires_at: SystemTime,
    /// Who approved, rejected or cancelled it.
    pub decided_by: Option<String>,
    /// Why, if they said so.
    pub decision_reason: Option<String>,
    /// When.
    #[serde(serialize_with = "time::option::serialize")]
    pub decided_at: Option<SystemTime>,
    /// When it came to its end.
    #[serde(serialize_with = "time::option::serialize")]
    pub finished_at: Option<SystemTime>,
    /// What came of it, once it was carried out.
    pub outcome: Option<Outcome>,
}

impl Change {
    /// Whether it was approved, and it is not settled yet what came of it (H11).
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        matches!(self.state, State::Executing | State::Interrupted) && self.finished_at.is_none()
    }
}

/// What came of a change that was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What went wrong.
    pub error: Option<OutcomeError>,
    /// What else there is to know: that its effect was found there, say.
    pub note: Option<String>,
}

/// What went wrong when a change was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeError {
    /// The kind of error.
    pub kind: ErrorKind,
    /// In a sentence.
    pub message: String,
}

/// What an approval came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Approval {
    /// The change as it stands now.
    pub approval: Change,
    /// What carrying it out came to.
    pub execution: Execution,
}

/// What carrying a change out came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Execution {
    /// Whether what was approved is so.
    pub ok: bool,
    /// How the change stands.
    pub state: State,
    /// The digest of the entry there is now, if any.
    pub digest: Option<Digest>,
    /// What went wrong, or what else there is to know.
    #[serde(flatten)]
    pub outcome: Outcome,
}
