//! The MCP server: how agents look at a registry, and ask for changes of it (rules of
//! [`mcp`](mcp_registry_spec::mcp)).
//!
//! [`Server`] is what answers, whoever carries its messages: [`stdio`] over the standard streams of a
//! process, [`http`] over streamable HTTP. Everything that is governed goes through
//! [`Governance`](mcp_registry_governance::Governance), which decides and records.

mod answer;
mod approvals;
mod arguments;
mod caller;
mod changes;
mod handler;
pub mod http;
mod messages;
mod reads;
mod resources;
mod schema;
mod schemas;
mod server;
mod session;
pub mod stdio;
mod tools;
mod watch;

pub use server::{Server, Settling};
