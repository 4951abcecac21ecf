//! `present`: whether the agent has the server it must have.

use mcp_registry_spec::ServerName;
use tokio::runtime::Builder;

use super::app::{self, LocalCommand};
use super::contract::{self, ContractArg};
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::settings::Settings;

/// Tell whether the server that a contract requires is really there, and by what.
///
/// The contract names the server and every way in which it may be delivered: a program, an entry in a settings
/// file, an entry of a registry. It is present when one of them holds; of each other it is said why not. The exit
/// status is 0 when it is present, 1 when it is absent or the contract cannot be used.
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
        settings.refuse_place("--contract FILE, which names its places itself")?;
        let contract = self.contract.read(settings)?;
        if let Some(name) = &self.name {
            contract.must_be_of(&ServerName::parse(name)?)?;
        }
        let looking = contract::look(&contract, settings);
        let presence = if contract::needs_runtime(&contract, settings) {
            let runtime = app::start(&mut Builder::new_current_thread())?;
            let presence = runtime.block_on(looking);
            // The system's lookup of a name cannot be given up: one that hangs must not keep the process.
            runtime.shutdown_background();
            presence
        } else {
            pollster::block_on(looking)
        };
        printer.data(&presence, |text| contract::write(text, &presence))?;
        Ok(if presence.is_present() { Outcome::Good } else { Outcome::Bad })
    }
}
