//! The commands beside the service.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::running::World;

fn json_of(world: &World, args: &[&str]) -> (bool, Value) {
    let output = world.run(args);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    (output.status.success(), serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{cause}: {output:?}")))
}

#[test]
fn a_token_is_shown_once_listed_and_revoked() {
    let world = World::new();
    let token = world.done(&["token", "create", "--scope", "b,a", "--role", "writer", "--expires", "30d", "ci"]);
    assert!(token.starts_with("mcpr_") && !token.contains(char::is_whitespace), "{token}");
    let (_, listed) = json_of(&world, &["token", "list", "--format", "json"]);
    let first = &listed["tokens"][0];
    assert_eq!((&first["name"], &first["role"], &first["scopes"]), (&json!("ci"), &json!("writer"), &json!("a b")));
    assert_eq!((&first["valid"], first["expires"].is_string()), (&json!(true), true));
    let table = world.run(&["token", "list"]);
    let secret = token.rsplit('_').next().unwrap();
    assert!(!String::from_utf8_lossy(&table.stdout).contains(secret) && !listed.to_string().contains(secret));
    let again = world.run(&["token", "create", "--scope", "a", "--role", "reader", "ci"]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    for never in ["9000y", "100000000000y"] {
        let refused = world.run(&["token", "create", "--scope", "a", "--role", "reader", "--expires", never, "other"]);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("calendar"), "{refused:?}");
    }
    assert!(world.run(&["token", "revoke", "ci"]).status.success());
    assert_eq!(world.run(&["token", "revoke", "ci"]).status.code(), Some(1));
    let (_, listed) = json_of(&world, &["token", "list", "--format", "json"]);
    assert_eq!(listed["tokens"][0]["valid"], false);
}

#[test]
fn a_token_says_in_which_role_its_bearer_asks() {
    let world = World::new();
    world.done(&["token", "create", "--scope", "a", "--role", "requester", "--actor-role", "ops", "bot"]);
    world.done(&["token", "create", "--scope", "a", "--role", "approver", "boss"]);
    let (_, listed) = json_of(&world, &["token", "list", "--format", "json"]);
    let found = |name: &str| {
        let token = listed["tokens"].as_array().unwrap().iter().find(|token| token["name"] == name).unwrap();
        (token["role"].clone(), token["actor_role"].clone())
    };
    assert_eq!(found("bot"), (json!("requester"), json!("OPS")));
    assert_eq!(found("boss"), (json!("approver"), Value::Null));
    let table = world.done(&["token", "list"]);
    let mut rows: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.remove(0), ["NAME", "ROLE", "ACTOR", "ROLE", "STATE", "EXPIRES", "SCOPES", "AGENT"]);
    rows.sort();
    assert_eq!(rows[0], ["boss", "approver", "-", "valid", "never", "a", "-"]);
    assert_eq!(rows[1], ["bot", "requester", "OPS", "valid", "never", "a", "-"]);
    let wrong = ["token", "create", "--scope", "a", "--role", "requester", "--actor-role", "o p"];
    assert_eq!(world.run(&wrong).status.code(), Some(2));
}

#[test]
fn a_token_says_for_whom_and_what() {
    let world = World::new();
    for args in [&["--role", "reader"][..], &["--scope", "a"], &["--scope", "a", "--role", "owner"]] {
        let output = world.run(&[&["token", "create"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?} {output:?}");
    }
    let output = world.run(&["token", "create", "--scope", "a/b", "--role", "reader"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn rule_c37_a_token_that_reports_is_of_one_agent_of_one_scope() {
    let world = World::new();
    let create = |args: &[&str]| world.run(&[&["token", "create", "--role"], args].concat());
    let made = create(&["reporter", "--scope", "scout", "--agent", "scout-1", "--format", "json"]);
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!((&made["name"], &made["agent"]), (&json!("reporter-scout-scout-1"), &json!("scout-1")));
    let (_, listed) = json_of(&world, &["token", "list", "--format", "json"]);
    let first = &listed["tokens"][0];
    assert_eq!(
        (&first["role"], &first["scopes"], &first["agent"]),
        (&json!("reporter"), &json!("scout"), &json!("scout-1"))
    );
    for wrong in [
        &["reporter", "--scope", "scout"][..],
        &["reporter", "--scope", "*", "--agent", "a"],
        &["reporter", "--scope", "a,b", "--agent", "a"],
        &["reporter", "--scope", "a", "--agent", "../a"],
        &["reporter", "--scope", "a", "--agent", "a", "--actor-role", "ops"],
        &["reader", "--scope", "a", "--agent", "a"],
    ] {
        assert_eq!(create(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn rule_c39_what_agents_must_have_is_set_listed_and_released() {
    let world = World::new();
    let code = |args: &[&str]| world.run(&[&["agents"], args].concat()).status.code();
    assert_eq!(code(&["require", "memory"]), Some(2), "of whom?");
    assert_eq!(code(&["require", "--scope", "scout", "../memory"]), Some(2));
    assert_eq!(code(&["require", "--scope", "scout", "memory", "--tool", ""]), Some(1));
    assert_eq!(code(&["require", "--scope", "scout", "memory", "--tool", "memory__read"]), Some(0));
    assert_eq!(code(&["require", "--scope", "ranger", "files"]), Some(0));
    let listed = |args: &[&str]| {
        let (good, listed) = json_of(&world, &[&["agents", "requirements", "--format", "json"], args].concat());
        assert!(good);
        listed["requirements"].clone()
    };
    let memory = json!({"scope": "scout", "server": "memory", "tool": "memory__read"});
    assert_eq!(listed(&[]), json!([{"scope": "ranger", "server": "files", "tool": null}, memory]));
    assert_eq!(listed(&["--scope", "scout"]), json!([memory]));
    let table = world.done(&["agents", "requirements", "--scope", "scout"]);
    let row: Vec<_> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(row, ["scout", "memory", "memory__read"]);
    assert_eq!(code(&["release", "--scope", "scout", "memory"]), Some(0));
    assert_eq!(code(&["release", "--scope", "scout", "memory"]), Some(1));
    assert_eq!(listed(&["--scope", "scout"]), json!([]));
    let (good, agents) = json_of(&world, &["agents", "--format", "json"]);
    assert!(good && agents == json!({"agents": []}), "{agents}");
    assert_eq!(code(&["--state", "alive"]), Some(2));
}

#[test]
fn a_place_that_is_called_otherwise_is_not_left_aside() {
    let world = World::new();
    for args in [
        &["serve"][..],
        &["token", "list"],
        &["token", "revoke", "a"],
        &["agents"],
        &["agents", "requirements"],
        &["agents", "require", "--scope", "a", "b"],
        &["agents", "release", "--scope", "a", "b"],
        &["token", "create", "--scope", "a", "--role", "reader"],
        &["migrate", "--from", "filesystem:a", "--to", "sqlite:b.db"],
    ] {
        for place in ["--backend=sqlite:a.db", "--agent-root=a"] {
            let output = world.run(&[args, &[place]].concat());
            assert_eq!(output.status.code(), Some(2), "{args:?} {output:?}");
        }
    }
}

#[test]
fn the_audit_is_shown_where_it_is_kept() {
    let world = World::new();
    let at = ["--backend", "sqlite:a.db", "--scope", "scout"];
    let run = |args: &[&str]| world.run(&[args, &at].concat());
    assert!(run(&["install", "a", "--command", "npx"]).status.success());
    assert!(!run(&["install", "a", "--command", "npx"]).status.success());
    let (good, records) = json_of(&world, &[&["audit", "--format", "json"], &at[..]].concat());
    assert!(good);
    let outcomes: Vec<_> = records["records"].as_array().unwrap().iter().map(|r| r["outcome"].clone()).collect();
    assert_eq!(outcomes, ["done", "already_installed"]);
    assert_eq!(records["records"][0]["actor"], "tester");
    let table = String::from_utf8(run(&["audit", "--after", "1"]).stdout).unwrap();
    assert_eq!((table.lines().count(), table.contains("already_installed")), (2, true), "{table}");
    let files = world.run(&["audit", "--agent-root", "."]);
    assert_eq!(files.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&files.stderr).contains("does not support audit"));
}

#[test]
fn migrate_copies_all_scopes_and_can_begin_again() {
    let world = World::new();
    for (scope, document) in [
        ("scout", "# S\n\n## a\n\ncommand: npx\nargs: [\"x,y\", \"z\"]\n\n## b\n\nurl: https://h/\nheader: X: ${T}\n"),
        ("ranger", "## a\n\ncommand: uvx\nenv: API_KEY=hunter2-literal\n"),
        ("empty", ""),
    ] {
        std::fs::create_dir_all(world.path().join("agents").join(scope)).unwrap();
        std::fs::write(world.path().join("agents").join(scope).join("mcp.md"), document).unwrap();
    }
    let migrate = |more: &[&str]| {
        let args = ["migrate", "--from", "filesystem:agents", "--to", "sqlite:new.db", "--format", "json"];
        json_of(&world, &[&args, more].concat())
    };
    let allow = "--allow-literal=env.API_KEY";
    let (good, dry) = migrate(&[allow, "--dry-run"]);
    assert!(good && !world.path().join("new.db").exists());
    let counts = |report: &Value| -> Vec<_> {
        let scopes = report["scopes"].as_array().unwrap();
        scopes.iter().map(|s| (s["scope"].clone(), s["copied"].clone(), s["passed"].clone())).collect()
    };
    assert_eq!(counts(&dry), [(json!("ranger"), json!(1), json!(0)), (json!("scout"), json!(2), json!(0))]);
    let (good, first) = migrate(&[allow]);
    assert!(good, "{first}");
    assert_eq!(counts(&first), counts(&dry));
    let (good, again) = migrate(&[]);
    assert!(good);
    assert_eq!(counts(&again), [(json!("ranger"), json!(0), json!(1)), (json!("scout"), json!(0), json!(2))]);
    for scope in ["scout", "ranger"] {
        let list = |backend| json_of(&world, &["list", "--backend", backend, "--scope", scope, "--format", "json"]).1;
        let names = |listing: Value| -> Vec<_> {
            listing["servers"].as_array().unwrap().iter().map(|s| s["name"].clone()).collect()
        };
        assert_eq!(names(list("filesystem:agents")), names(list("sqlite:new.db")));
    }
}

#[test]
fn rule_19_migrate_copies_no_literal_that_install_would_refuse_there() {
    let world = World::new();
    std::fs::create_dir_all(world.path().join("agents/scout")).unwrap();
    let document = "## a\n\ncommand: npx\nenv: API_KEY=hunter2-literal\n\n## b\n\ncommand: npx\nenv: LOG_LEVEL=debug\n";
    std::fs::write(world.path().join("agents/scout/mcp.md"), document).unwrap();
    let migrate = |to: &str, more: &[&str]| {
        let args = ["migrate", "--from", "filesystem:agents", "--to", to, "--format", "json"];
        let (good, report) = json_of(&world, &[&args, more].concat());
        let problems = report["scopes"][0]["problems"].as_array().unwrap();
        let told: Vec<_> =
            problems.iter().map(|p| format!("{} {} {}", p["name"], p["problem"], p["message"])).collect();
        assert!(!report.to_string().contains("hunter2"), "{report}");
        (good, told.join("\n"), report["scopes"][0]["copied"].clone())
    };
    for dry in [&["--dry-run"][..], &[]] {
        let (good, told, copied) = migrate("sqlite:new.db", dry);
        assert!(!good && copied == 1, "{told}");
        assert!(told.contains(r#""a" "refused""#) && told.contains("--allow-literal"), "{told}");
    }
    let (good, told, copied) = migrate("sqlite:new.db", &["--allow-literal=env.API_KEY"]);
    assert!(good && copied == 1, "{told}");
    // A catalog takes references alone, and is not sent anything else.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let catalog = format!("http://{}/", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        // What is there is looked at before and after.
        [(); 2].map(|()| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 14\r\n\r\n";
            stream.write_all(format!("{head}{{\"servers\":[]}}").as_bytes()).unwrap();
            line
        })
    });
    let (good, told, copied) = migrate(&catalog, &[]);
    assert!(!good && copied == 0 && told.contains(r#""b" "refused""#) && told.contains("env.LOG_LEVEL"), "{told}");
    assert!(asked.join().unwrap().iter().all(|line| line.starts_with("GET ")));
}

#[test]
fn migrate_overwrites_nothing_and_tells_of_what_is_not_there() {
    let world = World::new();
    std::fs::create_dir_all(world.path().join("agents/scout")).unwrap();
    let document =
        "## a\n\ncommand: npx\n\n## broken\n\nargs: x\n\n## c\n\ncommand: npx\n\n## Allowed commands\ndeno\n";
    std::fs::write(world.path().join("agents/scout/mcp.md"), document).unwrap();
    world.done(&["install", "a", "--command", "uvx", "--backend", "sqlite:new.db", "--scope", "scout"]);
    let args = ["migrate", "--from", "filesystem:agents", "--to", "sqlite:new.db"];
    let (good, report) = json_of(&world, &[&args[..], &["--format", "json"]].concat());
    assert!(!good);
    let problems = report["scopes"][0]["problems"].as_array().unwrap();
    let told: Vec<_> = problems.iter().map(|p| (p["name"].clone(), p["problem"].clone())).collect();
    assert_eq!(told, [(json!("a"), json!("differs")), (json!("broken"), json!("broken"))]);
    assert_eq!(report["scopes"][0]["copied"], 1);
    let (_, shown) =
        json_of(&world, &["show", "a", "--backend", "sqlite:new.db", "--scope", "scout", "--format", "json"]);
    assert_eq!(shown["command"], "uvx");
    let people = world.run(&args);
    assert_eq!(people.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&people.stdout).contains("not everything is there"), "{people:?}");
    assert!(
        String::from_utf8_lossy(&people.stderr).contains("list of allowed commands of the scope scout"),
        "{people:?}"
    );
}

#[test]
fn migrate_says_what_to_do_where_it_cannot_begin_and_that_there_is_nothing_to_copy() {
    let world = World::new();
    world.done(&["install", "a", "--command", "npx", "--backend", "sqlite:old.db", "--scope", "scout"]);
    let migrate = |from: &str, to: &str| world.run(&["migrate", "--from", from, "--to", to]);
    for nowhere in ["filesystem:agents", "sqlite:no/such/new.db"] {
        let output = migrate("sqlite:old.db", nowhere);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(told.contains("make the folder above it first; what was copied stays"), "{told}");
    }
    std::fs::create_dir(world.path().join("agents")).unwrap();
    let done = migrate("sqlite:old.db", "filesystem:agents");
    assert!(done.status.success() && world.path().join("agents/scout/mcp.md").exists(), "{done:?}");
    let typo = migrate("sqlite:odl.db", "filesystem:agents");
    let told = String::from_utf8_lossy(&typo.stdout);
    assert!(typo.status.success() && told.contains("there is nothing to copy"), "{told}");
    let one = String::from_utf8_lossy(&migrate("filesystem:agents/scout", "sqlite:new.db").stdout).into_owned();
    assert!(one.contains("give the folder above it as filesystem:DIR and its own name as --scope"), "{one}");
}

#[test]
fn rule_c16_a_literal_is_refused_before_the_catalog_is_asked_and_the_flag_is_named() {
    let world = World::new();
    // Nobody listens there.
    let at = ["--backend", "http://127.0.0.1:9/", "--", "npx"];
    let install = |more: &[&str]| {
        let output = world.run(&[&["install", "a", "--env", "LOG_LEVEL=debug"], more, &at].concat());
        String::from_utf8(output.stderr).unwrap()
    };
    let told = install(&[]);
    assert!(told.contains("env.LOG_LEVEL") && told.contains("--allow-literal"), "{told}");
    let allowed = install(&["--allow-literal=env.LOG_LEVEL"]);
    assert!(allowed.contains("cannot be reached") && !allowed.contains("--allow-literal"), "{allowed}");
}

#[test]
fn tokens_are_kept_beside_the_entries_however_the_database_is_named() {
    let world = World::new();
    for (store, file) in [("sqlite:a.db", "a.db"), ("sql:sqlite:b.db", "b.db"), ("SQL:SQLite:c.db", "c.db")] {
        world.done(&["token", "create", "--store", store, "--scope", "scout", "--role", "reader"]);
        assert!(world.path().join(file).exists(), "{store}");
    }
    assert!(!world.path().join(".local").exists());
}
