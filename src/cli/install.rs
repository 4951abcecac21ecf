//! `install`: a new entry.

use mcp_registry_spec::SpecFields;

use super::app::WriteCommand;
use super::failure::{Failure, Outcome};
use super::list::refs;
use super::names::BeforeCommand;
use super::printer::Printer;
use super::spec_args::SpecArgs;
use super::writer::Writer;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mcp-registry install github --env 'GITHUB_TOKEN=$GITHUB_PAT' -- npx -y @modelcontextprotocol/server-github
  mcp-registry install search --url https://mcp.example.org/ --header 'Authorization: Bearer ${SEARCH_TOKEN}'
  mcp-registry install memory --from memory.json

What follows -- is the server's command; a name that begins with a dash is given as --name=-x.")]
pub(crate) struct Install {
    #[command(flatten)]
    name: BeforeCommand,
    #[command(flatten)]
    spec: SpecArgs,
}

impl WriteCommand for Install {
    async fn run(self, writer: &Writer, printer: &mut Printer) -> Result<Outcome, Failure> {
        let name = self.name.parse()?;
        if self.spec.is_empty() {
            return Err(Failure::usage("nothing is given to install", "add -- COMMAND ARGS, --url URL or --from FILE"));
        }
        let context = self.spec.context();
        let spec = self.spec.apply(name, SpecFields::default())?;
        let installed = writer.install(&spec, &context).await?;
        printer.data(&installed, |text| refs(text, std::slice::from_ref(&installed)))?;
        printer.note(&format!("installed {}", installed.name));
        Ok(Outcome::Good)
    }
}
