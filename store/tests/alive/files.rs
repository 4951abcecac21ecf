//! The locked files beside a database of SQLite.

use std::future::Future;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, thread};

use mcp_registry_spec::ErrorKind;
use mcp_registry_test_trials::Tried;

use crate::both::{Database, open};
use crate::{OPEN, announce_and_stay, announced, files, folder, run};

pub(crate) fn what_the_dead_left_is_removed_by_the_next_process() -> Tried {
    if let Ok(locator) = std::env::var(OPEN) {
        return announce_and_stay(&locator);
    }
    let database = Database::sqlite();
    let living = announced("what_the_dead_left_is_removed_by_the_next_process", &database);
    let (mut child, id) = announced("what_the_dead_left_is_removed_by_the_next_process", &database);
    child.kill().unwrap();
    child.wait().unwrap();
    let note = folder(&database).join("note");
    fs::write(&note, "not ours").unwrap();
    assert!(folder(&database).join(&id).exists());
    let (mut other, own) = announced("what_the_dead_left_is_removed_by_the_next_process", &database);
    let mut found = files(&database);
    found.sort();
    let mut expected = vec![folder(&database).join(own), folder(&database).join(&living.1), note];
    expected.sort();
    assert_eq!(found, expected);
    for child in [&mut other, &mut { living }.0] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    Ok(())
}

pub(crate) fn no_living_one_loses_its_file_to_those_who_tidy_up() {
    let database = Database::sqlite();
    run(async { database.store().begin().await.unwrap().commit().await.unwrap() });
    fs::DirBuilder::new().create(folder(&database)).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let store = database.store();
                // Whatever lies there is asked for, also what was made this instant and is not locked yet.
                while !is_over.load(Ordering::Relaxed) {
                    for file in files(&database) {
                        run_here(store.is_alive(file.file_name().unwrap().to_str().unwrap())).unwrap();
                    }
                }
            });
        }
        let announcing = scope.spawn(|| {
            let store = database.store();
            for _ in 0..1_000 {
                let alive = run_here(store.announce()).unwrap();
                assert!(run_here(store.is_alive(alive.id())).unwrap());
                run_here(alive.check()).unwrap();
            }
        });
        let announced = announcing.join();
        is_over.store(true, Ordering::Relaxed);
        announced.unwrap();
    });
    assert!(files(&database).is_empty());
}

/// What waits for nothing but files.
fn run_here<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

pub(crate) fn the_files_are_their_owners_alone() {
    let database = Database::sqlite();
    run(async {
        let alive = database.store().announce().await.unwrap();
        let mode = |path: PathBuf| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(folder(&database)), 0o700);
        assert_eq!(mode(folder(&database).join(alive.id())), 0o600);
    });
}

pub(crate) fn no_link_is_followed_and_no_folder_of_others_is_trusted() {
    let database = Database::sqlite();
    run(async {
        let store = database.store();
        let alive = store.announce().await.unwrap();
        let refused = async || {
            let errors = [store.announce().await.map(drop).unwrap_err(), store.is_alive(alive.id()).await.unwrap_err()];
            for error in errors {
                assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, false), "{error}");
                assert!(error.to_string().contains("registry.db-alive"), "{error}");
            }
        };
        let allow = |mode| fs::set_permissions(folder(&database), PermissionsExt::from_mode(mode)).unwrap();
        for open_to_others in [0o720, 0o702] {
            allow(open_to_others);
            refused().await;
        }
        allow(0o700);
        assert!(store.is_alive(alive.id()).await.unwrap());
        // A link in the place of a file is not what it leads to.
        let target = database.folder.as_ref().unwrap().path().join("target");
        fs::write(&target, "precious").unwrap();
        let link = folder(&database).join("0123456789abcdef");
        symlink(&target, &link).unwrap();
        assert_eq!(store.is_alive("0123456789abcdef").await.unwrap_err().kind(), ErrorKind::Unavailable);
        assert!(link.is_symlink() && fs::read_to_string(&target).unwrap() == "precious");
        // Nor is one in the place of the folder.
        let moved = folder(&database).with_file_name("moved");
        fs::rename(folder(&database), &moved).unwrap();
        symlink(&moved, folder(&database)).unwrap();
        refused().await;
        fs::remove_file(folder(&database)).unwrap();
        fs::write(folder(&database), "").unwrap();
        refused().await;
    });
}

pub(crate) fn who_lost_its_file_is_told() {
    let database = Database::sqlite();
    run(async {
        let alive = database.store().announce().await.unwrap();
        fs::remove_file(folder(&database).join(alive.id())).unwrap();
        assert_eq!(alive.check().await.unwrap_err().kind(), ErrorKind::Unavailable);
        assert!(!database.store().is_alive(alive.id()).await.unwrap());
    });
}

pub(crate) fn a_database_that_is_opened_by_a_link_is_the_same() {
    let database = Database::sqlite();
    run(async {
        let alive = database.store().announce().await.unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("link.db");
        symlink(database.folder.as_ref().unwrap().path().join("registry.db"), &link).unwrap();
        let by_link = open(&format!("sqlite:{}", link.display()));
        assert!(by_link.is_alive(alive.id()).await.unwrap());
        let other = by_link.announce().await.unwrap();
        assert!(database.store().is_alive(other.id()).await.unwrap());
    });
}
