//! `show`: one entry.

use mcp_registry_spec::{McpServerRegistry, ServerName};

use super::app::RegistryCommand;
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::{card, names};

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry show github --format yaml")]
pub(crate) struct Show {
    /// The server's name
    name: String,
}

impl RegistryCommand for Show {
    async fn run(self, registry: &McpServerRegistry, printer: &mut Printer) -> Result<Outcome, Failure> {
        let name = ServerName::parse(&self.name)?;
        let spec = match registry.load(&name).await {
            Ok(spec) => spec,
            Err(error) => return Err(names::suggest(error, &name, registry).await.into()),
        };
        let (shown, digest) = (spec.masked(), spec.digest()?);
        printer.data(&shown, |text| card::write(text, &shown, &digest))?;
        Ok(Outcome::Good)
    }
}
