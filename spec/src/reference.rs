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
        sort_by_name(&mut self.servers, |server| server.name.as_str());
        sort_by_name(&mut self.broken, |broken| broken.name.as_str());
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

/// Puts items into the order of a listing, that of their names' bytes. Those of one name stay in the
/// order in which they are.
pub fn sort_by_name<T>(items: &mut [T], name: impl Fn(&T) -> &str) {
    if items.is_sorted_by(|a, b| name(a) <= name(b)) {
        return;
    }
    items.sort_by_cached_key(|item| beginning(name(item)));
    if items.iter().all(|item| name(item).len() <= BEGINNING) {
        return;
    }
    for alike in items.chunk_by_mut(|a, b| beginning(name(a)) == beginning(name(b))) {
        alike.sort_by(|a, b| name(a).cmp(name(b)));
    }
}

/// How much of a name is compared as a number, in bytes.
const BEGINNING: usize = size_of::<u128>();

/// The first bytes of a name as a number of the same order. Comparing it settles nearly every
/// comparison without a look at the text, which lies far off.
fn beginning(name: &str) -> u128 {
    let mut bytes = [0; BEGINNING];
    bytes.iter_mut().zip(name.bytes()).for_each(|(byte, b)| *byte = b);
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn items_are_sorted_by_their_names_and_else_stay(names in prop::collection::vec("[ab]{0,3}(x{15,17})?[ab]{0,2}", 0..40)) {
            let mut items: Vec<_> = names.into_iter().zip(0..).collect();
            let mut expected = items.clone();
            expected.sort();
            sort_by_name(&mut items, |(name, _)| name);
            prop_assert_eq!(items, expected);
        }
    }
}
