//! What lies in the way on purpose.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::sandbox::Sandbox;

fn fifo(sandbox: &Sandbox, path: &str) {
    mknodat(CWD, sandbox.path(path), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn init_does_not_follow_the_folder_of_a_scope() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.path("root/other")).unwrap();
    std::fs::create_dir(sandbox.path("outside")).unwrap();
    for (scope, target) in [("s", "../outside"), ("t", "other"), ("u", "absent")] {
        symlink(target, sandbox.path("root").join(scope)).unwrap();
        let text = sandbox.run(&["init", "--agent-root", "root", "--scope", scope]);
        assert!(text.contains("[exit 1]") && text.contains(&format!("root/{scope}: is a symbolic link")), "{text}");
    }
    for folder in ["outside", "root/other", "root/absent"] {
        assert!(!sandbox.path(folder).join("mcp.md").exists(), "{folder}");
    }
    // The document of a scope is none either; without one, its folder is the user's own choice.
    std::fs::create_dir(sandbox.path("root/linked")).unwrap();
    symlink("../../outside/mcp.md", sandbox.path("root/linked/mcp.md")).unwrap();
    assert!(sandbox.run(&["init", "--agent-root", "root", "--scope", "linked"]).contains("[exit 1]"));
    assert!(!sandbox.path("outside/mcp.md").exists());
    assert!(sandbox.run(&["init", "--agent-root", "root", "--scope", "new"]).contains("wrote root/new/mcp.md"));
    assert!(sandbox.run(&["init", "--agent-root", "root/s"]).contains("wrote root/s/mcp.md"));
}

#[test]
fn no_folder_above_is_made() {
    let sandbox = Sandbox::new();
    for args in [&["init"][..], &["install", "a", "--command", "npx"]] {
        let text = sandbox.run(&[args, &["--agent-root", "nowhere", "--scope", "s"]].concat());
        assert!(text.contains("[exit 1]") && text.contains("make the folder above it first"), "{text}");
        assert!(!sandbox.path("nowhere").exists());
    }
}

#[test]
fn an_entry_is_read_in_bounded_time() {
    let sandbox = Sandbox::new();
    let began = Instant::now();
    let deep = format!("{{\"command\":\"x\",\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    sandbox.write("deep.json", &deep);
    sandbox.write("large.json", &"[".repeat(8 << 20));
    for (file, why) in [("deep.json", "recursion limit"), ("large.json", "1 MiB"), ("/dev/zero", "1 MiB")] {
        let text = sandbox.run(&["install", "a", "--from", file]);
        assert!(text.contains("[exit 1]") && text.contains(why), "{text}");
    }
    let text = sandbox.run_with_input(&["install", "a", "--from", "-"], &"[".repeat(8 << 20));
    assert!(text.contains("[exit 1]") && text.contains("standard input: holds no entry"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn the_configuration_file_is_a_file_of_bounded_size() {
    let sandbox = Sandbox::with_document();
    let path = "home/.config/mcp-registry/config.toml";
    sandbox.write(path, &"#".repeat((1 << 20) + 1));
    let text = sandbox.run(&["list"]);
    assert!(text.contains("[exit 1]") && text.contains("config.toml: cannot read") && text.contains("1 MiB"), "{text}");
    std::fs::remove_file(sandbox.path(path)).unwrap();
    fifo(&sandbox, path);
    let text = sandbox.run(&["list"]);
    assert!(text.contains("[exit 1]") && text.contains("no regular file"), "{text}");
}

#[test]
fn a_value_of_the_configuration_file_is_not_shown() {
    let sandbox = Sandbox::with_document();
    for line in ["options = \"hunter2\"", "format = \"hunter2\"", "backend = [\"hunter2\"]"] {
        sandbox.write("home/.config/mcp-registry/config.toml", line);
        let text = sandbox.run(&["list"]);
        assert!(text.contains("[exit 1]") && text.contains("config.toml:1: the setting"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
