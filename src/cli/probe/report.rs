//! What a probe found.

use std::io;
use std::time::Duration;

use mcp_registry_pool::{About, Cause, Exit, Failure, Phase, Server, ServerInfo};
use mcp_registry_spec::ServerName;
use serde::Serialize;

use super::schemas::{self, Invalid, Sizes};
use crate::cli::printer::Text;
use crate::cli::style::RED;
use crate::cli::table::Column;

/// How much of what is wrong with a schema is told, in characters.
const MOST_SAID: usize = 200;

/// What was found of all servers.
#[derive(Serialize)]
pub(super) struct Report {
    /// Whether none failed.
    pub(super) ok: bool,
    /// Each of them, sorted by name.
    pub(super) servers: Vec<Found>,
}

/// What was found of one.
#[derive(Serialize)]
pub(super) struct Found {
    name: ServerName,
    ok: bool,
    /// Where it failed.
    phase: Option<Phase>,
    /// What kind of failure it was.
    cause: Option<Cause>,
    error: Option<String>,
    exit_code: Option<i32>,
    signal: Option<i32>,
    /// The last lines of standard error, of one that failed.
    stderr: Option<String>,
    protocol_version: Option<String>,
    server: Option<ServerInfo>,
    tools: Option<usize>,
    schema_bytes: Option<usize>,
    estimated_tokens: Option<usize>,
    invalid_schemas: Vec<Invalid>,
    /// How long it took, in milliseconds, until its tools were there or it had failed.
    millis: Option<u64>,
}

impl Report {
    pub(super) fn new<'f>(servers: &[Server], failures: impl Iterator<Item = &'f Failure>) -> Self {
        let mut found: Vec<_> = servers.iter().map(Found::there).chain(failures.map(Found::failed)).collect();
        found.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
        Self { ok: found.iter().all(|found| found.ok), servers: found }
    }

    /// Writes it for people.
    pub(super) fn write(&self, text: &mut Text) -> io::Result<()> {
        if self.servers.is_empty() {
            return Ok(());
        }
        let columns = ["NAME", "RESULT", "SERVER", "PROTOCOL", "TOOLS", "SCHEMAS", "TOKENS", "TIME"]
            .map(|title| Column { title, shrinks: title == "SERVER" });
        let rows: Vec<_> = self.servers.iter().map(Found::row).collect();
        text.table(columns, &rows, |row| row.each_ref().map(String::as_str))?;
        self.servers.iter().try_for_each(|found| found.write_details(text))
    }
}

impl Found {
    fn there(server: &Server) -> Self {
        let sizes = Sizes::of(server.tools());
        let mut invalid_schemas = schemas::invalid(server.tools());
        for invalid in &mut invalid_schemas {
            invalid.tool = server.shown(&invalid.tool);
            // Cut after what it was given is hidden: half of that would not be found.
            invalid.error = server.shown(&invalid.error).chars().take(MOST_SAID).collect();
        }
        let About { protocol_version, server: itself, .. } = server.about();
        Self {
            name: server.name().clone(),
            ok: true,
            phase: None,
            cause: None,
            error: None,
            exit_code: None,
            signal: None,
            stderr: None,
            protocol_version: Some(protocol_version),
            server: itself,
            tools: Some(server.tools().len()),
            schema_bytes: Some(sizes.schemas),
            estimated_tokens: Some(sizes.tokens),
            invalid_schemas,
            millis: Some(millis(server.took())),
        }
    }

    fn failed(failure: &Failure) -> Self {
        let (exit_code, signal) = match failure.exit {
            Some(Exit::Code(code)) => (Some(code), None),
            Some(Exit::Signal(signal)) => (None, Some(signal)),
            None => (None, None),
        };
        Self {
            name: failure.name.clone(),
            ok: false,
            phase: Some(failure.phase),
            cause: Some(failure.cause),
            error: Some(failure.message.clone()),
            exit_code,
            signal,
            stderr: Some(failure.stderr.clone()).filter(|said| !said.is_empty()),
            protocol_version: failure.about.as_ref().map(|about| about.protocol_version.clone()),
            server: failure.about.as_ref().and_then(|about| about.server.clone()),
            tools: None,
            schema_bytes: None,
            estimated_tokens: None,
            invalid_schemas: Vec::new(),
            millis: failure.took.map(millis),
        }
    }

    fn row(&self) -> [String; 8] {
        let number = |number: Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
        let itself = self.server.as_ref().map(|own| format!("{} {}", own.name, own.version));
        [
            self.name.to_string(),
            self.phase.map_or_else(|| "ok".to_owned(), |phase| format!("{phase} failed")),
            itself.unwrap_or_default(),
            self.protocol_version.clone().unwrap_or_default(),
            number(self.tools),
            self.schema_bytes.map(|bytes| format!("{bytes} B")).unwrap_or_default(),
            self.estimated_tokens.map(|tokens| format!("~{tokens}")).unwrap_or_default(),
            self.millis.map(|millis| format!("{millis} ms")).unwrap_or_default(),
        ]
    }

    /// Writes why it failed, and which schemas are none.
    fn write_details(&self, text: &mut Text) -> io::Result<()> {
        if let Some(error) = &self.error {
            text.end_line()?;
            text.styled(RED, self.name.as_str())?;
            text.plain(": ")?;
            text.untrusted(error)?;
            text.end_line()?;
            text.quoted("  ", self.stderr.as_deref().unwrap_or_default())?;
        }
        for Invalid { tool, schema, error } in &self.invalid_schemas {
            text.untrusted(&format!("{}: the {schema} schema of {tool} is no JSON Schema: {error}", self.name))?;
            text.end_line()?;
        }
        Ok(())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
