//! `run`: becoming a server.

use std::convert::Infallible;
use std::os::unix::process::CommandExt;

use mcp_registry_pool::command;
use mcp_registry_spec::{Error, ErrorKind, McpServerRegistry};

use super::app::RegistryCommand;
use super::failure::{Failure, Outcome};
use super::launches;
use super::printer::Printer;

#[derive(clap::Args)]
#[command(after_help = "Example: claude mcp add time -- mcp-registry run time --agent-root /home/ada/agents/scout")]
pub(crate) struct Run {
    /// The server's name
    name: String,
}

impl RegistryCommand for Run {
    async fn run(self, registry: &McpServerRegistry, _printer: &mut Printer) -> Result<Outcome, Failure> {
        match become_server(registry, &self.name).await? {}
    }
}

async fn become_server(registry: &McpServerRegistry, name: &str) -> Result<Infallible, Error> {
    let (launch, _) = launches::one(registry, name).await?;
    let failed = |cause| {
        Error::new(ErrorKind::Unavailable, format!("the server {:?} cannot be started", launch.name)).caused_by(cause)
    };
    let mut command = command(&launch, None).map_err(failed)?;
    // What is open, such as a connection to a catalog, closes with it.
    Err(failed(command.exec()))
}
