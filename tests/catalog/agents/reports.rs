//! Rule C38: what a report says, and what is none.

use std::num::NonZeroU32;

use axum::body::Body;
use mcp_registry::catalog::Options;
use serde_json::{Value, json};

use super::{Agent, refused};
use crate::service::{Ask, Service};

const REGISTER: &str = "/agents/register";
const HEARTBEAT: &str = "/agents/scout-1/heartbeat";

#[tokio::test]
async fn rule_c38_what_is_no_report_changes_nothing() {
    let service = Service::new().await;
    service.require("scout", "memory", None).await;
    let agent = Agent::of(&service, "scout", "scout-1").await;
    assert_eq!(agent.register(&service, &json!({})).await.status, 200);
    let before = service.agents().await;
    let many = vec!["x"; 10_001];
    for wrong in [
        json!({"mcp_server_present": "true"}),
        json!({"mcp_server_present": 1}),
        json!({"mcp_server_present": []}),
        json!({"mcp_server_present": {"memory": true}}),
        json!({"mcp_tools_ready": "no"}),
        json!({"mcp_tools_ready": 0}),
        json!({"loaded_mcp_tools": "memory__read"}),
        json!({"loaded_mcp_tools": {}}),
        json!({"loaded_mcp_tools": [1]}),
        json!({"loaded_mcp_tools": [null]}),
        json!({"loaded_mcp_tools": [["a"]]}),
        json!({"loaded_mcp_tools": [""]}),
        json!({"loaded_mcp_tools": ["a\nb"]}),
        json!({"loaded_mcp_tools": ["\u{0}"]}),
        json!({"loaded_mcp_tools": ["x".repeat(257)]}),
        json!({"loaded_mcp_tools": many}),
        json!({"runtime": ""}),
        json!({"runtime": "x".repeat(129)}),
        json!({"runtime": "a\u{1b}[31m"}),
        json!({"runtime": 1}),
        json!({"scope": null}),
        json!({"scope": ["scout"]}),
        json!({"id": 1}),
        json!({"id": ["scout-1"]}),
        json!({"mcp_server_presents": true}),
        json!({"state": "online"}),
    ] {
        for path in [REGISTER, HEARTBEAT] {
            let reply = service.ask(agent.ask(path, &agent.says(&wrong))).await;
            assert_eq!(refused(&reply), (400, "invalid".to_owned()), "{path} {wrong}");
            assert_eq!(reply.kind(), "invalid_spec");
            assert!(reply.text.len() < 2_000, "no answer repeats all that was sent");
        }
    }
    for text in [
        "",
        "null",
        "[]",
        "true",
        "{",
        "\u{feff}{}",
        r#"{"id":"scout-1","scope":"scout","runtime":"x","mcp_server_present":true,"mcp_server_present":false}"#,
        &"[".repeat(100_000),
    ] {
        for path in [REGISTER, HEARTBEAT] {
            let reply = service.ask(Ask::new("POST", path).token(&agent.token).json(text)).await;
            assert_eq!(refused(&reply), (400, "invalid".to_owned()), "{path} {}", text.get(..40).unwrap_or(text));
        }
    }
    let not_utf8 = Ask::new("POST", REGISTER).token(&agent.token).header("content-type", "application/json");
    assert_eq!(refused(&service.ask(not_utf8.body(Body::from(&b"{\"id\":\"\xff\"}"[..]))).await).0, 400);
    assert_eq!(service.agents().await, before, "none of these is a report");
}

#[tokio::test]
async fn rule_c38_names_have_their_grammar() {
    let service = Service::new().await;
    let agent = Agent::of(&service, "scout", "scout-1").await;
    for bad in ["", "..", "../x", ".a", "a b", "a/b", "ä", "a\u{0}", &"n".repeat(129)] {
        for key in ["id", "scope"] {
            let reply = agent.register(&service, &json!({key: bad})).await;
            assert_eq!(reply.refusal(), (400, "invalid_name".to_owned()), "{key} {bad:?}");
        }
    }
    for path in ["/agents/..%2fx/heartbeat", "/agents/a%20b/heartbeat", "/agents/%ff/heartbeat", "/agents/.x/heartbeat"]
    {
        let reply = service.ask(agent.ask(path, &agent.says(&json!({})))).await;
        assert_eq!(reply.refusal(), (400, "invalid_name".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn rule_c38_a_heartbeat_need_not_repeat_who_it_is_of() {
    let service = Service::new().await;
    let agent = Agent::of(&service, "scout", "scout-1").await;
    let registered = agent.register(&service, &json!({"runtime": "first"})).await.json();
    let beat = async |body: Value| service.ask(agent.ask(HEARTBEAT, &body)).await;
    let kept = beat(json!({"scope": "scout"})).await;
    assert_eq!((kept.status.as_u16(), &kept.json()["runtime"]), (200, &json!("first")));
    assert_eq!(kept.json()["mcp_server_present"], Value::Null);
    assert_eq!(beat(json!({"scope": "scout", "runtime": "other"})).await.json()["runtime"], "other");
    let last = beat(json!({"scope": "scout", "id": null, "runtime": null})).await.json();
    assert_eq!((&last["runtime"], &last["registered_at"]), (&json!("other"), &registered["registered_at"]));
    let another = beat(json!({"scope": "scout", "id": "scout-2"})).await;
    assert_eq!(refused(&another), (400, "invalid".to_owned()));
    for needed in ["id", "scope", "runtime"] {
        let mut body = agent.says(&json!({}));
        body.as_object_mut().unwrap().remove(needed);
        let reply = service.ask(agent.ask(REGISTER, &body)).await;
        assert_eq!(refused(&reply), (400, "invalid".to_owned()), "{needed}");
        assert!(reply.text.contains(needed), "{reply:?}");
    }
    // As much as may be said.
    let tools = vec!["t".repeat(110); 10_000];
    let large = json!({"runtime": "x".repeat(128), "loaded_mcp_tools": tools, "mcp_tools_ready": true});
    assert_eq!(agent.register(&service, &large).await.status, 413, "more than a body may have");
    let tools: Vec<_> = (0..10_000).map(|i| format!("server__tool-{i}")).collect();
    let large = json!({"runtime": "x".repeat(128), "loaded_mcp_tools": tools, "mcp_tools_ready": true});
    assert_eq!(agent.register(&service, &large).await.status, 200);
}

#[tokio::test]
async fn rule_c27_reports_have_the_bounds_of_every_request() {
    let mut options = Options::default();
    options.rate = NonZeroU32::new(1);
    let service = Service::with(options).await;
    let agent = Agent::of(&service, "scout", "scout-1").await;
    let plain = Ask::new("POST", REGISTER).token(&agent.token).header("content-type", "text/plain");
    assert_eq!(service.ask(plain.body(Body::from("{}"))).await.status, 415);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(agent.register(&service, &json!({})).await.status.as_u16());
    }
    assert!(statuses.contains(&200) && statuses.ends_with(&[429]), "{statuses:?}");
    let other = Agent::of(&service, "scout", "scout-2").await;
    assert_eq!(other.register(&service, &json!({})).await.status, 200, "each token has a rate of its own");
}
