//! The table that the rows are kept in.

use std::time::SystemTime;

use mcp_registry_spec::{Digest, Error, ErrorKind, Result};
use mcp_registry_store::sqlx::{self, Row as _};
use mcp_registry_store::{Row, Store, Transaction};

use super::Head;
use super::chain::seal;
use super::record::Record;

/// A row as it is kept.
pub(super) struct Kept {
    pub(super) seq: u64,
    /// The line that it is exported as.
    pub(super) body: String,
    pub(super) hash: String,
}

/// Adds rows. The head is locked by being written first, so that numbers have no gap and rows are in the order
/// of their numbers, also where many write at a time.
pub(super) async fn append(transaction: &mut Transaction, at: SystemTime, records: Vec<Record>) -> Result<()> {
    let take = "UPDATE mcp_ledger_head SET seq = seq + $1 WHERE id = 1 RETURNING seq, hash";
    let count = records.len() as u64;
    let rows = transaction.fetch(sqlx::query(take).bind(signed(count)?)).await?;
    let head = rows.first().ok_or_else(|| foreign("the head of the ledger is missing"))?;
    let Head { seq: end, mut hash } = head_of(head)?;
    let mut seq = end.saturating_sub(count);
    for record in records {
        seq += 1;
        let sealed = seal(seq, at, hash, record.kept())?;
        hash = sealed.hash;
        let insert = "INSERT INTO mcp_ledger (seq, body, hash) VALUES ($1, $2, $3)";
        let insert = sqlx::query(insert).bind(signed(seq)?).bind(sealed.line).bind(hash.to_string());
        transaction.execute(insert).await?;
    }
    let set = "UPDATE mcp_ledger_head SET hash = $1 WHERE id = 1";
    transaction.execute(sqlx::query(set).bind(hash.to_string())).await?;
    Ok(())
}

/// The last row there is, as the table says.
pub(super) async fn head(store: &Store) -> Result<Head> {
    let rows = store.fetch(|| sqlx::query("SELECT seq, hash FROM mcp_ledger_head WHERE id = 1")).await?;
    rows.first().map_or(Ok(Head { seq: 0, hash: Digest::ZERO }), head_of)
}

/// The rows that follow the one with the number `after`, in order.
pub(super) async fn rows(store: &Store, after: u64, limit: usize) -> Result<Vec<Kept>> {
    let (after, limit) = (signed(after)?, i64::try_from(limit).unwrap_or(i64::MAX));
    let query = "SELECT seq, body, hash FROM mcp_ledger WHERE seq > $1 ORDER BY seq LIMIT $2";
    let rows = store.fetch(|| sqlx::query(query).bind(after).bind(limit)).await?;
    rows.iter().map(|row| Ok(Kept { seq: number(row, 0)?, body: text(row, 1)?, hash: text(row, 2)? })).collect()
}

fn head_of(row: &Row) -> Result<Head> {
    Ok(Head { seq: number(row, 0)?, hash: text(row, 1)?.parse()? })
}

fn number(row: &Row, column: usize) -> Result<u64> {
    let found: i64 = row.try_get(column).map_err(|cause| foreign("the ledger holds no number").caused_by(cause))?;
    u64::try_from(found).map_err(|_| foreign("the ledger holds a number below zero"))
}

fn text(row: &Row, column: usize) -> Result<String> {
    row.try_get(column).map_err(|cause| foreign("the ledger holds no text").caused_by(cause))
}

/// Numbers are stored with a sign.
fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| foreign("the ledger has no such number"))
}

/// The error that the table is not what this program writes.
pub(super) fn foreign(what: &str) -> Error {
    Error::new(ErrorKind::DescriptorInvalid, what).hint("see mcp-registry ledger verify")
}
