//! `backends`: what is linked into this program.

use std::io;

use mcp_registry_spec::Registration;
use serde::Serialize;

use super::app::{LocalCommand, Use};
use super::failure::{Failure, Outcome};
use super::printer::{Printer, Text};
use super::settings::Settings;

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry backends")]
pub(crate) struct Backends {}

#[derive(Serialize)]
struct Listing {
    backends: Vec<Backend>,
}

#[derive(Serialize)]
struct Backend {
    id: &'static str,
    schemes: &'static [&'static str],
    summary: &'static str,
    usage: &'static str,
    options: Vec<BackendOption>,
}

#[derive(Serialize)]
struct BackendOption {
    name: &'static str,
    help: &'static str,
}

impl From<&Registration> for Backend {
    fn from(registration: &Registration) -> Self {
        let Registration { id, schemes, summary, usage, options, .. } = *registration;
        let options = options.iter().map(|option| BackendOption { name: option.name, help: option.help }).collect();
        Self { id, schemes, summary, usage, options }
    }
}

impl LocalCommand for Backends {
    const USE: Use = Use::OF_PROGRAM;

    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let listing = Listing { backends: settings.backends.iter().map(Backend::from).collect() };
        printer.data(&listing, |text| listing.backends.iter().try_for_each(|backend| write(text, backend)))?;
        Ok(Outcome::Good)
    }
}

fn write(text: &mut Text, backend: &Backend) -> io::Result<()> {
    text.heading(backend.id)?;
    text.plain(&format!("  {}\n  opened as {}\n", backend.summary, backend.usage))?;
    backend.options.iter().try_for_each(|option| text.plain(&format!("  -o {}=…  {}\n", option.name, option.help)))
}
