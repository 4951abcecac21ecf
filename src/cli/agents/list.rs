//! `agents`, by itself.

use std::num::NonZeroUsize;

use mcp_registry_spec::{Scope, time};
use mcp_registry_store::{AgentFilter, AgentState};
use serde::Serialize;

use crate::catalog::agents::Agent;
use crate::cli::app::LocalCommand;
use crate::cli::catalog_place::Where;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::table::Column;

// `super::Agents` says what it does.
#[derive(clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    place: Where,
    /// Those in this state: online, degraded, failed or offline
    #[arg(long, value_name = "STATE", value_parser = |name: &str| name.parse::<AgentState>())]
    state: Option<AgentState>,
    /// Show at most so many
    #[arg(long, value_name = "NUMBER", default_value = "1000")]
    limit: NonZeroUsize,
}

#[derive(Serialize)]
struct Listing<'a> {
    agents: Vec<Agent<'a>>,
}

impl LocalCommand for List {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let scope = settings.scope().map(Scope::parse).transpose()?;
        let limit = self.limit.get();
        let scopes = scope.map(|scope| vec![scope]);
        let filter = AgentFilter { scopes, state: self.state, after: None, limit: limit.saturating_add(1) };
        let found = self.place.with(settings, async |database| database.agents().list(&filter).await)?;
        let listing = Listing { agents: found.iter().take(limit).map(Agent::from).collect() };
        printer.data(&listing, |out| {
            let rows: Vec<_> = listing.agents.iter().map(row).collect();
            if rows.is_empty() {
                return Ok(());
            }
            let columns = ["SCOPE", "ID", "STATE", "REASON", "RUNTIME", "LAST SEEN"]
                .map(|title| Column { title, shrinks: title == "RUNTIME" });
            out.table(columns, &rows, |row| row.each_ref().map(String::as_str))
        })?;
        match found.len() {
            0 => printer.aside("there are no such agents"),
            all if all > limit => printer.aside("there are more: give a larger --limit"),
            _ => {}
        }
        Ok(Outcome::Good)
    }
}

fn row(agent: &Agent<'_>) -> [String; 6] {
    [
        agent.scope.to_string(),
        agent.id.to_string(),
        agent.state.to_string(),
        agent.reason.unwrap_or("-").to_owned(),
        agent.runtime.to_owned(),
        time::shown(agent.last_seen_at).to_string(),
    ]
}
