//! The tools by which changes are looked at and decided on.

use std::sync::Arc;

use mcp_registry_governance::{Change, Filter, Refusal, State, Tool};
use mcp_registry_spec::{Error, ErrorKind};
use serde::Serialize;

use super::Server;
use super::answer::{Answer, Refused};
use super::arguments::Arguments;
use super::caller::Caller;
use super::changes::{Standing, meant};

#[derive(Serialize)]
struct Listed {
    status_filter: Option<State>,
    approvals: Vec<Change>,
}

/// The changes of this registry.
pub(super) async fn list(server: &Server, arguments: &Arguments) -> Result<Answer, Refused> {
    let status_filter = arguments.text("status").map(str::parse).transpose()?;
    let scopes = server.target().place.scope.clone().map(|scope| vec![scope]);
    let place = &server.target().place;
    let storage = Some((place.backend_id.clone(), place.locator.clone()));
    let filter = Filter { state: status_filter, storage, scopes, limit: arguments.number("limit") };
    server.governance().settle(server.target()).await?;
    let approvals = server.governance().list(&filter).await?;
    Answer::of(&Listed { status_filter, approvals })
}

/// One of them. The policy decides by the server that it is about, whether there is one or not.
pub(super) async fn get(server: &Server, arguments: &Arguments, caller: &Caller) -> Result<Answer, Refused> {
    let mut found = meant(server, arguments).await;
    if found.as_ref().is_ok_and(Change::is_unsettled) {
        // Whoever carries it out may have died since (rule H11).
        server.governance().settle(server.target()).await?;
        found = meant(server, arguments).await;
    }
    server.permit(Tool::ApprovalGet, found.as_ref().ok().map(|change| &change.name), caller).await?;
    Answer::of(&Standing { approval: found? })
}

/// Approves one, and carries it out. That it failed then is an error of the call too.
pub(super) async fn approve(server: &Server, arguments: &Arguments, caller: &Caller) -> Result<Answer, Refused> {
    let party = caller.deciding()?;
    must_be_open(server)?;
    let change = meant(server, arguments).await?;
    let opener = Arc::new(server.target().clone());
    let done = server.governance().approve(&change.id, &party, opener).await?;
    let failed = !done.execution.ok;
    Ok(Answer::of(&done)?.failed_if(failed))
}

/// Rejects one.
pub(super) async fn reject(server: &Server, arguments: &Arguments, caller: &Caller) -> Result<Answer, Refused> {
    let party = caller.deciding()?;
    must_be_open(server)?;
    let change = meant(server, arguments).await?;
    let approval = server.governance().reject(&change.id, &party, arguments.text("reason")).await?;
    Answer::of(&Standing { approval })
}

/// The policy is asked again: it may say otherwise than when the server started (rule P6). What one that cannot
/// be used still allows is decided where it is done (rule P5).
fn must_be_open(server: &Server) -> Result<(), Refusal> {
    if server.governance().policy().changes().is_none_or(|changes| changes.approve_over_mcp) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Forbidden, "the policy no longer lets anybody decide over MCP")
        .hint("decide on the command line: mcp-registry changes")
        .into())
}
