//! Answers to reads, made of what is stored: the bytes that are sent, and their validator.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use mcp_registry_spec::{
    BrokenEntry, Error, ErrorKind, Listing, McpServerRegistry, McpServerSpec, Result, ServerName, ValidationResult,
};
use serde::Serialize;

use super::etag;
use super::front::Answer;
use super::pages::{self, Index, Page, Window};
use super::refusal::JSON;

/// What can be asked of a scope and answered from memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    /// All its refs.
    Refs,
    /// All its entries.
    Specs,
    /// One entry.
    Entry(ServerName),
    /// What a static look at one entry finds.
    Validation(ServerName),
}

/// An answer as it is sent.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) body: Bytes,
    pub(crate) etag: HeaderValue,
    /// Where in it the entries of a listing are.
    index: Index,
}

impl Rendered {
    /// What it takes in memory, or nearly so.
    pub(crate) fn size(&self) -> usize {
        self.body.len() + self.index.size()
    }

    /// The part of a listing that lies in the window.
    pub(crate) fn page(&self, window: &Window) -> Page {
        self.index.cut(&self.body, window)
    }

    /// The validator of that part. It changes whenever the listing does.
    pub(crate) fn etag_of_page(&self, window: &Window) -> HeaderValue {
        let whole = self.etag.to_str().unwrap_or_default();
        etag::of_body(format!("{whole} {window:?}").as_bytes())
    }
}

impl Question {
    /// Answers from the storage.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) async fn answer(&self, registry: &McpServerRegistry) -> Result<Rendered> {
        match self {
            Self::Refs => {
                let Listing { servers, broken } = registry.list().await?;
                let broken: Vec<_> = broken.into_iter().map(|entry| told(entry.name, entry.error)).collect();
                listing(&servers, |server| &server.name, &broken)
            }
            Self::Specs => {
                let (servers, broken) = entries(registry).await?;
                listing(&servers, |server| &server.name, &broken)
            }
            Self::Entry(name) => {
                let spec = registry.load(name).await?;
                render(&spec, Some(etag::of_digest(&spec.digest()?)))
            }
            Self::Validation(name) => {
                let ValidationResult { mut errors, warnings, .. } = registry.validate(name).await?;
                if !errors.is_empty() {
                    hide_folder(&mut errors, registry.load(name).await.err());
                }
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
                _ => broken.push(told(loaded.name, error)),
            },
        }
    }
    servers.sort_by(|a, b| a.name.cmp(&b.name));
    broken.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((servers, broken))
}

/// A broken entry as it is told to whoever asks, who has no business with the service's folders.
fn told(name: ServerName, error: Error) -> BrokenEntry {
    BrokenEntry { name, error: error.without_folder() }
}

/// The same for what validating finds: it is text, and holds what loading fails with (rule 16).
fn hide_folder(found: &mut [String], failure: Option<Error>) {
    let Some(failure) = failure else { return };
    let (whole, told) = (failure.to_string(), failure.without_folder().to_string());
    for text in found {
        *text = text.replace(&whole, &told);
    }
}

fn listing<T: Serialize>(servers: &[T], name: impl Fn(&T) -> &ServerName, broken: &[BrokenEntry]) -> Result<Rendered> {
    let (body, index) = pages::write(servers, name, broken).map_err(unwritable)?;
    Ok(Rendered { etag: etag::of_body(&body), body: body.into(), index })
}

/// Writes the body, and makes its validator unless it has one of its own.
pub(crate) fn render(value: &impl Serialize, etag: Option<HeaderValue>) -> Result<Rendered> {
    let body = serde_json::to_vec(value).map_err(unwritable)?;
    let etag = etag.unwrap_or_else(|| etag::of_body(&body));
    Ok(Rendered { body: body.into(), etag, index: Index::default() })
}

fn unwritable(cause: serde_json::Error) -> Error {
    Error::new(ErrorKind::DescriptorInvalid, "cannot be written as JSON").caused_by(cause)
}

/// An answer that nobody keeps.
pub(crate) fn sent(status: StatusCode, value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).map_err(unwritable)?;
    let mut response: Response = (status, body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    Ok(response)
}
