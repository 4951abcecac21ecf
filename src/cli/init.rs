//! `init`: a first `mcp.md`.

use mcp_registry_filesystem::{Config, DOCUMENT, FilesystemBackend, ID};
use mcp_registry_spec::Error;

use super::app::LocalCommand;
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::settings::Settings;

/// What a new one says: how entries are written, and no entry.
const CONTENT: &str = include_str!("init.md");

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry init --agent-root agents/scout")]
pub(crate) struct Init {}

impl LocalCommand for Init {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let request = settings.request()?;
        let id = settings.backends.find(&request.locator)?.id;
        if id != ID {
            return Err(Error::unsupported(id, "init").hint("name an agent's folder with --agent-root").into());
        }
        let config = Config::from_request(&request)?;
        let path = config.folder.join(DOCUMENT);
        pollster::block_on(FilesystemBackend::new(Config { may_block: true, ..config }).create(CONTENT))?;
        printer.note(&format!("wrote {}", path.display()));
        Ok(Outcome::Good)
    }
}
