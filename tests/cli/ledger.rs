//! The ledger: every write of the command line is on record, and what is not is found.

use serde_json::Value;

use crate::sandbox::Sandbox;

const STATE: &str = "home/.local/state/mcp-registry";

/// What a command printed as JSON, and how it ended.
fn json(sandbox: &Sandbox, args: &[&str]) -> (i32, Value) {
    let output = sandbox.output(&[args, &["--format", "json"]].concat());
    let text = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    let value = serde_json::from_slice(text).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    (output.status.code().unwrap(), value)
}

fn done(sandbox: &Sandbox, args: &[&str]) -> String {
    let shown = sandbox.run(args);
    assert!(shown.contains("\n[exit 0]\n"), "{shown}");
    shown
}

/// The rows there are.
fn rows(sandbox: &Sandbox) -> Vec<Value> {
    let (code, shown) = json(sandbox, &["ledger", "show"]);
    assert_eq!(code, 0);
    shown["rows"].as_array().unwrap().clone()
}

/// One field of each row.
fn field(rows: &[Value], key: &str) -> Vec<String> {
    rows.iter().map(|row| row[key].as_str().unwrap_or_default().to_owned()).collect()
}

/// The names that no row explains.
fn unexplained(sandbox: &Sandbox, place: &[&str]) -> Vec<String> {
    let (code, found) = json(sandbox, &[&["ledger", "verify"], place].concat());
    let findings = found["findings"].as_array().unwrap();
    assert_eq!((code, &found["ok"]), (i32::from(!findings.is_empty()), &Value::Bool(findings.is_empty())));
    assert!(findings.iter().all(|finding| finding["place"] == "registry"), "{found}");
    field(findings, "name")
}

#[test]
fn l2_every_write_is_on_record_before_and_after() {
    let sandbox = Sandbox::new().variable("MCP_REGISTRY_AGENT_ROOT", "./agents/scout/");
    sandbox.write("agents/.keep", "");
    done(&sandbox, &["install", "a", "--", "npx"]);
    done(&sandbox, &["update", "a", "--description", "x"]);
    assert!(sandbox.run(&["install", "a", "--", "uvx"]).contains("[exit 1]"));
    done(&sandbox, &["uninstall", "a"]);
    done(&sandbox, &["uninstall", "a"]);
    // What is refused before anything is tried is no write.
    for refused in [
        &["install", "b"][..],
        &["update", "b", "--description", "x"],
        &["install", "b", "--env", "API_KEY=hunter2", "--", "npx"],
    ] {
        assert!(!sandbox.run(refused).contains("[exit 0]"));
    }
    let rows = rows(&sandbox);
    assert_eq!(field(&rows, "event"), ["write_begun", "write_ended"].repeat(5));
    let actions = ["install", "update", "install", "uninstall", "uninstall"];
    assert_eq!(field(&rows, "action"), actions.iter().flat_map(|action| [*action; 2]).collect::<Vec<_>>());
    let (before, after) = (field(&rows, "before"), field(&rows, "after"));
    assert_eq!((&*before[0], &*after[5], &*rows[5]["error"].to_string()), ("", "", "\"already_installed\""));
    assert!(after[0].starts_with("sha256:") && after[0] == after[1] && after[1] == before[2]);
    assert!(after[3] != after[1] && before[6] == after[3] && after[7].is_empty());
    assert_eq!((&*before[8], &*after[9]), ("", ""));
    for row in &rows {
        let user = row["who"].as_str().unwrap();
        assert!(!user.is_empty() && user != "tester", "the system says it, and not a variable");
        assert_eq!((&row["source"], &row["mode"], &row["name"]), (&"cli".into(), &"os-user".into(), &"a".into()));
        let folder = sandbox.path("agents").canonicalize().unwrap();
        assert_eq!(row["locator"], format!("filesystem:{}", folder.display()));
        assert_eq!(row["scope"], "scout");
    }
    assert!(!sandbox.read(&format!("{STATE}/ledger.jsonl")).contains("hunter2"));
    assert_eq!(unexplained(&sandbox, &[]), [""; 0]);
}

#[test]
fn l2_where_nothing_can_be_put_on_record_nothing_is_written() {
    let sandbox = Sandbox::with_document();
    let before = sandbox.read("mcp.md");
    sandbox.write("file", "");
    let bad = ["relative".to_owned(), sandbox.path("file/state").display().to_string()];
    for state in bad {
        for args in
            [&["install", "a", "--", "npx"][..], &["update", "github", "--description", "x"], &["uninstall", "github"]]
        {
            let mut command = sandbox.command(args);
            let output = command.env("MCP_REGISTRY_STATE_DIR", &state).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code() == Some(1) && said.contains("MCP_REGISTRY_STATE_DIR"), "{said}");
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        sandbox.write(&format!("{STATE}/ledger.jsonl"), "");
        let path = sandbox.path(&format!("{STATE}/ledger.jsonl"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let refused = sandbox.run(&["uninstall", "github"]);
        assert!(refused.contains("[exit 1]") && refused.contains("chmod go-w"), "{refused}");
        assert!(refused.contains("ledger.jsonl"), "{refused}");
    }
    assert_eq!(sandbox.read("mcp.md"), before);
    // Reading needs none.
    done(&sandbox, &["list"]);
}

#[test]
fn l2_what_the_policy_denies_is_on_record() {
    let sandbox = Sandbox::new().variable("MCP_REGISTRY_POLICY", "policy.toml");
    sandbox.write("policy.toml", "version = 1\n[servers]\ncommands = [\"npx\"]\npackages = [\"npm:good\"]\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(sandbox.path("policy.toml"), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(sandbox.run(&["install", "evil", "--", "npx", "-y", "bad"]).contains("[exit 1]"));
    sandbox.write("agents/scout/mcp.md", "## evil\n\ncommand: npx\nargs: bad\n\n## fine\n\ncommand: npx\nargs: good\n");
    let to = format!("sqlite:{}", sandbox.path("catalog.db").display());
    let migrate = ["migrate", "--from", "filesystem:agents", "--to", &to];
    // Who only asks what would be was denied nothing.
    assert!(sandbox.run(&[&migrate[..], &["--dry-run"]].concat()).contains("[exit 1]"));
    assert!(sandbox.run(&migrate).contains("[exit 1]"));
    let rows = rows(&sandbox);
    assert_eq!(field(&rows, "event"), ["denial", "denial", "write_begun", "write_ended"]);
    assert_eq!(field(&rows, "name"), ["evil", "evil", "fine", "fine"]);
    assert!(rows[..2].iter().all(|row| row["rule"].as_str().unwrap().starts_with("P16") && row["action"] == "install"));
    assert_eq!(field(&rows[2..], "locator"), [&*to, &*to]);
    assert_eq!(field(&rows[2..], "scope"), ["scout", "scout"]);
}

#[test]
fn l2_a_migration_is_on_record_scope_by_scope() {
    let sandbox = Sandbox::new();
    for scope in ["ranger", "scout"] {
        sandbox.write(&format!("agents/{scope}/mcp.md"), "## a\n\ncommand: npx\n\n## b\n\ncommand: uvx\n");
    }
    let to = format!("sqlite:{}", sandbox.path("catalog.db").display());
    done(&sandbox, &["migrate", "--from", "filesystem:agents", "--to", &to]);
    // What is there already is not written again.
    done(&sandbox, &["migrate", "--from", "filesystem:agents", "--to", &to]);
    let rows = rows(&sandbox);
    let scope = ["write_begun", "write_begun", "write_ended", "write_ended"];
    assert_eq!(field(&rows, "event"), scope.repeat(2));
    assert_eq!(field(&rows, "name"), ["a", "b"].repeat(4));
    assert_eq!(field(&rows, "scope"), [["ranger"; 4], ["scout"; 4]].concat());
    for scope in ["ranger", "scout"] {
        assert_eq!(unexplained(&sandbox, &["--backend", &to, "--scope", scope]), [""; 0]);
    }
}

#[test]
fn l6_what_no_row_explains_is_found_and_accepted() {
    let sandbox = Sandbox::with_document();
    assert_eq!(unexplained(&sandbox, &[]), ["broken", "github", "legacy", "search"]);
    let shown = sandbox.run(&["ledger", "verify"]);
    assert!(shown.contains("[exit 1]") && shown.contains("no row tells of the server \"github\""), "{shown}");
    assert!(!sandbox.path(STATE).exists(), "who only looks makes nothing");
    let wrong = sandbox.run(&["ledger", "accept", "githbu"]);
    assert!(wrong.contains("[exit 1]") && wrong.contains("did you mean \"github\"?"), "{wrong}");
    let accepted = done(&sandbox, &["ledger", "accept", "github", "search"]);
    assert!(accepted.contains("--- stdout\ngithub\nsearch\n") && accepted.contains("accepted 2 servers"), "{accepted}");
    assert_eq!(unexplained(&sandbox, &[]), ["broken", "legacy"]);
    let (code, all) = json(&sandbox, &["ledger", "accept", "--all"]);
    assert_eq!((code, field_of(&all["accepted"])), (0, vec!["broken".to_owned(), "legacy".to_owned()]));
    assert!(done(&sandbox, &["ledger", "accept", "--all"]).contains("everything was explained before"));
    assert!(done(&sandbox, &["ledger", "accept", "github"]).contains("everything was explained before"));
    assert!(sandbox.run(&["ledger", "accept"]).contains("[exit 2]"));
    assert!(done(&sandbox, &["ledger", "verify"]).contains("ok  4 rows, head 4:sha256:"));
    // By an editor.
    sandbox.write("mcp.md", &sandbox.read("mcp.md").replace("args: -y, @modelcontextprotocol", "args: -y, @evil"));
    assert_eq!(unexplained(&sandbox, &[]), ["github"]);
    assert_eq!(field(&rows(&sandbox), "event"), ["accepted"; 4]);
}

fn field_of(names: &Value) -> Vec<String> {
    names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn l4_l5_what_was_tampered_with_is_told_and_the_head_is_an_anchor() {
    let sandbox = Sandbox::new();
    let nothing = done(&sandbox, &["ledger", "verify", "--no-registry"]);
    assert!(nothing.contains(&format!("ok  0 rows, head 0:sha256:{}\n", "0".repeat(64))), "{nothing}");
    assert!(done(&sandbox, &["ledger", "show"]).contains("nothing is on record"));
    done(&sandbox, &["install", "a", "--", "npx"]);
    let (_, found) = json(&sandbox, &["ledger", "verify"]);
    let anchor = format!("{}:{}", found["head"]["seq"], found["head"]["hash"].as_str().unwrap());
    assert!(anchor.starts_with("2:sha256:"), "{found}");
    done(&sandbox, &["uninstall", "a"]);
    done(&sandbox, &["ledger", "verify", "--anchor", &anchor]);
    for wrong in [anchor.replace("2:", "3:"), anchor.replace("2:", "9:")] {
        let shown = sandbox.run(&["ledger", "verify", "--anchor", &wrong]);
        assert!(shown.contains("[exit 1]") && shown.contains("table"), "{shown}");
    }
    for wrong in ["x", "1", "1:", "1:sha256:12", "-1:sha256:0"] {
        assert!(sandbox.run(&["ledger", "verify", &format!("--anchor={wrong}")]).contains("[exit 2]"), "{wrong}");
    }
    let export = format!("{STATE}/ledger.jsonl");
    let whole = sandbox.read(&export);
    sandbox.write(&export, &whole.replacen("install", "xnstall", 1));
    let shown = sandbox.run(&["ledger", "verify", "--no-registry"]);
    assert!(shown.contains("[exit 1]") && shown.contains("export  1    this row was altered"), "{shown}");
    // A write is on record all the same; what does not fit is left for a person to look at.
    let rest = whole.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>();
    sandbox.write(&export, &rest);
    done(&sandbox, &["install", "b", "--", "npx"]);
    let shown = sandbox.run(&["ledger", "verify"]);
    assert!(shown.contains("[exit 1]") && shown.contains("row 1 is missing"), "{shown}");
    std::fs::remove_file(sandbox.path(&export)).unwrap();
    done(&sandbox, &["uninstall", "b"]);
    assert!(sandbox.read(&export).starts_with(&whole));
    done(&sandbox, &["ledger", "verify", "--anchor", &anchor]);
}

/// One who serves the operator's own database exports to the operator's own file.
#[test]
fn l3_l6_a_catalogs_ledger_is_looked_at_where_it_is() {
    let sandbox = Sandbox::new();
    sandbox.write("agents/scout/.keep", "");
    done(&sandbox, &["install", "a", "--agent-root", "agents/scout", "--", "npx"]);
    let own = format!("sqlite:{}", sandbox.path(&format!("{STATE}/governance.db")).display());
    let exported = sandbox.read(&format!("{STATE}/ledger.jsonl"));
    let catalog = ["--store", "filesystem:agents", "--tokens", &own];
    let alone = done(&sandbox, &[&["ledger", "verify"], &catalog[..]].concat());
    assert!(alone.contains("ok  2 rows") && alone.contains("name a scope of it with --scope"), "{alone}");
    let scoped = [&catalog[..], &["--scope", "scout"]].concat();
    done(&sandbox, &[&["ledger", "verify"], &scoped[..]].concat());
    sandbox.write("agents/scout/mcp.md", "## a\n\ncommand: uvx\n");
    assert!(sandbox.run(&[&["ledger", "verify"], &scoped[..]].concat()).contains("[exit 1]"));
    assert!(sandbox.run(&[&["ledger", "accept", "a"], &catalog[..]].concat()).contains("[exit 2]"));
    done(&sandbox, &[&["ledger", "accept", "a"], &scoped[..]].concat());
    done(&sandbox, &[&["ledger", "verify"], &scoped[..]].concat());
    assert!(done(&sandbox, &[&["ledger", "show"], &catalog[..]].concat()).contains("accepted"));
    let now = sandbox.read(&format!("{STATE}/ledger.jsonl"));
    assert!(now.starts_with(&exported) && now.lines().count() == 3, "{now}");
    assert!(!sandbox.path(&format!("{STATE}/governance.ledger.jsonl")).exists());
    // Another database is another ledger, and looking makes none.
    let other = format!("sqlite:{}", sandbox.path("other.db").display());
    assert!(done(&sandbox, &["ledger", "verify", "--store", &other]).contains("ok  0 rows"));
    assert!(!sandbox.path("other.db").exists());
}

#[test]
fn rows_are_shown_from_where_one_says() {
    let sandbox = Sandbox::new();
    for name in ["a", "b"] {
        done(&sandbox, &["install", name, "--", "npx"]);
    }
    let shown = done(&sandbox, &["ledger", "show", "--after", "1", "--limit", "2"]);
    assert!(shown.contains("2       ") && shown.contains("3       ") && !shown.contains("4       "), "{shown}");
    assert!(shown.contains("write_ended") && shown.contains("there may be more: --after 3"), "{shown}");
    assert!(done(&sandbox, &["ledger", "show", "--after", "4"]).contains("nothing else is on record"));
    assert!(sandbox.run(&["ledger", "show", "--limit", "0"]).contains("[exit 2]"));
    assert!(sandbox.run(&["changes", "list", "--limit", "0"]).contains("[exit 2]"));
    let yaml = done(&sandbox, &["ledger", "show", "--limit", "1", "--format", "yaml"]);
    assert!(yaml.contains("event: \"write_begun\""), "{yaml}");
    // A row is shown as it is exported.
    let export = sandbox.read(&format!("{STATE}/ledger.jsonl"));
    let exported: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(exported, rows(&sandbox));
}

#[test]
fn l8_the_state_folder_and_its_files_are_their_owners_alone() {
    let sandbox = Sandbox::new();
    done(&sandbox, &["install", "a", "--", "npx"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = |path: &str| sandbox.path(path).metadata().unwrap().mode() & 0o777;
        assert_eq!(mode(STATE), 0o700);
        for file in std::fs::read_dir(sandbox.path(STATE)).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(mode(&format!("{STATE}/ledger.jsonl")), 0o600);
    }
}
