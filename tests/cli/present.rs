//! `present`: the answer, both streams and the exit status (E14, E15).

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

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
    let sandbox = Sandbox::new().variable("MCP_REGISTRY_CONTRACT", "presence.json");
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
fn e2_the_contract_is_the_flags_then_the_variables_and_no_other() {
    let of = |server: &str| CONTRACT.replacen("tickets", server, 1);
    let sandbox = sandbox().variable("MCP_REGISTRY_CONTRACT", "variable.json");
    sandbox.write("variable.json", &of("by-variable"));
    sandbox.write("flag.json", &of("by-flag"));
    assert!(sandbox.run(&["present"]).contains("by-variable"));
    assert!(sandbox.run(&["present", "--contract", "flag.json"]).contains("by-flag"));
    for unnamed in [Sandbox::new(), Sandbox::new().variable("MCP_REGISTRY_CONTRACT", "")] {
        unnamed.write("presence.json", CONTRACT);
        let text = unnamed.run(&["present"]);
        assert!(text.contains("[exit 2]") && text.contains("--contract FILE") && !text.contains("tickets"), "{text}");
    }
}

/// Answers every request with an error, and hands on each request's head.
fn listener() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (sender, heads) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
            // Nobody may be listening any more.
            let _ = sender.send(head.join("\n"));
            let _ = stream.write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (url, heads)
}

#[test]
fn e12_the_variables_token_goes_to_no_origin_that_only_the_contract_names() {
    let (url, heads) = listener();
    let delivery = format!(r#"{{"kind":"registry","locator":"{url}","scope":"scout","name":"tickets"}}"#);
    let contract = format!(r#"{{"version":1,"server":"tickets","deliveries":[{delivery}]}}"#);
    let sent = |sandbox: Sandbox, more: &[&str]| {
        sandbox.write("c.json", &contract);
        let text = sandbox.run(&[&["present", "--contract", "c.json"], more].concat());
        assert!(text.contains("[exit 1]") && text.contains("absent"), "{text}");
        let heads: Vec<_> = heads.try_iter().collect();
        assert!(!heads.is_empty(), "it is asked: {text}");
        heads.concat()
    };
    let sandbox = || Sandbox::new().variable("MCP_REGISTRY_AUTH_TOKEN", "hunter2");
    assert!(!sent(sandbox(), &[]).contains("hunter2"));
    assert!(!sent(sandbox(), &["--backend", "http://127.0.0.1:1/"]).contains("hunter2"));
    assert!(sent(sandbox(), &["--backend", &url]).contains("Bearer hunter2"), "its own registry has it");
    let bound = sandbox();
    let home = bound.path("config").display().to_string();
    let bound = bound.variable("XDG_CONFIG_HOME", &home);
    bound.write("config/mcp-registry/config.toml", &format!("[tokens]\n\"{url}\" = \"hunter3\"\n"));
    let head = sent(bound, &[]);
    assert!(head.contains("Bearer hunter3") && !head.contains("hunter2"), "{head}");
}

#[test]
fn e12_the_scope_is_that_of_the_delivery() {
    let sandbox = sandbox().variable("MCP_REGISTRY_SCOPE", "somebody-else");
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
