//! `kill -9` at any instant of an approval (H11).

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcp_registry_governance::{ChangeId, State};
use mcp_registry_spec::Locator;

use crate::room::{self, Room, install, operator};

/// How often, on each store.
const TRIALS: u32 = 200;
const FOLDER: &str = "CHANGES_TEST_FOLDER";
const STORE: &str = "CHANGES_TEST_STORE";
const CHANGE: &str = "CHANGES_TEST_CHANGE";

/// Whether this process is one that is to be killed.
pub(crate) fn is_worker() -> bool {
    std::env::var_os(FOLDER).is_some()
}

/// Approves a change, and is killed meanwhile.
pub(crate) fn work() -> ExitCode {
    let of = |name| std::env::var(name).unwrap();
    let folder = std::path::PathBuf::from(of(FOLDER));
    let (store, id): (_, ChangeId) = (Locator::new(&of(STORE)), of(CHANGE).parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let governance = room::governance(&folder, &store);
        let _ = governance.approve(&id, &operator(), Arc::new(room::target(&folder))).await;
    });
    ExitCode::SUCCESS
}

fn start(room: &Room, id: &ChangeId) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .env(FOLDER, room.folder.path())
        .env(STORE, room.store.expose())
        .env(CHANGE, id.as_str())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

pub(crate) async fn h11_a_killed_executor_leaves_what_is_true(room: &Room) {
    // One that is let through, to see how long it takes.
    let change = room.ask(&install("whole")).await;
    let begun = Instant::now();
    assert!(start(room, &change.id).wait().unwrap().success());
    let whole = begun.elapsed();
    assert_eq!(room.governance.get(&change.id).await.unwrap().state, State::Completed);
    let mut ends = BTreeMap::<&str, u32>::new();
    for trial in 0..TRIALS {
        let server = format!("s{trial}");
        let change = room.ask(&install(&server)).await;
        let mut child = start(room, &change.id);
        tokio::time::sleep(whole.mul_f64(f64::from(trial) / f64::from(TRIALS))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let governance = room::governance(room.folder.path(), &room.store);
        // Postgres sees a moment later that whoever held a lock is gone.
        let mut stands = State::Executing;
        for _ in 0..200 {
            governance.settle(&room.target).await.unwrap();
            stands = governance.get(&change.id).await.unwrap().state;
            if stands != State::Executing {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let is_there = room.text().contains(&format!("## {server}\n"));
        assert_eq!(is_there, stands == State::Completed, "trial {trial}: {stands}");
        assert!(matches!(stands, State::Pending | State::Completed | State::Interrupted), "trial {trial}: {stands}");
        *ends.entry(stands.as_str()).or_default() += 1;
        // Nothing is wedged: the next one can be asked for, and done.
        if stands != State::Completed {
            if stands == State::Interrupted {
                room.ask(&install(&server)).await;
            }
            let waiting = room.governance.preview(&room.target, &install(&server), &room::agent()).await.unwrap();
            let approval = governance.approve(&waiting.active[0].id, &operator(), room.opener()).await.unwrap();
            assert!(approval.execution.ok, "{:?}", approval.execution);
        }
    }
    let rows = room.rows().await;
    let ended = |id: &str| {
        rows.iter().filter(|r| r.change.as_deref() == Some(id) && r.to.as_deref() == Some("executing")).count()
    };
    let ids: BTreeSet<_> = rows.iter().filter_map(|row| row.change.clone()).collect();
    assert!(ids.iter().all(|id| ended(id) <= 1), "one was carried out twice");
    assert!(ends.len() > 1, "all kills hit the same instant: {ends:?}");
}
