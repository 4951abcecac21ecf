//! What an agent says of itself.

use std::time::Duration;

use mcp_registry_spec::wire::{MAX_TOOL_LEN, MAX_TOOLS};
use mcp_registry_spec::{AgentId, Error, ErrorKind, Result, Scope, text};
use serde_json::{Value, json};

/// The longest name of what an agent runs on, in bytes.
const MAX_RUNTIME_LEN: usize = 128;

/// What an agent says of itself (rule C38). What it does not say is not so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub(super) scope: Scope,
    pub(super) id: AgentId,
    runtime: Option<String>,
    present: Option<bool>,
    ready: Option<bool>,
    tools: Option<String>,
}

impl Report {
    /// The report of an agent that says no more than that it is there.
    #[must_use]
    pub fn new(scope: Scope, id: AgentId) -> Self {
        Self { scope, id, runtime: None, present: None, ready: None, tools: None }
    }

    /// The scope of the agent.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The agent.
    #[must_use]
    pub fn id(&self) -> &AgentId {
        &self.id
    }

    /// What it runs on.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`] when that is empty, longer than 128 bytes, or has control characters.
    pub fn runtime(self, runtime: &str) -> Result<Self> {
        check("the runtime", runtime, MAX_RUNTIME_LEN)?;
        Ok(Self { runtime: Some(runtime.to_owned()), ..self })
    }

    /// Whether the servers that its scope requires are there.
    #[must_use]
    pub fn present(self, present: bool) -> Self {
        Self { present: Some(present), ..self }
    }

    /// Whether its tools are loaded: while they are not, nobody knows which they are.
    #[must_use]
    pub fn ready(self, ready: bool) -> Self {
        Self { ready: Some(ready), ..self }
    }

    /// The tools it has loaded; none is not the same as not known.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`] for more than 10,000, and for one that is empty, longer than 256 bytes, or has control
    /// characters.
    pub fn tools(self, tools: &[impl AsRef<str>]) -> Result<Self> {
        if tools.len() > MAX_TOOLS {
            let many = format!("{} tools are more than {MAX_TOOLS}", tools.len());
            return Err(Error::new(ErrorKind::InvalidSpec, many));
        }
        let mut lines = String::from("\n");
        for tool in tools {
            check_tool(tool.as_ref())?;
            lines.push_str(tool.as_ref());
            lines.push('\n');
        }
        Ok(Self { tools: Some(lines), ..self })
    }

    /// Whether it says what the agent runs on.
    pub(super) fn says_runtime(&self) -> bool {
        self.runtime.is_some()
    }

    /// What is stored of it: scope, id, runtime, present, ready, the tools that are known, and for how many
    /// milliseconds it stands.
    pub(super) fn row(&self, time: Duration) -> Value {
        let known = self.tools.as_ref().filter(|_| self.ready != Some(false));
        let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let (present, ready) = (self.present.map(i64::from), self.ready.map(i64::from));
        json!([self.scope, self.id, self.runtime, present, ready, known, time])
    }
}

/// Refuses what is no name of a tool: empty, longer than 256 bytes, or with control characters.
///
/// # Errors
/// [`ErrorKind::InvalidSpec`].
pub(super) fn check_tool(tool: &str) -> Result<()> {
    check("the name of a tool", tool, MAX_TOOL_LEN)
}

fn check(what: &str, given: &str, most: usize) -> Result<()> {
    if (1..=most).contains(&given.len()) && !given.contains(char::is_control) {
        return Ok(());
    }
    let wrong = format!("{what}, {}, has not 1 to {most} bytes without control characters", text::quote(given));
    Err(Error::new(ErrorKind::InvalidSpec, wrong))
}
