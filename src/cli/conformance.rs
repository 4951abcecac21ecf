//! `conformance`: the suite, held to a live backend.
//!
//! The cases are those of `tests/conformance`; here is what a live backend needs beside them: scopes
//! that nobody else has, writes only where they are allowed, and cleaning up however it ends.

#[cfg(feature = "filesystem")]
mod folders;
mod junit;
mod live;
mod report;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::pin::pin;
use std::time::{Duration, Instant};

use clap::builder::{EnumValueParser, TypedValueParser};
use mcp_registry_conformance::{Case, Fixture, Suite, cases, worker};
#[cfg(feature = "filesystem")]
use mcp_registry_filesystem::ID as FOLDERS;
use mcp_registry_spec::Error;
use tokio::runtime::Builder;

use super::app::{self, LocalCommand, Use};
use super::args::With;
use super::failure::{Failure, Outcome};
use super::printer::{Format, Printer};
use super::settings::Settings;
use super::stop::Stop;
use live::Live;
use report::{Ran, Report};

/// Threads of the runtime: enough that a backend which blocks them now and then does not stop the
/// others.
const THREADS: usize = 16;

#[derive(clap::Args)]
#[command(after_help = "\
Examples: mcp-registry conformance --backend filesystem:agents
          mcp-registry conformance --backend filesystem:agents --allow-writes rule_09 --format junit")]
pub(crate) struct Conformance {
    /// Run the cases that write, too
    #[arg(long)]
    allow_writes: bool,
    /// Part of the name of the cases to run, such as rule_09 (repeatable)
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
}

/// How the report is printed: every other command has no form of JUnit's.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ReportFormat {
    /// For people
    Table,
    /// For programs: one line
    Json,
    /// For people and programs
    Yaml,
    /// For continuous integration: JUnit's XML, of conformance alone
    Junit,
}

/// What this command takes for `--format`, before its name and after it.
pub(crate) fn formats() -> impl TypedValueParser<Value = Format> {
    EnumValueParser::<ReportFormat>::new().map(|format| match format {
        ReportFormat::Table => Format::Table,
        ReportFormat::Json => Format::Json,
        ReportFormat::Yaml => Format::Yaml,
        ReportFormat::Junit => Format::Junit,
    })
}

/// The arguments, with these formats.
pub(crate) fn args(command: clap::Command) -> clap::Command {
    With::<Conformance>::make(command).mut_arg("format", |arg| arg.value_parser(formats()))
}

/// The cases to run, and how many are left out because they write.
struct Plan {
    cases: Vec<&'static Case>,
    left_out: usize,
}

impl LocalCommand for Conformance {
    const USE: Use = Use { own_format: Some(Format::Junit), ..Use::COMMON };

    fn run(self, settings: &Settings, printer: &mut Printer) -> Result<Outcome, Failure> {
        let plan = self.plan()?;
        let request = settings.request()?;
        let runtime = app::start(Builder::new_multi_thread().worker_threads(THREADS))?;
        let result = runtime.block_on(async {
            let live = Live::connect(&settings.backends, request).await?;
            if worker::is_worker() {
                worker::serve(&live).await?;
                return Ok(Outcome::Good);
            }
            self.check(live, plan, settings.format, printer).await
        });
        // A call that hangs must not keep the process.
        runtime.shutdown_timeout(Duration::from_secs(1));
        result
    }
}

impl Conformance {
    fn plan(&self) -> Result<Plan, Failure> {
        let asked =
            |case: &Case| self.filters.is_empty() || self.filters.iter().any(|f| case.name.contains(f.as_str()));
        let (kept, left_out): (Vec<_>, Vec<_>) =
            cases().filter(|case| asked(case)).partition(|case| self.allow_writes || !case.writes);
        // Nothing that ran must not look like nothing that failed.
        match (kept.is_empty(), left_out.len()) {
            (true, 0) => {
                Err(Failure::usage("no case has a name like that", "a name begins with its rule, as rule_09_"))
            }
            (true, _) => Err(Failure::usage("all the cases asked for write", "allow that with --allow-writes")),
            (false, left_out) => Ok(Plan { cases: kept, left_out }),
        }
    }

    async fn check(&self, live: Live, plan: Plan, format: Format, printer: &mut Printer) -> Result<Outcome, Failure> {
        let (id, capabilities) = (live.id, live.capabilities());
        if self.allow_writes && capabilities.supports_install && !capabilities.supports_uninstall {
            return Err(Error::unsupported(id, "uninstall, so what the suite writes could not be removed")
                .hint("run it without --allow-writes")
                .into());
        }
        let (request, secrets) = (live.request.clone(), live.secrets());
        if let Some(scope) = &request.scope {
            printer.note(&format!("the scope {scope} is not touched: the suite uses scopes of its own"));
        }
        let prefix = format!("conformance-{:016x}", RandomState::new().build_hasher().finish());
        // A worker is this very command once more: the same arguments and variables name the same backend.
        let suite = Suite::builder(live, &prefix).worker_args(std::env::args_os().skip(1)).build()?;
        let ran = run(&suite, &plan.cases, &secrets, printer).await;
        let mut report = Report::new(id, &prefix, plan.cases.len(), plan.left_out, ran);
        if self.allow_writes {
            let removed = suite.clean_up().await;
            #[cfg(feature = "filesystem")]
            let removed =
                removed.and_then(|()| if id == FOLDERS { folders::remove(&request, &prefix) } else { Ok(()) });
            if let Err(error) = removed {
                report.ok = false;
                printer.warning(&format!("not everything in the scopes {prefix}-… is removed: {error}"));
            }
        }
        match format {
            Format::Junit => junit::write(printer.raw(), &report)?,
            _ => printer.data(&report, |text| report.write(text))?,
        }
        Ok(if report.ok { Outcome::Good } else { Outcome::Bad })
    }
}

/// Runs the cases one after the other until all are done or it is told to stop.
async fn run(suite: &Suite, cases: &[&'static Case], secrets: &[String], printer: &mut Printer) -> Vec<Ran> {
    let mut interrupt = pin!(interrupted());
    let mut ran = Vec::with_capacity(cases.len());
    for case in cases {
        let began = Instant::now();
        let mut running = pin!(suite.run(case));
        tokio::select! {
            // In this order: that is heard before the first case writes anything.
            biased;
            () = &mut interrupt => {
                // A case that nobody waits for could still write after what it wrote is removed.
                printer.note("interrupted: cleaning up once the case that runs has ended; press again to do so now");
                tokio::select! {
                    _ = running => {}
                    () = interrupted() => {}
                }
                break;
            }
            outcome = &mut running => ran.push(Ran::new(case, outcome, began.elapsed(), secrets)),
        }
    }
    ran
}

/// Waits for being told to stop. From its first poll on, that does not end the process any more.
async fn interrupted() {
    match Stop::listen() {
        Ok(stop) => stop.asked().await,
        // Where it cannot be heard there is nothing to wait for.
        Err(_) => std::future::pending().await,
    }
}
