//! The store on a file of SQLite.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod rows;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcp_registry_spec::{ErrorKind, Locator};
use mcp_registry_store::sqlx::{Row as _, query};
use mcp_registry_store::{Options, Store};
use tempfile::TempDir;

use rows::{put, scopes, seen};

/// What is not waited for in vain.
const LONG: Duration = Duration::from_secs(30);

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data/registry.db")
    }

    fn store(&self) -> Store {
        open(&self.path(), LONG)
    }
}

fn open(path: &Path, timeout: Duration) -> Store {
    let options = Options { timeout, ..Options::default() };
    Store::new(&Locator::new(&format!("sqlite:{}", path.display())), options).unwrap()
}

#[tokio::test]
async fn reading_makes_nothing_and_writing_makes_what_is_missing() {
    let place = Place::new();
    let store = place.store();
    assert!(seen(&store).await.is_empty());
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 0, "reading made something");
    put(&store, "a").await.unwrap();
    assert_eq!(seen(&store).await, ["a"]);
    use std::os::unix::fs::PermissionsExt as _;
    for file in fs::read_dir(place.path().parent().unwrap()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn an_empty_file_reads_as_empty_and_is_taken() {
    let place = Place::new();
    fs::create_dir(place.path().parent().unwrap()).unwrap();
    fs::write(place.path(), "").unwrap();
    let store = place.store();
    assert!(seen(&store).await.is_empty());
    put(&store, "a").await.unwrap();
    assert_eq!(seen(&store).await, ["a"]);
}

#[tokio::test]
async fn only_the_last_folder_is_made() {
    let place = Place::new();
    let far = place.folder.path().join("a/b/registry.db");
    let error = put(&open(&far, LONG), "a").await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false));
    assert!(error.to_string().contains("make the folder above it first"), "{error}");
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_confirmed_is_on_disk_and_readers_do_not_wait() {
    let place = Place::new();
    let store = place.store();
    put(&store, "a").await.unwrap();
    let one = async |sql: &'static str| {
        let mut transaction = store.begin().await.unwrap();
        transaction.fetch(query(sql)).await.unwrap()[0].get::<String, _>(0)
    };
    assert_eq!(one("SELECT journal_mode FROM pragma_journal_mode").await, "wal");
    assert_eq!(one("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous").await, "2", "FULL");
    // A writer in the middle of its work.
    let held = store.begin().await.unwrap();
    assert_eq!(seen(&store).await, ["a"]);
    drop(held);
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let folder = place.folder.path();
    fs::create_dir(folder.join("folder")).unwrap();
    std::os::unix::fs::symlink("/dev/null", folder.join("device")).unwrap();
    fs::write(folder.join("garbage"), "this is not a database, however long it is: ".repeat(100)).unwrap();
    let other = query("CREATE TABLE theirs (x TEXT)");
    let newer = query("UPDATE mcp_meta SET version = 99");
    for (name, change) in [("other", other), ("newer", newer)] {
        let store = open(&folder.join(name), LONG);
        let mut transaction = store.begin().await.unwrap();
        transaction.execute(change).await.unwrap();
        if name == "other" {
            let ours = transaction.fetch(query("SELECT name, type FROM sqlite_master WHERE name LIKE 'mcp_%'")).await;
            for row in ours.unwrap().iter().filter(|row| row.get::<String, _>(1) == "table") {
                let drop = format!("DROP TABLE {}", row.get::<String, _>(0));
                transaction.execute(query(mcp_registry_store::sqlx::AssertSqlSafe(drop))).await.unwrap();
            }
        }
        transaction.commit().await.unwrap();
        store.close().await;
    }
    let bytes = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
    for (name, why) in [
        ("folder", "is no file"),
        ("device", "is no file"),
        ("garbage", "no database of SQLite"),
        ("other", "another program"),
        ("newer", "newer version"),
    ] {
        let before = bytes(name);
        let store = open(&folder.join(name), LONG);
        for error in [store.fetch(scopes).await.map(drop).unwrap_err(), put(&store, "a").await.unwrap_err()] {
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false), "{name}: {error}");
            assert!(error.to_string().contains(why), "{name}: {error}");
        }
        store.close().await;
        assert!(bytes(name) == before, "{name} was changed");
    }
}

#[tokio::test]
async fn a_lock_that_is_not_let_go_of_is_unavailable_for_now() {
    let place = Place::new();
    put(&place.store(), "a").await.unwrap();
    let (holder, other) = (place.store(), open(&place.path(), Duration::from_millis(300)));
    let held = holder.begin().await.unwrap();
    let error = put(&other, "b").await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error}");
    assert!(error.to_string().contains("registry.db") && error.to_string().contains("timeout"), "{error}");
    drop(held);
    put(&holder, "c").await.unwrap();
    assert_eq!(seen(&holder).await, ["a", "c"], "what was given up left nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_make_it_at_once() {
    let place = Place::new();
    let writers: Vec<_> = (0..16)
        .map(|i| {
            let store = place.store();
            tokio::spawn(async move { put(&store, &format!("scope-{i}")).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(seen(&place.store()).await.len(), 16);
}

#[tokio::test]
async fn a_file_put_in_the_place_of_another_is_another_database() {
    let place = Place::new();
    let (store, other) = (place.store(), place.folder.path().join("other.db"));
    put(&store, "here").await.unwrap();
    let prepared = open(&other, LONG);
    put(&prepared, "there").await.unwrap();
    prepared.close().await;
    assert_eq!(seen(&store).await, ["here"]);
    // As the documentation says to put back a backup: what was written beside the old file is not for it.
    for beside in ["registry.db-wal", "registry.db-shm"] {
        fs::remove_file(place.path().with_file_name(beside)).unwrap();
    }
    fs::rename(&other, place.path()).unwrap();
    assert_eq!(seen(&store).await, ["there"]);
    put(&store, "there too").await.unwrap();
    fs::remove_file(place.path()).unwrap();
    assert!(seen(&store).await.is_empty());
    put(&store, "anew").await.unwrap();
    assert_eq!(seen(&place.store()).await, ["anew"]);
}

#[tokio::test]
async fn a_store_that_was_closed_opens_again() {
    let place = Place::new();
    let store = place.store();
    store.close().await;
    put(&store, "a").await.unwrap();
    let clone = store.clone();
    let held = store.begin().await.unwrap();
    drop(held);
    clone.close().await;
    clone.close().await;
    assert_eq!(seen(&store).await, ["a"]);
    put(&store, "b").await.unwrap();
}

#[tokio::test]
async fn reading_cannot_write() {
    let place = Place::new();
    let store = place.store();
    put(&store, "a").await.unwrap();
    let error = store.fetch(|| query("DELETE FROM mcp_scopes")).await.map(drop).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false), "{error}");
    assert_eq!(seen(&store).await, ["a"]);
}

#[tokio::test]
async fn what_was_not_committed_was_not_done() {
    let place = Place::new();
    let store = place.store();
    let mut transaction = store.begin().await.unwrap();
    let insert = query("INSERT INTO mcp_scopes (scope, revision, audit_seq) VALUES ('a', '', 0)");
    transaction.execute(insert).await.unwrap();
    drop(transaction);
    put(&store, "b").await.unwrap();
    assert_eq!(seen(&store).await, ["b"]);
}

#[tokio::test]
async fn rule_7_where_there_was_no_room_it_is_written_once_there_is() {
    let place = Place::new();
    let store = place.store();
    put(&store, "a").await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    // It is of this connection alone, and no less than what the file has.
    transaction.fetch(query("PRAGMA max_page_count = 1")).await.unwrap();
    let large = query("INSERT INTO mcp_scopes (scope, revision, audit_seq) VALUES ('b', $1, 0)");
    let error = transaction.execute(large.bind("x".repeat(1 << 20))).await.unwrap_err();
    assert!(error.to_string().contains("make room on the disk"), "{error}");
    drop(transaction);
    put(&store, "c").await.unwrap();
    assert_eq!(seen(&store).await, ["a", "c"]);
}
