//! A database of either kind, as the store has it and as any other program does.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::future::Future;
use std::time::Duration;

use mcp_registry_spec::Locator;
use mcp_registry_store::sqlx::any::AnyRow;
use mcp_registry_store::sqlx::{self, AnyConnection, AssertSqlSafe, Connection as _, Row as _};
use mcp_registry_store::{Options, Store};
use mcp_registry_test_postgres::Postgres;
use mcp_registry_test_trials::{Missing, Tried};
use tempfile::TempDir;

/// What is not waited for in vain.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(work)
}

/// A test of one database, with one of each kind.
pub(crate) fn on_both(test: impl AsyncFn(Database) -> Tried) -> Tried {
    run(test(Database::sqlite()))?;
    let server = Postgres::get()?;
    run(test(Database::postgres(&server)?))
}

/// An empty database.
pub(crate) struct Database {
    /// How the store opens it.
    pub(crate) locator: String,
    /// How the driver does.
    url: String,
    pub(crate) folder: Option<TempDir>,
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.db");
        let (locator, url) = (format!("sqlite:{}", path.display()), format!("sqlite:{}?mode=rwc", path.display()));
        Self { locator, url, folder: Some(folder) }
    }

    pub(crate) fn postgres(server: &Postgres) -> Result<Self, Missing> {
        let url = server.database(&[])?;
        Ok(Self { locator: url.clone(), url, folder: None })
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.folder.is_some()
    }

    pub(crate) fn store(&self) -> Store {
        open(&self.locator)
    }

    /// A connection that knows nothing of the store.
    pub(crate) async fn connect(&self) -> AnyConnection {
        let _ = sqlx::any::install_drivers(&[sqlx::sqlite::any::DRIVER, sqlx::postgres::any::DRIVER]);
        AnyConnection::connect(&self.url).await.unwrap()
    }

    /// Runs statements of another program's.
    pub(crate) async fn run(&self, sql: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// What a query gives, a line a row.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        let mut connection = self.connect().await;
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows.iter().map(line).collect()
    }
}

pub(crate) fn open(locator: &str) -> Store {
    Store::new(&Locator::new(locator), Options { timeout: LONG, ..Options::default() }).unwrap()
}

fn line(row: &AnyRow) -> String {
    let value = |i| match row.try_get::<Option<String>, _>(i) {
        Ok(text) => text.unwrap_or_default(),
        Err(_) => row
            .try_get::<i64, _>(i)
            .map_or_else(|_| format!("{:02x?}", row.get::<Option<Vec<u8>>, _>(i)), |number| number.to_string()),
    };
    (0..row.len()).map(value).collect::<Vec<_>>().join("|")
}
