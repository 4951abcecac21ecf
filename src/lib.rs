//! `mcp-registry` says which MCP servers an agent has mounted, and changes that safely.
//!
//! This crate is how people and programs reach a registry. It re-exports the contract
//! ([`mcp_registry_spec`]: the types, the trait, the rules), links the built-in backends, and holds
//! the command line as a function, so that a binary with a backend of its own is three lines (see
//! [`cli::main`]).
//!
//! # Listing what an agent has mounted
//!
//! ```
//! use mcp_registry::{Backends, OpenRequest};
//!
//! # fn main() -> mcp_registry::Result<()> {
//! # #[cfg(feature = "filesystem")] {
//! let registry = Backends::linked().open(&OpenRequest::new("filesystem:agents/scout"))?;
//! // Opening touches nothing, and a folder that does not exist lists as empty (rule 2).
//! let listing = pollster::block_on(registry.list())?;
//! assert!(listing.servers.is_empty() && listing.broken.is_empty());
//! # }
//! # Ok(()) }
//! ```
//!
//! # Features
//! - `filesystem` (default): the backend that reads and writes an agent's own `mcp.md`.
//! - `http` (default): the backend that reads and writes a catalog over HTTP.
//! - `sql` (default): the backend that keeps entries in SQLite or Postgres.
//! - `catalog` (default): the service that serves any backend over HTTP, and the commands beside it.
//! - `otel`: the service exports a span for each request, by OTLP over HTTP.
//! - `mcp` (default): the MCP server that agents talk to, with the policy and the service's way of listening.
//! - `governance` (default): the operator's policy, which the command line obeys, and the commands beside it.
//! - `probe` (default): starting the servers that are mounted, behind the gate and the policy, and the commands that
//!   probe them, call their tools, become one of them, and pin what they show; the pool they use is [`pool`].
//! - `presence` (default): whether the agent has the server that its contract requires; with `http`, reporting it to a
//!   catalog, with `probe`, contracts that require a tool.
//! - `conformance` (default): the command that holds a live backend to the rules.

pub use mcp_registry_spec::*;

#[cfg(feature = "probe")]
pub use mcp_registry_pool as pool;

#[cfg(feature = "catalog")]
pub mod catalog;
pub mod cli;
#[cfg(feature = "mcp")]
pub mod mcp;

// A crate that nothing names is not linked, and its registration would silently be missing: every
// built-in backend is named here, and `linked_backends` below holds the exact list.
#[cfg(feature = "filesystem")]
use mcp_registry_filesystem as _;
#[cfg(feature = "http")]
use mcp_registry_http as _;
#[cfg(feature = "sql")]
use mcp_registry_sql as _;

/// The README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(test)]
mod tests {
    #[test]
    fn linked_backends() {
        let expected: &[&str] = &[
            #[cfg(feature = "filesystem")]
            "filesystem",
            #[cfg(feature = "http")]
            "http",
            #[cfg(feature = "sql")]
            "sql",
        ];
        assert_eq!(crate::Backends::linked().iter().map(|b| b.id).collect::<Vec<_>>(), expected);
    }
}
