//! `validate`: what a static look finds.

use std::io;

use mcp_registry_spec::{McpServerRegistry, ServerName, ValidationResult};
use serde::Serialize;

use super::app::RegistryCommand;
use super::failure::{Failure, Outcome};
use super::names;
use super::printer::{Printer, Text};
use super::style::{GREEN, RED, Style, YELLOW};

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry validate --agent-root agents/scout")]
pub(crate) struct Validate {
    /// The server's name; all servers when it is left out
    name: Option<String>,
}

/// The result of validating everything.
#[derive(Serialize)]
struct All {
    ok: bool,
    results: Vec<ValidationResult>,
}

impl RegistryCommand for Validate {
    async fn run(self, registry: &McpServerRegistry, printer: &mut Printer) -> Result<Outcome, Failure> {
        let ok = match self.name {
            Some(name) => one(&ServerName::parse(&name)?, registry, printer).await?,
            None => all(registry, printer).await?,
        };
        Ok(if ok { Outcome::Good } else { Outcome::Bad })
    }
}

async fn one(name: &ServerName, registry: &McpServerRegistry, printer: &mut Printer) -> Result<bool, Failure> {
    let result = registry.validate(name).await?;
    printer.data(&result, |text| report(text, &result))?;
    if !result.is_ok()
        && let Some(hint) = names::near(name, registry).await
    {
        printer.note(&hint);
    }
    Ok(result.is_ok())
}

async fn all(registry: &McpServerRegistry, printer: &mut Printer) -> Result<bool, Failure> {
    let results = registry.validate_all().await?;
    let all = All { ok: results.iter().all(ValidationResult::is_ok), results };
    printer.data(&all, |text| all.results.iter().try_for_each(|result| report(text, result)))?;
    if all.results.is_empty() {
        printer.aside("no servers are mounted");
    }
    Ok(all.ok)
}

fn report(text: &mut Text, result: &ValidationResult) -> io::Result<()> {
    let (style, word): (Style, _) = match (result.is_ok(), result.warnings.is_empty()) {
        (false, _) => (RED, "failed"),
        (true, false) => (YELLOW, "ok"),
        (true, true) => (GREEN, "ok"),
    };
    text.styled(style, word)?;
    text.plain(if word == "ok" { "      " } else { "  " })?;
    text.untrusted(&result.name)?;
    text.end_line()?;
    let messages = result.errors.iter().map(|e| ("error", e)).chain(result.warnings.iter().map(|w| ("warning", w)));
    for (kind, message) in messages {
        text.plain("        ")?;
        text.plain(kind)?;
        text.plain(": ")?;
        text.untrusted(message)?;
        text.end_line()?;
    }
    Ok(())
}
