//! Servers that people use, probed, pinned and called by the binary; see `pool/tests/real`.

use std::path::PathBuf;

use mcp_registry_test_server::survivors;
use mcp_registry_test_trials::{Missing, Tried};
use serde_json::{Value, json};

use crate::agent::Agent;

/// A file in the folder that `MCP_REGISTRY_TEST_SERVERS` names.
fn file(path: &str) -> Result<String, Missing> {
    let missing = || Missing::new(format!("there is no {path} where MCP_REGISTRY_TEST_SERVERS says"));
    let file = std::env::var_os("MCP_REGISTRY_TEST_SERVERS").map(PathBuf::from).ok_or_else(missing)?.join(path);
    if file.exists() { Ok(file.to_str().unwrap().to_owned()) } else { Err(missing()) }
}

pub(crate) fn s14_servers_that_people_use_are_there() -> Tried {
    let agent = Agent::new("real");
    let node = file("node_modules/node/bin/node")?;
    let script = |name: &str| file(&format!("node_modules/.bin/{name}"));
    let (time, fetch) = (file("venv/bin/mcp-server-time")?, file("venv/bin/mcp-server-fetch")?);
    agent.mount_command("everything", &node, &[&script("mcp-server-everything")?, "stdio"]);
    agent.mount_command("files", &node, &[&script("mcp-server-filesystem")?, &agent.home()]);
    agent.mount_command("time", &time, &["--local-timezone=UTC"]);
    agent.mount_command("fetch", &fetch, &["--ignore-robots-txt"]);
    agent.allow(&[&node, &time, &fetch]);
    let output = agent.run(&["probe", "--timeout", "60s", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    for server in report["servers"].as_array().unwrap() {
        assert!(server["tools"].as_u64().unwrap() > 0 && server["server"]["version"].is_string(), "{server:#}");
        assert_eq!(server["invalid_schemas"], json!([]), "{server:#}");
    }
    // They show the same the second time.
    for command in ["pin", "verify"] {
        let output = agent.run(&[command, "--timeout", "60s"]);
        assert!(output.status.success(), "{output:?}");
    }
    let output = agent.run(&["call", "time", "get_current_time", r#"{"timezone": "UTC"}"#, "--timeout", "60s"]);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("UTC"), "{output:?}");
    assert_eq!(survivors(&agent.mark), Vec::<String>::new());
    Ok(())
}
