//! The catalog: its service beside nginx, its client's bulk load beside single ones, and installs
//! into its databases beside bare inserts.
//!
//! `cargo bench --bench catalog`; `-- --soak MINUTES` instead looks at the service's memory.
//! `benches/README.md` says what it needs.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::panic)]

mod client;
mod load;
mod nginx;
#[path = "../../tests/service_support/mod.rs"]
mod service;
mod storage;
#[path = "../support"]
mod support {
    pub(crate) mod bare;
    pub(crate) mod bench;
    pub(crate) mod documents;
    pub(crate) mod show;
    pub(crate) mod wrk;
}

use std::time::Duration;

use mcp_registry::{Backends, McpServerRegistry, OpenRequest, Scope, WriteContext};
use tokio::runtime::Runtime;

use load::Target;
use nginx::Nginx;
use service::Service;
use support::bench::Plan;
use support::documents;
use support::wrk::Load;

/// Where a service keeps its entries, seen from its home.
const STORE: &str = "sqlite:.local/share/mcp-registry/catalog.db";

fn main() {
    let plan = Plan::announced("The catalog");
    let runtime = Runtime::new().unwrap();
    let soak = std::env::args().skip_while(|argument| argument != "--soak").nth(1);
    if let Some(minutes) = soak {
        let minutes: u64 = minutes.parse().unwrap();
        return load::soak(&Stage::set(&runtime, 1_000), Duration::from_secs(60 * minutes));
    }
    serving(plan, &runtime);
    client::bulk(plan, &runtime);
    storage::installs(plan, &runtime);
}

/// A service with a scope of so many entries, and who may read it.
pub(crate) struct Stage {
    pub(crate) service: Service,
    pub(crate) token: String,
}

impl Stage {
    pub(crate) fn set(runtime: &Runtime, count: usize) -> Self {
        let service = Service::start(&["--rate", "0"]);
        let token = service.token("fleet", "reader", &[]);
        // As its operator would: into the database, beside the service.
        let locator = format!("sqlite:{}", service.home().join(STORE.trim_start_matches("sqlite:")).display());
        let request = OpenRequest::new(&locator).scope(Scope::parse("fleet").unwrap());
        let registry = Backends::linked().open(&request).unwrap();
        runtime.block_on(fill(&registry, count));
        Self { service, token }
    }

    pub(crate) fn list(&self) -> Target {
        let url = format!("{}mcp-servers?agent_scope=fleet", self.service.url);
        Target { url, headers: vec![format!("Authorization: Bearer {}", self.token)] }
    }

    pub(crate) fn client(&self) -> McpServerRegistry {
        let request = OpenRequest::new(&format!("{}?agent_scope=fleet", self.service.url));
        Backends::linked().open(&request.option("auth_token", &self.token)).unwrap()
    }
}

async fn fill(registry: &McpServerRegistry, count: usize) {
    for name in documents::names(count) {
        registry.install(&entry(&name), &WriteContext::new()).await.unwrap();
    }
}

/// An entry as those of the documents are.
pub(crate) fn entry(name: &str) -> mcp_registry::McpServerSpec {
    serde_json::from_value(serde_json::json!({
        "name": name, "command": "npx", "args": ["-y", format!("@acme/{name}")],
        "env": {"API_TOKEN": "$ACME_TOKEN"}, "description": format!("What {name} knows, for reading and writing"),
    }))
    .unwrap()
}

/// The service beside nginx, which serves the same bytes as a file.
fn serving(plan: Plan, runtime: &Runtime) {
    println!("| a listing, 32 connections | nginx, a file | the catalog | catalog / nginx |\n|---|---:|---:|---:|");
    let sizes: &[usize] = if plan.quick { &[10] } else { &[10, 1_000, 10_000] };
    for &count in sizes {
        let stage = Stage::set(runtime, count);
        let ours = stage.list();
        let (body, etag) = load::fetch(&ours);
        let Some(nginx) = Nginx::serving(&body) else { return eprintln!("nginx or wrk is not installed") };
        let file = Target { url: nginx.url.clone(), headers: Vec::new() };
        let (same, file_etag) = load::fetch(&file);
        assert_eq!(same, body);
        row(plan, &format!("{count} entries, {} bytes", body.len()), &file, &ours);
        row(plan, &format!("{count} entries, not modified"), &file.known(&file_etag), &ours.known(&etag));
    }
    println!();
}

/// Both in turn, so that what else the machine does falls on both.
fn row(plan: Plan, label: &str, nginx: &Target, ours: &Target) {
    let (rounds, time) = if plan.quick { (1, 1) } else { (3, 5) };
    let runs: Vec<(Load, Load)> = (0..rounds).map(|_| (load::press(nginx, time), load::press(ours, time))).collect();
    let (nginx, ours): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
    let (nginx, ours) = (Load::median(nginx), Load::median(ours));
    println!("| {label} | {nginx} | {ours} | {:.2} |", ours.rate / nginx.rate);
}
