//! Rules C39 to C41: what is answered to a report, and the state that follows.

use mcp_registry::catalog::Options;
use mcp_registry_store::sqlx::{AssertSqlSafe, query};
use serde_json::{Value, json};

use super::{Agent, refused};
use crate::service::{Ask, SCOUT, Service, reply};

/// What is said, the state that follows where a server and its tool are required, and the reason.
fn table() -> Vec<(Value, &'static str, Value)> {
    let read = json!(["memory__write", "memory__read"]);
    vec![
        (json!({}), "online", Value::Null),
        (json!({"mcp_tools_ready": true}), "online", Value::Null),
        (json!({"mcp_tools_ready": null, "loaded_mcp_tools": null}), "online", Value::Null),
        (json!({"loaded_mcp_tools": read}), "online", Value::Null),
        (json!({"loaded_mcp_tools": read, "mcp_tools_ready": true}), "online", Value::Null),
        (json!({"loaded_mcp_tools": [], "mcp_tools_ready": false}), "online", Value::Null),
        (json!({"loaded_mcp_tools": []}), "degraded", json!("mcp_tool_missing")),
        (json!({"loaded_mcp_tools": [], "mcp_tools_ready": true}), "degraded", json!("mcp_tool_missing")),
        (
            json!({"loaded_mcp_tools": ["memory__Read", "read", "x memory__read"]}),
            "degraded",
            json!("mcp_tool_missing"),
        ),
        (json!({"mcp_server_present": false}), "failed", json!("mcp_server_missing")),
        (json!({"mcp_server_present": null}), "failed", json!("mcp_server_missing")),
        (json!({"mcp_server_present": false, "loaded_mcp_tools": read}), "failed", json!("mcp_server_missing")),
        (json!({"mcp_server_present": null, "mcp_tools_ready": false}), "failed", json!("mcp_server_missing")),
    ]
}

#[tokio::test]
async fn rule_c41_a_registration_without_the_server_is_refused_and_the_agent_failed() {
    let service = Service::new().await;
    service.require("scout", "memory", Some("memory__read")).await;
    let agent = Agent::of(&service, "scout", "scout-1").await;
    for (said, state, reason) in table() {
        let reply = agent.register(&service, &said).await;
        let told = if state == "failed" {
            assert_eq!(refused(&reply), (400, "mcp_server_missing".to_owned()), "{said}");
            assert_eq!(reply.kind(), "invalid_spec");
            reply.json()["agent"].clone()
        } else {
            assert_eq!(reply.status, 200, "{said}: {reply:?}");
            reply.json()
        };
        assert_eq!((&told["state"], &told["reason"]), (&json!(state), &reason), "{said}");
        assert_eq!(service.agents().await, [told], "{said}");
    }
    // Left out is the same as null.
    let mut body = agent.says(&json!({}));
    body.as_object_mut().unwrap().remove("mcp_server_present");
    let reply = service.ask(agent.ask("/agents/register", &body)).await;
    assert_eq!(refused(&reply), (400, "mcp_server_missing".to_owned()));
    assert_eq!(service.agents().await[0]["state"], "failed");
}

#[tokio::test]
async fn rule_c41_a_heartbeat_is_acknowledged_and_says_in_which_state_the_agent_is() {
    let service = Service::new().await;
    service.require("scout", "memory", Some("memory__read")).await;
    let agent = Agent::of(&service, "scout", "scout-1").await;
    let unknown = agent.heartbeat(&service, &json!({})).await;
    assert_eq!(refused(&unknown), (404, "not_registered".to_owned()));
    assert_eq!(unknown.kind(), "not_in_registry");
    assert!(unknown.text.contains("POST /agents/register"), "{unknown:?}");
    assert!(service.agents().await.is_empty(), "it is not made by that");
    assert_eq!(agent.register(&service, &json!({})).await.status, 200);
    for (said, state, reason) in table() {
        let reply = agent.heartbeat(&service, &said).await;
        assert_eq!(reply.status, 200, "{said}: {reply:?}");
        let told = reply.json();
        assert_eq!((&told["state"], &told["reason"]), (&json!(state), &reason), "{said}");
        assert_eq!(service.agents().await, [told], "{said}");
    }
    let mut body = agent.says(&json!({}));
    body.as_object_mut().unwrap().remove("mcp_server_present");
    let reply = service.ask(agent.ask("/agents/scout-1/heartbeat", &body)).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["state"]), (200, &json!("failed")));
    // Refused as it begins, it is known: and online as soon as it has what it must.
    assert_eq!(agent.register(&service, &json!({"mcp_server_present": false})).await.status, 400);
    assert_eq!(agent.heartbeat(&service, &json!({})).await.json()["state"], "online");
}

#[tokio::test]
async fn rule_c39_where_nothing_is_required_nothing_is_missing() {
    let service = Service::new().await;
    service.require("ranger", "memory", Some("memory__read")).await;
    let agent = Agent::of(&service, "scout", "scout-1").await;
    for (said, _, _) in table() {
        assert_eq!(agent.register(&service, &said).await.json()["state"], "online", "{said}");
        assert_eq!(agent.heartbeat(&service, &said).await.json()["state"], "online", "{said}");
    }
    // What is required from now on, agents lack at once.
    agent.heartbeat(&service, &json!({"mcp_server_present": null})).await;
    service.require("scout", "memory", None).await;
    assert_eq!(service.agents().await[0]["state"], "failed");
}

#[tokio::test]
async fn rule_c40_who_is_silent_is_offline_at_every_replica() {
    let mut options = Options::default();
    options.agent_timeout = Some(std::time::Duration::from_secs(7));
    let service = Service::with(options).await;
    let agent = Agent::of(&service, "scout", "scout-1").await;
    let told = agent.register(&service, &json!({})).await.json();
    assert_eq!(told["heartbeat_within_s"], 7);
    assert!(told["last_seen_at"].as_str().unwrap().ends_with('Z'), "{told}");
    // Another replica, which gives those that report to it more time.
    let other = Service::router(&service.locator, &service.tokens, &service.governance, Options::default()).await;
    let seen = async |router| {
        let listed = reply(router, Ask::new("GET", "/agents").token(&service.reader)).await.json();
        (listed["agents"][0]["state"].clone(), listed["agents"][0]["reason"].clone())
    };
    let later = async |millis: u32| {
        let mut transaction = service.tokens.store().begin().await.unwrap();
        let update = format!("UPDATE mcp_agents SET seen = seen - {millis}");
        transaction.execute(query(AssertSqlSafe(update))).await.unwrap();
        transaction.commit().await.unwrap();
    };
    for (router, other) in [(&service.router, &other), (&other, &service.router)] {
        assert_eq!(seen(router).await, (json!("online"), Value::Null));
        later(8_000).await;
        let offline = (json!("offline"), json!("heartbeat_missing"));
        assert_eq!(seen(router).await, offline);
        assert_eq!(seen(other).await, offline);
        // It is back, at the other one, which gives it as much time as it gives everybody.
        let beaten = reply(other, agent.ask("/agents/scout-1/heartbeat", &agent.says(&json!({})))).await;
        assert_eq!(beaten.json()["state"], "online");
        later(8_000).await;
        let within = beaten.json()["heartbeat_within_s"].as_u64().unwrap();
        assert_eq!(seen(router).await.0, if within == 90 { "online" } else { "offline" });
        assert_eq!(seen(other).await, seen(router).await);
        reply(router, agent.ask("/agents/scout-1/heartbeat", &agent.says(&json!({})))).await;
    }
}

#[tokio::test]
async fn rule_c43_a_report_authorises_nothing() {
    let service = Service::new().await;
    let agent = Agent::of(&service, "scout", "scout-1").await;
    assert_eq!(agent.register(&service, &json!({"loaded_mcp_tools": ["memory__read"]})).await.status, 200);
    // Neither its own token nor another's may more than before, and no server came of it.
    for (token, status) in [(&agent.token, 403), (&service.reader, 403), (&service.requester, 403)] {
        let install = Ask::new("POST", SCOUT).token(token).json(crate::service::entry("memory"));
        assert_eq!(service.ask(install).await.status, status);
    }
    assert_eq!(service.ask(Ask::new("GET", SCOUT).token(&agent.token)).await.status, 403);
    assert_eq!(service.get(SCOUT).await.json()["servers"], json!([]));
    assert_eq!(service.get("/scopes").await.json()["scopes"], json!([]));
    let audit = service.ask(Ask::new("GET", "/audit?agent_scope=scout").token(&service.admin)).await;
    assert_eq!(audit.status, 200);
    assert!(!audit.text.contains("scout-1"), "a report is no write of an entry: {audit:?}");
}
