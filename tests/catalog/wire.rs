//! Rules C1 to C14: what is asked and what is answered.

use mcp_registry::catalog::Options;
use mcp_registry::{McpServerSpec, WriteContext};
use serde_json::json;

use crate::service::{Ask, SCOUT, Service, entry};

fn named(name: &str) -> String {
    format!("/mcp-servers/{name}?agent_scope=scout")
}

#[tokio::test]
async fn rule_c1_unknown_keys_of_entries_are_kept_and_a_key_given_twice_is_refused() {
    let service = Service::new().await;
    let entry = r#"{"name":"a","command":"npx","x-owner":{"team":["t",1]}}"#;
    assert_eq!(service.install(entry).await.status, 201);
    assert_eq!(service.get(&named("a")).await.json()["x-owner"], json!({"team": ["t", 1]}));
    for twice in
        [r#"{"name":"b","command":"npx","command":"npx"}"#, r#"{"name":"b","command":"npx","x":{"k":1,"k":1}}"#]
    {
        assert_eq!(service.install(twice).await.refusal(), (422, "invalid_spec".to_owned()), "{twice}");
    }
    assert_eq!(service.get(&named("b")).await.status, 404);
}

#[tokio::test]
async fn rule_c1_an_entry_holds_references() {
    let service = Service::new().await;
    let literal = r#"{"name":"a","command":"npx","env":{"API_KEY":"hunter2hunter2"}}"#;
    let refused = service.install(literal).await;
    assert_eq!(refused.refusal(), (422, "invalid_spec".to_owned()));
    assert!(!refused.text.contains("hunter2"), "{}", refused.text);
    let mut options = Options::default();
    options.allow_literals = true;
    assert_eq!(Service::with(options).await.install(literal).await.status, 201);
}

#[tokio::test]
async fn rule_c2_a_scope_is_named_once() {
    let service = Service::new().await;
    for (path, kind) in [
        ("/mcp-servers", "invalid_name"),
        ("/mcp-servers?agent_scope=", "invalid_name"),
        ("/mcp-servers?agent_scope=..%2Fx", "invalid_name"),
        ("/mcp-servers?agent_scope=scout&agent_scope=scout", "invalid_name"),
        ("/mcp-servers?agent_scope=scout&agent_scope=other", "invalid_name"),
        ("/mcp-servers/a", "invalid_name"),
        ("/mcp-servers/a/validate", "invalid_name"),
        ("/audit", "invalid_name"),
    ] {
        assert_eq!(service.get(path).await.refusal(), (400, kind.to_owned()), "{path}");
    }
    for (method, path) in [("POST", "/mcp-servers"), ("PUT", "/mcp-servers/a"), ("DELETE", "/mcp-servers/a")] {
        let reply = service.ask(Ask::new(method, path).token(&service.writer).json(entry("a"))).await;
        assert_eq!(reply.refusal(), (400, "invalid_name".to_owned()), "{method}");
    }
}

#[tokio::test]
async fn rule_c3_a_listing_has_refs_or_entries_and_broken_ones_beside_them() {
    let service = Service::on_folders(Options::default()).await;
    let empty = service.get(SCOUT).await;
    assert_eq!((empty.status.as_u16(), empty.json()), (200, json!({"servers": [], "broken": []})));
    let folder = service.folder.path().join("agents/scout");
    std::fs::create_dir_all(&folder).unwrap();
    let document = "## b\n\ncommand: npx\ndescription: d\n\n## a\n\nurl: https://h/\n\n## broken\n\nargs: x\n";
    std::fs::write(folder.join("mcp.md"), document).unwrap();
    // What is in memory is believed for a second.
    let service = Service {
        router: Service::router(&service.locator, &service.tokens, &service.governance, Options::default()).await,
        ..service
    };
    let refs = service.get(SCOUT).await.json();
    let names: Vec<_> = refs["servers"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(refs["servers"][1]["description"], "d");
    assert_eq!(refs["servers"][0]["transport"], "streamable-http");
    assert_eq!(
        (&refs["broken"][0]["name"], &refs["broken"][0]["error"]["kind"]),
        (&json!("broken"), &json!("descriptor_invalid"))
    );
    let specs = service.get(&format!("{SCOUT}&expand=spec")).await.json();
    assert_eq!(specs["servers"][1]["command"], "npx");
    assert_eq!(specs["servers"][0]["url"], "https://h/");
    assert_eq!(specs["broken"], refs["broken"]);
    let broken = service.get(&named("broken")).await;
    assert_eq!(broken.refusal(), (422, "descriptor_invalid".to_owned()));
    assert_eq!(broken.json()["error"], refs["broken"][0]["error"]);
}

#[tokio::test]
async fn rule_c3_pages_join_to_the_whole() {
    let service = Service::new().await;
    for n in 0..7 {
        assert_eq!(service.install(&entry(&format!("s{n}"))).await.status, 201);
    }
    for expand in ["", "&expand=spec"] {
        let whole = service.get(&format!("{SCOUT}{expand}")).await.json();
        assert!(whole.get("next_cursor").is_none());
        let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = service.get(&format!("{SCOUT}{expand}&limit=3{cursor}")).await.json();
            found.extend(page["servers"].as_array().unwrap().clone());
            pages += 1;
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((json!(found), pages), (whole["servers"].clone(), 3));
    }
    for wrong in
        ["limit=0", "limit=10001", "limit=-1", "limit=+1", "limit=", "limit=x", "expand=all", "limit=1&limit=1"]
    {
        assert_eq!(service.get(&format!("{SCOUT}&{wrong}")).await.status, 400, "{wrong}");
    }
    assert_eq!(service.get(&format!("{SCOUT}&cursor=..")).await.status, 400);
}

#[tokio::test]
async fn rule_c4_an_entry_is_there_or_not() {
    let service = Service::new().await;
    assert_eq!(service.install(&entry("a+b@c")).await.status, 201);
    for path in ["a+b@c", "a%2Bb%40c"] {
        assert_eq!(service.get(&named(path)).await.json()["name"], "a+b@c", "{path}");
    }
    assert_eq!(service.get(&named("absent")).await.refusal(), (404, "not_in_registry".to_owned()));
    for bad in ["..%2Fx", "%00", "a%20b", ".a"] {
        assert_eq!(service.get(&named(bad)).await.refusal(), (400, "invalid_name".to_owned()), "{bad}");
    }
}

#[tokio::test]
async fn rule_c5_validation_answers_for_any_name() {
    let service = Service::new().await;
    assert_eq!(service.install(&entry("a")).await.status, 201);
    let good = service.get("/mcp-servers/a/validate?agent_scope=scout").await;
    // What is set and found where the service runs is not what is where agents do.
    assert_eq!((good.status.as_u16(), good.json()), (200, json!({"ok": true, "errors": [], "warnings": []})));
    let absent = service.get("/mcp-servers/absent/validate?agent_scope=scout").await;
    assert_eq!((absent.status.as_u16(), &absent.json()["ok"]), (200, &json!(false)));
    assert_eq!(absent.json()["errors"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn rule_c6_install_answers_201_then_409() {
    let service = Service::new().await;
    let first = service.install(&entry("a")).await;
    assert_eq!((first.status.as_u16(), &first.json()["name"]), (201, &json!("a")));
    assert_eq!(first.header("location"), "mcp-servers/a?agent_scope=scout");
    let spec: McpServerSpec = serde_json::from_str(&entry("a")).unwrap();
    assert_eq!(first.header("etag"), format!("\"{}\"", spec.digest().unwrap()));
    assert_eq!(service.install(&entry("a")).await.refusal(), (409, "already_installed".to_owned()));
    for (body, status, kind) in [
        ("", 400, "invalid_spec"),
        ("{", 400, "invalid_spec"),
        ("[]", 422, "invalid_spec"),
        (r#"{"name":"b"}"#, 422, "invalid_spec"),
        (r#"{"name":"../b","command":"npx"}"#, 400, "invalid_name"),
        (r#"{"name":"b","command":"npx","masked":["env.A"]}"#, 422, "invalid_spec"),
    ] {
        assert_eq!(service.install(body).await.refusal(), (status, kind.to_owned()), "{body}");
    }
    let deep = format!(r#"{{"name":"b","command":"npx","x":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(service.install(&deep).await.status.is_client_error());
}

#[tokio::test]
async fn rule_c7_update_replaces_what_is_meant() {
    let service = Service::new().await;
    let update = |name: &str, conditions: &[(&str, &str)], body: String| {
        let ask = Ask::new("PUT", &named(name)).token(&service.writer).json(body);
        service.ask(conditions.iter().fold(ask, |ask, (header, value)| ask.header(header, value)))
    };
    let installed = service.install(&entry("a")).await;
    let first = installed.header("etag");
    let changed = |text: &str| format!(r#"{{"name":"a","command":"npx","description":"{text}"}}"#);
    let other = format!("\"sha256:{}\"", "0".repeat(64));

    let refused = update("a", &[], changed("1")).await;
    assert_eq!(refused.refusal(), (428, "conflict".to_owned()));
    for fits_not in [&*other, "W/\"x\"", "\"x\"", "x", &format!("W/{first}")] {
        let refused = update("a", &[("if-match", fits_not)], changed("1")).await;
        assert_eq!(refused.refusal(), (412, "conflict".to_owned()), "{fits_not}");
    }
    assert_eq!(update("b", &[("if-match", &other)], entry("b")).await.refusal(), (404, "not_in_registry".to_owned()));
    assert_eq!(update("b", &[("if-match", "*")], entry("b")).await.refusal(), (404, "not_in_registry".to_owned()));
    assert_eq!(update("a", &[("if-match", first)], entry("b")).await.refusal(), (422, "invalid_spec".to_owned()));
    assert_eq!(service.get(&named("a")).await.header("etag"), first, "nothing of this changed it");

    let done = update("a", &[("if-match", first)], changed("1")).await;
    assert_eq!((done.status.as_u16(), &done.json()["description"]), (200, &json!("1")));
    assert_eq!(done.header("etag"), service.get(&named("a")).await.header("etag"));
    assert_eq!(update("a", &[("if-match", first)], changed("2")).await.status, 412);
    let several = format!("{other}, {}", done.header("etag"));
    assert_eq!(update("a", &[("if-match", &several)], changed("2")).await.status, 200);
    assert_eq!(update("a", &[("if-match", "*")], changed("3")).await.status, 200);
    let now = service.get(&named("a")).await.header("etag").to_owned();
    assert_eq!(update("a", &[("if-match", "*"), ("if-none-match", &now)], changed("4")).await.status, 412);
    assert_eq!(service.get(&named("a")).await.json()["description"], "3");
}

#[tokio::test]
async fn rule_c8_uninstall_answers_204_there_or_not() {
    let service = Service::new().await;
    let remove = |conditions: &[(&str, &str)]| {
        let ask = Ask::new("DELETE", &named("a")).token(&service.writer);
        service.ask(conditions.iter().fold(ask, |ask, (header, value)| ask.header(header, value)))
    };
    let other = format!("\"sha256:{}\"", "0".repeat(64));
    for conditions in [&[][..], &[("if-match", &*other)], &[("if-match", "*")], &[("if-match", "x")]] {
        let absent = remove(conditions).await;
        assert_eq!((absent.status.as_u16(), &*absent.text), (204, ""), "{conditions:?}");
    }
    let installed = service.install(&entry("a")).await;
    for wrong in [&*other, "\"x\"", "x"] {
        assert_eq!(remove(&[("if-match", wrong)]).await.refusal(), (412, "conflict".to_owned()), "{wrong}");
    }
    assert_eq!(remove(&[("if-none-match", "*")]).await.status, 412);
    assert_eq!(remove(&[("if-match", installed.header("etag"))]).await.status, 204);
    assert_eq!(service.get(&named("a")).await.status, 404);
    assert_eq!(service.install(&entry("a")).await.status, 201);
    assert_eq!(remove(&[("if-match", "*")]).await.status, 204);
    assert_eq!(service.get(&named("a")).await.status, 404);
}

#[tokio::test]
async fn rule_c9_capabilities_are_those_of_who_asks() {
    let service = Service::new().await;
    let claims = |tier: u8, writes: bool, audit: bool| {
        json!({"tier": tier, "supports_install": writes, "supports_update": writes, "supports_uninstall": writes,
            "supports_audit": audit, "supports_scopes": true, "supports_allowed_commands": true, "wire_version": "1.0"})
    };
    for (token, claimed, allowed) in [
        (&service.reader, claims(1, false, false), "GET, HEAD, OPTIONS"),
        (&service.writer, claims(3, true, false), "GET, HEAD, OPTIONS, POST, PUT, DELETE"),
        (&service.admin, claims(3, true, true), "GET, HEAD, OPTIONS, POST, PUT, DELETE"),
    ] {
        let said = service.ask(Ask::new("GET", "/capabilities").token(token)).await;
        assert_eq!((said.status.as_u16(), said.json()), (200, claimed));
        let options = service.ask(Ask::new("OPTIONS", "/mcp-servers").token(token)).await;
        assert_eq!((options.status.as_u16(), options.header("allow")), (200, allowed));
    }
}

#[tokio::test]
async fn rule_c9_a_lower_tier_offers_less() {
    for (tier, store) in [(1, "sqlite"), (2, "sqlite"), (2, "folders")] {
        let mut options = Options::default();
        options.tier = Some(tier.try_into().unwrap());
        let service = if store == "sqlite" { Service::with(options).await } else { Service::on_folders(options).await };
        let said = service.ask(Ask::new("GET", "/capabilities").token(&service.admin)).await.json();
        assert_eq!((&said["tier"], &said["supports_audit"]), (&json!(tier), &json!(false)));
        let audit = service.ask(Ask::new("GET", "/audit?agent_scope=scout").token(&service.admin)).await;
        assert_eq!(audit.refusal(), (405, "unsupported".to_owned()));
        assert!(audit.headers.contains_key("allow"));
        let install = service.install(&entry("a")).await;
        if tier == 2 {
            assert_eq!(install.status, 201);
            continue;
        }
        assert_eq!(install.refusal(), (405, "unsupported".to_owned()));
        assert_eq!(install.header("allow"), "GET, HEAD, OPTIONS");
        for method in ["PUT", "DELETE"] {
            let ask = Ask::new(method, &named("a")).token(&service.admin).header("if-match", "*").json(entry("a"));
            let reply = service.ask(ask).await;
            assert_eq!((reply.refusal(), reply.header("allow")), ((405, "unsupported".to_owned()), "GET, HEAD"));
        }
    }
}

#[tokio::test]
async fn rule_c10_the_audit_tells_who_did_what() {
    let service = Service::new().await;
    service.install(&entry("a")).await;
    let ask = Ask::new("POST", SCOUT).token(&service.writer).header("x-request-id", "trace-7").json(entry("a"));
    assert_eq!(service.ask(ask).await.status, 409);
    assert_eq!(service.ask(Ask::new("DELETE", &named("a")).token(&service.admin)).await.status, 204);
    let audit =
        |query: &str| service.ask(Ask::new("GET", &format!("/audit?agent_scope=scout{query}")).token(&service.admin));
    let records = audit("").await.json()["records"].clone();
    let told: Vec<_> = records
        .as_array()
        .unwrap()
        .iter()
        .map(|r| ["seq", "actor", "action", "name", "outcome"].map(|key| r[key].to_string().replace('"', "")))
        .collect();
    assert_eq!(told[0], ["1", "writer", "install", "a", "done"]);
    assert_eq!(told[1], ["2", "writer", "install", "a", "already_installed"]);
    assert_eq!(told[2], ["3", "admin", "uninstall", "a", "done"]);
    assert_eq!(records[1]["request_id"], "trace-7");
    assert_eq!(records[0]["after"], records[2]["before"]);
    assert_eq!(audit("&after=1&limit=1").await.json()["records"], json!([records[1]]));
    assert_eq!(audit("&after=3").await.json()["records"], json!([]));
    for wrong in ["&after=-1", "&after=x", "&limit=0", "&limit=10001", "&after=1&after=2"] {
        assert_eq!(audit(wrong).await.status, 400, "{wrong}");
    }
    let other = service.ask(Ask::new("GET", "/audit?agent_scope=other").token(&service.admin)).await;
    assert_eq!(other.refusal(), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn rule_c11_scopes_are_those_the_token_sees() {
    let service = Service::new().await;
    let context = WriteContext::new();
    for scope in ["scout", "other"] {
        service.storage(scope).install(&serde_json::from_str(&entry("a")).unwrap(), &context).await.unwrap();
    }
    assert_eq!(service.get("/scopes").await.json(), json!({"scopes": ["scout"]}));
}

#[tokio::test]
async fn rule_c12_what_is_not_there_is_told_in_the_same_form() {
    let service = Service::new().await;
    for (method, path, status) in [
        ("GET", "/nope", 404),
        ("GET", "/", 404),
        ("GET", "/mcp-servers/", 404),
        ("GET", "/mcp-servers/a/b/c", 404),
        ("PATCH", SCOUT, 405),
        ("DELETE", SCOUT, 405),
        ("POST", "/capabilities", 405),
        ("POST", "/healthz", 405),
        ("TRACE", "/mcp-servers", 405),
    ] {
        let reply = service.ask(Ask::new(method, path).token(&service.admin).json("{}")).await;
        assert_eq!(reply.refusal(), (status, "unsupported".to_owned()), "{method} {path}");
        assert_eq!(reply.headers.contains_key("allow"), status == 405, "{method} {path}");
    }
}

#[tokio::test]
async fn rule_c13_a_validator_changes_with_the_content() {
    let service = Service::new().await;
    service.install(&entry("a")).await;
    for path in [SCOUT.to_owned(), format!("{SCOUT}&expand=spec"), named("a"), "/capabilities".to_owned()] {
        let first = service.get(&path).await;
        let etag = first.header("etag");
        assert!(etag.starts_with('"') && etag.ends_with('"') && first.status == 200, "{path}");
        for fits in [etag.to_owned(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
            let ask = Ask::new("GET", &path).token(&service.reader).header("if-none-match", &fits);
            let again = service.ask(ask).await;
            assert_eq!((again.status.as_u16(), &*again.text, again.header("etag")), (304, "", etag), "{path} {fits}");
        }
        let ask = Ask::new("GET", &path).token(&service.reader).header("if-none-match", "\"x\"");
        assert_eq!(service.ask(ask).await.text, first.text);
    }
    let before = service.get(SCOUT).await;
    service.install(&entry("b")).await;
    assert_ne!(service.get(SCOUT).await.header("etag"), before.header("etag"));
    let spec: McpServerSpec = serde_json::from_str(&service.get(&named("a")).await.text).unwrap();
    assert_eq!(service.get(&named("a")).await.header("etag"), format!("\"{}\"", spec.digest().unwrap()));
}

#[tokio::test]
async fn rule_c14_what_needs_no_token_tells_nothing_of_what_is_stored() {
    let service = Service::new().await;
    service.install(&entry("a-very-own-name")).await;
    service.get(SCOUT).await;
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        let reply = service.ask(Ask::new("GET", path)).await;
        assert_eq!(reply.status, 200, "{path}");
        for secret in ["scout", "a-very-own-name", "writer\"", &service.reader] {
            assert!(!reply.text.contains(secret), "{path}: {secret}\n{}", reply.text);
        }
        let head = service.ask(Ask::new("HEAD", path)).await;
        assert_eq!((head.status.as_u16(), &*head.text), (200, ""), "{path}");
    }
    let metrics = service.ask(Ask::new("GET", "/metrics")).await.text;
    for line in [
        r#"mcp_registry_http_requests_total{route="/mcp-servers",method="POST",status="201"} 1"#,
        r#"mcp_registry_http_requests_total{route="/mcp-servers",method="GET",status="200"} 1"#,
        "mcp_registry_cache_misses_total 1",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn rule_c14_readiness_is_the_storages() {
    let service = Service::on_folders(Options::default()).await;
    assert_eq!(service.ask(Ask::new("GET", "/readyz")).await.status, 200);
    let agents = service.folder.path().join("agents");
    // A folder's place is taken by something else.
    std::fs::write(agents.join("default"), "").unwrap();
    let router = Service::router(&service.locator, &service.tokens, &service.governance, Options::default()).await;
    let reply = crate::service::reply(&router, Ask::new("GET", "/readyz")).await;
    assert_eq!(reply.refusal(), (503, "unavailable".to_owned()));
    assert_eq!(crate::service::reply(&router, Ask::new("GET", "/healthz")).await.status, 200);
}

#[tokio::test]
async fn rule_c44_the_list_of_allowed_commands_is_the_agents_own() {
    let service = Service::on_folders(Options::default()).await;
    let agents = service.folder.path().join("agents");
    std::fs::create_dir(agents.join("scout")).unwrap();
    let said = async || service.get("/allowed-commands?agent_scope=scout").await.json();
    for (document, list) in [
        ("# Servers\n", json!(null)),
        ("## Allowed commands\n", json!([])),
        ("## Allowed commands\ndeno\n/opt/tool\n", json!(["deno", "/opt/tool"])),
    ] {
        std::fs::write(agents.join("scout/mcp.md"), document).unwrap();
        assert_eq!(said().await, json!({"allowed_commands": list}), "{document}");
    }
    assert_eq!(service.get("/allowed-commands").await.status, 400);
    assert_eq!(service.get("/allowed-commands?agent_scope=other").await.status, 403);
    let in_a_database = Service::new().await;
    let said = in_a_database.get("/allowed-commands?agent_scope=scout").await.json();
    assert_eq!(said, json!({"allowed_commands": null}));
}
