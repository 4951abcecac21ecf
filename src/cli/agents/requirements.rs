//! `agents require`, `agents release` and `agents requirements`: what the agents of a scope must have.

use mcp_registry_spec::{Error, ErrorKind, Scope, ServerName};
use mcp_registry_store::Requirement;
use serde::Serialize;

use crate::cli::app::LocalCommand;
use crate::cli::catalog_place::Where;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::table::Column;

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry agents require --scope scout memory --tool memory__read")]
pub(crate) struct Require {
    #[command(flatten)]
    place: Where,
    /// The server
    server: ServerName,
    /// The tool that proves it, as agents name it: SERVER__TOOL where mcp-registry heartbeat reports
    #[arg(long)]
    tool: Option<String>,
}

impl LocalCommand for Require {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let Self { place, server, tool } = self;
        let required = Requirement { scope: scope(settings)?, server, tool };
        place.with(settings, async |database| database.requirements().require(&required).await)?;
        let Requirement { scope, server, .. } = required;
        printer.note(&format!("required {server} of the agents of {scope}; those without it are not online any more"));
        Ok(Outcome::Good)
    }
}

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry agents release --scope scout memory")]
pub(crate) struct Release {
    #[command(flatten)]
    place: Where,
    /// The server
    server: ServerName,
}

impl LocalCommand for Release {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let (server, scope) = (&self.server, scope(settings)?);
        if !self.place.with(settings, async |database| database.requirements().release(&scope, server).await)? {
            let error = Error::new(ErrorKind::NotInRegistry, format!("{server} is not required of {scope}"));
            return Err(error.hint("agents requirements shows what is").into());
        }
        printer.note(&format!("{server} is no longer required of the agents of {scope}"));
        Ok(Outcome::Good)
    }
}

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry agents requirements")]
pub(crate) struct List {
    #[command(flatten)]
    place: Where,
}

#[derive(Serialize)]
struct Listing {
    requirements: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    scope: Scope,
    server: ServerName,
    tool: Option<String>,
}

impl LocalCommand for List {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let scope = settings.scope().map(Scope::parse).transpose()?;
        let all = self.place.with(settings, async |database| database.requirements().list().await)?;
        let requirements = all.into_iter().filter(|one| scope.as_ref().is_none_or(|scope| one.scope == *scope));
        let listed = requirements.map(|Requirement { scope, server, tool }| Listed { scope, server, tool });
        let listing = Listing { requirements: listed.collect() };
        printer.data(&listing, |out| {
            if listing.requirements.is_empty() {
                return Ok(());
            }
            let columns = ["SCOPE", "SERVER", "TOOL"].map(|title| Column { title, shrinks: title == "TOOL" });
            out.table(columns, &listing.requirements, |one| {
                [one.scope.as_str(), one.server.as_str(), one.tool.as_deref().unwrap_or("-")]
            })
        })?;
        if listing.requirements.is_empty() {
            printer.aside("nothing is required");
        }
        Ok(Outcome::Good)
    }
}

/// The scope that is named: which one must not be guessed.
fn scope(settings: &Settings) -> Result<Scope, Failure> {
    match settings.scope() {
        Some(scope) => Ok(Scope::parse(scope)?),
        None => Err(Failure::usage("no scope is named", "say whose agents are meant: --scope S")),
    }
}
