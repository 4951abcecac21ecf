//! What a change would make different, so that a person can judge it (H7): as a unified diff of the text that
//! stores the scope, or of the entry where no text does.
//!
//! What is shown was written by others, and holds what nobody may see. So every line goes through the same
//! sieve: what the backend hides, every literal of the scope that looks like a secret, what
//! [`redact`](mcp_registry_spec::redact::redact) finds, and at last what would steer a terminal.

mod entry;
mod literals;
mod shown;
mod unified;

use mcp_registry_spec::{Digest, Error, McpServerRegistry, McpServerSpec, Result, Write, WriteContext};

use crate::changes::Proposal;
use literals::Literals;

/// The difference that a change would make, as a unified diff; empty where it makes none. `old` is the entry
/// that it replaces or removes, `expected` that one's digest.
///
/// # Errors
/// As the write itself, where the backend rehearses writes (rule 29); when the scope cannot be read.
pub(crate) async fn difference(
    registry: &McpServerRegistry,
    proposal: &Proposal,
    old: Option<&McpServerSpec>,
    expected: Option<&Digest>,
) -> Result<String> {
    let write = match (proposal, expected) {
        (Proposal::Install(spec), _) => Write::Install(spec.clone()),
        (Proposal::Update(spec), Some(expected)) => Write::Update(spec.clone(), *expected),
        (Proposal::Update(spec), None) => return Err(Error::not_in_registry(&spec.name)),
        (Proposal::Uninstall(name), expected) => Write::Uninstall(name.clone(), expected.copied()),
    };
    let rehearsal = match registry.rehearse(&write, &WriteContext::new()).await? {
        Some(rehearsal) => rehearsal,
        None => entry::rehearsal(proposal, old),
    };
    let scope = registry.load_all().await?;
    let stored = scope.iter().filter_map(|loaded| loaded.result.as_ref().ok());
    let literals = Literals::of(stored.chain(old).chain(proposal.entry()));
    Ok(unified::diff(&rehearsal, &literals))
}

#[cfg(test)]
mod tests;
