//! Storage that refuses: full, read-only, not permitted. The command fails, says why, and the
//! document is what it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sure_support;

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mcp_registry_test_trials::{Missing, Tried, trials};
use sure_support::{Agent, DOCUMENT, LOCK, error_of};

/// Nobody: permissions mean nothing to root.
const NOBODY: u32 = 65534;
const INSTALL: &str = "install ours --command npx --format json";

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs a command as somebody to whom permissions apply: as nobody when this is root.
fn run_unprivileged(agent: &Agent, arguments: &str) -> Output {
    if !is_root() {
        return agent.run(arguments);
    }
    // The binary may lie where nobody may look. It is not this process that copies it: a child that another
    // thread starts meanwhile would hold it open for writing, and so keep it from being run.
    let binary = agent.home().join("mcp-registry");
    if !binary.exists() {
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_mcp-registry")).arg(&binary).status().unwrap();
        assert!(copied.success());
    }
    agent.command_of(&binary, arguments).uid(NOBODY).gid(NOBODY).output().unwrap()
}

/// Gives everything to whom [`run_unprivileged`] runs as.
fn give_away(agent: &Agent) {
    if is_root() {
        for path in [agent.home().to_owned(), agent.root(), agent.document()] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
}

fn assert_refused(output: &Output, path: &str) {
    let (kind, message, retryable) = error_of(output);
    assert_eq!((kind.as_str(), retryable), ("unavailable", false), "{message}");
    assert!(message.contains(path), "{message}");
    assert!(output.stdout.is_empty());
}

fn a_read_only_folder() {
    let agent = Agent::with(DOCUMENT);
    give_away(&agent);
    set_mode(&agent.root(), 0o555);
    let install = run_unprivileged(&agent, INSTALL);
    let list = run_unprivileged(&agent, "list --format json");
    set_mode(&agent.root(), 0o755);
    assert_refused(&install, LOCK);
    assert!(list.status.success(), "reading needs no lock: {list:?}");
    assert_eq!(agent.text(), DOCUMENT);
    assert_eq!(agent.files(), ["mcp.md"]);
}

/// The lock is there from better days, so it is the temporary file that cannot be made.
fn a_read_only_folder_with_a_lock_in_it() {
    let agent = Agent::with(DOCUMENT);
    give_away(&agent);
    assert!(run_unprivileged(&agent, "install first-write --command npx").status.success());
    let before = agent.text();
    set_mode(&agent.root(), 0o555);
    let install = run_unprivileged(&agent, INSTALL);
    set_mode(&agent.root(), 0o755);
    assert_refused(&install, "mcp.md");
    assert_eq!(agent.text(), before);
    agent.assert_no_litter();
}

fn a_read_only_file() {
    let agent = Agent::with(DOCUMENT);
    give_away(&agent);
    set_mode(&agent.document(), 0o444);
    assert_refused(&run_unprivileged(&agent, INSTALL), "mcp.md");
    assert_eq!(agent.text(), DOCUMENT);
    agent.assert_no_litter();
}

fn a_file_that_may_not_be_read() {
    let agent = Agent::with(DOCUMENT);
    give_away(&agent);
    set_mode(&agent.document(), 0o000);
    let outputs = ["list --format json", "show first --format json", "validate --format json", INSTALL]
        .map(|arguments| run_unprivileged(&agent, arguments));
    set_mode(&agent.document(), 0o644);
    outputs.iter().for_each(|output| assert_refused(output, "mcp.md"));
    assert_eq!(agent.text(), DOCUMENT);
}

fn a_folder_that_may_not_be_entered() {
    let agent = Agent::with(DOCUMENT);
    give_away(&agent);
    set_mode(&agent.root(), 0o000);
    let outputs = ["list --format json", INSTALL].map(|arguments| run_unprivileged(&agent, arguments));
    set_mode(&agent.root(), 0o755);
    outputs.iter().for_each(|output| assert_refused(output, "agent"));
    assert_eq!(agent.text(), DOCUMENT);
}

/// A file that could only be replaced by one of another owner is not replaced.
fn a_file_of_another_owner() -> Tried {
    if !is_root() {
        return Err(Missing::new("only root can make a file of another owner"));
    }
    let agent = Agent::with(DOCUMENT);
    give_away(&agent);
    chown(agent.document(), Some(0), Some(0)).unwrap();
    set_mode(&agent.document(), 0o666);
    assert_refused(&run_unprivileged(&agent, INSTALL), "mcp.md");
    assert_eq!(agent.text(), DOCUMENT);
    agent.assert_no_litter();
    Ok(())
}

/// The first byte that does not fit is refused by the system, as on a full disk.
fn a_file_that_may_not_grow() {
    let agent = Agent::with(&DOCUMENT.replace("Kept", &"Kept ".repeat(400_000)));
    let before = agent.text();
    let install = agent.command(INSTALL);
    let mut command = Command::new("/bin/sh");
    // Blocks of 512 bytes, or of 1024: enough for the ledger, and for a part of the new text. A signal that is
    // ignored becomes an error.
    command.args(["-c", "trap '' XFSZ; ulimit -f 1500; exec \"$0\" \"$@\""]);
    command.arg(install.get_program()).args(install.get_args());
    command.env_clear().env("HOME", agent.home()).current_dir(agent.home());
    let output = command.output().unwrap();
    assert_refused(&output, "mcp.md");
    assert_eq!(agent.text(), before);
    agent.assert_no_litter();
}

/// A tiny file system of its own, in a mount namespace of its own; `None` where that is not permitted.
fn on_a_tiny_disk(options: &str, script: &str) -> Option<(PathBuf, tempfile::TempDir)> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("disk")).unwrap();
    let unshare: &[&str] = if is_root() { &["-m"] } else { &["-rm"] };
    let mounted = format!("mount -t tmpfs -o {options} none disk || exit 77; mkdir out; {script}");
    let output = Command::new("unshare")
        .args(unshare)
        .args(["/bin/sh", "-c", &mounted, env!("CARGO_BIN_EXE_mcp-registry")])
        .current_dir(dir.path())
        .env("HOME", dir.path())
        .env("MCP_REGISTRY_STATE_DIR", dir.path().join("state"))
        .output();
    match output {
        Ok(output) if output.status.success() => Some((dir.path().join("out"), dir)),
        Ok(output) if output.status.code() == Some(77) || !dir.path().join("out").exists() => None,
        Err(_) => None,
        Ok(output) => panic!("{output:?}"),
    }
}

/// Installs when there is no room, then when there is; what is on the disk goes to `out`.
const FILL_AND_INSTALL: &str = r#"
printf '%05000d\n' 0 > disk/mcp.md; cp disk/mcp.md out/old; : > disk/.mcp_registry.lock
FILL
"$0" install ours --command npx --format json --agent-root disk 2> out/error; echo $? > out/code
cp disk/mcp.md out/after; ls -A disk > out/files
rm -f disk/filler*
"$0" install ours --command npx --agent-root disk > out/again 2>&1; echo $? > out/again-code
ls -A disk > out/again-files; cp disk/mcp.md out/new
"#;

fn full(options: &str, fill: &str) -> Tried {
    let Some((out, _dir)) = on_a_tiny_disk(options, &FILL_AND_INSTALL.replace("FILL", fill)) else {
        return Err(Missing::new("a file system cannot be mounted here"));
    };
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let error = read("error");
    assert_eq!(read("code"), "1\n", "{error}");
    let error: serde_json::Value = serde_json::from_str(&error).unwrap();
    assert_eq!(error["error"]["kind"], "unavailable");
    assert_eq!(error["error"]["retryable"], false);
    assert!(error["error"]["message"].as_str().unwrap().contains("mcp.md"), "{error}");
    assert_eq!(read("after"), read("old"));
    assert!(!read("files").contains(".mcp.md."), "{}", read("files"));
    assert_eq!(read("again-code"), "0\n", "{}", read("again"));
    assert_eq!(read("again-files"), ".mcp_registry.lock\nmcp.md\n");
    assert!(read("new").starts_with(&read("old")));
    Ok(())
}

fn a_full_disk() -> Tried {
    // The new text takes two pages of 4 KiB, and there is one.
    full("size=16k", "head -c 4096 /dev/zero > disk/filler")
}

fn a_disk_that_takes_no_more_files() -> Tried {
    full("nr_inodes=4", ": > disk/filler")
}

trials!(
    a_read_only_folder,
    a_read_only_folder_with_a_lock_in_it,
    a_read_only_file,
    a_file_that_may_not_be_read,
    a_folder_that_may_not_be_entered,
    a_file_of_another_owner,
    a_file_that_may_not_grow,
    a_full_disk,
    a_disk_that_takes_no_more_files,
);
