//! `changes`: what was asked for, and the person who decides on it.

mod approve;
mod card;
mod end;
mod list;
mod place;
mod show;
mod watch;

use std::sync::Arc;

use mcp_registry_governance::{Change, ChangeId, Governance, Party, Refusal, StateFolder};
use mcp_registry_spec::{Error, ProcessEnvironment};
use tokio::runtime::Builder;

use super::app;
use super::args::With;
use super::failure::Failure;
use super::governed;
use super::policy::Where;
use super::printer::Printer;
use super::settings::Settings;
use place::Places;

/// List the changes that were asked for, and decide on them.
///
/// An agent asks for a change; a person, who is told by the operating system, approves exactly that one or
/// rejects it. Whoever asked may take it back.
#[derive(clap::Subcommand)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "Example: mcp-registry changes list")]
pub(crate) enum Changes {
    /// List the changes that wait for a decision, the most urgent first, and those being carried out.
    List(With<list::List>),
    /// Show a change: what it does to the entry, who asked for it and why, and what became of it.
    Show(With<show::Show>),
    /// Approve a change and carry it out, once, after a look at exactly what it does.
    ///
    /// The change is shown on the terminal, and a question asked. Where there is no terminal, --yes names the
    /// change by its id and identity, both of which show prints: what is approved is what was looked at.
    ///
    /// The registry that is changed is the one of the settings where that is the change's own. Else a folder or a
    /// file of SQLite is opened where the change says; any other must be named with --backend.
    Approve(With<approve::Approve>),
    /// Reject a change that somebody else asked for.
    Reject(With<end::Reject>),
    /// Take back a change that you asked for.
    Cancel(With<end::Cancel>),
    /// Print changes as they are asked for and as they end, a line each, until it is interrupted.
    ///
    /// First come those that wait now.
    Watch(With<watch::Watch>),
}

/// What a person works with: the changes of the state folder, and the registries they are made in.
struct Desk<'a> {
    governance: Governance,
    places: Places<'a>,
    person: Party,
}

impl<'a> Desk<'a> {
    /// Does some work on them.
    fn open<T>(
        policy: &Where,
        settings: &'a Settings,
        work: impl AsyncFnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let folder = StateFolder::find(&ProcessEnvironment)?;
        folder.prepare()?;
        let store = folder.database()?;
        let ledger = governed::ledger_in(&folder)?;
        let desk = Self {
            governance: Governance::new(store, ledger, policy.source(), Arc::new(ProcessEnvironment)),
            places: Places::new(settings)?,
            person: governed::operator(),
        };
        app::start(&mut Builder::new_current_thread())?.block_on(work(&desk))
    }

    /// Ends what is over, so that it does not show as waiting. What is to be shown is shown though that
    /// should fail.
    async fn settle(&self, printer: &mut Printer) {
        if let Err(refusal) = self.governance.settle(&self.places).await {
            printer.warning(&format!("what is over could not be ended: {refusal}"));
        }
    }

    /// The change of that id.
    async fn find(&self, id: &ChangeId) -> Result<Change, Failure> {
        Ok(self.governance.get(id).await?)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Error::from(refusal))
    }
}
