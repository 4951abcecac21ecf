//! `heartbeat`, against a catalog that answers as it is told (E16).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);
const ONLINE: (u16, &str) = (200, r#"{"state":"online","reason":null}"#);
const MISSING: (u16, &str) = (
    400,
    r#"{"error":{"kind":"invalid_spec","message":"the scope requires tickets","retryable":false},"reason":"mcp_server_missing","agent":{"state":"failed"}}"#,
);
const UNKNOWN: (u16, &str) = (
    404,
    r#"{"error":{"kind":"not_in_registry","message":"no such agent","retryable":false},"reason":"not_registered"}"#,
);
const BUSY: (u16, &str) = (503, r#"{"error":{"kind":"unavailable","message":"busy","retryable":true}}"#);

/// A request that came.
struct Asked {
    path: String,
    token: Option<String>,
    body: Value,
}

/// Answers with these, the last one for ever, and hands on what was asked.
fn catalog(answers: Vec<(u16, &'static str)>) -> (String, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (sender, asked) = channel();
    std::thread::spawn(move || {
        for (i, stream) in listener.incoming().enumerate() {
            answer(stream.unwrap(), answers[i.min(answers.len() - 1)], &sender);
        }
    });
    (url, asked)
}

fn answer(mut stream: std::net::TcpStream, (status, answer): (u16, &str), asked: &Sender<Asked>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let lines = head.iter().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let mut body = vec![0; header("content-length").unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let path = head[0].strip_prefix("POST ").unwrap().split(' ').next().unwrap().to_owned();
    let body = serde_json::from_slice(&body).unwrap();
    // Nobody may be listening any more.
    let _ = asked.send(Asked { path, token: header("authorization"), body });
    let length = answer.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Word\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
    );
}

/// A room in which the server `tickets` is present as soon as `home/settings.json` says so.
fn sandbox(present: bool) -> Sandbox {
    let sandbox = Sandbox::new()
        .variable("MCP_REGISTRY_AUTH_TOKEN", "hunter2-token")
        .variable("MCP_REGISTRY_CONTRACT", "presence.json");
    let delivery = r#"{"kind":"json","file":"~/settings.json","table":["servers"],"key":"tickets"}"#;
    sandbox.write("presence.json", &format!(r#"{{"version":1,"server":"tickets","deliveries":[{delivery}]}}"#));
    if present {
        sandbox.write("home/settings.json", r#"{"servers":{"tickets":{"command":"x"}}}"#);
    }
    sandbox
}

/// Waits for a report that says so: some may be under way that say otherwise.
fn until_said(asked: &Receiver<Asked>, present: bool) {
    let deadline = Instant::now() + PATIENCE;
    while asked.recv_timeout(PATIENCE).unwrap().body["mcp_server_present"] != present {
        assert!(Instant::now() < deadline, "it is never said");
    }
}

fn args<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let common = ["heartbeat", "--url", url, "--scope", "scout", "--agent", "scout-1", "--runtime", "claude-code"];
    [&common, more].concat()
}

#[test]
fn e16_it_registers_and_then_sends_a_heartbeat() {
    let (url, asked) = catalog(vec![ONLINE]);
    let text = sandbox(true).run(&args(&url, &["--format", "json"]));
    assert!(text.contains("[exit 0]"), "{text}");
    let told = r#"{"agent":"scout-1","scope":"scout","mcp_server_present":true,"state":"online","reason":null}"#;
    assert!(text.contains(told) && !text.contains("stderr"), "{text}");
    let asked: Vec<_> = asked.try_iter().collect();
    let paths: Vec<_> = asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(paths, ["/agents/register", "/agents/scout-1/heartbeat"]);
    assert!(asked.iter().all(|asked| asked.token.as_deref() == Some("Bearer hunter2-token")));
    let report = json!({"id": "scout-1", "scope": "scout", "runtime": "claude-code", "mcp_server_present": true});
    assert_eq!(asked[0].body, report);
    assert_eq!(asked[1].body, json!({"id": "scout-1", "scope": "scout", "mcp_server_present": true}));
}

#[test]
fn e16_a_refused_registration_ends_it_with_the_reason() {
    let (url, asked) = catalog(vec![MISSING]);
    let text = sandbox(false).run(&args(&url, &["--every", "1s"]));
    assert!(text.contains("[exit 1]") && text.contains("mcp_server_missing: the scope requires tickets"), "{text}");
    assert!(
        text.contains("the server tickets is absent: ~/settings.json#/servers/tickets: there is no such file"),
        "{text}"
    );
    let asked: Vec<_> = asked.try_iter().collect();
    assert_eq!(asked.len(), 1, "it is not tried again");
    assert_eq!(asked[0].body["mcp_server_present"], false);
}

#[test]
fn e16_what_is_not_online_is_told_by_the_exit_status() {
    let (url, _asked) = catalog(vec![ONLINE, (200, r#"{"state":"degraded","reason":"mcp_tool_missing"}"#)]);
    let text = sandbox(true).run(&args(&url, &[]));
    assert!(text.contains("[exit 1]") && text.contains("degraded  scout-1  mcp_tool_missing"), "{text}");
}

#[test]
fn e16_an_agent_that_is_not_known_any_more_is_registered_again() {
    let (url, asked) = catalog(vec![ONLINE, UNKNOWN, ONLINE]);
    assert!(sandbox(true).run(&args(&url, &[])).contains("[exit 0]"));
    let paths: Vec<_> = asked.try_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/agents/register", "/agents/scout-1/heartbeat", "/agents/register"]);
}

#[test]
fn e16_an_agent_that_is_never_known_is_an_error() {
    for (answers, asks) in [(vec![UNKNOWN], 1), (vec![ONLINE, UNKNOWN], 3)] {
        let (url, asked) = catalog(answers);
        let text = sandbox(true).run(&args(&url, &["--every", "1s"]));
        assert!(text.contains("[exit 1]") && text.contains("does not know the agent scout-1"), "{text}");
        assert_eq!(asked.try_iter().count(), asks);
    }
}

#[test]
fn e16_a_contract_that_cannot_be_read_for_a_while_ends_nothing() {
    let (url, asked) = catalog(vec![ONLINE]);
    let sandbox = sandbox(true);
    let contract = sandbox.read("presence.json");
    let child = start(&sandbox, &args(&url, &["--every", "1s"]));
    let until = |present: bool| until_said(&asked, present);
    let put = |text: &str| {
        sandbox.write("next.json", text);
        std::fs::rename(sandbox.path("next.json"), sandbox.path("presence.json")).unwrap();
    };
    until(true);
    put("{");
    until(false);
    put(&contract);
    until(true);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.matches("warning").count()), (Some(0), 1), "{err}");
    assert!(err.contains("presence.json"), "{err}");
}

#[test]
fn e16_only_what_a_later_try_can_cure_is_tried_again() {
    let (url, asked) = catalog(vec![BUSY, BUSY, ONLINE]);
    let text = sandbox(true).run(&args(&url, &[]));
    assert!(text.contains("[exit 0]") && text.matches("answered 503").count() == 1, "told once: {text}");
    assert_eq!(asked.try_iter().count(), 4);
    for (answer, why) in [
        ((401, r#"{"error":{"kind":"auth_required","message":"no","retryable":false}}"#), "does not know who asks"),
        ((403, r#"{"error":{"kind":"forbidden","message":"of another agent","retryable":false}}"#), "of another agent"),
        ((404, r#"{"error":{"kind":"not_in_registry","message":"no","retryable":false}}"#), "there is no catalog"),
        ((400, r#"{"error":{"kind":"invalid_spec","message":"a bad report"},"reason":"invalid"}"#), "a bad report"),
        ((400, "mcp_server_missing"), "400"),
        ((200, "[]"), "no state of the agent"),
        ((200, "hunter2-token"), "no JSON"),
        ((200, r#"{"state":["hunter2-token"]}"#), "no state of the agent"),
        ((400, r#"{"error":{"kind":"invalid_spec","message":"hunter2-token"},"reason":"mcp_server_missing"}"#), "***"),
    ] {
        let (url, asked) = catalog(vec![answer]);
        let text = sandbox(true).run(&args(&url, &[]));
        assert!(text.contains("[exit 1]") && text.contains(why) && !text.contains("hunter2"), "{why}: {text}");
        assert_eq!(asked.try_iter().count(), 1, "{why}");
    }
}

#[test]
fn rule_4_a_token_that_a_catalog_says_is_not_shown() {
    let (url, _asked) = catalog(vec![(200, r#"{"state":"online hunter2-token","reason":"%68unter2-token"}"#)]);
    let text = sandbox(true).run(&args(&url, &[]));
    assert!(text.contains("online ***") && !text.contains("unter2"), "{text}");
}

#[test]
fn e16_a_contract_that_cannot_be_used_is_never_reported() {
    let (url, asked) = catalog(vec![ONLINE]);
    let sandbox = sandbox(true);
    sandbox.write("wrong.json", "{}");
    for contracts in [&["--contract", "wrong.json"][..], &["--contract", "presence.json", "--contract", "gone.json"]] {
        assert!(sandbox.run(&args(&url, contracts)).contains("[exit 1]"));
    }
    assert_eq!(asked.try_iter().count(), 0);
}

#[test]
fn e16_without_a_contract_it_is_wrong_usage() {
    let (url, asked) = catalog(vec![ONLINE]);
    let sandbox = sandbox(true).variable("MCP_REGISTRY_CONTRACT", "");
    let text = sandbox.run(&args(&url, &[]));
    assert!(text.contains("[exit 2]") && text.contains("--contract FILE"), "{text}");
    assert_eq!(asked.try_iter().count(), 0);
}

#[test]
fn e12_the_token_goes_to_the_catalog_alone() {
    let (url, asked) = catalog(vec![ONLINE]);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = other.local_addr().unwrap();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        let _ = stream.write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        head.join("\n")
    });
    // Also where the settings name that one as the agent's own registry.
    let sandbox = sandbox(true).variable("MCP_REGISTRY_BACKEND", &format!("http://{at}/"));
    let delivery = format!(r#"{{"kind":"registry","locator":"http://{at}/","scope":"scout","name":"tickets"}}"#);
    sandbox.write("presence.json", &format!(r#"{{"version":1,"server":"tickets","deliveries":[{delivery}]}}"#));
    let text = sandbox.run(&args(&url, &[]));
    assert!(text.contains("[exit 0]") && text.contains("is absent"), "{text}");
    let head = heard.join().unwrap();
    assert!(head.starts_with("GET ") && !head.contains("hunter2"), "{head}");
    let tokens: Vec<_> = asked.try_iter().map(|asked| asked.token).collect();
    assert_eq!(tokens, vec![Some("Bearer hunter2-token".to_owned()); 2]);
}

#[test]
fn e16_every_contract_must_hold() {
    let (url, asked) = catalog(vec![ONLINE]);
    let sandbox = sandbox(true);
    let other = sandbox.read("presence.json").replace("tickets", "search");
    sandbox.write("other.json", &other);
    let text = sandbox.run(&args(&url, &["--contract", "presence.json", "--contract", "other.json"]));
    assert!(text.contains("the server search is absent") && !text.contains("tickets is absent"), "{text}");
    let said: Vec<_> = asked.try_iter().map(|asked| asked.body["mcp_server_present"].clone()).collect();
    assert_eq!(said, [false, false]);
}

#[test]
fn rule_11_no_report_goes_in_cleartext_to_another_machine() {
    let text = sandbox(true).run(&args("http://catalog.example.org/", &[]));
    assert!(text.contains("[exit 1]") && text.contains("cleartext"), "{text}");
    for wrong in ["filesystem:home", "https://me:pw@h/", "nowhere"] {
        assert!(!sandbox(true).run(&args(wrong, &[])).contains("[exit 0]"), "{wrong}");
    }
}

#[test]
fn wrong_usage() {
    let sandbox = sandbox(true);
    let url = "http://127.0.0.1:1/";
    for more in [&["--every", "0s"][..], &["--every", "2days"], &["--every", "soon"], &["--backend", "x:y"]] {
        assert!(sandbox.run(&args(url, more)).contains("[exit 2]"), "{more:?}");
    }
    assert!(sandbox.run(&args(url, &["--every", "1s", "--format", "yaml"])).contains("[exit 2]"));
    assert!(sandbox.run(&["heartbeat", "--url", url, "--agent", "a", "--runtime", ""]).contains("[exit 2]"));
}

fn start(sandbox: &Sandbox, args: &[&str]) -> Child {
    sandbox.command(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn e16_presence_is_told_anew_for_each_report_until_a_signal_ends_it() {
    for signal in [Signal::INT, Signal::TERM] {
        let failed = (200, r#"{"state":"failed","reason":"mcp_server_missing"}"#);
        let (url, asked) = catalog(vec![ONLINE, ONLINE, failed]);
        let sandbox = sandbox(true);
        let child = start(&sandbox, &args(&url, &["--every", "1s"]));
        let next = || asked.recv_timeout(PATIENCE).unwrap();
        assert!(next().path.ends_with("register"));
        assert_eq!(next().body["mcp_server_present"], true);
        std::fs::remove_file(sandbox.path("home/settings.json")).unwrap();
        until_said(&asked, false);
        // What came of that report is told before the next one.
        next();
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(0), "{out}{err}");
        assert_eq!(out, "online  scout-1\nfailed  scout-1  mcp_server_missing\n");
        assert_eq!(err.matches("is absent").count(), 1, "{err}");
    }
}

#[test]
fn e16_each_absence_is_explained_and_each_failure_told_once() {
    let (url, asked) = catalog(vec![ONLINE, BUSY, BUSY, BUSY, ONLINE]);
    let sandbox = sandbox(false);
    let child = start(&sandbox, &args(&url, &["--every", "1s"]));
    let settings = r#"{"servers":{"tickets":{"command":"x"}}}"#;
    // While it is absent all the time, the catalog is busy for a while.
    (0..5).for_each(|_| until_said(&asked, false));
    sandbox.write("home/settings.json", settings);
    until_said(&asked, true);
    std::fs::remove_file(sandbox.path("home/settings.json")).unwrap();
    until_said(&asked, false);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert_eq!((err.matches("is absent").count(), err.matches("answered 503").count()), (2, 1), "{err}");
}

#[test]
fn e16_the_end_of_a_terminal_that_is_to_be_ignored_ends_nothing() {
    let (url, asked) = catalog(vec![ONLINE]);
    let sandbox = sandbox(true);
    let own = sandbox.command(&args(&url, &["--every", "1s"]));
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(own.get_program()).args(own.get_args());
    command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(own.get_current_dir().unwrap()).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    until_said(&asked, true);
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    asked.try_iter().for_each(drop);
    (0..2).for_each(|_| until_said(&asked, true));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn e16_a_signal_ends_a_report_that_is_not_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let sandbox = sandbox(true);
    for (more, code) in [(&["--every", "30s"][..], 0), (&[], 1)] {
        let child = start(&sandbox, &args(&url, more));
        let (silent, _) = listener.accept().unwrap();
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(code));
        drop(silent);
    }
}
