//! Two replicas of the catalog service on one Postgres: what was answered holds, whoever dies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agents;
mod export;
#[path = "../service_support/mod.rs"]
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp_registry::{
    AuditAction, AuditOutcome, Backends, ErrorKind, McpServerRegistry, McpServerSpec, OpenRequest, Result, ServerName,
    WriteContext,
};
use mcp_registry_test_postgres::Postgres;
use mcp_registry_test_trials::{Tried, trials};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use agents::{
    a_heartbeat_that_was_answered_is_kept_though_the_database_is_killed, agents_are_seen_alike_at_each_replica,
};
use export::rule_c35_an_export_that_others_may_write_is_not_served;
use service::Service;

const SCOPE: &str = "fleet";
const CROWD: usize = 200;
/// Who writes while something dies, and how much before and after.
const WRITERS: usize = 16;
const BEFORE: usize = 100;

/// Two services on one database, and a client of each.
struct Replicas {
    services: [Service; 2],
    clients: [McpServerRegistry; 2],
}

impl Replicas {
    fn on(postgres: &Postgres) -> Self {
        let url = postgres.url();
        let place = ["--store", url.as_str()];
        let arguments = [&place[..], &["--rate", "0"]].concat();
        // Both at once: each finds an empty database to set up.
        let services = std::thread::scope(|scope| {
            [(); 2].map(|()| scope.spawn(|| Service::start(&arguments))).map(|service| service.join().unwrap())
        });
        let token = services[0].token(SCOPE, "admin", &place);
        let clients = services.each_ref().map(|service| {
            let request = OpenRequest::new(&format!("{}?agent_scope={SCOPE}", service.url));
            Backends::linked().open(&request.option("auth_token", &token)).unwrap()
        });
        Self { services, clients }
    }

    /// The client of whoever's turn it is.
    fn client(&self, turn: usize) -> McpServerRegistry {
        self.clients[turn % 2].clone()
    }
}

fn spec(name: &str, argument: usize) -> McpServerSpec {
    serde_json::from_value(serde_json::json!({"name": name, "command": "npx", "args": [argument.to_string()]})).unwrap()
}

async fn install(client: McpServerRegistry, spec: McpServerSpec) -> Result<()> {
    client.install(&spec, &WriteContext::new()).await.map(drop)
}

/// Everybody at once, in turn by either replica.
fn crowd(replicas: &Replicas, name: impl Fn(usize) -> String) -> Vec<Result<()>> {
    Runtime::new().unwrap().block_on(async {
        let mut all = JoinSet::new();
        for turn in 0..CROWD {
            all.spawn(install(replicas.client(turn), spec(&name(turn), turn)));
        }
        all.join_all().await
    })
}

fn of_one_name_one_wins() -> Tried {
    let postgres = Postgres::start()?;
    let replicas = Replicas::on(&postgres);
    let answers = crowd(&replicas, |_| "wanted".to_owned());
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(refused.clone().all(|error| error.kind() == ErrorKind::AlreadyInstalled), "{answers:?}");
    assert_eq!(refused.count(), CROWD - 1);
    assert_true_to_itself(&replicas.clients[1], CROWD);
    Ok(())
}

fn of_different_names_all_are_there() -> Tried {
    let postgres = Postgres::start()?;
    let replicas = Replicas::on(&postgres);
    let answers = crowd(&replicas, |turn| format!("server-{turn}"));
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(assert_true_to_itself(&replicas.clients[0], CROWD).len(), CROWD);
    Ok(())
}

/// Within a second, or at once where it was written.
fn what_one_writes_the_other_shows() -> Tried {
    let postgres = Postgres::start()?;
    let replicas = Replicas::on(&postgres);
    Runtime::new().unwrap().block_on(async {
        let names = async |turn: usize| -> Vec<String> {
            let listing = replicas.clients[turn].list().await.unwrap();
            listing.names().into_iter().map(ToString::to_string).collect()
        };
        // Both have it in memory now.
        assert!(names(0).await.is_empty() && names(1).await.is_empty());
        install(replicas.client(0), spec("new", 0)).await.unwrap();
        assert_eq!(names(0).await, ["new"]);
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        assert_eq!(names(1).await, ["new"]);
    });
    Ok(())
}

fn a_replica_is_killed() -> Tried {
    let postgres = Postgres::start()?;
    let mut replicas = Replicas::on(&postgres);
    let answered = while_writing(&replicas.clients.clone(), || replicas.services[0].kill());
    let there = assert_true_to_itself(&replicas.clients[1], answered.len());
    assert!(answered.is_subset(&there), "{:?}", answered.difference(&there));
    // The other one goes on.
    let after = Runtime::new().unwrap().block_on(install(replicas.client(1), spec("after", 0)));
    assert!(after.is_ok(), "{after:?}");
    Ok(())
}

fn the_database_is_killed() -> Tried {
    let mut postgres = Postgres::start()?;
    let replicas = Replicas::on(&postgres);
    let answered = while_writing(&replicas.clients, || postgres.kill());
    postgres.restart()?;
    for client in &replicas.clients {
        let there = assert_true_to_itself(client, answered.len());
        assert!(answered.is_subset(&there), "{:?}", answered.difference(&there));
    }
    let after = Runtime::new().unwrap().block_on(install(replicas.client(0), spec("after", 0)));
    assert!(after.is_ok(), "{after:?}");
    Ok(())
}

/// Installs one entry after the other by either replica until writing fails, and has something killed
/// in the midst of that. The names whose install was answered with success.
fn while_writing(clients: &[McpServerRegistry; 2], kill: impl FnOnce()) -> BTreeSet<String> {
    let runtime = Runtime::new().unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (client, done) = (clients[writer % 2].clone(), done.clone());
        writers.spawn_on(
            async move {
                let mut answered = Vec::new();
                for turn in 0.. {
                    let name = format!("w{writer}-{turn}");
                    match install(client.clone(), spec(&name, turn)).await {
                        Ok(()) => answered.push(name),
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                            break;
                        }
                    }
                    // The replica that lives stops by itself some time after the other died.
                    if done.fetch_add(1, Ordering::Relaxed) > 10 * BEFORE {
                        break;
                    }
                }
                answered
            },
            runtime.handle(),
        );
    }
    while done.load(Ordering::Relaxed) < BEFORE {
        std::thread::sleep(Duration::from_millis(1));
    }
    kill();
    runtime.block_on(writers.join_all()).into_iter().flatten().collect()
}

/// The names that are there, having seen that each is whole and that entries and audit agree, row by
/// row; at least `fewest` records are expected.
fn assert_true_to_itself(client: &McpServerRegistry, fewest: usize) -> BTreeSet<String> {
    Runtime::new().unwrap().block_on(async {
        let loaded = client.load_all().await.unwrap();
        let entries: BTreeMap<ServerName, _> =
            loaded.into_iter().map(|one| (one.name, one.result.unwrap().digest().unwrap())).collect();
        let mut records = Vec::new();
        loop {
            let page = client.audit(records.len() as u64, 1_000).await.unwrap();
            if page.is_empty() {
                break;
            }
            records.extend(page);
        }
        assert!(records.len() >= fewest, "{} records", records.len());
        assert!(records.iter().map(|record| record.seq).eq(1..=records.len() as u64));
        let installed: BTreeMap<ServerName, _> = records
            .iter()
            .filter(|record| record.action == AuditAction::Install && record.outcome == AuditOutcome::Done)
            .map(|record| (record.name.clone(), record.after.unwrap()))
            .collect();
        assert_eq!(installed, entries);
        entries.keys().map(ToString::to_string).collect()
    })
}

trials!(
    of_one_name_one_wins,
    of_different_names_all_are_there,
    what_one_writes_the_other_shows,
    a_replica_is_killed,
    the_database_is_killed,
    agents_are_seen_alike_at_each_replica,
    a_heartbeat_that_was_answered_is_kept_though_the_database_is_killed,
    rule_c35_an_export_that_others_may_write_is_not_served,
);
