//! `verify`: whether servers are as they were pinned.

use mcp_registry_pool::pins::Pins;
use serde::Serialize;

use super::app::{LocalCommand, drive};
use super::failure::{Failure, Outcome};
use super::pins::{Told, Which, sorted};
use super::printer::Printer;
use super::settings::Settings;

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry verify --agent-root agents/scout")]
pub(crate) struct Verify {
    #[command(flatten)]
    which: Which,
}

#[derive(Serialize)]
struct Verified {
    ok: bool,
    servers: Vec<Told>,
}

impl LocalCommand for Verify {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let request = settings.request()?;
        let pins = Pins::read(&self.which.file(settings, &request)?)?;
        let shown = drive(&settings.backends, &request, true, async |registry| {
            let shown = self.which.shown(registry).await?;
            registry.close().await?;
            Ok(shown)
        })?;
        let gone = pins.names().filter(|name| self.which.names.is_empty() && !shown.has(name));
        let there = shown.servers.iter().map(|(name, now)| Told::of(name.clone(), now, pins.get(name)));
        let servers = sorted(there.chain(shown.failed()).chain(gone.cloned().map(Told::without_entry)));
        let verified = Verified { ok: servers.iter().all(|told| told.as_pinned), servers };
        printer.data(&verified, |text| {
            let how = |told: &Told| match (told.as_pinned, told.is_new()) {
                (true, _) => "as pinned",
                (false, true) => "is not pinned",
                (false, false) => "differs",
            };
            verified.servers.iter().try_for_each(|told| told.write(text, how(told)))
        })?;
        if verified.servers.is_empty() {
            printer.aside("no servers are mounted, and none are pinned");
        }
        Ok(if verified.ok { Outcome::Good } else { Outcome::Bad })
    }
}
