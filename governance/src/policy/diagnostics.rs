//! What there is to say of a policy itself.

use std::path::PathBuf;

use serde::Serialize;

use super::decision::{as_shown, summary};
use super::document::{Document, VERSION};
use super::{Named, Policy, State};

/// How a policy stands, for `doctor` and `policy check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostics {
    /// Whether it can be used.
    pub ok: bool,
    /// The file that was looked for.
    #[serde(serialize_with = "as_shown")]
    pub path: Option<PathBuf>,
    /// Whether it is there.
    pub exists: bool,
    /// The version of its format; none where it cannot be used or is not there.
    pub version: Option<i64>,
    /// Whether the default holds, as there is no file.
    pub using_default: bool,
    /// All this in a sentence.
    pub summary: String,
    /// What is wrong, where anything is.
    pub error: Option<String>,
    /// How much it says.
    pub counts: Counts,
    /// What it says, key by key.
    pub rules: Vec<RuleLine>,
}

/// How much a policy says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Tools of which it says anything.
    pub tools: usize,
    /// Commands it lists.
    pub commands: usize,
    /// Packages.
    pub packages: usize,
    /// Whole command lines.
    pub launches: usize,
    /// Hosts.
    pub hosts: usize,
    /// Variables.
    pub env: usize,
    /// Keys of entries.
    pub keys: usize,
}

/// One thing that a policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleLine {
    /// The rule of `POLICY.md`.
    pub number: &'static str,
    /// The key, as in `[servers] commands`.
    pub key: String,
    /// Its line (1-based); none where it holds without being written.
    pub line: Option<usize>,
    /// What it says.
    pub says: String,
}

impl Policy {
    /// How the policy stands.
    #[must_use]
    pub fn diagnostics(&self) -> Diagnostics {
        let (counts, rules) = self.document().map(|document| (counts(document), rules(document))).unwrap_or_default();
        let whose = match self.named {
            Named::System => "the machine's policy",
            Named::Flag | Named::Variable | Named::State => "the policy",
        };
        let summary_of = match (&self.state, self.restricts_servers()) {
            (State::Broken(_), _) => {
                format!("{whose} cannot be used: everything is denied but what ends or shows requests")
            }
            (State::Default(_), _) => {
                "there is no policy: everybody may read, changes are gated, any server may be mounted".to_owned()
            }
            (State::Read(_), true) => format!("{whose} can be used, and only servers that it lists may be mounted"),
            (State::Read(_), false) => format!("{whose} can be used, and any server may be mounted"),
        };
        let problems = self.problems();
        Diagnostics {
            ok: problems.is_empty(),
            path: self.path.clone(),
            exists: self.exists,
            version: matches!(self.state, State::Read(_)).then_some(VERSION),
            using_default: self.is_default(),
            summary: summary_of,
            error: (!problems.is_empty()).then(|| summary(problems)),
            counts,
            rules,
        }
    }
}

fn counts(document: &Document) -> Counts {
    let counts = Counts { tools: document.tools.len(), ..Counts::default() };
    match &document.servers {
        None => counts,
        Some(servers) => Counts {
            commands: servers.commands.len(),
            packages: servers.packages.len(),
            launches: servers.launches.len(),
            hosts: servers.hosts.len(),
            env: servers.env.len(),
            keys: servers.keys.len(),
            ..counts
        },
    }
}

fn rules(document: &Document) -> Vec<RuleLine> {
    let mut rules = Vec::new();
    for (tool, said) in &document.tools {
        let mut add = |number, name: &str, line, says| {
            rules.push(RuleLine { number, key: format!("[tools.{tool}] {name}"), line: Some(line), says });
        };
        if let Some(at) = &said.enabled {
            add("P8", "enabled", at.line, at.value.to_string());
        }
        if let Some(at) = &said.allowed_scopes {
            add("P9", "allowed_scopes", at.line, listed(at.value.iter().map(|at| &at.value)));
        }
        if let Some(at) = &said.server_patterns {
            add("P10", "server_patterns", at.line, listed(at.value.iter().map(|at| &at.value)));
        }
        if let Some(at) = &said.require_confirmation {
            let says = if at.value { "true" } else { "false, which takes nothing away: it is needed always" };
            add("P11", "require_confirmation", at.line, says.to_owned());
        }
    }
    let changes = &document.changes;
    let enabled =
        changes.enabled.map_or("not said: MCP_REGISTRY_ENABLE_CHANGES decides", |on| if on { "true" } else { "false" });
    for (name, says) in [
        ("enabled", enabled.to_owned()),
        ("allowed_roles", listed(changes.allowed_roles.iter())),
        ("expires_after", humantime::format_duration(changes.expires_after).to_string()),
        ("approve_over_mcp", changes.approve_over_mcp.to_string()),
        ("forbid_self_approval", changes.forbid_self_approval.to_string()),
    ] {
        let line = document.change_lines.get(name).copied();
        rules.push(RuleLine { number: "P12", key: format!("[changes] {name}"), line, says });
    }
    if let Some(servers) = &document.servers {
        let mut add = |number, name: &str, line, says: String| {
            rules.push(RuleLine { number, key: format!("[servers] {name}"), line: Some(line), says });
        };
        servers.commands.iter().for_each(|at| add("P14", "commands", at.line, at.value.clone()));
        servers.packages.iter().for_each(|at| add("P16", "packages", at.line, at.value.to_string()));
        servers.launches.iter().for_each(|at| add("P17", "launches", at.line, at.value.join(" ")));
        servers.hosts.iter().for_each(|at| add("P19", "hosts", at.line, at.value.to_string()));
        servers.env.iter().for_each(|at| add("P20", "env", at.line, at.value.to_string()));
        servers.keys.iter().for_each(|at| add("P20", "keys", at.line, at.value.to_string()));
    }
    rules
}

fn listed(items: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let items: Vec<_> = items.map(|item| item.to_string()).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}
