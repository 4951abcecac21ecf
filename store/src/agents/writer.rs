//! Heartbeats that come at the same time share one transaction: what is slow about a write is that it is made to
//! last, and that is done once for all of them.
//!
//! Each heartbeat brings a task that waits for its turn to write, and then writes whatever waits. So the first of
//! a crowd goes alone, at once, and those that come meanwhile go together; nothing waits for a clock, and nothing
//! is left behind by a task that ends early.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mcp_registry_spec::{AgentId, Error, ErrorKind, Result, Scope};
use tokio::sync::oneshot;

use super::batch::Batch;
use super::record::{self, AgentRecord};
use super::report::Report;
use crate::store::Store;

/// How many heartbeats share a transaction at most.
const MOST: usize = 256;

/// Writes the heartbeats that come at once together. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Writer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    waiting: Mutex<Vec<Waiting>>,
    /// Held by whoever writes.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    report: Report,
    time: Duration,
    answer: oneshot::Sender<Result<Option<AgentRecord>>>,
}

impl Writer {
    pub(super) fn new(store: Store) -> Self {
        Self(Arc::new(Inner { store, waiting: Mutex::default(), turn: tokio::sync::Mutex::default() }))
    }

    /// Writes a heartbeat; `None` for one of an agent that never registered. Once begun it is written though
    /// nobody waits for it any more.
    pub(super) async fn write(&self, report: Report, time: Duration) -> Result<Option<AgentRecord>> {
        let (answer, answered) = oneshot::channel();
        self.waiting().push(Waiting { report, time, answer });
        let inner = self.clone();
        tokio::spawn(async move {
            let _turn = inner.0.turn.lock().await;
            let batch = inner.next();
            inner.write_all(batch).await;
        });
        answered.await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Unavailable, "the heartbeat was given up as the service stopped").retryable())
        })
    }

    /// Those that waited longest, one of each agent: what it says next is written after that, and stands. There is
    /// a task for each that is left.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let mut agents = BTreeSet::new();
        let all = std::mem::take(&mut *waiting).into_iter();
        let (next, left) = all.partition(|one| agents.len() < MOST && agents.insert(key(&one.report)));
        *waiting = left;
        next
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        // Nothing panics with the lock held.
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write_all(&self, batch: Vec<Waiting>) {
        if batch.is_empty() {
            return;
        }
        let written = self.try_write(&batch).await;
        for Waiting { report, answer, .. } in batch {
            // Who went away is not told.
            let _ = answer.send(match &written {
                Ok(agents) => Ok(agents.get(&key(&report)).cloned()),
                Err(error) => Err(error.clone()),
            });
        }
    }

    async fn try_write(&self, batch: &[Waiting]) -> Result<BTreeMap<(Scope, AgentId), AgentRecord>> {
        let mut transaction = self.0.store.begin().await?;
        let batch = Batch::new(&self.0.store, batch.iter().map(|one| one.report.row(one.time)));
        transaction.execute(batch.goes_on()).await?;
        let rows = transaction.fetch(batch.agents()).await?;
        transaction.commit().await?;
        let agent =
            |row| record::read(&self.0.store, row).map(|agent| ((agent.scope.clone(), agent.id.clone()), agent));
        rows.iter().map(agent).collect()
    }
}

fn key(report: &Report) -> (Scope, AgentId) {
    (report.scope.clone(), report.id.clone())
}
