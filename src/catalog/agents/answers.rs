//! Agents as they are told (rule C42).

use std::time::SystemTime;

use mcp_registry_spec::{AgentId, Scope, time};
use mcp_registry_store::{AgentRecord, AgentState};
use serde::Serialize;

/// An agent.
#[derive(Serialize)]
pub(crate) struct Agent<'a> {
    pub(crate) id: &'a AgentId,
    pub(crate) scope: &'a Scope,
    pub(crate) runtime: &'a str,
    pub(crate) state: AgentState,
    pub(crate) reason: Option<&'static str>,
    pub(crate) mcp_server_present: Option<bool>,
    pub(crate) mcp_tools_ready: Option<bool>,
    #[serde(serialize_with = "time::serialize")]
    pub(crate) registered_at: SystemTime,
    #[serde(serialize_with = "time::serialize")]
    pub(crate) last_seen_at: SystemTime,
    pub(crate) heartbeat_within_s: u64,
}

impl<'a> From<&'a AgentRecord> for Agent<'a> {
    fn from(agent: &'a AgentRecord) -> Self {
        Self {
            id: &agent.id,
            scope: &agent.scope,
            runtime: &agent.runtime,
            state: agent.state,
            reason: agent.state.reason(),
            mcp_server_present: agent.present,
            mcp_tools_ready: agent.ready,
            registered_at: agent.registered,
            last_seen_at: agent.seen,
            heartbeat_within_s: agent.time.as_secs(),
        }
    }
}

/// What `GET /agents` answers.
#[derive(Serialize)]
pub(super) struct Agents<'a> {
    agents: Vec<Agent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl<'a> Agents<'a> {
    /// The first of those that were found, and where the next page begins if there are more.
    pub(super) fn page(found: &'a [AgentRecord], limit: usize) -> Self {
        let shown = found.get(..limit);
        let last = shown.filter(|_| found.len() > limit).and_then(<[_]>::last);
        Self {
            agents: shown.unwrap_or(found).iter().map(Agent::from).collect(),
            // Neither name has a slash (rule 1).
            next_cursor: last.map(|last| format!("{}/{}", last.scope, last.id)),
        }
    }
}
