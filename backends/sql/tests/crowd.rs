//! Two replicas on one Postgres: many writers at once, and a server that dies among them.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod agreement;

use std::sync::Arc;

use mcp_registry_spec::{
    AuditOutcome, ErrorKind, McpServerRegistryBackend as _, McpServerSpec, OpenRequest, ServerName, WriteContext,
};
use mcp_registry_sql::{Config, SqlBackend};
use mcp_registry_test_postgres::Postgres;
use mcp_registry_test_trials::{Tried, trials};

/// How many install at once.
const CROWD: usize = 200;

fn run(work: impl Future<Output = Tried>) -> Tried {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    runtime.unwrap().block_on(work)
}

fn open(url: &str) -> Arc<SqlBackend> {
    let request = OpenRequest::new(url).option("timeout", "60");
    Arc::new(SqlBackend::new(Config::from_request(&request).unwrap()))
}

fn spec(name: &str, description: &str) -> McpServerSpec {
    let name = ServerName::parse(name).unwrap();
    McpServerSpec { description: description.to_owned(), ..McpServerSpec::stdio(name, "npx") }
}

/// Installs all at once, by turns through one replica and the other.
async fn install(replicas: &[Arc<SqlBackend>; 2], specs: Vec<McpServerSpec>) -> Vec<mcp_registry_spec::Result<()>> {
    let calls: Vec<_> = specs
        .into_iter()
        .zip(replicas.iter().cycle().cloned())
        .map(|(spec, replica)| {
            tokio::spawn(async move { replica.install(&spec, &WriteContext::new()).await.map(drop) })
        })
        .collect();
    let mut results = Vec::new();
    for call in calls {
        results.push(call.await.unwrap());
    }
    results
}

fn of_many_installs_of_one_name_one_wins_and_of_many_names_all_do() -> Tried {
    let postgres = Postgres::get()?;
    let url = postgres.database(&[])?;
    run(async {
        let replicas = [open(&url), open(&url)];
        let rivals = (0..CROWD).map(|i| spec("one", &format!("rival {i}"))).collect();
        let results = install(&replicas, rivals).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        for error in results.into_iter().filter_map(Result::err) {
            assert_eq!(error.kind(), ErrorKind::AlreadyInstalled, "{error}");
        }
        let others = (0..CROWD).map(|i| spec(&format!("server-{i}"), "")).collect();
        assert!(install(&replicas, others).await.iter().all(Result::is_ok));
        assert_eq!(replicas[0].list().await.unwrap().servers.len(), CROWD + 1);
        let records = replicas[1].audit(0, usize::MAX).await.unwrap();
        assert_eq!(records.len(), 2 * CROWD);
        assert_eq!(records.iter().filter(|r| r.outcome == AuditOutcome::Done).count(), CROWD + 1);
        agreement::ensure_audit_agrees(&replicas[1]).await;
        Ok(())
    })
}

fn what_was_confirmed_survives_the_server() -> Tried {
    let mut postgres = Postgres::start()?;
    let url = postgres.url();
    run(async {
        let replicas = [open(&url), open(&url)];
        replicas[0].install(&spec("first", ""), &WriteContext::new()).await.unwrap();
        let mut confirmed = vec!["first".to_owned()];
        for round in 0..3 {
            let (names, mut told) = tokio::sync::mpsc::unbounded_channel();
            let writers: Vec<_> = (0..16)
                .map(|writer| {
                    let (replica, names) = (replicas[writer % 2].clone(), names.clone());
                    tokio::spawn(async move {
                        for i in 0.. {
                            let name = format!("server-{round}-{writer}-{i}");
                            match replica.install(&spec(&name, ""), &WriteContext::new()).await {
                                Ok(_) => names.send(name).unwrap(),
                                Err(error) => return error,
                            }
                        }
                        unreachable!("it ends by an error alone")
                    })
                })
                .collect();
            drop(names);
            for _ in 0..40 {
                confirmed.push(told.recv().await.unwrap());
            }
            postgres.kill();
            postgres.restart()?;
            // Whoever was between two writes did not notice, and writes on: end that too.
            let rest = tokio::spawn(async move {
                let mut rest = Vec::new();
                while let Some(name) = told.recv().await {
                    rest.push(name);
                }
                rest
            });
            for writer in writers {
                writer.abort();
                if let Ok(error) = writer.await {
                    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error:?}");
                }
            }
            confirmed.extend(rest.await.unwrap());
            let listing = replicas[0].list().await.unwrap();
            assert!(listing.broken.is_empty(), "{listing:?}");
            let there: Vec<_> = listing.servers.iter().map(|s| s.name.as_str()).collect();
            for name in &confirmed {
                assert!(there.contains(&name.as_str()), "{name} was confirmed and is not there");
            }
            agreement::ensure_audit_agrees(&replicas[1]).await;
        }
        Ok(())
    })
}

trials!(of_many_installs_of_one_name_one_wins_and_of_many_names_all_do, what_was_confirmed_survives_the_server);
