//! Presence: whether an agent has the MCP server that it must have.
//!
//! # What is a contract?
//! A [`Contract`] names a server, and every way in which it may be delivered: a program, an entry in a client's
//! settings file, an entry of a registry. The server is present when one of them holds. The rules are in
//! `spec/PRESENCE.md` of the repository, included as [`mcp_registry_spec::presence`].
//!
//! ```
//! use mcp_registry_presence::{CannotProbe, Contract};
//! use mcp_registry_spec::{Backends, Environment, FixedEnvironment};
//! use std::sync::Arc;
//!
//! # fn main() -> mcp_registry_spec::Result<()> {
//! let contract = Contract::parse(
//!     r#"{"version": 1, "server": "tickets", "deliveries": [{"kind": "binary", "name": "tickets-mcp"}]}"#,
//! )?;
//! let here: Arc<dyn Environment> = Arc::new(FixedEnvironment::new().with_command("tickets-mcp"));
//! let presence = pollster::block_on(contract.check(&here, &Backends::linked(), &CannotProbe))?;
//! assert!(presence.is_present());
//! # Ok(()) }
//! ```

mod check;
mod contract;
mod delivery;
mod entry;
mod fields;
mod file;
mod held;
mod place;
mod presence;
mod prober;
mod program;
mod registries;
mod seek;
mod settings;

pub use contract::Contract;
pub use delivery::Delivery;
pub use presence::{Looked, Presence};
pub use prober::{CannotProbe, Launch, Prober, Written};
pub use registries::Registries;
