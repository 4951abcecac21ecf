//! Listing lines, and the listing they make up.

use serde::{Deserialize, Serialize};

use crate::{Error, ServerName, TransportKind};

/// One line of a listing: what is known of an entry without loading it.
///
/// ```
/// let r: mcp_registry_spec::McpServerRef = serde_json::from_str(r#"{"name":"github"}"#)?;
/// assert_eq!(
///     serde_json::to_string(&r)?,
///     r#"{"name":"github","description":"","transport":"stdio","version":null,"source":""}"#
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpServerRef {
    /// The name it is mounted under.
    pub name: ServerName,
    /// What it is for; credentials in it are redacted (rule 4).
    #[serde(default)]
    pub description: String,
    /// How it is reached.
    #[serde(default)]
    pub transport: TransportKind,
    /// The server's version, where the backend knows it.
    #[serde(default)]
    pub version: Option<String>,
    /// Where the entry is stored, without credentials (rule 4).
    #[serde(default)]
    pub source: String,
}

/// An entry that is there but cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrokenEntry {
    /// The name it has.
    pub name: ServerName,
    /// What is wrong with it: the error that loading it gives.
    pub error: Error,
}

/// What a scope has mounted: the entries in the order of their names' bytes, and beside them those
/// that are there but broken, in the same order. No name is in both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Listing {
    /// The entries that can be used.
    pub servers: Vec<McpServerRef>,
    /// The entries that cannot.
    pub broken: Vec<BrokenEntry>,
}

impl Listing {
    /// Puts both lists into the order of names.
    pub fn sort(&mut self) {
        if !self.servers.is_sorted_by(|a, b| a.name < b.name) {
            self.servers.sort_by(|a, b| a.name.cmp(&b.name));
        }
        if !self.broken.is_sorted_by(|a, b| a.name < b.name) {
            self.broken.sort_by(|a, b| a.name.cmp(&b.name));
        }
    }

    /// Every name, broken or not, in list order.
    #[must_use]
    pub fn names(&self) -> Vec<&ServerName> {
        let mut names: Vec<_> =
            self.servers.iter().map(|s| &s.name).chain(self.broken.iter().map(|b| &b.name)).collect();
        names.sort();
        names
    }
}
