//! Agents, as the description has them: what they say, and what is said of them.

use mcp_registry_spec::ErrorKind;
use mcp_registry_spec::wire::MAX_TOOL_LEN;
use mcp_registry_store::AgentState;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ComponentsBuilder, HttpMethod, RefOr, Required, Schema};

use super::operations::{Described, path, query};
use super::schemas::{
    Property, closed, list, name, number, object, one_of, or_null, reference, text, text_without, time, truth,
};
use crate::catalog::endpoint::Endpoint;

/// The operations of an endpoint of agents.
pub(super) fn of(endpoint: Endpoint) -> Vec<(HttpMethod, Operation)> {
    let operation = match endpoint {
        Endpoint::AgentRegister => (
            HttpMethod::Post,
            Described::new("register_agent", "What an agent says as it begins: who it is, and what it has.")
                .error_as(400, "The body is no report, or lacks a server that the scope requires.", "ReportRefusal")
                .body("Registration", Required::True)
                .answers(200, "It is kept, and the agent known.", "Agent"),
        ),
        Endpoint::AgentHeartbeat => (
            HttpMethod::Post,
            Described::new("agent_heartbeat", "What an agent says as it goes on.")
                .with(path("id", "The agent's id.", name()))
                .error_as(400, "The body is no report.", "ReportRefusal")
                .error_as(404, "The agent never registered.", "ReportRefusal")
                .body("Heartbeat", Required::True)
                .answers(200, "It is kept; in which state the agent is, the answer says.", "Agent"),
        ),
        Endpoint::Agents => (HttpMethod::Get, listed()),
        _ => return Vec::new(),
    };
    let (method, described) = operation;
    vec![(method, described.build(endpoint))]
}

fn listed() -> Described {
    Described::new("agents", "The agents of the scopes that the token sees, and in which state they are.")
        .with(query("agent_scope", "Those of this scope alone.", name()))
        .with(query("state", "Those in this state.", states()))
        .with(query("limit", "At most so many; 1,000 when it is not said.", number(1, Some(10_000))))
        .with(query("cursor", "What the page before gave as next_cursor.", text()))
        .refuses(&[ErrorKind::InvalidName])
        .read("Agents")
}

fn states() -> RefOr<Schema> {
    one_of(AgentState::ALL.iter().map(|state| state.as_str()))
}

/// Adds the schemas of agents.
pub(super) fn schemas(components: ComponentsBuilder) -> ComponentsBuilder {
    let said = || -> [Property; 4] {
        [
            ("scope", name(), true),
            ("mcp_server_present", or_null(truth()), false),
            ("loaded_mcp_tools", or_null(list(text_without(MAX_TOOL_LEN))), false),
            ("mcp_tools_ready", or_null(truth()), false),
        ]
    };
    let [scope, present, tools, ready] = said();
    let registration = [("id", name(), true), scope, ("runtime", text_without(128), true), present, tools, ready];
    let [scope, present, tools, ready] = said();
    let heartbeat =
        [("id", or_null(name()), false), scope, ("runtime", or_null(text_without(128)), false), present, tools, ready];
    components
        .schema("Registration", closed(object("What an agent says as it begins.", registration)))
        .schema("Heartbeat", closed(object("What an agent says as it goes on.", heartbeat)))
        .schema("Agent", agent())
        .schema(
            "Agents",
            object(
                "Agents, or a page of them.",
                [("agents", list(reference("Agent")), true), ("next_cursor", text(), false)],
            ),
        )
        .schema(
            "ReportRefusal",
            object(
                "An answer that is an error. The reason says what is wrong with a report; agent is there where it was \
                 kept all the same.",
                [
                    ("error", reference("Failure"), true),
                    ("reason", text(), false),
                    ("agent", reference("Agent"), false),
                ],
            ),
        )
}

fn agent() -> RefOr<Schema> {
    object(
        "An agent as it last reported, and its state now; the reason is there where that is not online.",
        [
            ("id", name(), true),
            ("scope", name(), true),
            ("runtime", text(), true),
            ("state", states(), true),
            ("reason", or_null(text()), true),
            ("mcp_server_present", or_null(truth()), true),
            ("mcp_tools_ready", or_null(truth()), true),
            ("registered_at", time(), true),
            ("last_seen_at", time(), true),
            ("heartbeat_within_s", number(1, None), true),
        ],
    )
}
