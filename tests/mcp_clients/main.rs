//! The MCP server with the protocol's own tools: the Inspector drives it, and the conformance tool holds it to
//! the protocol. `npm install` puts them into the folder that `MCP_REGISTRY_TEST_INSPECTOR` names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod conformance;
mod fixtures;
mod inspector;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use mcp_registry_test_trials::{Missing, trials};

use conformance::*;
use inspector::*;

const BINARY: &str = env!("CARGO_BIN_EXE_mcp-registry");

/// A script of npm's, and the Node that runs it.
fn script(name: &str) -> Result<Command, Missing> {
    let missing = || Missing::new(format!("{name} of npm is not installed where MCP_REGISTRY_TEST_INSPECTOR says"));
    let folder = std::env::var_os("MCP_REGISTRY_TEST_INSPECTOR").map(PathBuf::from).ok_or_else(missing)?;
    let modules = folder.join("node_modules");
    let (node, script) = (modules.join("node/bin/node"), modules.join(".bin").join(name));
    if !node.is_file() || !script.exists() {
        return Err(missing());
    }
    let mut command = Command::new(node);
    command.arg(script).env_clear().env("PATH", "/usr/bin:/bin");
    Ok(command)
}

/// An agent's folder, a home, a state folder, and a policy that lets everything be done over MCP.
struct Agent(tempfile::TempDir);

impl Agent {
    fn new() -> Self {
        let agent = Self(tempfile::tempdir().unwrap());
        for folder in ["agent", "home"] {
            std::fs::create_dir(agent.path(folder)).unwrap();
        }
        let text = "## github\n\ncommand: npx\nargs: -y, @modelcontextprotocol/server-github\n";
        std::fs::write(agent.path("agent/mcp.md"), text).unwrap();
        let policy = "version = 1\n[changes]\nenabled = true\napprove_over_mcp = true\n";
        std::fs::write(agent.path("policy.toml"), policy).unwrap();
        // A policy that others may write is refused, whatever the mask of new files is here.
        std::fs::set_permissions(agent.path("policy.toml"), PermissionsExt::from_mode(0o600)).unwrap();
        agent
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// What its servers are started with.
    fn variables(&self) -> [(&'static str, PathBuf); 2] {
        [("MCP_REGISTRY_STATE_DIR", self.path("state")), ("MCP_REGISTRY_POLICY", self.path("policy.toml"))]
    }
}

trials!(
    the_inspector_goes_from_a_preview_to_the_document,
    the_inspector_finds_the_schemas_portable,
    the_protocol_is_kept_over_http,
    the_carrier_carries_all_that_the_protocol_has,
);
