//! `present`: the answer, both streams and the exit status (E14, E15).

use crate::sandbox::Sandbox;

/// A contract with a delivery of each kind, in the sandbox's home.
const CONTRACT: &str = r#"{
  "version": 1,
  "server": "tickets",
  "deliveries": [
    {"kind": "binary", "path": "~/bin/tickets"},
    {"kind": "binary", "name": "tickets-mcp"},
    {"kind": "json", "file": "~/settings.json", "table": ["servers"], "key": "tickets"},
    {"kind": "toml", "file": "${CONFIG:-/nowhere}/config.toml", "table": ["servers"], "key": "tickets"},
    {"kind": "registry", "locator": "filesystem:~/agent", "name": "tickets"}
  ]
}"#;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("presence.json", CONTRACT);
    sandbox
}

#[test]
fn e15_absent_and_present_are_told_with_reasons() {
    let sandbox = sandbox();
    sandbox.write("home/bin/tickets", "no program");
    sandbox.write("home/settings.json", r#"{"Servers":{"tickets":{"command":"hunter2"}}}"#);
    let absent = sandbox.session(&[&["present"], &["present", "tickets", "--format", "json"]]);
    sandbox.write("home/settings.json", r#"{"servers":{"tickets":{"command":"hunter2"}}}"#);
    sandbox.write("home/agent/mcp.md", "## tickets\n\ncommand: npx\n");
    let present = sandbox.session(&[
        &["present", "tickets"],
        &["present", "--format", "json"],
        &["present", "--format", "yaml"],
        &["--color", "always", "present"],
    ]);
    assert_snapshot!(absent + "\n" + &present);
}

#[test]
fn e15_what_is_no_answer_is_an_error() {
    let sandbox = sandbox();
    sandbox.write("wrong.json", &CONTRACT.replace("\"key\"", "\"kye\""));
    assert_snapshot!(sandbox.session(&[
        &["present", "--contract", "absent.json"],
        &["present", "--contract", "wrong.json"],
        &["present", "--contract", "wrong.json", "--format", "json"],
        &["present", "--contract", "home"],
        &["present", "tikcets"],
        &["present", "../x"],
        &["present", "--agent-root", "home"],
        &["present", "a", "b"],
    ]));
}

#[test]
fn e2_the_contract_is_the_flags_then_the_variables_then_the_folders() {
    let of = |server: &str| CONTRACT.replacen("tickets", server, 1);
    let sandbox = sandbox().variable("MCP_REGISTRY_CONTRACT", "variable.json");
    sandbox.write("variable.json", &of("by-variable"));
    sandbox.write("flag.json", &of("by-flag"));
    assert!(sandbox.run(&["present"]).contains("by-variable"));
    assert!(sandbox.run(&["present", "--contract", "flag.json"]).contains("by-flag"));
    let sandbox = self::sandbox().variable("MCP_REGISTRY_CONTRACT", "");
    assert!(sandbox.run(&["present"]).contains("absent   tickets"), "an empty variable says nothing");
}

#[test]
fn e12_the_scope_is_that_of_the_delivery() {
    let sandbox = Sandbox::new().variable("MCP_REGISTRY_SCOPE", "somebody-else");
    sandbox.write("home/scout/mcp.md", "## tickets\n\ncommand: npx\n");
    let present = |at: &str, more: &str| {
        let delivery = format!(r#"{{"kind":"registry","locator":"filesystem:~{at}","name":"tickets"{more}}}"#);
        sandbox.write("presence.json", &format!(r#"{{"version":1,"server":"tickets","deliveries":[{delivery}]}}"#));
        sandbox.run(&["present"]).contains("[exit 0]")
    };
    assert!(present("/scout", "") && present("/", r#","scope":"scout""#));
    assert!(!present("/", "") && !present("/", r#","scope":"somebody-else""#));
}

#[test]
fn e1_the_example_is_told() {
    let root = env!("CARGO_MANIFEST_DIR");
    let sandbox = Sandbox::new().variable("AGENT_HOME", &format!("{root}/examples/agent"));
    let text = sandbox.run(&["present", "--contract", &format!("{root}/examples/presence.json"), "warehouse"]);
    assert!(text.contains("[exit 0]") && text.contains("present  warehouse"), "{text}");
}
