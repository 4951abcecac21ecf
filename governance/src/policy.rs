//! The policy: where it is, what it says, and what it decides.

mod decision;
mod diagnostics;
mod document;
mod environment;
mod file;
mod glob;
mod host;
mod judge;
mod launchers;
mod package;
mod place;
mod reader;
mod servers;
mod tools;
mod words;

use std::path::{Path, PathBuf};

use mcp_registry_spec::{Environment, Error, McpServerRegistry, McpServerSpec, Transport};

pub use decision::{Decision, Request, Rule};
pub use diagnostics::{Counts, Diagnostics, RuleLine};
pub use document::{Changes, Gate};
pub use place::Source;
pub use tools::Tool;
pub use words::Launch;

use document::Document;
use place::Named;

/// The policy that holds, be it the one of a file, the default, or, of a file that cannot be used,
/// that nearly everything is denied (P5).
#[derive(Debug, Clone)]
pub struct Policy {
    path: Option<PathBuf>,
    named: Named,
    /// Whether the file is there.
    exists: bool,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// There is no file (P4).
    Default(Document),
    Read(Document),
    /// What is wrong with the file, at least one thing, in the order of its lines.
    Broken(Vec<Error>),
}

impl Policy {
    /// The policy where there is no file: everybody may read, changes are gated, and any server may
    /// be mounted (P4).
    #[must_use]
    pub fn safe_default() -> Self {
        Self { path: None, named: Named::State, exists: false, state: State::Default(Document::default()) }
    }

    /// The policy that `text` states. Nothing is read; `path` is named in decisions and errors.
    #[must_use]
    pub fn parse(text: &str, path: &Path) -> Self {
        let state = match Document::parse(text, path) {
            Ok(document) => State::Read(document),
            Err(problems) => State::Broken(problems),
        };
        Self { path: Some(path.to_owned()), named: Named::Flag, exists: true, state }
    }

    /// The file that was looked for, there or not.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether there is no file, so that the default holds (P4).
    #[must_use]
    pub fn is_default(&self) -> bool {
        matches!(self.state, State::Default(_))
    }

    /// What is wrong with the file, in the order of its lines; empty when it can be used.
    #[must_use]
    pub fn problems(&self) -> &[Error] {
        match &self.state {
            State::Broken(problems) => problems,
            _ => &[],
        }
    }

    /// What it says of changes; `None` when the file cannot be used.
    #[must_use]
    pub fn changes(&self) -> Option<&Changes> {
        self.document().map(|document| &document.changes)
    }

    /// Whether changes may be asked for (P12): never where the file cannot be used.
    #[must_use]
    pub fn gate(&self, environment: &dyn Environment) -> Gate {
        self.changes().map_or(Gate::DefaultOff, |changes| changes.gate(environment))
    }

    /// What the agent's own document allows (P21), where that matters to what the policy says of an entry.
    ///
    /// # Errors
    /// When the storage cannot be reached.
    pub async fn own_commands(
        &self,
        registry: &McpServerRegistry,
        entry: &McpServerSpec,
    ) -> Result<Option<Vec<String>>, Error> {
        match entry.transport {
            Transport::Stdio(_) if self.problems().is_empty() && self.restricts_servers() => {
                registry.allowed_commands().await
            }
            _ => Ok(None),
        }
    }

    /// Whether it says which servers may be mounted. A file that cannot be used allows none.
    #[must_use]
    pub fn restricts_servers(&self) -> bool {
        self.document().is_none_or(|document| document.servers.is_some())
    }

    fn document(&self) -> Option<&Document> {
        match &self.state {
            State::Default(document) | State::Read(document) => Some(document),
            State::Broken(_) => None,
        }
    }
}
