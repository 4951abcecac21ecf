//! Sending batches of spans, by the HTTP client that backends use too.

use std::error::Error as StdError;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use mcp_registry_spec::{Error, ErrorKind, Result, redact};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio_rustls::rustls::crypto::ring;

use super::destination::Destination;
use crate::catalog::log::Log;

/// Says once in the log that spans are not taken: a collector that is gone may stay so for hours.
pub(super) struct Complaints {
    log: Log,
    url: String,
    said: AtomicBool,
}

#[derive(Serialize)]
struct Complaint<'a> {
    msg: &'static str,
    url: &'a str,
    error: &'a str,
    hint: &'static str,
}

impl Complaints {
    /// Complaints of the collector at that URL, which has no secret in it.
    pub(super) fn new(log: Log, url: String) -> Self {
        Self { log, url, said: AtomicBool::new(false) }
    }

    /// Says it, unless something was said before.
    pub(super) fn once(&self, error: &str) {
        if !self.said.swap(true, Ordering::Relaxed) {
            self.log.write(&Complaint {
                msg: "spans are not taken",
                url: &self.url,
                error: &redact::redact(error),
                hint: "look at the collector, and at the variables OTEL_EXPORTER_OTLP_…; this is not said again",
            });
        }
    }
}

/// Sends what the exporter gives it.
pub(super) struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    complaints: Arc<Complaints>,
}

impl Sender {
    /// # Errors
    /// [`ErrorKind::Unavailable`] outside a Tokio runtime; [`ErrorKind::ConfigInvalid`] when the system's
    /// certificates cannot be used.
    pub(super) fn new(to: &Destination, complaints: Arc<Complaints>) -> Result<Self> {
        let none = |cause| Error::new(ErrorKind::Unavailable, "spans need an async runtime").caused_by(cause);
        let runtime = Handle::try_current().map_err(none)?;
        // Whoever installed another provider first meant it.
        let _ = ring::default_provider().install_default();
        let loopback = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
        let mut builder = reqwest::Client::builder()
            .timeout(to.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .resolve_to_addrs("localhost", &loopback);
        if to.is_loopback() {
            builder = builder.no_proxy();
        }
        if to.is_cleartext() {
            // Nothing will be verified, so the system's certificates need not be read.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|cause| {
            let why = innermost(&cause).to_string();
            Error::new(ErrorKind::ConfigInvalid, "the client that sends spans cannot be set up").caused_by(why)
        })?;
        Ok(Self { client, runtime, complaints })
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        // Whoever exports has a thread without a runtime, and connections need one.
        let sending = self.runtime.spawn(async move { client.send_bytes(request).await });
        let sent = sending.await.unwrap_or_else(|cause| Err(cause.into()));
        match &sent {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.complaints.once(&format!("the collector answers {}", answer.status())),
            Err(cause) => self.complaints.once(&innermost(&**cause).to_string()),
        }
        sent
    }
}

/// What an error was caused by in the end: what stands above it shows the URL.
fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut innermost = error;
    while let Some(next) = innermost.source() {
        innermost = next;
    }
    innermost
}

/// Nothing of it helps anybody who reads it.
impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}
