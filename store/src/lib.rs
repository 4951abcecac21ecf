//! SQL in one room: what stands on a database stands on this.
//!
//! # What is a store?
//! A [`Store`] is a database that `mcp-registry` keeps things in: a file of SQLite
//! (`sqlite:PATH`), or Postgres (`postgres://…`) where one machine is not enough. It has one schema,
//! and whatever is asked of it is asked by the same queries of both. It is made from a locator without
//! touching anything, connects on first use, brings its schema up to date when it is first written to,
//! and outlives restarts of the database.
//!
//! - [`Store::fetch`] reads; what does not exist yet reads as empty.
//! - [`Store::begin`] writes, in a [`Transaction`].
//! - [`Store::announce`] lets others see that somebody is at work, until they end, by whatever means.
//! - [`Tokens`] are who may use a catalog kept in it.
//! - [`Agents`] are those that report to it that they are alive.
//!
//! Entries of agents are the business of the crate `mcp-registry-sql`.

mod agents;
mod alive;
mod failure;
mod file;
mod grant;
mod options;
mod place;
mod pools;
mod random;
mod schema;
mod store;
mod token;
mod tokens;
mod transaction;

pub use sqlx;

pub use agents::{AgentFilter, AgentRecord, AgentState, Agents, Report, Requirement, Requirements};
pub use alive::Alive;
pub use grant::{Grant, Role, ScopeSet, actor_role};
pub use options::Options;
pub use store::{Query, Row, Store};
pub use token::Token;
pub use tokens::{TokenRecord, Tokens};
pub use transaction::Transaction;
