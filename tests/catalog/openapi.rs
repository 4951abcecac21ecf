//! The description is that of the code, and of what is really answered.

use std::collections::BTreeSet;

use mcp_registry::catalog::{Options, openapi};
use serde_json::Value;

use crate::service::{Ask, SCOUT, Service, entry};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/spec/openapi.yaml");

#[test]
fn the_committed_description_is_the_codes() {
    let made = openapi::yaml();
    if std::env::var_os("MCP_REGISTRY_WRITE_OPENAPI").is_some() {
        std::fs::write(COMMITTED, &made).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(
        made == committed,
        "spec/openapi.yaml is not what the code makes; write it anew by\n  \
         MCP_REGISTRY_WRITE_OPENAPI=1 cargo test --test catalog the_committed_description"
    );
}

fn described() -> Value {
    serde_json::to_value(openapi::document()).unwrap()
}

#[tokio::test]
async fn what_is_served_is_the_description() {
    let served = Service::new().await.ask(Ask::new("GET", "/openapi.json")).await;
    assert_eq!(served.json(), described());
}

#[tokio::test]
async fn every_method_that_is_described_is_answered_and_no_other() {
    let service = Service::new().await;
    for (path, item) in described()["paths"].as_object().unwrap() {
        let place = path.replace("{name}", "a").replace("{id}", "a") + "?agent_scope=scout";
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let reply = service.ask(Ask::new(method, &place).token(&service.admin).json(entry("a"))).await;
            let is_described = item.get(method.to_lowercase()).is_some();
            assert_eq!(reply.status != 405, is_described, "{method} {path}: {}", reply.status);
            if is_described {
                let statuses = item[method.to_lowercase()]["responses"].as_object().unwrap();
                assert!(statuses.contains_key(reply.status.as_str()), "{method} {path}: {}", reply.status);
            }
        }
    }
}

/// Holds a value to a schema: its type, what it must have, and that it has nothing else.
fn check(value: &Value, schema: &Value, all: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        let named = &all["components"]["schemas"][name];
        assert!(named.is_object(), "{place}: no schema {name}");
        return check(value, named, all, place);
    }
    if let Some(options) = schema["oneOf"].as_array() {
        let null = options.iter().find(|option| option["type"] == "null").filter(|_| value.is_null());
        return check(value, null.unwrap_or(&options[0]), all, place);
    }
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types: Vec<_> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    assert!(types.contains(&is), "{place}: {value} is no {types:?}");
    if let (Some(allowed), false) = (schema["enum"].as_array(), value.is_null()) {
        assert!(allowed.contains(value), "{place}: {value}");
    }
    for item in value.as_array().into_iter().flatten() {
        check(item, &schema["items"], all, place);
    }
    if let Some(object) = value.as_object() {
        let known: BTreeSet<_> = schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key).collect();
        for key in schema["required"].as_array().into_iter().flatten() {
            assert!(object.contains_key(key.as_str().unwrap()), "{place}: {key} is missing");
        }
        for (key, value) in object {
            let place = format!("{place}.{key}");
            match &schema["additionalProperties"] {
                _ if known.contains(key) => check(value, &schema["properties"][key], all, &place),
                Value::Bool(true) => {}
                other if other.is_object() => check(value, other, all, &place),
                _ => panic!("{place} is not described"),
            }
        }
    }
}

#[tokio::test]
async fn what_is_sent_is_as_described() {
    let all = described();
    let service = Service::on_folders(Options::default()).await;
    let folder = service.folder.path().join("agents/scout");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("mcp.md"), "## b\n\ncommand: npx\nx: y\n\n## broken\n\nargs: x\n").unwrap();
    let sql = Service::new().await;
    sql.install(&entry("a")).await;
    sql.install(&entry("a")).await;
    for (service, path, template) in [
        (&service, SCOUT, "/mcp-servers"),
        (&sql, SCOUT, "/mcp-servers"),
        (&service, "/mcp-servers?agent_scope=scout&limit=1", "/mcp-servers"),
        (&service, "/mcp-servers/b?agent_scope=scout", "/mcp-servers/{name}"),
        (&service, "/mcp-servers/broken?agent_scope=scout", "/mcp-servers/{name}"),
        (&service, "/mcp-servers/c?agent_scope=scout", "/mcp-servers/{name}"),
        (&service, "/mcp-servers/b/validate?agent_scope=scout", "/mcp-servers/{name}/validate"),
        (&service, "/capabilities", "/capabilities"),
        (&service, "/scopes", "/scopes"),
        (&sql, "/audit?agent_scope=scout", "/audit"),
        (&service, "/audit?agent_scope=scout", "/audit"),
        (&service, "/healthz", "/healthz"),
        (&service, "/readyz", "/readyz"),
        (&service, "/openapi.json", "/openapi.json"),
    ] {
        let reply = service.ask(Ask::new("GET", path).token(&service.admin)).await;
        let answer = &all["paths"][template]["get"]["responses"][reply.status.as_str()];
        check(&reply.json(), &answer["content"]["application/json"]["schema"], &all, path);
    }
    let entries = service.get(&format!("{SCOUT}&expand=spec")).await.json();
    check(&entries, &all["components"]["schemas"]["Entries"], &all, "entries");
    let installed = sql.install(&entry("z")).await.json();
    check(&installed, &all["components"]["schemas"]["Ref"], &all, "install");
}
