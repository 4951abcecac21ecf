//! What is known of an agent.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use mcp_registry_spec::time::from_millis;
use mcp_registry_spec::{AgentId, Error, ErrorKind, Result, Scope, named, text};
use sqlx::Row as _;

use crate::store::{Row, Store};

named! {
    /// In which state an agent is (rule C40).
    pub enum AgentState {
        /// It reports, and lacks nothing that its scope requires.
        Online = "online",
        /// It reports, and a tool that its scope requires is not among those it has loaded.
        Degraded = "degraded",
        /// It lacks the servers that its scope requires.
        Failed = "failed",
        /// It has not reported within its time.
        Offline = "offline",
    }
}

impl AgentState {
    /// Why it is not online, in one word; `None` where it is.
    #[must_use]
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Online => None,
            Self::Degraded => Some("mcp_tool_missing"),
            Self::Failed => Some("mcp_server_missing"),
            Self::Offline => Some("heartbeat_missing"),
        }
    }
}

impl FromStr for AgentState {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::from_name(name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|state| state.as_str()).collect();
            Error::new(ErrorKind::ConfigInvalid, format!("{} is no state of an agent", text::quote(name)))
                .hint(format!("a state is one of {}", names.join(", ")))
        })
    }
}

/// An agent as it last reported, and its state when somebody looked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgentRecord {
    /// Its scope.
    pub scope: Scope,
    /// What it is known by there.
    pub id: AgentId,
    /// What it runs on.
    pub runtime: String,
    /// Its state.
    pub state: AgentState,
    /// Whether its last report is a registration that was refused for want of a server.
    pub refused: bool,
    /// Whether it has the servers that its scope requires, if it said so.
    pub present: Option<bool>,
    /// Whether its tools are loaded, if it said so.
    pub ready: Option<bool>,
    /// When it last registered.
    pub registered: SystemTime,
    /// When it last reported.
    pub seen: SystemTime,
    /// For how long that report stands.
    pub time: Duration,
}

/// The agent of the first row, which is there.
pub(super) fn first(store: &Store, rows: &[Row]) -> Result<AgentRecord> {
    let gone = || Error::new(ErrorKind::Unavailable, "the agent that was just written is gone").retryable();
    rows.first().ok_or_else(gone).and_then(|row| read(store, row))
}

/// The agent of a row.
pub(super) fn read(store: &Store, row: &Row) -> Result<AgentRecord> {
    let text = |column: &str| row.try_get::<String, _>(column).map_err(store.failed("cannot read"));
    let number = |column: &str| row.try_get::<i64, _>(column).map_err(store.failed("cannot read"));
    let truth = |column: &str| -> Result<Option<bool>> {
        let found: Option<i64> = row.try_get(column).map_err(store.failed("cannot read"))?;
        Ok(found.map(|found| found != 0))
    };
    Ok(AgentRecord {
        scope: Scope::parse(&text("scope")?).map_err(unreadable)?,
        id: AgentId::parse(&text("id")?).map_err(unreadable)?,
        runtime: text("runtime")?,
        state: state(store, row)?,
        refused: number("refused")? != 0,
        present: truth("present")?,
        ready: truth("ready")?,
        registered: from_millis(number("registered")?),
        seen: from_millis(number("seen")?),
        time: Duration::from_millis(u64::try_from(number("timeout")?).unwrap_or_default()),
    })
}

/// The state of a row.
pub(super) fn state(store: &Store, row: &Row) -> Result<AgentState> {
    let state: String = row.try_get("state").map_err(store.failed("cannot read"))?;
    state.parse().map_err(unreadable)
}

pub(super) fn unreadable(cause: Error) -> Error {
    Error::new(ErrorKind::DescriptorInvalid, "what is stored of an agent cannot be read").caused_by(cause)
}
