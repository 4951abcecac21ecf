//! Seeing whether the ledger is whole, and whether a registry is what it tells (L4, L5, L6).

use std::time::Duration;

use mcp_registry_spec::{Digest, McpServerRegistry, Result};

use super::chain::Chain;
use super::content::Content;
use super::export::Lines;
use super::record::Row;
use super::{Finding, Head, Ledger, PAGE, Verified, blocking, table};
use crate::changes::Place;

/// How often, and how long each time, it is waited for one who has committed rows and not yet exported them.
const LOOKS: usize = 25;
const BETWEEN: Duration = Duration::from_millis(40);

pub(super) async fn verify(
    ledger: &Ledger,
    anchor: Option<Head>,
    registry: Option<(&McpServerRegistry, &Place)>,
) -> Result<Verified> {
    let head = ledger.head().await?;
    let mut content = match registry {
        Some((registry, place)) => Some(Content::read(registry, place).await?),
        None => None,
    };
    let mut findings = Vec::new();
    let (rows, last) = of_table(ledger, head, anchor, content.as_mut(), &mut findings).await?;
    if let Some(path) = ledger.export_path() {
        let path = path.to_owned();
        match blocking(move || Lines::open(&path)).await? {
            Some(lines) => of_export(ledger, lines, last.seq, &mut findings).await?,
            None if last.seq == 0 => {}
            None => Chain::new("export").find(None, "there is no export", &mut findings),
        }
    }
    findings.extend(content.map(Content::findings).unwrap_or_default());
    Ok(Verified { ok: findings.is_empty(), rows, head: last, findings })
}

/// Looks at all rows of the table; `head` is what they ended with at first, more may come meanwhile. Gives how many
/// there are, and the last.
async fn of_table(
    ledger: &Ledger,
    head: Head,
    anchor: Option<Head>,
    mut content: Option<&mut Content>,
    findings: &mut Vec<Finding>,
) -> Result<(u64, Head)> {
    let mut chain = Chain::new("table");
    let mut count = 0;
    // What is before the first row is the same in every ledger.
    let marks =
        [(Some(head), "the head of the ledger is of another row"), (anchor, "this row is not the anchored one")];
    loop {
        let rows = table::rows(&ledger.store, chain.last, PAGE).await?;
        for row in &rows {
            count += 1;
            chain.follow(Some(row.seq), row.body.as_bytes(), findings);
            if chain.hash.is_some_and(|hash| hash.to_string() != row.hash) {
                chain.find(Some(row.seq), "this row has another hash beside it than within", findings);
            }
            for (mark, message) in marks {
                if mark.is_some_and(|mark| mark.seq == row.seq && Some(mark.hash) != chain.hash) {
                    chain.find(Some(row.seq), message, findings);
                }
            }
            if let Some(content) = &mut content {
                match serde_json::from_str::<Row>(&row.body) {
                    Ok(told) => content.hear(&told, row.seq <= head.seq),
                    Err(_) => chain.find(Some(row.seq), "what this row tells cannot be read", findings),
                }
            }
        }
        if rows.len() < PAGE {
            break;
        }
    }
    for mark in [Some(head), anchor].into_iter().flatten() {
        if mark.seq > chain.last {
            let message = format!("the last row is {}, and it was {}: rows were cut off", chain.last, mark.seq);
            chain.find(Some(mark.seq), message, findings);
        } else if mark.seq == 0 && mark.hash != Digest::ZERO {
            chain.find(None, "what is before the first row has no such hash", findings);
        }
    }
    let now = ledger.head().await?;
    if now.seq < chain.last {
        let message = format!("the head of the ledger says {}, and the last row is {}", now.seq, chain.last);
        chain.find(Some(chain.last), message, findings);
    }
    Ok((count, Head { seq: chain.last, hash: chain.hash.unwrap_or(now.hash) }))
}

/// Looks at all lines of the export, which must go as far as the table's row `last`.
async fn of_export(ledger: &Ledger, mut lines: Lines, last: u64, findings: &mut Vec<Finding>) -> Result<()> {
    let mut chain = Chain::new("export");
    let mut looks = 0;
    loop {
        let page;
        (lines, page) = blocking(move || lines.next(PAGE).map(|page| (lines, page))).await?;
        page.iter().for_each(|line| chain.follow(None, line, findings));
        if !page.is_empty() {
            continue;
        }
        if chain.last >= last && !lines.is_torn() || looks == LOOKS {
            break;
        }
        looks += 1;
        tokio::time::sleep(BETWEEN).await;
    }
    if chain.last < last {
        let why = "it was cut, or whoever wrote last died; whoever writes next completes it";
        let message = format!("the last row is {}, and that of the table {last}: {why}", chain.last);
        chain.find(Some(chain.last + 1), message, findings);
    } else if lines.is_torn() {
        chain.find(None, "something that is no row follows the last one", findings);
    }
    // Where each row follows the one before, all are the table's if the last one is.
    if chain.last > 0 && chain.is_whole() {
        let there = table::rows(&ledger.store, chain.last - 1, 1).await?;
        let same = |hash: &str| chain.hash.is_some_and(|own| own.to_string() == hash);
        match there.first().filter(|row| row.seq == chain.last).map(|row| same(&row.hash)) {
            Some(true) => {}
            Some(false) => chain.find(Some(chain.last), "the rows are others than those of the table", findings),
            None => chain.find(Some(chain.last), "the table does not have this row: it was cut off there", findings),
        }
    }
    Ok(())
}
