//! A contract that requires a tool: what it finds is started, and nothing is left of that (E13).

use std::process::Stdio;

use mcp_registry_test_server::{SERVE, look};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::agent::{Agent, SECRET, until};

/// A program that ends at once, and is no server.
const NO_SERVER: &str = "/bin/false";

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
            {"kind": "binary", "path": NO_SERVER},
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
    agent.allow(&[&agent.exe(), NO_SERVER]);
    let (code, presence) = present(&agent);
    assert_eq!((code, &presence["held_by"]), (Some(0), &json!(0)), "{presence}");
    assert_eq!(reasons(&presence)[..2], ["it holds"; 2]);
    assert!(reasons(&presence)[2].contains("it ended with exit code 1"), "{presence}");
}

pub(crate) fn e13_what_does_not_list_it_does_not_hold() {
    let another = agent("another", &["tools", "two"]);
    another.allow(&[&another.exe(), NO_SERVER]);
    let (code, presence) = present(&another);
    assert_eq!((code, &presence["held_by"]), (Some(1), &json!(null)));
    assert_eq!(reasons(&presence)[..2], ["the server runs, and has no tool \"one\""; 2]);
    let dead = agent("dead", &["die", "3"]);
    dead.allow(&[&dead.exe(), NO_SERVER]);
    let (code, presence) = present(&dead);
    assert_eq!(code, Some(1));
    assert!(reasons(&presence).iter().all(|reason| *reason != "it holds"), "{presence}");
}

/// Whether presence is refused by the gate, with nothing told and nothing started.
fn is_refused(agent: &Agent) -> bool {
    let contract = agent.path("presence.json");
    let output = agent.run(&["present", "--format", "json", "--contract", contract.to_str().unwrap()]);
    assert!(!agent.path("started").exists(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.code() == Some(1) && output.stdout.is_empty() && said.contains("may not be started")
}

/// Has the contract of `agent` begin with an allowed server that leaves a trace when it is started.
fn tracing(agent: &Agent) {
    let path = agent.path("presence.json");
    let mut contract: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let args = ["-c", "import sys; open(sys.argv[1], 'w')", agent.path("started").to_str().unwrap()].map(str::to_owned);
    let entry = json!({"servers": {"good": {"command": "python3", "args": args}}});
    std::fs::write(agent.path("tracing.json"), entry.to_string()).unwrap();
    let first = json!({"kind": "json", "file": agent.path("tracing.json"), "table": ["servers"], "key": "good"});
    contract["deliveries"].as_array_mut().unwrap().insert(0, first);
    std::fs::write(path, contract.to_string()).unwrap();
}

pub(crate) fn e13_what_may_not_be_started_stops_all_before_anything_is() {
    let denied = agent("denied", &["tools", "one"]);
    tracing(&denied);
    assert!(is_refused(&denied), "the default list does not have it");
    let none = agent("none", &["tools", "one"]);
    none.write("## Allowed commands\n\n");
    assert!(is_refused(&none), "an empty list allows none");
}

pub(crate) fn e13_an_unset_variable_is_no_way_past_the_gate() {
    let agent = agent("unset", &["tools", "one"]);
    agent.allow(&[&agent.exe(), NO_SERVER, "python3"]);
    tracing(&agent);
    let entry = json!({"servers": {"good": {"command": "bash", "args": ["${NOT_SET_ANYWHERE}"]}}});
    std::fs::write(agent.path("settings.json"), entry.to_string()).unwrap();
    assert!(is_refused(&agent), "bash is not allowed, with or without its argument");
}

pub(crate) fn e13_a_deliverys_registry_narrows_the_agents_list_and_never_adds_to_it() {
    for (own, theirs, refused) in [(false, true, true), (true, false, true), (true, true, false)] {
        let agent = agent("lists", &["tools", "one"]);
        let document = std::fs::read_to_string(agent.path("agent/mcp.md")).unwrap();
        let allows =
            |allowed: bool| format!("## Allowed commands\n{}\n", if allowed { agent.exe() } else { String::new() });
        std::fs::create_dir(agent.path("other")).unwrap();
        std::fs::write(agent.path("other/mcp.md"), document + &allows(theirs)).unwrap();
        agent.write(&allows(own));
        let delivery = json!({"kind": "registry", "locator": format!("filesystem:{}", agent.path("other").display()), "name": "good"});
        let contract = json!({"version": 1, "server": "good", "required_tool": "one", "deliveries": [delivery]});
        std::fs::write(agent.path("presence.json"), contract.to_string()).unwrap();
        if refused {
            assert!(is_refused(&agent), "{own} {theirs}");
        } else {
            let (code, presence) = present(&agent);
            assert_eq!((code, &presence["held_by"]), (Some(0), &json!(0)), "{own} {theirs}");
        }
    }
}

pub(crate) fn e13_a_scope_of_the_catalog_takes_no_list_away() {
    let agent = agent("scope", &["tools", "one"]);
    agent.write("## Allowed commands\n\n");
    tracing(&agent);
    for theirs in [None, Some("## Allowed commands\npython3\n")] {
        if let Some(text) = theirs {
            std::fs::create_dir(agent.path("agent/scout")).unwrap();
            std::fs::write(agent.path("agent/scout/mcp.md"), text).unwrap();
        }
        let contract = agent.path("presence.json");
        let report =
            ["heartbeat", "--url", "http://127.0.0.1:1/", "--scope", "scout", "--agent", "a", "--runtime", "b"];
        let output = agent.run(&[&report[..], &["--contract", contract.to_str().unwrap()]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains("may not be started"), "{said}");
        assert!(!agent.path("started").exists());
    }
}

pub(crate) fn e16_more_tools_than_a_report_takes_are_told() {
    let agent = agent("many", &["many", "10001"]);
    agent.allow(&[&agent.exe(), NO_SERVER]);
    let contract = agent.path("presence.json");
    let text = std::fs::read_to_string(&contract).unwrap().replace("\"one\"", "\"tool_1\"");
    std::fs::write(&contract, text).unwrap();
    let report = ["heartbeat", "--url", "http://127.0.0.1:1/?agent_scope=scout", "--agent", "a", "--runtime", "b"];
    let output = agent.run(&[&report[..], &["--contract", contract.to_str().unwrap()]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("10001 tools are more than the 10000"), "{said}");
}

pub(crate) fn e13_being_stopped_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM] {
        let agent = agent("stopped", &["stubborn", "orphan", "family", "hang"]);
        agent.allow(&[&agent.exe(), NO_SERVER]);
        let contract = agent.path("presence.json");
        let mut command = agent.command(&["present", "--contract", contract.to_str().unwrap()]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until(|| !look(&agent.mark).is_empty());
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(look(&agent.mark), Vec::<String>::new());
    }
}
