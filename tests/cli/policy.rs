//! The operator's policy: how it is checked and asked, and that writes obey it.

use crate::sandbox::Sandbox;

const POLICY: &str = r#"version = 1

[tools.registry_show]
server_patterns = ["git*"]

[tools.change_request]
allowed_scopes = ["scout"]

[changes]
enabled = true
expires_after = "8h"

[servers]
commands = ["npx", "uvx"]
packages = ["npm:@modelcontextprotocol/*", "pypi:mcp-server-time"]
hosts = ["mcp.example.org"]
"#;

const STATE: &str = "home/.local/state/mcp-registry/policy.toml";

/// Writes a policy that its owner alone may write, whatever the umask is.
fn write(sandbox: &Sandbox, file: &str, text: &str) {
    sandbox.write(file, text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let (root, path) = (sandbox.path(""), sandbox.path(file));
        let folders = path.ancestors().skip(1).take_while(|folder| folder.starts_with(&root));
        for (path, mode) in folders.map(|folder| (folder, 0o755)).chain([(&*path, 0o644)]) {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

#[test]
fn check() {
    let sandbox = Sandbox::new();
    let none = sandbox.session(&[&["policy", "check"], &["policy", "check", "--format", "json"]]);
    write(&sandbox, STATE, POLICY);
    write(&sandbox, "bare.toml", "version = 1\n");
    write(&sandbox, "wrong.toml", "version = 1\n[tools.registry_shwo]\n[changes]\nenabeld = true\n");
    let text = sandbox.session(&[
        &["policy", "check"],
        &["policy", "check", "--policy", "bare.toml", "--format", "yaml"],
        &["policy", "check", "--policy", "wrong.toml"],
        &["policy", "check", "--policy", "wrong.toml", "--format", "json"],
        &["policy", "check", "--policy", "absent.toml"],
        &["policy"],
    ]);
    assert_snapshot!(none + "\n" + &text);
}

#[test]
fn explain() {
    let sandbox = Sandbox::new();
    write(&sandbox, "policy.toml", POLICY);
    sandbox.write("spec.json", r#"{"command": "npx", "args": ["-y", "evil"]}"#);
    let sandbox = sandbox.variable("MCP_REGISTRY_POLICY", "policy.toml");
    let request = ["policy", "explain", "change_request", "--scope", "scout", "--server", "github"];
    let with = |more: &[&str]| sandbox.run(&[&request, more].concat());
    let text = [
        sandbox.run(&["policy", "explain", "registry_list"]),
        sandbox.run(&["policy", "explain", "registry_list", "--format", "json"]),
        sandbox.run(&["policy", "explain", "registry_show", "--server", "search"]),
        sandbox.run(&["policy", "explain", "change_request", "--scope", "ranger"]),
        with(&["--format", "json"]),
        with(&["--", "npx", "-y", "@modelcontextprotocol/server-github"]),
        with(&["--from", "spec.json", "--format", "json"]),
        with(&["--", "npx", "--call=evil"]),
        with(&["--url", "https://mcp.example.org@evil.example/"]),
        sandbox.run(&["policy", "explain", "change_request", "--scope", "scout", "--", "npx"]),
        sandbox.run(&["policy", "explain", "registry_show", "--server", "github", "--", "npx"]),
        sandbox.run(&["policy", "explain", "registry_shwo"]),
        sandbox.run(&["policy", "explain", "doctor", "--server", "../x"]),
        sandbox.run(&["policy", "explain", "doctor", "--policy", "absent.toml"]),
        sandbox.run(&["policy", "explain", "registry_list", "--policy", "absent.toml", "--format", "json"]),
    ];
    assert_snapshot!(text.join("\n"));
}

#[test]
fn writes() {
    let sandbox = Sandbox::new();
    sandbox.write("mcp.md", "# Scout\n\n## old\ncommand: evil\n");
    write(&sandbox, STATE, POLICY);
    let text = sandbox.session(&[
        &["install", "github", "--", "npx", "-y", "@modelcontextprotocol/server-github"],
        &["install", "search", "--url", "https://mcp.example.org/"],
        &["install", "evil", "--", "npx", "-y", "evil"],
        &["install", "evil", "--format", "json", "--", "/tmp/npx", "@modelcontextprotocol/server-github"],
        &["install", "evil", "--env", "PATH=/tmp", "--allow-literal", "--", "uvx", "mcp-server-time"],
        &["update", "github", "--", "npx", "-c", "evil"],
        &["update", "search", "--url", "https://evil.example/"],
        &["update", "old", "--description", "nothing but this"],
        &["update", "github", "--description", "Issues"],
        &["uninstall", "old"],
    ]);
    write(&sandbox, STATE, &format!("{POLICY}comands = []\n"));
    let broken = sandbox.session(&[
        &["install", "time", "--", "uvx", "mcp-server-time"],
        &["update", "github", "--description", "x"],
        &["list"],
        &["uninstall", "search"],
    ]);
    assert_snapshot!(text + "\n=== the policy is broken\n" + &broken + "\n=== mcp.md\n" + &sandbox.read("mcp.md"));
}

#[test]
fn p21_the_agents_own_list_narrows_what_may_be_written() {
    let sandbox = Sandbox::new();
    sandbox.write("mcp.md", "# Scout\n\n## Allowed commands\nuvx\nevil\n");
    let time = ["install", "time", "--", "uvx", "mcp-server-time"];
    let github = ["install", "github", "--", "npx", "@modelcontextprotocol/server-github"];
    let evil = ["install", "evil", "--", "evil"];
    write(&sandbox, STATE, POLICY);
    assert!(sandbox.output(&time).status.success());
    assert!(sandbox.run(&github).contains("(rule P21)"));
    assert!(sandbox.run(&evil).contains("(rule P14, [servers] commands)"));
    let explain = ["policy", "explain", "change_request", "--server", "a", "--", "npx", "@modelcontextprotocol/a"];
    write(&sandbox, STATE, &POLICY.replace("allowed_scopes", "# allowed_scopes"));
    assert!(sandbox.run(&explain).contains("rule    P21"));
    // Without a policy the list is for whoever starts servers, as it always was.
    std::fs::remove_file(sandbox.path(STATE)).unwrap();
    assert!(sandbox.output(&github).status.success());
    assert!(sandbox.output(&evil).status.success());
}

#[test]
fn p22_no_reason_shows_a_secret() {
    let more: &[&[&str]] = &[
        &["--", "npx", "--token=hunter2"],
        &["--", "npx", "https://me:hunter2@h/a.tgz"],
        &["--", "docker", "run", "-e", "API_KEY=hunter2", "evil"],
        &["--", "docker", "run", "me:hunter2@h"],
        &["--", "docker", "run", "--password", "hunter2", "a"],
        &["--", "uvx", "a@https://me:hunter2@h/"],
        &["--url", "https://me:hunter2@h/"],
    ];
    let sandbox = Sandbox::new();
    write(&sandbox, STATE, "version = 1\n[servers]\ncommands = [\"npx\", \"docker\", \"uvx\"]\n");
    for entry in crate::secrets::ENTRIES.iter().chain(more) {
        let explain = ["policy", "explain", "change_request", "--server", "a"];
        for (command, format) in [(&["install", "a"][..], "json"), (&explain, "json"), (&explain, "table")] {
            let output = sandbox.output(&[command, &["--allow-literal", "--format", format], entry].concat());
            assert_eq!(output.status.code(), Some(1), "{entry:?}");
            let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert!(shown.contains("P1") && !shown.contains("hunter2"), "{entry:?}: {shown}");
        }
    }
}

#[test]
fn p13_migrate_copies_only_what_may_be_mounted() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "from/scout/mcp.md",
        "## evil\ncommand: evil\n\n## there\ncommand: evil\n\n## time\ncommand: uvx\nargs: mcp-server-time\n",
    );
    sandbox.write("to/scout/mcp.md", "## there\ncommand: evil\n");
    write(&sandbox, STATE, POLICY);
    let migrate = ["migrate", "--from", "filesystem:from", "--to", "filesystem:to"];
    for more in [&["--dry-run"][..], &[]] {
        let text = sandbox.run(&[&migrate, more].concat());
        assert!(text.contains("[exit 1]") && text.contains("(rule P14, [servers] commands)"), "{text}");
        assert!(!text.contains("\"there\""), "{text}");
    }
    let copied = sandbox.read("to/scout/mcp.md");
    assert!(copied.contains("## time") && !copied.contains("## evil"), "{copied}");
    write(&sandbox, STATE, "version = 2\n");
    sandbox.write("other/scout/mcp.md", "");
    let text = sandbox.run(&["migrate", "--from", "filesystem:from", "--to", "filesystem:other"]);
    assert!(text.contains("the policy cannot be used") && sandbox.read("other/scout/mcp.md").is_empty(), "{text}");
}

#[cfg(unix)]
#[test]
fn p3_a_policy_that_others_may_write_stops_writes() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    write(&sandbox, STATE, "version = 1\n");
    std::fs::set_permissions(sandbox.path(STATE), std::fs::Permissions::from_mode(0o666)).unwrap();
    let text = sandbox.run(&["install", "a", "--", "npx"]);
    assert!(text.contains("[exit 1]") && text.contains("others than its owner may write it"), "{text}");
    assert!(!sandbox.path("mcp.md").exists());
}
