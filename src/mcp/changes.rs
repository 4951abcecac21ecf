//! The tools by which an agent asks for changes.

use mcp_registry_governance::{Change, ChangeId, Code, Refusal, Requested, State};
use mcp_registry_spec::text;
use serde::Serialize;

use super::Server;
use super::answer::{Answer, Refused};
use super::arguments::Arguments;
use super::caller::Caller;

/// What a change would do.
pub(super) async fn preview(server: &Server, arguments: &Arguments, caller: &Caller) -> Result<Answer, Refused> {
    let preview = server.governance().preview(server.target(), &arguments.proposal()?, &caller.party()).await?;
    Answer::of(&preview)
}

#[derive(Serialize)]
struct Asked<'a> {
    approval: &'a Change,
    is_new: bool,
    next_step: String,
}

/// Asks for a change; one that waits is no error.
pub(super) async fn request(server: &Server, arguments: &Arguments, caller: &Caller) -> Result<Answer, Refused> {
    let (proposal, form) = (arguments.proposal()?, arguments.form());
    let party = caller.asking(form.requested_by.as_deref())?;
    let Requested { change, is_new } = server.governance().request(server.target(), &proposal, &form, &party).await?;
    let next_step = match change.state {
        State::Pending => format!(
            "it waits for a person: mcp-registry changes approve {id}; approval_get {id} tells how it stands",
            id = change.id
        ),
        state => format!("it is {state}; approval_get {} tells how it stands", change.id),
    };
    Answer::of(&Asked { approval: &change, is_new, next_step })
}

/// The change that a call is about, which is one of the registry that is served.
pub(super) async fn meant(server: &Server, arguments: &Arguments) -> Result<Change, Refused> {
    let id: ChangeId = arguments.text("id").unwrap_or_default().parse()?;
    let change = server.governance().get(&id).await?;
    if change.place == server.target().place {
        return Ok(change);
    }
    let message = format!("there is no change {} in this registry", text::quote(id.as_str()));
    Err(Refusal::new(Code::ChangeNotFound, message, "approval_list shows those there are").into())
}

/// A change as it stands.
#[derive(Serialize)]
pub(super) struct Standing {
    pub(super) approval: Change,
}

/// Takes a request back.
pub(super) async fn cancel(server: &Server, arguments: &Arguments, caller: &Caller) -> Result<Answer, Refused> {
    let party = caller.asking(arguments.text("requested_by"))?;
    let change = meant(server, arguments).await?;
    let approval = server.governance().cancel(&change.id, &party, arguments.text("reason")).await?;
    Answer::of(&Standing { approval })
}
