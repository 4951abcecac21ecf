//! What a policy decides, and by which rule (P7).

use std::fmt;
use std::path::{Path, PathBuf};

use mcp_registry_spec::{Error, ErrorKind, Scope, ServerName, text};
use serde::{Serialize, Serializer};

use super::document::Document;
use super::tools::Tool;
use super::words::Launch;
use super::{Policy, State};

/// A call of a tool, as far as a policy asks.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The tool.
    pub tool: Tool,
    /// Whose entries are meant.
    pub scope: Option<&'a Scope>,
    /// The server that is meant, where one is.
    pub server: Option<&'a ServerName>,
    /// What it would be, where an entry is asked for.
    pub launch: Option<&'a Launch<'a>>,
    /// The commands that the agent's own document allows, where it says so (P21).
    pub own_commands: Option<&'a [String]>,
}

impl<'a> Request<'a> {
    /// A call that names nothing yet.
    #[must_use]
    pub fn new(tool: Tool) -> Self {
        Self { tool, scope: None, server: None, launch: None, own_commands: None }
    }

    /// The same, meaning the entries of `scope`.
    #[must_use]
    pub fn scope(mut self, scope: Option<&'a Scope>) -> Self {
        self.scope = scope;
        self
    }

    /// The same, meaning the server of that name.
    #[must_use]
    pub fn server(mut self, server: Option<&'a ServerName>) -> Self {
        self.server = server;
        self
    }

    /// The same, asking for an entry; `own_commands` are what the agent's own document allows.
    #[must_use]
    pub fn launch(mut self, launch: &'a Launch<'a>, own_commands: Option<&'a [String]>) -> Self {
        (self.launch, self.own_commands) = (Some(launch), own_commands);
        self
    }
}

/// What a policy decided. Its serde form is `{"allowed","needs_confirmation","reason"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// Whether a person has to agree before it is (P11); never with a denial.
    pub needs_confirmation: bool,
    /// Why, for people and models.
    pub reason: String,
    /// The rule it was made by.
    #[serde(skip)]
    pub rule: Rule,
}

/// The rule that made a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its number in `POLICY.md`.
    pub number: &'static str,
    /// The key of the policy that says so, as in `[tools.registry_show] enabled`.
    pub key: Option<String>,
    /// The policy's file.
    #[serde(serialize_with = "as_shown")]
    pub path: Option<PathBuf>,
    /// The line (1-based) of the key.
    pub line: Option<usize>,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number)?;
        if let Some(key) = &self.key {
            write!(f, ", {key}")?;
        }
        match (&self.path, self.line) {
            (Some(path), Some(line)) => write!(f, ", {}:{line}", text::escape(&path.to_string_lossy())),
            _ => Ok(()),
        }
    }
}

impl Decision {
    /// The decision as a result: a denial is [`ErrorKind::Forbidden`], that of a policy that cannot be
    /// used [`ErrorKind::ConfigInvalid`].
    ///
    /// # Errors
    /// When it is denied.
    pub fn check(&self) -> Result<(), Error> {
        if self.allowed {
            return Ok(());
        }
        let Rule { number, key, path, line } = &self.rule;
        if *number == BROKEN {
            return Err(Error::new(ErrorKind::ConfigInvalid, &self.reason).hint("see mcp-registry policy check"));
        }
        let key = key.iter().map(|key| format!(", {key}")).collect::<String>();
        let error = Error::new(ErrorKind::Forbidden, format!("the policy denies this (rule {number}{key})"))
            .caused_by(&self.reason);
        Err(path.iter().fold(error, |error, path| error.at(path, *line)))
    }
}

/// The rule of a policy that cannot be used.
const BROKEN: &str = "P5";

impl Policy {
    /// Decides on a call of a tool, in this order: whether the policy can be used, the tool, the scope,
    /// the server's name, what the server is, confirmation (P7).
    ///
    /// ```
    /// use mcp_registry_governance::{Policy, Request, Tool};
    /// let policy = Policy::parse("version = 1\n[tools.registry_show]\nenabled = false", "p.toml".as_ref());
    /// let decision = policy.decide(&Request::new(Tool::RegistryShow));
    /// assert!(!decision.allowed);
    /// assert_eq!(decision.rule.to_string(), "P8, [tools.registry_show] enabled, p.toml:3");
    /// ```
    #[must_use]
    pub fn decide(&self, request: &Request) -> Decision {
        let tool = request.tool;
        let document = match self.usable() {
            Ok(document) => document,
            Err(_) if tool.survives_a_broken_policy() => {
                let reason = format!("the policy cannot be used, and {tool} is allowed all the same");
                return self.allow(tool, reason, BROKEN, None);
            }
            Err(denial) => return denial,
        };
        let key = |name: &str| Some(format!("[tools.{tool}] {name}"));
        if let Some(rules) = document.tools.get(&tool) {
            if let Some(enabled) = rules.enabled.as_ref().filter(|enabled| !enabled.value) {
                return self.deny(format!("{tool} is not enabled"), "P8", key("enabled"), Some(enabled.line));
            }
            if let Some(allowed) = &rules.allowed_scopes {
                let denied = match request.scope {
                    Some(scope) if allowed.value.iter().any(|at| at.value == *scope) => None,
                    Some(scope) => {
                        Some(format!("the scope {} is not one of those of {tool}", text::quote(scope.as_str())))
                    }
                    None => Some(format!("no scope is named, and {tool} is allowed in some only")),
                };
                if let Some(reason) = denied {
                    return self.deny(reason, "P9", key("allowed_scopes"), Some(allowed.line));
                }
            }
            if let Some(patterns) = &rules.server_patterns {
                let denied = match request.server {
                    Some(name) if patterns.value.iter().any(|at| at.value.fits(name.as_str())) => None,
                    Some(name) => Some(format!("the name {} fits no pattern of {tool}", text::quote(name.as_str()))),
                    None => Some(format!("no server is named, and {tool} is allowed for some only")),
                };
                if let Some(reason) = denied {
                    return self.deny(reason, "P10", key("server_patterns"), Some(patterns.line));
                }
            }
        }
        if let Some(launch) = request.launch {
            let judged = self.judge_by(document, launch, request.own_commands);
            if !judged.allowed || document.servers.is_some() {
                return Decision { needs_confirmation: judged.allowed && tool.changes(), ..judged };
            }
        }
        let reason = match (tool.changes(), self.is_default()) {
            (false, true) => format!("there is no policy, and {tool} only reads"),
            (true, true) => format!("there is no policy, and what {tool} does is for a person to confirm"),
            (false, false) => format!("nothing in the policy denies {tool}, which only reads"),
            (true, false) => format!("nothing in the policy denies {tool}; what it does is for a person to confirm"),
        };
        let required = document.tools.get(&tool).and_then(|rules| rules.require_confirmation.as_ref());
        match required.filter(|required| required.value) {
            Some(required) => Decision {
                rule: self.rule("P11", key("require_confirmation"), Some(required.line)),
                ..self.allow(tool, reason, "P11", None)
            },
            None => self.allow(tool, reason, if self.is_default() { "P4" } else { "P11" }, None),
        }
    }

    /// Decides whether a server may be mounted, or launched, by what it is and whoever asks (P13,
    /// P22). `own_commands` are what the agent's own document allows, where it says so (P21).
    ///
    /// ```
    /// use mcp_registry_governance::Policy;
    /// use mcp_registry_spec::McpServerSpec;
    /// let policy = Policy::parse(
    ///     "version = 1\n[servers]\ncommands = [\"npx\"]\npackages = [\"npm:@modelcontextprotocol/*\"]",
    ///     "p.toml".as_ref(),
    /// );
    /// let spec = |package: &str| {
    ///     serde_json::from_str::<McpServerSpec>(&format!(r#"{{"name":"a","command":"npx","args":["{package}"]}}"#))
    /// };
    /// assert!(policy.judge(&(&spec("@modelcontextprotocol/server-github")?).into(), None).allowed);
    /// assert!(!policy.judge(&(&spec("--call=evil")?).into(), None).allowed);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn judge(&self, launch: &Launch, own_commands: Option<&[String]>) -> Decision {
        match self.usable() {
            Ok(document) => self.judge_by(document, launch, own_commands),
            Err(denial) => denial,
        }
    }

    /// What the policy says, or the denial of everything where it cannot be used (P5).
    fn usable(&self) -> Result<&Document, Decision> {
        match &self.state {
            State::Default(document) | State::Read(document) => Ok(document),
            State::Broken(problems) => {
                let line = problems.first().and_then(Error::line);
                Err(self.deny(format!("the policy cannot be used: {}", summary(problems)), BROKEN, None, line))
            }
        }
    }

    fn judge_by(&self, document: &Document, launch: &Launch, own_commands: Option<&[String]>) -> Decision {
        let Some(servers) = &document.servers else {
            let reason = "the policy does not say which servers may be mounted".to_owned();
            return Decision { allowed: true, needs_confirmation: false, reason, rule: self.rule("P13", None, None) };
        };
        let key = |name: &str| Some(format!("[servers] {name}"));
        match servers.judge(launch, own_commands) {
            Ok(ground) => Decision {
                allowed: true,
                needs_confirmation: false,
                reason: ground.reason,
                rule: self.rule(ground.number, key(ground.key), Some(ground.line)),
            },
            Err(refusal) => self.deny(refusal.reason, refusal.number, refusal.key.and_then(key), Some(servers.line)),
        }
    }

    fn allow(&self, tool: Tool, reason: String, number: &'static str, line: Option<usize>) -> Decision {
        let rule = self.rule(number, None, line);
        Decision { allowed: true, needs_confirmation: tool.changes(), reason, rule }
    }

    fn deny(&self, reason: String, number: &'static str, key: Option<String>, line: Option<usize>) -> Decision {
        Decision { allowed: false, needs_confirmation: false, reason, rule: self.rule(number, key, line) }
    }

    fn rule(&self, number: &'static str, key: Option<String>, line: Option<usize>) -> Rule {
        Rule { number, key, path: self.path().map(Path::to_owned).filter(|_| !self.is_default()), line }
    }
}

/// A path that is no UTF-8 has another form for people, and none for programs.
pub(super) fn as_shown<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}

/// What is wrong, in one line.
pub(super) fn summary(problems: &[Error]) -> String {
    match problems {
        [] => String::new(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first}; and {} more", rest.len()),
    }
}
