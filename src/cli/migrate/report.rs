//! What a migration did.

use std::fmt::Display;
use std::io;

use mcp_registry_spec::{Scope, ServerName, named};
use serde::Serialize;

use crate::cli::printer::Text;
use crate::cli::style::{GREEN, RED};
use crate::cli::table::Column;

/// All of it.
#[derive(Serialize)]
pub(super) struct Report {
    dry_run: bool,
    pub(super) scopes: Vec<Copied>,
}

/// One scope.
#[derive(Serialize)]
pub(super) struct Copied {
    pub(super) scope: Option<Scope>,
    /// Entries that are there now and were not before, or would be.
    pub(super) copied: usize,
    /// Entries that were there already, with the same content.
    pub(super) passed: usize,
    problems: Vec<Trouble>,
}

#[derive(Serialize)]
struct Trouble {
    name: ServerName,
    problem: Problem,
    message: String,
}

named! {
    /// Why an entry is not there in the end.
    pub(super) enum Problem {
        /// It is broken in the source.
        Broken = "broken",
        /// The target has another of that name.
        Differs = "differs",
        /// The target does not take it.
        Refused = "refused",
        /// The target took it and does not have it.
        Lost = "lost",
    }
}

impl Copied {
    pub(super) fn new(scope: Option<Scope>) -> Self {
        Self { scope, copied: 0, passed: 0, problems: Vec::new() }
    }

    pub(super) fn problem(&mut self, name: ServerName, problem: Problem, why: &impl Display) {
        self.problems.push(Trouble { name, problem, message: why.to_string() });
    }

    fn is_empty(&self) -> bool {
        self.copied + self.passed + self.problems.len() == 0
    }

    fn name(&self) -> &str {
        self.scope.as_ref().map_or("(the locator's)", Scope::as_str)
    }
}

impl Report {
    pub(super) fn new(dry_run: bool) -> Self {
        Self { dry_run, scopes: Vec::new() }
    }

    /// Whether everything is there, or would be.
    pub(super) fn is_ok(&self) -> bool {
        self.scopes.iter().all(|scope| scope.problems.is_empty())
    }

    pub(super) fn write(&self, text: &mut Text) -> io::Result<()> {
        let counts = |scope: &Copied| [scope.copied, scope.passed, scope.problems.len()].map(|n| n.to_string());
        let rows: Vec<_> = self.scopes.iter().map(|scope| (scope.name(), counts(scope))).collect();
        let columns = ["SCOPE", "COPIED", "WERE THERE", "PROBLEMS"].map(|title| Column { title, shrinks: false });
        text.table(columns, &rows, |(scope, [copied, passed, problems])| [scope, copied, passed, problems])?;
        for scope in &self.scopes {
            for trouble in &scope.problems {
                text.styled(RED, trouble.problem.as_str())?;
                text.plain("  ")?;
                text.untrusted(&format!("{} {}: {}", scope.name(), trouble.name, trouble.message))?;
                text.end_line()?;
            }
        }
        let verdict = match (self.is_ok(), self.dry_run) {
            (true, _) if self.scopes.is_empty() => {
                "there is nothing to copy: no scope of the source has entries (for one agent's folder, give the \
                 folder above it as filesystem:DIR and its own name as --scope)"
            }
            (true, _) if self.scopes.iter().all(Copied::is_empty) => "there is nothing to copy",
            (true, true) => "nothing was copied: this is what would be",
            (true, false) => "both sides read equal",
            (false, true) => "nothing was copied: not everything could be",
            (false, false) => "not everything is there",
        };
        text.styled(if self.is_ok() { GREEN } else { RED }, verdict)?;
        text.end_line()
    }
}
