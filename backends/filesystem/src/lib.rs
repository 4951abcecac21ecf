//! The `mcp.md` backend: an agent's own document says which MCP servers it has mounted.
//!
//! The document belongs to its owner: prose, comments, spacing and line endings are theirs, and a
//! write changes no byte that it was not asked to change. The format is stated in
//! [`mcp_registry_spec::mcp_md`].
//!
//! How it is opened: see [`usage`].
//!
//! Linking this crate (`use mcp_registry_filesystem as _;`) registers the backend, which is opened
//! as `filesystem:DIR`.

mod attributes;
mod backend;
mod config;
pub mod document;
mod folder;
mod leftovers;
mod lock;
mod read;
mod read_paths;
mod swap;
mod writers;
mod writing;

use std::sync::Arc;

use mcp_registry_spec::{Registration, register_backend};

pub use backend::{DOCUMENT, FilesystemBackend, ID};
pub use config::Config;
pub use leftovers::Leftovers;

#[doc = include_str!("../docs.md")]
pub mod usage {}

/// How the backend is registered.
pub static REGISTRATION: Registration = Registration {
    id: ID,
    schemes: &[],
    summary: "the mcp.md of an agent's folder",
    usage: "filesystem:DIR",
    options: config::OPTIONS,
    tokio: false,
    open: |request| Ok(Arc::new(FilesystemBackend::new(Config::from_request(request)?))),
};

register_backend!(REGISTRATION);
