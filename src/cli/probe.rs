//! `probe`: whether what is mounted is really there.

mod meta_schema;
mod report;
mod schemas;

use std::num::NonZeroUsize;

use mcp_registry_spec::McpServerRegistry;

use super::app::RegistryCommand;
use super::failure::{Failure, Outcome};
use super::launches::{self, PhaseTime};
use super::printer::Printer;
use report::Report;

#[derive(clap::Args)]
#[command(after_help = "\
Examples: mcp-registry probe --agent-root agents/scout
          mcp-registry probe github time --timeout 60s --format json")]
pub(crate) struct Probe {
    /// The servers' names; all of them without any
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    time: PhaseTime,
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
        let mut options = launches::options(self.time.timeout);
        options.jobs = self.jobs;
        let (pool, unready) = launches::connect(registry, &self.names, options).await?;
        let report = Report::new(pool.servers(), unready.broken.iter().chain(pool.failures()));
        pool.close().await?;
        Ok(report)
    }
}
