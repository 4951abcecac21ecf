//! `agents`: which agents report that they are alive, and what they must have.

mod list;
mod requirements;

use std::process::ExitCode;

use super::app::App;
use super::args::With;

/// List the agents that report to a catalog, and say what those of a scope must have.
///
/// What is listed is what agents say of themselves, and when: it authorises nothing.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples: mcp-registry agents
          mcp-registry agents --scope scout --state failed --format json
          mcp-registry agents require --scope scout memory --tool memory__read")]
pub(crate) struct Agents {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: With<list::List>,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Require a server of every agent of a scope, from now on.
    Require(With<requirements::Require>),
    /// Require a server no longer.
    Release(With<requirements::Release>),
    /// List what the agents of each scope must have.
    Requirements(With<requirements::List>),
}

impl Agents {
    pub(crate) fn run(self, app: App) -> ExitCode {
        match self.action {
            None => app.without_registry(self.list),
            Some(Action::Require(command)) => app.without_registry(command),
            Some(Action::Release(command)) => app.without_registry(command),
            Some(Action::Requirements(command)) => app.without_registry(command),
        }
    }
}
