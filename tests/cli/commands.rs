//! Each command's exit status and both streams.

use crate::sandbox::Sandbox;

#[test]
fn list() {
    assert_snapshot!(Sandbox::with_document().session(&[
        &["list"],
        &["list", "--format", "json"],
        &["list", "--format", "yaml"],
        &["--color", "always", "list"],
        &["list", "--agent-root", "nowhere"],
        &["list", "--agent-root", "nowhere", "--format", "json"],
        &["list", "--agent-root", "bin/npx"],
        &["list", "--backend", "pigeon://me:hunter2@loft/", "--format", "json"],
    ]));
}

#[test]
fn list_fits_the_width() {
    assert_snapshot!(Sandbox::with_document().variable("COLUMNS", "36").run(&["list"]));
}

#[test]
fn show() {
    assert_snapshot!(Sandbox::with_document().session(&[
        &["show", "github"],
        &["show", "search"],
        &["show", "legacy"],
        &["show", "legacy", "--format", "json"],
        &["show", "github", "--format", "json"],
        &["show", "search", "--format", "yaml"],
        &["show", "githbu"],
        &["show", "githbu", "--format", "json"],
        &["show", "broken"],
        &["show", "../etc"],
    ]));
}

#[test]
fn validate() {
    assert_snapshot!(Sandbox::with_document().variable("GITHUB_PAT", "set").session(&[
        &["validate"],
        &["validate", "--format", "json"],
        &["validate", "github"],
        &["validate", "search", "--format", "json"],
        &["validate", "githbu"],
        &["validate", "githbu", "--format", "json"],
        &["validate", "--agent-root", "nowhere", "--format", "json"],
    ]));
}

#[test]
fn install() {
    let sandbox = Sandbox::with_document();
    sandbox.write("spec.json", r#"{"mcpServers": {"wrapped": {"type": "http", "url": "https://h.example/"}}}"#);
    sandbox.write("masked.json", r#"{"name": "wrong", "command": "npx", "env": {"K": "***"}, "masked": ["env.K"]}"#);
    let text = sandbox.session(&[
        &["install", "memory", "--description", "Remembers", "--", "npx", "-y", "a,b", ""],
        &[
            "install",
            "ordered",
            "--command",
            "npx",
            "--arg",
            "-x,y",
            "--args",
            "a,b",
            "--arg",
            "--z",
            "--format",
            "json",
        ],
        &["install", "remote", "--url", "https://h.example/", "--header", "Authorization: Bearer ${T}"],
        &["install", "events", "--url", "https://h.example/", "--transport", "sse"],
        &["install", "wrapped", "--from", "spec.json"],
        &["install", "memory", "--command", "npx"],
        &["install", "broken", "--command", "npx", "--format", "json"],
        &["install", "secret", "--env", "API_KEY=hunter2-literal", "--", "npx"],
        &["install", "secret", "--env", "API_KEY=hunter2-literal", "--allow-literal", "--", "npx"],
        &["install", "wrong", "--env", "HUNTER=$HOME/hunter2", "--", "npx"],
        &["install", "wrong", "--env", "hunter2", "--", "npx"],
        &["install", "wrong", "--env", "A=1", "--env", "A=2", "--", "npx"],
        &["install", "wrong", "--transport", "pigeon", "--url", "https://h.example/"],
        &["install", "wrong", "--from", "masked.json"],
        &["install", "wrong", "--from", "absent.json"],
        &["install", "wrong", "--from", "absent.json", "--command", "npx"],
        &["install", "wrong"],
        &["install", "no/name", "--command", "npx", "--format", "json"],
    ]);
    let text =
        text + "\n" + &sandbox.run_with_input(&["install", "piped", "--from", "-"], "command: npx\nteam: blue\n");
    assert_snapshot!(text + "\n=== mcp.md\n" + &sandbox.read("mcp.md"));
}

#[test]
fn update() {
    let sandbox = Sandbox::with_document();
    let pinned = format!("sha256:{}", "0".repeat(64));
    let text = sandbox.session(&[
        &["update", "github", "--env", "LEVEL=high", "--clear", "env.GITHUB_TOKEN", "--description", "Issues"],
        &["update", "github", "--description", "Issues", "--format", "json"],
        &["update", "github", "--", "uvx", "github-server"],
        &["update", "search", "--header", "authorization: Bearer ${OTHER}", "--transport", "sse"],
        &["update", "search", "--command", "npx"],
        &["update", "search", "--clear", "headers", "--command", "npx"],
        &["update", "legacy", "--description", "old"],
        &["update", "legacy", "--description", "old", "--allow-literal"],
        &["update", "github", "--description", "x", "--digest", &pinned, "--format", "json"],
        &["update", "github", "--description", "x", "--digest", "sha256:xyz"],
        &["update", "github", "--clear", "env.ABSENT"],
        &["update", "github"],
        &["update", "githbu", "--description", "x"],
        &["update", "broken", "--description", "x"],
    ]);
    assert_snapshot!(text + "\n=== mcp.md\n" + &sandbox.read("mcp.md"));
}

#[test]
fn uninstall() {
    let sandbox = Sandbox::with_document();
    let pinned = format!("sha256:{}", "0".repeat(64));
    let text = sandbox.session(&[
        &["uninstall", "github", "--digest", &pinned],
        &["uninstall", "github"],
        &["uninstall", "github"],
        &["uninstall", "serch", "--format", "json"],
        &["uninstall", "broken"],
    ]);
    assert_snapshot!(text + "\n=== mcp.md\n" + &sandbox.read("mcp.md"));
}

#[test]
fn capabilities() {
    assert_snapshot!(Sandbox::with_document().session(&[
        &["capabilities"],
        &["capabilities", "--format", "json"],
        &["refresh-capabilities", "--format", "yaml"],
        &["backends"],
        &["backends", "--format", "json"],
    ]));
}

#[test]
fn init() {
    let sandbox = Sandbox::new();
    let missing = sandbox.run(&["init", "--agent-root", "agents/scout"]);
    std::fs::create_dir(sandbox.path("agents")).unwrap();
    let text = sandbox.session(&[
        &["init", "--agent-root", "agents/scout"],
        &["init", "--agent-root", "agents/scout"],
        &["install", "a", "--agent-root", "agents/scout", "--command", "npx"],
        &["uninstall", "a", "--agent-root", "agents/scout"],
        &["list", "--agent-root", "agents/scout"],
        &["validate", "--agent-root", "agents/scout"],
        &["init", "--agent-root", "bin/npx"],
    ]);
    assert_snapshot!(missing + "\n" + &text + "\n=== mcp.md\n" + &sandbox.read("agents/scout/mcp.md"));
}

#[test]
fn usage() {
    assert_snapshot!(Sandbox::new().session(&[
        &[],
        &["--version"],
        &["lst"],
        &["list", "--fromat", "json"],
        &["list", "--format=json", "--token=hunter2hunter2"],
        &["list", "--format", "jsno"],
        &["list", "--agent-root", "a", "--backend", "http"],
        &["--agent-root", "a", "list", "--agent-root", "b"],
        &["list", "-o", "hunter2"],
        &["list", "-o", "lock_timeuot=3"],
        &["list", "-o", "lock_timeout=soon"],
        &["list", "--scope", "../x", "--format", "json"],
        &["show"],
        &["list", "\nUsage: https://u:hunter2@h token=hunter2"],
        &["install", "a", "--env", "API_KEY", "hunter2"],
        &["install", "a", "--env", "API_KEY", "hunter2", "--format", "json"],
        &["install", "a", "--env", "API_KEY=$HOME/hunter2", "--", "npx"],
    ]));
}

/// In front of `--` and a command, such a name is an option's value.
#[test]
fn a_name_may_begin_with_a_dash() {
    let sandbox = Sandbox::with_document();
    for args in [
        &["install", "--name=-x", "--", "npx"][..],
        &["update", "--name", "-x", "--description", "d"],
        &["show", "--", "-x"],
        &["validate", "--", "-x"],
        &["uninstall", "--", "-x"],
    ] {
        let text = sandbox.run(args);
        assert!(text.contains("[exit 0]") && text.contains("-x"), "{text}");
    }
    let both = sandbox.run(&["install", "a", "--name=-x", "--", "npx"]);
    assert!(both.contains("[exit 2]") && both.contains("cannot be used with"), "{both}");
}

#[test]
fn help() {
    let sandbox = Sandbox::new();
    for command in [
        "list",
        "show",
        "validate",
        "install",
        "update",
        "uninstall",
        "capabilities",
        "refresh-capabilities",
        "probe",
        "tools",
        "call",
        "run",
        "pin",
        "verify",
        "audit",
        "migrate",
        "serve",
        "mcp",
        "token",
        "agents",
        "policy",
        "changes",
        "ledger",
        "doctor",
        "present",
        "heartbeat",
        "backends",
        "conformance",
        "init",
        "completions",
    ] {
        assert_snapshot!(format!("help_{command}"), sandbox.run(&[command, "--help"]));
    }
    for action in ["create", "list", "revoke"] {
        assert_snapshot!(format!("help_token_{action}"), sandbox.run(&["token", action, "--help"]));
    }
    for action in ["require", "release", "requirements"] {
        assert_snapshot!(format!("help_agents_{action}"), sandbox.run(&["agents", action, "--help"]));
    }
    for action in ["check", "explain"] {
        assert_snapshot!(format!("help_policy_{action}"), sandbox.run(&["policy", action, "--help"]));
    }
    for action in ["list", "show", "approve", "reject", "cancel", "watch"] {
        assert_snapshot!(format!("help_changes_{action}"), sandbox.run(&["changes", action, "--help"]));
    }
    for action in ["verify", "accept", "show"] {
        assert_snapshot!(format!("help_ledger_{action}"), sandbox.run(&["ledger", action, "--help"]));
    }
}

#[test]
fn completions() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = sandbox.output(&["completions", shell]);
        assert!(output.status.success());
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("refresh-capabilities"), "{shell}");
    }
}
