//! Rule C42: who is there, and in which state, is told to those who see the scope, and counted for everybody.

use mcp_registry_store::{Role, ScopeSet};
use serde_json::{Value, json};

use super::Agent;
use crate::service::{Ask, Service};

const NAMES: [(&str, &str); 5] = [("ranger", "r-1"), ("scout", "a"), ("scout", "b"), ("scout", "c"), ("warden", "w-1")];

async fn crowd() -> Service {
    let service = Service::new().await;
    service.require("scout", "memory", Some("memory__read")).await;
    for (scope, id) in NAMES {
        let said = match id {
            "b" => json!({"loaded_mcp_tools": []}),
            "c" => json!({"mcp_server_present": false}),
            _ => json!({}),
        };
        Agent::of(&service, scope, id).await.register(&service, &said).await;
    }
    service
}

/// The names that a token lists, through all pages.
async fn listed(service: &Service, token: &str, query: &str) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let reply = service.ask(Ask::new("GET", &format!("/agents?{query}{cursor}")).token(token)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let page = reply.json();
        let name = |agent: &Value| format!("{}/{}", agent["scope"].as_str().unwrap(), agent["id"].as_str().unwrap());
        all.extend(page["agents"].as_array().unwrap().iter().map(name));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn rule_c42_agents_are_listed_by_scope_by_state_and_by_page() {
    let service = crowd().await;
    let all = service.tokens.create("all", Role::Reader, &ScopeSet::All, None, None).await.unwrap();
    let all = all.expose();
    let everybody = NAMES.map(|(scope, id)| format!("{scope}/{id}"));
    let own = ["scout/a", "scout/b", "scout/c"];
    for limit in ["", "limit=1", "limit=2", "limit=3", "limit=4", "limit=5", "limit=10000"] {
        assert_eq!(listed(&service, all, limit).await, everybody, "{limit}");
        assert_eq!(listed(&service, all, &format!("agent_scope=scout&{limit}")).await, own, "{limit}");
        for token in [&service.reader, &service.requester, &service.approver, &service.writer, &service.admin] {
            assert_eq!(listed(&service, token, limit).await, own, "{limit}");
        }
    }
    for (state, expected) in [("online", "scout/a"), ("degraded", "scout/b"), ("failed", "scout/c")] {
        assert_eq!(listed(&service, &service.reader, &format!("state={state}&limit=1")).await, [expected]);
    }
    assert!(listed(&service, all, "state=offline").await.is_empty());
    assert!(listed(&service, all, "agent_scope=nowhere").await.is_empty());
}

#[tokio::test]
async fn rule_c42_what_cannot_be_asked_is_refused() {
    let service = crowd().await;
    for (query, status, kind) in [
        ("agent_scope=ranger", 403, "forbidden"),
        ("agent_scope=nowhere", 403, "forbidden"),
        ("agent_scope=..", 400, "invalid_name"),
        ("agent_scope=scout&agent_scope=scout", 400, "invalid_name"),
        ("state=Online", 400, "config_invalid"),
        ("state=", 400, "config_invalid"),
        ("state=online&state=failed", 400, "config_invalid"),
        ("limit=0", 400, "config_invalid"),
        ("limit=10001", 400, "config_invalid"),
        ("cursor=scout", 400, "config_invalid"),
        ("cursor=scout/..", 400, "config_invalid"),
        ("cursor=a/b/c", 400, "config_invalid"),
    ] {
        let reply = service.get(&format!("/agents?{query}")).await;
        assert_eq!(reply.refusal(), (status, kind.to_owned()), "{query}");
    }
    // A cursor shows nothing that the token does not see.
    assert_eq!(listed(&service, &service.reader, "cursor=ranger/r-1").await, ["scout/a", "scout/b", "scout/c"]);
    assert_eq!(service.ask(Ask::new("GET", "/agents")).await.refusal(), (401, "auth_required".to_owned()));
}

#[tokio::test]
async fn rule_c42_a_list_that_is_as_it_was_is_not_sent_again() {
    let service = crowd().await;
    let first = service.get("/agents").await;
    let etag = first.header("etag").to_owned();
    let again = Ask::new("GET", "/agents").token(&service.reader).header("if-none-match", &etag);
    assert_eq!(service.ask(again).await.status, 304);
    let agent = Agent { scope: "scout", id: "d", token: Agent::of(&service, "scout", "d").await.token };
    agent.register(&service, &json!({})).await;
    let again = Ask::new("GET", "/agents").token(&service.reader).header("if-none-match", &etag);
    assert_eq!(service.ask(again).await.status, 200);
}

#[tokio::test]
async fn rule_c42_agents_are_counted_by_state_and_named_nowhere() {
    let service = crowd().await;
    let text = service.ask(Ask::new("GET", "/metrics")).await.text;
    let counts: Vec<_> = text.lines().filter(|line| line.starts_with("mcp_registry_agents{")).collect();
    assert_eq!(
        counts,
        [
            r#"mcp_registry_agents{state="online"} 3"#,
            r#"mcp_registry_agents{state="degraded"} 1"#,
            r#"mcp_registry_agents{state="failed"} 1"#,
            r#"mcp_registry_agents{state="offline"} 0"#,
        ]
    );
    assert!(!text.contains("ranger") && !text.contains("r-1"), "{text}");
}

#[tokio::test]
async fn rule_c42_where_agents_cannot_be_counted_there_is_no_figure_of_them() {
    let service = Service::new().await;
    let other = service.folder.path().join("other");
    std::fs::write(&other, "this is no database, and has no agents").unwrap();
    std::fs::rename(other, service.folder.path().join("tokens.db")).unwrap();
    // What was not moved into the file yet would still be taken for its content.
    std::fs::remove_file(service.folder.path().join("tokens.db-wal")).unwrap();
    let reply = service.ask(Ask::new("GET", "/metrics")).await;
    assert_eq!(reply.status, 200);
    assert!(!reply.text.contains("mcp_registry_agents") && reply.text.contains("mcp_registry_connections"));
}
