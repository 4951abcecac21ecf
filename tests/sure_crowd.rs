//! Many processes writing at once (rule 9): of different names all win, of one name one does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod sure_support;

use std::process::{Child, Output};

use sure_support::{Agent, DOCUMENT, SEEDED, error_of};

const CROWD: usize = 200;

/// Starts all of them before it waits for any.
fn at_once(agent: &Agent, commands: impl Iterator<Item = String>) -> Vec<Output> {
    let children: Vec<Child> =
        commands.map(|c| agent.command(&format!("{c} --format json -o lock_timeout=300")).spawn().unwrap()).collect();
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn seeded() -> impl Iterator<Item = String> {
    SEEDED.into_iter().map(str::to_owned)
}

#[test]
fn of_different_names_none_is_lost() {
    let agent = Agent::with(DOCUMENT);
    let outputs = at_once(&agent, (0..CROWD).map(|i| format!("install s{i} --command c{i}")));
    assert!(outputs.iter().all(|o| o.status.success()), "{outputs:?}");
    assert_eq!(agent.names(), sorted(seeded().chain((0..CROWD).map(|i| format!("s{i}")))));
    assert!(agent.text().starts_with(DOCUMENT));
    agent.assert_no_litter();
    agent.assert_on_record_but(&SEEDED);
}

#[test]
fn of_one_name_one_wins() {
    let agent = Agent::with(DOCUMENT);
    let outputs = at_once(&agent, (0..CROWD).map(|i| format!("install one --command c{i}")));
    let (winners, losers): (Vec<_>, Vec<_>) = outputs.iter().enumerate().partition(|(_, o)| o.status.success());
    assert_eq!(winners.len(), 1);
    for (_, output) in losers {
        let (kind, message, retryable) = error_of(output);
        assert_eq!((kind.as_str(), retryable), ("already_installed", false), "{message}");
        assert!(output.stdout.is_empty());
    }
    let shown = agent.succeed("show one --format json").stdout;
    let shown: serde_json::Value = serde_json::from_slice(&shown).unwrap();
    assert_eq!(shown["command"], format!("c{}", winners[0].0), "the entry is the winner's");
    agent.assert_no_litter();
    agent.assert_on_record_but(&SEEDED);
}

/// The file is not there yet: its first writers are as careful as the later ones.
#[test]
fn the_first_writers_of_a_new_file() {
    let agent = Agent::with("");
    std::fs::remove_file(agent.document()).unwrap();
    let outputs = at_once(&agent, (0..50).map(|i| format!("install s{i} --command c")));
    assert!(outputs.iter().all(|o| o.status.success()), "{outputs:?}");
    assert_eq!(agent.names(), sorted((0..50).map(|i| format!("s{i}"))));
    agent.assert_no_litter();
    agent.assert_on_record_but(&[]);
}

#[test]
fn installs_among_uninstalls() {
    let half = CROWD / 2;
    let old: String = (0..half).map(|i| format!("\n## old{i}\ncommand: c\n")).collect();
    let agent = Agent::with(&format!("{DOCUMENT}{old}"));
    let commands = (0..half).flat_map(|i| [format!("install new{i} --command c"), format!("uninstall old{i}")]);
    let outputs = at_once(&agent, commands);
    assert!(outputs.iter().all(|o| o.status.success()), "{outputs:?}");
    assert_eq!(agent.names(), sorted(seeded().chain((0..half).map(|i| format!("new{i}")))));
    assert!(agent.text().starts_with(DOCUMENT));
    agent.assert_no_litter();
}

#[test]
fn installs_and_uninstalls_of_one_name() {
    let agent = Agent::with(DOCUMENT);
    let commands = (0..CROWD).map(|i| if i % 2 == 0 { "install one --command c" } else { "uninstall one" }.to_owned());
    for (i, output) in at_once(&agent, commands).iter().enumerate() {
        if !output.status.success() {
            assert_eq!((i % 2, error_of(output).0.as_str()), (0, "already_installed"));
        }
    }
    agent.assert_on_record_but(&SEEDED);
    agent.succeed("uninstall one");
    assert_eq!(agent.text(), DOCUMENT);
    agent.assert_no_litter();
}
