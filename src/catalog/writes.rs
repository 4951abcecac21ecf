//! Writes (rules C6 to C8).

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION};
use mcp_registry_spec::json::Strict;
use mcp_registry_spec::{
    Digest, Error, ErrorKind, Literals, McpServerRef, McpServerRegistry, McpServerSpec, Result, ServerName,
    WriteContext,
};
use mcp_registry_store::Role;

use super::etag::{self, Condition};
use super::front::{Answer, Call};
use super::limits;
use super::refusal::{JSON, Refusal};
use super::state::Abilities;
use super::stores::Store;

/// How often a change that fits whatever is there is tried against others who change it too.
const TRIES: usize = 5;

/// `POST /mcp-servers`
pub(crate) async fn install(call: Call) -> Answer {
    let (store, context) = admit(&call, "installing", |can| can.install)?;
    let (scope, turns) = (call.query()?.scope()?, call.turns()?.clone());
    let spec = entry(limits::body(call.request.into_body()).await?)?;
    let etag = etag::of_digest(&spec.digest()?);
    // Relative to this request, since the base URL may be longer than what is seen of it here (rule C2).
    let place = format!("mcp-servers/{}?agent_scope={}", spec.name, scope.as_str().replace('+', "%2B"));
    let install = move |registry: McpServerRegistry| async move { registry.install(&spec, &context).await };
    let mut response = sent(StatusCode::CREATED, &store.write(&turns, install).await?, etag)?;
    if let Ok(place) = HeaderValue::try_from(place) {
        response.headers_mut().insert(LOCATION, place);
    }
    Ok(response)
}

/// `PUT /mcp-servers/{name}`
pub(crate) async fn update(call: Call) -> Answer {
    let (store, context) = admit(&call, "updating", |can| can.update)?;
    let name = call.endpoint.name(call.request.uri().path())?;
    let conditions = Conditions::of(&call);
    let Some(expected) = conditions.if_match else {
        let error = Error::new(ErrorKind::Conflict, "the request does not say which entry it means to replace")
            .hint("send the header If-Match with the entry's ETag");
        return Err(Refusal::new(StatusCode::PRECONDITION_REQUIRED, error));
    };
    let turns = call.turns()?.clone();
    let spec = entry(limits::body(call.request.into_body()).await?)?;
    if spec.name != name {
        return Err(Error::new(ErrorKind::InvalidSpec, "the entry has another name than the path").into());
    }
    let etag = etag::of_digest(&spec.digest()?);
    let stored = store.write(&turns, move |registry: McpServerRegistry| async move {
        for _ in 0..TRIES {
            let found = expected.fitting(&registry, &name, conditions.if_none_match.as_ref()).await?;
            match registry.update(&spec, &found, &context).await {
                Err(error) if error.kind() == ErrorKind::Conflict && expected == Condition::Any => {}
                done => return done,
            }
        }
        Err(Error::new(ErrorKind::Conflict, "the entry is being changed by others all the time").retryable())
    });
    sent(StatusCode::OK, &stored.await?, etag)
}

/// `DELETE /mcp-servers/{name}`
pub(crate) async fn uninstall(call: Call) -> Answer {
    let (store, context) = admit(&call, "uninstalling", |can| can.uninstall)?;
    let name = call.endpoint.name(call.request.uri().path())?;
    let (conditions, turns) = (Conditions::of(&call), call.turns()?);
    let removed = store.write(turns, move |registry: McpServerRegistry| async move {
        let expected = match conditions.if_match {
            None | Some(Condition::Any) if conditions.if_none_match.is_none() => None,
            expected => {
                let expected = expected.unwrap_or(Condition::Any);
                match expected.fitting(&registry, &name, conditions.if_none_match.as_ref()).await {
                    Ok(found) => Some(found),
                    // What is not there is removed already, and that is on record as any other.
                    Err(error) if error.kind() == ErrorKind::NotInRegistry => None,
                    Err(error) => return Err(error),
                }
            }
        };
        registry.uninstall(&name, expected.as_ref(), &context).await
    });
    removed.await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Whether the caller may write, and the catalog offers it: the storage, and what goes with a write.
fn admit(call: &Call, what: &str, offered: fn(&Abilities) -> bool) -> Result<(Arc<Store>, WriteContext), Refusal> {
    let query = call.query()?;
    let scope = call.scope(&query)?;
    if !offered(call.catalog.abilities()) {
        return Err(Refusal::not_offered(what));
    }
    let caller = call.caller()?;
    caller.must(Role::may_write)?;
    let mut context = WriteContext::new().request_id(call.id.to_str().unwrap_or_default());
    if let Some(name) = &caller.name {
        context = context.actor(name);
    }
    if call.catalog.options().allow_literals {
        context = context.literals(Literals::Allow);
    }
    Ok((call.catalog.stores().scope(&scope)?, context))
}

/// Reads the entry of a body.
fn entry(body: Bytes) -> Result<McpServerSpec, Refusal> {
    match serde_json::from_slice(&body) {
        Ok(Strict(value)) => Ok(McpServerSpec::from_json(value)?),
        // What a key given twice is told with quotes the key alone; a parser's message may quote more.
        Err(cause) if cause.is_data() => Err(Error::new(ErrorKind::InvalidSpec, cause.to_string()).into()),
        Err(cause) => {
            let place = format!("the body is no JSON, at line {}, column {}", cause.line(), cause.column());
            Err(Refusal::new(StatusCode::BAD_REQUEST, Error::new(ErrorKind::InvalidSpec, place)))
        }
    }
}

fn sent(status: StatusCode, stored: &McpServerRef, etag: HeaderValue) -> Answer {
    let body = serde_json::to_vec(stored)
        .map_err(|cause| Error::new(ErrorKind::DescriptorInvalid, "cannot be written as JSON").caused_by(cause))?;
    let mut response: Response = (status, body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.headers_mut().insert(ETAG, etag);
    Ok(response)
}

/// What a write is conditional on.
struct Conditions {
    if_match: Option<Condition>,
    if_none_match: Option<Condition>,
}

impl Conditions {
    fn of(call: &Call) -> Self {
        let headers = call.request.headers();
        Self { if_match: Condition::of(headers, &IF_MATCH), if_none_match: Condition::of(headers, &IF_NONE_MATCH) }
    }
}

impl Condition {
    /// The digest of the entry that is there, when it fits; where one digest is meant, that one, and
    /// the storage compares.
    async fn fitting(&self, registry: &McpServerRegistry, name: &ServerName, not: Option<&Self>) -> Result<Digest> {
        let digests = self.digests();
        if let ([one], None) = (&*digests, not) {
            return Ok(*one);
        }
        let found = registry.load(name).await.and_then(|spec| spec.digest());
        let found = found.map_err(|error| match error.kind() {
            ErrorKind::DescriptorInvalid => {
                Error::new(ErrorKind::Conflict, "the entry is broken, so that it has no digest")
                    .caused_by(error.without_folder())
            }
            _ => error,
        })?;
        let fits = *self == Self::Any || digests.contains(&found);
        if fits && !not.is_some_and(|not| not.fits_weakly(&etag::of_digest(&found))) {
            return Ok(found);
        }
        Err(Error::new(ErrorKind::Conflict, "the entry that is there is not the one that is meant")
            .hint("look at it again, then repeat the change"))
    }
}
