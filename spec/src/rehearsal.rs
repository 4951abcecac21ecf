//! Writes that are only rehearsed: what they would store, told without storing it (rule 29).

use std::fmt;
use std::ops::Range;

use crate::{Digest, McpServerSpec, ServerName};

/// A write, as [`McpServerRegistryBackend`](crate::McpServerRegistryBackend) knows them.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Stores a new entry.
    Install(McpServerSpec),
    /// Puts an entry in place of the one of its name that has this digest.
    Update(McpServerSpec, Digest),
    /// Removes the entry of this name; where a digest is given, only the one that has it.
    Uninstall(ServerName, Option<Digest>),
}

impl Write {
    /// The name of the entry it is about.
    #[must_use]
    pub fn name(&self) -> &ServerName {
        match self {
            Self::Install(spec) | Self::Update(spec, _) => &spec.name,
            Self::Uninstall(name, _) => name,
        }
    }
}

/// What a write would do to the text that stores a scope.
///
/// The texts are as they are stored: they may hold secrets that an entry's owner wrote out, so nothing of
/// them is to be shown but what [`hidden`](Self::hidden) leaves and [`redact`](crate::redact::redact) lets
/// pass. `Debug` shows how long they are.
#[derive(Clone)]
pub struct Rehearsal {
    /// What people call the text: the name of its file, without the folder.
    pub place: String,
    /// The text as it is stored; empty where nothing is yet.
    pub before: String,
    /// The text as the write would leave it.
    pub after: String,
    /// The extents of such a text, as far as they reach into the given one, that hold what
    /// [`McpServerSpec::masked`] masks, in whatever spelling, or what cannot be read.
    pub hidden: fn(text: &str, within: Range<usize>) -> Vec<Range<usize>>,
}

impl fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rehearsal({:?}, {} bytes, then {})", self.place, self.before.len(), self.after.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_4_debug_shows_nothing_of_the_texts() {
        let secret = || "env: API_KEY=hunter2".to_owned();
        let hidden = |_: &str, _| Vec::new();
        let rehearsal = Rehearsal { place: "mcp.md".to_owned(), before: String::new(), after: secret(), hidden };
        assert_eq!(format!("{rehearsal:?}"), "Rehearsal(\"mcp.md\", 0 bytes, then 20)");
    }
}
