//! A room for a test: a state folder, a policy, a clock, and an agent with an `mcp.md`.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use mcp_registry_filesystem as _;
use mcp_registry_governance::{
    Change, Form, Governance, Ledger, Party, Proposal, Record, Refusal, Source, Surface, Target,
};
use mcp_registry_spec::{Backends, FixedEnvironment, Locator, McpServerSpec, OpenRequest, Scope, ServerName};
use mcp_registry_store::sqlx::{Row as _, query};
use mcp_registry_store::{Options, Store};
use mcp_registry_test_postgres::Postgres;
use mcp_registry_test_trials::Tried;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Policies of tests, whose gate is open.
pub(crate) const OPEN: &str = "version = 1\n[changes]\nenabled = true\n";

pub(crate) struct Room {
    pub(crate) governance: Governance,
    pub(crate) target: Target,
    pub(crate) folder: TempDir,
    pub(crate) store: Locator,
    later: Arc<AtomicU64>,
}

static POSTGRES: Mutex<Option<Postgres>> = Mutex::new(None);

/// Ends the server that the tests of this process share.
pub(crate) fn stop_postgres() {
    POSTGRES.lock().unwrap_or_else(PoisonError::into_inner).take();
}

/// Runs a test in a room of its own.
pub(crate) fn on(
    kind: Kind,
    test: impl for<'a> FnOnce(&'a Room) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
) -> Tried {
    let folder = tempfile::tempdir().unwrap();
    let store = match kind {
        Kind::Sqlite => format!("sqlite:{}", folder.path().join("governance.db").display()),
        Kind::Postgres => {
            let mut postgres = POSTGRES.lock().unwrap_or_else(PoisonError::into_inner);
            if postgres.is_none() {
                *postgres = Some(Postgres::get()?);
            }
            postgres.as_ref().expect("it was started").database(&[])?
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let room = Room::new(folder, Locator::new(&store));
    runtime.block_on(async {
        test(&room).await;
        let verified = room.governance.ledger().verify(None, Some((&room.target.registry, &room.target.place))).await;
        let verified = verified.unwrap();
        assert!(verified.ok, "{:?}", verified.findings);
    });
    Ok(())
}

/// Opens the changes of a store, told the time by `clock`.
pub(crate) fn governance(folder: &Path, store: &Locator) -> Governance {
    let store = Store::new(store, Options { timeout: Duration::from_secs(30), ..Options::default() }).unwrap();
    let ledger = Ledger::new(store.clone(), Some(folder.join("ledger.jsonl")));
    let source = Source::new(Some(&folder.join("policy.toml")), &FixedEnvironment::new())
        .with_system(folder.join("no-system-policy.toml"));
    Governance::new(store, ledger, source, Arc::new(FixedEnvironment::new()))
}

/// Opens the agent's `mcp.md`.
pub(crate) fn target(folder: &Path) -> Target {
    let locator = Locator::new(&format!("filesystem:{}", folder.join("scout").display()));
    let registry = Backends::linked().open(&OpenRequest::new(locator.expose())).unwrap();
    Target::new(registry, &locator, Some(Scope::parse("scout").unwrap()))
}

impl Room {
    fn new(folder: TempDir, store: Locator) -> Self {
        std::fs::create_dir(folder.path().join("scout")).unwrap();
        std::fs::write(folder.path().join("policy.toml"), OPEN).unwrap();
        let later = Arc::new(AtomicU64::new(0));
        let clock = later.clone();
        let governance = governance(folder.path(), &store)
            .with_clock(move || SystemTime::now() + Duration::from_secs(clock.load(Ordering::SeqCst)));
        let target = target(folder.path());
        Self { governance, target, folder, store, later }
    }

    pub(crate) fn set_policy(&self, text: &str) {
        std::fs::write(self.folder.path().join("policy.toml"), text).unwrap();
    }

    /// Lets time go by.
    pub(crate) fn wait(&self, seconds: u64) {
        self.later.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn document(&self) -> PathBuf {
        self.folder.path().join("scout/mcp.md")
    }

    /// What the agent's document holds.
    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.document()).unwrap_or_default()
    }

    pub(crate) fn opener(&self) -> Arc<Target> {
        Arc::new(self.target.clone())
    }

    /// The form of a request that lacks nothing.
    pub(crate) async fn form(&self, proposal: &Proposal) -> Form {
        let preview = self.governance.preview(&self.target, proposal, &agent()).await.unwrap();
        form(&preview.identity.to_string())
    }

    /// Asks for a change that is new.
    pub(crate) async fn ask(&self, proposal: &Proposal) -> Change {
        let form = self.form(proposal).await;
        let requested = self.governance.request(&self.target, proposal, &form, &agent()).await.unwrap();
        assert!(requested.is_new);
        requested.change
    }

    pub(crate) async fn ask_with(&self, proposal: &Proposal, form: Form) -> Result<Change, Refusal> {
        self.governance.request(&self.target, proposal, &form, &agent()).await.map(|requested| requested.change)
    }

    /// The rows of the ledger.
    pub(crate) async fn rows(&self) -> Vec<Record> {
        self.lines().await.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The rows of the ledger, as they are stored.
    pub(crate) async fn lines(&self) -> Vec<String> {
        let store = Store::new(&self.store, Options::default()).unwrap();
        let rows = store.fetch(|| query("SELECT body FROM mcp_ledger ORDER BY seq")).await.unwrap();
        rows.iter().map(|row| row.try_get::<String, _>(0).unwrap()).collect()
    }
}

pub(crate) fn form(identity: &str) -> Form {
    serde_json::from_value(json!({
        "confirm": true, "actor_role": "ops", "requested_by": "scout-agent", "approval_reason": "we need it",
        "identity": identity,
    }))
    .unwrap()
}

/// Who asks.
pub(crate) fn agent() -> Party {
    Party::unknown(Surface::McpStdio)
}

/// Who decides.
pub(crate) fn operator() -> Party {
    Party::os_user("ada", Surface::Cli)
}

pub(crate) fn spec(name: &str, argument: &str) -> McpServerSpec {
    from(json!({"name": name, "command": "npx", "args": ["-y", argument], "env": {"TOKEN": "$GITHUB_PAT"}}))
}

pub(crate) fn from(entry: Value) -> McpServerSpec {
    serde_json::from_value(entry).unwrap()
}

pub(crate) fn name(name: &str) -> ServerName {
    ServerName::parse(name).unwrap()
}

pub(crate) fn install(name: &str) -> Proposal {
    Proposal::Install(spec(name, "@modelcontextprotocol/server-github"))
}

/// Why something was refused.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> &'static str {
    result.unwrap_err().code().as_str()
}
