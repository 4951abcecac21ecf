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

use super::Catalog;
use super::auth::Caller;
use super::endpoint::Endpoint;
use super::guard;
use super::log::Line;
use super::query::Query;
use super::refusal::{Refusal, Refused};
use super::request_id::X_REQUEST_ID;
use super::stores::Store;

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
    let began = Instant::now();
    let id = catalog.request_ids().of(request.headers());
    let method = request.method().clone();
    let mut caller = None;
    let (head, body) = request.into_parts();
    // A body is not for many threads at once, and whoever is let in is so by the head alone.
    let answer = match admit(&catalog, endpoint, &head, &mut caller).await {
        Ok(()) => {
            let request = Request::from_parts(head, body);
            let (catalog, caller, id) = (catalog.clone(), caller.clone(), id.clone());
            handler(Call { catalog, endpoint, caller, id, request }).await
        }
        Err(refusal) => Err(refusal),
    };
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    let status = response.status();
    let headers = response.headers_mut();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, catalog.allowed(endpoint, caller.as_deref()));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_REQUEST_ID, id.clone());

    let took = began.elapsed();
    catalog.metrics().request(endpoint, &method, status, took);
    let refused = response.extensions_mut().remove::<Refused>();
    catalog.log().write(&Line {
        msg: "request",
        method: method.as_str(),
        route: endpoint.path(),
        status: status.as_u16(),
        micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        request_id: id.to_str().unwrap_or_default(),
        token: caller.as_ref().and_then(|caller| caller.name.as_deref()),
        error: refused.as_ref().map(|refused| refused.0.kind()),
        message: refused.filter(|_| status.is_server_error()).map(|refused| refused.0.to_string()),
    });
    response
}

/// Says who asks, and refuses who may not come in.
async fn admit(
    catalog: &Catalog,
    endpoint: Endpoint,
    head: &Parts,
    caller: &mut Option<Arc<Caller>>,
) -> Result<(), Refusal> {
    if catalog.options().local_only {
        guard::check_local(&head.uri, &head.headers)?;
    }
    if endpoint.is_open() {
        return Ok(());
    }
    let who = caller.insert(catalog.doorkeeper().caller(&head.headers).await?);
    if let Some(rate) = catalog.rate() {
        rate.take(&who.bucket, catalog.clock().now())?;
    }
    guard::check_content_type(&head.method, &head.headers)
}
