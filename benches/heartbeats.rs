//! Heartbeats: how many a second a service takes over HTTP, and how many its store does by itself, beside bare
//! upserts in a transaction each.
//!
//! `cargo bench --bench heartbeats`; `benches/README.md` says what it needs.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::panic)]

#[path = "../tests/service_support/mod.rs"]
mod service;
#[path = "support"]
mod support {
    pub(crate) mod bare;
    pub(crate) mod bench;
    pub(crate) mod show;
    pub(crate) mod wrk;
}

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mcp_registry::{AgentId, Locator, Scope, ServerName};
use mcp_registry_store::{Agents, Options, Report, Requirement, Requirements, Store, Tokens};
use mcp_registry_test_postgres::Postgres;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use service::Service;
use support::bare::{Bare, together};
use support::bench::{Plan, median};
use support::wrk::{self, Load};

/// How many agents there are.
const AGENTS: usize = 1_000;
/// How many report at once.
const CROWD: usize = 256;
/// Has each connection send the heartbeats of agents picked at random.
const SCRIPT: &str = r#"
local requests = {}
function init(args)
  local headers = { ["Content-Type"] = "application/json" }
  for line in io.lines(args[1]) do
    local id, token = line:match("(%S+) (%S+)")
    headers["Authorization"] = "Bearer " .. token
    local body = '{"id":"' .. id .. '","scope":"fleet","runtime":"bench","mcp_server_present":true,' ..
      '"loaded_mcp_tools":["memory__read","memory__write"],"mcp_tools_ready":true}'
    requests[#requests + 1] = wrk.format("POST", "/agents/" .. id .. "/heartbeat", headers, body)
  end
end
function request()
  return requests[math.random(#requests)]
end
"#;

fn main() {
    let plan = Plan::announced("Heartbeats");
    if Command::new("wrk").arg("-v").output().is_err() {
        return eprintln!("wrk is not installed");
    }
    let runtime = Runtime::new().unwrap();
    println!("| {AGENTS} agents, {CROWD} at once | bare upserts | the store | the service | service / bare |");
    println!("|---|---:|---:|---:|---:|");
    // Beside the build's own files: a temporary folder may lie in memory, where fsync costs nothing.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let bare = runtime.block_on(Bare::sqlite(&folder.path().join("bare.db")));
    let stage = Stage::set(plan, &runtime, &format!("sqlite:{}", folder.path().join("ours.db").display()));
    row(plan, &runtime, "SQLite", &stage, &bare);
    let Ok(postgres) = Postgres::start() else { return eprintln!("Postgres is not installed") };
    let bare = runtime.block_on(Bare::postgres(&postgres));
    row(plan, &runtime, "Postgres", &Stage::set(plan, &runtime, &postgres.url()), &bare);
    println!();
}

/// A service, and agents that may report to it.
struct Stage {
    service: Service,
    store: Store,
    agents: usize,
    folder: TempDir,
}

impl Stage {
    fn set(plan: Plan, runtime: &Runtime, locator: &str) -> Self {
        let service = Service::start(&["--rate", "0", "--store", locator]);
        let options = Options { timeout: Duration::from_secs(30), ..Options::default() };
        let store = Store::new(&Locator::new(locator), options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let agents = if plan.quick { 16 } else { AGENTS };
        let stage = Self { service, store, agents, folder };
        let lines = runtime.block_on(stage.fill());
        std::fs::write(stage.agents_file(), lines).unwrap();
        std::fs::write(stage.script(), SCRIPT).unwrap();
        stage
    }

    /// Has every agent register, in a scope that requires a server; their ids and tokens, a line each.
    async fn fill(&self) -> String {
        let fleet = Scope::parse("fleet").unwrap();
        let server = ServerName::parse("memory").unwrap();
        let requirement = Requirement { scope: fleet.clone(), server, tool: Some("memory__read".to_owned()) };
        Requirements::new(self.store.clone()).require(&requirement).await.unwrap();
        let (tokens, agents) = (Tokens::new(self.store.clone()), Agents::new(self.store.clone()));
        let mut lines = String::new();
        for number in 0..self.agents {
            let id = AgentId::parse(&format!("agent-{number}")).unwrap();
            let token = tokens.create_reporter(id.as_str(), &fleet, &id, None).await.unwrap();
            agents.register(&report(number)).await.unwrap();
            writeln!(lines, "{id} {}", token.expose()).unwrap();
        }
        lines
    }

    fn agents_file(&self) -> PathBuf {
        self.folder.path().join("agents")
    }

    fn script(&self) -> PathBuf {
        self.folder.path().join("heartbeats.lua")
    }

    fn press(&self, seconds: u64) -> Load {
        let mut command = Command::new("wrk");
        command.args(["-t2", &format!("-c{CROWD}"), &format!("-d{seconds}s"), "-s"]);
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        // What comes after the URL is the script's.
        command.args([path(&self.script()), "--latency".to_owned(), self.service.url.clone()]);
        wrk::run(command.args(["--".to_owned(), path(&self.agents_file())]))
    }
}

fn report(number: usize) -> Report {
    let (scope, id) = (Scope::parse("fleet").unwrap(), AgentId::parse(&format!("agent-{number}")).unwrap());
    let report = Report::new(scope, id).runtime("bench").unwrap().present(true);
    report.tools(&["memory__read", "memory__write"]).unwrap()
}

fn row(plan: Plan, runtime: &Runtime, database: &str, stage: &Stage, bare: &Bare) {
    let (seconds, count) = if plan.quick { (1, 64) } else { (5, 4_000) };
    let rounds = plan.repeats(Duration::from_secs(1));
    let agents = stage.agents;
    let (mut upserts, mut own, mut served) = (Vec::new(), Vec::new(), Vec::new());
    let beating = Agents::new(stage.store.clone());
    for _ in 0..rounds {
        let bare = bare.clone();
        upserts.push(runtime.block_on(together(CROWD, count, move |number| {
            let bare = bare.clone();
            async move { bare.upsert(&format!("agent-{}", number % agents), &"x".repeat(60)).await }
        })));
        let beating = beating.clone();
        own.push(runtime.block_on(together(CROWD, count, move |number| {
            let beating = beating.clone();
            async move { drop(beating.heartbeat(report(number % agents)).await.unwrap().unwrap()) }
        })));
        served.push(stage.press(seconds));
    }
    let rate = |samples: Vec<Duration>| count as f64 / median(samples).as_secs_f64();
    let (upserts, own, served) = (rate(upserts), rate(own), Load::median(served));
    println!("| {database} | {upserts:.0}/s | {own:.0}/s | {served} | {:.1} |", served.rate / upserts);
}
