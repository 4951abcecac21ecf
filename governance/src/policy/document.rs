//! What a policy's file says (P1, P8 to P13).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use mcp_registry_spec::{Environment, Error, Scope, named};
use mcp_registry_store::actor_role;
use toml::de::{DeTable, DeValue};

use super::glob::Glob;
use super::host::HostPattern;
use super::package::PackagePattern;
use super::reader::{At, Reader, Value};
use super::servers::Servers;
use super::tools::Tool;

/// The version of the format.
pub(super) const VERSION: i64 = 1;
/// The longest that a request may wait for its approval.
const LONGEST_EXPIRY: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// The variable that opens the gate where the policy does not say.
const ENABLE_CHANGES: &str = "MCP_REGISTRY_ENABLE_CHANGES";

/// What a file says, or, where there is none, what holds then.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    pub(super) tools: BTreeMap<Tool, ToolRules>,
    pub(super) changes: Changes,
    /// The keys of `[changes]` that are written, and their lines.
    pub(super) change_lines: BTreeMap<String, usize>,
    pub(super) servers: Option<Servers>,
}

/// What is said of a tool.
#[derive(Debug, Clone, Default)]
pub(super) struct ToolRules {
    pub(super) enabled: Option<At<bool>>,
    pub(super) require_confirmation: Option<At<bool>>,
    pub(super) allowed_scopes: Option<At<Vec<At<Scope>>>>,
    pub(super) server_patterns: Option<At<Vec<At<Glob>>>>,
}

/// What is said of changes (P12).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// Whether changes may be asked for at all; `None` where the policy does not say.
    pub enabled: Option<bool>,
    /// The roles that may ask, in upper case.
    pub allowed_roles: BTreeSet<String>,
    /// How long a request waits for its approval before it expires.
    pub expires_after: Duration,
    /// Whether a person may approve over MCP.
    pub approve_over_mcp: bool,
    /// Whether whoever asked may not be the one who approves.
    pub forbid_self_approval: bool,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            enabled: None,
            allowed_roles: ["OWNER", "ARCHITECT", "OPS", "TECH_LEAD"].map(str::to_owned).into(),
            expires_after: Duration::from_secs(24 * 60 * 60),
            approve_over_mcp: false,
            forbid_self_approval: true,
        }
    }
}

named! {
    /// Whether changes may be asked for.
    pub enum Gate {
        /// They may not.
        DefaultOff = "default-off",
        /// They may.
        Open = "open",
    }
}

impl Changes {
    /// Whether changes may be asked for: as the policy says, else as the variable
    /// `MCP_REGISTRY_ENABLE_CHANGES` does, else not.
    #[must_use]
    pub fn gate(&self, environment: &dyn Environment) -> Gate {
        let open = self.enabled.unwrap_or_else(|| {
            let value = environment.read(ENABLE_CHANGES);
            let value = value.as_ref().and_then(|value| value.to_str()).unwrap_or_default();
            ["1", "true", "yes", "on"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
        });
        if open { Gate::Open } else { Gate::DefaultOff }
    }
}

impl Document {
    /// Reads a file's text.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of its lines.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, Vec<Error>> {
        // What some editors put before a text is no part of it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = Reader::new(text, path);
        let document = match mcp_registry_spec::toml::parse(text) {
            Ok(table) => Self::read(&mut reader, table.get_ref()),
            Err(cause) => {
                reader.wrong(cause.line.unwrap_or(1), &format!("is no valid TOML: {}", cause.message), None);
                Self::default()
            }
        };
        let problems = reader.problems();
        if problems.is_empty() { Ok(document) } else { Err(problems) }
    }

    fn read(reader: &mut Reader, table: &DeTable) -> Self {
        let mut document = Self::default();
        let mut versioned = false;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "version" => {
                    versioned = true;
                    read_version(reader, value);
                }
                "tools" => document.tools = read_tools(reader, value),
                "changes" => (document.changes, document.change_lines) = read_changes(reader, value),
                "servers" => document.servers = read_servers(reader, value, reader.line(&key.span())),
                _ => reader.unknown(key, "key", "", &["version", "tools", "changes", "servers"]),
            }
        }
        if !versioned {
            reader.wrong(1, "says no version", Some("begin it with version = 1"));
        }
        document
    }
}

fn read_version(reader: &mut Reader, value: &Value) {
    reader.read("version", value, "the number 1", |value| {
        let number = value.as_integer()?;
        i64::from_str_radix(number.as_str(), number.radix()).ok().filter(|number| *number == VERSION)
    });
}

fn read_tools(reader: &mut Reader, value: &Value) -> BTreeMap<Tool, ToolRules> {
    let mut tools = BTreeMap::new();
    for (key, value) in reader.table("tools", value).into_iter().flatten() {
        match Tool::ALL.iter().copied().find(|tool| tool.as_str() == key.get_ref()) {
            Some(tool) => {
                tools.insert(tool, read_tool(reader, tool, value));
            }
            None => reader.unknown(key, "tool", "", &Tool::ALL.iter().map(|tool| tool.as_str()).collect::<Vec<_>>()),
        }
    }
    tools
}

fn read_tool(reader: &mut Reader, tool: Tool, value: &Value) -> ToolRules {
    let place = format!("[tools.{tool}]");
    let mut rules = ToolRules::default();
    for (key, value) in reader.table(&place, value).into_iter().flatten() {
        let name = format!("{place} {}", key.get_ref());
        match key.get_ref().as_ref() {
            "enabled" => rules.enabled = reader.boolean(&name, value),
            "require_confirmation" if !tool.changes() => {
                let message = format!("{name} is set, and {tool} only reads: there is nothing to confirm");
                reader.wrong(reader.line(&key.span()), &message, Some("take it away"));
            }
            "require_confirmation" => rules.require_confirmation = reader.boolean(&name, value),
            "allowed_scopes" => {
                rules.allowed_scopes =
                    reader.texts(&name, value, "the exact name of a scope", |t| Scope::parse(t).ok());
            }
            "server_patterns" => {
                let what = "a pattern of server names, with * for any characters and ? for one";
                rules.server_patterns = reader.texts(&name, value, what, name_pattern);
            }
            _ => {
                let known = ["enabled", "require_confirmation", "allowed_scopes", "server_patterns"];
                reader.unknown(key, "key", &format!(" in {place}"), &known);
            }
        }
    }
    rules
}

/// A pattern that some name can fit.
fn name_pattern(text: &str) -> Option<Glob> {
    let may_be = |b: u8| b.is_ascii_alphanumeric() || b"_.+@-*?".contains(&b);
    Glob::new(text).filter(|_| text.bytes().all(may_be))
}

fn read_changes(reader: &mut Reader, value: &Value) -> (Changes, BTreeMap<String, usize>) {
    let (mut changes, mut lines) = (Changes::default(), BTreeMap::new());
    for (key, value) in reader.table("[changes]", value).into_iter().flatten() {
        lines.insert(key.get_ref().to_string(), reader.line(&key.span()));
        let name = format!("[changes] {}", key.get_ref());
        match key.get_ref().as_ref() {
            "enabled" => changes.enabled = reader.boolean(&name, value).map(|at| at.value),
            "allowed_roles" => {
                let roles = reader.texts(&name, value, "the name of a role", actor_role);
                changes.allowed_roles = roles.into_iter().flat_map(|at| at.value).map(|role| role.value).collect();
            }
            "expires_after" => {
                let what = "a span of time such as \"24h\", of 366 days at most";
                if let Some(at) = reader.read(&name, value, what, |value| expiry(value.as_str()?)) {
                    changes.expires_after = at.value;
                }
            }
            "approve_over_mcp" => changes.approve_over_mcp = reader.boolean(&name, value).is_some_and(|at| at.value),
            "forbid_self_approval" => {
                changes.forbid_self_approval = reader.boolean(&name, value).is_none_or(|at| at.value);
            }
            _ => {
                let known = ["enabled", "allowed_roles", "expires_after", "approve_over_mcp", "forbid_self_approval"];
                reader.unknown(key, "key", " in [changes]", &known);
            }
        }
    }
    (changes, lines)
}

fn expiry(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok().filter(|time| !time.is_zero() && *time <= LONGEST_EXPIRY)
}

fn read_servers(reader: &mut Reader, value: &Value, line: usize) -> Option<Servers> {
    let mut servers = Servers { line, ..Servers::default() };
    for (key, value) in reader.table("[servers]", value)? {
        let name = format!("[servers] {}", key.get_ref());
        let name = name.as_str();
        match key.get_ref().as_ref() {
            "commands" => {
                let what = "a command as it stands in entries: a bare name, or the whole path";
                servers.commands = items(reader.texts(name, value, what, command));
            }
            "packages" => {
                let what = "npm:NAME, pypi:NAME, oci:IMAGE, file:PATH or module:NAME, with * for any characters but /";
                servers.packages = items(reader.texts(name, value, what, PackagePattern::parse));
            }
            "launches" => {
                let what = "a list of texts: a command and its arguments, word for word";
                servers.launches = items(reader.list(name, value, what, words));
            }
            "hosts" => {
                let what = "HOST, HOST:PORT or *.DOMAIN";
                servers.hosts = items(reader.texts(name, value, what, HostPattern::parse));
            }
            "env" => {
                let what = "the name of a variable, with * for any characters";
                servers.env = items(reader.texts(name, value, what, variable_pattern));
            }
            "keys" => {
                let what = "a key of an entry, with * for any characters";
                servers.keys = items(reader.texts(name, value, what, Glob::new));
            }
            _ => {
                let known = ["commands", "packages", "launches", "hosts", "env", "keys"];
                reader.unknown(key, "key", " in [servers]", &known);
            }
        }
    }
    Some(servers)
}

fn items<T>(list: Option<At<Vec<At<T>>>>) -> Vec<At<T>> {
    list.map(|list| list.value).unwrap_or_default()
}

/// A command that an entry can have: no template (rule 8), and no command line.
fn command(text: &str) -> Option<String> {
    let is_path = text.contains(['/', '\\']);
    let whole = text.starts_with('/') || text.get(1..3).is_some_and(|drive| matches!(drive, ":\\" | ":/"));
    // A space is part of many a path, and of no name.
    let wrong = |c: char| c == '$' || c.is_control() || (c.is_whitespace() && !(is_path && c == ' '));
    let fine = !text.is_empty() && !text.contains(wrong);
    (fine && (!is_path || whole)).then(|| text.to_owned())
}

fn words(value: &DeValue) -> Option<Vec<String>> {
    let words = value.as_array()?.iter().map(|word| word.get_ref().as_str().map(str::to_owned));
    words.collect::<Option<Vec<_>>>().filter(|words| words.first().is_some_and(|command| !command.is_empty()))
}

fn variable_pattern(text: &str) -> Option<Glob> {
    let may_be = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'*' | b'?');
    Glob::new(text).filter(|_| text.bytes().all(may_be))
}
