//! Installs into a database, beside bare inserts of the same rows.

use std::time::Duration;

use mcp_registry::{Backends, McpServerRegistry, OpenRequest, WriteContext};
use mcp_registry_test_postgres::Postgres;
use tokio::runtime::Runtime;

use crate::entry;
use crate::support::bare::{Bare, together};
use crate::support::bench::{Plan, median};

/// How many install at once, where more than one does.
const WRITERS: usize = 16;

pub(crate) fn installs(plan: Plan, runtime: &Runtime) {
    println!("| entries a second | bare inserts | installs | installs / inserts |\n|---|---:|---:|---:|");
    // Beside the build's own files: a temporary folder may lie in memory, where fsync costs nothing.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let ours = open(&format!("sqlite:{}", folder.path().join("ours.db").display()));
    let bare = runtime.block_on(Bare::sqlite(&folder.path().join("bare.db")));
    rows(plan, runtime, "SQLite", &ours, &bare);
    let Ok(postgres) = Postgres::start() else { return eprintln!("Postgres is not installed") };
    let ours = open(&postgres.url());
    let bare = runtime.block_on(Bare::postgres(&postgres));
    rows(plan, runtime, "Postgres", &ours, &bare);
    println!();
}

fn open(locator: &str) -> McpServerRegistry {
    Backends::linked().open(&OpenRequest::new(locator)).unwrap()
}

fn rows(plan: Plan, runtime: &Runtime, database: &str, ours: &McpServerRegistry, bare: &Bare) {
    let count = if plan.quick { 32 } else { 1_600 };
    let rounds = if plan.quick { 1 } else { 5 };
    for writers in [1, WRITERS] {
        let (mut inserts, mut installs) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let name = move |number| format!("w{writers}-r{round}-{number}");
            let bare = bare.clone();
            inserts.push(runtime.block_on(together(writers, count, move |number| {
                let (bare, entry) = (bare.clone(), entry(&name(number)));
                async move { bare.insert(entry.name.as_str(), &serde_json::to_string(&entry).unwrap()).await }
            })));
            let ours = ours.clone();
            installs.push(runtime.block_on(together(writers, count, move |number| {
                let (ours, entry) = (ours.clone(), entry(&name(number)));
                async move { drop(ours.install(&entry, &WriteContext::new().actor("bench")).await.unwrap()) }
            })));
        }
        let rate = |samples: Vec<Duration>| count as f64 / median(samples).as_secs_f64();
        let (inserts, installs) = (rate(inserts), rate(installs));
        let who = if writers == 1 { "one writer".to_owned() } else { format!("{writers} writers") };
        println!("| {database}, {who} | {inserts:.0} | {installs:.0} | {:.2} |", installs / inserts);
    }
}
