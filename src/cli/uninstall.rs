//! `uninstall`: an entry, removed.

use mcp_registry_spec::{Digest, ErrorKind, ServerName};

use super::app::WriteCommand;
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::writer::Writer;
use super::{names, spec_args};

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry uninstall github")]
pub(crate) struct Uninstall {
    /// The server's name
    name: String,
    /// Remove only the entry with this digest, which show prints
    #[arg(long, value_name = "sha256:…")]
    digest: Option<String>,
}

impl WriteCommand for Uninstall {
    async fn run(self, writer: &Writer, printer: &mut Printer) -> Result<Outcome, Failure> {
        let name = ServerName::parse(&self.name)?;
        let digest = self.digest.as_deref().map(str::parse::<Digest>).transpose()?;
        let registry = writer.registry();
        // For the record, and the words at the end; the removal itself does not depend on it.
        let there = registry.load(&name).await.and_then(|spec| spec.digest());
        let absent = there.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotInRegistry);
        writer.uninstall(&name, digest.as_ref(), there.ok(), &spec_args::actor()).await?;
        if absent {
            let hint = names::near(&name, registry).await.map(|hint| format!(" ({hint})")).unwrap_or_default();
            printer.note(&format!("{name} was not installed{hint}"));
        } else {
            printer.note(&format!("uninstalled {name}"));
        }
        Ok(Outcome::Good)
    }
}
