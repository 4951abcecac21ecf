//! Who announced itself is seen to be alive, until it lets go or ends, by whatever means.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "../both/mod.rs"]
mod both;
mod files;
mod sessions;

use std::future::Future;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use mcp_registry_store::Store;
use mcp_registry_store::sqlx::{self, Connection as _};
use mcp_registry_test_postgres::Postgres;
use mcp_registry_test_trials::{Tried, trials};

use both::{Database, LONG, open};
use files::*;
use sessions::*;

/// Makes this very program one that announces itself in the database that the variable names.
const OPEN: &str = "MCP_REGISTRY_TEST_ALIVE";

/// The locks that there are in a database of Postgres.
const LOCKS: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND
                     database = (SELECT oid FROM pg_database WHERE datname = current_database())";
/// The connections that hold them.
const HOLDERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND
                       datname = current_database()";

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(work)
}

fn on_both(test: impl AsyncFn(Database) -> Tried) -> Tried {
    run(test(Database::sqlite()))?;
    on_postgres(test)
}

fn on_postgres(test: impl AsyncFn(Database) -> Tried) -> Tried {
    let server = Postgres::get()?;
    run(test(Database::postgres(&server)?))
}

/// Waits until it is so. On Postgres what is let go of is free as soon as the server gets to it.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}: not yet");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_dead(store: &Store, id: &str) {
    until("dead", async || !store.is_alive(id).await.unwrap()).await;
}

/// The folder of the locked files.
fn folder(database: &Database) -> PathBuf {
    database.folder.as_ref().unwrap().path().join("registry.db-alive")
}

fn files(database: &Database) -> Vec<PathBuf> {
    fs::read_dir(folder(database)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// A process that announced itself, and its id.
fn announced(test: &str, database: &Database) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(OPEN, &database.locator)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let id = lines.map(Result::unwrap).find_map(|line| Some(line.split_once("alive as ")?.1.to_owned()));
    (child, id.unwrap())
}

/// What that process does: it stays alive until it is killed.
fn announce_and_stay(locator: &str) -> Tried {
    run(async {
        let alive = open(locator).announce().await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nalive as {}", alive.id()).and_then(|()| out.flush()).unwrap();
        thread::sleep(Duration::MAX);
        Ok(())
    })
}

fn who_announced_itself_is_alive_until_it_lets_go() -> Tried {
    on_both(async |database| {
        let (store, other) = (database.store(), database.store());
        let one = store.announce().await.unwrap();
        let two = store.announce().await.unwrap();
        assert_ne!(one.id(), two.id());
        for id in [one.id(), two.id(), one.id()] {
            assert!(store.is_alive(id).await.unwrap() && other.is_alive(id).await.unwrap());
        }
        let gone = one.id().to_owned();
        drop(one);
        until_dead(&other, &gone).await;
        assert!(other.is_alive(two.id()).await.unwrap());
        two.check().await.unwrap();
        // Those who look do not disturb one another.
        let looks: Vec<_> = (0..32)
            .map(|_| {
                let (other, id) = (other.clone(), two.id().to_owned());
                tokio::spawn(async move { other.is_alive(&id).await.unwrap() })
            })
            .collect();
        for look in looks {
            assert!(look.await.unwrap());
        }
        store.close().await;
        two.check().await.unwrap();
        assert!(other.is_alive(two.id()).await.unwrap(), "its store was closed, and it was not");
        let gone = two.id().to_owned();
        drop(two);
        until_dead(&other, &gone).await;
        if database.is_sqlite() {
            assert!(files(&database).is_empty());
        } else {
            until("no lock is left", async || database.rows(LOCKS).await == ["0"]).await;
            until("no transaction is left", async || database.rows(HOLDERS).await == ["0"]).await;
        }
        Ok(())
    })
}

fn who_is_killed_is_dead() -> Tried {
    if let Ok(locator) = std::env::var(OPEN) {
        return announce_and_stay(&locator);
    }
    on_both(async |database| {
        let store = database.store();
        let (mut child, id) = announced("who_is_killed_is_dead", &database);
        let own = store.announce().await.unwrap();
        assert!(store.is_alive(&id).await.unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        until_dead(&store, &id).await;
        own.check().await.unwrap();
        assert!(store.is_alive(own.id()).await.unwrap());
        if database.is_sqlite() {
            assert_eq!(files(&database), [folder(&database).join(own.id())], "what the dead left is removed");
        }
        Ok(())
    })
}

fn whom_nobody_ever_saw_is_dead_and_asking_makes_nothing() -> Tried {
    on_both(async |database| {
        let store = database.store();
        for id in ["", "0123456789abcdef", "../registry.db", "0123456789ABCDEF", "00000000000000000", "\u{0}"] {
            assert!(!store.is_alive(id).await.unwrap(), "{id:?}");
        }
        if let Some(folder) = &database.folder {
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
        store.begin().await.unwrap().commit().await.unwrap();
        assert!(!store.is_alive("0123456789abcdef").await.unwrap());
        Ok(())
    })
}

fn who_looks_is_not_taken_for_whom_it_looks_for() -> Tried {
    on_both(async |database| {
        let (store, id) = (database.store(), "0123456789abcdef");
        drop(store.announce().await.unwrap());
        if database.is_sqlite() {
            // As the dead leave it, and in the middle of being looked at.
            let left = folder(&database).join(id);
            let looked_at = fs::File::create_new(&left).unwrap();
            looked_at.lock_shared().unwrap();
            assert!(!store.is_alive(id).await.unwrap());
            assert!(!left.exists());
        } else {
            let mut other = database.connect().await;
            let look = format!("SELECT pg_advisory_lock_shared(x'{id}'::BIGINT)");
            sqlx::raw_sql(sqlx::AssertSqlSafe(look)).execute(&mut other).await.unwrap();
            assert!(!store.is_alive(id).await.unwrap());
            other.close().await.unwrap();
        }
        Ok(())
    })
}

trials!(
    who_announced_itself_is_alive_until_it_lets_go,
    who_is_killed_is_dead,
    whom_nobody_ever_saw_is_dead_and_asking_makes_nothing,
    what_the_dead_left_is_removed_by_the_next_process,
    no_living_one_loses_its_file_to_those_who_tidy_up,
    who_looks_is_not_taken_for_whom_it_looks_for,
    the_files_are_their_owners_alone,
    no_link_is_followed_and_no_folder_of_others_is_trusted,
    who_lost_its_file_is_told,
    a_database_that_is_opened_by_a_link_is_the_same,
    who_lost_its_connection_is_dead_and_told,
    a_restart_of_the_server_is_not_noticed_by_who_comes_after_it,
    no_time_out_of_the_server_ends_it,
    many_share_one_connection,
    who_stops_waiting_to_be_announced_leaves_nothing,
);
