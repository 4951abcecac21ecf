//! A writer killed at any instant (rule 9): the file is whole, the lock is free, and the next write
//! leaves no litter.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod sure_support;

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use sure_support::{Agent, DOCUMENT, Random, SEEDED};

const TRIALS: u32 = 200;
const INSTALL: &str = "install victim --command npx --arg x --env T=$T";

/// The document before and after an install that nobody disturbs.
struct Expected {
    old: String,
    new: String,
}

/// What was seen over all trials.
#[derive(Debug, Default)]
struct Seen {
    killed: u32,
    killed_with_new_text: u32,
    killed_with_litter: u32,
}

/// Installs, killing the writer when `wait` returns, and sees that every promise holds.
fn trial(expected: &Expected, seen: &mut Seen, wait: impl FnOnce(&Agent)) {
    let agent = Agent::with(&expected.old);
    let mut child = agent.command(INSTALL).spawn().unwrap();
    wait(&agent);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    let text = agent.text();
    note(seen, &agent, status, text == expected.new);
    assert!(text == expected.old || text == expected.new, "neither the old text nor the new one: {text:?}");
    if status.success() {
        assert_eq!(text, expected.new, "a success was reported");
    }
    agent.assert_lock_is_free();
    agent.succeed("install next --command uvx -o lock_timeout=5");
    agent.assert_no_litter();
    assert!(agent.text().starts_with(&text) && agent.names().contains(&"next".to_owned()));
    agent.assert_on_record_but(&SEEDED);
}

fn note(seen: &mut Seen, agent: &Agent, status: ExitStatus, is_new: bool) {
    if status.signal() == Some(9) {
        seen.killed += 1;
        seen.killed_with_new_text += u32::from(is_new);
        seen.killed_with_litter += u32::from(agent.has_temporary(".part") || agent.has_temporary(".swap"));
    }
}

fn undisturbed() -> (Expected, Duration) {
    let mut lifetimes = Vec::new();
    let mut new = String::new();
    for _ in 0..15 {
        let agent = Agent::with(DOCUMENT);
        let start = Instant::now();
        agent.succeed(INSTALL);
        lifetimes.push(start.elapsed());
        new = agent.text();
    }
    lifetimes.sort();
    (Expected { old: DOCUMENT.to_owned(), new }, lifetimes[lifetimes.len() / 2])
}

#[test]
fn killed_at_any_instant() {
    let (expected, lifetime) = undisturbed();
    let lifetime = u64::try_from(lifetime.as_nanos()).unwrap();
    let (mut random, mut seen) = (Random(1), Seen::default());
    for _ in 0..TRIALS {
        let delay = Duration::from_nanos(random.below(lifetime));
        trial(&expected, &mut seen, |_| std::thread::sleep(delay));
    }
    eprintln!("{TRIALS} trials over {lifetime} ns: {seen:?}");
    assert!(seen.killed >= TRIALS / 4, "the kills came too late to say anything: {seen:?}");
}

/// The same, aimed at the instants that matter: from the first sight of a temporary file on.
#[test]
fn killed_while_it_writes() {
    let (expected, _) = undisturbed();
    let (mut random, mut seen) = (Random(2), Seen::default());
    for i in 0..TRIALS {
        let ending = if i % 2 == 0 { ".part" } else { ".swap" };
        let spin = Duration::from_nanos(random.below(200_000));
        trial(&expected, &mut seen, |agent| agent.await_temporary(ending, spin));
    }
    eprintln!("{TRIALS} aimed trials: {seen:?}");
    assert!(seen.killed_with_litter >= TRIALS / 20, "no kill hit a writer between its files: {seen:?}");
}
