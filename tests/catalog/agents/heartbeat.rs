//! Rules C37 to C41 and E16: the command `heartbeat` and the service, each the other's real part.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::running::{Running, World};

/// A world in which the scope `scout` requires the server `tickets`, and the token of its agent `scout-1`.
fn world() -> (World, String) {
    let world = World::new();
    world.done(&["agents", "require", "--scope", "scout", "tickets"]);
    let token = world.done(&["token", "create", "--role", "reporter", "--scope", "scout", "--agent", "scout-1"]);
    let delivery = r#"{"kind":"json","file":"~/settings.json","table":["servers"],"key":"tickets"}"#;
    let contract = format!(r#"{{"version":1,"server":"tickets","deliveries":[{delivery}]}}"#);
    std::fs::write(world.path().join("presence.json"), contract).unwrap();
    (world, token)
}

fn mount(world: &World) {
    std::fs::write(world.path().join("settings.json"), r#"{"servers":{"tickets":{"command":"x"}}}"#).unwrap();
}

fn heartbeat(world: &World, service: &Running, token: &str, agent: &str, more: &[&str]) -> Command {
    let url = format!("http://{}/", service.address);
    let args = ["heartbeat", "--url", &url, "--scope", "scout", "--agent", agent, "--runtime", "test"];
    let mut command = world.command(&[&args[..], more].concat());
    command.env("MCP_REGISTRY_AUTH_TOKEN", token).env("MCP_REGISTRY_CONTRACT", world.path().join("presence.json"));
    command
}

fn state(world: &World) -> Option<String> {
    let listed: Value = serde_json::from_str(&world.done(&["agents", "--format", "json"])).unwrap();
    listed["agents"][0]["state"].as_str().map(str::to_owned)
}

#[test]
fn rule_e16_what_is_absent_is_refused_and_what_is_there_is_online() {
    let (world, token) = world();
    let service = world.serve(&[]);
    let run = |agent: &str| {
        let output = heartbeat(&world, &service, &token, agent, &[]).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (code, said) = run("scout-1");
    assert!(code == Some(1) && said.contains("mcp_server_missing"), "{said}");
    assert_eq!(state(&world).as_deref(), Some("failed"));
    mount(&world);
    assert_eq!(run("scout-1"), (Some(0), "online  scout-1\n".to_owned()));
    assert_eq!(state(&world).as_deref(), Some("online"));
    let (code, said) = run("scout-2");
    assert!(code == Some(1) && said.contains("does not allow this") && !said.contains(&token), "{said}");
    world.done(&["agents", "require", "--scope", "scout", "tickets", "--tool", "tickets__list"]);
    let (code, said) = run("scout-1");
    assert_eq!((code, said.as_str()), (Some(0), "online  scout-1\n"), "tools that are not known lack nothing");
}

#[test]
fn rule_e16_an_agent_that_goes_on_reporting_is_seen_as_it_is() {
    let (world, token) = world();
    mount(&world);
    let service = world.serve(&["--agent-timeout", "2s"]);
    let mut command = heartbeat(&world, &service, &token, "scout-1", &["--every", "1s"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let until = |wanted: &str| {
        let began = Instant::now();
        while state(&world).as_deref() != Some(wanted) {
            assert!(began.elapsed() < Duration::from_secs(60), "it is never {wanted}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until("online");
    std::fs::remove_file(world.path().join("settings.json")).unwrap();
    until("failed");
    mount(&world);
    until("online");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("online  scout-1\nfailed  scout-1  mcp_server_missing\n"), "{said}");
    until("offline");
}
