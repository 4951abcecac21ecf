//! Beginning, what is offered, and what is not.

use serde_json::json;

use crate::agent::{Agent, OPEN, initialize};

const READING: [&str; 5] = ["registry_list", "registry_show", "registry_validate", "registry_capabilities", "doctor"];
const ASKING: [&str; 5] = ["change_preview", "change_request", "change_cancel", "approval_list", "approval_get"];

#[test]
fn m4_who_answers_is_said() {
    let mut client = Agent::new().silent_client(&[]);
    let began = client.request("initialize", initialize()).unwrap();
    assert_eq!(began["serverInfo"]["name"], "mcp-registry");
    assert_eq!(began["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(began["protocolVersion"], "2025-11-25");
    assert!(began["instructions"].as_str().unwrap().contains("change_preview"));
    assert_eq!(began["capabilities"], json!({"tools": {}, "resources": {"subscribe": true, "listChanged": true}}));
    assert_eq!(client.request("ping", json!({})), Ok(json!({})));
}

#[test]
fn m3_the_tools_that_decide_are_for_operators_alone() {
    let agent = Agent::with_policy(OPEN);
    let names = |args: &[&str]| {
        let tools = agent.client(args).request("tools/list", json!({})).unwrap();
        tools["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let usual = [READING, ASKING].concat();
    assert_eq!(names(&[]), usual);
    assert_eq!(names(&["--operator"]), [&usual[..], &["approval_approve", "approval_reject"]].concat());
    let mut client = agent.client(&[]);
    for method in ["approvals/approve", "approvals/reject"] {
        assert_eq!(client.request(method, json!({"id": "x"})).unwrap_err()["code"], -32601, "{method}");
    }
    let call = json!({"name": "approval_approve", "arguments": {"id": "x"}});
    assert_eq!(client.request("tools/call", call).unwrap_err()["code"], -32602);
}

#[test]
fn m8_an_operator_needs_a_policy_that_says_so() {
    for policy in
        [None, Some("version = 1\n"), Some("version = 1\n[changes]\nenabled = true\n"), Some("version = true\n")]
    {
        let agent = policy.map_or_else(Agent::new, Agent::with_policy);
        let output = agent.run(&["mcp", "--agent-root", "agent", "--operator"]);
        assert_eq!(output.status.code(), Some(1), "{policy:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{policy:?}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("operator") || said.contains("approve_over_mcp"), "{policy:?}: {said}");
    }
}

#[test]
fn m2_what_is_not_offered_is_method_not_found() {
    let mut client = Agent::new().client(&[]);
    for method in
        ["prompts/list", "prompts/get", "completion/complete", "logging/setLevel", "tasks/get", "approvals/x", "x"]
    {
        let error = client.request(method, json!({"name": "x", "level": "info", "taskId": "x"})).unwrap_err();
        assert_eq!(error["code"], -32601, "{method}: {error}");
    }
}

#[test]
fn m2_parameters_that_are_none_are_protocol_errors() {
    let mut client = Agent::new().client(&[]);
    for (method, params) in [
        ("tools/call", json!({"name": 5})),
        ("tools/call", json!({"name": "registry_list", "arguments": []})),
        ("tools/call", json!({"name": "registry_lst", "arguments": {}})),
        ("tools/call", json!({})),
        ("tools/list", json!({"cursor": "x"})),
        ("resources/read", json!({"uri": 5})),
        ("resources/list", json!({"cursor": "../x"})),
    ] {
        let error = client.request(method, params.clone()).unwrap_err();
        assert_eq!(error["code"], -32602, "{method} {params}: {error}");
    }
    assert_eq!(client.request("ping", json!({})), Ok(json!({})), "it answers all the same");
}

#[test]
fn m1_it_ends_with_its_client() {
    let output = Agent::new().client(&[]).close();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let silent = Agent::new().silent_client(&[]).close();
    assert!(silent.status.success(), "{silent:?}");
}

#[test]
fn m1_it_stops_when_it_is_told_to() {
    let client = Agent::new().client(&[]);
    rustix::process::kill_process(client.process(), rustix::process::Signal::TERM).unwrap();
    let output = client.close();
    assert!(output.status.success(), "{output:?}");
}
