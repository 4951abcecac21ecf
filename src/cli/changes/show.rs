//! `changes show`.

use mcp_registry_governance::ChangeId;

use super::{Desk, card};
use crate::cli::app::LocalCommand;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::policy::Where;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry changes show ID")]
pub(crate) struct Show {
    #[command(flatten)]
    policy: Where,
    /// The change's id, which list prints
    #[arg(value_parser = |id: &str| id.parse::<ChangeId>())]
    id: ChangeId,
}

impl LocalCommand for Show {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let change = Desk::open(&self.policy, settings, async |desk| {
            desk.settle(printer).await;
            desk.find(&self.id).await
        })?;
        printer.data(&change, |text| card::write(text, &change))?;
        Ok(Outcome::Good)
    }
}
