//! A pool that takes no other server than the one that was pinned.

use std::collections::BTreeMap;

use mcp_registry_spec::{Digest, Error, ErrorKind, Result, ServerName};

use super::{Difference, Pin, Pins};
use crate::verifier::{Seen, Verifier};

/// Refuses every server that differs from its pin, and every one that has none (S18): give it to a pool as its
/// [`verifier`](crate::Options::verifier).
#[derive(Debug, Clone)]
pub struct Pinned {
    pins: Pins,
    entries: BTreeMap<ServerName, Digest>,
}

impl Pinned {
    /// Holds servers to `pins`; `entries` are the digests of the entries that they are started by.
    #[must_use]
    pub fn new(pins: Pins, entries: BTreeMap<ServerName, Digest>) -> Self {
        Self { pins, entries }
    }

    /// In what a server differs from its pin; empty where it does not.
    fn differences(&self, seen: &Seen<'_>) -> Result<Vec<Difference>> {
        let (Some(pin), Some(entry)) = (self.pins.get(seen.name), self.entries.get(seen.name)) else {
            return Ok(vec![Difference::NotPinned]);
        };
        Ok(pin.differences(&Pin::of(*entry, seen)?))
    }
}

impl Verifier for Pinned {
    fn verify(&self, seen: &Seen<'_>) -> Result<()> {
        let found: Vec<_> = self.differences(seen)?.iter().map(ToString::to_string).collect();
        if found.is_empty() {
            return Ok(());
        }
        let message = format!("the server {:?} is not as it was pinned: {}", seen.name.as_str(), found.join("; "));
        Err(Error::new(ErrorKind::Forbidden, message).hint("look at what changed; then pin it anew"))
    }
}
