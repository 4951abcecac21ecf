//! `changes list`.

use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use mcp_registry_governance::{Change, Filter, State};
use serde::Serialize;

use super::Desk;
use crate::cli::app::LocalCommand;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::policy::Where;
use crate::cli::printer::{Printer, Text};
use crate::cli::settings::Settings;
use crate::cli::table::Column;

#[derive(clap::Args)]
#[command(after_help = "\
Examples: mcp-registry changes list
          mcp-registry changes list --status failed --format json")]
pub(crate) struct List {
    #[command(flatten)]
    policy: Where,
    /// Those that stand so: pending, executing, completed, failed, rejected, cancelled, expired or interrupted
    #[arg(long, value_name = "STATE", value_parser = |name: &str| name.parse::<State>(), conflicts_with = "all")]
    status: Option<State>,
    /// Also those that have come to their end, the newest first
    #[arg(long)]
    all: bool,
    /// Show at most so many
    #[arg(long, value_name = "NUMBER", default_value = "100")]
    limit: NonZeroUsize,
}

#[derive(Serialize)]
struct Listing {
    changes: Vec<Change>,
}

impl LocalCommand for List {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let limit = self.limit.get();
        let changes = Desk::open(&self.policy, settings, async |desk| {
            desk.settle(printer).await;
            let mut changes = Vec::new();
            for state in self.states() {
                changes.extend(desk.governance.list(&filter(state, limit)).await?);
            }
            changes.truncate(limit);
            Ok(changes)
        })?;
        let listing = Listing { changes };
        printer.data(&listing, |text| table(text, &listing.changes))?;
        match listing.changes.len() {
            0 => printer.aside(if self.status.is_none() && !self.all { "no change waits" } else { "there are none" }),
            found if found == limit => printer.aside("there may be more: give a larger --limit"),
            _ => {}
        }
        Ok(Outcome::Good)
    }
}

impl List {
    /// Which are meant; `None` stands for all.
    fn states(&self) -> Vec<Option<State>> {
        match (self.status, self.all) {
            (Some(state), _) => vec![Some(state)],
            (None, true) => vec![None],
            (None, false) => vec![Some(State::Pending), Some(State::Executing)],
        }
    }
}

fn filter(state: Option<State>, limit: usize) -> Filter {
    Filter { state, limit: Some(limit), ..Filter::default() }
}

/// Prints changes as a table.
pub(super) fn table(text: &mut Text, changes: &[Change]) -> std::io::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let now = SystemTime::now();
    let rows: Vec<_> = changes.iter().map(|change| row(change, now)).collect();
    let columns = ["ID", "STATE", "ACTION", "NAME", "WHO", "ROLE", "AGE", "EXPIRES", "PRIORITY"]
        .map(|title| Column { title, shrinks: matches!(title, "WHO" | "ROLE") });
    text.table(columns, &rows, |row| row.each_ref().map(String::as_str))
}

fn row(change: &Change, now: SystemTime) -> [String; 9] {
    let since = now.duration_since(change.created_at).unwrap_or_default();
    // Only what waits can expire.
    let left = (change.state == State::Pending).then(|| change.expires_at.duration_since(now).unwrap_or_default());
    [
        change.id.to_string(),
        change.state.to_string(),
        change.action.to_string(),
        change.name.to_string(),
        change.requested_by.clone(),
        change.actor_role.clone(),
        rounded(since),
        left.map(|left| format!("in {}", rounded(left))).unwrap_or_default(),
        change.priority.to_string(),
    ]
}

/// A time as people tell it: whole units of the largest that fits.
fn rounded(time: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let seconds = time.as_secs();
    let unit = UNITS.into_iter().find(|(length, _)| seconds >= *length);
    let (length, name) = unit.unwrap_or((1, "s"));
    format!("{}{name}", seconds / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_its_largest_unit() {
        for (seconds, shown) in [(0, "0s"), (59, "59s"), (60, "1m"), (3_599, "59m"), (86_399, "23h"), (172_800, "2d")] {
            assert_eq!(rounded(Duration::from_secs(seconds)), shown);
        }
    }
}
