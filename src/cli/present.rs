//! `present`: whether the agent has the server it must have.

use mcp_registry_spec::ServerName;

use super::app::LocalCommand;
use super::contract::{self, ContractArg};
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::settings::Settings;

/// Tell whether the server that a contract requires is really there, and by what.
///
/// The contract names the server and every way in which it may be delivered: a program, an entry in a settings
/// file, an entry of a registry. It is present when one of them holds; of each other it is said why not. Where the
/// contract requires a tool, what is found is started, behind the gate of the agent that --agent-root or --backend
/// names, and must list the tool; what the gate refuses is an error, and nothing is started. MCP_REGISTRY_AUTH_TOKEN goes to a registry that the contract names only where its
/// origin is that of --backend; the tokens of the configuration file go to their origins. The exit status is 0 when the server is present, 1 when it is absent or the
/// contract cannot be used.
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
