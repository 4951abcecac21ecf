//! Programs: at a path or on `PATH`, a regular file that may be executed (E8).

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use common::Room;
use mcp_registry_presence::{CannotProbe, Contract};
use mcp_registry_spec::{Backends, Environment, ProcessEnvironment};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;

/// This process's environment with another `PATH` and `ROOM`: what is executable is for the system to say.
#[derive(Debug)]
struct With(String, String);

impl Environment for With {
    fn is_set(&self, name: &str) -> bool {
        self.read(name).is_some()
    }

    fn read(&self, name: &str) -> Option<std::ffi::OsString> {
        match name {
            "PATH" => Some(self.0.clone().into()),
            "ROOM" => Some(self.1.clone().into()),
            _ => None,
        }
    }

    fn finds_command(&self, command: &str) -> bool {
        if command.contains('/') {
            return ProcessEnvironment.finds_command(command);
        }
        std::env::split_paths(&self.0)
            .any(|folder| ProcessEnvironment.finds_command(&folder.join(command).to_string_lossy()))
    }
}

/// Why the program `tickets` in the room is not there, by its path and by its name.
fn reasons(room: &Room) -> [Option<String>; 2] {
    [json!({"kind": "binary", "path": "${ROOM}/tickets"}), json!({"kind": "binary", "name": "tickets"})].map(
        |delivery| {
            let contract = json!({"version": 1, "server": "tickets", "deliveries": [delivery]});
            let at = room.path("").display().to_string();
            let environment: Arc<dyn Environment> = Arc::new(With(format!("/nowhere:{at}"), at));
            let contract = Contract::parse(&contract.to_string()).unwrap();
            let presence = pollster::block_on(contract.check(&environment, &Backends::linked(), &CannotProbe)).unwrap();
            assert_eq!(presence.held_by, presence.is_present().then_some(0));
            presence.deliveries[0].reason.clone()
        },
    )
}

fn executable(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn e8_whatever_is_no_program_does_not_hold() {
    type Make = fn(&Path);
    let cases: [(Make, &str); 10] = [
        (|_| {}, "there is no such file"),
        (|path| std::fs::create_dir(path).unwrap(), "it is a folder"),
        (|path| mknodat(CWD, path, FileType::Fifo, Mode::from(0o755), 0).unwrap(), "no regular file"),
        (|path| symlink("/dev/null", path).unwrap(), "no regular file"),
        (|path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()), "no regular file"),
        (|path| std::fs::write(path, "#!/bin/sh\n").unwrap(), "may not be executed"),
        (
            |path| {
                std::fs::write(path, "#!/bin/sh\n").unwrap();
                executable(path, 0o666);
            },
            "may not be executed",
        ),
        (|path| symlink("gone", path).unwrap(), "there is no such file"),
        (|path| symlink("tickets", path).unwrap(), "symbolic links"),
        (|path| symlink("/", path).unwrap(), "it is a folder"),
    ];
    for (make, why) in cases {
        let room = Room::new();
        make(&room.path("tickets"));
        let [by_path, by_name] = reasons(&room).map(Option::unwrap);
        assert!(by_path.contains(why), "{why}: {by_path}");
        assert_eq!(by_name, "no folder of PATH has it as a program", "{why}");
    }
}

#[test]
fn e8_a_program_holds_by_links_too() {
    let room = Room::new();
    room.write("real", "#!/bin/sh\n");
    executable(&room.path("real"), 0o755);
    symlink("real", room.path("link")).unwrap();
    symlink("link", room.path("tickets")).unwrap();
    assert_eq!(reasons(&room), [None, None]);
}

#[test]
fn e8_case_makes_a_difference_and_a_file_is_no_folder() {
    let room = Room::new();
    room.write("Tickets", "#!/bin/sh\n");
    executable(&room.path("Tickets"), 0o755);
    assert!(reasons(&room).iter().all(Option::is_some));
    let below = json!({"kind": "binary", "path": "${ROOM}/Tickets/tickets"});
    assert!(room.reason(&below).unwrap().contains("what should be a folder"));
    let long = json!({"kind": "binary", "path": format!("/{}", "x".repeat(300))});
    assert!(room.reason(&long).unwrap().contains("too long"));
    let nowhere = json!({"kind": "binary", "path": "~/tickets"});
    assert_eq!(room.reason(&nowhere).unwrap(), "the variable HOME is not set");
}
