//! What is done for every request, whatever it asks for: naming it, keeping out who may not come in,
//! counting it, and one line of the log.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{ALLOW, CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use mcp_registry_spec::{Error, ErrorKind, Scope};
use mcp_registry_store::Role;

use super::Catalog;
use super::auth::Caller;
use super::endpoint::Endpoint;
use super::guard;
use super::limits::Turns;
use super::log::Line;
use super::method;
use super::query::Query;
use super::refusal::{Refusal, Refused};
use super::request_id::X_REQUEST_ID;
use super::stores::Store;
#[cfg(feature = "otel")]
use super::trace::{Answered, Span};

/// What a handler is given: a request that was let in.
pub(crate) struct Call {
    pub(crate) catalog: Catalog,
    pub(crate) endpoint: Endpoint,
    /// Who asks; `None` where anybody may.
    pub(crate) caller: Option<Arc<Caller>>,
    pub(crate) id: HeaderValue,
    pub(crate) request: Request,
}

/// What a handler gives.
pub(crate) type Answer = Result<Response, Refusal>;

impl Call {
    /// The query.
    pub(crate) fn query(&self) -> Result<Query<'_>, Refusal> {
        Query::parse(self.request.uri().query())
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> Result<&Arc<Caller>, Refusal> {
        let nobody = || Error::new(ErrorKind::AuthRequired, "a token is needed").into();
        self.caller.as_ref().ok_or_else(nobody)
    }

    /// The turns that whoever asks has with the storage.
    pub(crate) fn turns(&self) -> Result<&Turns, Refusal> {
        Ok(self.caller()?.turns())
    }

    /// The scope that the query names, when the caller sees it.
    pub(crate) fn scope(&self, query: &Query<'_>) -> Result<Scope, Refusal> {
        let scope = query.scope()?;
        self.caller()?.must_see(&scope)?;
        Ok(scope)
    }

    /// The storage of the scope that the query names.
    pub(crate) fn store(&self, query: &Query<'_>) -> Result<Arc<Store>, Refusal> {
        Ok(self.catalog.stores().scope(&self.scope(query)?)?)
    }
}

/// Answers a request by `handler`.
pub(crate) async fn answer<F>(
    catalog: Catalog,
    endpoint: Endpoint,
    request: Request,
    handler: impl FnOnce(Call) -> F,
) -> Response
where
    F: Future<Output = Answer>,
{
    let (head, body) = request.into_parts();
    let mut asked = Asked {
        endpoint,
        method: method::name(&head.method),
        id: catalog.request_ids().of(&head.headers),
        began: Instant::now(),
        caller: None,
        status: None,
        refused: None,
        #[cfg(feature = "otel")]
        span: catalog.traces().map(|traces| traces.begin(&head)),
        catalog: &catalog,
    };
    // A body is not for many threads at once, and whoever is let in is so by the head alone.
    let answer = match admit(&catalog, endpoint, &head, &mut asked.caller).await {
        Ok(()) => {
            let request = Request::from_parts(head, body);
            let (catalog, caller, id) = (catalog.clone(), asked.caller.clone(), asked.id.clone());
            handler(Call { catalog, endpoint, caller, id, request }).await
        }
        Err(refusal) => Err(refusal),
    };
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    let status = response.status();
    let headers = response.headers_mut();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, catalog.allowed(endpoint, asked.caller.as_deref()));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_REQUEST_ID, asked.id.clone());
    asked.status = Some(status);
    asked.refused = response.extensions_mut().remove();
    response
}

/// A request that was asked. However it ends it is counted, and has its line in the log: also when the
/// client goes away before it is answered, and all that was being done for it is dropped.
struct Asked<'a> {
    catalog: &'a Catalog,
    endpoint: Endpoint,
    method: &'static str,
    id: HeaderValue,
    began: Instant,
    caller: Option<Arc<Caller>>,
    /// What it was answered with, if it was.
    status: Option<StatusCode>,
    refused: Option<Refused>,
    #[cfg(feature = "otel")]
    span: Option<Span<'a>>,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let status = self.status.unwrap_or_else(gone);
        let took = self.began.elapsed();
        self.catalog.metrics().request(self.endpoint, self.method, status, took);
        let error = self.refused.as_ref().map(|refused| refused.0.kind());
        #[cfg(feature = "otel")]
        if let Some(span) = self.span.take() {
            let (request_id, caller) = (&self.id, self.caller.as_deref());
            span.end(&Answered { endpoint: self.endpoint, status, request_id, caller, error });
        }
        let told = self.refused.take().filter(|_| status.is_server_error());
        self.catalog.log().write(&Line {
            msg: "request",
            method: self.method,
            route: self.endpoint.path(),
            status: status.as_u16(),
            micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            request_id: self.id.to_str().unwrap_or_default(),
            token: self.caller.as_ref().and_then(|caller| caller.name.as_deref()),
            error,
            message: told.map(|refused| refused.0.to_string()),
        });
    }
}

/// How logs of web servers say that the client went away.
fn gone() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT)
}

/// Says who asks, and refuses who may not come in.
async fn admit(
    catalog: &Catalog,
    endpoint: Endpoint,
    head: &Parts,
    caller: &mut Option<Arc<Caller>>,
) -> Result<(), Refusal> {
    guard::check_size(head)?;
    if catalog.options().local_only {
        guard::check_local(&head.uri, &head.headers)?;
    }
    if endpoint.is_open() {
        return Ok(());
    }
    let who = caller.insert(catalog.doorkeeper().caller(&head.headers).await?);
    if let Some(rate) = catalog.rate() {
        rate.take(who.bucket(), catalog.clock().now())?;
    }
    if !endpoint.is_report() {
        // Whoever reports may do nothing else, whatever else there will be (rule C37).
        who.must(Role::may_read)?;
    }
    guard::check_content_type(&head.method, &head.headers)
}
