//! What holds for every command.

use std::io::Read;
use std::process::Stdio;

use crate::sandbox::Sandbox;

/// Every command that works on entries, on one that refers to a variable and one that holds a literal.
const COMMANDS: &[&[&str]] = &[
    &["list"],
    &["show", "github"],
    &["show", "search"],
    &["show", "legacy"],
    &["validate"],
    &["validate", "github"],
    &["install", "github", "--command", "npx"],
    &["install", "new", "--env", "T=${SECRET_A}", "--env", "API_KEY=hunter2-literal", "--", "npx"],
    &["install", "new", "--env", "T=${SECRET_A}", "--", "npx"],
    &["update", "github", "--env", "MORE=$SECRET_B"],
    &["update", "legacy", "--env", "API_KEY=hunter2-literal-2", "--allow-literal"],
    &["capabilities"],
    &["refresh-capabilities"],
    &["backends"],
    &["doctor"],
    &["uninstall", "new"],
    &["init"],
];

#[test]
fn rule_8_no_secret_of_the_environment_appears_anywhere() {
    for format in ["table", "json", "yaml"] {
        let sandbox = Sandbox::with_document()
            .variable("GITHUB_PAT", "hunter2-pat")
            .variable("SEARCH_TOKEN", "hunter2-search")
            .variable("SECRET_A", "hunter2-a")
            .variable("SECRET_B", "hunter2-b")
            .variable("MCP_REGISTRY_AUTH_TOKEN", "hunter2-auth");
        for args in COMMANDS {
            let args = [&["--format", format], *args].concat();
            let output = sandbox.output(&args);
            for bytes in [output.stdout, output.stderr] {
                let text = String::from_utf8(bytes).unwrap();
                assert!(!text.contains("hunter2"), "{args:?}: {text}");
            }
        }
    }
}

#[test]
fn data_and_talk_do_not_mix() {
    let sandbox = Sandbox::with_document();
    for args in COMMANDS {
        let output = sandbox.output(&[&["--format", "json"], *args].concat());
        if !output.stdout.is_empty() {
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();
        }
        if !output.status.success() && output.stdout.is_empty() {
            let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
            let error = error["error"].as_object().unwrap();
            assert_eq!(error.keys().collect::<Vec<_>>(), ["kind", "message", "retryable"]);
        }
    }
}

#[test]
fn the_yaml_form_is_the_json_form() {
    let sandbox = Sandbox::with_document();
    for args in
        [&["list"][..], &["show", "github"], &["show", "legacy"], &["validate"], &["backends"], &["capabilities"]]
    {
        let json = sandbox.output(&[args, &["--format", "json"]].concat()).stdout;
        let yaml = sandbox.output(&[args, &["--format", "yaml"]].concat()).stdout;
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let yaml: serde_json::Value = serde_yaml::from_slice(&yaml).unwrap();
        assert_eq!(yaml, json, "{args:?}");
    }
}

#[test]
fn what_show_prints_installs() {
    let sandbox = Sandbox::with_document();
    for format in ["json", "yaml"] {
        let spec = sandbox.output(&["show", "search", "--format", format]).stdout;
        let spec = String::from_utf8(spec).unwrap();
        let installed = sandbox.output_with_input(&["install", "search", "--agent-root", format, "--from", "-"], &spec);
        assert!(installed.status.success(), "{installed:?}");
        let again = sandbox.output(&["show", "search", "--agent-root", format, "--format", format]).stdout;
        assert_eq!(String::from_utf8(again).unwrap(), spec);
    }
}

#[test]
fn untrusted_text_cannot_steer_the_terminal() {
    let sandbox = Sandbox::new();
    sandbox.write("mcp.md", "## a\n\ncommand: npx\ndescription: x\u{1b}[2J\u{202e}y\u{200b}\n\n## b\u{1b}]0;x\n");
    for args in [&["list"][..], &["show", "a"], &["validate"]] {
        for format in ["table", "json", "yaml"] {
            let output = sandbox.output(&[args, &["--format", format]].concat());
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{200b}']), "{text:?}");
        }
    }
    let json = sandbox.output(&["list", "--format", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["servers"][0]["description"], "x\u{1b}[2J\u{202e}y\u{200b}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let sandbox = Sandbox::new();
    let many: String = (0..20_000).map(|i| format!("## s{i}\n\ncommand: npx\n\n")).collect();
    sandbox.write("mcp.md", &many);
    for format in ["table", "json", "yaml"] {
        let mut child = sandbox
            .command(&["list", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Read a little, then go away.
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0; 10]).unwrap();
        drop(out);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{format}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_is_not_taken_is_an_error() {
    let sandbox = Sandbox::with_document();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = sandbox.command(&["list"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("standard output"));
}

#[test]
fn settings_flag_then_variable_then_file_then_the_current_folder() {
    let mut sandbox = Sandbox::new();
    for folder in [".", "flag", "variable", "file"] {
        let name = if folder == "." { "here" } else { folder };
        sandbox.write(&format!("{folder}/mcp.md"), &format!("## {name}\n\ncommand: npx\n"));
    }
    let names = |sandbox: &Sandbox, args: &[&str]| {
        let output = sandbox.output(&[&["list", "--format", "json"], args].concat());
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        json["servers"][0]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(names(&sandbox, &[]), "here");
    let root = sandbox.path("file");
    // Not the user's file: it lies in the folder one works in.
    sandbox.write("mcp-registry/config.toml", "agent_root = \"/nowhere\"");
    sandbox.write("config.toml", "agent_root = \"/nowhere\"");
    assert_eq!(names(&sandbox, &[]), "here");
    sandbox.write("home/.config/mcp-registry/config.toml", &format!("agent_root = {root:?}"));
    assert_eq!(names(&sandbox, &[]), "file");
    sandbox = sandbox.variable("MCP_REGISTRY_AGENT_ROOT", "variable");
    assert_eq!(names(&sandbox, &[]), "variable");
    assert_eq!(names(&sandbox, &["--agent-root", "flag"]), "flag");
    assert_eq!(names(&sandbox, &["--backend", "filesystem:flag"]), "flag");
}

#[test]
fn a_wrong_config_file_is_named_with_its_line() {
    let sandbox = Sandbox::with_document();
    sandbox.write("home/.config/mcp-registry/config.toml", "format = \"json\"\nagent_rot = \"/x\"\n");
    let text = sandbox.run(&["list"]);
    assert!(text.contains("[exit 1]"), "{text}");
    assert!(
        text.contains("[SANDBOX]/home/.config/mcp-registry/config.toml:2: there is no setting \"agent_rot\""),
        "{text}"
    );
}

#[test]
fn a_wrong_config_file_does_not_stop_what_it_does_not_concern() {
    let sandbox = Sandbox::with_document();
    sandbox.write("home/.config/mcp-registry/config.toml", "agent_rot = \"/x\"\n");
    for args in [&["completions", "bash"][..], &["backends"], &["backends", "--format", "json"]] {
        let output = sandbox.output(args);
        assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("warning: ") && said.contains("config.toml:1: "), "{said}");
    }
}

#[test]
fn a_name_may_begin_with_a_dash() {
    let sandbox = Sandbox::new();
    sandbox.write("mcp.md", "## -x\n\ncommand: npx\n\n## --list\n\ncommand: npx\n");
    for name in ["-x", "--list"] {
        for args in [&["show", "--format", "json"][..], &["validate"], &["uninstall"]] {
            let shown = sandbox.run(&[args, &["--", name]].concat());
            assert!(shown.contains("[exit 0]"), "{shown}");
        }
    }
    assert!(!sandbox.read("mcp.md").contains("npx"));
}

#[test]
#[cfg(unix)]
fn an_unreadable_document_names_path_and_reason() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::with_document();
    let path = sandbox.path("mcp.md");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        return; // The superuser reads everything.
    }
    let text = sandbox.run(&["list"]);
    assert!(text.contains("[exit 1]") && text.contains("mcp.md") && text.contains("ermission denied"), "{text}");
}

#[test]
fn the_example_agent_lists() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/agent");
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.run(&["list", "--agent-root", root]).replace(root, "examples/agent"));
    let output = sandbox.output(&["validate", "--agent-root", root]);
    assert!(output.status.success(), "{output:?}");
    assert!(!String::from_utf8(output.stdout).unwrap().contains("literal"), "an example holds no secrets");
}

/// What a command found out decides its exit status, whoever reads along.
#[test]
fn a_closed_pipe_hides_no_finding() {
    let sandbox = Sandbox::new();
    sandbox.write("mcp.md", "## bad\n");
    for format in ["table", "json"] {
        let mut child = sandbox
            .command(&["validate", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(1), "{format}");
    }
}

#[test]
fn rule_27_a_write_is_known_by_who_asked_for_it_also_without_variables() {
    let sandbox = Sandbox::new();
    let registry = ["--backend", "sqlite:entries.db", "--scope", "scout"];
    let mut install = sandbox.command(&[&registry[..], &["install", "time", "--", "uvx", "mcp-server-time"]].concat());
    assert!(install.env_remove("USER").output().unwrap().status.success());
    let audit = sandbox.output(&[&registry[..], &["audit", "--format", "json"]].concat());
    let audit: serde_json::Value = serde_json::from_slice(&audit.stdout).unwrap();
    assert!(audit["records"][0]["actor"].as_str().is_some_and(|actor| !actor.is_empty()), "{audit}");
}
