//! Changes: how many a second are asked for, and how many are approved and carried out, beside bare inserts.
//!
//! `cargo bench --bench changes`; `benches/README.md` says what it needs.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::panic)]

#[path = "support"]
mod support {
    pub(crate) mod bare;
    pub(crate) mod bench;
}

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_registry::{Backends, FixedEnvironment, Locator, McpServerSpec, OpenRequest, Scope, ServerName};
use mcp_registry_governance::{ChangeId, Form, Governance, Ledger, Party, Proposal, Source, Surface, Target};
use mcp_registry_store::{Options, Store};
use mcp_registry_test_postgres::Postgres;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use support::bare::{Bare, together};
use support::bench::{Plan, median};

/// How many ask, or approve, at once, where more than one does.
const CROWD: usize = 16;

fn main() {
    let plan = Plan::announced("Changes");
    let runtime = Runtime::new().unwrap();
    println!("| a second | bare inserts | requests | approvals, carried out in `mcp.md` |\n|---|---:|---:|---:|");
    // Beside the build's own files: a temporary folder may lie in memory, where fsync costs nothing.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let bare = runtime.block_on(Bare::sqlite(&folder.path().join("bare.db")));
    let store = format!("sqlite:{}", folder.path().join("governance.db").display());
    rows(plan, &runtime, "SQLite", (&store, &folder.path().join("sqlite.jsonl")), &bare);
    let Ok(postgres) = Postgres::start() else { return eprintln!("Postgres is not installed") };
    let bare = runtime.block_on(Bare::postgres(&postgres));
    rows(plan, &runtime, "Postgres", (&postgres.url(), &folder.path().join("postgres.jsonl")), &bare);
    println!();
}

/// Who asks, and who decides; and an agent of a round's own.
#[derive(Clone)]
struct Stage {
    governance: Governance,
    target: Target,
    asked: Arc<Mutex<Vec<ChangeId>>>,
    _folder: Arc<TempDir>,
}

impl Stage {
    fn set(store: &str, export: &Path) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let policy = folder.path().join("policy.toml");
        std::fs::write(&policy, "version = 1\n[changes]\nenabled = true\n").unwrap();
        let store =
            Store::new(&Locator::new(store), Options { timeout: Duration::from_secs(30), ..Options::default() });
        let store = store.unwrap();
        let environment = FixedEnvironment::new();
        let source = Source::new(Some(&policy), &environment).with_system(folder.path().join("none.toml"));
        let ledger = Ledger::new(store.clone(), Some(export.to_owned()));
        let locator = Locator::new(&format!("filesystem:{}", folder.path().join("scout").display()));
        let registry = Backends::linked().open(&OpenRequest::new(locator.expose())).unwrap();
        Self {
            governance: Governance::new(store, ledger, source, Arc::new(environment)),
            target: Target::new(registry, &locator, Some(Scope::parse("scout").unwrap())),
            asked: Arc::default(),
            _folder: Arc::new(folder),
        }
    }

    async fn ask(self, number: usize) {
        let proposal = Proposal::Install(entry(number));
        let identity = self.target.place.identity(&proposal, None).unwrap();
        let form = serde_json::json!({"confirm": true, "actor_role": "OPS", "requested_by": "scout-agent",
            "approval_reason": "to be measured", "identity": identity});
        let form: Form = serde_json::from_value(form).unwrap();
        let agent = Party::unknown(Surface::McpStdio);
        let requested = self.governance.request(&self.target, &proposal, &form, &agent).await.unwrap();
        self.asked.lock().unwrap().push(requested.change.id);
    }

    async fn approve(self, number: usize) {
        let id = self.asked.lock().unwrap()[number].clone();
        let operator = Party::os_user("ada", Surface::Cli);
        let approval = self.governance.approve(&id, &operator, Arc::new(self.target.clone())).await.unwrap();
        assert!(approval.execution.ok);
    }
}

fn entry(number: usize) -> McpServerSpec {
    McpServerSpec::stdio(ServerName::parse(&format!("s{number}")).unwrap(), "npx")
}

fn rows(plan: Plan, runtime: &Runtime, database: &str, (store, export): (&str, &Path), bare: &Bare) {
    let count = if plan.quick { 32 } else { 320 };
    let rounds = plan.repeats(Duration::from_millis(600));
    for crowd in [1, CROWD] {
        let (mut inserts, mut requests, mut approvals) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            let bare = bare.clone();
            inserts.push(runtime.block_on(together(crowd, count, move |number| {
                let bare = bare.clone();
                async move { bare.insert(&format!("c{crowd}-r{round}-{number}"), "{}").await }
            })));
            let stage = Stage::set(store, export);
            let own = stage.clone();
            requests.push(runtime.block_on(together(crowd, count, move |number| own.clone().ask(number))));
            approvals.push(runtime.block_on(together(crowd, count, move |number| stage.clone().approve(number))));
        }
        let rate = |samples: Vec<Duration>| count as f64 / median(samples).as_secs_f64();
        let (inserts, requests, approvals) = (rate(inserts), rate(requests), rate(approvals));
        let who = if crowd == 1 { "one at a time".to_owned() } else { format!("{crowd} at once") };
        println!("| {database}, {who} | {inserts:.0} | {requests:.0} | {approvals:.0} |");
    }
}
