//! Which request is answered by what.

use std::future::Future;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use mcp_registry_spec::{Error, ErrorKind};

use super::endpoint::Endpoint;
use super::front::{self, Answer, Call};
use super::refusal::Refusal;
use super::{Catalog, about, agents, changes, reads, writes};

/// What answers the catalog's requests. It needs no socket: whatever calls it is served.
pub fn router(catalog: Catalog) -> Router {
    // A handler at its endpoint, behind what is done for every request.
    let unknown_method = |endpoint| handle(&catalog, endpoint, about::unknown_method);
    let mut router = Router::new().fallback(handle(&catalog, Endpoint::Unknown, about::unknown));
    for endpoint in Endpoint::ALL.iter().copied().filter(|endpoint| *endpoint != Endpoint::Unknown) {
        let methods = methods(&catalog, endpoint).fallback(unknown_method(endpoint));
        router = router.route(endpoint.path(), methods);
    }
    router
}

fn methods(catalog: &Catalog, at: Endpoint) -> MethodRouter {
    match at {
        Endpoint::Servers => get(handle(catalog, at, reads::list))
            .options(handle(catalog, at, about::options))
            .post(handle(catalog, at, writes::install)),
        Endpoint::Server => get(handle(catalog, at, reads::show))
            .put(handle(catalog, at, writes::update))
            .delete(handle(catalog, at, writes::uninstall)),
        Endpoint::Validate => get(handle(catalog, at, reads::validate)),
        Endpoint::Capabilities => get(handle(catalog, at, about::capabilities)),
        Endpoint::Audit => get(handle(catalog, at, about::audit)),
        Endpoint::Scopes => get(handle(catalog, at, about::scopes)),
        Endpoint::AllowedCommands => get(handle(catalog, at, reads::allowed_commands)),
        Endpoint::ChangePreview => post(handle(catalog, at, changes::preview)),
        Endpoint::Changes => get(handle(catalog, at, changes::list)).post(handle(catalog, at, changes::request)),
        Endpoint::Change => get(handle(catalog, at, changes::show)),
        Endpoint::ChangeApprove => post(handle(catalog, at, changes::approve)),
        Endpoint::ChangeReject => post(handle(catalog, at, changes::reject)),
        Endpoint::ChangeCancel => post(handle(catalog, at, changes::cancel)),
        Endpoint::AgentRegister => post(handle(catalog, at, agents::register)),
        Endpoint::AgentHeartbeat => post(handle(catalog, at, agents::heartbeat)),
        Endpoint::Agents => get(handle(catalog, at, agents::list)),
        Endpoint::Health => get(handle(catalog, at, about::health)),
        Endpoint::Ready => get(handle(catalog, at, about::ready)),
        Endpoint::Metrics => get(handle(catalog, at, about::metrics)),
        Endpoint::OpenApi => get(handle(catalog, at, about::description)),
        Endpoint::Unknown => MethodRouter::new(),
    }
}

/// A handler behind what is done for every request.
fn handle<F>(
    catalog: &Catalog,
    endpoint: Endpoint,
    handler: impl Fn(Call) -> F + Clone + Send + Sync + 'static,
) -> impl Fn(Request) -> std::pin::Pin<Box<dyn Future<Output = Response> + Send>> + Clone + Send + Sync + 'static
where
    F: Future<Output = Answer> + Send + 'static,
{
    let catalog = catalog.clone();
    move |request| {
        let is_write = !request.method().is_safe();
        let answering = front::answer(catalog.clone(), endpoint, request, handler.clone());
        if is_write { Box::pin(to_its_end(catalog.clone(), answering)) } else { Box::pin(answering) }
    }
}

/// Answers though the client goes away meanwhile: a write that has begun is finished (rule C29), and then
/// it is counted and logged as any other (rule C30).
async fn to_its_end(catalog: Catalog, answering: impl Future<Output = Response> + Send + 'static) -> Response {
    let unfinished = catalog.unfinished().await;
    let answered = tokio::spawn(async move {
        let _unfinished = unfinished;
        answering.await
    });
    match answered.await {
        Ok(response) => response,
        Err(_) => Refusal::from(Error::new(ErrorKind::Unavailable, "the request was given up")).into_response(),
    }
}
