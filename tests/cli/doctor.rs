//! `doctor`: what it finds, and that it changes nothing.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mcp_registry_governance::{Event, Ledger, Record, StateFolder};
use mcp_registry_spec::FixedEnvironment;
use mcp_registry_store::sqlx::query;

use crate::sandbox::Sandbox;

const STATE: &str = "home/.local/state/mcp-registry";

/// Every file and folder, with its mode and content.
fn everything(folder: &Path) -> BTreeMap<String, (u32, Option<Vec<u8>>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let about = path.symlink_metadata().unwrap();
            found.insert(path.display().to_string(), (about.permissions().mode(), std::fs::read(&path).ok()));
            if about.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

fn chmod(sandbox: &Sandbox, file: &str, mode: u32) {
    std::fs::set_permissions(sandbox.path(file), std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The agent's folder and its document as they should be, whatever the umask is.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("agent/mcp.md", "## time\ncommand: npx\n");
    chmod(&sandbox, "agent", 0o755);
    chmod(&sandbox, "agent/mcp.md", 0o644);
    for folder in ["", "home"] {
        chmod(&sandbox, folder, 0o755);
    }
    sandbox.variable("MCP_REGISTRY_AGENT_ROOT", "agent")
}

/// The state folder with a file of its own.
fn with_state(sandbox: &Sandbox, file: &str, text: &str) {
    sandbox.write(&format!("{STATE}/{file}"), text);
    let state = Path::new(STATE);
    for folder in state.ancestors().take_while(|folder| folder.starts_with("home/.local")) {
        chmod(sandbox, folder.to_str().unwrap(), 0o700);
    }
    chmod(sandbox, &format!("{STATE}/{file}"), 0o600);
}

#[test]
fn all_is_well() {
    let sandbox = sandbox();
    let before = everything(&sandbox.path(""));
    let new = sandbox.session(&[&["doctor"], &["doctor", "--format", "json"], &["--color", "always", "doctor"]]);
    assert_eq!(everything(&sandbox.path("")), before, "it changed something");
    with_state(&sandbox, "policy.toml", "version = 1\n[servers]\ncommands = [\"npx\"]\n");
    chmod(&sandbox, &format!("{STATE}/policy.toml"), 0o644);
    assert_snapshot!(new + "\n" + &sandbox.run(&["doctor"]));
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let mut text = String::new();
    let mut told = |sandbox: &Sandbox, args: &[&str]| {
        text += &sandbox.run(args);
        text += "\n";
    };

    let agent = sandbox();
    agent.write("agent/mcp.md", "## time\ncommand: npx\n## broken\n## \u{1b}[2Jtitle\n");
    agent.write("agent/.mcp.md.7.part", "");
    agent.write("agent/mcp.md.saved-1", "");
    chmod(&agent, "agent", 0o777);
    told(&agent, &["doctor"]);
    chmod(&agent, "agent", 0o755);
    chmod(&agent, "agent/mcp.md", 0o444);
    std::fs::remove_file(agent.path("agent/mcp.md.saved-1")).unwrap();
    told(&agent, &["doctor", "--format", "yaml"]);
    told(&agent, &["doctor", "--agent-root", "nowhere"]);
    told(&agent, &["doctor", "--agent-root", "bin/npx"]);
    told(&agent, &["doctor", "--backend", "pigeon://me:hunter2@loft/", "--format", "json"]);

    let state = sandbox();
    with_state(&state, "policy.toml", "version = true\n");
    with_state(&state, "ledger.jsonl", "{\"seq\":1}\n");
    told(&state, &["doctor"]);
    std::fs::remove_file(state.path(&format!("{STATE}/ledger.jsonl"))).unwrap();
    with_state(&state, "other", "");
    chmod(&state, &format!("{STATE}/other"), 0o644);
    told(&state, &["doctor", "--format", "json"]);
    chmod(&state, STATE, 0o777);
    told(&state, &["doctor"]);
    told(&sandbox().variable("MCP_REGISTRY_STATE_DIR", "here"), &["doctor"]);
    assert_snapshot!(text);
}

/// A row of the ledger, and a change that stands so.
async fn record(folder: &StateFolder, state: &'static str) {
    let store = folder.database().unwrap();
    let ledger = Ledger::new(store.clone(), Some(folder.ledger()));
    ledger.record(vec![Record { event: Some(Event::Denial), ..Record::default() }]).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    let insert = query(
        "INSERT INTO mcp_changes (id, identity, state, action, backend_id, locator, name, difference, requested_by,
         actor_role, approval_reason, source, mode, priority, created_at, expires_at)
         VALUES ($1, $1, $1, 'install', 'x', 'x', 'x', '', 'x', 'OPS', 'x', 'cli', 'claimed', 0, 0, 1)",
    );
    transaction.execute(insert.bind(state)).await.unwrap();
    transaction.commit().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn what_is_kept_is_looked_at_and_left_as_it_is() {
    let sandbox = sandbox();
    with_state(&sandbox, "policy.toml", "version = 1\n");
    let home = sandbox.path("home").display().to_string();
    let folder = StateFolder::find(&FixedEnvironment::new().with("HOME", &home)).unwrap();
    folder.prepare().unwrap();
    let lines = |text: &str, name: &str| -> Vec<_> {
        text.lines().filter(|line| line.contains(name)).map(str::to_owned).collect()
    };

    record(&folder, "pending").await;
    let exported = sandbox.read(&format!("{STATE}/ledger.jsonl"));
    let well = sandbox.run(&["doctor"]);
    assert!(well.contains("[exit 0]") && well.contains("pass  ledger     1 row; the head is 1:sha256:"), "{well}");
    assert_eq!(lines(&well, "  export  "), ["pass  export     ledger.jsonl is the same"]);
    // It is long over, and is not ended by a look.
    assert_eq!(lines(&well, "  changes  "), ["pass  changes    1 waiting for a decision"]);

    record(&folder, "interrupted").await;
    sandbox.write(&format!("{STATE}/ledger.jsonl"), &exported);
    let cut = sandbox.run(&["doctor"]);
    assert!(cut.contains("[exit 1]") && cut.contains("pass  ledger     2 rows, "), "{cut}");
    assert!(lines(&cut, "  export  ").iter().all(|line| line.starts_with("fail  export     row 2: ")), "{cut}");
    let changes =
        "warn  changes    1 waiting for a decision; 1 interrupted, of which nobody knows yet whether they are done";
    assert_eq!(lines(&cut, "  changes  "), [changes]);
    assert!(cut.contains("changes list --status interrupted"), "{cut}");
    assert_eq!(sandbox.read(&format!("{STATE}/ledger.jsonl")), exported, "the export was completed");

    // One that was settled is at its end.
    let store = folder.database().unwrap();
    let mut transaction = store.begin().await.unwrap();
    let settle = query("UPDATE mcp_changes SET finished_at = 1 WHERE state = 'interrupted'");
    assert_eq!(transaction.execute(settle).await.unwrap(), 1);
    transaction.commit().await.unwrap();
    store.close().await;
    let settled = sandbox.run(&["doctor"]);
    assert_eq!(lines(&settled, "  changes  "), ["pass  changes    1 waiting for a decision"]);
}

/// Tried as one who may not do everything, which root may.
#[tokio::test]
async fn l8_a_state_that_cannot_be_written_is_told_with_its_cause() {
    let sandbox = sandbox();
    let home = sandbox.path("home").display().to_string();
    let folder = StateFolder::find(&FixedEnvironment::new().with("HOME", &home)).unwrap();
    folder.prepare().unwrap();
    record(&folder, "pending").await;
    let owner = if rustix::process::geteuid().is_root() { 65_534 } else { rustix::process::geteuid().as_raw() };
    for path in everything(&sandbox.path("")).into_keys() {
        std::os::unix::fs::chown(path, Some(owner), Some(owner)).ok();
    }
    // Where it was built may be closed to that user.
    let binary = sandbox.path("bin/mcp-registry");
    std::fs::copy(env!("CARGO_BIN_EXE_mcp-registry"), &binary).unwrap();
    for (file, locked, open) in [("", 0o500, 0o700), ("/governance.db", 0o400, 0o600), ("/ledger.jsonl", 0o400, 0o600)]
    {
        let file = format!("{STATE}{file}");
        chmod(&sandbox, &file, locked);
        let mut doctor = std::process::Command::new(&binary);
        doctor.args(["doctor", "--agent-root", "agent"]).env_clear().env("HOME", &home).current_dir(sandbox.path(""));
        let output = std::os::unix::process::CommandExt::uid(&mut doctor, owner).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let expected = format!("fail  state      {} cannot be written", sandbox.path(&file).display());
        assert!(told.contains(&expected) && told.contains("Permission denied"), "{told}");
        chmod(&sandbox, &file, open);
    }
}

#[test]
fn settings_that_contradict_each_other_are_a_failed_check() {
    let told = sandbox().run(&["doctor", "--backend", "sqlite:a.db", "--agent-root", "agent"]);
    assert!(told.contains("[exit 1]") && told.contains("fail  backend    "), "{told}");
}
