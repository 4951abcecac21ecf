//! Reports: what an agent says of itself to a catalog (C37 to C41).

use mcp_registry_spec::wire::{MAX_TOOL_LEN, MAX_TOOLS};
use mcp_registry_spec::{AgentId, Error, ErrorKind, Result, Scope};
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::client::{self, Client, Request};
use crate::config::Config;
use crate::parse;
use crate::refusal::Asked;

/// Reports of one agent of one scope to one catalog.
///
/// ```no_run
/// use mcp_registry_http::{Answer, HttpBackend, Report};
/// use mcp_registry_spec::{AgentId, Scope};
///
/// # async fn example() -> mcp_registry_spec::Result<()> {
/// let builder = HttpBackend::builder("https://catalog.example.org/").scope(Scope::parse("scout")?);
/// let reporter = builder.reporter(AgentId::parse("scout-1")?)?;
/// let report = Report { mcp_server_present: true, loaded_mcp_tools: None, mcp_tools_ready: None };
/// if let Answer::Kept { state, .. } = reporter.register("claude-code", &report).await? {
///     println!("{state}");
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Reporter {
    client: Client,
    scope: Scope,
    agent: AgentId,
}

/// What an agent says of its servers (C38).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether it has the servers that it must have.
    pub mcp_server_present: bool,
    /// The tools it has, as it names them; `None` where they are not known, which is not the same as none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded_mcp_tools: Option<Vec<String>>,
    /// Whether these are all there will be; `None` says nothing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp_tools_ready: Option<bool>,
}

impl Report {
    /// Checks that a catalog takes it (C38).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`] for more than 10,000 tools, and for a tool whose name is longer than 256 bytes.
    pub fn check(&self) -> Result<()> {
        let tools = self.loaded_mcp_tools.as_deref().unwrap_or_default();
        let wrong = if tools.len() > MAX_TOOLS {
            format!("{} tools are more than the {MAX_TOOLS} that a catalog takes", tools.len())
        } else if tools.iter().any(|tool| tool.len() > MAX_TOOL_LEN) {
            format!("the name of a tool is longer than the {MAX_TOOL_LEN} bytes that a catalog takes")
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::InvalidSpec, wrong))
    }
}

/// What a catalog says to a report (C41).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is kept.
    Kept {
        /// The state in which the agent is now, as `online`.
        state: String,
        /// Why it is not online.
        reason: Option<String>,
    },
    /// It is a registration that was refused: the scope requires servers that the agent does not have. The error
    /// is what the catalog says.
    Refused(Error),
    /// It is a heartbeat of an agent that is not registered.
    NotRegistered,
}

/// What is sent: the report, and whose it is.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a AgentId,
    scope: &'a Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime: Option<&'a str>,
    #[serde(flatten)]
    report: &'a Report,
}

impl Reporter {
    pub(crate) fn new(config: Config, agent: AgentId) -> Self {
        Self { scope: config.scope.clone(), client: Client::new(config), agent }
    }

    /// The scope whose agent this is.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Makes the agent known, with what it runs on.
    ///
    /// # Errors
    /// Those of a catalog, by cause, as of any other call; [`ErrorKind::Forbidden`] for a token that may not report
    /// of this agent.
    pub async fn register(&self, runtime: &str, report: &Report) -> Result<Answer> {
        self.send(&["agents", "register"], Some(runtime), report).await
    }

    /// Says that the agent is alive.
    ///
    /// # Errors
    /// As of [`register`](Self::register).
    pub async fn heartbeat(&self, report: &Report) -> Result<Answer> {
        self.send(&["agents", self.agent.as_str(), "heartbeat"], None, report).await
    }

    async fn send(&self, path: &[&str], runtime: Option<&str>, report: &Report) -> Result<Answer> {
        let body = Body { id: &self.agent, scope: &self.scope, runtime, report };
        let body = serde_json::to_vec(&body)
            .map_err(|cause| Error::new(ErrorKind::InvalidSpec, "the report has no JSON form").caused_by(cause))?;
        let mut request = Request::new(Method::POST, self.client.base.resource(path, &[])).json(body);
        request.is_told = true;
        let answer = self.client.send(request).await?;
        match answer.status.as_u16() {
            200 => self.kept(&answer.url, &self.client.json(&answer)?),
            status => Ok(match (status, self.reason(&answer).as_deref()) {
                (400, Some("mcp_server_missing")) => Answer::Refused(self.client.refusal(Asked::Whole, &answer)),
                (404, Some("not_registered")) => Answer::NotRegistered,
                _ => return Err(self.client.refusal(Asked::Whole, &answer)),
            }),
        }
    }

    /// Why a report was not kept, as the word for it that stands beside the error.
    fn reason(&self, answer: &client::Answer) -> Option<String> {
        let body = parse::strict(&answer.body).ok()?;
        body.get("reason")?.as_str().map(str::to_owned)
    }

    fn kept(&self, url: &Url, agent: &Value) -> Result<Answer> {
        let text = |key: &str| agent.get(key).and_then(Value::as_str).map(|text| self.client.quoted(text));
        let state = text("state").ok_or_else(|| self.client.wrong(url, "it says no state of the agent"))?;
        Ok(Answer::Kept { state, reason: text("reason") })
    }
}
