//! The ledger and its export: whether any row was removed, altered, reordered or cut off (L4).

use std::time::SystemTime;

use mcp_registry_governance::{Finding, Ledger, Verified};

use super::check::Check;

const NAME: &str = "ledger";
const EXPORT: &str = "export";

/// The checks, and when the newest row was written.
pub(super) async fn check(ledger: &Ledger) -> (Vec<Check>, Option<SystemTime>) {
    let verified = match ledger.verify(None, None).await {
        Ok(verified) => verified,
        Err(error) => return (vec![Check::failed(NAME, &error)], None),
    };
    let last = ledger.rows(verified.head.seq.saturating_sub(1), 1).await;
    let newest = last.ok().and_then(|rows| rows.last().map(|row| row.at));
    (judge(&verified), newest)
}

fn judge(verified: &Verified) -> Vec<Check> {
    let (of_export, of_table): (Vec<_>, Vec<_>) = verified.findings.iter().partition(|found| found.place == EXPORT);
    let head = &verified.head;
    let whole = match verified.rows {
        0 => "nothing is recorded yet".to_owned(),
        1 => format!("1 row; the head is {}:{}", head.seq, head.hash),
        rows => format!("{rows} rows, each following the one before; the head is {}:{}", head.seq, head.hash),
    };
    let exported = if verified.rows == 0 { "there is nothing to export yet" } else { "ledger.jsonl is the same" };
    vec![told(NAME, &of_table, whole), told(EXPORT, &of_export, exported.to_owned())]
}

fn told(name: &'static str, findings: &[&Finding], whole: String) -> Check {
    let Some(first) = findings.first() else { return Check::pass(name, whole) };
    let row = first.seq.map(|seq| format!("row {seq}: ")).unwrap_or_default();
    let more = match findings.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Check::fail(name, format!("{row}{}{more}", first.message), "see mcp-registry ledger verify")
}
