//! What is done for every request: keeping out who may not come in, bounding it, and a line of the log.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, StatusCode};
use mcp_registry_spec::{Error, ErrorKind};
use mcp_registry_store::Role;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{ErrorData, ServerJsonRpcMessage};
use serde_json::json;

use super::{Door, PATH, Service, Sessions};
use crate::catalog::auth::{self, Doorkeeper};
use crate::catalog::clock::Clock;
use crate::catalog::limits::Rate;
use crate::catalog::log::Line;
use crate::catalog::refusal::{JSON, Refusal, Refused};
use crate::catalog::request_id::{RequestIds, X_REQUEST_ID};
use crate::catalog::{Log, guard, limits};
use crate::mcp::caller::Caller;
use crate::mcp::messages;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// The most requests a second of one token, and of all who show none.
const RATE: NonZeroU32 = NonZeroU32::new(2000).unwrap();

/// What stands before the protocol. Clones share it.
pub(super) struct Front<H>(Arc<Inner<H>>);

impl<H> Clone for Front<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<H> {
    service: Service<H>,
    sessions: Sessions,
    doorkeeper: Doorkeeper,
    rate: Rate,
    clock: Clock,
    local_only: bool,
    request_ids: RequestIds,
    log: Log,
}

impl<H: ServerHandler> Front<H> {
    pub(super) fn new(service: Service<H>, sessions: Sessions, door: Door, log: Log) -> Self {
        let clock = Clock::start();
        let doorkeeper = Doorkeeper::new(door.tokens, door.without_token, clock);
        let rate = Rate::new(RATE);
        let (local_only, request_ids) = (door.local_only, RequestIds::new());
        Self(Arc::new(Inner { service, sessions, doorkeeper, rate, clock, local_only, request_ids, log }))
    }

    /// Answers a request.
    pub(super) async fn answer(self, request: Request) -> Response {
        self.logged(request, PATH, Self::admitted).await
    }

    /// Answers a request for what is not there.
    pub(super) async fn unknown(self, request: Request) -> Response {
        let nothing = async |_: &Self, _, _: &mut Option<Arc<auth::Caller>>| {
            let error = Error::new(ErrorKind::NotInRegistry, "there is nothing here").hint(format!("MCP is at {PATH}"));
            Err(error.into())
        };
        self.logged(request, "(none)", nothing).await
    }

    async fn logged(
        self,
        request: Request,
        route: &'static str,
        answer: impl AsyncFnOnce(&Self, Request, &mut Option<Arc<auth::Caller>>) -> Result<Response, Refusal>,
    ) -> Response {
        let (began, id) = (Instant::now(), self.0.request_ids.of(request.headers()));
        let method = crate::catalog::method::name(request.method());
        let mut caller = None;
        let answer = answer(&self, request, &mut caller).await;
        let mut response = answer.unwrap_or_else(IntoResponse::into_response);
        let status = response.status();
        let headers = response.headers_mut();
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(X_REQUEST_ID, id.clone());
        let refused: Option<Refused> = response.extensions_mut().remove();
        let error = refused.as_ref().map(|refused| refused.0.kind());
        self.0.log.write(&Line {
            msg: "request",
            method,
            route,
            status: status.as_u16(),
            micros: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            request_id: id.to_str().unwrap_or_default(),
            token: caller.as_ref().and_then(|caller| caller.name.as_deref()),
            error,
            message: refused.filter(|_| status.is_server_error()).map(|refused| refused.0.to_string()),
        });
        response
    }

    async fn admitted(&self, request: Request, who: &mut Option<Arc<auth::Caller>>) -> Result<Response, Refusal> {
        let (mut head, body) = request.into_parts();
        guard::check_size(&head)?;
        if self.0.local_only {
            guard::check_local(&head.uri, &head.headers)?;
        } else {
            guard::check_own(&head.uri, &head.headers)?;
        }
        let bearer = who.insert(self.0.doorkeeper.caller(&head.headers).await?).clone();
        self.0.rate.take(bearer.bucket(), self.0.clock.now())?;
        // Whoever reports of an agent to a catalog may do nothing else (rule C37).
        bearer.must(Role::may_read)?;
        let begins = self.0.session(&head, bearer.name.as_deref())?;
        let body = if head.method == Method::POST {
            guard::check_content_type(&head.method, &head.headers)?;
            limits::body(body).await?
        } else {
            Bytes::new()
        };
        if head.method == Method::POST {
            match messages::parse(&body) {
                Ok(message) if begins && message.get("method") == Some(&json!("initialize")) => {
                    self.0.room(bearer.name.as_deref()).await?;
                }
                Ok(_) => {}
                Err(error) => return Ok(malformed(error)),
            }
        }
        head.extensions.insert(Caller::Http(bearer.clone()));
        let response = self.0.service.handle(Request::from_parts(head, Full::new(body))).await;
        if let Some(id) = response.headers().get(SESSION).filter(|_| begins).and_then(|id| id.to_str().ok()) {
            self.0.sessions.begun(id, bearer.name.as_deref());
        }
        Ok(response.map(Body::new))
    }
}

impl<H> Inner<H> {
    /// Refuses a session that is another's. Whether the request names none, and so may begin one.
    fn session(&self, head: &Parts, caller: Option<&str>) -> Result<bool, Refusal> {
        let mut given = head.headers.get_all(SESSION).iter();
        let Some(id) = given.next() else { return Ok(true) };
        let own = id.to_str().is_ok_and(|id| self.sessions.is_of(id, caller));
        if own && given.next().is_none() {
            return Ok(false);
        }
        // As of one that ended: whoever guesses learns nothing.
        let error = Error::new(ErrorKind::NotInRegistry, "there is no such session").hint("begin a new one");
        Err(Refusal::new(StatusCode::NOT_FOUND, error))
    }

    /// Refuses one session more than there may be.
    async fn room(&self, caller: Option<&str>) -> Result<(), Refusal> {
        if self.sessions.has_room_for(caller).await {
            return Ok(());
        }
        let error = Error::new(ErrorKind::Unavailable, "there are too many sessions").retryable();
        let soon = HeaderValue::from_static("60");
        Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error).header(RETRY_AFTER, soon))
    }
}

/// An answer to what is no message.
fn malformed(error: ErrorData) -> Response {
    let body = serde_json::to_vec(&ServerJsonRpcMessage::error(error, None)).unwrap_or_default();
    let mut response = (StatusCode::BAD_REQUEST, body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}
