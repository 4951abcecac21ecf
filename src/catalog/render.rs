//! Answers to reads, made of what is stored: the bytes that are sent, and their validator.

use bytes::Bytes;
use hyper::header::HeaderValue;
use mcp_registry_spec::{
    BrokenEntry, Error, ErrorKind, McpServerRegistry, McpServerSpec, Result, ServerName, ValidationResult,
};
use serde::Serialize;

use super::etag;
use super::pages::{Page, Window};

/// What can be asked of a scope and answered from memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    /// Its refs.
    Refs(Window),
    /// Its entries.
    Specs(Window),
    /// One entry.
    Entry(ServerName),
    /// What a static look at one entry finds.
    Validation(ServerName),
}

/// An answer as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    pub(crate) body: Bytes,
    pub(crate) etag: HeaderValue,
}

impl Question {
    /// Answers from the storage.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) async fn answer(&self, registry: &McpServerRegistry) -> Result<Rendered> {
        match self {
            Self::Refs(window) => {
                let listing = registry.list().await?;
                render(&Page::cut(&listing.servers, |server| &server.name, &listing.broken, window), None)
            }
            Self::Specs(window) => {
                let (servers, broken) = entries(registry).await?;
                render(&Page::cut(&servers, |server| &server.name, &broken, window), None)
            }
            Self::Entry(name) => {
                let spec = registry.load(name).await?;
                render(&spec, Some(etag::of_digest(&spec.digest()?)))
            }
            Self::Validation(name) => {
                let ValidationResult { errors, warnings, .. } = registry.validate(name).await?;
                render(&Validation { ok: errors.is_empty(), errors, warnings }, None)
            }
        }
    }
}

/// What validating an entry answers (rule C5).
#[derive(Serialize)]
struct Validation {
    ok: bool,
    errors: Vec<String>,
    warnings: Vec<String>,
}

async fn entries(registry: &McpServerRegistry) -> Result<(Vec<McpServerSpec>, Vec<BrokenEntry>)> {
    let loaded = registry.load_all().await?;
    let (mut servers, mut broken) = (Vec::with_capacity(loaded.len()), Vec::new());
    for loaded in loaded {
        match loaded.result {
            Ok(spec) => servers.push(spec),
            Err(error) => match error.kind() {
                // It went between the storage's two looks.
                ErrorKind::NotInRegistry => {}
                ErrorKind::Unavailable => return Err(error),
                _ => broken.push(BrokenEntry { name: loaded.name, error }),
            },
        }
    }
    servers.sort_by(|a, b| a.name.cmp(&b.name));
    broken.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((servers, broken))
}

/// Writes the body, and makes its validator unless it has one of its own.
pub(crate) fn render(value: &impl Serialize, etag: Option<HeaderValue>) -> Result<Rendered> {
    let body = serde_json::to_vec(value)
        .map_err(|cause| Error::new(ErrorKind::DescriptorInvalid, "cannot be written as JSON").caused_by(cause))?;
    let etag = etag.unwrap_or_else(|| etag::of_body(&body));
    Ok(Rendered { body: body.into(), etag })
}
