//! The contract of `mcp-registry`: which words there are, what an entry is, and what every backend
//! must do.
//!
//! # What is a registry?
//! It says which MCP servers an agent has mounted. Each is an **entry** ([`McpServerSpec`]): a name
//! and how the server is reached. Entries belong to a **scope** ([`Scope`]), usually one agent. A
//! **backend** ([`McpServerRegistryBackend`]) stores the entries of one scope; it is opened by a
//! **locator** ([`Locator`]), a string such as `filesystem:agents/scout`. Callers hold a
//! [`McpServerRegistry`], the handle that does what holds for every backend.
//!
//! This crate has the types and the trait; it does no I/O and needs no runtime. The rules are in
//! `spec/BACKEND.md` of the repository, included as [`rules`].

pub mod audit;
pub mod backend;
pub mod capabilities;
mod check;
pub mod context;
pub mod digest;
pub mod environment;
pub mod error;
pub mod json;
pub mod launch;
pub mod locator;
pub mod loopback;
pub mod mask;
pub mod name;
#[doc(hidden)]
pub mod named;
pub mod near;
pub mod redact;
pub mod reference;
pub mod references;
pub mod registration;
pub mod registry;
pub mod rehearsal;
pub mod secret;
pub mod spec;
pub mod template;
pub mod text;
pub mod time;
#[cfg(feature = "toml")]
pub mod toml;
pub mod validation;
pub mod wire;
pub mod xdg;

#[doc = include_str!("../BACKEND.md")]
pub mod rules {}

#[doc = include_str!("../CHANGES.md")]
pub mod changes {}

#[doc = include_str!("../MCP-MD.md")]
pub mod mcp_md {}

#[doc = include_str!("../CATALOG.md")]
pub mod catalog {}

#[doc = include_str!("../MCP.md")]
pub mod mcp {}

#[doc = include_str!("../POLICY.md")]
pub mod policy {}

#[doc = include_str!("../PROBE.md")]
pub mod probes {}

#[doc = include_str!("../PRESENCE.md")]
pub mod presence {
    /// The JSON Schema (2020-12) of a contract's file (rule E3).
    pub const SCHEMA: &str = include_str!("../presence.schema.json");
}

pub use async_trait::async_trait;

pub use audit::{AuditAction, AuditOutcome, AuditRecord};
pub use backend::{Loaded, McpServerRegistryBackend, Revision};
pub use capabilities::Capabilities;
pub use context::{Literals, WriteContext};
pub use digest::Digest;
pub use environment::{Environment, FixedEnvironment, ProcessEnvironment};
pub use error::{Error, ErrorKind, Result};
pub use launch::{LaunchRemote, LaunchSpec, LaunchTransport};
pub use locator::Locator;
pub use mask::MaskedSpec;
pub use name::{AgentId, Scope, ServerName};
pub use reference::{BrokenEntry, Listing, McpServerRef};
pub use references::Reference;
pub use registration::{Backends, OpenRequest, OptionHelp, Registration};
pub use registry::McpServerRegistry;
pub use rehearsal::{Rehearsal, Write};
pub use secret::Secret;
pub use spec::{McpServerSpec, Remote, SpecFields, Stdio, Transport, TransportKind};
pub use template::{EnvTemplate, TextTemplate};
pub use validation::ValidationResult;
