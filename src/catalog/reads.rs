//! Reads of entries (rules C3 to C5), and of what starts them (rule C44).

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, ETAG, HeaderValue};
use mcp_registry_spec::McpServerRegistry;
use serde::Serialize;

use super::etag;
use super::front::{Answer, Call};
use super::pages::Window;
use super::refusal::JSON;
use super::render::{Question, Rendered, render};

/// `GET /mcp-servers`
pub(crate) async fn list(call: Call) -> Answer {
    let query = call.query()?;
    let store = call.store(&query)?;
    let window = Window { limit: query.limit()?, after: query.cursor()? };
    // Whatever window is asked for, one listing is remembered for all.
    let question = if query.expand()? { Question::Specs } else { Question::Refs };
    let answer = store.read(&question, call.turns()?).await?;
    call.catalog.stores().trim();
    let asked = call.request.headers();
    if window.is_whole() {
        return Ok(respond(asked, &answer));
    }
    Ok(respond_with(asked, answer.etag_of_page(&window), || Body::new(answer.page(&window))))
}

/// `GET /mcp-servers/{name}`
pub(crate) async fn show(call: Call) -> Answer {
    named(call, Question::Entry).await
}

/// `GET /mcp-servers/{name}/validate`
pub(crate) async fn validate(call: Call) -> Answer {
    named(call, Question::Validation).await
}

/// `GET /allowed-commands`
pub(crate) async fn allowed_commands(call: Call) -> Answer {
    let store = call.store(&call.query()?)?;
    // Not from memory: it may change without any entry, and so without the revision that is remembered.
    let list =
        store.call(call.turns()?, |registry: McpServerRegistry| async move { registry.allowed_commands().await });
    let answer = render(&AllowedCommands { allowed_commands: list.await? }, None)?;
    Ok(respond(call.request.headers(), &answer))
}

/// An agent's own list of commands, where it has one.
#[derive(Serialize)]
struct AllowedCommands {
    allowed_commands: Option<Vec<String>>,
}

async fn named(call: Call, question: fn(mcp_registry_spec::ServerName) -> Question) -> Answer {
    let store = call.store(&call.query()?)?;
    let name = call.endpoint.name(call.request.uri().path())?;
    let answer = store.read(&question(name), call.turns()?).await?;
    call.catalog.stores().trim();
    Ok(respond(call.request.headers(), &answer))
}

/// Sends an answer, or only that it is the one that the client has (rule C13).
pub(crate) fn respond(asked: &HeaderMap, answer: &Rendered) -> Response {
    respond_with(asked, answer.etag.clone(), || Body::from(answer.body.clone()))
}

fn respond_with(asked: &HeaderMap, etag: HeaderValue, body: impl FnOnce() -> Body) -> Response {
    let mut response = if etag::not_modified(asked, &etag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = Response::new(body());
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        response
    };
    response.headers_mut().insert(ETAG, etag);
    response
}
