//! `heartbeat`: the agent's side of reporting that it is alive, and has the server it must have.

mod agent;

use std::path::PathBuf;
use std::time::Duration;

use mcp_registry_http::Builder as Catalog;
use mcp_registry_spec::{AgentId, Error, ErrorKind};
use tokio::runtime::Builder;
use tokio::time::{MissedTickBehavior, interval};

use super::app::{self, LocalCommand};
use super::args::up_to_a_day;
use super::contract;
use super::failure::{Failure, Outcome};
use super::printer::{Format, Printer};
use super::settings::Settings;
use super::stop::Stop;
use agent::Agent;

/// How often a single report is tried.
const TRIES: u32 = 5;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  export MCP_REGISTRY_CONTRACT=/etc/scout/presence.json
  mcp-registry heartbeat --url https://catalog.example.org/ --scope scout --agent scout-1 --runtime claude-code
  mcp-registry heartbeat --url http://localhost:8750/ --scope scout --agent scout-1 --runtime codex --every 30s")]
pub(crate) struct Heartbeat {
    /// The catalog that is reported to: https://HOST/, with ?agent_scope=SCOPE where --scope does not say it
    #[arg(long, value_name = "URL")]
    url: String,
    /// The agent's id
    #[arg(long, value_name = "ID")]
    agent: String,
    /// What the agent runs on, in a word or two
    #[arg(long, value_name = "TEXT", value_parser = parse_runtime)]
    runtime: String,
    /// How often to report, such as 30s; once when nobody says
    #[arg(long, value_name = "TIME", value_parser = up_to_a_day)]
    every: Option<Duration>,
    /// A contract's file, all of which must hold (repeatable); by default the one that MCP_REGISTRY_CONTRACT names
    #[arg(long = "contract", value_name = "FILE")]
    contracts: Vec<PathBuf>,
}

fn parse_runtime(text: &str) -> Result<String, &'static str> {
    match text.len() {
        1..=128 if !text.contains(char::is_control) => Ok(text.to_owned()),
        _ => Err("it has 1 to 128 bytes, and no control character"),
    }
}

impl Heartbeat {
    /// The agent that reports; what can be wrong from the outset is told before anything is sent.
    fn agent(self, settings: &Settings) -> Result<Agent<'_>, Failure> {
        let request = settings.request_for(&self.url)?;
        if settings.backends.find(&request.locator)?.id != mcp_registry_http::ID {
            return Err(Failure::usage("--url names no catalog", "write https://HOST/"));
        }
        let id = AgentId::parse(&self.agent)?;
        let reporter = Catalog::from_request(&request)?.reporter(id.clone())?;
        let contracts = if self.contracts.is_empty() { vec![settings.contract(None)?] } else { self.contracts };
        let mut starts = false;
        for path in &contracts {
            starts |= contract::read(path)?.required_tool().is_some();
        }
        if !starts {
            settings.refuse_place("--url URL")?;
        }
        Ok(Agent::new(settings, id, self.runtime, contracts, reporter, request.locator))
    }
}

impl LocalCommand for Heartbeat {
    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        if self.every.is_some() && printer.format() == Format::Yaml {
            return Err(Failure::usage("what goes on has no form in YAML", "give --format json, or none"));
        }
        let every = self.every;
        let mut agent = self.agent(settings)?;
        let runtime = app::start(&mut Builder::new_current_thread())?;
        let result = runtime.block_on(async {
            let stop = Stop::listen_to_all()?;
            tokio::select! {
                // A signal that comes as the work ends does not undo it.
                biased;
                result = reports(&mut agent, every, printer) => result,
                () = stop.asked() => match every {
                    Some(_) => Ok(Outcome::Good),
                    None => Err(Error::new(ErrorKind::Unavailable, "stopped before the agent was reported").into()),
                },
            }
        });
        // The system's lookup of a name cannot be given up: one that hangs must not keep the process.
        runtime.shutdown_background();
        result
    }
}

/// Reports: once, or every so often, and then tells what came of it whenever that is another than before. That nobody
/// reads what is told is no reason to fall silent.
async fn reports(agent: &mut Agent<'_>, every: Option<Duration>, printer: &mut Printer) -> Result<Outcome, Failure> {
    let tries = every.is_none().then_some(TRIES);
    let registered = agent.report(tries, printer).await?;
    let Some(every) = every else {
        let told = agent.report(tries, printer).await?;
        printer.data(&told, |text| told.write(text))?;
        return Ok(told.outcome());
    };
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, and the registration was the report of it.
    ticks.tick().await;
    let mut last = registered;
    printer.data(&last, |text| last.write(text))?;
    loop {
        printer.flush()?;
        ticks.tick().await;
        let told = agent.report(tries, printer).await?;
        if told != last {
            printer.data(&told, |text| told.write(text))?;
            last = told;
        }
    }
}
