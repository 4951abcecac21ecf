//! Agents that report that they are alive (rules C37 to C43).

mod answers;
mod bodies;

use hyper::StatusCode;
use mcp_registry_spec::{AgentId, Error, ErrorKind, Scope};
use mcp_registry_store::{AgentFilter, AgentState, Report, Role};

use super::auth::Caller;
use super::front::{Answer, Call};
use super::limits;
use super::reads::respond;
use super::refusal::Refusal;
use super::render::{render, sent};
pub(crate) use answers::Agent;
use answers::Agents;

/// What is said beside the error where an agent never registered.
const NOT_REGISTERED: &str = "not_registered";

/// `POST /agents/register`
pub(crate) async fn register(call: Call) -> Answer {
    let caller = call.caller()?.clone();
    caller.must(Role::may_report)?;
    let (catalog, body) = (call.catalog, limits::body(call.request.into_body()).await?);
    let report = bodies::registration(&body)?;
    caller.must_be(report.scope(), report.id())?;
    let agent = catalog.stores().beside(caller.turns(), catalog.agents().register(&report)).await?;
    if agent.refused { Err(missing(&Agent::from(&agent))) } else { sent(StatusCode::OK, &Agent::from(&agent)) }
}

/// `POST /agents/{id}/heartbeat`
pub(crate) async fn heartbeat(call: Call) -> Answer {
    let caller = call.caller()?.clone();
    caller.must(Role::may_report)?;
    let id = call.endpoint.agent(call.request.uri().path())?;
    let (catalog, body) = (call.catalog, limits::body(call.request.into_body()).await?);
    let report = bodies::heartbeat(&body, id)?;
    caller.must_be(report.scope(), report.id())?;
    let unknown = not_registered(&report);
    let beaten = catalog.stores().beside(caller.turns(), catalog.agents().heartbeat(report)).await?;
    sent(StatusCode::OK, &Agent::from(&beaten.ok_or(unknown)?))
}

/// `GET /agents`
pub(crate) async fn list(call: Call) -> Answer {
    let (query, caller) = (call.query()?, call.caller()?);
    let scope = query.scope_if_any()?;
    scope.iter().try_for_each(|scope| caller.must_see(scope))?;
    let limit = query.records()?;
    let filter = AgentFilter {
        scopes: scope.map_or_else(|| caller.scopes(), |scope| Some(vec![scope])),
        state: query.agent_state()?,
        after: query.agent_cursor()?,
        // One more than is shown tells whether there are more.
        limit: limit.saturating_add(1),
    };
    let found = call.catalog.stores().beside(caller.turns(), call.catalog.agents().list(&filter)).await?;
    Ok(respond(call.request.headers(), &render(&Agents::page(&found, limit), None)?))
}

impl Caller {
    /// Refuses a report of another agent than the token's, whether there is such an agent or not.
    fn must_be(&self, scope: &Scope, id: &AgentId) -> Result<(), Refusal> {
        if self.agent() == Some(id) && self.sees(scope) {
            return Ok(());
        }
        Err(Refusal::forbidden("the token does not report of this agent of this scope"))
    }
}

fn missing(agent: &Agent<'_>) -> Refusal {
    let what = format!("the scope {} requires MCP servers that the agent does not report as present", agent.scope);
    let error = Error::new(ErrorKind::InvalidSpec, what)
        .hint("mount what mcp-registry agents requirements lists, and register again with mcp_server_present: true");
    Refusal::new(StatusCode::BAD_REQUEST, error).beside("reason", &AgentState::Failed.reason()).beside("agent", agent)
}

fn not_registered(report: &Report) -> Refusal {
    let what = format!("no agent {} of the scope {} is registered", report.id(), report.scope());
    let error = Error::new(ErrorKind::NotInRegistry, what).hint("register it first: POST /agents/register");
    Refusal::from(error).beside("reason", &NOT_REGISTERED)
}
