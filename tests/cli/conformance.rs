//! The suite, from the command line.

#[path = "../service_support/mod.rs"]
mod service;

use std::io::Read;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::sandbox::Sandbox;
use service::Service;

/// A sandbox with the folder `agents`, and the command on it.
fn check(args: &[&str]) -> (Sandbox, Output) {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("agents")).unwrap();
    let output = sandbox.output(&[&["conformance", "--backend", "filesystem:agents"], args].concat());
    (sandbox, output)
}

/// Reads a report, and holds its counts against its cases.
fn report(stdout: &[u8]) -> Value {
    let report: Value = serde_json::from_slice(stdout).unwrap();
    let cases = report["cases"].as_array().unwrap();
    for word in ["passed", "failed", "ignored"] {
        let count = cases.iter().filter(|case| case["outcome"] == word).count();
        assert_eq!(report["summary"][word], count, "{word}: {report:#}");
    }
    report
}

fn count(report: &Value, word: &str) -> u64 {
    report["summary"][word].as_u64().unwrap()
}

fn assert_empty(sandbox: &Sandbox, folder: &str) {
    let left: Vec<_> = std::fs::read_dir(sandbox.path(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn without_leave_it_reads_only_and_says_what_it_left_out() {
    let (sandbox, output) = check(&["--format", "json"]);
    assert!(output.status.success(), "{output:?}");
    let report = report(&output.stdout);
    assert_eq!((&report["ok"], count(&report, "failed")), (&Value::Bool(true), 0), "{report:#}");
    assert!(count(&report, "passed") > 10 && count(&report, "left_out") > 50, "{report:#}");
    assert_empty(&sandbox, "agents");
    let (_, output) = check(&["rule_16"]);
    assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn with_leave_it_runs_everything_and_leaves_nothing() {
    let (sandbox, output) = check(&["--allow-writes", "--format", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let report = report(&output.stdout);
    assert_eq!(["failed", "left_out", "not_run"].map(|word| count(&report, word)), [0, 0, 0], "{report:#}");
    let processes = |case: &&Value| case["case"].as_str().unwrap().contains("several_processes");
    let processes: Vec<_> = report["cases"].as_array().unwrap().iter().filter(processes).collect();
    assert!(!processes.is_empty() && processes.iter().all(|case| case["outcome"] == "passed"), "{processes:?}");
    assert_empty(&sandbox, "agents");
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let shape = [keys(&report), keys(&report["summary"]), keys(&report["cases"][0])];
    assert_snapshot!(shape.join("\n"));
}

#[test]
fn what_is_not_the_suites_stays() {
    let sandbox = Sandbox::new();
    let others = ["agents/scout/mcp.md", "agents/conformance-mine/mcp.md"];
    others.iter().for_each(|path| sandbox.write(path, "## a\n\ncommand: npx\n"));
    let output = sandbox.output(&["conformance", "--backend", "filesystem:agents", "--allow-writes", "rule_18"]);
    assert!(output.status.success(), "{output:?}");
    for path in others {
        assert_eq!(sandbox.read(path), "## a\n\ncommand: npx\n");
    }
    assert_eq!(std::fs::read_dir(sandbox.path("agents")).unwrap().count(), others.len());
}

#[test]
fn junit_is_well_formed_and_of_this_command_only() {
    let (sandbox, output) = check(&["--allow-writes", "rule_07", "rule_21", "--format", "junit"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let of = |tag: &'static str| document.descendants().filter(move |node| node.has_tag_name(tag));
    let suite = of("testsuite").next().unwrap();
    assert_eq!(suite.attribute("tests").unwrap(), of("testcase").count().to_string());
    assert_eq!(suite.attribute("skipped").unwrap(), of("skipped").count().to_string());
    assert!(of("testcase").any(|case| case.attribute("classname") == Some("rule_21")), "{text}");
    assert!(of("skipped").all(|skipped| !skipped.attribute("message").unwrap().is_empty()), "{text}");
    assert_empty(&sandbox, "agents");
    let before = sandbox.output(&["--format", "junit", "conformance", "--backend", "filesystem:agents", "rule_16"]);
    assert!(before.status.success(), "{before:?}");
    assert!(roxmltree::Document::parse(&String::from_utf8(before.stdout).unwrap()).is_ok());
    assert_snapshot!(sandbox.session(&[
        &["list", "--format", "junit"],
        &["--format", "junit", "list"],
        &["--format", "junit", "backends"],
        &["install", "a", "--command", "npx", "--format", "junit"],
        &["conformance", "--format", "jnuit"],
        &["conformance", "--format", "json", "no_such_case"],
        &["conformance", "rule_17"],
    ]));
}

#[test]
fn a_backend_that_breaks_a_rule_fails() {
    let sandbox = Sandbox::new();
    // No folder of agents: the storage cannot be reached.
    let args = ["conformance", "--backend", "filesystem:bin/npx", "--allow-writes"];
    let output = sandbox.output(&[&args[..], &["--format", "json", "rule_06"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let json = report(&output.stdout);
    assert_eq!((&json["ok"], count(&json, "passed")), (&Value::Bool(false), 0), "{json:#}");
    assert!(json["cases"][0]["reason"].as_str().unwrap().contains("unavailable"), "{json:#}");
    let output = sandbox.output(&[&args[..], &["--format", "junit", "rule_06"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("<failure message="));
    // The table may be cut; the reason is told in full below it.
    let output = sandbox.variable("COLUMNS", "80").output(&[&args[..], &["rule_06"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains('…') && text.contains("Not a directory") && text.contains("not ok: 0 passed"), "{text}");
}

#[test]
fn a_backend_that_nobody_knows_is_an_error() {
    let output = Sandbox::new().output(&["conformance", "--backend", "pigeon://me:hunter2@loft/"]);
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("no backend answers to") && !text.contains("hunter2"), "{text}");
}

/// Starts a run that writes, and interrupts it once it has written, by that signal and as often as told.
#[cfg(unix)]
fn interrupted(signal: Signal, times: usize) {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("agents")).unwrap();
    let args = ["conformance", "--backend", "filesystem:agents", "--allow-writes", "--format", "json"];
    let mut child = sandbox.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while std::fs::read_dir(sandbox.path("agents")).unwrap().next().is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing is written");
        std::thread::sleep(Duration::from_millis(1));
    }
    let pid = Pid::from_child(&child);
    for _ in 0..times {
        kill_process(pid, signal).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    let (mut stdout, mut stderr) = (Vec::new(), String::new());
    child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{stderr}");
    let report = report(&stdout);
    assert_eq!(report["ok"], Value::Bool(false));
    assert!(count(&report, "not_run") > 0 && stderr.contains("interrupted"), "{report:#} {stderr}");
    if times == 1 {
        assert_empty(&sandbox, "agents");
    }
}

#[test]
#[cfg(unix)]
fn ctrl_c_cleans_up() {
    interrupted(Signal::INT, 1);
}

#[test]
#[cfg(unix)]
fn sigterm_cleans_up() {
    interrupted(Signal::TERM, 1);
}

#[test]
#[cfg(unix)]
fn ctrl_c_again_does_not_wait() {
    interrupted(Signal::INT, 3);
}

/// The catalog names the caller by the token, and the suite must know.
#[test]
fn it_passes_on_a_catalog_of_ours() {
    let service = Service::start(&["--allow-literals", "--rate", "0"]);
    let token = service.token("*", "admin", &[]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mcp-registry"));
    command.args(["conformance", "--backend", &service.url, "--allow-writes", "rule_27", "rule_09"]);
    command.env_clear().env("HOME", service.home()).env("MCP_REGISTRY_AUTH_TOKEN", &token);
    let output = command.output().unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report.contains("rule_27_who_asked_is_on_record") && report.contains(" 0 failed"), "{report}");
    assert!(!report.contains(&token), "{report}");
}
