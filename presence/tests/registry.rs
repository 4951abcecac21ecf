//! Entries of a registry (E12).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::Room;
use serde_json::{Value, json};

const DOCUMENT: &str = "# Scout\n\n## tickets\n\ncommand: npx\nargs: -y, tickets\n\n## broken\n\nargs: none\n";

fn entry(name: &str) -> Value {
    json!({"kind": "registry", "locator": "filesystem:${ROOM}/agent", "name": name})
}

#[test]
fn e12_an_entry_that_can_be_loaded_holds() {
    let room = Room::new();
    room.write("agent/mcp.md", DOCUMENT);
    let presence = room.look(&entry("tickets"));
    assert!(presence.is_present());
    assert_eq!(presence.deliveries[0].place, "tickets in filesystem:${ROOM}/agent");
    let scoped = json!({"kind": "registry", "locator": "filesystem:${ROOM}", "scope": "agent", "name": "tickets"});
    assert_eq!(room.reason(&scoped), None);
}

#[test]
fn e12_whatever_else_is_there_does_not_hold_and_is_told() {
    let room = Room::new();
    room.write("agent/mcp.md", DOCUMENT);
    room.write("latin/mcp.md", b"## tickets\n\ncommand: \xff\n");
    std::fs::create_dir_all(room.path("folder/mcp.md")).unwrap();
    let at = |locator: &str| json!({"kind": "registry", "locator": locator, "name": "tickets"});
    for (delivery, why) in [
        (entry("other"), "there is no server"),
        (entry("Tickets"), "there is no server"),
        (entry("broken"), "neither command nor url"),
        (at("filesystem:${ROOM}/nobody"), "there is no server"),
        (at("filesystem:${ROOM}/agent/mcp.md"), "mcp.md"),
        (at("filesystem:${ROOM}/latin"), "UTF-8"),
        (at("filesystem:${ROOM}/folder"), "mcp.md"),
        (at("filesystem:${GONE}/agent"), "the variable GONE is not set"),
        (at("pigeon:/loft"), "its locator opens no registry"),
        (at("filesystem"), ""),
    ] {
        let reason = room.reason(&delivery).unwrap_or_else(|| panic!("{delivery} holds"));
        assert!(reason.contains(why), "{delivery}: {reason}");
    }
}

/// What an `mcp.md` may hold instead of the entry.
fn documents() -> Vec<(&'static str, Vec<u8>)> {
    let yaml = |block: &str| format!("## tickets\n\n```yaml\n{block}\n```\n").into_bytes();
    vec![
        ("nothing", Vec::new()),
        ("no entry", b"# Servers\n\nNone yet.\n".to_vec()),
        ("another case", b"## TICKETS\n\ncommand: npx\n".to_vec()),
        ("below another entry", b"## other\n\ncommand: npx\n\n### tickets\n\ncommand: npx\n".to_vec()),
        ("in a fence", b"# S\n\n```md\n## tickets\n\ncommand: npx\n```\n".to_vec()),
        ("an empty section", b"## tickets\n".to_vec()),
        ("an empty value", b"## tickets\n\ncommand:\n".to_vec()),
        ("null", yaml("null")),
        ("a null command", yaml("command: null")),
        ("a list", yaml("- npx")),
        ("a command that is a list", yaml("command: [npx]")),
        ("args that are a number", yaml("command: npx\nargs: 7")),
        ("a quotation that does not end", yaml("command: \"npx")),
        ("100,000 levels", yaml(&format!("command: npx\nnotes: {}", "[".repeat(100_000)))),
        ("twice", b"## tickets\n\ncommand: npx\n\n## tickets\n\ncommand: uvx\n".to_vec()),
        ("no text", b"## tickets\n\ncommand: \x00\xff\xfe\n".to_vec()),
    ]
}

#[test]
fn e7_whatever_a_document_holds_instead_is_told() {
    let room = Room::new();
    for (what, document) in documents() {
        room.write("agent/mcp.md", document);
        assert!(room.reason(&entry("tickets")).is_some_and(|reason| !reason.is_empty()), "{what} holds");
    }
    // A mark of the byte order is part of the format of these, other than of E9 and E10.
    room.write("agent/mcp.md", "\u{feff}## tickets\n\ncommand: npx\n");
    assert_eq!(room.reason(&entry("tickets")), None);
}

#[test]
fn e7_whatever_lies_where_a_document_should_be_is_told() {
    let room = Room::new();
    let path = room.path("agent/mcp.md");
    let not_held = |what: &str| {
        assert!(room.reason(&entry("tickets")).is_some_and(|reason| !reason.is_empty()), "{what} holds");
        if path.is_dir() { std::fs::remove_dir(&path) } else { std::fs::remove_file(&path) }.unwrap();
    };
    std::fs::create_dir_all(&path).unwrap();
    not_held("a folder");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    not_held("a FIFO");
    std::os::unix::fs::symlink("mcp.md", &path).unwrap();
    not_held("a link in a circle");
    std::os::unix::fs::symlink("gone", &path).unwrap();
    not_held("a link to nothing");
    std::fs::File::create(&path).unwrap().set_len(100 << 20).unwrap();
    not_held("100 MB");
    std::fs::remove_dir(room.path("agent")).unwrap();
    room.write("agent", "");
    let reason = room.reason(&entry("tickets"));
    assert!(reason.is_some(), "a file in the place of the folder");
}

#[test]
fn e5_what_is_told_shows_no_credential_that_a_variable_held() {
    let mut room = Room::new();
    room.environment = room.environment.with("LOGIN", "me:hunter2@loft");
    let reason = room.reason(&json!({"kind": "registry", "locator": "pigeon://${LOGIN}/", "name": "tickets"})).unwrap();
    assert!(reason.contains("opens no registry") && !reason.contains("hunter2"), "{reason}");
    // Also one that looks like no credential, in what is said of the locator itself.
    room.environment = room.environment.with("SECRET", "Zq83 kd/?key=Zq84");
    let reason = room.reason(&json!({"kind": "registry", "locator": "pigeon:/${SECRET}", "name": "tickets"})).unwrap();
    assert!(!reason.contains("Zq8"), "{reason}");
}
