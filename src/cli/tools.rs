//! `tools`: the tools of a server.

use mcp_registry_pool::Server;
use mcp_registry_pool::rmcp::model::Tool;
use mcp_registry_spec::{McpServerRegistry, ServerName};
use serde::Serialize;

use super::app::RegistryCommand;
use super::failure::{Failure, Outcome};
use super::launches::{self, PhaseTime};
use super::printer::Printer;
use super::table::Column;

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry tools time")]
pub(crate) struct Tools {
    /// The server's name
    name: String,
    #[command(flatten)]
    time: PhaseTime,
}

#[derive(Serialize)]
struct Told<'a> {
    server: &'a ServerName,
    instructions: Option<String>,
    tools: &'a [Tool],
}

impl RegistryCommand for Tools {
    const TOKIO: bool = true;

    async fn run(self, registry: &McpServerRegistry, printer: &mut Printer) -> Result<Outcome, Failure> {
        launches::with_server(registry, &self.name, self.time.timeout, async |_, server| {
            let instructions = server.info().instructions.clone();
            let told = server.without_secrets(&Told { server: server.name(), instructions, tools: server.tools() });
            let rows: Vec<_> = server.tools().iter().map(|tool| row(tool, server)).collect();
            printer.data(&told, |text| {
                let columns = [("TOOL", false), ("DESCRIPTION", true)];
                let columns = columns.map(|(title, shrinks)| Column { title, shrinks });
                match rows.is_empty() {
                    true => Ok(()),
                    false => text.table(columns, &rows, |row| row.each_ref().map(String::as_str)),
                }
            })?;
            if rows.is_empty() {
                printer.aside("it has no tools");
            }
            Ok(Outcome::Good)
        })
        .await
    }
}

/// A tool's name, and what is said of it on one line.
fn row(tool: &Tool, server: &Server) -> [String; 2] {
    let description = server.shown_lines(tool.description.as_deref().unwrap_or_default());
    let description: Vec<_> = description.split_whitespace().collect();
    [server.shown(&tool.name), description.join(" ")]
}
