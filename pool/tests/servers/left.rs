use std::process::{Command, Stdio};
use std::time::Duration;

use mcp_registry_pool::{Cause, Phase, Pool};
use mcp_registry_test_server::{Mark, SERVE, look, survivors};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::support::{exe, failure_of, gate, hanging_in, patient, server, wait};

/// Those who do not want to go: children that are deaf to SIGTERM, some in groups and sessions of their own, some
/// orphans.
const FAMILIES: [&[&str]; 4] = [&["family"], &["orphan"], &["stubborn"], &["stubborn", "orphan", "family"]];

fn family<'w>(words: &[&'w str], end: &'w str) -> Vec<&'w str> {
    words.iter().copied().chain([end]).collect()
}

pub(crate) fn s7_nothing_is_left_by_those_who_do_not_want_to_go() {
    for words in FAMILIES {
        for (end, cause, options) in [
            ("hang", Cause::TimedOut, hanging_in(Phase::Initialize)),
            ("hang-after", Cause::TimedOut, hanging_in(Phase::List)),
            ("garbage", Cause::Garbage, patient()),
        ] {
            let mark = Mark::new("stay");
            let failure = wait(failure_of(server("a", &mark, &family(words, end)), options));
            assert_eq!(failure.cause, cause, "{words:?} {failure:?}");
            assert_eq!(look(&mark), Vec::<String>::new(), "{words:?} {end}");
        }
    }
}

pub(crate) fn s7_a_dropped_pool_leaves_nothing() {
    for words in FAMILIES {
        let mark = Mark::new("drop");
        wait(async {
            let launch = server("a", &mark, &family(words, "usual"));
            let pool = Pool::connect(vec![launch], &gate(), patient()).await.unwrap();
            assert_eq!(pool.servers().len(), 1, "{:?}", pool.failures());
            assert!(!look(&mark).is_empty(), "{words:?}");
            drop(pool);
            assert_eq!(look(&mark), Vec::<String>::new(), "{words:?}: it was waited for");
        });
    }
}

pub(crate) fn s7_a_connect_that_is_given_up_leaves_nothing() {
    for words in FAMILIES {
        let mark = Mark::new("give_up");
        wait(async {
            let launch = server("a", &mark, &family(words, "hang"));
            let gate = gate();
            let there = async {
                while look(&mark).is_empty() {
                    sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                connected = Pool::connect(vec![launch], &gate, patient()) => panic!("it hangs: {connected:?}"),
                () = there => {}
            }
        });
        assert_eq!(survivors(&mark), Vec::<String>::new(), "{words:?}");
    }
}

pub(crate) fn s7_a_closed_pool_leaves_nothing() {
    for words in FAMILIES {
        let mark = Mark::new("close");
        wait(async {
            let launch = server("a", &mark, &family(words, "usual"));
            let pool = Pool::connect(vec![launch], &gate(), patient()).await.unwrap();
            assert_eq!(pool.servers().len(), 1, "{:?}", pool.failures());
            pool.close().await.unwrap();
            assert_eq!(look(&mark), Vec::<String>::new(), "{words:?}");
        });
    }
}

/// The processes that are children of this one.
fn children() -> Vec<String> {
    let own = std::process::id().to_string();
    let folders = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = folders.filter_map(|folder| std::fs::read_to_string(folder.path().join("stat")).ok());
    let parent = |stat: &str| stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1).map(str::to_owned);
    stats.filter(|stat| parent(stat).as_deref() == Some(&own)).collect()
}

/// Run by the tests below, in a process with no other children, or with one that it had before.
pub(crate) fn sweeping(has_other: bool) {
    let mark = Mark::new("sweep");
    let mut options = patient();
    options.only_children = true;
    // A shell that becomes this program leaves it the children it had.
    let mut earlier =
        has_other.then(|| Command::new(exe()).args([SERVE, "sleeper"]).stdin(Stdio::null()).spawn().unwrap());
    let others = usize::from(has_other);
    wait(async {
        let launch = server("a", &mark, &["bare-orphan", "usual"]);
        let pool = Pool::connect(vec![launch], &gate(), options.clone()).await.unwrap();
        assert_eq!(pool.servers().len(), 1, "{:?}", pool.failures());
        assert_eq!(children().len(), 2 + others, "the server, and what it forsook: {:?}", children());
        pool.close().await.unwrap();
    });
    // It cannot be told from an orphan of the other child's.
    assert_eq!(children().len(), 2 * others, "{:?}", children());
    if let Some(earlier) = &mut earlier {
        assert!(earlier.try_wait().unwrap().is_none(), "it runs still");
        for child in children() {
            let pid = child.split_once(' ').unwrap().0.parse().unwrap();
            if Pid::from_raw(pid) != Some(Pid::from_child(earlier)) {
                kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
            }
        }
        while !children().iter().any(|child| child.contains(") Z ")) {
            std::thread::sleep(Duration::from_millis(1));
        }
        // What ends is let go of by the next pool.
        let mark = Mark::new("sweep");
        wait(async {
            let launch = server("a", &mark, &["usual"]);
            Pool::connect(vec![launch], &gate(), options).await.unwrap().close().await.unwrap();
        });
        assert_eq!(children().len(), 1, "{:?}", children());
        earlier.kill().unwrap();
        earlier.wait().unwrap();
    }
}

fn sweeps(word: &str) {
    let swept = Command::new(exe()).arg(word).stderr(Stdio::piped()).output().unwrap();
    assert!(swept.status.success(), "{}", String::from_utf8_lossy(&swept.stderr));
}

pub(crate) fn s8_what_shed_every_mark_is_swept_by_a_process_of_no_other_children() {
    sweeps("sweep");
}

pub(crate) fn s8_nothing_is_swept_where_there_was_a_child_before() {
    sweeps("sweep-nothing");
}

pub(crate) fn s8_children_of_the_process_itself_are_let_alone() {
    let mut own = Command::new(exe()).args([SERVE, "sleeper"]).stdin(Stdio::null()).spawn().unwrap();
    let mark = Mark::new("alone");
    wait(async {
        let launch = server("a", &mark, &["orphan", "family", "usual"]);
        let pool = Pool::connect(vec![launch], &gate(), patient()).await.unwrap();
        pool.close().await.unwrap();
    });
    assert_eq!(survivors(&mark), Vec::<String>::new());
    assert!(own.try_wait().unwrap().is_none(), "it runs still");
    own.kill().unwrap();
    own.wait().unwrap();
}
