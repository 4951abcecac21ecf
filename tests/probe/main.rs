//! The commands that start servers, from outside: what they tell, how they end, and that nothing is left.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agent;
mod pins;
mod presence;
mod real;

use std::process::{ExitCode, Stdio};

use mcp_registry_test_server::{look, serve_if_asked, survivors};
use mcp_registry_test_trials::{Report, Test, run};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use agent::{Agent, SECRET, until};

fn main() -> ExitCode {
    if let Some(ended) = serve_if_asked() {
        return ended;
    }
    macro_rules! tests {
        ($($test:path),+ $(,)?) => { [$((stringify!($test), (|| Report::tried($test())) as fn() -> _)),+] };
    }
    let tests: [Test; _] = tests![
        s14_a_probe_tells_of_each_server,
        s14_a_probe_reads_for_people,
        s1_a_command_that_is_not_allowed_stops_everything,
        s3_a_policy_that_denies_stops_everything,
        s7_a_probe_that_is_interrupted_leaves_nothing,
        s15_tools_are_listed_with_what_is_said_of_them,
        s15_a_tool_is_called,
        s15_a_server_that_is_not_there_says_why,
        s16_run_becomes_the_server,
        pins::s19_what_changed_is_told_until_it_is_pinned_anew,
        pins::s19_a_server_that_fails_keeps_its_pin,
        pins::s19_what_is_pinned_is_on_record,
        pins::s19_what_somebody_else_pinned_meanwhile_stays,
        pins::s9_a_secret_of_several_lines_is_hidden_as_a_whole,
        pins::s19_a_schema_that_changed_is_shown_as_it_is_now,
        pins::s17_no_value_that_a_server_was_given_is_kept,
        pins::s17_pins_are_beside_the_document_or_where_somebody_says,
        presence::e13_a_server_is_present_when_it_lists_the_tool,
        presence::e13_what_does_not_list_it_does_not_hold,
        presence::e13_what_may_not_be_started_stops_all_before_anything_is,
        presence::e13_a_deliverys_registry_narrows_the_agents_list_and_never_adds_to_it,
        presence::e13_an_unset_variable_is_no_way_past_the_gate,
        presence::e13_a_scope_of_the_catalog_takes_no_list_away,
        presence::e13_being_stopped_leaves_nothing,
        presence::e16_more_tools_than_a_report_takes_are_told,
        real::s14_servers_that_people_use_are_there,
    ];
    run(tests)
}

fn s14_a_probe_tells_of_each_server() {
    let agent = Agent::new("each");
    agent.mount("good", &["tools", "one", "hunter2plain_invalid"]);
    agent.mount("dead", &["die", "3"]);
    agent.mount("late", &["die-after", "4"]);
    agent.mount("stubborn", &["stubborn", "orphan", "family", "hang"]);
    agent.write("## unset\ncommand: node\nenv: A=$NOT_SET_ANYWHERE\n\n## broken\ncommand:\n\n");
    agent.allow(&[&agent.exe(), "node"]);
    let output = agent.run(&["probe", "--timeout", "10s", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(look(&agent.mark), Vec::<String>::new());
    assert!(!String::from_utf8_lossy(&output.stdout).contains(SECRET), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], false);
    let servers = report["servers"].as_array().unwrap();
    let names: Vec<_> = servers.iter().map(|server| server["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["broken", "dead", "good", "late", "stubborn", "unset"]);
    let told = |name: &str, key: &str| servers.iter().find(|server| server["name"] == name).unwrap()[key].clone();
    assert_eq!((told("good", "ok"), told("good", "phase")), (json!(true), json!(null)));
    assert_eq!(told("good", "server"), json!({"name": "misbehaving", "version": "1.2.3"}));
    assert_eq!((told("good", "protocol_version"), told("good", "tools")), (json!("2025-11-25"), json!(2)));
    let invalid = told("good", "invalid_schemas");
    assert_eq!((&invalid[0]["tool"], &invalid[0]["schema"]), (&json!("***_invalid"), &json!("input")), "{invalid}");
    assert!(
        invalid.as_array().unwrap().len() == 1
            && invalid[0]["error"].as_str().unwrap().starts_with("/properties/text/type: must be a type")
    );
    assert!(
        told("good", "schema_bytes").as_u64().unwrap() > 100 && told("good", "estimated_tokens").as_u64().unwrap() > 40
    );
    assert!(told("good", "millis").is_u64());
    assert_eq!((told("dead", "phase"), told("dead", "cause")), (json!("initialize"), json!("exited")));
    assert_eq!((told("dead", "exit_code"), told("dead", "signal")), (json!(3), json!(null)));
    assert_eq!(told("dead", "stderr"), "cannot open \\u{1b}[31mthe door\\u{1b}[0m with ***");
    assert!(told("dead", "millis").is_u64() && told("dead", "server").is_null(), "{report}");
    assert_eq!((told("stubborn", "phase"), told("stubborn", "cause")), (json!("initialize"), json!("timed_out")));
    assert_eq!((told("unset", "phase"), told("unset", "cause")), (json!("resolve"), json!("unresolved")));
    assert!(told("stubborn", "millis").as_u64().unwrap() >= 10_000 && told("unset", "millis").is_null(), "{report}");
    assert_eq!((told("late", "phase"), told("late", "cause")), (json!("list"), json!("exited")));
    assert_eq!(told("late", "server"), json!({"name": "misbehaving", "version": "1.2.3"}));
    assert_eq!(told("late", "protocol_version"), "2025-11-25");
    assert!(told("unset", "error").as_str().unwrap().contains("NOT_SET_ANYWHERE"));
    assert_eq!(told("broken", "phase"), "resolve");

    let output = agent.run(&["probe", "good", "good", "--jobs", "1", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["ok"], report["servers"].as_array().unwrap().len()), (&json!(true), 1));
    let output = agent.run(&["probe", "goodd"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean \"good\""), "{output:?}");
}

fn s14_a_probe_reads_for_people() {
    let agent = Agent::new("people");
    assert_eq!(agent.run(&["probe"]).status.code(), Some(0), "none is mounted, and none failed");
    agent.mount("good", &["tools", "one"]);
    agent.mount("dead", &["die", "3"]);
    agent.allow(&[&agent.exe()]);
    let output = agent.run(&["probe"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("NAME  RESULT") && lines[1].starts_with("dead  initialize failed"), "{text}");
    assert!(lines[2].starts_with("good  ok") && lines[2].contains("misbehaving 1.2.3"), "{text}");
    assert!(
        text.contains("dead: it ended with exit code 3 before it answered \"initialize\"\n  | cannot open"),
        "{text}"
    );
    assert!(!text.contains(SECRET) && !text.contains('\u{1b}'), "{text}");
    assert!(output.stderr.is_empty(), "no progress where there is no terminal: {:?}", output.stderr);
}

fn s1_a_command_that_is_not_allowed_stops_everything() {
    let agent = Agent::new("gate");
    agent.mount("good", &["usual"]);
    // Not in the default list, nor in an own one that does not name it, nor in one that is empty.
    for (list, others) in [(None, "npx uvx"), (Some(&["node"][..]), "does not list it"), (Some(&[]), "is empty")] {
        if let Some(list) = list {
            agent.allow(list);
        }
        for arguments in [&["probe"][..], &["tools", "good"], &["call", "good", "echo"], &["run", "good"]] {
            let output = agent.run(arguments);
            let said = String::from_utf8_lossy(&output.stderr).replace(", ", " ");
            assert_eq!(output.status.code(), Some(1), "{arguments:?} {output:?}");
            assert!(said.contains("may not be started") && said.contains(others), "{arguments:?} {said}");
            assert!(output.stdout.is_empty(), "{output:?}");
        }
    }
    let output = agent.run(&["probe", "--format", "json"]);
    let said: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(said["error"]["kind"], "command_not_allowed");
    assert_eq!(look(&agent.mark), Vec::<String>::new());

    // One that could not be started anyway, beside one that could.
    let agent = Agent::new("gate_beside");
    agent.mount("good", &["usual"]);
    agent.write("## bad\ncommand: bash\nenv: A=$NOT_SET_ANYWHERE\n\n");
    agent.allow(&[&agent.exe()]);
    let output = agent.run(&["probe", "--format", "json"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("command_not_allowed"), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

fn s3_a_policy_that_denies_stops_everything() {
    let agent = Agent::new("policy");
    agent.mount("good", &["usual"]);
    agent.allow(&[&agent.exe(), "python3"]);
    let kind = |policy: &str, arguments: &[&str]| {
        let output = agent.run_under(policy, &[arguments, &["--format", "json"]].concat());
        match output.status.code() {
            Some(0) => json!("ok"),
            _ => serde_json::from_slice::<Value>(&output.stderr).unwrap()["error"]["kind"].clone(),
        }
    };
    let listed = format!("version = 1\n[servers]\ncommands = [\"{}\"]\n", agent.exe());
    for arguments in [&["probe"][..], &["tools", "good"], &["call", "good", "echo"]] {
        assert_eq!(kind("version = 1\n[servers]\ncommands = [\"node\"]\n", arguments), "forbidden", "{arguments:?}");
        assert_eq!(kind("version = yes", arguments), "config_invalid", "{arguments:?}");
        assert_eq!(kind(&listed, arguments), "ok", "{arguments:?}");
    }
    assert_eq!(kind("version = 1\n[servers]\n", &["run", "good"]), "forbidden");
    // Nor is one that cannot be resolved passed over.
    agent.write("## unset\ncommand: python3\nargs: evil.py\nenv: A=$NOT_SET_ANYWHERE\n\n");
    assert_eq!(kind(&listed, &["probe"]), "forbidden");
    assert_eq!(look(&agent.mark), Vec::<String>::new());
}

fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(ignored.trim(), 16).unwrap() & 1 == 1
}

fn s7_a_probe_that_is_interrupted_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        if signal == Signal::HUP && is_hangup_ignored() {
            // What runs the tests is under nohup, and so is what they start.
            continue;
        }
        let agent = Agent::new("interrupted");
        agent.mount("a", &["stubborn", "orphan", "family", "hang"]);
        agent.mount("b", &["bare-orphan", "hang"]);
        agent.allow(&[&agent.exe()]);
        let mut child = agent.command(&["probe"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until(|| look(&agent.mark).len() >= 5);
        let forsaken = || bare_sleepers(child.id());
        until(|| !forsaken().is_empty());
        let left = forsaken();
        kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(1), "{signal:?} {status:?}");
        assert_eq!(look(&agent.mark), Vec::<String>::new(), "{signal:?}");
        assert!(left.iter().all(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists()), "{signal:?} {left:?}");
    }
}

/// Children of a process that have no environment to speak of.
fn bare_sleepers(parent: u32) -> Vec<String> {
    let folders = std::fs::read_dir("/proc").unwrap().flatten().map(|folder| folder.path());
    let is_one = |folder: &std::path::PathBuf| {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        let (stat, environment) = (read("stat"), read("environ"));
        let its_parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(1));
        its_parent == Some(&parent.to_string()) && environment.starts_with("PATH=") && !environment.contains("MARK_")
    };
    folders.filter(is_one).map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

fn s15_tools_are_listed_with_what_is_said_of_them() {
    let agent = Agent::new("tools");
    agent.mount("good", &["tools", "one", "two"]);
    agent.mount("none", &["tools"]);
    agent.allow(&[&agent.exe()]);
    let output = agent.run(&["tools", "good"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "TOOL  DESCRIPTION\none   does one\ntwo   does two\n");
    let told: Value = serde_json::from_slice(&agent.run(&["tools", "good", "--format", "json"]).stdout).unwrap();
    assert_eq!((&told["server"], &told["instructions"]), (&json!("good"), &json!("be careful")));
    assert_eq!(
        (&told["tools"][1]["name"], &told["tools"][1]["inputSchema"]["type"]),
        (&json!("two"), &json!("object"))
    );
    let output = agent.run(&["tools", "none"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "it has no tools\n");
    assert_eq!(survivors(&agent.mark), Vec::<String>::new());
}

fn s15_a_tool_is_called() {
    let agent = Agent::new("call");
    agent.mount("good", &["usual"]);
    agent.allow(&[&agent.exe()]);
    let text = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let output = agent.run(&["call", "good", "echo", r#"{"text": "hi\u001b[2J"}"#]);
    assert_eq!(
        (output.status.code(), text(&output).as_str()),
        (Some(0), "{\"text\":\"hi\\u001b[2J\"}\n"),
        "{output:?}"
    );
    let output = agent.run_with_input(&["call", "good", "echo", "-"], br#"{"a": 1}"#);
    assert_eq!((output.status.code(), text(&output).as_str()), (Some(0), "{\"a\":1}\n"), "{output:?}");
    let output = agent.run(&["call", "good", "fail"]);
    assert_eq!((output.status.code(), text(&output).as_str()), (Some(1), "it did not work\n"), "{output:?}");
    let given = format!("{{\"said\": \"it is {SECRET}\"}}");
    for arguments in [&["call", "good", "echo", &given][..], &["call", "good", "environment", "--format", "json"]] {
        let output = agent.run(arguments);
        assert!(output.status.success() && text(&output).contains("***"), "{output:?}");
        assert!(!text(&output).contains(SECRET), "{output:?}");
    }
    let output = agent.run(&["call", "good", "confess"]);
    assert_eq!(text(&output), "*** it is\nAuthorization: Bearer ***\n", "{output:?}");
    let output = agent.run(&["call", "good", "fail", "--format", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["isError"], true);
    for wrong in ["[]", "nonsense", "1", r#"{"a":1,"a":2}"#, ""] {
        assert_eq!(agent.run(&["call", "good", "echo", wrong]).status.code(), Some(2), "{wrong}");
    }
    for (tool, said) in [
        ("refuse", "error -32000: no such thing, ***"),
        ("die", "exit code 7: it said: gone with ***"),
        ("nothing", "there is no tool \"good__nothing\""),
        ("a__b", "contains"),
    ] {
        let output = agent.run(&["call", "good", tool]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(said), "{output:?}");
    }
    let output = agent.run(&["call", "good", "slow", "--timeout", "2s"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("within 2s"), "{output:?}");
    assert_eq!(survivors(&agent.mark), Vec::<String>::new());
}

fn s15_a_server_that_is_not_there_says_why() {
    let agent = Agent::new("not_there");
    agent.mount("dead", &["die", "3"]);
    agent.allow(&[&agent.exe()]);
    for arguments in [&["tools", "dead"][..], &["call", "dead", "echo"]] {
        let output = agent.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(
            said.contains("\"dead\": initialize: it ended with exit code 3") && said.contains("the door"),
            "{said}"
        );
        assert!(!said.contains(SECRET), "{said}");
    }
}

fn s16_run_becomes_the_server() {
    let agent = Agent::new("run");
    agent.mount("good", &["usual"]);
    agent.mount("dead", &["die", "7"]);
    agent.write("## far\nurl: https://example.org/\n\n");
    agent.allow(&[&agent.exe()]);
    assert_eq!(agent.run(&["run", "dead"]).status.code(), Some(7), "its status is that of the server");
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "environment"}});
    let output = agent.run_with_input(&["run", "good"], format!("{message}\n").as_bytes());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let environment = answer["result"]["structuredContent"].as_object().unwrap();
    assert_eq!((&environment["TOKEN"], &environment["HOME"]), (&json!(SECRET), &json!(agent.home())));
    let ours: Vec<_> =
        environment.keys().filter(|key| key.starts_with("MCP_REGISTRY_") || key.starts_with("MCP_LAUNCH_")).collect();
    assert_eq!(ours, Vec::<&String>::new());
    let output = agent.run(&["run", "far"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("reached at a URL"), "{output:?}");
    assert_eq!(agent.run(&["run", "nobody"]).status.code(), Some(1));
}
