//! `changes watch`.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use mcp_registry_governance::{Change, ChangeId, Filter, State};
use tokio::time::{Instant, sleep};

use super::Desk;
use crate::cli::app::LocalCommand;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::policy::Where;
use crate::cli::printer::{Format, Printer, Text};
use crate::cli::settings::Settings;
use crate::cli::style::{GREEN, RED, YELLOW};

/// How long nothing is looked at between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// How long what is over may show as waiting.
const SETTLE: Duration = Duration::from_secs(60);
/// How many changes a look takes in: all that wait, and of those that have ended the newest.
const LOOK: usize = 500;

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry changes watch --format json")]
pub(crate) struct Watch {
    #[command(flatten)]
    policy: Where,
}

impl LocalCommand for Watch {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        if printer.format() == Format::Yaml {
            return Err(Failure::usage("what is watched has no form in YAML", "give --format json, or none"));
        }
        Desk::open(&self.policy, settings, async |desk| {
            let mut seen = Seen::default();
            let mut settled: Option<Instant> = None;
            loop {
                if settled.is_none_or(|at| at.elapsed() >= SETTLE) {
                    desk.settle(printer).await;
                    settled = Some(Instant::now());
                }
                for change in seen.look(desk).await? {
                    printer.data(&change, |text| line(text, &change))?;
                }
                if !printer.flush()? {
                    return Ok(Outcome::Good);
                }
                sleep(PAUSE).await;
            }
        })
    }
}

/// How changes stood at the last look.
#[derive(Default)]
struct Seen {
    states: Option<HashMap<ChangeId, State>>,
}

impl Seen {
    /// Looks again, and gives what is new or stands otherwise; at the first look, what is active.
    async fn look(&mut self, desk: &Desk<'_>) -> Result<Vec<Change>, Failure> {
        let mut found = desk.governance.list(&Filter { limit: Some(LOOK), ..Filter::default() }).await?;
        let before = self.states.take();
        // What was active and is not among those any more has ended.
        let known = before.iter().flatten().filter(|(_, state)| state.is_active()).map(|(id, _)| id);
        for id in known.filter(|id| !found.iter().any(|change| change.id == **id)).collect::<Vec<_>>() {
            found.push(desk.find(id).await?);
        }
        self.states = Some(found.iter().map(|change| (change.id.clone(), change.state)).collect());
        found.retain(|change| match &before {
            None => change.state.is_active(),
            Some(before) => before.get(&change.id) != Some(&change.state),
        });
        found.sort_by_key(|change| change.finished_at.or(change.decided_at).unwrap_or(change.created_at));
        Ok(found)
    }
}

fn line(text: &mut Text, change: &Change) -> io::Result<()> {
    let at = change.finished_at.or(change.decided_at).unwrap_or(change.created_at);
    text.plain(&format!("{}  ", mcp_registry_spec::time::shown(at)))?;
    let style = match change.state {
        State::Completed => GREEN,
        State::Pending | State::Executing => YELLOW,
        _ => RED,
    };
    text.styled(style, &format!("{:<11}", change.state))?;
    text.plain(&format!("  {}  {} {}  ", change.id, change.action, change.name))?;
    let who = change.decided_by.as_ref().filter(|_| change.state != State::Pending);
    match who {
        Some(who) => text.untrusted(&format!("by {who}"))?,
        None => {
            text.untrusted(&format!("by {} ({}): {}", change.requested_by, change.actor_role, change.approval_reason))?
        }
    }
    text.end_line()
}
