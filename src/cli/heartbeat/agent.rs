//! The agent, as it reports.

use std::io;
use std::path::PathBuf;

use mcp_registry_http::{Answer, Report, Reporter};
use mcp_registry_presence::Presence;
use mcp_registry_spec::{AgentId, Error, ErrorKind, Locator, Scope};
use serde::Serialize;
use tokio::time::sleep;

use crate::cli::backoff::Backoff;
use crate::cli::contract;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::printer::{Printer, Text};
use crate::cli::settings::Settings;
use crate::cli::style::{GREEN, RED};

/// An agent that reports of itself.
pub(super) struct Agent<'s> {
    settings: &'s Settings,
    id: AgentId,
    runtime: String,
    contracts: Vec<PathBuf>,
    reporter: Reporter,
    catalog: Locator,
    registered: bool,
    /// Whether presence could be told once.
    looked: bool,
    /// What people were told of the last look: why a server is absent, or why that cannot be told.
    absent: Vec<String>,
    /// What they were told of the last try that failed, while none has been kept since.
    failed: Option<String>,
}

/// What a report came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Told {
    agent: AgentId,
    scope: Scope,
    mcp_server_present: bool,
    state: String,
    reason: Option<String>,
}

impl<'s> Agent<'s> {
    pub(super) fn new(
        settings: &'s Settings,
        id: AgentId,
        runtime: String,
        contracts: Vec<PathBuf>,
        reporter: Reporter,
        catalog: Locator,
    ) -> Self {
        Self {
            settings,
            id,
            runtime,
            contracts,
            reporter,
            catalog,
            registered: false,
            looked: false,
            absent: Vec::new(),
            failed: None,
        }
    }

    /// Reports until it is kept: the registration first, a heartbeat when that was kept. What a later try can cure is
    /// tried again, `tries` times in all where there is a bound.
    pub(super) async fn report(&mut self, tries: Option<u32>, printer: &mut Printer) -> Result<Told, Failure> {
        let mut backoff = Backoff::default();
        loop {
            let report = match self.look(printer).await {
                Ok(report) => report,
                Err(failure) if tries.is_some() || !self.looked => return Err(failure),
                Err(failure) => {
                    self.tell_absent(vec![failure.into_error().to_string()], printer);
                    if !self.registered {
                        // A registration without the server may be refused for good.
                        sleep(backoff.pause()).await;
                        continue;
                    }
                    Report { mcp_server_present: false, mcp_tools_ready: None, loaded_mcp_tools: None }
                }
            };
            let more = tries.is_none_or(|tries| backoff.tries() + 1 < tries);
            let answer = match self.registered {
                false => self.reporter.register(&self.runtime, &report).await,
                true => self.reporter.heartbeat(&report).await,
            };
            match answer {
                Ok(Answer::Kept { state, reason }) => {
                    self.registered = true;
                    self.failed = None;
                    let (agent, scope) = (self.id.clone(), self.reporter.scope().clone());
                    return Ok(Told { agent, scope, mcp_server_present: report.mcp_server_present, state, reason });
                }
                Ok(Answer::NotRegistered) if self.registered && more => {
                    self.registered = false;
                    sleep(backoff.pause()).await;
                }
                Ok(Answer::NotRegistered) => {
                    let message = format!("the catalog does not know the agent {}, as it is registered", self.id);
                    return Err(Error::new(ErrorKind::Unavailable, message).into());
                }
                Ok(Answer::Refused(cause)) => {
                    let message = format!("the catalog refuses the agent {}, mcp_server_missing", self.id);
                    return Err(Error::new(cause.kind(), message).caused_by(cause).into());
                }
                Err(error) if error.is_retryable() && more => {
                    self.tell_failed(error.to_string(), printer);
                    sleep(backoff.pause()).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What is to be reported now; people are told why a server is absent.
    async fn look(&mut self, printer: &mut Printer) -> Result<Report, Failure> {
        let mut presences = Vec::with_capacity(self.contracts.len());
        for path in &self.contracts {
            presences.push(contract::look(&contract::read(path)?, self.settings, Some(&self.catalog)).await?);
        }
        let report = report_of(&presences);
        report.check()?;
        self.looked = true;
        let absent = presences.iter().filter(|presence| !presence.is_present());
        self.tell_absent(absent.map(contract::absence).collect(), printer);
        Ok(report)
    }

    /// Tells people what was not so at the look before.
    fn tell_absent(&mut self, absent: Vec<String>, printer: &mut Printer) {
        for warning in absent.iter().filter(|warning| !self.absent.contains(warning)) {
            printer.warning(warning);
        }
        self.absent = absent;
    }

    /// Tells people of a try that failed, unless the one before failed for the same.
    fn tell_failed(&mut self, failed: String, printer: &mut Printer) {
        if self.failed.as_ref() != Some(&failed) {
            printer.warning(&failed);
            self.failed = Some(failed);
        }
    }
}

/// What is reported of what was found (E16).
fn report_of(presences: &[Presence]) -> Report {
    let tools = |presence: &Presence| {
        let names = presence.tools.as_ref()?.iter();
        Some(names.map(|tool| format!("{}__{tool}", presence.server)).collect::<Vec<_>>())
    };
    let loaded: Option<Vec<_>> = presences.iter().map(tools).collect();
    Report {
        mcp_server_present: presences.iter().all(Presence::is_present),
        mcp_tools_ready: loaded.as_ref().map(|_| true),
        loaded_mcp_tools: loaded.map(|tools| tools.concat()),
    }
}

impl Told {
    /// Whether all is well.
    pub(super) fn outcome(&self) -> Outcome {
        if self.state == "online" { Outcome::Good } else { Outcome::Bad }
    }

    /// Shows it to people.
    pub(super) fn write(&self, text: &mut Text) -> io::Result<()> {
        let style = if self.outcome() == Outcome::Good { GREEN } else { RED };
        text.styled(style, &self.state)?;
        text.plain("  ")?;
        text.untrusted(self.agent.as_str())?;
        if let Some(reason) = &self.reason {
            text.plain("  ")?;
            text.untrusted(reason)?;
        }
        text.end_line()
    }
}
