//! The tools that read, the resources, and the policy over both.

use serde_json::{Value, json};

use crate::agent::Agent;

fn names(listing: &Value) -> Vec<&str> {
    listing.as_array().unwrap().iter().map(|server| server["name"].as_str().unwrap()).collect()
}

#[test]
fn m3_what_is_mounted_is_told_by_reference() {
    let mut client = Agent::new().client(&[]);
    let listing = client.done("registry_list", json!({}));
    assert_eq!(names(&listing["servers"]), ["github", "legacy", "search"]);
    assert_eq!(names(&listing["broken"]), ["broken"]);
    let shown = client.done("registry_show", json!({"name": "github"}));
    assert_eq!(shown["entry"]["env"]["GITHUB_TOKEN"], "$GITHUB_PAT");
    assert!(shown["digest"].as_str().unwrap().starts_with("sha256:"));
    let masked = client.done("registry_show", json!({"name": "legacy"}));
    assert_eq!((&masked["entry"]["args"][1], &masked["entry"]["masked"][0]), (&json!("***"), &json!("args[1]")));
    let one = client.done("registry_validate", json!({"name": "broken"}));
    assert_eq!((&one["ok"], one["results"].as_array().unwrap().len()), (&json!(false), 1));
    let all = client.done("registry_validate", json!({}));
    assert_eq!(all["results"].as_array().unwrap().len(), 4);
    let able = client.done("registry_capabilities", json!({}));
    assert_eq!((&able["backend_id"], &able["capabilities"]["supports_install"]), (&json!("filesystem"), &json!(true)));
}

#[test]
fn m6_what_fails_says_why() {
    let mut client = Agent::new().client(&[]);
    assert_eq!(client.refused("registry_show", json!({"name": "githbu"})), "not_in_registry");
    assert_eq!(client.refused("registry_show", json!({"name": "broken"})), "descriptor_invalid");
    assert_eq!(client.refused("registry_show", json!({"name": "../x"})), "invalid_name");
    assert_eq!(client.refused("approval_get", json!({"id": "nothing-of-that"})), "change_not_found");
}

#[test]
fn m5_arguments_that_do_not_fit_are_told_what_to_mend() {
    let mut client = Agent::new().client(&[]);
    for (tool, arguments, named) in [
        ("registry_list", json!({"scope": "x"}), "scope"),
        ("registry_show", json!({}), "name"),
        ("registry_show", json!({"nam": "github"}), "did you mean \"name\"?"),
        ("registry_show", json!({"name": ["github"]}), "name"),
        ("registry_show", json!({"name": ""}), "name"),
        ("registry_validate", json!({"name": null}), "name"),
        ("approval_list", json!({"limit": 0}), "limit"),
        ("approval_list", json!({"limit": "5"}), "limit"),
        ("approval_list", json!({"status": "pendin"}), "did you mean \"pending\"?"),
        ("change_preview", json!({"action": "install", "name": "a"}), "entry"),
        ("change_preview", json!({"action": "uninstall", "name": "a", "entry": {}}), "entry"),
        ("change_preview", json!({"action": "remove", "name": "a"}), "action"),
        (
            "change_preview",
            json!({"action": "install", "name": "a", "entry": {"command": "x", "args": "y"}}),
            "entry.args",
        ),
        (
            "change_preview",
            json!({"action": "install", "name": "a", "entry": {"command": "x", "env": {"A": 1}}}),
            "entry.env.A",
        ),
        ("change_preview", json!({"action": "install", "name": "a", "entry": {"command": "x", "name": "b"}}), "name"),
        (
            "change_request",
            json!({"action": "install", "name": "a", "entry": {"command": "x"}, "priority": "high"}),
            "priority",
        ),
    ] {
        let (content, is_error) = client.call(tool, arguments.clone());
        assert!(is_error, "{tool} {arguments}");
        assert_eq!(content["error"]["code"], "invalid_arguments", "{tool} {arguments}: {content}");
        let said = format!("{} {}", content["error"]["message"], content["error"]["hint"]).replace("\\\"", "\"");
        assert!(said.contains(named), "{tool} {arguments}: {said}");
    }
    let literal = json!({"action": "install", "name": "a", "entry": {"command": "x", "args": [["hunter2"]]}});
    let (content, _) = client.call("change_preview", literal);
    assert!(!content.to_string().contains("hunter2"), "{content}");
}

#[test]
fn m7_the_policy_decides_on_every_call_and_denials_are_recorded() {
    let agent = Agent::with_policy(
        "version = 1\n[tools.registry_list]\nenabled = false\n[tools.registry_show]\nserver_patterns = [\"git*\"]\n",
    );
    let mut client = agent.client(&[]);
    assert_eq!(client.refused("registry_list", json!({})), "denied");
    assert_eq!(client.refused("registry_show", json!({"name": "search"})), "denied");
    client.done("registry_show", json!({"name": "github"}));
    let error = client.request("resources/list", json!({})).unwrap_err();
    assert_eq!((&error["code"], &error["data"]["policy"]["allowed"]), (&json!(-32001), &json!(false)), "{error}");
    let error = client.request("resources/read", json!({"uri": "registry://servers/search"})).unwrap_err();
    assert_eq!(error["code"], -32001, "{error}");
    client.close();
    let ledger = std::fs::read_to_string(agent.path("state/ledger.jsonl")).unwrap();
    let denials = ledger.lines().filter(|line| line.contains("\"denial\"")).count();
    assert_eq!(denials, 4, "{ledger}");
    assert!(ledger.contains("mcp-stdio") && ledger.contains("registry_show"), "{ledger}");
}

#[test]
fn m7_a_policy_that_cannot_be_used_leaves_what_shows_the_damage() {
    let mut client = Agent::with_policy("version = 1\n[chagnes]\n").client(&[]);
    assert_eq!(client.refused("registry_list", json!({})), "denied");
    assert_eq!(client.refused("change_preview", json!({"action": "uninstall", "name": "github"})), "denied");
    let found = client.done("doctor", json!({}));
    assert_eq!(found["ok"], false);
    assert!(found["error"].as_str().unwrap().contains("chagnes"), "{found}");
    let keys: Vec<_> = found.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["counts", "error", "exists", "ok", "path", "rules", "summary", "using_default", "version"]);
    client.done("approval_list", json!({}));
}

#[test]
fn m10_the_registry_is_resources_too() {
    let mut client = Agent::new().client(&[]);
    let listed = client.request("resources/list", json!({})).unwrap();
    let uris: Vec<_> = listed["resources"].as_array().unwrap().iter().map(|one| one["uri"].as_str().unwrap()).collect();
    let expected =
        ["registry://servers", "registry://servers/github", "registry://servers/legacy", "registry://servers/search"];
    assert_eq!(uris, expected);
    let templates = client.request("resources/templates/list", json!({})).unwrap();
    assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "registry://servers/{name}");
    let mut read = |uri: &str| {
        let read = client.request("resources/read", json!({"uri": uri}))?;
        assert_eq!(read["contents"][0]["mimeType"], "application/json");
        Ok::<Value, Value>(serde_json::from_str(read["contents"][0]["text"].as_str().unwrap()).unwrap())
    };
    assert_eq!(names(&read("registry://servers").unwrap()["servers"]), ["github", "legacy", "search"]);
    assert_eq!(read("registry://servers/github").unwrap()["entry"]["name"], "github");
    for none in ["registry://servers/gone", "registry://servers/..", "file:///etc/passwd", ""] {
        assert_eq!(read(none).unwrap_err()["code"], -32002, "{none}");
    }
    assert_eq!(read("registry://servers/broken").unwrap_err()["data"]["error"]["code"], "descriptor_invalid");
}

#[test]
fn m10_many_servers_are_listed_page_by_page() {
    let agent = Agent::new();
    let sections: String = (0..1200).map(|n| format!("## s{n:04}\n\ncommand: x\n\n")).collect();
    agent.write("agent/mcp.md", &sections);
    let mut client = agent.client(&[]);
    let (mut uris, mut params) = (Vec::new(), json!({}));
    loop {
        let page = client.request("resources/list", params).unwrap();
        uris.extend(page["resources"].as_array().unwrap().iter().map(|one| one["uri"].as_str().unwrap().to_owned()));
        match page.get("nextCursor") {
            Some(cursor) => params = json!({"cursor": cursor}),
            None => break,
        }
    }
    let expected: Vec<_> = std::iter::once("registry://servers".to_owned())
        .chain((0..1200).map(|n| format!("registry://servers/s{n:04}")))
        .collect();
    assert_eq!(uris, expected);
}

#[test]
fn m11_clients_are_told_when_the_registry_changes_underneath() {
    let agent = Agent::new();
    let mut client = agent.client(&[]);
    client.request("resources/subscribe", json!({"uri": "registry://servers/github"})).unwrap();
    let error = client.request("resources/subscribe", json!({"uri": "file:///x"})).unwrap_err();
    assert_eq!(error["code"], -32002);
    // Whether it has looked once already is not known: it changes until somebody tells of it.
    let mut round = 0;
    while client.notified.len() < 2 {
        round += 1;
        agent.write("agent/mcp.md", &format!("## github\n\ncommand: npx\nargs: {round}\n"));
        std::thread::sleep(std::time::Duration::from_millis(100));
        client.request("ping", json!({})).unwrap();
    }
    assert_eq!(client.notified[0]["method"], "notifications/resources/list_changed");
    assert_eq!(client.notified[1]["method"], "notifications/resources/updated");
    assert_eq!(client.notified[1]["params"]["uri"], "registry://servers/github");
}
