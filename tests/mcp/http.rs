//! The server over streamable HTTP: who is let in, sessions, and bounds.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::agent::{Agent, OPEN, initialize};
use crate::schemas::Schemas;
use crate::wire::{Reply, begin, read, send};

/// A server that listens; it is stopped when dropped.
pub(crate) struct Service {
    child: Child,
    _agent: Agent,
    pub(crate) address: String,
    log: Arc<Mutex<String>>,
    reading: Option<std::thread::JoinHandle<()>>,
}

impl Service {
    pub(crate) fn start(agent: &Agent, args: &[&str]) -> Self {
        let all = [&["mcp", "--agent-root", "agent", "--http", "127.0.0.1:0"], args].concat();
        let mut child = agent.command(&all).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let line: Value = serde_json::from_str(&first).unwrap_or_else(|_| panic!("{first}"));
        let url = line["url"].as_str().unwrap();
        let address = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/mcp")).unwrap().to_owned();
        let log = Arc::new(Mutex::new(first));
        let reading = std::thread::spawn({
            let log = log.clone();
            move || lines.lines().map_while(Result::ok).for_each(|line| *log.lock().unwrap() += &(line + "\n"))
        });
        Self { child, _agent: agent.clone(), address, log, reading: Some(reading) }
    }

    /// Stops it; its log.
    pub(crate) fn stop(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        self.reading.take().unwrap().join().unwrap();
        self.log.lock().unwrap().clone()
    }

    /// Sends a message as a client of good will does, with more headers.
    pub(crate) fn post(&self, headers: &[(&str, &str)], message: &Value) -> Reply {
        let usual = [
            ("Host", self.address.as_str()),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ];
        send(&self.address, "POST", "/mcp", &[&usual[..], headers].concat(), message.to_string().as_bytes())
    }

    /// Begins a session; its id.
    pub(crate) fn begin(&self, headers: &[(&str, &str)]) -> Result<String, u16> {
        let reply = self.post(headers, &request("initialize", initialize()));
        if reply.status != 200 {
            return Err(reply.status);
        }
        assert_eq!(reply.message()["result"]["serverInfo"]["name"], "mcp-registry");
        Ok(reply.header("mcp-session-id").unwrap().to_owned())
    }

    /// Asks in a session.
    pub(crate) fn ask(&self, headers: &[(&str, &str)], session: &str, method: &str, params: Value) -> Value {
        let headers = [headers, &[("Mcp-Session-Id", session)]].concat();
        let reply = self.post(&headers, &request(method, params));
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.message()
    }

    fn call(&self, headers: &[(&str, &str)], session: &str, tool: &str, arguments: Value) -> Value {
        let answer = self.ask(headers, session, "tools/call", json!({"name": tool, "arguments": arguments}));
        let tools = self.ask(headers, session, "tools/list", json!({}));
        Schemas::of(&tools["result"]).check(tool, &answer["result"]);
        answer["result"]["structuredContent"].clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn request(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

fn bearing(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn m9_on_loopback_anybody_may_read_and_ask() {
    let agent = Agent::with_policy(OPEN);
    let service = Service::start(&agent, &[]);
    let session = service.begin(&[]).unwrap();
    let listing = service.call(&[], &session, "registry_list", json!({}));
    assert_eq!(listing["servers"][0]["name"], "github");
    let removal = json!({"action": "uninstall", "name": "github"});
    let preview = service.call(&[], &session, "change_preview", removal.clone());
    let mut form = removal;
    let said = json!({"confirm": true, "actor_role": "OPS", "requested_by": "a", "approval_reason": "b", "identity": preview["identity"]});
    form.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    let asked = service.call(&[], &session, "change_request", form);
    assert_eq!((&asked["approval"]["source"], &asked["approval"]["mode"]), (&json!("mcp-http"), &json!("claimed")));
    let log = service.stop();
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
    assert!(log.contains("\"route\":\"/mcp\"") && log.contains("\"status\":200"), "{log}");
}

#[test]
fn m9_to_decide_a_token_is_needed_whose_role_says_so() {
    let agent = Agent::with_policy(OPEN);
    let [reader, requester, approver] =
        ["reader", "requester", "approver"].map(|role| bearing(&agent.token(role, role, "*")));
    let elsewhere = bearing(&agent.token("elsewhere", "approver", "elsewhere"));
    let service = Service::start(&agent, &["--operator"]);
    assert_eq!(service.begin(&[]), Err(401));
    assert_eq!(service.begin(&[("Authorization", "Bearer mcpr_0")]), Err(401));
    let with = |token: &str| service.begin(&[("Authorization", token)]).unwrap();
    let call = |token: &str, session: &str, tool: &str, arguments: Value| {
        service.call(&[("Authorization", token)], session, tool, arguments)
    };
    let change = json!({"action": "uninstall", "name": "github"});
    let session = with(&reader);
    let preview = call(&reader, &session, "change_preview", change.clone());
    let mut form = change;
    let said = json!({"confirm": true, "approval_reason": "b", "identity": preview["identity"]});
    form.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    assert_eq!(call(&reader, &session, "change_request", form.clone())["error"]["code"], "forbidden");
    let session = with(&requester);
    let asked = call(&requester, &session, "change_request", form.clone());
    assert_eq!(
        (&asked["approval"]["requested_by"], &asked["approval"]["mode"]),
        (&json!("requester"), &json!("token"))
    );
    let id = json!({"id": asked["approval"]["id"]});
    assert_eq!(call(&requester, &session, "approval_approve", id.clone())["error"]["code"], "forbidden");
    let session = with(&elsewhere);
    assert_eq!(call(&elsewhere, &session, "registry_list", json!({}))["error"]["code"], "forbidden");
    assert_eq!(call(&elsewhere, &session, "approval_approve", id.clone())["error"]["code"], "forbidden");
    let session = with(&approver);
    let done = call(&approver, &session, "approval_approve", id);
    assert_eq!(
        (&done["execution"]["ok"], &done["approval"]["decided_by"]),
        (&json!(true), &json!("approver")),
        "{done}"
    );
    assert!(!agent.document().contains("github"));
}

#[test]
fn rule_c37_who_reports_of_an_agent_may_not_even_read_here() {
    let agent = Agent::with_policy(OPEN);
    let tokens = format!("sqlite:{}", agent.path("state/governance.db").display());
    let create = ["token", "create", "--tokens", &tokens, "--scope", "scout", "--role", "reporter", "--agent", "a"];
    let output = agent.run(&create);
    assert!(output.status.success(), "{output:?}");
    let token = bearing(std::str::from_utf8(&output.stdout).unwrap().trim());
    for more in [&[][..], &["--scope", "scout"]] {
        let service = Service::start(&agent, more);
        assert_eq!(service.begin(&[("Authorization", &token)]), Err(403));
    }
}

#[test]
fn m13_a_session_is_its_tokens_alone() {
    let agent = Agent::with_policy(OPEN);
    let [one, other] = ["one", "other"].map(|name| bearing(&agent.token(name, "reader", "*")));
    let service = Service::start(&agent, &[]);
    let session = service.begin(&[("Authorization", &one)]).unwrap();
    let list = request("tools/list", json!({}));
    for authorization in [&[("Authorization", other.as_str())][..], &[]] {
        let headers = [authorization, &[("Mcp-Session-Id", &session)]].concat();
        let reply = service.post(&headers, &list);
        assert_eq!(reply.status, 404, "{reply:?}");
        for method in ["GET", "DELETE"] {
            let usual = [("Host", service.address.as_str()), ("Accept", "text/event-stream")];
            let reply = send(&service.address, method, "/mcp", &[&usual[..], &headers].concat(), b"");
            assert_eq!(reply.status, 404, "{method}: {reply:?}");
        }
    }
    assert!(service.ask(&[("Authorization", &one)], &session, "tools/list", json!({}))["result"].is_object());
}

#[test]
fn m13_pages_of_others_and_other_names_are_kept_out() {
    let service = Service::start(&Agent::new(), &[]);
    let begin = request("initialize", initialize()).to_string();
    let status = |headers: &[(&str, &str)]| {
        let usual = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];
        send(&service.address, "POST", "/mcp", &[&usual[..], headers].concat(), begin.as_bytes()).status
    };
    let own = service.address.as_str();
    assert_eq!(status(&[("Host", own)]), 200);
    assert_eq!(status(&[("Host", own), ("Origin", &format!("http://{own}"))]), 200);
    for (host, origin) in [(own, "http://evil.example"), (own, "null"), ("evil.example", "http://evil.example")] {
        assert_eq!(status(&[("Host", host), ("Origin", origin)]), 403, "{host} {origin}");
    }
    assert_eq!(status(&[("Host", "evil.example")]), 403);
    assert_eq!(status(&[("Host", own), ("Host", own)]), 403);
}

#[test]
fn m13_what_is_no_message_is_refused_and_bounded() {
    let service = Service::start(&Agent::new(), &[]);
    let post = |body: &[u8], kind: &str| {
        let headers = [
            ("Host", service.address.as_str()),
            ("Content-Type", kind),
            ("Accept", "application/json, text/event-stream"),
        ];
        send(&service.address, "POST", "/mcp", &headers, body)
    };
    for (body, code) in [(&b"hunter2"[..], -32700), (b"", -32700), (br#"{"a":1,"a":2}"#, -32600)] {
        let reply = post(body, "application/json");
        assert_eq!((reply.status, &reply.message()["error"]["code"]), (400, &json!(code)), "{reply:?}");
        assert!(!reply.body.contains("hunter2"), "{reply:?}");
    }
    for body in [&b"[]"[..], b"5", br#"{"jsonrpc":"2.0"}"#] {
        let reply = post(body, "application/json");
        assert!((400..500).contains(&reply.status), "{reply:?}");
    }
    assert_eq!(post(b"{}", "text/plain").status, 415);
    assert_eq!(post(&vec![b' '; (1 << 20) + 1], "application/json").status, 413);
    let unknown = send(&service.address, "GET", "/", &[("Host", &service.address)], b"");
    assert_eq!(unknown.status, 404);
    assert_eq!(service.post(&[("Mcp-Session-Id", "guessed")], &request("tools/list", json!({}))).status, 404);
    assert!(service.begin(&[]).is_ok(), "it serves all the same");
}

#[test]
fn m13_sessions_are_bounded() {
    let service = Service::start(&Agent::new(), &[]);
    let begun = (0..100).map_while(|_| service.begin(&[]).ok()).count();
    assert_eq!(begun, 64, "of one caller");
    assert_eq!(service.begin(&[]), Err(503));
}

#[test]
fn m13_streams_of_news_are_bounded() {
    let service = Service::start(&Agent::new(), &[]);
    let about = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let listen =
        request("subscriptions/listen", json!({"_meta": about, "notifications": {"resourcesListChanged": true}}));
    let headers = [
        ("Host", service.address.as_str()),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "subscriptions/listen"),
    ];
    let open = || begin(&service.address, "POST", "/mcp", &headers, listen.to_string().as_bytes());
    let is_open = |stream: &mut BufReader<TcpStream>| {
        let mut lines = stream.lines().map(Result::unwrap);
        lines.find(|line| line.contains("jsonrpc")).is_some_and(|line| line.contains("acknowledged"))
    };
    let mut streams: Vec<_> = (0..256).map(|_| open()).collect();
    assert!(streams.iter_mut().all(is_open));
    let refused = read(open());
    assert!(refused.body.contains("too many listen"), "{refused:?}");
    // Room is made by those who leave.
    streams.truncate(128);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_open(&mut open()) {
        assert!(Instant::now() < deadline, "no room is made");
    }
}

#[test]
fn m13_beyond_loopback_it_wants_tls_and_tokens() {
    let agent = Agent::new();
    let output = agent.run(&["mcp", "--agent-root", "agent", "--http", "0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("TLS"), "{output:?}");
    assert!(!agent.path("state").exists(), "nothing was begun");
}
