//! A ledger of a test's own, on either kind of database.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use mcp_registry_governance::{Event, Head, Ledger, Party, Place, Record, Surface, Verified};
use mcp_registry_spec::{Locator, ServerName};
use mcp_registry_store::sqlx::{AssertSqlSafe, query};
use mcp_registry_store::{Options, Store};
use mcp_registry_test_postgres::Postgres;
use mcp_registry_test_trials::{Missing, Tried};
use tempfile::TempDir;

/// The ledger, its database, and the folder of its export.
pub(crate) struct Bench {
    pub(crate) ledger: Ledger,
    pub(crate) store: Store,
    folder: TempDir,
}

impl Bench {
    /// One in a file of SQLite.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let locator = format!("sqlite:{}", folder.path().join("governance.db").display());
        Self::on(&locator, folder)
    }

    fn on(locator: &str, folder: TempDir) -> Self {
        let options = Options { timeout: Duration::from_secs(60), ..Options::default() };
        let store = Store::new(&Locator::new(locator), options).unwrap();
        Self { ledger: Ledger::new(store.clone(), Some(folder.path().join("ledger.jsonl"))), store, folder }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(crate) fn export(&self) -> PathBuf {
        self.path("ledger.jsonl")
    }

    pub(crate) fn exported(&self) -> String {
        std::fs::read_to_string(self.export()).unwrap()
    }

    /// Adds so many rows, and exports them.
    pub(crate) async fn fill(&self, rows: usize) {
        for i in 0..rows {
            self.ledger.record(vec![note(&format!("row {i}"))]).await.unwrap();
        }
    }

    /// Does by hand what nobody should.
    pub(crate) async fn sql(&self, statement: &str) {
        let mut transaction = self.store.begin().await.unwrap();
        transaction.execute(query(AssertSqlSafe(statement.to_owned()))).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// Replaces a row's text and its hash beside it.
    pub(crate) async fn set(&self, seq: u64, body: &str, hash: &str) {
        let mut transaction = self.store.begin().await.unwrap();
        let update = query("UPDATE mcp_ledger SET body = $1, hash = $2 WHERE seq = $3");
        let update = update.bind(body.to_owned()).bind(hash.to_owned()).bind(seq as i64);
        assert_eq!(transaction.execute(update).await.unwrap(), 1);
        transaction.commit().await.unwrap();
    }

    pub(crate) async fn verify(&self, anchor: Option<Head>) -> Verified {
        self.ledger.verify(anchor, None).await.unwrap()
    }

    /// Sees that something is found, and says what.
    pub(crate) async fn found(&self, anchor: Option<Head>, what: &str) -> String {
        let verified = self.verify(anchor).await;
        assert!(!verified.ok && !verified.findings.is_empty(), "{what}");
        verified.findings.iter().map(|found| format!("{} {}\n", found.place, found.message)).collect()
    }

    pub(crate) async fn is_whole(&self, what: &str) -> Verified {
        let verified = self.verify(None).await;
        assert!(verified.ok, "{what}: {:?}", verified.findings);
        verified
    }
}

static POSTGRES: Mutex<Option<Postgres>> = Mutex::new(None);

/// A database of its own, on the server that the tests of this process share.
fn database() -> Result<String, Missing> {
    let mut postgres = POSTGRES.lock().unwrap_or_else(PoisonError::into_inner);
    if postgres.is_none() {
        *postgres = Some(Postgres::get()?);
    }
    postgres.as_ref().map_or_else(|| Err(Missing::new("Postgres")), |postgres| postgres.database(&[]))
}

/// Ends that server.
pub(crate) fn stop_postgres() {
    POSTGRES.lock().unwrap_or_else(PoisonError::into_inner).take();
}

/// Runs a test on a ledger in SQLite, and on one in Postgres.
pub(crate) fn on_both(test: impl AsyncFn(Bench)) -> Tried {
    run(async { test(Bench::new()).await });
    let url = database()?;
    run(async { test(Bench::on(&url, tempfile::tempdir().unwrap())).await });
    Ok(())
}

pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(work)
}

/// A record that says something.
pub(crate) fn note(text: &str) -> Record {
    Record { event: Some(Event::Denial), note: Some(text.to_owned()), ..Record::default() }
}

pub(crate) fn operator() -> Party {
    Party::os_user("tester", Surface::Cli)
}

pub(crate) fn name(name: &str) -> ServerName {
    ServerName::parse(name).unwrap()
}

pub(crate) fn place() -> Place {
    Place { backend_id: "filesystem".into(), locator: "filesystem:/agents/scout".into(), scope: None }
}

/// Now, as the ledger keeps it.
pub(crate) fn to_the_millisecond(at: SystemTime) -> u128 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()
}
