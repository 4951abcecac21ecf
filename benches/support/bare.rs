//! Databases with nothing in between, and many who use one at once.
#![allow(dead_code, reason = "each benchmark uses some of it")]

use std::path::Path;
use std::time::{Duration, Instant};

use mcp_registry_test_postgres::Postgres;
use sqlx::{Executor, PgPool, SqlitePool};
use tokio::task::JoinSet;

/// The least that keeps an entry: its row, under a key.
const TABLE: &str =
    "CREATE TABLE bare (scope TEXT NOT NULL, name TEXT NOT NULL, spec TEXT NOT NULL, PRIMARY KEY (scope, name))";
const INSERT: &str = "INSERT INTO bare (scope, name, spec) VALUES ($1, $2, $3)";
const UPSERT: &str = "INSERT INTO bare (scope, name, spec) VALUES ($1, $2, $3)
    ON CONFLICT (scope, name) DO UPDATE SET spec = excluded.spec";

/// A database that is inserted into with nothing in between.
#[derive(Clone)]
pub(crate) enum Bare {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Bare {
    /// A file of SQLite, as safe from a power cut as ours.
    pub(crate) async fn sqlite(path: &Path) -> Self {
        let url = format!("sqlite:{}?mode=rwc", path.display());
        let options: sqlx::sqlite::SqliteConnectOptions = url.parse().unwrap();
        let options = options
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
            .synchronous(sqlx::sqlite::SqliteSynchronous::Full);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        pool.execute(TABLE).await.unwrap();
        Self::Sqlite(pool)
    }

    pub(crate) async fn postgres(postgres: &Postgres) -> Self {
        let pool = PgPool::connect(&postgres.url()).await.unwrap();
        pool.execute(TABLE).await.unwrap();
        Self::Postgres(pool)
    }

    pub(crate) async fn insert(&self, name: &str, spec: &str) {
        self.write(INSERT, name, spec).await;
    }

    pub(crate) async fn upsert(&self, name: &str, spec: &str) {
        self.write(UPSERT, name, spec).await;
    }

    async fn write(&self, sql: &'static str, name: &str, spec: &str) {
        let rows = match self {
            Self::Sqlite(pool) => {
                let query = sqlx::query(sql).bind("bare").bind(name).bind(spec);
                pool.execute(query).await.unwrap().rows_affected()
            }
            Self::Postgres(pool) => {
                let query = sqlx::query(sql).bind("bare").bind(name).bind(spec);
                pool.execute(query).await.unwrap().rows_affected()
            }
        };
        assert_eq!(rows, 1);
    }
}

/// How long it takes until some writers have done `work` as often as told, taken together.
pub(crate) async fn together<F>(
    writers: usize,
    count: usize,
    work: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Duration
where
    F: Future<Output = ()> + Send,
{
    let start = Instant::now();
    let mut all = JoinSet::new();
    for writer in 0..writers {
        let work = work.clone();
        all.spawn(async move {
            for number in (writer..count).step_by(writers) {
                work(number).await;
            }
        });
    }
    all.join_all().await;
    start.elapsed()
}
