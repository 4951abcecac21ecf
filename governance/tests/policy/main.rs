//! The rules of `spec/POLICY.md`, by their numbers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod decisions;
mod documents;
mod place;
mod servers;
mod smuggled;

use std::path::Path;

use mcp_registry_governance::Policy;
use mcp_registry_spec::McpServerSpec;
use serde_json::{Value, json};

/// A policy that says `text` behind its version.
fn policy(text: &str) -> Policy {
    let policy = Policy::parse(&format!("version = 1\n{text}"), Path::new("/p/policy.toml"));
    assert!(policy.problems().is_empty(), "{text}: {:?}", policy.problems());
    policy
}

/// The entry of a command and its arguments.
fn stdio(line: &[&str]) -> McpServerSpec {
    let (command, args) = line.split_first().unwrap();
    spec(json!({"name": "a", "command": command, "args": args}))
}

fn spec(value: Value) -> McpServerSpec {
    McpServerSpec::from_json(value).unwrap()
}
