//! The HTTP backend: an organisation's catalog says which MCP servers its agents may mount.
//!
//! A catalog is another machine's word, so nothing of it is taken on trust: every answer is bounded in
//! time and size, read strictly, and cleared of credentials before a person sees it; the token goes to
//! the catalog's own origin and nowhere else. What goes over the wire, and what this client makes of
//! it, is stated in [`mcp_registry_spec::catalog`].
//!
//! How it is opened: see [`usage`].
//!
//! Linking this crate (`use mcp_registry_http as _;`) registers the backend, which is opened as
//! `https://HOST/?agent_scope=NAME`.

mod address;
mod backend;
mod blocking;
mod budget;
mod client;
mod config;
mod negotiation;
mod offer;
mod options;
mod parse;
mod proxy;
mod refusal;
mod report;
#[cfg(test)]
mod testing;
mod token;
mod write;

use std::sync::Arc;

use mcp_registry_spec::{Registration, register_backend};

pub use backend::{HttpBackend, ID};
pub use config::Builder;
pub use report::{Answer, Report, Reporter};

#[doc = include_str!("../docs.md")]
pub mod usage {}

/// How the backend is registered.
pub static REGISTRATION: Registration = Registration {
    id: ID,
    schemes: &["https"],
    summary: "an organisation's catalog, over HTTP",
    usage: "https://HOST/?agent_scope=NAME",
    options: options::OPTIONS,
    tokio: true,
    open: |request| Ok(Arc::new(Builder::from_request(request)?.build()?)),
};

register_backend!(REGISTRATION);
