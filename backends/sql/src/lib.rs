//! The `sql` backend: entries in a database, where many programs on many machines share them and every
//! write is on record.
//!
//! How it is opened, and what it promises: see [`usage`].
//!
//! Linking this crate (`use mcp_registry_sql as _;`) registers the backend, which is opened as
//! `sqlite:PATH` or `postgres://HOST/DATABASE`.

mod audit;
mod backend;
mod config;
mod entries;
mod writes;

use std::sync::Arc;

use mcp_registry_spec::{Registration, register_backend};

pub use backend::{ID, SqlBackend};
pub use config::Config;

#[doc = include_str!("../docs.md")]
pub mod usage {}

/// How the backend is registered.
pub static REGISTRATION: Registration = Registration {
    id: ID,
    schemes: &["postgres", "postgresql", "sqlite"],
    summary: "a database of SQLite or Postgres, with an audit",
    usage: "sqlite:PATH or postgres://HOST/DATABASE",
    options: config::OPTIONS,
    tokio: true,
    open: |request| Ok(Arc::new(SqlBackend::new(Config::from_request(request)?))),
};

register_backend!(REGISTRATION);
