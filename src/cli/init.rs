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
        let config = Config::from_request(&request)?;
        make_folder(&config)?;
        let path = config.folder.join(DOCUMENT);
        create(&path).map_err(|cause| match cause.kind() {
            Io::AlreadyExists => {
                Error::new(ErrorKind::AlreadyInstalled, "is there already, and was left as it is").at(&path, None)
            }
            _ => failed(&path, "cannot be written").caused_by(cause),
        })?;
        printer.note(&format!("wrote {}", path.display()));
        Ok(Outcome::Good)
    }
}

/// Makes the agent's folder, as a write does: only it, and never where a link leads that a scope names.
fn make_folder(Config { folder, follow_links, .. }: &Config) -> Result<(), Error> {
    match fs::create_dir(folder) {
        Err(cause) if cause.kind() == Io::NotFound => {
            return Err(failed(folder, "cannot be made").caused_by(cause).hint("make the folder above it first"));
        }
        Err(cause) if cause.kind() != Io::AlreadyExists => {
            return Err(failed(folder, "cannot be made").caused_by(cause));
        }
        _ => {}
    }
    if !follow_links && folder.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        return Err(failed(folder, "is a symbolic link, and a scope must not lead elsewhere"));
    }
    Ok(())
}

fn failed(path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::Unavailable, what).at(path, None)
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
