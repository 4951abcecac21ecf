//! What is asked of the catalog itself, and not of an entry (rules C9 to C11, C14).

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use mcp_registry_spec::{AuditRecord, Error, ErrorKind, McpServerRegistry, Scope};
use mcp_registry_store::Role;
use serde::Serialize;
use tokio::time::timeout;

use super::front::{Answer, Call};
use super::openapi;
use super::reads::respond;
use super::refusal::{JSON, Refusal};
use super::render::render;

/// For how long the figures wait for how many agents there are.
const CENSUS: Duration = Duration::from_secs(2);

/// `GET /capabilities`
pub(crate) async fn capabilities(call: Call) -> Answer {
    let offered = call.catalog.abilities().offered_to(call.caller()?.role());
    Ok(respond(call.request.headers(), &render(&offered, None)?))
}

/// `OPTIONS /mcp-servers`
pub(crate) async fn options(call: Call) -> Answer {
    let allowed = call.catalog.methods(Some(call.caller()?));
    Ok(([(ALLOW, allowed)], ()).into_response())
}

#[derive(Serialize)]
struct Records {
    records: Vec<AuditRecord>,
}

/// `GET /audit`
pub(crate) async fn audit(call: Call) -> Answer {
    let query = call.query()?;
    let scope = call.scope(&query)?;
    if !call.catalog.abilities().audit {
        return Err(Refusal::not_offered("an audit"));
    }
    call.caller()?.must(Role::may_audit)?;
    let (after, limit) = (query.after()?, query.records()?);
    let store = call.catalog.stores().scope(&scope)?;
    let records =
        store.call(call.turns()?, move |registry: McpServerRegistry| async move { registry.audit(after, limit).await });
    Ok(respond(call.request.headers(), &render(&Records { records: records.await? }, None)?))
}

#[derive(Serialize)]
struct Scopes<'a> {
    scopes: Vec<&'a Scope>,
}

/// `GET /scopes`
pub(crate) async fn scopes(call: Call) -> Answer {
    let caller = call.caller()?;
    if !call.catalog.abilities().scopes {
        return Err(Refusal::not_offered("a list of scopes"));
    }
    let all = call.catalog.stores().scopes(caller.turns()).await?;
    let scopes = all.iter().filter(|scope| caller.sees(scope)).collect();
    Ok(respond(call.request.headers(), &render(&Scopes { scopes }, None)?))
}

#[derive(Serialize)]
struct Status {
    status: &'static str,
}

/// `GET /healthz`
pub(crate) async fn health(_call: Call) -> Answer {
    Ok(json(serde_json::to_vec(&Status { status: "ok" }).unwrap_or_default()))
}

/// `GET /readyz`
pub(crate) async fn ready(call: Call) -> Answer {
    if call.catalog.is_ready().await {
        return health(call).await;
    }
    Err(Error::new(ErrorKind::Unavailable, "the storage does not answer").retryable().into())
}

/// `GET /metrics`
pub(crate) async fn metrics(call: Call) -> Answer {
    // Figures are wanted most when the storage is in trouble: they do not wait for it.
    let agents = timeout(CENSUS, call.catalog.census()).await.ok().flatten();
    let text = call.catalog.metrics().text(call.catalog.log().dropped(), agents.as_deref());
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"))], text).into_response())
}

/// `GET /openapi.json`
pub(crate) async fn description(call: Call) -> Answer {
    let mut response = respond(call.request.headers(), openapi::rendered()?);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    Ok(response)
}

/// Any path that is none of the catalog's.
pub(crate) async fn unknown(_call: Call) -> Answer {
    let error = Error::new(ErrorKind::Unsupported, "there is nothing at this path")
        .hint("GET /openapi.json describes what there is");
    Err(Refusal::new(StatusCode::NOT_FOUND, error))
}

/// Any method that a path does not have.
pub(crate) async fn unknown_method(_call: Call) -> Answer {
    Err(Error::new(ErrorKind::Unsupported, "this path does not have that method").into())
}

fn json(body: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, JSON)], body).into_response()
}
