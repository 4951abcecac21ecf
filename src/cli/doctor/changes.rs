//! Changes: whether any waits, or was left halfway.

use mcp_registry_governance::{Governance, State};

use super::check::Check;

const NAME: &str = "changes";

pub(super) async fn check(governance: &Governance) -> Check {
    let counted = match governance.count().await {
        Ok(counted) => counted,
        Err(error) => return Check::failed(NAME, &error),
    };
    let standing = |state| counted.get(&state).copied().filter(|total| *total > 0);
    let said = |total: Option<u64>, what: &str| total.map(|total| format!("{total} {what}"));
    let waiting = said(standing(State::Pending), "waiting for a decision");
    let executing = said(standing(State::Executing), "being carried out");
    let interrupted =
        said(standing(State::Interrupted), "interrupted, of which nobody knows yet whether they are done");
    let halfway = match (&interrupted, &executing) {
        (Some(_), _) => Some("see mcp-registry changes list --status interrupted, which looks whether they are done"),
        (None, Some(_)) => Some("see mcp-registry changes list"),
        (None, None) => None,
    };
    let parts: Vec<_> = [waiting, executing, interrupted].into_iter().flatten().collect();
    match (parts.join("; "), halfway) {
        (none, _) if none.is_empty() => Check::pass(NAME, "none waits"),
        (some, Some(hint)) => Check::warn(NAME, some, hint),
        (some, None) => Check::pass(NAME, some).hint("see mcp-registry changes list"),
    }
}
