//! `list` and `show` as whole processes, beside an empty program and beside peers.
//!
//! `cargo bench --bench processes`; `benches/README.md` says how peers are installed.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, clippy::panic)]

mod contestants;
mod program;
#[path = "../support"]
mod support {
    pub(crate) mod bench;
    pub(crate) mod documents;
    pub(crate) mod empty;
    pub(crate) mod show;
}

use std::io;
use std::process::Command;
use std::time::Duration;

use contestants::{Contestant, Stage, Task};
use program::{Sample, measure, servers_named};
use support::bench::{Plan, median};
use support::show::millis;

/// What is known of a contestant on a stage.
#[derive(Clone, Copy)]
enum Outcome {
    NotInstalled,
    Failed,
    Took(Sample),
}

/// A contestant in the race.
struct Racer {
    command: Command,
    repeats: usize,
    samples: Vec<Sample>,
}

fn main() -> io::Result<()> {
    let plan = Plan::announced("Whole processes: time and peak memory");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let contestants = contestants::all(folder.path())?;
    let sizes: &[usize] = if plan.quick { &[10, 1_000] } else { &[10, 1_000, 10_000, 100_000] };
    let mut columns = Vec::new();
    for count in sizes {
        let stage = Stage::set(folder.path().join(count.to_string()), *count)?;
        columns.push(race(plan, &contestants, &stage));
    }

    println!("| servers | {} |", sizes.iter().map(|count| thousands(*count)).collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "---:|".repeat(sizes.len()));
    for (i, contestant) in contestants.iter().enumerate() {
        let cells: Vec<_> = columns.iter().map(|column| cell(column[i])).collect();
        println!("| {} | {} |", contestant.label, cells.join(" | "));
    }
    println!();
    if let [ten, _, ten_thousand, hundred_thousand] = columns.as_slice() {
        targets(ten, ten_thousand, hundred_thousand);
    }
    Ok(())
}

/// Measures everybody in turn, so that what else the machine does falls on all of them.
fn race(plan: Plan, contestants: &[Contestant], stage: &Stage) -> Vec<Outcome> {
    let mut racers: Vec<_> = contestants.iter().map(|contestant| prepared(plan, contestant, stage)).collect();
    let rounds = racers.iter().flatten().map(|racer| racer.repeats).max().unwrap_or(0);
    for round in 0..rounds {
        for racer in racers.iter_mut().flatten().filter(|racer| round < racer.repeats) {
            racer.samples.push(measure(&mut racer.command).unwrap());
        }
    }
    let outcome = |racer: Result<Racer, Outcome>| match racer {
        Err(outcome) => outcome,
        Ok(Racer { samples, .. }) => Outcome::Took(Sample {
            wall: median(samples.iter().map(|sample| sample.wall).collect()),
            peak: median(samples.iter().map(|sample| sample.peak).collect()),
        }),
    };
    racers.into_iter().map(outcome).collect()
}

/// A contestant that was seen to do what is asked of it.
fn prepared(plan: Plan, contestant: &Contestant, stage: &Stage) -> Result<Racer, Outcome> {
    let mut command = contestant.command(stage).ok_or(Outcome::NotInstalled)?;
    let named = servers_named(&mut command, &stage.folder.join("output"), stage.count).unwrap();
    let first = measure(&mut command);
    let done = match contestant.task {
        Task::Nothing => true,
        Task::List => named.iter().all(|named| *named),
        Task::Show => named[stage.server],
    };
    match first {
        Ok(first) if done => Ok(Racer { command, repeats: plan.repeats(first.wall), samples: Vec::new() }),
        first => {
            let why = first.err().map_or("its output lacks servers".to_owned(), |error| error.to_string());
            let what = format!("{} of {} servers: {why}", contestant.label, stage.count);
            assert!(contestant.is_peer, "{what}");
            eprintln!("{what}");
            Err(Outcome::Failed)
        }
    }
}

fn cell(outcome: Outcome) -> String {
    match outcome {
        Outcome::NotInstalled => "not installed".to_owned(),
        Outcome::Failed => "failed".to_owned(),
        Outcome::Took(sample) => format!("{}, {}", millis(sample.wall), mebibytes(sample.peak)),
    }
}

fn thousands(count: usize) -> String {
    if count < 1_000 { count.to_string() } else { format!("{},{:03}", count / 1_000, count % 1_000) }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// What was to be reached, and what was.
fn targets(ten: &[Outcome], ten_thousand: &[Outcome], hundred_thousand: &[Outcome]) {
    let [Some((empty, few)), Some((_, many)), Some((_, most))] =
        [ten, ten_thousand, hundred_thousand].map(empty_and_list)
    else {
        return;
    };
    println!("| to reach | measured |\n|---|---:|");
    let over = few.json.wall.saturating_sub(empty.wall);
    println!("| 10 servers within 1.5 ms of the empty program | {} |", millis(over));
    println!("| 10,000 as JSON within 15 ms and 25 MiB | {}, {} |", millis(many.json.wall), mebibytes(many.json.peak));
    println!("| 10,000 as a table within 25 ms | {} |", millis(many.table.wall));
    let growth = |most: Duration, many: Duration| most.as_secs_f64() / many.as_secs_f64();
    let (json, table) = (growth(most.json.wall, many.json.wall), growth(most.table.wall, many.table.wall));
    println!(
        "| growth linear: 100,000 take ten times as long as 10,000 | {json:.1} times (JSON), {table:.1} times (table) |\n"
    );
}

/// A listing in its two forms.
struct Lists {
    json: Sample,
    table: Sample,
}

fn empty_and_list(column: &[Outcome]) -> Option<(Sample, Lists)> {
    match column {
        [Outcome::Took(empty), Outcome::Took(json), Outcome::Took(table), ..] => {
            Some((*empty, Lists { json: *json, table: *table }))
        }
        _ => None,
    }
}
