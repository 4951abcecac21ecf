//! Whatever is read: an answer, and no panic.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::{Room, settings};
use mcp_registry_presence::Contract;
use proptest::prelude::*;

const CONTRACT: &str = r#"{"version":1,"server":"tickets","deliveries":[
    {"kind":"binary","path":"${A:-/b}/c"},{"kind":"json","file":"~/x","table":["a"],"key":"k"},
    {"kind":"registry","locator":"filesystem:/x","scope":"s","name":"n"}],"required_tool":"t"}"#;
const JSON: &str = r#"{"a":[1,-2.5e3,"\u00e9\n",null,true],"servers":{"b":{},"tickets":{"command":"x","args":["y"],"env":{"A":"b"}}}}"#;
const TOML: &str =
    "a = [1, 2.5, 'x', 1979-05-27]\n[servers.tickets]\ncommand = \"x\\u00e9\"\nenv = { A = 'b' }\n[[c]]\nd.e = 1\n";

/// The text with a part of it cut out, doubled, exchanged or ended.
fn mutated(text: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let at = 0..text.len();
    (at.clone(), at, 0..6, any::<Vec<u8>>()).prop_map(move |(a, b, how, other)| {
        let bytes = text.as_bytes();
        let (from, to) = (a.min(b), a.max(b));
        let (before, part, after) = (&bytes[..from], &bytes[from..to], &bytes[to..]);
        match how {
            0 => before.to_vec(),
            1 => [before, after].concat(),
            2 => [before, part, part, after].concat(),
            3 => [before, &other, after].concat(),
            4 => [after, part, before].concat(),
            _ => [before, &part.repeat(40), after].concat(),
        }
    })
}

/// Looks at those bytes as a settings file of that kind.
fn looked(kind: &str, bytes: &[u8]) {
    let room = Room::new();
    room.write("settings", bytes);
    let _ = room.reason(&settings(kind));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn e4_no_contract_panics(bytes in mutated(CONTRACT)) {
        let _ = Contract::parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn e4_no_text_panics(text in any::<String>()) {
        let _ = Contract::parse(&text);
        let path = serde_json::json!({"kind": "binary", "path": text});
        let locator = serde_json::json!({"kind": "registry", "locator": text, "name": "n"});
        let contract = serde_json::json!({"version": 1, "server": "tickets", "deliveries": [path, locator]});
        let _ = Contract::parse(&contract.to_string());
    }

    #[test]
    fn e7_no_json_panics(bytes in mutated(JSON)) {
        looked("json", &bytes);
    }

    #[test]
    fn e7_no_toml_panics(bytes in mutated(TOML)) {
        looked("toml", &bytes);
    }

    #[test]
    fn e7_no_bytes_panic(bytes in any::<Vec<u8>>()) {
        looked("json", &bytes);
        looked("toml", &bytes);
    }
}

/// What is cut off anywhere never holds: the entry may be whole, the file is not.
#[test]
fn e9_json_that_is_cut_off_never_holds() {
    let room = Room::new();
    for end in 0..JSON.len() {
        room.write("settings", &JSON.as_bytes()[..end]);
        assert!(room.reason(&settings("json")).is_some(), "{end}");
    }
    room.write("settings", JSON);
    assert_eq!(room.reason(&settings("json")), None);
}

#[test]
fn e4_a_contract_that_is_cut_off_is_refused() {
    assert!(Contract::parse(CONTRACT).is_ok());
    for end in 0..CONTRACT.len() {
        assert!(Contract::parse(&CONTRACT[..end]).is_err(), "{end}");
    }
}
