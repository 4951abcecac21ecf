//! What `pin` and `verify` have in common: where pins are, what servers show now, and how that is told.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use mcp_registry_pool::pins::{Difference, FILE, Part, Pin};
use mcp_registry_pool::rmcp::model::Tool;
use mcp_registry_pool::{Failure as NotThere, Phase, Server};
use mcp_registry_spec::{Error, McpServerRegistry, OpenRequest, ServerName};
use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;
use super::launches::{self, PhaseTime};
use super::printer::Text;
use super::settings::Settings;
use super::style::{GREEN, RED, YELLOW};

/// How much of a schema is shown, in characters.
const MOST_SHOWN: usize = 4000;

/// The keys of a tool whose values are told by themselves, or are its name.
const TOLD: &[&str] = &["name", "description", "annotations", "inputSchema", "outputSchema"];

// Which servers, and where their pins are (a doc comment would take the place of the command's own description).
#[derive(clap::Args)]
pub(super) struct Which {
    /// The servers' names; all of them without any
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,
    /// The file of the pins; mcp.lock beside mcp.md when nobody says
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    #[command(flatten)]
    time: PhaseTime,
}

/// What servers show now.
pub(super) struct Shown {
    /// Those that are there.
    pub(super) servers: BTreeMap<ServerName, Now>,
    /// Those that are not.
    pub(super) failures: Vec<NotThere>,
    /// Those whose pin could not be kept.
    pub(super) refused: Vec<(ServerName, Error)>,
}

/// What one of them shows.
pub(super) struct Now {
    pub(super) pin: Pin,
    /// What each tool says of itself, part by part, as it may be shown.
    tools: BTreeMap<String, BTreeMap<Part, String>>,
    /// What it says of how it is used, as it may be shown.
    instructions: String,
}

/// What is told of a server.
#[derive(Serialize)]
pub(super) struct Told {
    name: ServerName,
    /// Whether it shows what it was pinned for.
    pub(super) as_pinned: bool,
    pub(super) differences: Vec<Changed>,
    /// Where it failed.
    phase: Option<Phase>,
    error: Option<String>,
    /// The last lines of standard error, of one that failed.
    stderr: Option<String>,
}

/// A difference, and what the server says now where that is what changed.
#[derive(Serialize)]
pub(super) struct Changed {
    #[serde(flatten)]
    difference: Difference,
    now: Option<String>,
}

impl Which {
    /// The file of the pins.
    ///
    /// # Errors
    /// Where nobody names it, and the backend has no folder for it.
    pub(super) fn file(&self, settings: &Settings, request: &OpenRequest) -> Result<PathBuf, Failure> {
        if let Some(file) = &self.lock {
            return Ok(file.clone());
        }
        #[cfg(feature = "filesystem")]
        if settings.backends.find(&request.locator)?.id == mcp_registry_filesystem::ID {
            return Ok(mcp_registry_filesystem::Config::from_request(request)?.folder.join(FILE));
        }
        let id = settings.backends.find(&request.locator)?.id;
        Err(Failure::usage(format!("entries of {id} have no folder for {FILE}"), "name the file with --lock FILE"))
    }

    /// Connects to the servers and looks what they show.
    ///
    /// # Errors
    /// What the gate refuses (S1); a name that is not there; when the storage cannot be reached; that somebody wanted
    /// it to stop.
    pub(super) async fn shown(&self, registry: &McpServerRegistry) -> Result<Shown, Failure> {
        launches::unless_stopped(self.look(registry)).await
    }

    /// The same for who listens for being stopped already.
    ///
    /// # Errors
    /// Those of [`shown`](Self::shown) but the last.
    pub(super) async fn look(&self, registry: &McpServerRegistry) -> Result<Shown, Failure> {
        let options = launches::options(self.time.timeout);
        let (pool, others) = launches::connect(registry, &self.names, options).await?;
        let failures = others.broken.into_iter().chain(pool.failures().iter().cloned()).collect();
        let mut shown = Shown { servers: BTreeMap::new(), failures, refused: Vec::new() };
        for server in pool.servers() {
            let Some(entry) = others.digests.get(server.name()) else { continue };
            match server.pin(*entry) {
                Ok(pin) => drop(shown.servers.insert(server.name().clone(), Now::of(pin, server))),
                Err(error) => shown.refused.push((server.name().clone(), error)),
            }
        }
        pool.close().await?;
        Ok(shown)
    }
}

impl Shown {
    /// Those that failed, told.
    pub(super) fn failed(&self) -> impl Iterator<Item = Told> {
        let refused = self.refused.iter().map(|(name, error)| Told {
            phase: Some(Phase::Verify),
            error: Some(error.to_string()),
            ..Told::new(name.clone())
        });
        self.failures.iter().map(Told::failed).chain(refused)
    }

    /// Whether a server of that name is mounted.
    pub(super) fn has(&self, name: &ServerName) -> bool {
        self.servers.contains_key(name)
            || self.failures.iter().any(|failure| failure.name == *name)
            || self.refused.iter().any(|(refused, _)| refused == name)
    }
}

impl Now {
    fn of(pin: Pin, server: &Server) -> Self {
        let shown = |said: Option<&str>| server.shown_lines(said.unwrap_or_default());
        let data = |data: Value| match &data {
            Value::Null => String::new(),
            data => cut(shown(serde_json::to_string_pretty(data).ok().as_deref())),
        };
        // Whatever has no part of its own.
        let rest = |tool: &Tool| {
            let mut rest = server.without_secrets(tool);
            if let Some(rest) = rest.as_object_mut() {
                rest.retain(|key, _| !TOLD.contains(&key.as_str()));
            }
            if rest.as_object().is_some_and(serde_json::Map::is_empty) { Value::Null } else { rest }
        };
        let parts = |tool: &Tool| {
            let parts = [
                (Part::Description, shown(tool.description.as_deref())),
                (Part::Annotations, data(server.without_secrets(&tool.annotations))),
                (Part::InputSchema, data(server.without_secrets(&tool.input_schema))),
                (Part::OutputSchema, data(server.without_secrets(&tool.output_schema))),
                (Part::Rest, data(rest(tool))),
            ];
            (tool.name.to_string(), parts.into())
        };
        let tools = server.tools().iter().map(parts).collect();
        Self { pin, tools, instructions: shown(server.info().instructions.as_deref()) }
    }

    /// The difference, with what is said now where that is what changed.
    fn tell(&self, difference: Difference) -> Changed {
        let said = |tool: &str, parts: &[Part]| {
            let said = self.tools.get(tool)?;
            let said = parts.iter().filter_map(|part| said.get(part).cloned());
            let said: Vec<_> = said.filter(|said| !said.is_empty()).collect();
            Some(said.join("\n")).filter(|said| !said.is_empty())
        };
        let now = match &difference {
            Difference::Instructions => Some(self.instructions.clone()),
            Difference::ToolAdded { tool } => said(tool, &[Part::Description]),
            Difference::ToolChanged { tool, parts } => said(tool, parts),
            _ => None,
        };
        Changed { difference, now }
    }
}

/// The beginning of a long text that may be shown.
fn cut(text: String) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

impl Told {
    /// A server that is there, and in what it differs from its pin.
    pub(super) fn of(name: ServerName, now: &Now, pin: Option<&Pin>) -> Self {
        let differences = pin.map_or_else(|| vec![Difference::NotPinned], |pin| pin.differences(&now.pin));
        let differences: Vec<_> = differences.into_iter().map(|difference| now.tell(difference)).collect();
        Self { as_pinned: differences.is_empty(), differences, ..Self::new(name) }
    }

    fn new(name: ServerName) -> Self {
        Self { name, as_pinned: false, differences: Vec::new(), phase: None, error: None, stderr: None }
    }

    /// A server that is not there.
    fn failed(failure: &NotThere) -> Self {
        Self {
            phase: Some(failure.phase),
            error: Some(failure.message.clone()),
            stderr: Some(failure.stderr.clone()).filter(|said| !said.is_empty()),
            ..Self::new(failure.name.clone())
        }
    }

    /// A pin without an entry.
    pub(super) fn without_entry(name: ServerName) -> Self {
        let differences = vec![Changed { difference: Difference::NoEntry, now: None }];
        Self { differences, ..Self::new(name) }
    }

    /// Whether it could not be looked at.
    pub(super) fn is_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Whether it has no pin.
    pub(super) fn is_new(&self) -> bool {
        self.differences.iter().any(|changed| changed.difference == Difference::NotPinned)
    }

    /// Whether it is mounted no more.
    pub(super) fn is_gone(&self) -> bool {
        self.differences.iter().any(|changed| changed.difference == Difference::NoEntry)
    }

    /// Writes it for people: the name, `how` it stands, and a line for each difference.
    pub(super) fn write(&self, text: &mut Text, how: &str) -> io::Result<()> {
        text.plain(&format!("{}  ", self.name))?;
        match (&self.error, self.as_pinned) {
            (Some(_), _) => text.styled(RED, "failed")?,
            (None, true) => text.styled(GREEN, how)?,
            (None, false) => text.styled(YELLOW, how)?,
        }
        text.end_line()?;
        if let Some(error) = &self.error {
            text.plain("  ")?;
            if let Some(phase) = self.phase {
                text.plain(&format!("{phase}: "))?;
            }
            text.untrusted(error)?;
            text.end_line()?;
            text.quoted("    ", self.stderr.as_deref().unwrap_or_default())?;
        }
        // Of one that has no pin, how it stands says all there is.
        let differences = self.differences.iter().filter(|changed| changed.difference != Difference::NotPinned);
        for Changed { difference, now } in differences {
            text.plain("  ")?;
            text.untrusted(&difference.to_string())?;
            text.end_line()?;
            text.quoted("    ", now.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }
}

/// What is told of all of them, sorted by name.
pub(super) fn sorted(told: impl IntoIterator<Item = Told>) -> Vec<Told> {
    let mut told: Vec<_> = told.into_iter().collect();
    told.sort_by(|a, b| a.name.cmp(&b.name));
    told
}
