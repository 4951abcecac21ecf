//! How a store is used.

use std::time::Duration;

/// How many connections a store has, and how long it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// At most this many connections at once; at least one. SQLite, which knows one writer at a time,
    /// is written to by one further connection.
    pub max_connections: u32,
    /// How long a connection, a lock and a statement are waited for, each.
    pub timeout: Duration,
}

impl Default for Options {
    /// Ten connections; five seconds, less than clients of a service wait for it.
    fn default() -> Self {
        Self { max_connections: 10, timeout: Duration::from_secs(5) }
    }
}
