//! `refresh-capabilities`: what the registry allows, asked anew.

use mcp_registry_spec::McpServerRegistry;

use super::app::RegistryCommand;
use super::capabilities;
use super::failure::{Failure, Outcome};
use super::printer::Printer;

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry refresh-capabilities")]
pub(crate) struct RefreshCapabilities {}

impl RegistryCommand for RefreshCapabilities {
    async fn run(self, registry: &McpServerRegistry, printer: &mut Printer) -> Result<Outcome, Failure> {
        let found = registry.refresh_capabilities().await?;
        printer.data(&found, |text| capabilities::write(text, &found))?;
        Ok(Outcome::Good)
    }
}
