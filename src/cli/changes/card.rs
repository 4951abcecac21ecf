//! A change as people read it.

use std::io;
use std::time::SystemTime;

use mcp_registry_governance::Change;

use crate::cli::card::{field, fields};
use crate::cli::printer::Text;
use crate::cli::style::{BOLD, GREEN, RED};

/// Writes a change: what it is, who asked and decided, the entry, and the difference it makes.
pub(super) fn write(text: &mut Text, change: &Change) -> io::Result<()> {
    let time = |at: Option<SystemTime>| at.map(|at| mcp_registry_spec::time::shown(at).to_string());
    text.heading(&format!("{} {}", change.action, change.name))?;
    field(text, "id", [change.id.as_str()])?;
    field(text, "state", [change.state.as_str()])?;
    field(text, "registry", [change.place.to_string()])?;
    field(text, "identity", [change.identity.to_string()])?;
    field(text, "replaces", change.replaces.map(|digest| digest.to_string()))?;
    field(text, "asked by", [format!("{} ({})", change.requested_by, change.actor_role)])?;
    field(text, "by way of", [format!("{}, {}", change.source, change.mode)])?;
    field(text, "reason", [&change.approval_reason])?;
    field(text, "priority", (change.priority != 0).then(|| change.priority.to_string()))?;
    field(text, "asked at", time(Some(change.created_at)))?;
    field(text, "not before", time(change.scheduled_at))?;
    field(text, "expires", time(Some(change.expires_at)))?;
    field(text, "decided by", &change.decided_by)?;
    field(text, "because", &change.decision_reason)?;
    field(text, "decided at", time(change.decided_at))?;
    field(text, "ended at", time(change.finished_at))?;
    if let Some(outcome) = &change.outcome {
        field(text, "error", outcome.error.as_ref().map(|error| format!("{}: {}", error.kind, error.message)))?;
        field(text, "note", &outcome.note)?;
    }
    if let Some(entry) = &change.entry {
        text.end_line()?;
        text.heading("entry")?;
        fields(text, entry)?;
    }
    text.end_line()?;
    text.heading("difference")?;
    difference(text, &change.difference)
}

/// Writes a difference, what is added and what is removed in colors of their own. It is moved to the right:
/// no line of it can look like one of ours.
fn difference(text: &mut Text, difference: &str) -> io::Result<()> {
    for line in difference.lines() {
        text.plain("  ")?;
        match line.as_bytes().first() {
            Some(b'+') => text.styled(GREEN, line)?,
            Some(b'-') => text.styled(RED, line)?,
            Some(b'@') => text.styled(BOLD, line)?,
            _ => text.untrusted(line)?,
        }
        text.end_line()?;
    }
    Ok(())
}
