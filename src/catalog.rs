//! The catalog service: any backend, served over HTTP by the rules C1 to C14 and C24 to C43 of
//! [`catalog`](mcp_registry_spec::catalog).
//!
//! [`Catalog::open`] makes the service, [`router`] what answers its requests, which needs no socket,
//! and [`serve`](server::serve) listens.

mod about;
pub(crate) mod agents;
pub(crate) mod auth;
mod body;
mod cache;
mod changes;
pub(crate) mod clock;
pub mod descriptors;
mod endpoint;
mod etag;
mod front;
mod governed;
pub(crate) mod guard;
mod lately;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod method;
mod metrics;
pub mod openapi;
mod pages;
mod query;
mod reads;
pub(crate) mod refusal;
mod render;
pub(crate) mod request_id;
mod router;
pub mod server;
mod stall;
mod state;
mod stores;
pub mod tls;
#[cfg(feature = "otel")]
mod trace;
mod writes;

#[doc = include_str!("catalog/replicas.md")]
pub mod replicas {}

pub use log::Log;
pub use router::router;
pub use state::{Catalog, Options};
#[cfg(feature = "otel")]
pub use trace::Traces;
