//! Requests: one at a time, within bounds, to one origin.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcp_registry_spec::{Error, ErrorKind, Result, redact, text};
use reqwest::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, LOCATION,
};
use reqwest::{Certificate, Method, Response, StatusCode};
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::address::{self, Base};
use crate::blocking;
use crate::config::{Config, Limits};
use crate::proxy::Proxy;
use crate::token::Token;

/// How many redirects a read follows (C19).
const MOST_REDIRECTS: usize = 5;
/// How much is read of an answer that is an error, in bytes: enough for what it says.
const MOST_ERROR: usize = 64 << 10;
/// How much of a catalog's own words a message shows, in characters.
const MOST_SHOWN: usize = 300;
/// How long a connection waits for the next request; servers close idle ones about as early.
const IDLE: Duration = Duration::from_secs(30);

/// Speaks to one catalog.
pub(crate) struct Client {
    pub(crate) base: Base,
    pub(crate) limits: Limits,
    refusal: Option<Error>,
    token: Token,
    ca_bundle: Option<PathBuf>,
    proxy: Option<Proxy>,
    http: OnceCell<reqwest::Client>,
}

/// What is asked.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Vec<u8>>,
    /// Whether what is said of a success counts.
    pub(crate) is_told: bool,
}

impl Request {
    /// A request without a body and further headers. What is said of its success counts if it is a `GET`.
    pub(crate) fn new(method: Method, url: Url) -> Self {
        let is_told = method == Method::GET;
        Self { method, url, headers: HeaderMap::new(), body: None, is_told }
    }

    /// The same with a body of JSON.
    pub(crate) fn json(mut self, body: Vec<u8>) -> Self {
        self.body = Some(body);
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    fn is_read(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Where it came from.
    pub(crate) url: Url,
    /// The methods of all headers `Allow`, in capitals.
    pub(crate) allow: Vec<String>,
    /// The entity tag, if it is a strong one.
    pub(crate) etag: Option<String>,
    /// The body, where what is said counts; what is said of an error, as far as it could be had.
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(config: Config) -> Self {
        let Config { base, token, allow_http, limits, ca_bundle, proxy, .. } = config;
        let allowed = !base.is_cleartext() || base.is_loopback() || allow_http;
        let refusal = (!allowed).then(|| {
            Error::new(ErrorKind::InsecureTransport, format!("{base} would be spoken to in cleartext"))
                .hint("use https, or set MCP_REGISTRY_ALLOW_HTTP=1 if the network is trusted")
        });
        Self { base, limits, refusal, token, ca_bundle, proxy, http: OnceCell::new() }
    }

    /// Whether the transport may be used at all (rule 11), as it was decided at construction.
    ///
    /// # Errors
    /// [`ErrorKind::InsecureTransport`].
    pub(crate) fn check_transport(&self) -> Result<()> {
        self.refusal.clone().map_or(Ok(()), Err)
    }

    /// Whether a token is sent.
    pub(crate) fn has_token(&self) -> bool {
        self.token.is_given()
    }

    /// Makes the catalog's own words fit to stand in a message: no credential, above all not the
    /// token that it was sent, and no more than a few lines.
    pub(crate) fn quoted(&self, words: &str) -> String {
        let own = self.without_token(words);
        // Cut after what looks like a credential is hidden: half of one looks like none.
        let safe = redact::redact(&own);
        match safe.char_indices().nth(MOST_SHOWN) {
            None => safe.into_owned(),
            Some((end, _)) => format!("{}…", safe.get(..end).unwrap_or_default()),
        }
    }

    /// A text that a catalog gives, without the token that it was sent.
    pub(crate) fn without_token<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.token.hide(text)
    }

    /// Whether a catalog says the token that it was sent, anywhere in that part of its answer.
    pub(crate) fn is_token_in(&self, part: &Value) -> bool {
        self.token.is_in(part)
    }

    /// A URL as it stands in a message: without its query, and without the token, which a redirect may
    /// have put there.
    pub(crate) fn shown(&self, url: &Url) -> String {
        self.without_token(&address::shown(url)).into_owned()
    }

    /// Sends a request and gives what was answered, whatever its status.
    ///
    /// # Errors
    /// [`ErrorKind::InsecureTransport`]; [`ErrorKind::ConfigInvalid`] for a token or a bundle that
    /// cannot be read; [`ErrorKind::Unavailable`] when no answer came, or none within the bounds.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer> {
        self.check_transport()?;
        let deadline = Instant::now() + self.limits.timeout;
        // The first request reads files, and a disk can be as slow as a network.
        let prepared = async {
            let http = self.http.get_or_try_init(|| self.build()).await?;
            Ok::<_, Error>((http, self.authorization().await?))
        };
        let prepared = timeout_at(deadline, prepared).await;
        let (http, authorization) = prepared.map_err(|_| self.late(&request.url))??;
        let mut url = request.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let mut next = http.request(request.method.clone(), url.clone()).headers(request.headers.clone());
            next = next.header(ACCEPT, "application/json");
            if let Some(authorization) = &authorization {
                next = next.header(AUTHORIZATION, authorization.clone());
            }
            if let Some(body) = &request.body {
                next = next.body(body.clone());
            }
            let sent = timeout_at(deadline, next.send()).await.map_err(|_| self.late(&url))?;
            let response = sent.map_err(|cause| self.failed(&url, &cause))?;
            match self.redirected(&request, &url, &response)? {
                Some(target) => url = target,
                None => return self.answered(&request, url, response, deadline).await,
            }
        }
        Err(unavailable(format!("{} redirects more than {MOST_REDIRECTS} times", self.shown(&request.url))))
    }

    async fn authorization(&self) -> Result<Option<HeaderValue>> {
        let Some(token) = self.token.current().await? else { return Ok(None) };
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| Error::new(ErrorKind::ConfigInvalid, "the token for the catalog cannot be sent"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Where a redirect leads, if this is one: the same origin, for a read; anywhere else the token
    /// and what is written have no business.
    fn redirected(&self, request: &Request, url: &Url, response: &Response) -> Result<Option<Url>> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let from = self.shown(url);
        let refused = |why: &str| Err(unavailable(format!("{from} redirects {why}, which is not followed")));
        let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let Some(target) = target.and_then(|target| url.join(target).ok()) else {
            return refused("to what is no URL");
        };
        if !request.is_read() {
            return refused("what is no read");
        }
        if !self.base.is_origin_of(&target) {
            let origin = target.origin().ascii_serialization();
            return refused(&format!("to {}", text::quote(&self.without_token(&origin))));
        }
        Ok(Some(target))
    }

    async fn answered(&self, request: &Request, url: Url, response: Response, deadline: Instant) -> Result<Answer> {
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            self.token.forget();
        }
        let headers = response.headers();
        let allow = headers.get_all(ALLOW).iter().filter_map(|value| value.to_str().ok());
        let allow = allow.flat_map(|list| list.split(',')).map(|method| method.trim().to_ascii_uppercase()).collect();
        let etag = headers.get(ETAG).and_then(|value| value.to_str().ok());
        let etag = etag.filter(|tag| tag.starts_with('"') && self.without_token(tag) == *tag).map(str::to_owned);
        let body = if !status.is_success() {
            // The status has been told; that the rest does not come makes it no other.
            let said = timeout_at(deadline, self.read(&url, response, MOST_ERROR)).await;
            said.ok().and_then(Result::ok).unwrap_or_default()
        } else if request.is_told {
            let read = self.read(&url, response, self.limits.max_response);
            timeout_at(deadline, read).await.map_err(|_| self.late(&url))??
        } else {
            // It is done, and nothing that is said of it counts (C23).
            Vec::new()
        };
        Ok(Answer { status, url, allow, etag, body })
    }

    /// Reads a body of at most `most` bytes, told of up front or not.
    async fn read(&self, url: &Url, mut response: Response, most: usize) -> Result<Vec<u8>> {
        let too_large = || {
            unavailable(format!("{} answered with more than {most} bytes", self.shown(url)))
                .hint("raise the option max_response, or ask for pages with page_size")
        };
        if response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(Error::new(
                ErrorKind::DescriptorInvalid,
                format!("{} answered in an encoding that was not asked for", self.shown(url)),
            ));
        }
        let told = response.content_length().unwrap_or_default();
        if told > most as u64 {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|cause| self.failed(url, &cause))? {
            if chunk.len() > most - body.len() {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn late(&self, url: &Url) -> Error {
        unavailable(format!("{} did not answer within {:?}", self.shown(url), self.limits.timeout)).retryable()
    }

    /// What a request that got no answer, or not all of it, failed with.
    fn failed(&self, url: &Url, cause: &reqwest::Error) -> Error {
        let mut innermost: &dyn StdError = cause;
        while let Some(next) = innermost.source() {
            innermost = next;
        }
        let what = match () {
            () if cause.is_timeout() && cause.is_connect() => "cannot be reached in time",
            () if cause.is_timeout() => "did not answer in time",
            () if cause.is_connect() => "cannot be reached",
            () => "did not answer properly",
        };
        let error = unavailable(format!("{} {what}", self.shown(url))).caused_by(self.quoted(&innermost.to_string()));
        // A certificate is not cured by waiting, nor what is no HTTP.
        if is_of_tls(cause) || is_no_http(cause) || cause.is_builder() { error } else { error.retryable() }
    }

    async fn build(&self) -> Result<reqwest::Client> {
        let (secure, limits) = (!self.base.is_cleartext(), self.limits);
        let (ca_bundle, proxy) = (self.ca_bundle.clone(), self.proxy.clone());
        // Reading the system's certificates waits for the disk.
        blocking::run(move || build(secure, limits, ca_bundle.as_deref(), proxy)).await
    }
}

/// The token and what surrounds it are not shown (rule 4).
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &redact::redact(&self.base.to_string())).finish_non_exhaustive()
    }
}

fn unavailable(message: impl AsRef<str>) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}

fn build(secure: bool, limits: Limits, ca_bundle: Option<&Path>, proxy: Option<Proxy>) -> Result<reqwest::Client> {
    // Whoever installed another provider first meant it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let loopback = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("mcp-registry/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(limits.connect_timeout)
        .read_timeout(limits.read_timeout)
        .pool_idle_timeout(IDLE)
        .resolve_to_addrs("localhost", &loopback);
    if let Some(proxy) = proxy {
        builder = builder.proxy(proxy.into_inner());
    }
    if !secure {
        // Nothing will be verified, so the system's certificates need not be read.
        builder = builder.tls_certs_only([]);
    } else if let Some(path) = ca_bundle {
        builder = builder.tls_certs_merge(certificates(path)?);
    }
    builder.build().map_err(|cause| {
        let why = cause.source().map_or_else(|| cause.to_string(), ToString::to_string);
        Error::new(ErrorKind::ConfigInvalid, "the HTTP client cannot be set up").caused_by(why)
    })
}

fn certificates(path: &Path) -> Result<Vec<Certificate>> {
    let wrong = |why: &str| Error::new(ErrorKind::ConfigInvalid, format!("the CA bundle {why}")).at(path, None);
    let pem = std::fs::read(path).map_err(|cause| wrong("cannot be read").caused_by(cause))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if certificates.is_empty() => Err(wrong("holds no certificate").hint("it is a PEM file")),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(wrong("is no PEM file of certificates")),
    }
}

/// Walks through what an error was caused by, also where it is wrapped in an [`std::io::Error`],
/// which does not tell it as its source.
fn any_cause(error: &(dyn StdError + 'static), found: &dyn Fn(&(dyn StdError + 'static)) -> bool) -> bool {
    if found(error) {
        return true;
    }
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let wrapped = wrapped.map(|inner| inner as &(dyn StdError + 'static));
    wrapped.or_else(|| error.source()).is_some_and(|next| any_cause(next, found))
}

fn is_of_tls(error: &reqwest::Error) -> bool {
    any_cause(error, &|cause| cause.is::<rustls::Error>())
}

fn is_no_http(error: &reqwest::Error) -> bool {
    any_cause(error, &|cause| cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse))
}
