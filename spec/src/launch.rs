//! Launching: an entry with its references resolved (rule 8).

use std::collections::BTreeMap;

use crate::template::Piece;
use crate::{Environment, Error, ErrorKind, McpServerSpec, Result, Secret, ServerName, Transport};

/// What is needed to start or reach a server, now: values, not references.
///
/// It holds secrets, so its `Debug` hides every value, and it has neither `Display` nor
/// `Serialize`:
///
/// ```compile_fail
/// fn show(launch: &mcp_registry_spec::LaunchSpec) -> String { launch.to_string() }
/// ```
/// ```compile_fail
/// fn send(launch: &mcp_registry_spec::LaunchSpec) -> String { serde_json::to_string(launch).unwrap() }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchSpec {
    /// The entry's name.
    pub name: ServerName,
    /// How the server is started or reached.
    pub transport: LaunchTransport,
    /// What variables brought in, wherever it went: to be hidden in what the server says.
    pub secrets: Vec<Secret<String>>,
}

/// How a server is started or reached, with values in place of references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaunchTransport {
    /// A child process.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<Secret<String>>,
        /// What is added to its environment.
        env: BTreeMap<String, Secret<String>>,
    },
    /// A remote server, by streamable HTTP.
    StreamableHttp(LaunchRemote),
    /// A remote server, by HTTP and server-sent events.
    Sse(LaunchRemote),
}

/// A remote server's endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchRemote {
    /// Where it answers.
    pub url: Secret<String>,
    /// What is sent with every request.
    pub headers: BTreeMap<String, Secret<String>>,
}

impl McpServerSpec {
    /// Reads every reference from `environment`.
    ///
    /// # Errors
    /// [`ErrorKind::EnvUnresolved`], naming the server and the variable and no value: a variable
    /// that has no default is unset, or not UTF-8. [`ErrorKind::InvalidSpec`] when what came out
    /// cannot be used.
    ///
    /// ```
    /// use mcp_registry_spec::{ErrorKind, FixedEnvironment, McpServerSpec};
    /// let spec: McpServerSpec =
    ///     serde_json::from_str(r#"{"name":"github","command":"npx","env":{"TOKEN":"$GITHUB_PAT"}}"#)?;
    /// let error = spec.resolve(&FixedEnvironment::new()).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::EnvUnresolved);
    /// let launch = spec.resolve(&FixedEnvironment::new().with("GITHUB_PAT", "hunter2"))?;
    /// assert!(!format!("{launch:?}").contains("hunter2"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resolve(&self, environment: &dyn Environment) -> Result<LaunchSpec> {
        let mut resolver = Resolver { name: &self.name, environment, read: Vec::new() };
        let transport = match &self.transport {
            Transport::Stdio(stdio) => LaunchTransport::Stdio {
                command: stdio.command.clone(),
                args: stdio.args.iter().map(|arg| resolver.text(arg.pieces(), "args")).collect::<Result<_>>()?,
                env: resolver.values("env", &stdio.env)?,
            },
            Transport::StreamableHttp(remote) => LaunchTransport::StreamableHttp(resolver.remote(remote)?),
            Transport::Sse(remote) => LaunchTransport::Sse(resolver.remote(remote)?),
        };
        Ok(LaunchSpec { name: self.name.clone(), transport, secrets: resolver.read })
    }
}

struct Resolver<'a> {
    name: &'a ServerName,
    environment: &'a dyn Environment,
    /// Every value that a variable gave.
    read: Vec<Secret<String>>,
}

impl Resolver<'_> {
    fn text<'p>(&mut self, pieces: impl Iterator<Item = Piece<'p>>, field: &str) -> Result<Secret<String>> {
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Reference { name, default } => out.push_str(&self.read(name, default, field)?),
            }
        }
        Ok(Secret::new(out))
    }

    fn read(&mut self, variable: &str, default: Option<&str>, field: &str) -> Result<String> {
        let unresolved = |why: &str, hint: String| {
            Error::new(
                ErrorKind::EnvUnresolved,
                format!("the server {:?} needs {variable} for {field}, which {why}", self.name),
            )
            .hint(hint)
        };
        let value = match self.environment.read(variable) {
            Some(value) => {
                value.into_string().map_err(|_| unresolved("is not UTF-8", format!("set {variable} to text")))?
            }
            None => match default {
                Some(default) => return Ok(default.to_owned()),
                None => return Err(unresolved("is not set", format!("set {variable} in the environment"))),
            },
        };
        match default {
            Some(default) if value.is_empty() => return Ok(default.to_owned()),
            _ if value.is_empty() => {}
            _ => self.read.push(Secret::new(value.clone())),
        }
        Ok(value)
    }

    fn values(
        &mut self,
        field: &str,
        values: &BTreeMap<String, crate::EnvTemplate>,
    ) -> Result<BTreeMap<String, Secret<String>>> {
        values
            .iter()
            .map(|(key, value)| Ok((key.clone(), self.text(value.pieces(), &format!("{field}.{key}"))?)))
            .collect()
    }

    fn remote(&mut self, remote: &crate::Remote) -> Result<LaunchRemote> {
        let url = self.text(remote.url.pieces(), "url")?;
        let headers = self.values("headers", &remote.headers)?;
        // What a variable brought in is held to what a literal is held to.
        let invalid =
            |what: String| Error::new(ErrorKind::InvalidSpec, format!("the server {:?} resolves to {what}", self.name));
        let lower = url.expose().to_ascii_lowercase();
        if !["http://", "https://"].iter().any(|s| lower.starts_with(s) && lower.len() > s.len())
            || lower.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(invalid("a url that is none; it must begin with http:// or https://".to_owned()));
        }
        if let Some((name, _)) = headers.iter().find(|(_, v)| v.expose().contains(['\r', '\n', '\0'])) {
            return Err(invalid(format!("a header {name} with a line break")));
        }
        Ok(LaunchRemote { url, headers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FixedEnvironment;
    use serde_json::json;

    fn spec(value: serde_json::Value) -> McpServerSpec {
        McpServerSpec::from_json(value).unwrap()
    }

    #[test]
    fn rule_8_resolution() {
        let spec = spec(json!({"name": "a", "command": "${X}", "args": ["--a=${A}", "$A", "a$$b"],
            "env": {"A": "$A", "B": "${UNSET:-d}", "C": "${EMPTY:-d}", "D": "${EMPTY}", "E": "p${A}s"}}));
        let launch = spec.resolve(&FixedEnvironment::new().with("A", "v").with("EMPTY", "")).unwrap();
        assert_eq!(launch.secrets.iter().map(Secret::expose).collect::<Vec<_>>(), ["v", "v", "v"]);
        let LaunchTransport::Stdio { command, args, env } = launch.transport else { panic!() };
        assert_eq!(command, "${X}", "a command is never a template");
        assert_eq!(args.iter().map(Secret::expose).collect::<Vec<_>>(), ["--a=v", "$A", "a$b"]);
        let env: Vec<_> = env.iter().map(|(k, v)| format!("{k}={}", v.expose())).collect();
        assert_eq!(env, ["A=v", "B=d", "C=d", "D=", "E=pvs"]);
    }

    #[test]
    fn rule_8_unset_names_server_and_variable() {
        let spec = spec(json!({"name": "srv", "command": "x", "env": {"A": "$SET", "B": "$UNSET_ONE"}}));
        let error = spec.resolve(&FixedEnvironment::new().with("SET", "hunter2")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EnvUnresolved);
        let text = format!("{error} {error:?}");
        assert!(text.contains("srv") && text.contains("UNSET_ONE") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn what_a_variable_brings_in_is_checked() {
        let spec = spec(json!({"name": "a", "url": "${U}", "headers": {"H": "$H"}}));
        let env = |u: &str, h: &str| FixedEnvironment::new().with("U", u).with("H", h);
        assert!(spec.resolve(&env("https://h", "x")).is_ok());
        assert!(spec.resolve(&env("file:///etc/passwd", "x")).is_err());
        assert!(spec.resolve(&env("https://h", "x\r\nEvil: y")).is_err());
    }
}
