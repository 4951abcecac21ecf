//! `present`: whether the agent has the server it must have.

use mcp_registry_spec::ServerName;

use super::app::LocalCommand;
use super::contract::{self, ContractArg};
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::settings::Settings;

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry present --contract presence.json --format json")]
pub(crate) struct Present {
    #[command(flatten)]
    contract: ContractArg,
    /// The server that is meant; a contract of another is refused
    name: Option<String>,
}

impl LocalCommand for Present {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let contract = self.contract.read(settings)?;
        if !contract::reaches_out(&contract, settings) {
            settings.refuse_place("--contract FILE, which names its places itself")?;
        }
        if let Some(name) = &self.name {
            contract.must_be_of(&ServerName::parse(name)?)?;
        }
        let presence = contract::look_once(&contract, settings)?;
        printer.data(&presence, |text| contract::write(text, &presence))?;
        Ok(if presence.is_present() { Outcome::Good } else { Outcome::Bad })
    }
}
