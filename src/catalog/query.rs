//! What a query asks for (rules C2, C3, C10, C32, C42).

use std::borrow::Cow;

use mcp_registry_governance::State;
use mcp_registry_spec::{AgentId, Error, ErrorKind, Scope, ServerName, text};
use mcp_registry_store::AgentState;

use super::refusal::Refusal;

/// The most entries a page has, and the most records an answer of the audit.
const MOST: usize = 10_000;
/// The records an answer of the audit has when nobody says.
const RECORDS: usize = 1_000;

/// The parameters of a query that mean something, each at most once. Others are ignored: another
/// minor version of the wire may have more.
#[derive(Default)]
pub(crate) struct Query<'a> {
    scope: Option<Cow<'a, str>>,
    expand: Option<Cow<'a, str>>,
    limit: Option<Cow<'a, str>>,
    cursor: Option<Cow<'a, str>>,
    after: Option<Cow<'a, str>>,
    status: Option<Cow<'a, str>>,
    state: Option<Cow<'a, str>>,
}

impl<'a> Query<'a> {
    pub(crate) fn parse(query: Option<&'a str>) -> Result<Self, Refusal> {
        let mut found = Self::default();
        for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let place = match &*key {
                "agent_scope" => &mut found.scope,
                "expand" => &mut found.expand,
                "limit" => &mut found.limit,
                "cursor" => &mut found.cursor,
                "after" => &mut found.after,
                "status" => &mut found.status,
                "state" => &mut found.state,
                _ => continue,
            };
            if place.replace(value).is_some() {
                // Which of the two was meant must not be guessed, of a scope least of all.
                let message = format!("{key} is given twice");
                return Err(match &*key {
                    "agent_scope" => Error::new(ErrorKind::InvalidName, message).into(),
                    _ => Refusal::query(message),
                });
            }
        }
        Ok(found)
    }

    /// Whose entries are meant.
    pub(crate) fn scope(&self) -> Result<Scope, Refusal> {
        let missing = || Error::new(ErrorKind::InvalidName, "agent_scope is missing").hint("add ?agent_scope=NAME");
        Ok(Scope::parse(self.scope.as_deref().ok_or_else(missing)?)?)
    }

    /// Whose changes or agents are meant; those of all whom the caller sees when nobody says.
    pub(crate) fn scope_if_any(&self) -> Result<Option<Scope>, Refusal> {
        self.scope.is_some().then(|| self.scope()).transpose()
    }

    /// How the changes stand that are meant; all when nobody says.
    pub(crate) fn status(&self) -> Result<Option<State>, Refusal> {
        let wrong = |error: Error| Refusal::query(error.to_string());
        self.status.as_deref().map(str::parse).transpose().map_err(wrong)
    }

    /// In which state the agents are that are meant; all when nobody says.
    pub(crate) fn agent_state(&self) -> Result<Option<AgentState>, Refusal> {
        let wrong = |error: Error| Refusal::query(error.to_string());
        self.state.as_deref().map(str::parse).transpose().map_err(wrong)
    }

    /// The agent after which a page begins: what the page before it gave as its cursor.
    pub(crate) fn agent_cursor(&self) -> Result<Option<(Scope, AgentId)>, Refusal> {
        let Some(cursor) = self.cursor.as_deref() else { return Ok(None) };
        let agent =
            cursor.split_once('/').and_then(|(scope, id)| Some((Scope::parse(scope).ok()?, AgentId::parse(id).ok()?)));
        agent.map(Some).ok_or_else(foreign_cursor)
    }

    /// Whether entries are asked for in place of refs.
    pub(crate) fn expand(&self) -> Result<bool, Refusal> {
        match self.expand.as_deref() {
            None => Ok(false),
            Some("spec") => Ok(true),
            Some(other) => Err(Refusal::query(format!("expand is \"spec\", not {}", text::quote(other)))),
        }
    }

    /// How many entries a page has; all when nobody says.
    pub(crate) fn limit(&self) -> Result<Option<usize>, Refusal> {
        self.limit.as_deref().map(|limit| number("limit", limit, 1, MOST)).transpose()
    }

    /// The name after which a page begins: what the page before it gave as its cursor.
    pub(crate) fn cursor(&self) -> Result<Option<ServerName>, Refusal> {
        self.cursor.as_deref().map(ServerName::parse).transpose().map_err(|_| foreign_cursor())
    }

    /// The number of the record after which the audit is asked for.
    pub(crate) fn after(&self) -> Result<u64, Refusal> {
        self.after.as_deref().map_or(Ok(0), |after| number("after", after, 0, u64::MAX))
    }

    /// How many records are asked for.
    pub(crate) fn records(&self) -> Result<usize, Refusal> {
        Ok(self.limit()?.unwrap_or(RECORDS))
    }
}

fn foreign_cursor() -> Refusal {
    Refusal::query("the cursor is none that this catalog gave")
}

fn number<N: std::str::FromStr + PartialOrd + std::fmt::Display>(
    key: &str,
    text: &str,
    least: N,
    most: N,
) -> Result<N, Refusal> {
    // A sign is no digit, though the parser takes one.
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits && number >= least && number <= most => Ok(number),
        _ => Err(Refusal::query(format!("{key} is a number from {least} to {most}"))),
    }
}
