//! What a change would do.

use mcp_registry_spec::{AuditAction, Digest, MaskedSpec, ServerName};
use serde::Serialize;

use super::change::Change;
use super::proposal::Place;
use crate::policy::{Decision, Gate};

/// What a change would do, and what it takes to ask for it (H7).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Preview {
    /// `fail-closed`, always: whatever is not understood is refused.
    pub validation: &'static str,
    /// What a request has to name.
    pub identity: Digest,
    /// What would be done.
    pub action: AuditAction,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// The server's name.
    pub name: ServerName,
    /// The entry as it would be; of one that would go, as it is.
    pub item: MaskedSpec,
    /// The digest of what would be replaced or removed.
    pub replaces: Option<Digest>,
    /// The difference, as a unified diff; secrets are masked and what is untrusted is escaped.
    pub difference: String,
    /// What the policy says of asking for it.
    pub policy: Decision,
    /// Those that ask for the same already, pending or executing.
    pub active: Vec<Change>,
    /// What a request must say beside the change itself.
    pub required_apply_inputs: Vec<&'static str>,
    /// Who may ask, sorted.
    pub allowed_roles: Vec<String>,
    /// Whether anybody may.
    pub mutation_gate: Gate,
    /// Whether a request would be taken, by whoever may make one.
    pub can_apply: bool,
    /// What to do next, in a sentence.
    pub next_step: String,
}
