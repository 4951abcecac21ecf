//! `changes reject` and `changes cancel`: what ends a change that waits, and carries nothing out.

use mcp_registry_governance::{Change, ChangeId};

use super::{Desk, list};
use crate::cli::app::LocalCommand;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::policy::Where;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;

#[derive(clap::Args)]
struct Ended {
    #[command(flatten)]
    policy: Where,
    /// The change's id, which list prints
    #[arg(value_parser = |id: &str| id.parse::<ChangeId>())]
    id: ChangeId,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry changes reject ID --reason 'not this server'")]
pub(crate) struct Reject {
    #[command(flatten)]
    which: Ended,
}

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry changes cancel ID")]
pub(crate) struct Cancel {
    #[command(flatten)]
    which: Ended,
}

impl LocalCommand for Reject {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let Ended { policy, id, reason } = self.which;
        let change = Desk::open(&policy, settings, async |desk| {
            Ok(desk.governance.reject(&id, &desk.person, reason.as_deref()).await?)
        })?;
        tell(printer, &change, "rejected")
    }
}

impl LocalCommand for Cancel {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let Ended { policy, id, reason } = self.which;
        let change = Desk::open(&policy, settings, async |desk| {
            Ok(desk.governance.cancel(&id, &desk.person, reason.as_deref()).await?)
        })?;
        tell(printer, &change, "took back")
    }
}

fn tell(printer: &mut Printer, change: &Change, done: &str) -> Result<Outcome, Failure> {
    printer.data(change, |text| list::table(text, std::slice::from_ref(change)))?;
    printer.note(&format!("{done} {} of {}; nothing is changed", change.action, change.name));
    Ok(Outcome::Good)
}
