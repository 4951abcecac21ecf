//! What a server answers.

use std::collections::HashMap;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{LONG, heard, say};

/// Tools of every kind of answer.
pub(crate) fn usual() -> Vec<Value> {
    named(&["echo", "fail", "refuse", "slow", "environment", "die", "garbage", "stop-reading", "confess"])
}

/// Tools of these names.
pub(crate) fn named(names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| tool(name)).collect()
}

/// As many tools.
pub(crate) fn numbered(count: usize) -> Vec<Value> {
    (0..count).map(|number| tool(&format!("tool_{number}"))).collect()
}

fn tool(name: &str) -> Value {
    let kind = if name.ends_with("invalid") { "no type" } else { "string" };
    json!({"name": name, "description": format!("does {name}"),
        "inputSchema": {"type": "object", "properties": {"text": {"type": kind}}}})
}

/// Answers what `answers` says to, and nothing else; `tools` are listed.
pub(crate) fn speak(answers: impl Fn(&str) -> bool, tools: &[Value]) {
    converse(|method, message| {
        if !answers(method) {
            return;
        }
        match method {
            "initialize" => result(message, &welcome(&message["params"]["protocolVersion"])),
            "tools/list" => result(message, &json!({"tools": tools})),
            "tools/call" => call(message),
            _ => {}
        }
    });
}

/// Answers everything with an error.
pub(crate) fn refuse(words: &str) {
    converse(|_, message| error(message, words));
}

/// Claims to speak that version of the protocol.
pub(crate) fn of_version(version: &str) {
    converse(|method, message| {
        if method == "initialize" {
            result(message, &welcome(&json!(version)));
        }
    });
}

/// Lists its tools on pages that lead back to the first.
pub(crate) fn circle() {
    converse(|method, message| match method {
        "initialize" => result(message, &welcome(&message["params"]["protocolVersion"])),
        "tools/list" => result(message, &json!({"tools": [], "nextCursor": "again"})),
        _ => {}
    });
}

fn welcome(version: &Value) -> Value {
    json!({"protocolVersion": version, "capabilities": {"tools": {}},
        "serverInfo": {"name": "misbehaving", "version": "1.2.3"}, "instructions": "be careful"})
}

fn call(message: &Value) {
    let params = &message["params"];
    let text = |text: &str| json!({"content": [{"type": "text", "text": text}]});
    match params["name"].as_str().unwrap_or_default() {
        "echo" => {
            let mut answer = text(&params["arguments"].to_string());
            answer["structuredContent"] = params["arguments"].clone();
            result(message, &answer);
        }
        "confess" => result(message, &text("hunter2plain it is\nAuthorization: Bearer abcdefgh12345678")),
        "fail" => {
            let mut answer = text("it did not work");
            answer["isError"] = json!(true);
            result(message, &answer);
        }
        "environment" => {
            let all: HashMap<_, _> = std::env::vars().collect();
            result(message, &json!({"content": [], "structuredContent": all}));
        }
        // Says how far it is, and is never done.
        "slow" => {
            let token = &params["_meta"]["progressToken"];
            for step in 1..=3 {
                say(&json!({"jsonrpc": "2.0", "method": "notifications/progress",
                    "params": {"progressToken": token, "progress": step, "total": 9, "message": "working"}})
                .to_string());
                sleep(Duration::from_millis(5));
            }
        }
        "die" => {
            let _ = writeln!(std::io::stderr(), "gone with hunter2plain");
            std::process::exit(7);
        }
        "garbage" => say("no message"),
        "stop-reading" => sleep(LONG),
        _ => error(message, "no such thing, hunter2plain"),
    }
}

/// Reads messages to their end. What was cancelled is written to standard error.
fn converse(mut answer: impl FnMut(&str, &Value)) {
    for line in heard() {
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let method = message["method"].as_str().unwrap_or_default();
        if method == "notifications/cancelled" {
            let _ = writeln!(std::io::stderr(), "cancelled {}", message["params"]["requestId"]);
            if let Ok(path) = std::env::var("CANCELLED_FILE") {
                let _ = std::fs::write(path, "cancelled");
            }
        }
        answer(method, &message);
    }
}

fn result(message: &Value, result: &Value) {
    say(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string());
}

fn error(message: &Value, words: &str) {
    if !message["id"].is_null() {
        say(&json!({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32000, "message": words}}).to_string());
    }
}
