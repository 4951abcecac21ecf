//! What a contract says, and what makes it one that cannot be used (E3 to E5, E12).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use mcp_registry_presence::Contract;
use mcp_registry_spec::{ErrorKind, presence};
use serde_json::{Value, json};

fn whole() -> Value {
    json!({
        "version": 1,
        "server": "tickets",
        "deliveries": [
            {"kind": "binary", "path": "/opt/tickets"},
            {"kind": "binary", "name": "tickets-mcp"},
            {"kind": "json", "file": "~/.x/settings.json", "table": ["a", "b"], "key": "tickets"},
            {"kind": "toml", "file": "${CONFIG:-/etc}/x.toml", "table": ["a"], "key": "tickets"},
            {"kind": "registry", "locator": "filesystem:~/agent", "scope": "scout", "name": "tickets"},
        ],
        "required_tool": "list",
    })
}

/// The whole contract with another value at a pointer; `None` takes it away.
fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut contract = whole();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let map = contract.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => drop(map.insert(key.to_owned(), value)),
        None => drop(map.remove(key)),
    }
    contract
}

fn refusal(contract: &Value) -> String {
    let error = Contract::parse(&contract.to_string()).err().unwrap_or_else(|| panic!("{contract} is taken"));
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    error.to_string()
}

fn schema_takes(contract: &Value) -> bool {
    let schema: Value = serde_json::from_str(presence::SCHEMA).unwrap();
    jsonschema::draft202012::new(&schema).unwrap().is_valid(contract)
}

#[test]
fn e3_a_contract_and_what_it_says() {
    let contract = Contract::parse(&whole().to_string()).unwrap();
    assert_eq!((contract.server().as_str(), contract.required_tool()), ("tickets", Some("list")));
    let shown: Vec<_> = contract.deliveries().iter().map(|d| format!("{} {d}", d.kind())).collect();
    assert_eq!(
        shown,
        [
            "binary /opt/tickets",
            "binary tickets-mcp on PATH",
            "json ~/.x/settings.json#/a/b/tickets",
            "toml ${CONFIG:-/etc}/x.toml#/a/tickets",
            "registry tickets in filesystem:~/agent, scope scout",
        ]
    );
    assert!(schema_takes(&whole()));
    for optional in ["/required_tool", "/deliveries/4/scope"] {
        let contract = with(optional, None);
        assert!(Contract::parse(&contract.to_string()).is_ok() && schema_takes(&contract), "{optional}");
    }
}

#[test]
fn e4_what_the_schema_refuses_is_refused_and_told() {
    for (pointer, value, why) in [
        ("/version", None, "has no \"version\""),
        ("/version", Some(json!(2)), "\"version\" of the contract is not 1"),
        ("/version", Some(json!("1")), "is not 1"),
        ("/version", Some(json!(true)), "is not 1"),
        ("/server", None, "has no \"server\""),
        ("/server", Some(json!(null)), "\"server\" of the contract is no text"),
        ("/server", Some(json!("a/b")), "\"server\" of the contract is no name"),
        ("/server", Some(json!("..")), "begins with a dot"),
        ("/server", Some(json!("")), "is empty"),
        ("/server", Some(json!("x".repeat(129))), "129 bytes"),
        ("/deliveries", None, "has no \"deliveries\""),
        ("/deliveries", Some(json!([])), "no list of 1 to 64"),
        ("/deliveries", Some(json!({})), "no list of 1 to 64"),
        ("/deliveries", Some(Value::Array(vec![json!({"kind": "binary", "name": "x"}); 65])), "no list of 1 to 64"),
        ("/deliveries", Some(json!([null])), "deliveries[0] is no object"),
        ("/required_tool", Some(json!("")), "is empty"),
        ("/required_tool", Some(json!(null)), "is no text"),
        ("/required_tools", Some(json!("x")), "no key \"required_tools\" (did you mean \"required_tool\"?)"),
        ("/x", Some(json!(1)), "no key \"x\" (there are version, server, deliveries, required_tool)"),
        ("/deliveries/0/kind", None, "deliveries[0] has no \"kind\""),
        ("/deliveries/0/kind", Some(json!("bianry")), "did you mean \"binary\"?"),
        ("/deliveries/0/kind", Some(json!("BINARY")), "did you mean \"binary\"?"),
        ("/deliveries/0/kind", Some(json!("yaml")), "there are binary, json, toml, registry"),
        ("/deliveries/0/kind", Some(json!(["binary"])), "is no text"),
        ("/deliveries/0/paht", Some(json!("/x")), "no key \"paht\" (did you mean \"path\"?)"),
        ("/deliveries/0/file", Some(json!("/x")), "deliveries[0] has no key \"file\""),
        ("/deliveries/0/name", Some(json!("x")), "stands beside \"path\""),
        ("/deliveries/0/path", None, "has no \"name\""),
        ("/deliveries/0/path", Some(json!("opt/tickets")), "is no whole path"),
        ("/deliveries/0/path", Some(json!("~tickets")), "is no whole path"),
        ("/deliveries/0/path", Some(json!("")), "is empty"),
        ("/deliveries/0/path", Some(json!("/a\u{0}b")), "holds NUL"),
        ("/deliveries/0/path", Some(json!(format!("/{}", "x".repeat(4096)))), "more than 4096"),
        ("/deliveries/1/name", Some(json!("bin/x")), "has a \"/\""),
        ("/deliveries/2/file", None, "deliveries[2] has no \"file\""),
        ("/deliveries/2/table", None, "has no \"table\""),
        ("/deliveries/2/key", None, "has no \"key\""),
        ("/deliveries/2/table", Some(json!("a")), "no list of 1 to 16 texts"),
        ("/deliveries/2/table", Some(json!([])), "no list of 1 to 16 texts"),
        ("/deliveries/2/table", Some(json!(["a", 1])), "is no text"),
        ("/deliveries/2/table", Some(json!([""])), "is empty"),
        ("/deliveries/2/table", Some(json!(vec!["a"; 17])), "no list of 1 to 16 texts"),
        ("/deliveries/2/key", Some(json!(3)), "is no text"),
        ("/deliveries/2/keys", Some(json!(["x"])), "did you mean \"key\"?"),
        ("/deliveries/3/file", Some(json!({"path": "/x"})), "is no text"),
        ("/deliveries/4/locator", None, "has no \"locator\""),
        ("/deliveries/4/name", None, "has no \"name\""),
        ("/deliveries/4/name", Some(json!("a b")), "contains"),
        ("/deliveries/4/scope", Some(json!("../x")), "\"scope\" of deliveries[4]"),
        ("/deliveries/4/scope", Some(json!(null)), "is no text"),
    ] {
        let contract = with(pointer, value);
        let told = refusal(&contract);
        assert!(told.contains(why), "{pointer}: {told}");
        assert!(!schema_takes(&contract), "the schema takes {pointer}: {told}");
    }
    for contract in [json!(null), json!([]), json!("x"), json!([whole()])] {
        assert!(refusal(&contract).contains("is no object") && !schema_takes(&contract));
    }
}

/// What a schema cannot say.
#[test]
fn e5_e12_paths_and_locators_that_lead_nowhere_are_refused() {
    for (pointer, value, why) in [
        ("/deliveries/0/path", "/a/$HOME/x", "a $ that begins no reference"),
        ("/deliveries/0/path", "/a/${x", "is no template"),
        ("/deliveries/0/path", "${}/x", "is no template"),
        ("/deliveries/4/locator", "filesystem:agents", "is no whole path"),
        ("/deliveries/4/locator", "filesystem:", "is no whole path"),
        ("/deliveries/4/locator", "${WHERE}", "has a variable for a scheme"),
        ("/deliveries/4/locator", "postgres://me:hunter2@h/x", "holds a credential"),
        ("/deliveries/4/locator", "https://h/?token=hunter2", "holds a credential"),
    ] {
        let told = refusal(&with(pointer, Some(json!(value))));
        assert!(told.contains(why) && !told.contains("hunter2"), "{value}: {told}");
    }
}

#[test]
fn e4_a_key_given_twice_is_refused_at_any_level() {
    for (once, twice) in [
        (r#""version":1"#, r#""version":1,"version":1"#),
        (r#""server":"tickets""#, r#""server":"tickets","server":"other""#),
        (r#""name":"tickets-mcp""#, r#""name":"other","name":"tickets-mcp""#),
    ] {
        let text = whole().to_string().replacen(once, twice, 1);
        let error = Contract::parse(&text).unwrap_err().to_string();
        assert!(error.contains("is given twice"), "{error}");
    }
}

#[test]
fn e4_a_file_that_is_no_contract_is_told_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contract");
    let refused = |why: &str| {
        let error = Contract::read(&path).unwrap_err();
        assert_eq!((error.kind(), error.path()), (ErrorKind::ConfigInvalid, Some(&*path)), "{error}");
        assert!(error.to_string().contains(why), "{why}: {error}");
    };
    refused("there is no such file");
    for (bytes, why) in [
        (Vec::new(), "no valid JSON"),
        (b"{".to_vec(), "no valid JSON"),
        (b"version: 1\nserver: tickets\n".to_vec(), "no valid JSON"),
        (format!("{}x", whole()).into_bytes(), "no valid JSON"),
        (format!("\u{feff}{}", whole()).into_bytes(), "byte order mark"),
        ([whole().to_string().as_bytes(), &[0xff]].concat(), "not UTF-8"),
        (vec![b'['; 100_000], "no valid JSON"),
        (vec![b' '; (256 << 10) + 1], "larger than 256 KiB"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        refused(why);
    }
    std::fs::write(&path, whole().to_string()).unwrap();
    assert_eq!(Contract::read(&path), Contract::parse(&whole().to_string()));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    refused("is a folder");
}

#[test]
fn e15_a_contract_of_another_server_is_refused() {
    let contract = Contract::parse(&whole().to_string()).unwrap();
    let told = |name: &str| contract.must_be_of(&name.parse().unwrap()).map_err(|error| error.to_string());
    assert_eq!(told("tickets"), Ok(()));
    assert!(told("tikcets").unwrap_err().contains("did you mean \"tickets\"?"));
    assert!(told("Tickets").unwrap_err().contains("did you mean \"tickets\"?"));
    assert!(told("search").unwrap_err().contains("name another contract"));
}
