//! The client side of `mcp-registry`: starts and reaches the MCP servers an agent has mounted.
//!
//! # What is a pool?
//! An entry is a claim, and a [`Pool`] turns it into knowledge: behind a [`Gate`], which refuses what may not be
//! started, it starts or reaches every server it is given, in parallel and each within its [`Timeouts`], and lists
//! its tools. What failed is a [`Failure`] of that server alone. The tools that are there are called through it by
//! their qualified names (`server__tool`), so that an agent written in Rust can use it as its MCP client. Nothing
//! that was started survives it.
//!
//! ```no_run
//! use mcp_registry_pool::{Gate, Options, Pool};
//! # async fn example(registry: mcp_registry_spec::McpServerRegistry) -> Result<(), Box<dyn std::error::Error>> {
//! let gate = Gate::of(&registry).await?;
//! let launch = registry.load_for_launch(&"time".parse()?).await?;
//! let pool = Pool::connect(vec![launch], &gate, Options::default()).await?;
//! for tool in pool.tools() {
//!     println!("{}", tool.qualified());
//! }
//! pool.close().await?;
//! # Ok(()) }
//! ```
//!
//! The rules are in `spec/PROBE.md` of the repository, included in the contract as
//! [`probes`](mcp_registry_spec::probes).

mod about;
mod call;
mod client;
mod connect;
mod endpoint;
mod failure;
mod gate;
mod list;
mod mask;
mod message;
mod options;
pub mod pins;
mod pool;
mod problem;
mod process;
mod qualified;
mod server;
mod sse;
mod stdio;
mod verifier;

pub use rmcp;

pub use about::{About, ServerInfo};
pub use call::{Call, CallError, Progress};
pub use failure::{Cause, Failure, Phase};
pub use gate::{DEFAULT_COMMANDS, Gate};
pub use options::{Options, Timeouts};
pub use pool::{Offered, Pool};
pub use process::{Exit, command};
pub use qualified::qualify;
pub use server::Server;
pub use verifier::{Seen, Verifier};
