//! The Python reference, `atomic-agents-stack`, as a client of our service.

use std::path::PathBuf;
use std::process::{Command, Output};

use mcp_registry_test_trials::{Missing, Tried};

use crate::peer;
use crate::service::Service;

const SCOPE: &str = "scout";
/// Where the service keeps its entries, seen from its home.
const STORE: &str = "sqlite:.local/share/mcp-registry/catalog.db";
const SECRET: &str = "hunter2-of-the-environment";

/// The reference with a catalog, and with a variable that an entry refers to.
struct Reference {
    program: PathBuf,
    url: String,
    token: String,
    home: tempfile::TempDir,
}

impl Reference {
    fn of(service: &Service, token: String) -> Result<Self, Missing> {
        Ok(Self {
            program: peer("atomic-agents")?,
            url: format!("{}?agent_scope={SCOPE}", service.url),
            token,
            home: tempfile::tempdir().unwrap(),
        })
    }

    fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("ATOMIC_AGENTS_MCP_SERVER_REGISTRY_BACKEND", "http")
            .env("ATOMIC_AGENTS_MCP_SERVER_REGISTRY_BACKEND_URL", &self.url)
            .env("ATOMIC_AGENTS_MCP_SERVER_REGISTRY_AUTH_TOKEN", &self.token)
            .env("GITHUB_PAT", SECRET)
            .current_dir(self.home.path());
        command
    }

    fn run(&self, arguments: &str) -> Output {
        let mut command = self.command(self.program.clone());
        command.arg("mcp-registry").args(arguments.split_whitespace()).output().unwrap()
    }

    fn done(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

pub(crate) fn the_reference_reads_and_writes() -> Tried {
    let service = Service::start(&[]);
    let reference = Reference::of(&service, service.token(SCOPE, "writer", &[]))?;
    let list = || reference.done("list");
    assert!(!list().contains("github"), "{}", list());
    reference.done(
        "install github --command npx --args server-github,--verbose --env GITHUB_TOKEN=$GITHUB_PAT --description Issues",
    );
    assert!(list().contains("github") && list().contains("Issues"), "{}", list());
    reference.done("validate github");

    let shown = service.run(&["show", "github", "--format", "json", "--scope", SCOPE, "--backend", STORE]);
    let entry: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap_or_else(|_| panic!("{shown:?}"));
    assert_eq!(
        entry,
        serde_json::json!({
            "name": "github", "transport": "stdio", "command": "npx", "args": ["server-github", "--verbose"],
            "env": {"GITHUB_TOKEN": "$GITHUB_PAT"}, "description": "Issues",
        })
    );

    reference.done("uninstall github");
    reference.done("uninstall github");
    assert!(!list().contains("github"), "{}", list());
    Ok(())
}

pub(crate) fn the_reference_is_told_what_it_may_not() -> Tried {
    let service = Service::start(&[]);
    let writer = Reference::of(&service, service.token(SCOPE, "writer", &[]))?;
    writer.done("install time --command uvx --args mcp-server-time");
    let again = writer.run("install time --command uvx --args mcp-server-time");
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && said.contains("already installed"), "{again:?}");

    let reader = Reference::of(&service, service.token(SCOPE, "reader", &[]))?;
    assert!(reader.done("list").contains("time"));
    assert!(!reader.run("install more --command npx").status.success());
    assert!(!reader.done("list").contains("more"));

    let nobody = Reference::of(&service, "nothing".to_owned())?;
    let refused = nobody.run("list");
    assert!(!refused.status.success(), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("401"), "{refused:?}");
    Ok(())
}

/// What its library makes of our entries; it knows stdio servers only, and resolves as it loads.
const LOAD: &str = r#"
import json, pathlib, sys
from atomic_agents.mcp_registry import get_default_mcp_server_registry_backend as default
registry = default(pathlib.Path("."), [])
one = registry.load_mcp_server("github")
many = registry.load_all_mcp_servers()
capabilities = registry.refresh_capabilities()
json.dump({
    "one": [one.name, one.command, list(one.args), dict(one.env), one.description],
    "many": [server.name for server in many],
    "equal": one == [server for server in many if server.name == "github"][0],
    "install": capabilities.supports_install,
    "listed": [[ref.name, ref.transport, ref.description] for ref in registry.list_mcp_servers()],
}, sys.stdout)
registry.close()
"#;

pub(crate) fn the_references_library_loads_what_we_store() -> Tried {
    let service = Service::start(&[]);
    let reference = Reference::of(&service, service.token(SCOPE, "reader", &[]))?;
    let python = peer("python")?;
    for entry in [
        "install github --command npx --args server-github,--verbose --env GITHUB_TOKEN=$GITHUB_PAT --description Issues",
        "install time --command uvx --args mcp-server-time",
    ] {
        let arguments: Vec<_> = entry.split_whitespace().chain(["--scope", SCOPE, "--backend", STORE]).collect();
        let output = service.run(&arguments);
        assert!(output.status.success(), "{output:?}");
    }
    let output = reference.command(python).args(["-c", LOAD]).output().unwrap();
    let loaded: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(
        loaded,
        serde_json::json!({
            "one": ["github", "npx", ["server-github", "--verbose"], {"GITHUB_TOKEN": SECRET}, "Issues"],
            "many": ["github", "time"],
            "equal": true,
            "install": false,
            "listed": [["github", "stdio", "Issues"], ["time", "stdio", ""]],
        })
    );
    Ok(())
}
