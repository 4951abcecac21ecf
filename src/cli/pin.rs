//! `pin`: keeping what servers show, so that it is noticed when they show something else.

use std::path::Path;

use mcp_registry_pool::pins::{Pin as Kept, Pins};
use mcp_registry_spec::{Digest, Error, McpServerRegistry, ServerName};
use serde::Serialize;

use super::app::{LocalCommand, drive};
use super::failure::{Failure, Outcome};
use super::governed::Governed;
use super::launches;
use super::pins::{Shown, Told, Which, sorted};
use super::printer::Printer;
use super::settings::Settings;
use super::stop::Stop;

/// Start or reach servers, and pin what they show: verify tells when they show something else.
///
/// Tells what is accepted by it: in what each server differs from its pin before. Without names the pins of servers
/// that are not mounted any more are removed. The exit status is 1 when a server failed; its pin stays.
#[derive(clap::Args)]
#[command(after_help = "\
Examples: mcp-registry pin --agent-root agents/scout
          mcp-registry pin time")]
pub(crate) struct Pin {
    #[command(flatten)]
    which: Which,
}

#[derive(Serialize)]
struct Pinned {
    ok: bool,
    /// Each server, and in what it differed from its pin before.
    servers: Vec<Told>,
}

impl LocalCommand for Pin {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let request = settings.request()?;
        let file = self.which.file(settings, &request)?;
        // Before anything is started: what cannot be read cannot be added to either.
        Pins::read(&file)?;
        let servers = drive(&settings.backends, &request, true, async |registry| {
            let governed = Governed::new(registry, &request, &settings.backends)?;
            let stop = Stop::listen_to_all()?;
            let shown = tokio::select! {
                shown = self.which.shown(registry) => shown?,
                () = stop.asked() => return Err(launches::interrupted().into()),
            };
            let told = self.keep(&governed, registry, &file, &shown).await?;
            registry.close().await?;
            Ok(told)
        })?;
        let pinned = Pinned { ok: !servers.iter().any(Told::is_failed), servers };
        printer.data(&pinned, |text| {
            let how = |told: &Told| match (told.as_pinned, told.is_gone()) {
                (true, _) => "pinned, as before",
                (false, true) => "its pin was removed",
                (false, false) => "pinned",
            };
            pinned.servers.iter().try_for_each(|told| told.write(text, how(told)))
        })?;
        if pinned.servers.is_empty() {
            printer.aside("no servers are mounted");
        }
        Ok(if pinned.ok { Outcome::Good } else { Outcome::Bad })
    }
}

impl Pin {
    /// Puts on record what is about to be pinned, and pins it.
    async fn keep(
        &self,
        governed: &Governed,
        registry: &McpServerRegistry,
        file: &Path,
        shown: &Shown,
    ) -> Result<Vec<Told>, Error> {
        let before = Pins::read(file)?;
        let mounted = if self.which.names.is_empty() { Some(registry.list().await?) } else { None };
        let is_gone = |name: &&ServerName| mounted.as_ref().is_some_and(|all| !all.names().contains(name));
        let gone: Vec<_> = before.names().filter(is_gone).cloned().collect();
        let digest = |pin: Option<&Kept>| pin.map(Digest::of_json).transpose();
        let mut changes = Vec::new();
        for (name, now) in &shown.servers {
            let was = before.get(name);
            if was != Some(&now.pin) {
                changes.push((name.clone(), digest(was)?, digest(Some(&now.pin))?));
            }
        }
        for name in &gone {
            changes.push((name.clone(), digest(before.get(name))?, None));
        }
        governed.pin(changes).await?;
        Pins::update(file, |pins| {
            for (name, now) in &shown.servers {
                pins.insert(name.clone(), now.pin.clone());
            }
            for name in &gone {
                pins.remove(name);
            }
            Ok(())
        })?;
        let there = shown.servers.iter().map(|(name, now)| Told::of(name.clone(), now, before.get(name)));
        let failed = shown.failures.iter().map(Told::failed);
        Ok(sorted(there.chain(failed).chain(gone.into_iter().map(Told::without_entry))))
    }
}
