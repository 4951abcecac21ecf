//! Writes (rules C6 to C8).

use std::sync::Arc;

use axum::response::IntoResponse;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{ETAG, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION};
use mcp_registry_spec::{
    AuditAction, Digest, Error, ErrorKind, Literals, McpServerRef, McpServerRegistry, McpServerSpec, Result, Scope,
    ServerName, WriteContext,
};
use mcp_registry_store::Role;

use super::auth::Caller;
use super::body;
use super::etag::{self, Condition};
use super::front::{Answer, Call};
use super::limits;
use super::refusal::Refusal;
use super::render;
use super::stores::Store;

/// How often a change that fits whatever is there is tried against others who change it too.
const TRIES: usize = 5;

/// `POST /mcp-servers`
pub(crate) async fn install(call: Call) -> Answer {
    let Admitted { store, scope, caller, context } = admit(&call, AuditAction::Install)?;
    let catalog = call.catalog.clone();
    let spec = entry(&limits::body(call.request.into_body()).await?)?;
    let etag = etag::of_digest(&spec.digest()?);
    // Relative to this request, since the base URL may be longer than what is seen of it here (rule C2).
    let place = format!("mcp-servers/{}?agent_scope={}", spec.name, scope.as_str().replace('+', "%2B"));
    catalog.governed().admit(AuditAction::Install, &spec, &scope, &store, &caller).await?;
    let install = move |registry: McpServerRegistry| async move { registry.install(&spec, &context).await };
    let mut response = sent(StatusCode::CREATED, &store.write(caller.turns(), install).await?, etag)?;
    if let Ok(place) = HeaderValue::try_from(place) {
        response.headers_mut().insert(LOCATION, place);
    }
    Ok(response)
}

/// `PUT /mcp-servers/{name}`
pub(crate) async fn update(call: Call) -> Answer {
    let Admitted { store, scope, caller, context } = admit(&call, AuditAction::Update)?;
    let catalog = call.catalog.clone();
    let name = call.endpoint.name(call.request.uri().path())?;
    let conditions = Conditions::of(&call);
    let Some(expected) = conditions.if_match else {
        let error = Error::new(ErrorKind::Conflict, "the request does not say which entry it means to replace")
            .hint("send the header If-Match with the entry's ETag");
        return Err(Refusal::new(StatusCode::PRECONDITION_REQUIRED, error));
    };
    let spec = entry(&limits::body(call.request.into_body()).await?)?;
    if spec.name != name {
        return Err(Error::new(ErrorKind::InvalidSpec, "the entry has another name than the path").into());
    }
    let etag = etag::of_digest(&spec.digest()?);
    catalog.governed().admit(AuditAction::Update, &spec, &scope, &store, &caller).await?;
    let stored = store.write(caller.turns(), move |registry: McpServerRegistry| async move {
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
    let Admitted { store, caller, context, .. } = admit(&call, AuditAction::Uninstall)?;
    let name = call.endpoint.name(call.request.uri().path())?;
    let conditions = Conditions::of(&call);
    let removed = store.write(caller.turns(), move |registry: McpServerRegistry| async move {
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

/// A write that may be done, as far as that is told by who asks, and for which scope.
struct Admitted {
    store: Arc<Store>,
    scope: Scope,
    caller: Arc<Caller>,
    /// What goes with the write.
    context: WriteContext,
}

/// Whether the caller may write, and the catalog offers it.
fn admit(call: &Call, action: AuditAction) -> Result<Admitted, Refusal> {
    let query = call.query()?;
    let scope = call.scope(&query)?;
    call.catalog.abilities().must_offer(action)?;
    let caller = call.caller()?.clone();
    caller.must(Role::may_write)?;
    let mut context = WriteContext::new().request_id(call.id.to_str().unwrap_or_default());
    if let Some(name) = &caller.name {
        context = context.actor(name);
    }
    if call.catalog.options().allow_literals {
        context = context.literals(Literals::Allow);
    }
    Ok(Admitted { store: call.catalog.stores().scope(&scope)?, scope, caller, context })
}

/// Reads the entry of a body.
fn entry(body: &Bytes) -> Result<McpServerSpec, Refusal> {
    Ok(McpServerSpec::from_json(body::json(body)?)?)
}

fn sent(status: StatusCode, stored: &McpServerRef, etag: HeaderValue) -> Answer {
    let mut response = render::sent(status, stored)?;
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
