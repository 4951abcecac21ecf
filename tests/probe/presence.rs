//! A contract that requires a tool: what it finds is started, and nothing is left of that (E13).

use std::process::Stdio;
use std::time::{Duration, Instant};

use mcp_registry_test_server::{SERVE, look};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::agent::{Agent, SECRET};

/// An agent with a contract that requires the tool `one`, of the server that is mounted as `good`, and of one in a
/// settings file.
fn agent(test: &str, words: &[&str]) -> Agent {
    let agent = Agent::new(test);
    agent.mount("good", words);
    let args: Vec<_> = std::iter::once(&SERVE).chain(words).collect();
    let entry = json!({"command": agent.exe(), "args": args, "env": {agent.mark.name(): "1", "TOKEN": "$TEST_VALUE"}});
    std::fs::write(agent.path("settings.json"), json!({"servers": {"good": entry}}).to_string()).unwrap();
    let contract = json!({
        "version": 1,
        "server": "good",
        "required_tool": "one",
        "deliveries": [
            {"kind": "json", "file": agent.path("settings.json"), "table": ["servers"], "key": "good"},
            {"kind": "registry", "locator": format!("filesystem:{}", agent.path("agent").display()), "name": "good"},
            {"kind": "binary", "path": agent.exe()},
        ],
    });
    std::fs::write(agent.path("presence.json"), contract.to_string()).unwrap();
    agent
}

fn present(agent: &Agent) -> (Option<i32>, Value) {
    let contract = agent.path("presence.json");
    let output = agent.run(&["present", "--format", "json", "--contract", contract.to_str().unwrap()]);
    assert_eq!(look(&agent.mark), Vec::<String>::new());
    assert!(!String::from_utf8_lossy(&output.stdout).contains(SECRET), "{output:?}");
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}")))
}

/// Why each delivery does not hold.
fn reasons(presence: &Value) -> Vec<&str> {
    presence["deliveries"].as_array().unwrap().iter().map(|d| d["reason"].as_str().unwrap_or("it holds")).collect()
}

pub(crate) fn e13_a_server_is_present_when_it_lists_the_tool() {
    let agent = agent("tool", &["tools", "one", "two"]);
    agent.allow(&[&agent.exe()]);
    let (code, presence) = present(&agent);
    assert_eq!((code, &presence["held_by"]), (Some(0), &json!(0)), "{presence}");
    assert_eq!(reasons(&presence)[..2], ["it holds"; 2]);
    // Without its arguments this program is no server.
    assert_ne!(reasons(&presence)[2], "it holds");
}

pub(crate) fn e13_what_does_not_list_it_or_may_not_be_started_does_not_hold() {
    let another = agent("another", &["tools", "two"]);
    another.allow(&[&another.exe()]);
    let (code, presence) = present(&another);
    assert_eq!((code, &presence["held_by"]), (Some(1), &json!(null)));
    assert_eq!(reasons(&presence)[..2], ["the server runs, and has no tool \"one\""; 2]);
    let dead = agent("dead", &["die", "3"]);
    dead.allow(&[&dead.exe()]);
    let (code, presence) = present(&dead);
    assert_eq!(code, Some(1));
    assert!(reasons(&presence).iter().all(|reason| *reason != "it holds"), "{presence}");
    let denied = agent("denied", &["tools", "one"]);
    let (code, presence) = present(&denied);
    assert_eq!(code, Some(1));
    assert!(reasons(&presence).iter().all(|reason| reason.contains("may not be started")), "{presence}");
}

pub(crate) fn e13_being_stopped_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM] {
        let agent = agent("stopped", &["stubborn", "orphan", "family", "hang"]);
        agent.allow(&[&agent.exe()]);
        let contract = agent.path("presence.json");
        let mut command = agent.command(&["present", "--contract", contract.to_str().unwrap()]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while look(&agent.mark).is_empty() {
            assert!(Instant::now() < deadline, "it is started");
            std::thread::sleep(Duration::from_millis(10));
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(look(&agent.mark), Vec::<String>::new());
    }
}
