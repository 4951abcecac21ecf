//! `list`: what is mounted.

use mcp_registry_spec::{McpServerRef, McpServerRegistry};

use super::app::RegistryCommand;
use super::failure::{Failure, Outcome};
use super::json::write_listing;
use super::printer::{Printer, Text};
use super::table::Column;

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry list --agent-root agents/scout --format json")]
pub(crate) struct List {}

impl RegistryCommand for List {
    async fn run(self, registry: &McpServerRegistry, printer: &mut Printer) -> Result<Outcome, Failure> {
        let listing = registry.list().await?;
        let json = |out: &mut _| write_listing(out, &listing);
        printer.data_by(&listing, json, |text| {
            if listing.servers.is_empty() { Ok(()) } else { refs(text, &listing.servers) }
        })?;
        if listing.servers.is_empty() && listing.broken.is_empty() {
            printer.aside("no servers are mounted");
        }
        for broken in &listing.broken {
            printer.warning(&format!("the server {:?} is broken: {}", broken.name, broken.error));
        }
        // The process is about to end, and gives its memory back at once rather than line by line.
        std::mem::forget(listing);
        Ok(Outcome::Good)
    }
}

/// Prints listing lines as a table.
pub(crate) fn refs(text: &mut Text, servers: &[McpServerRef]) -> std::io::Result<()> {
    let columns = [("NAME", false), ("TRANSPORT", false), ("DESCRIPTION", true)]
        .map(|(title, shrinks)| Column { title, shrinks });
    text.table(columns, servers, |server| [server.name.as_str(), server.transport.as_str(), &server.description])
}
