//! Whatever lies where a settings file should be: told as such, and nothing is waited for (E7, E9, E10).

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::os::unix::fs::symlink;

use common::{Room, settings};
use rustix::fs::{CWD, FileType, Mode, mknodat};

const GOOD: [(&str, &str); 2] =
    [("json", r#"{"servers":{"tickets":{"command":"x"}}}"#), ("toml", "[servers.tickets]\ncommand = 'x'\n")];

/// What a room holds, and what is said of it.
type Case<'a> = (&'a str, Box<dyn Fn(&Room, &str) + 'a>, &'a str);

fn cases<'a>() -> Vec<Case<'a>> {
    let write = |bytes: Vec<u8>| Box::new(move |room: &Room, _: &str| room.write("settings", &bytes));
    vec![
        ("missing", Box::new(|_, _| {}), "there is no such file"),
        ("empty", write(Vec::new()), "no "),
        ("a folder", Box::new(|room, _| std::fs::create_dir(room.path("settings")).unwrap()), "it is a folder"),
        (
            "a FIFO",
            Box::new(|room, _| {
                mknodat(CWD, room.path("settings"), FileType::Fifo, Mode::from(0o644), 0).unwrap();
            }),
            "no regular file",
        ),
        ("a device", Box::new(|room, _| symlink("/dev/zero", room.path("settings")).unwrap()), "no regular file"),
        (
            "a socket",
            Box::new(|room, _| drop(std::os::unix::net::UnixListener::bind(room.path("settings")).unwrap())),
            "it cannot be read",
        ),
        (
            "a link to nothing",
            Box::new(|room, _| symlink("gone", room.path("settings")).unwrap()),
            "there is no such file",
        ),
        (
            "links in a circle",
            Box::new(|room, good| {
                room.write("settings", good);
                std::fs::remove_file(room.path("settings")).unwrap();
                symlink("other", room.path("settings")).unwrap();
                symlink("settings", room.path("other")).unwrap();
            }),
            "symbolic links",
        ),
        (
            "a byte order mark",
            Box::new(|room, good| room.write("settings", format!("\u{feff}{good}"))),
            "a byte order mark",
        ),
        ("no UTF-8", Box::new(|room, good| room.write("settings", [good.as_bytes(), b"#\xff"].concat())), "not UTF-8"),
        (
            "UTF-16",
            Box::new(|room, good| {
                let bytes: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
                room.write("settings", [&[0xff, 0xfe], &bytes[..]].concat());
            }),
            "not UTF-8",
        ),
        ("zeros", write(vec![0; 4096]), "no "),
        ("the half of it", Box::new(|room, good| room.write("settings", &good[..good.len() - 3])), " "),
        (
            "100 MB",
            Box::new(|room, good| {
                room.write("settings", good);
                let file = std::fs::OpenOptions::new().write(true).open(room.path("settings")).unwrap();
                file.set_len(100 << 20).unwrap();
            }),
            "larger than",
        ),
    ]
}

#[test]
fn e7_whatever_lies_there_does_not_hold_and_is_told() {
    for (kind, good) in GOOD {
        for (what, make, why) in cases() {
            let room = Room::new();
            make(&room, good);
            let reason = room.reason(&settings(kind)).unwrap_or_else(|| panic!("{kind}: {what} holds"));
            assert!(reason.contains(why), "{kind}: {what}: {reason}");
        }
        let room = Room::new();
        room.write("settings", good);
        assert_eq!(room.reason(&settings(kind)), None);
        std::fs::rename(room.path("settings"), room.path("real")).unwrap();
        symlink("real", room.path("settings")).unwrap();
        assert_eq!(room.reason(&settings(kind)), None, "a link to the file is the file");
    }
}

#[test]
fn e7_a_folder_that_is_none_on_the_way() {
    let room = Room::new();
    room.write("settings", "");
    for (kind, _) in GOOD {
        let mut delivery = settings(kind);
        delivery["file"] = "${ROOM}/settings/below".into();
        assert!(room.reason(&delivery).unwrap().contains("what should be a folder"));
        delivery["file"] = format!("/{}", "x".repeat(4000)).into();
        assert!(room.reason(&delivery).unwrap().contains("too long"));
        delivery["file"] = "${GONE}/settings".into();
        assert_eq!(room.reason(&delivery).unwrap(), "the variable GONE is not set");
    }
}

#[test]
fn e7_what_the_system_makes_up_is_bounded_too() {
    let room = Room::new();
    for (kind, _) in GOOD {
        for file in ["/proc/self/maps", "/proc/self/environ", "/proc/kmsg", "/proc/self/mem", "/dev/stdin", "/dev/tty"]
        {
            let mut delivery = settings(kind);
            delivery["file"] = file.into();
            assert!(room.reason(&delivery).is_some(), "{file}");
        }
    }
}

/// A file that is exchanged while it is looked at is either of the two, and nothing else.
#[test]
fn e7_a_file_exchanged_for_links_in_a_circle_is_never_anything_else() {
    let room = Room::new();
    for (kind, good) in GOOD {
        room.write("good", good);
        room.write("settings", good);
        let _ = symlink("circle", room.path("circle"));
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    for next in ["circle", "good"] {
                        let _ = std::fs::remove_file(room.path("next"));
                        symlink(next, room.path("next")).unwrap();
                        std::fs::rename(room.path("next"), room.path("settings")).unwrap();
                    }
                }
            });
            for _ in 0..2_000 {
                if let Some(reason) = room.reason(&settings(kind)) {
                    assert!(reason.contains("symbolic links"), "{reason}");
                }
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}
