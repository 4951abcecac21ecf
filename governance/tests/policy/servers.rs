//! Which servers may be mounted.

use mcp_registry_governance::{Launch, Policy};
use mcp_registry_spec::{FixedEnvironment, McpServerSpec};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{policy, spec, stdio};

/// One that lists a little of everything.
pub(crate) fn servers() -> Policy {
    policy(
        r#"[servers]
commands = ["npx", "uvx", "docker", "python3", "node", "/opt/mcp/bin/node", "github-mcp-server", "bash"]
packages = ["npm:@modelcontextprotocol/*", "npm:pinned@1.2.3", "pypi:mcp-server-*", "oci:mcp/*", "file:/srv/mcp/*.js",
  "file:/srv/mcp/server.py", "module:mcp_server_time"]
launches = [["docker", "run", "-v", "/data:/data:ro", "mcp/files"], ["bash", "/srv/mcp/start.sh"]]
hosts = ["mcp.example.org", "*.internal.example.org:8443"]
env = ["UV_OFFLINE", "PIP_*"]
keys = ["x-*"]
"#,
    )
}

fn judge(spec: &McpServerSpec) -> (bool, &'static str, String) {
    let decision = servers().judge(&Launch::from(spec), None);
    (decision.allowed, decision.rule.number, decision.reason)
}

fn url(url: &str) -> McpServerSpec {
    spec(json!({"name": "a", "url": url}))
}

#[test]
fn p13_lists_that_are_missing_allow_nothing() {
    for text in ["[servers]", "[servers]\nenv = [\"PATH\"]", "[servers]\ncommands = []\nhosts = []\npackages = []"] {
        let policy = policy(text);
        for spec in [stdio(&["npx", "a"]), stdio(&["x"]), url("https://mcp.example.org/")] {
            assert!(!policy.judge(&(&spec).into(), None).allowed, "{text}");
        }
    }
    // One list is no other.
    let commands = policy("[servers]\ncommands = [\"npx\"]");
    assert_eq!(commands.judge(&(&stdio(&["npx", "a"])).into(), None).rule.number, "P16");
    let packages = policy("[servers]\npackages = [\"npm:a\"]");
    assert_eq!(packages.judge(&(&stdio(&["npx", "a"])).into(), None).rule.number, "P14");
}

#[test]
fn p14_to_p16_what_is_listed_is_allowed() {
    for (line, number) in [
        (&["npx", "-y", "@modelcontextprotocol/server-github"][..], "P16"),
        (&["npx", "--yes", "--", "@modelcontextprotocol/server-files@latest", "-c", "${ROOT}", "--call=x"], "P16"),
        (&["npx", "pinned@1.2.3"], "P16"),
        (&["uvx", "mcp-server-time", "--from", "x"], "P16"),
        (&["uvx", "-q", "--python", "3.12", "MCP_Server_Git[cli]==2.0", "-c"], "P16"),
        (&["docker", "run", "-i", "--rm", "-e", "GITHUB_TOKEN", "-e", "LEVEL=${LEVEL}", "mcp/github:1.2", "sh"], "P16"),
        (&["docker", "run", "-it", "--network=none", "--env=A=b", "--name", "x", "docker.io/mcp/time"], "P16"),
        (&["python3", "-u", "/srv/mcp/server.py", "-c", "x"], "P16"),
        (&["python3", "-I", "-m", "mcp_server_time", "-c"], "P16"),
        (&["node", "--no-warnings", "/srv/mcp/a.js", "-e"], "P16"),
        (&["/opt/mcp/bin/node", "/srv/mcp/a.js"], "P16"),
        (&["github-mcp-server", "stdio", "$HOME", "${X}"], "P14"),
        (&["docker", "run", "-v", "/data:/data:ro", "mcp/files"], "P17"),
        (&["bash", "/srv/mcp/start.sh"], "P17"),
    ] {
        let (allowed, found, reason) = judge(&stdio(line));
        assert!(allowed && found == number, "{line:?}: {found}: {reason}");
    }
}

#[test]
fn p15_what_runs_whatever_it_is_told_is_refused_although_it_is_listed() {
    for command in
        ["sh", "/bin/bash", "env", "npm", "uv", "bunx", "podman", "busybox", "perl5.36", "PowerShell.exe", "deno"]
    {
        let policy = policy(&format!("[servers]\ncommands = ['{command}']\npackages = ['npm:*', 'oci:*']"));
        let decision = policy.judge(&(&stdio(&[command, "run", "-y", "mcp/github"])).into(), None);
        assert_eq!((decision.allowed, decision.rule.number), (false, "P15"), "{command}: {}", decision.reason);
    }
}

#[test]
fn p15_a_launcher_is_told_by_its_file_without_version_and_ending() {
    for command in ["npx", "NPX", "/usr/bin/npx", "C:\\bin\\npx.cmd", "/opt/my tools/npx", "npx10"] {
        let policy = policy(&format!("[servers]\ncommands = ['{command}']\npackages = ['npm:a']"));
        let judge = |package| policy.judge(&(&stdio(&[command, package])).into(), None);
        assert!(judge("a").allowed, "{command}: {}", judge("a").reason);
        assert_eq!((judge("b").allowed, judge("b").rule.number), (false, "P16"), "{command}");
    }
}

#[test]
fn p17_a_command_line_is_listed_word_for_word() {
    for line in [
        &["docker", "run", "-v", "/data:/data", "mcp/files"][..],
        &["docker", "run", "-v", "/data:/data:ro", "mcp/files", "sh"],
        &["docker", "run", "-v", "${V}", "mcp/files"],
        &["bash", "-c", "x"],
        &["bash", "/srv/mcp/start.sh", ""],
        &["/bin/bash", "/srv/mcp/start.sh"],
    ] {
        assert!(!judge(&stdio(line)).0, "{line:?}");
    }
}

#[test]
fn p18_references_where_it_is_told_what_is_run_are_refused() {
    for entry in [
        stdio(&["npx", "${X}"]),
        stdio(&["npx", "${X:--y}", "@modelcontextprotocol/a"]),
        stdio(&["npx", "@modelcontextprotocol/${X}"]),
        stdio(&["npx", "-y", "--", "${X}"]),
        stdio(&["uvx", "${X:-mcp-server-time}"]),
        stdio(&["uvx", "--python", "${X}", "mcp-server-time"]),
        stdio(&["docker", "${X}", "mcp/github"]),
        stdio(&["docker", "run", "--name", "${X}", "mcp/github"]),
        stdio(&["docker", "run", "-e", "${X}=1", "mcp/github"]),
        stdio(&["docker", "run", "mcp/${X}"]),
        stdio(&["python3", "-m", "${X}"]),
        stdio(&["node", "/srv/mcp/${X}.js"]),
        url("${U}"),
        url("https://${H}/"),
        url("https://mcp.example.org${X}"),
        url("https://mcp.example.org:${P}/"),
        url("https://${U}@mcp.example.org/"),
        url("${S}://mcp.example.org/"),
    ] {
        let (allowed, number, reason) = judge(&entry);
        assert!(!allowed && number == "P18", "{entry:?}: {number}: {reason}");
    }
    // In a command a reference is none (rule 8), so there is nothing that it could be listed as.
    let (allowed, number, reason) = judge(&stdio(&["${X}"]));
    assert!(!allowed && number == "P14" && reason.contains("not resolved"), "{reason}");
}

#[test]
fn p19_hosts_are_listed_with_their_ports() {
    for (address, allowed) in [
        ("https://mcp.example.org/mcp?token=${T}", true),
        ("https://a.internal.example.org:8443/", true),
        ("https://a.internal.example.org/", false),
        ("https://internal.example.org:8443/", false),
        ("http://mcp.example.org/", false),
        ("https://evil.example/?mcp.example.org", false),
    ] {
        let (found, number, reason) = judge(&url(address));
        assert_eq!((found, number), (allowed, "P19"), "{address}: {reason}");
    }
    let sse = spec(json!({"name": "a", "transport": "sse", "url": "https://evil.example/"}));
    assert!(!judge(&sse).0);
}

#[test]
fn p20_variables_that_change_what_is_run_are_refused_unless_listed() {
    let with = |name: &str| {
        spec(json!({"name": "a", "command": "npx", "args": ["@modelcontextprotocol/a"], "env": {name: "$X"}}))
    };
    for name in ["GITHUB_TOKEN", "UV_OFFLINE", "PIP_CACHE_DIR"] {
        assert!(judge(&with(name)).0, "{name}");
    }
    for name in ["PATH", "LD_PRELOAD", "npm_config_registry", "UV_INDEX_URL", "uv_offline", "HOME"] {
        let (allowed, number, reason) = judge(&with(name));
        assert!(!allowed && number == "P20" && reason.contains(name), "{name}: {reason}");
    }
    // So are keys by which other programs may know where, or how, it is run, or what it may do.
    for transport in
        [json!({"command": "npx", "args": ["@modelcontextprotocol/a"]}), json!({"url": "https://mcp.example.org/"})]
    {
        let with = |key: &str| {
            let mut entry = transport.clone();
            entry["name"] = json!("a");
            entry[key] = json!("x");
            judge(&spec(entry))
        };
        for key in ["cwd", "Cwd", "envFile", "shell", "serverUrl", "headersHelper", "httpUrl", "trust", "autoApprove"] {
            let (allowed, number, reason) = with(key);
            assert!(!allowed && number == "P20" && reason.contains(key), "{key}: {reason}");
        }
        for key in ["timeout", "notes", "x-ours", "x-"] {
            assert!(with(key).0, "{key}");
        }
    }
    // A command line that is listed whole is held to it too.
    let named = json!({"name": "a", "command": "bash", "args": ["/srv/mcp/start.sh"], "env": {"BASH_ENV": "/tmp/x"}});
    assert_eq!(judge(&spec(named)).1, "P20");
}

#[test]
fn p21_the_agents_own_list_only_narrows() {
    let own = |list: &[&str]| list.iter().map(|command| (*command).to_owned()).collect::<Vec<_>>();
    let npx = stdio(&["npx", "@modelcontextprotocol/a"]);
    let evil = stdio(&["evil"]);
    let judge = |spec: &McpServerSpec, own: Option<&[String]>| {
        let decision = servers().judge(&spec.into(), own);
        (decision.allowed, decision.rule.number)
    };
    assert_eq!(judge(&npx, None), (true, "P16"));
    assert_eq!(judge(&npx, Some(&own(&["uvx", "npx"]))), (true, "P16"));
    assert_eq!(judge(&npx, Some(&own(&["uvx"]))), (false, "P21"));
    assert_eq!(judge(&npx, Some(&[])), (false, "P21"));
    assert_eq!(judge(&npx, Some(&own(&["/usr/bin/npx"]))), (false, "P21"));
    assert_eq!(judge(&evil, Some(&own(&["evil"]))), (false, "P14"));
    let named = stdio(&["bash", "/srv/mcp/start.sh"]);
    assert_eq!(judge(&named, Some(&own(&["npx"]))), (false, "P21"));
    assert_eq!(judge(&url("https://mcp.example.org/"), Some(&[])), (true, "P19"));
    // Without a table there is nothing to narrow.
    assert!(Policy::safe_default().judge(&(&evil).into(), Some(&[])).allowed);
}

#[test]
fn p22_what_was_resolved_is_judged_again_and_not_quoted() {
    let environment =
        |value: &str| FixedEnvironment::new().with("X", value).with("NAME", "hunter2").with("TOKEN", "hunter2");
    let resolved = |value: Value, x: &str| {
        let launch = spec(value).resolve(&environment(x)).unwrap();
        let decision = servers().judge(&Launch::from(&launch), None);
        assert!(!decision.reason.contains("hunter2") && !format!("{:?}", Launch::from(&launch)).contains("hunter2"));
        (decision.allowed, decision.rule.number)
    };
    let npx = |arg: &str| json!({"name": "a", "command": "npx", "args": [arg, "${TOKEN}"], "env": {"T": "$TOKEN"}});
    assert_eq!(resolved(npx("@modelcontextprotocol/${X}"), "a"), (true, "P16"));
    assert_eq!(resolved(npx("@modelcontextprotocol/${X}"), "../hunter2"), (false, "P16"));
    assert_eq!(resolved(npx("${X}"), "--call=hunter2"), (false, "P15"));
    assert_eq!(resolved(npx("${X}"), "hunter2"), (false, "P16"));
    assert_eq!(resolved(npx("${X}"), "https://u:hunter2@evil.example/a.tgz"), (false, "P16"));
    let url = json!({"name": "a", "url": "https://${X}/?t=${TOKEN}"});
    assert_eq!(resolved(url.clone(), "mcp.example.org"), (true, "P19"));
    assert_eq!(resolved(url.clone(), "hunter2.example"), (false, "P19"));
    assert_eq!(resolved(url, "mcp.example.org@hunter2"), (false, "P19"));
}

/// Words of which command lines are made.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "-y",
            "--",
            "-c",
            "-e",
            "A=b",
            "-m",
            "run",
            "-i",
            "--rm",
            "--python",
            "3.12",
            "--env=A",
            "mcp/github",
            "@modelcontextprotocol/a",
            "mcp-server-time",
            "mcp_server_time",
            "/srv/mcp/a.js",
            "evil",
            "",
        ])
        .prop_map(str::to_owned),
        "[-=@/.:a-z0-9\\[ä]{0,8}",
    ]
}

proptest! {
    #[test]
    fn p22_resolving_a_launch_without_references_changes_no_decision(
        command in prop::sample::select(vec!["npx", "uvx", "docker", "python3", "node", "bash", "github-mcp-server"]),
        args in prop::collection::vec(word(), 0..6),
    ) {
        let entry = spec(json!({"name": "a", "command": command, "args": args}));
        let launch = entry.resolve(&FixedEnvironment::new()).unwrap();
        let (written, resolved) = (servers().judge(&(&entry).into(), None), servers().judge(&(&launch).into(), None));
        prop_assert_eq!((written.allowed, written.rule), (resolved.allowed, resolved.rule));
    }

    #[test]
    fn p16_whatever_a_launcher_is_given_something_listed_must_stand_there(
        command in prop::sample::select(vec!["npx", "uvx", "docker", "python3", "node"]),
        args in prop::collection::vec(word(), 0..6),
    ) {
        let entry = spec(json!({"name": "a", "command": command, "args": args}));
        if servers().judge(&(&entry).into(), None).allowed {
            let listed = ["@modelcontextprotocol/", "mcp-server-", "mcp/", "/srv/mcp/", "mcp_server_time"];
            prop_assert!(args.iter().any(|arg| listed.iter().any(|start| arg.starts_with(start))), "{:?}", args);
        }
    }
}
