//! What a settings file says: only an entry that a client would start or reach holds (E9, E10, E11).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::{Room, settings};
use serde_json::{Value, json};

fn reason(kind: &str, document: &str) -> Option<String> {
    let room = Room::new();
    room.write("settings", document);
    room.reason(&settings(kind))
}

fn does_not_hold(kind: &str, document: &str, why: &str) {
    let shown = &document[..document.len().min(200)];
    let reason = reason(kind, document).unwrap_or_else(|| panic!("{kind} holds: {shown}"));
    assert!(reason.contains(why), "{kind} {shown}: {reason}");
    assert!(!reason.contains("hunter2"), "{reason}");
}

#[test]
fn e9_json_that_holds() {
    for document in [
        r#"{"servers":{"tickets":{"command":"x"}}}"#,
        r#"{"servers":{"tickets":{"url":"https://h/"}}}"#,
        r#"{"a":[{"servers":1}],"servers":{"b":null,"tickets":{"type":"stdio","command":"x","args":[],"env":{"A":"$B"}}},"c":1e3}"#,
        r#"{"servers":{"tickets":{"url":"h","headers":{},"disabled":false,"enabled":true,"own":{"key":[1]}}}}"#,
        "\n\t{ \"servers\" : { \"tickets\" : { \"command\" : \"x\" } } }\n",
        r#"{"x":1,"x":2,"servers":{"y":{"z":1,"z":2},"tickets":{"command":"x"}}}"#,
        r#"{"\u0073ervers":{"tickets":{"command":"x"}}}"#,
    ] {
        assert_eq!(reason("json", document), None, "{document}");
    }
}

#[test]
fn e10_toml_that_holds() {
    for document in [
        "[servers.tickets]\ncommand = 'x'",
        "servers.tickets.url = 'https://h/'",
        "servers = { tickets = { command = 'x', args = ['a'], env = { A = 'b' } } }",
        "when = 1979-05-27T07:32:00Z\n[[many]]\na = 1\n[servers]\n[servers.tickets]\n'command' = 'x'\nenabled = true",
    ] {
        assert_eq!(reason("toml", document), None, "{document}");
    }
}

#[test]
fn e9_json_that_does_not_hold() {
    for (document, why) in [
        ("null", "the file is no object"),
        ("[]", "the file is no object"),
        ("3", "the file is no object"),
        ("\"servers\"", "the file is no object"),
        ("{}", "the file has no key \"servers\""),
        (r#"{"Servers":{"tickets":{"command":"x"}}}"#, "there is \"Servers\", and case makes a difference"),
        (r#"{"servers":{"TICKETS":{"command":"x"}}}"#, "\"servers\" has no key \"tickets\"; there is \"TICKETS\""),
        (r#"{"servers":null}"#, "\"servers\" is no object"),
        (r#"{"servers":[{"tickets":{"command":"x"}}]}"#, "\"servers\" is no object"),
        (r#"{"servers":"tickets"}"#, "\"servers\" is no object"),
        (r#"{"servers":{}}"#, "\"servers\" has no key \"tickets\""),
        (r#"{"others":{"tickets":{"command":"x"}},"servers":{}}"#, "\"servers\" has no key \"tickets\""),
        (r#"{"tickets":{"command":"x"}}"#, "no key \"servers\""),
        (r#"{"a":{"servers":{"tickets":{"command":"x"}}}}"#, "no key \"servers\""),
        (r#"{"servers":{"a":{"tickets":{"command":"x"}}}}"#, "no key \"tickets\""),
        (r#"{"servers":{"tickets ":{"command":"x"}}}"#, "no key \"tickets\""),
        (r#"{"servers":{"tickets":{"command":"x"}},"servers":{}}"#, "\"servers\" is given twice"),
        (r#"{"servers":{},"\u0073ervers":{"tickets":{"command":"x"}}}"#, "\"servers\" is given twice"),
        (r#"{"servers":{"tickets":{"command":"x"},"tickets":{"command":"x"}}}"#, "\"tickets\" is given twice"),
        (r#"{"servers":{"tickets":{"command":"hunter2","command":"hunter2"}}}"#, "\"command\" is given twice"),
        (r#"{"servers":{"tickets":{"command":"x"}}"#, "no JSON to be used"),
        (r#"{"servers":{"tickets":{"command":"x"}}} x"#, "no JSON to be used"),
        (r#"{"servers":{"tickets":{"command":"x"}}}{}"#, "no JSON to be used"),
        (r#"{"servers":{"tickets":{"command":"hunter2",}}}"#, "no JSON to be used"),
        (r#"{servers:{"tickets":{"command":"hunter2"}}}"#, "no JSON to be used"),
        ("{'servers':{'tickets':{'command':'hunter2'}}}", "no JSON to be used"),
        ("// settings\n{\"servers\":{\"tickets\":{\"command\":\"x\"}}}", "no JSON to be used"),
        ("servers: {tickets: {command: hunter2}}", "no JSON to be used"),
        ("{\"servers\":{\"tickets\":{\"command\":\"a\u{0}b\"}}}", "no JSON to be used"),
        (r#"{"a":"\ud800","servers":{"tickets":{"command":"x"}}}"#, "no JSON to be used"),
        (r#"{"a":1e999,"servers":{"tickets":{"command":"x"}}}"#, "no JSON to be used"),
        (r#"{"a":NaN,"servers":{"tickets":{"command":"x"}}}"#, "no JSON to be used"),
    ] {
        does_not_hold("json", document, why);
    }
}

#[test]
fn e10_toml_that_does_not_hold() {
    for (document, why) in [
        ("", "the file has no key \"servers\""),
        ("[Servers.tickets]\ncommand = 'x'", "there is \"Servers\""),
        ("[servers.Tickets]\ncommand = 'x'", "there is \"Tickets\""),
        ("servers = 1", "\"servers\" is no table"),
        ("[[servers]]\ntickets = { command = 'x' }", "\"servers\" is no table"),
        ("servers = 1979-05-27T07:32:00Z", "\"servers\" "),
        ("[others.tickets]\ncommand = 'x'\n[servers]", "\"servers\" has no key"),
        ("[tickets]\ncommand = 'x'", "no key \"servers\""),
        ("[a.servers.tickets]\ncommand = 'x'", "no key \"servers\""),
        ("[servers.tickets]\n", "the entry is empty"),
        ("[servers.tickets]\ncommand = 'hunter2'\ncommand = 'hunter2'", "no valid TOML, in line 3"),
        ("[servers.tickets]\ncommand = 'x'\n[servers.tickets]\nargs = []", "no valid TOML"),
        ("[servers.tickets]\ncommand = hunter2", "no valid TOML, in line 2"),
        ("[servers.tickets]\ncommand = 'hunter2", "no valid TOML"),
        ("[servers.tickets\ncommand = 'x'", "no valid TOML"),
        ("{\"servers\":{\"tickets\":{\"command\":\"x\"}}}", "no valid TOML"),
        ("[servers.tickets]\ncommand = 'x'\n[servers.tickets.env]\nA = 1979-05-27", "env is no table of texts"),
    ] {
        does_not_hold("toml", document, why);
    }
}

/// The same value of TOML; there is no null in it.
fn as_toml(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(as_toml).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| Some(format!("\"{key}\" = {}", as_toml(value)?)));
            Some(format!("{{{}}}", pairs.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        other => Some(other.to_string()),
    }
}

/// Entries in the form of JSON, which is that of TOML too but for null.
#[test]
fn e11_entries() {
    for (entry, why) in [
        (json!(null), "the entry is null"),
        (json!({}), "the entry is empty"),
        (json!([]), "the entry is no "),
        (json!("npx"), "the entry is no "),
        (json!(true), "the entry is no "),
        (json!(1), "the entry is no "),
        (json!({"command": ""}), "command is empty"),
        (json!({"command": " \t"}), "command is empty"),
        (json!({"command": null}), "command is no text"),
        (json!({"command": ["x"]}), "command is no text"),
        (json!({"command": {"x": 1}}), "command is no text"),
        (json!({"command": 1}), "command is no text"),
        (json!({"url": ""}), "url is empty"),
        (json!({"url": false}), "url is no text"),
        (json!({"Command": "x"}), "neither a command nor a url"),
        (json!({"args": ["x"]}), "neither a command nor a url"),
        (json!({"command": "x", "url": "h"}), "both"),
        (json!({"command": "x", "args": "y"}), "args"),
        (json!({"command": "x", "args": [1]}), "args"),
        (json!({"command": "x", "args": null}), "args"),
        (json!({"command": "x", "env": ["A=b"]}), "env"),
        (json!({"command": "x", "env": {"A": 1}}), "env"),
        (json!({"url": "h", "headers": "A: b"}), "headers"),
        (json!({"command": "x", "disabled": true}), "switched off, by disabled"),
        (json!({"command": "x", "enabled": false}), "switched off, by enabled"),
        (json!({"command": "x", "disabled": "false"}), "disabled is neither"),
        (json!({"command": "x", "enabled": 1}), "enabled is neither"),
        (json!({"command": "x", "more": "y".repeat(300 << 10)}), "more than may be read"),
    ] {
        does_not_hold("json", &json!({"servers": {"tickets": entry}}).to_string(), why);
        if let Some(entry) = as_toml(&entry) {
            does_not_hold("toml", &format!("[servers]\ntickets = {entry}\n"), why);
        }
    }
}

#[test]
fn e9_depth_is_bounded_wherever_it_is() {
    let nested = |depth: usize, open: &str, inner: &str, close: &str| open.repeat(depth) + inner + &close.repeat(depth);
    for depth in [129, 1_000, 100_000, 1_000_000] {
        for deep in [
            nested(depth, "[", "", "]"),
            nested(depth, "{\"a\":", "1", "}"),
            "[".repeat(depth),
            "{\"a\":".repeat(depth),
        ] {
            does_not_hold("json", &deep, "");
            does_not_hold("json", &format!(r#"{{"servers":{{"tickets":{{"command":"x"}}}},"a":{deep}}}"#), "no JSON");
            does_not_hold("json", &format!(r#"{{"servers":{{"tickets":{{"command":"x","a":{deep}}}}}}}"#), "no JSON");
            does_not_hold("json", &format!(r#"{{"servers":{{"a":{deep},"tickets":{{"command":"x"}}}}}}"#), "no JSON");
        }
        if depth > 400_000 {
            continue;
        }
        let dotted = "a.".repeat(depth);
        for deep in [
            format!("a = {}", nested(depth, "[", "", "]")),
            format!("a = {}", nested(depth, "{a=", "1", "}")),
            format!("a = {}", "[".repeat(depth)),
            format!("{dotted}a = 1"),
            format!("[{dotted}a]"),
            format!("[[{dotted}a]]"),
        ] {
            does_not_hold("toml", &format!("servers.tickets.command = 'x'\n{deep}\n"), "no valid TOML");
            does_not_hold("toml", &format!("[servers.tickets]\ncommand = 'x'\n{deep}\n"), "");
        }
    }
}

/// The file itself is the first level.
#[test]
fn e9_e10_what_is_as_deep_as_may_be_holds() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let json = |entry: &str, beside: &str| format!(r#"{{"servers":{{"tickets":{{"command":"x"{entry}}}}}{beside}}}"#);
    let toml = |key: &str, deep: String| format!("servers.tickets.command = 'x'\n{key} = {deep}\n");
    type Make<'a> = &'a dyn Fn(usize) -> String;
    for (kind, most, document) in [
        ("json", 127, &(|depth: usize| json("", &format!(r#","a":{}"#, nested(depth - 1)))) as Make<'_>),
        ("json", 127, &|depth| json(&format!(r#","a":{}"#, nested(depth - 3)), "")),
        ("toml", 81, &|depth| toml("a", nested(depth - 1))),
        ("toml", 128, &|depth| toml(&("a.".repeat(63) + "a"), nested(depth - 64))),
        ("toml", 128, &|depth| toml(&("servers.tickets.".to_owned() + &"a.".repeat(61) + "a"), nested(depth - 64))),
    ] {
        assert_eq!(reason(kind, &document(most)), None, "{}", document(most));
        does_not_hold(kind, &document(most + 1), "");
    }
}

/// Each level of TOML's own bound can hold a whole key of many parts.
#[test]
fn e10_parts_of_keys_nest_too() {
    let part = "a.".repeat(70) + "a";
    for depth in [2, 5, 20, 70] {
        let deep = format!("x = {}1{}", format!("{{{part}=").repeat(depth), "}".repeat(depth));
        does_not_hold("toml", &format!("servers.tickets.command = 'x'\n{deep}\n"), "nests deeper");
        let own = deep.strip_prefix("x = ").unwrap();
        does_not_hold("toml", &format!("servers.tickets.command = 'x'\nservers.tickets.own = {own}\n"), "nests deeper");
    }
}

#[test]
fn e9_the_way_may_be_longer_and_its_keys_are_any() {
    let room = Room::new();
    room.write("settings", r#"{"projects":{"/srv/a~b":{"servers":{"tickets":{"command":"x"}}}}}"#);
    let mut delivery = settings("json");
    delivery["table"] = json!(["projects", "/srv/a~b", "servers"]);
    let found = room.look(&delivery);
    assert!(found.is_present());
    assert_eq!(found.deliveries[0].place, "${ROOM}/settings#/projects/~1srv~1a~0b/servers/tickets");
    delivery["table"] = json!(["projects", "/srv/b", "servers"]);
    assert_eq!(room.reason(&delivery).unwrap(), "\"projects\" has no key \"/srv/b\"");
}
