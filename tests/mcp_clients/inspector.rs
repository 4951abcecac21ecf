//! The Inspector, each step in a new process: of itself, and of the server.

use std::process::Output;

use mcp_registry_test_trials::{Missing, Tried};
use serde_json::Value;

use crate::{Agent, BINARY, script};

impl Agent {
    /// Has the Inspector start an operator's server and ask it one thing.
    fn inspect(&self, arguments: &[&str]) -> Result<Output, Missing> {
        let mut command = script("mcp-inspector")?;
        command.args(["--cli", BINARY, "mcp", "--agent-root"]).arg(self.path("agent")).arg("--operator");
        for (name, value) in self.variables() {
            command.arg("-e").arg(format!("{name}={}", value.display()));
        }
        Ok(command.args(arguments).env("HOME", self.path("home")).current_dir(self.path("home")).output().unwrap())
    }

    /// Calls a tool; the exit status says that it did what was asked.
    fn call(&self, tool: &str, arguments: &[&str]) -> Result<Value, Missing> {
        let call = ["--method", "tools/call", "--tool-name", tool];
        let with = if arguments.is_empty() { &[][..] } else { &["--tool-arg"] };
        let output = self.inspect(&[&call[..], with, arguments].concat())?;
        assert!(output.status.success(), "{tool}: {output:?}");
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(result["isError"], false, "{tool}: {result}");
        Ok(result["structuredContent"].clone())
    }
}

const CHANGE: [&str; 3] =
    ["action=install", "name=time", r#"entry={"command":"uvx","args":["mcp-server-time","--local-timezone=UTC"]}"#];

pub(crate) fn the_inspector_goes_from_a_preview_to_the_document() -> Tried {
    let agent = Agent::new();
    let listing = agent.call("registry_list", &[])?;
    assert_eq!(listing["servers"][0]["name"], "github");
    let preview = agent.call("change_preview", &CHANGE)?;
    assert_eq!(preview["mutation_gate"], "open");
    let identity = format!("identity={}", preview["identity"].as_str().unwrap());
    let form = ["confirm=true", "actor_role=ops", "requested_by=agent", "approval_reason=what time is it", &identity];
    let requested = agent.call("change_request", &[&CHANGE[..], &form].concat())?;
    assert_eq!(requested["approval"]["state"], "pending");
    let id = format!("id={}", requested["approval"]["id"].as_str().unwrap());
    assert_eq!(agent.call("approval_get", &[&id])?["approval"]["state"], "pending");
    let document = || std::fs::read_to_string(agent.path("agent/mcp.md")).unwrap();
    assert!(!document().contains("time"), "{}", document());
    let approved = agent.call("approval_approve", &[&id])?;
    assert_eq!(approved["execution"]["state"], "completed", "{approved}");
    assert!(document().contains("## time") && document().contains("mcp-server-time"), "{}", document());
    // What is refused is told by the exit status too.
    let call = ["--method", "tools/call", "--tool-name", "approval_approve", "--tool-arg", &id];
    let again = agent.inspect(&call)?;
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stdout).contains("conflict"), "{again:?}");
    Ok(())
}

pub(crate) fn the_inspector_finds_the_schemas_portable() -> Tried {
    let output = Agent::new().inspect(&["--method", "tools/list", "--strict"])?;
    assert!(output.status.success(), "{output:?}");
    let tools: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(tools["tools"].as_array().unwrap().len(), 12);
    Ok(())
}
