//! What a request must say beside what it asks for.

use serde::Deserialize;
use serde_json::Value;

/// What a request says beside what it asks for. It is read leniently and checked in an order of its own
/// (H8), so that each thing that is missing gets its own answer. A key that there is not is refused.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Form {
    /// The boolean `true`, and nothing like it.
    pub confirm: Value,
    /// In which role; a token's own role goes before.
    pub actor_role: Option<String>,
    /// Who asks; a token's name goes before.
    pub requested_by: Option<String>,
    /// Why.
    pub approval_reason: Option<String>,
    /// The identity that a preview gave.
    pub identity: Option<String>,
    /// Where in the approver's list: higher first; held to -100 to 100.
    pub priority: i64,
    /// Not to be approved before (RFC 3339, with an offset).
    pub scheduled_at: Option<String>,
}
