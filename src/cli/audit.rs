//! `audit`: what was asked to be written, by whom, and what came of it.

use mcp_registry_spec::{AuditRecord, Digest, McpServerRegistry};
use serde::Serialize;

use super::app::RegistryCommand;
use super::failure::{Failure, Outcome};
use super::printer::Printer;
use super::table::Column;

/// How many digits tell one digest from another well enough for people.
const DIGITS: usize = "sha256:".len() + 8;

#[derive(clap::Args)]
#[command(after_help = "Example: mcp-registry audit --backend https://catalog.example.org/ --scope scout --after 120")]
pub(crate) struct Audit {
    /// Show the records that follow this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
    /// Show at most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    limit: usize,
}

#[derive(Serialize)]
struct Records {
    records: Vec<AuditRecord>,
}

impl RegistryCommand for Audit {
    async fn run(self, registry: &McpServerRegistry, printer: &mut Printer) -> Result<Outcome, Failure> {
        let found = Records { records: registry.audit(self.after, self.limit).await? };
        printer.data(&found, |text| {
            if found.records.is_empty() {
                return Ok(());
            }
            let rows: Vec<_> = found.records.iter().map(row).collect();
            let columns = ["NUMBER", "WHEN", "WHO", "ACTION", "NAME", "OUTCOME", "BEFORE", "AFTER"]
                .map(|title| Column { title, shrinks: title == "WHO" });
            text.table(columns, &rows, |row| row.each_ref().map(String::as_str))
        })?;
        if found.records.is_empty() {
            printer.aside(if self.after == 0 { "nothing is on record" } else { "nothing else is on record" });
        } else if found.records.len() == self.limit
            && let Some(last) = found.records.last()
        {
            printer.aside(&format!("there may be more: --after {}", last.seq));
        }
        Ok(Outcome::Good)
    }
}

fn row(record: &AuditRecord) -> [String; 8] {
    let digest = |digest: &Option<Digest>| {
        let text = digest.map(|digest| digest.to_string()).unwrap_or_default();
        text.get(..DIGITS).unwrap_or_default().to_owned()
    };
    [
        record.seq.to_string(),
        mcp_registry_spec::time::shown(record.at).to_string(),
        record.actor.clone().unwrap_or_default(),
        record.action.to_string(),
        record.name.to_string(),
        record.outcome.to_string(),
        digest(&record.before),
        digest(&record.after),
    ]
}
