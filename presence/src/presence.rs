//! What is found (E14).

use mcp_registry_spec::ServerName;
use serde::Serialize;

/// Whether a server is present, and by what. Serialised as E14 has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// The server.
    pub server: ServerName,
    /// Whether one delivery holds.
    present: bool,
    /// The number, from 0, of the first that does.
    pub held_by: Option<usize>,
    /// All of them, in the contract's order.
    pub deliveries: Vec<Looked>,
    /// The tools that the server lists by the first that holds; `None` where nothing was probed (E13).
    #[serde(skip)]
    pub tools: Option<Vec<String>>,
}

/// A delivery as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Looked {
    /// Its kind, as contracts write it.
    pub kind: &'static str,
    /// Its place, as the contract has it.
    #[serde(rename = "where")]
    pub place: String,
    /// Whether it holds.
    pub holds: bool,
    /// Why it does not.
    pub reason: Option<String>,
}

impl Presence {
    pub(crate) fn new(server: ServerName, deliveries: Vec<Looked>, tools: Option<Vec<String>>) -> Self {
        let held_by = deliveries.iter().position(|delivery| delivery.holds);
        Self { server, present: held_by.is_some(), held_by, deliveries, tools }
    }

    /// Whether the server is present (E6).
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.present
    }
}
