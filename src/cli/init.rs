//! `init`: a first `mcp.md`.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind as Io, Write};
use std::path::Path;

use mcp_registry_filesystem::{Config, DOCUMENT, ID};
use mcp_registry_spec::{Error, ErrorKind};

use super::app::LocalCommand;
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::settings::Settings;

/// What a new one says: how entries are written, and no entry.
const CONTENT: &str = include_str!("init.md");

/// Write a commented mcp.md into the agent's folder. One that is there is left alone.
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
        let folder = Config::from_request(&request)?.folder;
        let path = folder.join(DOCUMENT);
        let failed = |path: &Path, cause| {
            Error::new(ErrorKind::Unavailable, "cannot be written").at(path, None).caused_by(cause)
        };
        fs::create_dir_all(&folder).map_err(|cause| failed(&folder, cause))?;
        create(&path).map_err(|cause| match cause.kind() {
            Io::AlreadyExists => {
                Error::new(ErrorKind::AlreadyInstalled, "is there already, and was left as it is").at(&path, None)
            }
            _ => failed(&path, cause),
        })?;
        printer.note(&format!("wrote {}", path.display()));
        Ok(Outcome::Good)
    }
}

fn create(path: &Path) -> std::io::Result<()> {
    // Exclusive: whatever is there, a dangling link too, stays.
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = file.write_all(CONTENT.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a document would look like a whole one; that the rest went wrong too is told anyway.
        let _ = fs::remove_file(path);
    }
    written
}
