//! The store on a Postgres that is stopped, killed and started again.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod rows;

use std::future::Future;
use std::time::Duration;

use mcp_registry_spec::{Error, ErrorKind, Locator};
use mcp_registry_store::sqlx::query;
use mcp_registry_store::{Options, Role, ScopeSet, Store, Tokens};
use mcp_registry_test_postgres::{PASSWORD, Postgres};
use mcp_registry_test_trials::{Tried, trials};

use rows::{put, scopes, seen};

fn run(work: impl Future<Output = Tried>) -> Tried {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    runtime.unwrap().block_on(work)
}

fn open(url: &str, timeout: Duration) -> Store {
    Store::new(&Locator::new(url), Options { timeout, ..Options::default() }).unwrap()
}

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(400);

/// Uses as many connections as there may be, so that all of them are there to be lost.
async fn use_all(store: &Store) {
    let mut held = Vec::new();
    for _ in 0..Options::default().max_connections {
        held.push(store.begin().await.unwrap());
    }
}

fn told(error: &Error, kind: ErrorKind, retryable: bool) {
    assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{error:?}");
    assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
}

fn many_make_the_schema_at_once() -> Tried {
    let postgres = Postgres::get()?;
    let url = postgres.database(&[])?;
    run(async {
        assert!(seen(&open(&url, LONG)).await.is_empty(), "what is not there reads as empty");
        let writers: Vec<_> = (0..16)
            .map(|i| {
                let store = open(&url, LONG);
                tokio::spawn(async move { put(&store, &format!("scope-{i:02}")).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap().unwrap();
        }
        assert_eq!(seen(&open(&url, LONG)).await.len(), 16);
        Ok(())
    })
}

fn what_cannot_be_used_says_why() -> Tried {
    let postgres = Postgres::start()?;
    let latin = postgres.database(&["--encoding=LATIN1", "--template=template0", "--locale=C"])?;
    let url = postgres.url();
    run(async {
        let refused = async |url: &str| put(&open(url, LONG), "a").await.unwrap_err();
        let error = refused(&url.replace(PASSWORD, "wrong")).await;
        told(&error, ErrorKind::AuthRequired, false);
        let error = refused(&format!("{url}-that-is-not-there")).await;
        told(&error, ErrorKind::Unavailable, false);
        assert!(error.to_string().contains("createdb"), "{error}");
        let error = refused(&format!("{url}?sslmode=require")).await;
        told(&error, ErrorKind::Unavailable, false);
        assert!(error.to_string().contains("TLS"), "{error}");
        let error = refused(&latin).await;
        told(&error, ErrorKind::Unavailable, false);
        assert!(error.to_string().contains("LATIN1"), "{error}");
        Ok(())
    })
}

fn a_newer_schema_is_refused_and_left_as_it_is() -> Tried {
    let postgres = Postgres::get()?;
    let url = postgres.database(&[])?;
    run(async {
        let store = open(&url, LONG);
        let mut transaction = store.begin().await.unwrap();
        transaction.execute(query("UPDATE mcp_meta SET version = 99")).await.unwrap();
        transaction.commit().await.unwrap();
        let late = open(&url, LONG);
        for error in [late.fetch(scopes).await.map(drop).unwrap_err(), put(&late, "a").await.unwrap_err()] {
            told(&error, ErrorKind::Unavailable, false);
            assert!(error.to_string().contains("newer version"), "{error}");
        }
        assert!(seen(&store).await.is_empty());
        Ok(())
    })
}

fn a_lock_that_is_not_let_go_of_is_unavailable_for_now() -> Tried {
    let postgres = Postgres::get()?;
    let url = postgres.database(&[])?;
    run(async {
        let (holder, other) = (open(&url, LONG), open(&url, SHORT));
        let mut held = holder.begin().await.unwrap();
        let insert = "INSERT INTO mcp_scopes (scope, revision, audit_seq) VALUES ('a', '', 0)";
        held.execute(query(insert)).await.unwrap();
        told(&put(&other, "a").await.unwrap_err(), ErrorKind::Unavailable, true);
        drop(held);
        put(&holder, "a").await.unwrap();
        assert_eq!(seen(&holder).await, ["a"], "what was given up left nothing");
        Ok(())
    })
}

fn who_stops_in_the_middle_is_thrown_out() -> Tried {
    let postgres = Postgres::get()?;
    let url = postgres.database(&[])?;
    run(async {
        let (frozen, other) = (open(&url, Duration::from_secs(3)), open(&url, LONG));
        put(&other, "a").await.unwrap();
        let mut stopped = frozen.begin().await.unwrap();
        stopped.execute(query("UPDATE mcp_scopes SET revision = 'x' WHERE scope = 'a'")).await.unwrap();
        let mut waiting = other.begin().await.unwrap();
        waiting.execute(query("UPDATE mcp_scopes SET revision = 'y' WHERE scope = 'a'")).await.unwrap();
        waiting.commit().await.unwrap();
        told(&stopped.commit().await.unwrap_err(), ErrorKind::Unavailable, true);
        Ok(())
    })
}

fn a_restart_is_not_noticed_by_who_comes_after_it() -> Tried {
    let mut postgres = Postgres::start()?;
    let url = postgres.url();
    run(async {
        let store = open(&url, LONG);
        use_all(&store).await;
        put(&store, "before").await.unwrap();
        postgres.stop();
        postgres.restart()?;
        put(&store, "after").await.unwrap();
        use_all(&store).await;
        postgres.kill();
        postgres.restart()?;
        assert_eq!(seen(&store).await, ["after", "before"]);
        put(&store, "at last").await.unwrap();
        // Only the connections are gone.
        use_all(&store).await;
        let mut other = open(&url, LONG).begin().await.unwrap();
        let all = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
        other.fetch(query(all)).await.unwrap();
        put(&store, "still").await.unwrap();
        assert_eq!(seen(&store).await, ["after", "at last", "before", "still"]);
        Ok(())
    })
}

fn while_it_is_down_it_is_unavailable_for_now() -> Tried {
    let mut postgres = Postgres::start()?;
    let url = postgres.url();
    run(async {
        let (store, patient) = (open(&url, SHORT), open(&url, LONG));
        put(&patient, "before").await.unwrap();
        let open_transaction = patient.begin().await.unwrap();
        postgres.stop();
        told(&open_transaction.commit().await.unwrap_err(), ErrorKind::Unavailable, true);
        for _ in 0..2 {
            told(&store.fetch(scopes).await.map(drop).unwrap_err(), ErrorKind::Unavailable, true);
            told(&put(&store, "meanwhile").await.unwrap_err(), ErrorKind::Unavailable, true);
        }
        postgres.restart()?;
        assert_eq!(seen(&patient).await, ["before"], "what was refused was not done");
        put(&patient, "after").await.unwrap();
        Ok(())
    })
}

fn tokens_are_the_same_there() -> Tried {
    let postgres = Postgres::get()?;
    let url = postgres.database(&[])?;
    run(async {
        let (tokens, other) = (Tokens::new(open(&url, LONG)), Tokens::new(open(&url, LONG)));
        assert!(tokens.list().await.unwrap().is_empty());
        let token = tokens.create("ci", Role::Writer, &ScopeSet::All, None, None).await.unwrap();
        assert_eq!(other.verify(token.expose()).await.unwrap().map(|grant| grant.role), Some(Role::Writer));
        let error = other.create("ci", Role::Reader, &ScopeSet::All, None, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
        assert!(other.revoke("ci").await.unwrap());
        assert!(tokens.verify(token.expose()).await.unwrap().is_none());
        assert_eq!(tokens.list().await.unwrap().len(), 1);
        Ok(())
    })
}

trials!(
    many_make_the_schema_at_once,
    what_cannot_be_used_says_why,
    a_newer_schema_is_refused_and_left_as_it_is,
    a_lock_that_is_not_let_go_of_is_unavailable_for_now,
    who_stops_in_the_middle_is_thrown_out,
    a_restart_is_not_noticed_by_who_comes_after_it,
    while_it_is_down_it_is_unavailable_for_now,
    tokens_are_the_same_there,
);
