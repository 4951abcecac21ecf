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
