//! `uninstall`: an entry, removed.

use mcp_registry_spec::{Digest, ErrorKind, McpServerRegistry, ServerName};

use super::app::RegistryCommand;
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::{names, spec_args};

/// Remove a server's entry, broken or not; one that is not there is removed already.
#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry uninstall github")]
pub(crate) struct Uninstall {
    /// The server's name
    name: String,
    /// Remove only the entry with this digest, which show prints
    #[arg(long, value_name = "sha256:…")]
    digest: Option<String>,
}

impl RegistryCommand for Uninstall {
    async fn run(self, registry: &McpServerRegistry, printer: &mut Printer) -> Result<Outcome, Failure> {
        let name = ServerName::parse(&self.name)?;
        let digest = self.digest.as_deref().map(str::parse::<Digest>).transpose()?;
        // Only for the words at the end; the removal itself does not depend on it.
        let absent = registry.load(&name).await.is_err_and(|error| error.kind() == ErrorKind::NotInRegistry);
        registry.uninstall(&name, digest.as_ref(), &spec_args::actor()).await?;
        if absent {
            let hint = names::near(&name, registry).await.map(|hint| format!(" ({hint})")).unwrap_or_default();
            printer.note(&format!("{name} was not installed{hint}"));
        } else {
            printer.note(&format!("uninstalled {name}"));
        }
        Ok(Outcome::Good)
    }
}
