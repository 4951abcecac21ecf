//! `pin`: keeping what servers show, so that it is noticed when they show something else.

use std::path::{Path, PathBuf};

use mcp_registry_pool::pins::{Held, Pin as Kept, Pins};
use mcp_registry_spec::{Digest, Error, ErrorKind};
use serde::Serialize;

use super::app::{LocalCommand, drive};
use super::failure::{Failure, Outcome};
use super::governed::Governed;
use super::launches;
use super::pins::{Shown, Told, Which, sorted};
use super::printer::Printer;
use super::settings::Settings;

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
        let before = Pins::read(&file)?;
        let servers = drive(&settings.backends, &request, true, async |registry| {
            let governed = Governed::new(registry, &request, &settings.backends)?;
            // Until it is on record it can be stopped: another may hold the pins, or the ledger, for long.
            let ready = launches::unless_stopped(async {
                let shown = self.which.look(registry).await?;
                self.ready(&governed, &file, &before, &shown).await
            });
            let Ready { held, after, told } = ready.await?;
            held.write(after)?;
            registry.close().await?;
            Ok(told)
        })?;
        let pinned = Pinned { ok: !servers.iter().any(Told::is_failed), servers };
        printer.data(&pinned, |text| {
            let how = |told: &Told| match told {
                told if told.as_pinned => "pinned, as before",
                told if told.is_gone() => "its pin was removed",
                told if told.is_new() => "pinned, for the first time",
                _ => "pinned",
            };
            pinned.servers.iter().try_for_each(|told| told.write(text, how(told)))
        })?;
        if pinned.servers.is_empty() {
            printer.aside("no servers are mounted");
        }
        Ok(if pinned.ok { Outcome::Good } else { Outcome::Bad })
    }
}

/// What is to be written, once it is on record.
struct Ready {
    held: Held,
    after: Pins,
    told: Vec<Told>,
}

/// Holds the file of the pins, off the thread that waits for being told to stop.
async fn hold(file: PathBuf) -> Result<Held, Failure> {
    let held = tokio::task::spawn_blocking(move || Pins::hold(&file)).await;
    let lost = |cause| Error::new(ErrorKind::Unavailable, "the file of the pins was not held").caused_by(cause);
    Ok(held.map_err(lost)??)
}

impl Pin {
    /// Puts on record what is about to be pinned; `before` are the pins from before anything was looked at.
    async fn ready(&self, governed: &Governed, file: &Path, before: &Pins, shown: &Shown) -> Result<Ready, Failure> {
        // From here on nobody else pins: what is put on record is what is written.
        let held = hold(file.to_owned()).await?;
        let gone: Vec<_> = match self.which.names.is_empty() {
            true => held.pins().names().filter(|name| !shown.has(name)).cloned().collect(),
            false => Vec::new(),
        };
        let mut after = held.pins().clone();
        let digest = |pin: Option<&Kept>| pin.map(Digest::of_json).transpose();
        let mut changes = Vec::new();
        let now = shown.servers.iter().map(|(name, now)| (name, Some(&now.pin)));
        for (name, new) in now.chain(gone.iter().map(|name| (name, None))) {
            let old = held.pins().get(name);
            if old == new {
                continue;
            }
            // Somebody else pinned it after it was looked at, perhaps for something newer.
            if old != before.get(name) {
                let message = format!("somebody else pinned {name} meanwhile, and nothing was pinned");
                let error = Error::new(ErrorKind::Conflict, message);
                return Err(error.hint("look what differs with verify, then pin again").into());
            }
            changes.push((name.clone(), digest(old)?, digest(new)?));
            match new {
                Some(pin) => after.insert(name.clone(), pin.clone()),
                None => after.remove(name),
            };
        }
        governed.pin(changes).await?;
        let there = shown.servers.iter().map(|(name, now)| Told::of(name.clone(), now, before.get(name)));
        let told = sorted(there.chain(shown.failed()).chain(gone.into_iter().map(Told::without_entry)));
        Ok(Ready { held, after, told })
    }
}
