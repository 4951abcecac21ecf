//! What became of the cases.

use std::io;
use std::time::Duration;

use mcp_registry_conformance::{Case, Outcome};
use mcp_registry_spec::named;
use mcp_registry_spec::redact::{self, MASK};
use serde::Serialize;

use crate::cli::printer::Text;
use crate::cli::style::{GREEN, RED};
use crate::cli::table::Column;

/// What became of all of them.
#[derive(Serialize)]
pub(super) struct Report {
    /// Whether none failed and nothing is left to do.
    pub(super) ok: bool,
    /// The backend's id.
    pub(super) backend: &'static str,
    /// What the names of the scopes begin with.
    scopes: String,
    pub(super) summary: Summary,
    pub(super) cases: Vec<Ran>,
}

/// How many there are of each.
#[derive(Default, Serialize)]
pub(super) struct Summary {
    passed: usize,
    pub(super) failed: usize,
    pub(super) ignored: usize,
    /// They write, and that was not allowed.
    pub(super) left_out: usize,
    /// It was interrupted before they ended.
    pub(super) not_run: usize,
}

/// What became of a case.
#[derive(Serialize)]
pub(super) struct Ran {
    pub(super) rule: u32,
    #[serde(rename = "case")]
    pub(super) name: &'static str,
    pub(super) outcome: Word,
    pub(super) reason: String,
    #[serde(skip)]
    pub(super) took: Duration,
}

named! {
    /// How a case ended.
    pub(super) enum Word {
        Passed = "passed",
        Failed = "failed",
        Ignored = "ignored",
    }
}

impl Ran {
    /// The reason may quote what the backend said, so whatever is secret in it is taken out (rule 4).
    pub(super) fn new(case: &Case, outcome: Outcome, took: Duration, secrets: &[String]) -> Self {
        let (outcome, reason) = match outcome {
            Outcome::Passed => (Word::Passed, String::new()),
            Outcome::Failed(why) => (Word::Failed, why),
            Outcome::Ignored(why) => (Word::Ignored, why),
        };
        let reason = secrets.iter().fold(reason, |reason, secret| reason.replace(secret.as_str(), MASK));
        Self { rule: case.rule, name: case.name, outcome, reason: redact::redact(&reason).into_owned(), took }
    }
}

impl Report {
    /// The report on those of `planned` cases that ran.
    pub(super) fn new(backend: &'static str, scopes: &str, planned: usize, left_out: usize, cases: Vec<Ran>) -> Self {
        let count = |word| cases.iter().filter(|ran| ran.outcome == word).count();
        let summary = Summary {
            passed: count(Word::Passed),
            failed: count(Word::Failed),
            ignored: count(Word::Ignored),
            left_out,
            not_run: planned.saturating_sub(cases.len()),
        };
        let ok = summary.failed == 0 && summary.not_run == 0;
        Self { ok, backend, scopes: scopes.to_owned(), summary, cases }
    }

    /// Writes it for people: a table, the failures in full, and how many there are of each.
    pub(super) fn write(&self, text: &mut Text) -> io::Result<()> {
        let columns = [("RULE", false), ("CASE", false), ("OUTCOME", false), ("REASON", true)];
        let rows: Vec<_> = self.cases.iter().map(|ran| (ran.rule.to_string(), ran)).collect();
        text.table(columns.map(|(title, shrinks)| Column { title, shrinks }), &rows, |(rule, ran)| {
            [rule, ran.name, ran.outcome.as_str(), &ran.reason]
        })?;
        // The table may have cut what matters most.
        for ran in self.cases.iter().filter(|ran| ran.outcome == Word::Failed) {
            text.end_line()?;
            text.styled(RED, ran.name)?;
            text.plain("\n  ")?;
            text.untrusted(&ran.reason)?;
            text.end_line()?;
        }
        let Summary { passed, failed, ignored, left_out, not_run } = self.summary;
        text.end_line()?;
        text.styled(if self.ok { GREEN } else { RED }, if self.ok { "ok" } else { "not ok" })?;
        text.plain(&format!(": {passed} passed, {failed} failed, {ignored} ignored\n"))?;
        if left_out > 0 {
            text.plain(&format!("{left_out} left out, because they write (--allow-writes runs them)\n"))?;
        }
        if not_run > 0 {
            text.plain(&format!("{not_run} not run, because of the interruption\n"))?;
        }
        Ok(())
    }
}
