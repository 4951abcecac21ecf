//! `probe`: whether what is mounted is really there.

mod report;
mod schemas;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mcp_registry_pool::Pool;
use mcp_registry_spec::{McpServerRegistry, ServerName};

use super::app::RegistryCommand;
use super::failure::{Failure, Outcome};
use super::launches;
use super::printer::Printer;
use report::Report;

/// Start or reach servers, and list their tools.
///
/// Tells of each server whether it is there, else where that failed and why: its exit code, and what it wrote last to
/// standard error. Servers are probed in parallel, and nothing that was started is left. A command that may not be
/// started stops all of it, before anything is started. Tokens are estimated: a quarter of the bytes of what a model
/// is told of the tools. The exit status is 1 when a server failed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples: mcp-registry probe --agent-root agents/scout
          mcp-registry probe github time --timeout 60s --format json")]
pub(crate) struct Probe {
    /// The servers' names; all of them without any
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// How long each phase may take: making the process, initialize, and listing the tools
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// How many are probed at a time
    #[arg(long, value_name = "NUMBER", default_value = "64")]
    jobs: NonZeroUsize,
}

impl RegistryCommand for Probe {
    const TOKIO: bool = true;

    async fn run(self, registry: &McpServerRegistry, printer: &mut Printer) -> Result<Outcome, Failure> {
        let report = launches::unless_stopped(self.probe(registry)).await?;
        printer.data(&report, |text| report.write(text))?;
        if report.servers.is_empty() {
            printer.aside("no servers are mounted");
        }
        Ok(if report.ok { Outcome::Good } else { Outcome::Bad })
    }
}

impl Probe {
    async fn probe(&self, registry: &McpServerRegistry) -> Result<Report, Failure> {
        let gate = launches::gate(registry).await?;
        let ready = launches::resolve(registry, &self.names, &gate).await?;
        let mut options = launches::options(self.timeout);
        options.jobs = self.jobs;
        let progress = Progress::of(ready.ready.iter().map(|launch| &launch.name));
        let pool = Pool::connect_with(ready.ready, &gate, options, |name, _| progress.settled(name)).await?;
        progress.bar.finish_and_clear();
        let report = Report::new(pool.servers(), ready.broken.iter().chain(pool.failures()));
        pool.close().await?;
        Ok(report)
    }
}

/// A bar on standard error, where that is a terminal: how many are done, and who is waited for.
pub(super) struct Progress {
    pub(super) bar: ProgressBar,
    waiting: RefCell<BTreeSet<ServerName>>,
}

impl Progress {
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n ServerName>) -> Self {
        let waiting: BTreeSet<_> = names.cloned().collect();
        let bar = ProgressBar::with_draw_target(Some(waiting.len() as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:20} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        let progress = Self { bar, waiting: RefCell::new(waiting) };
        progress.tell();
        progress.bar.enable_steady_tick(Duration::from_millis(100));
        progress
    }

    pub(super) fn settled(&self, name: &ServerName) {
        self.waiting.borrow_mut().remove(name);
        self.bar.inc(1);
        self.tell();
    }

    fn tell(&self) {
        let waiting = self.waiting.borrow();
        let names: Vec<_> = waiting.iter().map(ServerName::as_str).collect();
        self.bar.set_message(names.join(" "));
    }
}
