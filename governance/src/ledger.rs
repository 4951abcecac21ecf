//! The ledger: what was asked, decided and done, each row sealed by the hash of the one before.

mod chain;
mod content;
mod export;
mod record;
mod table;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use mcp_registry_spec::{Digest, Error, ErrorKind, McpServerRegistry, Result, ServerName};
use mcp_registry_store::{Store, Transaction};
use serde::Serialize;

use crate::changes::{Party, Place};
use chain::Chain;
use content::Stored;
use export::Export;
use table::Kept;

pub use record::{Event, Record, Row};

/// How many rows are read at once.
const PAGE: usize = 1_000;

/// The last row there is: who keeps it elsewhere can tell whether the ledger was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its number; 0 when there is none.
    pub seq: u64,
    /// Its hash; of 32 zero bytes when there is none.
    pub hash: Digest,
}

/// What is wrong with a ledger, or with what it tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `table`, `export` or `registry`.
    pub place: &'static str,
    /// The row's number, where it is about one.
    pub seq: Option<u64>,
    /// The server's name, where it is about one.
    pub name: Option<ServerName>,
    /// In a sentence.
    pub message: String,
}

/// What verifying a ledger found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// How many rows there are.
    pub rows: u64,
    /// The last of them.
    pub head: Head,
    /// What is wrong. Of the table and of the export, at most a hundred findings each are listed.
    pub findings: Vec<Finding>,
}

/// The ledger. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Ledger {
    store: Store,
    export: Option<PathBuf>,
    turn: Arc<Turn>,
}

/// Whose turn it is to publish. Who waited for it finds that their rows went with those of the one before.
#[derive(Debug, Default)]
struct Turn {
    /// How often it was asked for.
    asked: AtomicU64,
    /// How much of that was done.
    done: tokio::sync::Mutex<u64>,
}

impl Ledger {
    /// The ledger kept in `store`, exported to the file `export` where there is to be one. Touches nothing.
    #[must_use]
    pub fn new(store: Store, export: Option<PathBuf>) -> Self {
        Self { store, export, turn: Arc::default() }
    }

    /// The file of the export.
    #[must_use]
    pub fn export_path(&self) -> Option<&Path> {
        self.export.as_deref()
    }

    /// Adds a row in a transaction of somebody else's, who then calls [`publish`](Self::publish).
    ///
    /// # Errors
    /// Those of the store.
    pub async fn append(&self, transaction: &mut Transaction, at: SystemTime, record: Record) -> Result<()> {
        table::append(transaction, at, vec![record]).await
    }

    /// Brings the export up to date with what was committed (L3). Reads of it no more than its end.
    ///
    /// # Errors
    /// When it cannot be written, or does not fit the table: nothing is written then.
    pub async fn publish(&self) -> Result<()> {
        let Some(path) = &self.export else { return Ok(()) };
        let turn = self.turn.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let mut done = self.turn.done.lock().await;
        if *done >= turn {
            return Ok(());
        }
        let asked = self.turn.asked.load(Ordering::Acquire);
        self.complete(path.clone()).await?;
        *done = asked;
        Ok(())
    }

    /// Adds rows in a transaction of their own, and publishes them.
    ///
    /// # Errors
    /// As [`append`](Self::append). That the export cannot be written is none: what counts is the table.
    pub async fn record(&self, records: Vec<Record>) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let mut transaction = self.store.begin().await?;
        table::append(&mut transaction, SystemTime::now(), records).await?;
        transaction.commit().await?;
        // It is told by whoever verifies, and made good by whoever publishes next.
        let _ = self.publish().await;
        Ok(())
    }

    /// The last row there is.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn head(&self) -> Result<Head> {
        table::head(&self.store).await
    }

    /// The rows that follow the one with the number `after`, oldest first, at most `limit` of them.
    ///
    /// # Errors
    /// Those of the store; [`DescriptorInvalid`](ErrorKind::DescriptorInvalid) for what is no row of this
    /// program's.
    pub async fn rows(&self, after: u64, limit: usize) -> Result<Vec<Row>> {
        let rows = table::rows(&self.store, after, limit).await?;
        let read = |row: &Kept| {
            let cause = |cause| table::foreign(&format!("row {} of the ledger is no row", row.seq)).caused_by(cause);
            serde_json::from_str(&row.body).map_err(cause)
        };
        rows.iter().map(read).collect()
    }

    /// Looks whether any row was removed, altered, reordered or cut off, in the table or its export; with
    /// `anchor`, whether that row is still there as it was; with a registry and its place, whether its
    /// content is what the rows tell.
    ///
    /// # Errors
    /// When what is to be looked at cannot be read.
    pub async fn verify(
        &self,
        anchor: Option<Head>,
        registry: Option<(&McpServerRegistry, &Place)>,
    ) -> Result<Verified> {
        verify::verify(self, anchor, registry).await
    }

    /// Takes note of what a registry holds under these names, be it an entry, something broken or nothing: it is
    /// explained from then on (L6). The export is brought up to date also where nothing is named.
    ///
    /// # Errors
    /// When the registry cannot be read; those of [`record`](Self::record); where nothing is named, those of
    /// [`publish`](Self::publish).
    pub async fn accept(
        &self,
        registry: &McpServerRegistry,
        place: &Place,
        names: impl IntoIterator<Item = ServerName>,
        party: &Party,
    ) -> Result<()> {
        let stored = content::stored(registry).await?;
        let accepted = names.into_iter().map(|name| {
            let there = stored.get(&name).copied().unwrap_or(Stored::Nothing);
            content::accepted(place, name, there).by(party)
        });
        match accepted.collect::<Vec<_>>() {
            none if none.is_empty() => self.publish().await,
            some => self.record(some).await,
        }
    }

    /// Appends to the export what it lacks.
    async fn complete(&self, path: PathBuf) -> Result<()> {
        let mut export = blocking(move || Export::open(&path)).await?;
        let (last, hash) = match export.last() {
            None => (0, Digest::ZERO),
            Some(line) => {
                let last = chain::head_of(line).ok_or_else(|| export.refused("ends with what is no row"))?;
                let there = table::rows(&self.store, last.seq.saturating_sub(1), 1).await?;
                if there.first().is_none_or(|row| row.seq != last.seq || row.body != line) {
                    return Err(export.refused(&format!("ends with a row {} that the table does not have", last.seq)));
                }
                (last.seq, last.hash)
            }
        };
        let (mut chain, mut findings) = (Chain::after("table", last, hash), Vec::new());
        loop {
            let rows = table::rows(&self.store, chain.last, PAGE).await?;
            rows.iter().for_each(|row| chain.follow(Some(row.seq), row.body.as_bytes(), &mut findings));
            if let Some(finding) = findings.first() {
                let wrong = format!("the table of the ledger is not what was written there: {}", finding.message);
                return Err(Error::new(ErrorKind::DescriptorInvalid, wrong).hint("see mcp-registry ledger verify"));
            }
            let all = rows.len() < PAGE;
            let lines: Vec<_> = rows.into_iter().map(|row| row.body).collect();
            export = blocking(move || export.append(&lines).map(|()| export)).await?;
            if all {
                return Ok(());
            }
        }
    }
}

/// Does what may block where nobody else waits for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|cause| Error::new(ErrorKind::Unavailable, "the ledger's export was given up").caused_by(cause))?
}
