//! `capabilities`: what the registry allows.

use std::io;

use mcp_registry_spec::{Capabilities as Found, McpServerRegistry};

use super::app::RegistryCommand;
use super::failure::{Failure, Outcome};
use super::printer::{Printer, Text};
use super::table::Column;

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry capabilities --backend filesystem:agents/scout")]
pub(crate) struct Capabilities {}

impl RegistryCommand for Capabilities {
    async fn run(self, registry: &McpServerRegistry, printer: &mut Printer) -> Result<Outcome, Failure> {
        let found = registry.capabilities().await?;
        printer.data(&found, |text| write(text, &found))?;
        Ok(Outcome::Good)
    }
}

/// Prints capabilities as a table.
pub(crate) fn write(text: &mut Text, found: &Found) -> io::Result<()> {
    let rows = [
        ("supports_install", found.supports_install, "entries can be added"),
        ("supports_update", found.supports_update, "entries can be replaced"),
        ("supports_uninstall", found.supports_uninstall, "entries can be removed"),
        ("supports_capability_handshake", found.supports_capability_handshake, "this answer is negotiated"),
        ("supports_audit", found.supports_audit, "writes are recorded with who asked"),
        ("durable", found.durable, "entries outlive the process"),
    ];
    let columns = ["CAPABILITY", "NOW", "MEANING"].map(|title| Column { title, shrinks: false });
    text.table(columns, &rows, |(name, held, meaning)| [name, if *held { "yes" } else { "no" }, meaning])
}
