//! The suite's own test: it passes what is right and catches what is wrong, by the right rule.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::time::Duration;

use mcp_registry_conformance::mock::{MockFixture, MockStorage};
use mcp_registry_conformance::mutants::{MutantFixture, Mutation};
use mcp_registry_conformance::{Case, Fixture, Outcome, Suite, cases};
use mcp_registry_spec::Capabilities;

async fn run(fixture: impl Fixture + 'static) -> Vec<(&'static Case, Outcome)> {
    let suite = Suite::new(fixture, "conformance-test").unwrap();
    let mut outcomes = Vec::new();
    for case in cases() {
        outcomes.push((case, suite.run(case).await));
    }
    outcomes
}

fn failed(outcomes: &[(&'static Case, Outcome)]) -> Vec<String> {
    let message = |(case, outcome): &(&'static Case, Outcome)| match outcome {
        Outcome::Failed(why) => Some(format!("{}: {why}", case.name)),
        _ => None,
    };
    outcomes.iter().filter_map(message).collect()
}

fn ignored(outcomes: &[(&'static Case, Outcome)]) -> Vec<&'static str> {
    outcomes.iter().filter(|(_, o)| matches!(o, Outcome::Ignored(_))).map(|(case, _)| case.name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_mock_passes_everything() {
    let outcomes = run(MockFixture::new()).await;
    assert_eq!(failed(&outcomes), [""; 0]);
    assert_eq!(
        ignored(&outcomes),
        [
            "rule_03_durable_entries_are_there_when_opened_again",
            "rule_04_the_backend_s_own_credentials_show_nowhere",
            "rule_09_installs_of_one_name_by_several_processes_have_one_winner",
            "rule_09_installs_of_different_names_by_several_processes_all_win",
            "rule_22_the_registration_is_found_by_id_and_scheme",
            "rule_22_unknown_options_are_refused",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_the_mock_allows_it_passes() {
    for bits in 0..16 {
        let mut capabilities = Capabilities::read_only().volatile();
        capabilities.supports_install = bits & 1 != 0;
        capabilities.supports_update = bits & 2 != 0;
        capabilities.supports_uninstall = bits & 4 != 0;
        capabilities.supports_audit = bits & 8 != 0;
        let fixture = MockFixture::on(MockStorage::with_capabilities(capabilities));
        let outcomes = run(fixture).await;
        assert_eq!(failed(&outcomes), [""; 0], "{capabilities:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_mutant_is_caught_by_the_right_rule() {
    let mut missed = Vec::new();
    for &mutation in Mutation::ALL {
        // Only the one that hangs is to come near the deadline.
        let deadline = Duration::from_secs(if mutation == Mutation::HangsOnClose { 1 } else { 60 });
        let suite =
            Suite::builder(MutantFixture::new(mutation), "conformance-test").deadline(deadline).build().unwrap();
        let mut failures = Vec::new();
        // Other rules may suffer too; they do not count.
        for case in cases().filter(|case| case.rule == mutation.rule()) {
            if let Outcome::Failed(why) = suite.run(case).await {
                failures.push(format!("  {}: {why}", case.name));
            }
        }
        println!("{mutation:?}\n{}", failures.join("\n"));
        if failures.is_empty() {
            missed.push(mutation);
        }
    }
    assert_eq!(missed, [], "the suite does not catch these by their rules");
}

/// A fixture with no hook at all.
struct Bare(MockFixture);

impl Fixture for Bare {
    fn open(&self, scope: &mcp_registry_spec::Scope) -> mcp_registry_spec::Result<mcp_registry_conformance::Backend> {
        self.0.open(scope)
    }
    fn backend_id(&self) -> &str {
        self.0.backend_id()
    }
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_missing_hook_is_ignored_with_its_reason_and_never_passed() {
    let outcomes = run(Bare(MockFixture::new())).await;
    assert_eq!(failed(&outcomes), [""; 0]);
    for (case, outcome) in &outcomes {
        if case.name.starts_with("rule_17_") {
            assert_eq!(*outcome, Outcome::Ignored("the fixture has no break_entry".to_owned()), "{}", case.name);
        }
    }
    let read_only = MockStorage::with_capabilities(Capabilities::read_only().volatile());
    let outcomes = run(Bare(MockFixture::on(read_only))).await;
    assert_eq!(failed(&outcomes), [""; 0]);
    let stored = outcomes.iter().find(|(c, _)| c.name == "rule_14_arguments_come_back").unwrap();
    assert_eq!(stored.1, Outcome::Ignored("the fixture has no seed".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cases_leave_nothing_and_reading_cases_write_nothing() {
    let storage = MockStorage::new();
    let suite = Suite::new(MockFixture::on(storage.clone()), "conformance-test").unwrap();
    let scopes = async || {
        let any = mcp_registry_spec::Scope::parse("any").unwrap();
        mcp_registry_spec::McpServerRegistryBackend::scopes(&storage.open(&any)).await.unwrap()
    };
    for case in cases().filter(|c| !c.writes) {
        suite.run(case).await;
    }
    assert_eq!(scopes().await, [], "reading cases wrote something");
    for case in cases().filter(|c| c.writes) {
        suite.run(case).await;
        assert!(scopes().await.iter().all(|s| s.as_str().starts_with("conformance-test-")), "{}", case.name);
    }
    assert_eq!(scopes().await, [], "a case that passed left something");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clean_up_removes_what_failed_cases_left() {
    let suite = Suite::new(MutantFixture::new(Mutation::DropsExtraKeys), "conformance-test").unwrap();
    let case = cases().find(|c| c.name == "rule_14_extra_keys_come_back").unwrap();
    assert!(matches!(suite.run(case).await, Outcome::Failed(_)));
    suite.clean_up().await.unwrap();
    // The same scope is free again: the case fails by what it is about, not by what is there.
    let Outcome::Failed(why) = suite.run(case).await else { panic!("it failed before") };
    assert!(!why.contains("already_installed"), "{why}");
}
