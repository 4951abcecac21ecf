//! An editor that knows nothing of the lock saves between a writer's read and its swap: neither
//! side's text is lost.
//!
//! The writer is stopped (SIGSTOP) at the sight of its temporary file, the editor saves, the writer
//! goes on. So it is known who was first, and rounds land everywhere between the two.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod sure_support;

use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use sure_support::{Agent, Random};

const ROUNDS: u32 = 100;

/// A document so large that looking at it takes a while. Its mark stands at the top and is always of
/// the same length: a writer that is already past it does not see it change.
fn document(mark: u32) -> String {
    format!("# Mark {mark:08}\n\n{}", "Prose of the owner, which nothing may touch.\n".repeat(3_000))
}

#[derive(Clone, Copy, Debug)]
enum Saving {
    InPlace,
    ByRename,
}

impl Saving {
    fn save(self, agent: &Agent, text: &str) {
        match self {
            Self::InPlace => std::fs::write(agent.document(), text).unwrap(),
            Self::ByRename => {
                let draft = agent.home().join("draft");
                std::fs::write(&draft, text).unwrap();
                std::fs::rename(draft, agent.document()).unwrap();
            }
        }
    }
}

/// Stops the child; says whether it was still there to be stopped.
fn stop(child: &Child) -> bool {
    let pid = Pid::from_child(child);
    kill_process(pid, Signal::STOP).unwrap();
    // Only looks: the child's end is left to `Child::wait`.
    let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(pid), options).unwrap().is_some_and(|status| status.stopped())
}

fn resume(mut child: Child) -> ExitStatus {
    kill_process(Pid::from_child(&child), Signal::CONT).unwrap();
    child.wait().unwrap()
}

/// Where the editor's saves landed.
#[derive(Debug, Default)]
struct Landed {
    between_read_and_swap: u32,
    after_the_swap: u32,
    after_the_end: u32,
}

/// One install and one save, in a known order.
fn round(saving: Saving, ending: &str, spin: Duration, landed: &mut Landed) {
    let (old, mark) = (document(0), document(1));
    let agent = Agent::with(&old);
    let child = agent.command("install ours --command npx -o lock_timeout=20").spawn().unwrap();
    agent.await_temporary(ending, spin);
    let is_there = stop(&child);
    let found = agent.text();
    let is_writing = agent.has_temporary(".part") || agent.has_temporary(".swap");
    let saved = found.replacen(&old, &mark, 1);
    saving.save(&agent, &saved);
    assert!(resume(child).success());
    let end = agent.text();
    let has_ours = agent.names() == ["ours"];
    let where_it_landed = if found == old {
        assert!(is_writing, "the writer was stopped before it read");
        &mut landed.between_read_and_swap
    } else if is_there {
        &mut landed.after_the_swap
    } else {
        &mut landed.after_the_end
    };
    *where_it_landed += 1;
    assert!(end.starts_with(&mark), "the editor's text is lost ({saving:?}, {ending}, {spin:?})");
    assert!(has_ours, "the writer's entry is lost ({saving:?}, {ending}, {spin:?})");
    if found != old {
        assert_eq!(end, saved, "nobody wrote after the editor");
    }
    agent.succeed("uninstall ours");
    assert_eq!(agent.text(), mark);
    agent.assert_no_litter();
}

fn rounds(saving: Saving) {
    let (mut random, mut landed) = (Random(3), Landed::default());
    for i in 0..ROUNDS {
        let (ending, most) = if i % 2 == 0 { (".part", 2_000_000) } else { (".swap", 200_000) };
        round(saving, ending, Duration::from_nanos(random.below(most)), &mut landed);
    }
    eprintln!("{saving:?}: {landed:?}");
    assert!(landed.between_read_and_swap >= ROUNDS / 20, "hardly a save came between read and swap: {landed:?}");
}

#[test]
fn an_editor_that_saves_in_place() {
    rounds(Saving::InPlace);
}

#[test]
fn an_editor_that_saves_by_rename() {
    rounds(Saving::ByRename);
}

/// The same with nobody stopped, so that saves land in the middle of each other's system calls. Who
/// was last is not known, so the writer's entry may be gone where the editor saved over it; the
/// editor's text must be there, whole.
fn free_rounds(saving: Saving) {
    let mut random = Random(4);
    let mut both = 0;
    for i in 0..ROUNDS {
        let agent = Agent::with(&document(0));
        let mut child = agent.command("install ours --command npx -o lock_timeout=20").spawn().unwrap();
        let spin = Duration::from_nanos(random.below(300_000));
        agent.await_temporary(if i % 2 == 0 { ".part" } else { ".swap" }, spin);
        saving.save(&agent, &document(1));
        assert!(child.wait().unwrap().success());
        let end = agent.text();
        assert!(end.starts_with(&document(1)), "the editor's text is lost ({saving:?}, {spin:?})");
        both += u32::from(end != document(1));
    }
    eprintln!("{saving:?}, free: both texts in {both} of {ROUNDS} rounds");
}

#[test]
fn an_editor_that_saves_in_place_at_full_speed() {
    free_rounds(Saving::InPlace);
}

#[test]
fn an_editor_that_saves_by_rename_at_full_speed() {
    free_rounds(Saving::ByRename);
}
