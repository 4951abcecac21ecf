//! What may be started or reached at all: asked before anything is (S1 to S3).

use std::fmt;
use std::sync::Arc;

use mcp_registry_spec::{Error, ErrorKind, LaunchSpec, LaunchTransport, McpServerRegistry, Result, ServerName, text};

use crate::endpoint;

/// The commands that may be started where the agent has no list of its own (rule 12).
pub const DEFAULT_COMMANDS: &[&str] = &["npx", "uvx", "python", "python3", "node", "docker"];

type Judge = dyn Fn(&LaunchSpec) -> Result<()> + Send + Sync;

/// The spawn gate: the allowlist of commands, the transport's rules, and what an operator's policy says.
///
/// What it refuses is never started, and stops the whole operation (S1).
///
/// ```
/// use mcp_registry_pool::Gate;
/// use mcp_registry_spec::{ErrorKind, FixedEnvironment, McpServerSpec};
/// let spec: McpServerSpec = serde_json::from_str(r#"{"name":"a","command":"/tmp/npx"}"#)?;
/// let refused = Gate::default().check(&spec.resolve(&FixedEnvironment::new())?);
/// assert_eq!(refused.unwrap_err().kind(), ErrorKind::CommandNotAllowed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Gate {
    allowed: Vec<String>,
    /// Whether the list is the agent's own.
    own: bool,
    judge: Option<Arc<Judge>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Gate {
    /// A gate with the agent's own list of commands, which may be empty; the default list where there is none.
    #[must_use]
    pub fn new(own: Option<Vec<String>>) -> Self {
        let is_own = own.is_some();
        let allowed = own.unwrap_or_else(|| DEFAULT_COMMANDS.iter().map(ToString::to_string).collect());
        Self { allowed, own: is_own, judge: None }
    }

    /// The gate of the agent whose registry this is.
    ///
    /// # Errors
    /// When its storage cannot be reached.
    pub async fn of(registry: &McpServerRegistry) -> Result<Self> {
        Ok(Self::new(registry.allowed_commands().await?))
    }

    /// The same, also asking `judge` of every resolved launch: where a policy plugs in (P22).
    #[must_use]
    pub fn judged_by(mut self, judge: impl Fn(&LaunchSpec) -> Result<()> + Send + Sync + 'static) -> Self {
        self.judge = Some(Arc::new(judge));
        self
    }

    /// Whether the launch may be done.
    ///
    /// # Errors
    /// [`ErrorKind::CommandNotAllowed`] (rule 12); [`ErrorKind::InsecureTransport`] and
    /// [`ErrorKind::InvalidSpec`] for a remote server's URL (rule 11); those of the judge.
    pub fn check(&self, launch: &LaunchSpec) -> Result<()> {
        match &launch.transport {
            LaunchTransport::Stdio { command, .. } => self.check_command(&launch.name, command)?,
            LaunchTransport::StreamableHttp(remote) | LaunchTransport::Sse(remote) => {
                endpoint::checked(&launch.name, remote.url.expose())?;
            }
        }
        self.judge.as_ref().map_or(Ok(()), |judge| judge(launch))
    }

    /// Whether a command is in the list, word for word: a name allows no path, and a whole path no other (S2).
    ///
    /// # Errors
    /// [`ErrorKind::CommandNotAllowed`].
    pub fn check_command(&self, name: &ServerName, command: &str) -> Result<()> {
        // A path that is not whole means another program in another folder.
        let is_relative = command.contains('/') && !command.starts_with('/');
        if !is_relative && self.allowed.iter().any(|allowed| allowed == command) {
            return Ok(());
        }
        let message =
            format!("the command {} of the server {:?} may not be started", text::quote(command), name.as_str());
        let error = Error::new(ErrorKind::CommandNotAllowed, message);
        if is_relative {
            return Err(error.hint("it is a relative path, which depends on the folder: give and list the whole one"));
        }
        Err(match (self.own, self.allowed.is_empty()) {
            (true, true) => error.hint("the agent's own \"## Allowed commands\" is empty, which allows none"),
            (true, false) => error.hint("the agent's own \"## Allowed commands\" does not list it"),
            (false, _) => error.hint(format!(
                "allowed are {}, unless the agent has a list of its own in \"## Allowed commands\"",
                self.allowed.join(", ")
            )),
        })
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("allowed", &self.allowed).field("judged", &self.judge.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(gate: &Gate, command: &str) -> Option<ErrorKind> {
        gate.check_command(&ServerName::parse("a").unwrap(), command).err().map(|error| error.kind())
    }

    #[test]
    fn s2_the_list_is_taken_word_for_word() {
        let default = Gate::default();
        for command in DEFAULT_COMMANDS {
            assert_eq!(kind(&default, command), None, "{command}");
        }
        for command in ["sh", "/usr/bin/npx", "./npx", "NPX", "npx ", " npx", "npx.cmd", "", "bash"] {
            assert_eq!(kind(&default, command), Some(ErrorKind::CommandNotAllowed), "{command:?}");
        }
        let own = Gate::new(Some(vec!["/opt/tool".into(), "deno".into()]));
        assert_eq!((kind(&own, "/opt/tool"), kind(&own, "deno")), (None, None));
        for command in ["tool", "/opt/./tool", "/opt//tool", "npx", "/usr/bin/deno"] {
            assert_eq!(kind(&own, command), Some(ErrorKind::CommandNotAllowed), "{command:?}");
        }
        assert_eq!(kind(&Gate::new(Some(Vec::new())), "npx"), Some(ErrorKind::CommandNotAllowed));
        let relative = Gate::new(Some(vec!["bin/tool".into(), "./tool".into()]));
        assert_eq!(kind(&relative, "bin/tool").or(kind(&relative, "./tool")), Some(ErrorKind::CommandNotAllowed));
    }

    #[test]
    fn s3_the_judge_has_its_say_of_what_is_listed() {
        let spec = mcp_registry_spec::McpServerSpec::from_json(serde_json::json!({"name": "a", "command": "npx"}));
        let launch = spec.unwrap().resolve(&mcp_registry_spec::FixedEnvironment::new()).unwrap();
        assert!(Gate::default().check(&launch).is_ok());
        let gate = Gate::default().judged_by(|_| Err(Error::new(ErrorKind::Forbidden, "no")));
        assert_eq!(gate.check(&launch).unwrap_err().kind(), ErrorKind::Forbidden);
    }
}
