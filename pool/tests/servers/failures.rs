use std::sync::Arc;
use std::time::Duration;

use mcp_registry_pool::{Cause, Exit, Failure, Gate, Options, Phase, Pool, Seen, Verifier};
use mcp_registry_spec::{Error, ErrorKind, FixedEnvironment, McpServerSpec};
use mcp_registry_test_server::{Mark, look, survivors};
use serde_json::json;

use crate::support::{failure_of, gate, hanging_in, patient, server, wait};

/// How a server of that kind fails; what it started is gone then.
fn fails(test: &str, words: &[&str]) -> Failure {
    fails_in(test, words, patient())
}

fn fails_in(test: &str, words: &[&str], options: Options) -> Failure {
    let mark = Mark::new(test);
    let failure = wait(failure_of(server("a", &mark, words), options));
    assert_eq!(look(&mark), Vec::<String>::new(), "nothing is left when the failure is told: {words:?}");
    failure
}

pub(crate) fn s5_each_phase_has_its_time() {
    for (words, phase) in [(["hang"], Phase::Initialize), (["deaf"], Phase::Initialize), (["hang-after"], Phase::List)]
    {
        let failure = fails_in("times", &words, hanging_in(phase));
        assert_eq!((failure.phase, failure.cause, failure.exit), (phase, Cause::TimedOut, None), "{failure:?}");
        assert!(failure.message.contains("within 1.5s"), "{failure}");
    }
}

pub(crate) fn s9_of_much_that_was_said_the_end_is_kept() {
    // Long enough for a busy machine to start it, and for more to be said than is kept.
    let mut options = patient();
    options.timeouts.initialize = Duration::from_secs(8);
    let failure = fails_in("much", &["deaf"], options);
    assert!(failure.stderr.contains("still here") && (3000..=4096).contains(&failure.stderr.len()), "{failure:?}");
}

pub(crate) fn s9_a_death_is_told_with_its_code_and_last_words() {
    let failure = fails("death", &["die", "3"]);
    assert_eq!((failure.phase, failure.cause), (Phase::Initialize, Cause::Exited));
    assert_eq!(failure.exit, Some(Exit::Code(3)));
    assert_eq!(failure.stderr, "cannot open \\u{1b}[31mthe door\\u{1b}[0m with ***");
    assert_eq!(failure.message, "it ended with exit code 3 before it answered \"initialize\"");

    let failure = fails("death", &["die-after", "4"]);
    assert_eq!((failure.phase, failure.cause, failure.exit), (Phase::List, Cause::Exited, Some(Exit::Code(4))));
}

pub(crate) fn s9_a_death_is_told_where_a_child_holds_the_output() {
    let failure = fails_in("held", &["family", "die-after", "4"], hanging_in(Phase::List));
    assert_eq!((failure.phase, failure.cause), (Phase::List, Cause::Exited));
    assert_eq!(failure.exit, Some(Exit::Code(4)));
    assert_eq!(failure.message, "it ended with exit code 4; what it started holds its output");
}

pub(crate) fn s10_what_is_no_message_is_a_failure() {
    let failure = fails("garbage", &["garbage"]);
    assert_eq!((failure.phase, failure.cause), (Phase::Initialize, Cause::Garbage));
    assert!(failure.message.contains("standard output") && failure.message.contains("Listening on"), "{failure}");
}

pub(crate) fn s10_bounds_hold() {
    let failure = fails("bounds", &["flood"]);
    assert_eq!((failure.phase, failure.cause), (Phase::Initialize, Cause::TooLarge), "{failure}");
    let failure = fails("bounds", &["pings"]);
    assert_eq!((failure.phase, failure.cause), (Phase::List, Cause::Protocol), "{failure}");
    assert!(failure.message.contains("took no answer"), "{failure}");
    let failure = fails("bounds", &["circle"]);
    assert_eq!((failure.phase, failure.cause), (Phase::List, Cause::Protocol), "{failure}");
}

pub(crate) fn s5_a_server_may_refuse() {
    let failure = fails("refuse", &["refuse"]);
    assert_eq!((failure.phase, failure.cause), (Phase::Initialize, Cause::Refused), "{failure}");
    assert!(failure.message.contains("-32000: no, not with ***"), "{failure}");
    let failure = fails("version", &["version", "1999-12-31"]);
    assert_eq!((failure.phase, failure.cause), (Phase::Initialize, Cause::Protocol), "{failure}");
    assert!(failure.message.contains("1999-12-31"), "{failure}");
}

pub(crate) fn s5_what_cannot_be_started_says_so() {
    for command in ["no-such-command-anywhere", "/nowhere/at/all", "/etc/passwd"] {
        let spec = McpServerSpec::from_json(json!({"name": "a", "command": command})).unwrap();
        let launch = spec.resolve(&FixedEnvironment::new()).unwrap();
        let gate = Gate::new(Some(vec![command.to_owned()]));
        let pool = wait(Pool::connect(vec![launch], &gate, patient())).unwrap();
        let failure = &pool.failures()[0];
        assert_eq!((failure.phase, failure.cause), (Phase::Spawn, Cause::NotStarted), "{failure}");
        assert!(failure.message.contains(command), "{failure}");
    }
}

pub(crate) fn s1_what_the_gate_refuses_stops_everything() {
    let mark = Mark::new("gate");
    let good = server("good", &mark, &["usual"]);
    let mut bad = server("bad", &mark, &["usual"]);
    let refused = |launches, gate: Gate| wait(Pool::connect(launches, &gate, patient())).unwrap_err();
    assert_eq!(refused(vec![good.clone(), bad.clone()], Gate::default()).kind(), ErrorKind::CommandNotAllowed);
    assert_eq!(refused(vec![good.clone()], Gate::new(Some(Vec::new()))).kind(), ErrorKind::CommandNotAllowed);
    let judged = gate().judged_by(|launch| match launch.name.as_str() {
        "bad" => Err(Error::new(ErrorKind::Forbidden, "the policy denies this")),
        _ => Ok(()),
    });
    assert_eq!(refused(vec![good.clone(), bad.clone()], judged).kind(), ErrorKind::Forbidden);
    let spec = McpServerSpec::from_json(json!({"name": "bad", "url": "http://example.org/mcp"})).unwrap();
    bad = spec.resolve(&FixedEnvironment::new()).unwrap();
    assert_eq!(refused(vec![good, bad], gate()).kind(), ErrorKind::InsecureTransport);
    assert_eq!(look(&mark), Vec::<String>::new());
}

pub(crate) fn s13_a_verifier_has_the_last_word() {
    struct Suspicious;
    impl Verifier for Suspicious {
        fn verify(&self, seen: &Seen<'_>) -> mcp_registry_spec::Result<()> {
            assert_eq!(seen.info.instructions.as_deref(), Some("be careful"));
            match seen.tools.iter().find(|tool| tool.name == "evil") {
                Some(tool) => Err(Error::new(ErrorKind::Conflict, format!("the tool {} is new", tool.name))),
                None => Ok(()),
            }
        }
    }
    let mark = Mark::new("verifier");
    let launches = vec![server("good", &mark, &["tools", "b"]), server("bad", &mark, &["tools", "b", "evil"])];
    let mut options = patient();
    options.verifier = Some(Arc::new(Suspicious));
    wait(async {
        let pool = Pool::connect(launches, &gate(), options).await.unwrap();
        assert_eq!(pool.tools().map(|tool| tool.qualified()).collect::<Vec<_>>(), ["good__b"]);
        let failure = &pool.failures()[0];
        assert_eq!((failure.name.as_str(), failure.phase, failure.cause), ("bad", Phase::Verify, Cause::Differs));
        assert_eq!(failure.message, "the tool evil is new");
        pool.close().await.unwrap();
    });
    assert_eq!(survivors(&mark), Vec::<String>::new());
}
