//! Heartbeats that come at the same time share one transaction: what is slow about a write is that it is made to
//! last, and that is done once for all of them.
//!
//! Each heartbeat brings a task that waits for its turn to write, and then writes whatever waits. So the first of
//! a crowd goes alone, at once, and those that come meanwhile go together; nothing waits for a clock, and nothing
//! is left behind by a task that ends early.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use mcp_registry_spec::{AgentId, Error, ErrorKind, Result, Scope};
use sqlx::query;
use tokio::sync::oneshot;

use super::record::{self, AgentRecord};
use super::report::Report;
use crate::store::{Query, Store};

/// How many heartbeats share a transaction at most.
const MOST: usize = 256;
/// How many agents a statement is made for: the least of these that fits. There are few, so that the database
/// knows them all.
const SIZES: [usize; 3] = [1, 16, MOST];

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

    /// Those that waited longest.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let most = waiting.len().min(MOST);
        waiting.drain(..most).collect()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        // Nothing panics with the lock held.
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write_all(&self, batch: Vec<Waiting>) {
        if batch.is_empty() {
            return;
        }
        // Of an agent that reports twice at once the later report is the last one. Sorted, so that services that
        // share a database never wait for each other crosswise.
        let last: BTreeMap<_, _> = batch.iter().map(|one| (key(&one.report), one)).collect();
        let written = self.try_write(&last.into_values().collect::<Vec<_>>()).await;
        for Waiting { report, answer, .. } in batch {
            // Who went away is not told.
            let _ = answer.send(match &written {
                Ok(agents) => Ok(agents.get(&key(&report)).cloned()),
                Err(error) => Err(error.clone()),
            });
        }
    }

    async fn try_write(&self, batch: &[&Waiting]) -> Result<BTreeMap<(Scope, AgentId), AgentRecord>> {
        let mut transaction = self.0.store.begin().await?;
        transaction.execute(update(batch)).await?;
        let rows = transaction.fetch(select(batch)).await?;
        transaction.commit().await?;
        let agent =
            |row| record::read(&self.0.store, row).map(|agent| ((agent.scope.clone(), agent.id.clone()), agent));
        rows.iter().map(agent).collect()
    }
}

fn key(report: &Report) -> (Scope, AgentId) {
    (report.scope.clone(), report.id.clone())
}

/// The statements for as many agents as a batch may have, and those for fewer.
struct Statements {
    size: usize,
    update: String,
    select: String,
}

static STATEMENTS: LazyLock<[Statements; SIZES.len()]> =
    LazyLock::new(|| SIZES.map(|size| Statements { size, update: update_sql(size), select: select_sql(size) }));

/// Those that so many fit in best; no batch is larger than the last.
fn statements(count: usize) -> &'static Statements {
    let [one, some, most] = &*STATEMENTS;
    [one, some].into_iter().find(|fitting| count <= fitting.size).unwrap_or(most)
}

fn update_sql(size: usize) -> String {
    let types = ["TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "TEXT", "BIGINT"];
    format!(
        "WITH b (scope, id, runtime, present, ready, tools, timeout) AS (VALUES {})
         INSERT INTO mcp_agents (scope, id, runtime, present, ready, tools, timeout, refused, registered)
         SELECT a.scope, a.id, COALESCE(b.runtime, a.runtime), b.present, b.ready, b.tools, b.timeout, 0, a.registered
         FROM b JOIN mcp_agents AS a ON a.scope = b.scope AND a.id = b.id WHERE true ORDER BY a.scope, a.id
         ON CONFLICT (scope, id) DO UPDATE SET runtime = excluded.runtime, present = excluded.present,
             ready = excluded.ready, tools = excluded.tools, timeout = excluded.timeout, refused = excluded.refused,
             seen = excluded.seen",
        rows(&types, size)
    )
}

fn select_sql(size: usize) -> String {
    format!(
        "WITH b (scope, id) AS (VALUES {})
         SELECT s.* FROM b JOIN mcp_agent_states AS s ON s.scope = b.scope AND s.id = b.id",
        rows(&["TEXT", "TEXT"], size)
    )
}

/// The places of so many rows' arguments, each of a type that the database need not guess.
fn rows(types: &[&str], size: usize) -> String {
    let mut all = String::new();
    for row in 0..size {
        for (column, kind) in types.iter().enumerate() {
            let before = match (row, column) {
                (0, 0) => "(",
                (_, 0) => "), (",
                _ => ", ",
            };
            // Writing to a string does not fail.
            let _ = write!(all, "{before}CAST(${} AS {kind})", row * types.len() + column + 1);
        }
    }
    all + ")"
}

fn update(batch: &[&Waiting]) -> Query {
    let Statements { size, update, .. } = statements(batch.len());
    let all = batch.iter().fold(query(update.as_str()), |update, one| one.report.bind_to(update, one.time));
    (batch.len()..*size).fold(all, |update, _| Report::bind_none(update))
}

fn select(batch: &[&Waiting]) -> Query {
    let Statements { size, select, .. } = statements(batch.len());
    let agent =
        |select: Query, one: &&Waiting| select.bind(one.report.scope.to_string()).bind(one.report.id.to_string());
    // No agent has an empty name.
    (batch.len()..*size).fold(batch.iter().fold(query(select.as_str()), agent), |select, _| select.bind("").bind(""))
}
