//! Changes: asked for by those who may not write, decided on by those who may (rules C32 to C35).

mod answers;
mod bodies;

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use mcp_registry_governance::{
    Change, ChangeId, Code, Filter, Place, Refusal as Refused, Request, Surface, Target, Tool,
};
use mcp_registry_spec::McpServerRegistry;
use mcp_registry_store::Role;

use super::auth::Caller;
use super::front::{Answer, Call};
use super::governed::Governed;
use super::limits;
use super::reads::respond;
use super::refusal::Refusal;
use super::render::{render, sent};
use super::stores::Store;
use answers::Changes;

/// `POST /changes/preview`
pub(crate) async fn preview(call: Call) -> Answer {
    let Asking { store, place, caller } = Asking::new(&call)?;
    let (catalog, party) = (call.catalog, caller.party(Surface::Catalog));
    let proposal = bodies::proposed(&limits::body(call.request.into_body()).await?)?;
    catalog.abilities().must_offer(proposal.action())?;
    let (governed, governance) = (catalog.governed(), catalog.governed().governance().clone());
    let previewed = store.call(caller.turns(), move |registry: McpServerRegistry| async move {
        let request = Request::new(Tool::ChangePreview).scope(place.scope.as_ref()).server(Some(proposal.name()));
        if let Err(denied) = governance.permit(&request, &party).await {
            return Ok(Err(denied));
        }
        Ok(governance.preview(&Target { registry, place }, &proposal, &party).await)
    });
    let preview = previewed.await?.map_err(|refused| governed.refusal(refused))?;
    sent(StatusCode::OK, &governed.preview(preview))
}

/// `POST /changes`
pub(crate) async fn request(call: Call) -> Answer {
    let Asking { store, place, caller } = Asking::new(&call)?;
    let (catalog, party) = (call.catalog, caller.party(Surface::Catalog));
    let bodies::Asked { proposal, form } = bodies::asked(&limits::body(call.request.into_body()).await?)?;
    catalog.abilities().must_offer(proposal.action())?;
    let (governed, governance) = (catalog.governed(), catalog.governed().governance().clone());
    let requested = store.call(caller.turns(), move |registry: McpServerRegistry| async move {
        Ok(governance.request(&Target { registry, place }, &proposal, &form, &party).await)
    });
    let requested = requested.await?.map_err(|refused| governed.refusal(refused))?;
    if !requested.is_new {
        return sent(StatusCode::OK, &governed.change(requested.change));
    }
    // Relative to this request, since the base URL may be longer than what is seen of it here (rule C2).
    let place = HeaderValue::try_from(format!("changes/{}", requested.change.id));
    let mut response = sent(StatusCode::CREATED, &governed.change(requested.change))?;
    response.headers_mut().extend(place.ok().map(|place| (LOCATION, place)));
    Ok(response)
}

/// `GET /changes`
pub(crate) async fn list(call: Call) -> Answer {
    let (query, caller, governed) = (call.query()?, call.caller()?, call.catalog.governed());
    let scope = query.scope_if_any()?;
    scope.iter().try_for_each(|scope| caller.must_see(scope))?;
    let scopes = scope.clone().map_or_else(|| caller.scopes(), |scope| Some(vec![scope]));
    // A database of tokens may be that of another storage too.
    let filter = Filter { state: query.status()?, storage: Some(governed.storage()), scopes, limit: query.limit()? };
    let governance = governed.governance();
    let stores = call.catalog.stores();
    let found = async {
        let request = Request::new(Tool::ApprovalList).scope(scope.as_ref());
        if let Err(denied) = governance.permit(&request, &caller.party(Surface::Catalog)).await {
            return Ok(Err(denied));
        }
        if let Err(refused) = governed.settle(stores).await {
            return Ok(Err(refused));
        }
        Ok(governance.list(&filter).await)
    };
    let found = stores.beside(caller.turns(), found).await?;
    let changes = found.map_err(|refused| governed.refusal(refused))?;
    let changes = Changes { changes: changes.into_iter().map(|change| governed.change(change)).collect() };
    Ok(respond(call.request.headers(), &render(&changes, None)?))
}

/// `GET /changes/{id}`
pub(crate) async fn show(call: Call) -> Answer {
    let (caller, governed) = (call.caller()?, call.catalog.governed());
    let id = call.endpoint.id(call.request.uri().path());
    let _turn = caller.turns().take().await;
    let change = find(governed, caller, id).await?;
    let request = Request::new(Tool::ApprovalGet).scope(change.place.scope.as_ref()).server(Some(&change.name));
    let permitted = governed.governance().permit(&request, &caller.party(Surface::Catalog)).await;
    permitted.map_err(|refused| governed.refusal(refused))?;
    Ok(respond(call.request.headers(), &render(&governed.change(change), None)?))
}

/// `POST /changes/{id}/approve`
pub(crate) async fn approve(call: Call) -> Answer {
    let caller = call.caller()?.clone();
    caller.must(Role::may_approve)?;
    let (catalog, id) = (call.catalog, call.endpoint.id(call.request.uri().path()));
    let change = find(catalog.governed(), &caller, id).await?;
    bodies::nothing(&limits::body(call.request.into_body()).await?)?;
    catalog.abilities().must_offer(change.action)?;
    let governed = catalog.governed();
    let scope = governed.scope_of(&change.place).ok_or_else(|| absent(governed))?;
    let (governance, party, turns) = (governed.governance().clone(), caller.party(Surface::Catalog), caller.turns());
    let (id, place, store) = (change.id, change.place.clone(), catalog.stores().scope(scope)?);
    // As any write of the scope, so that its readers see it at once.
    let approved = store.write(turns, move |registry: McpServerRegistry| async move {
        Ok(governance.approve(&id, &party, Arc::new(Target { registry, place })).await)
    });
    let approval = approved.await?.map_err(|refused| governed.refusal(refused))?;
    governed.approval(approval)
}

/// `POST /changes/{id}/reject`
pub(crate) async fn reject(call: Call) -> Answer {
    end(call, Role::may_approve, Ending::Reject).await
}

/// `POST /changes/{id}/cancel`
pub(crate) async fn cancel(call: Call) -> Answer {
    end(call, Role::may_ask, Ending::Cancel).await
}

/// How a change is ended that is not carried out.
#[derive(Clone, Copy)]
enum Ending {
    Reject,
    Cancel,
}

async fn end(call: Call, may: fn(Role) -> bool, ending: Ending) -> Answer {
    let caller = call.caller()?.clone();
    caller.must(may)?;
    let (catalog, id) = (call.catalog, call.endpoint.id(call.request.uri().path()));
    let _turn = caller.turns().take().await;
    let Change { id, .. } = find(catalog.governed(), &caller, id).await?;
    let reason = bodies::reason(&limits::body(call.request.into_body()).await?)?;
    let (governed, party) = (catalog.governed(), caller.party(Surface::Catalog));
    let governance = governed.governance();
    let ended = match ending {
        Ending::Reject => governance.reject(&id, &party, reason.as_deref()).await,
        Ending::Cancel => governance.cancel(&id, &party, reason.as_deref()).await,
    };
    let ended = ended.map_err(|refused| governed.refusal(refused))?;
    sent(StatusCode::OK, &governed.change(ended))
}

/// Somebody who asks for a change, as far as it is told by the head of the request: in which scope.
struct Asking {
    store: Arc<Store>,
    place: Place,
    caller: Arc<Caller>,
}

impl Asking {
    fn new(call: &Call) -> Result<Self, Refusal> {
        let scope = call.scope(&call.query()?)?;
        let caller = call.caller()?.clone();
        caller.must(Role::may_ask)?;
        let store = call.catalog.stores().scope(&scope)?;
        Ok(Self { store, place: call.catalog.governed().place(scope), caller })
    }
}

/// The change that the path names, when it is the catalog's and of a scope that the caller sees. One that is not
/// is answered as one that is not there (rule C33).
async fn find(governed: &Governed, caller: &Caller, id: Result<ChangeId, Refused>) -> Result<Change, Refusal> {
    let Ok(id) = id else { return Err(absent(governed)) };
    match governed.governance().get(&id).await {
        Ok(change) if governed.scope_of(&change.place).is_some_and(|scope| caller.sees(scope)) => Ok(change),
        Err(refused) if refused.code() != Code::ChangeNotFound => Err(governed.refusal(refused)),
        _ => Err(absent(governed)),
    }
}

fn absent(governed: &Governed) -> Refusal {
    let hint = "GET /changes lists those there are";
    governed.refusal(Refused::new(Code::ChangeNotFound, "there is no such change", hint))
}
