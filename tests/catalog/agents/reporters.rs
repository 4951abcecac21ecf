//! Rule C37: a reporter's token reports of one agent of one scope, and does nothing else.

use mcp_registry::catalog::openapi;
use serde_json::{Value, json};

use super::Agent;
use crate::service::{Ask, Reply, Service};

/// All that could tell one refusal from another.
fn told(reply: Reply) -> (u16, String) {
    assert_eq!(reply.kind(), "forbidden");
    (reply.status.as_u16(), reply.text)
}

#[tokio::test]
async fn rule_c37_a_reporter_does_nothing_but_report() {
    let service = Service::new().await;
    let agent = Agent::of(&service, "scout", "scout-1").await;
    let described = serde_json::to_value(openapi::document()).unwrap();
    let mut refused = 0;
    for (path, item) in described["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let is_open = operation.get("security").is_none();
            let place = path.replace("{name}", "a").replace("{id}", "scout-1") + "?agent_scope=scout";
            let ask = Ask::new(&method.to_uppercase(), &place).token(&agent.token).header("if-match", "*");
            let reply = service.ask(ask.json(agent.says(&json!({})).to_string())).await;
            match path.as_str() {
                "/agents/register" | "/agents/{id}/heartbeat" => assert_eq!(reply.status, 200, "{method} {path}"),
                _ if is_open => assert_eq!(reply.status, 200, "{method} {path}"),
                _ => {
                    assert_eq!(reply.refusal(), (403, "forbidden".to_owned()), "{method} {path}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused >= 15, "{refused}");
    // What the description does not have either.
    for (method, path) in [("HEAD", "/mcp-servers?agent_scope=scout"), ("HEAD", "/agents"), ("PATCH", "/agents")] {
        let reply = service.ask(Ask::new(method, path).token(&agent.token)).await;
        assert_eq!(reply.status, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn rule_c37_nobody_else_reports() {
    let service = Service::new().await;
    let agent = Agent::of(&service, "scout", "scout-1").await;
    assert_eq!(agent.register(&service, &json!({})).await.status, 200);
    let before = service.agents().await;
    let body = agent.says(&json!({"runtime": "forged"})).to_string();
    for token in [&service.reader, &service.requester, &service.approver, &service.writer, &service.admin] {
        for path in ["/agents/register", "/agents/scout-1/heartbeat"] {
            let reply = service.ask(Ask::new("POST", path).token(token).json(body.clone())).await;
            assert_eq!(reply.refusal(), (403, "forbidden".to_owned()), "{path}");
        }
    }
    for path in ["/agents/register", "/agents/scout-1/heartbeat"] {
        let reply = service.ask(Ask::new("POST", path).json(body.clone())).await;
        assert_eq!(reply.refusal(), (401, "auth_required".to_owned()), "{path}");
    }
    assert_eq!(service.agents().await, before);
}

#[tokio::test]
async fn rule_c37_a_reporter_is_of_one_agent_of_one_scope() {
    let service = Service::new().await;
    let (one, two) = (Agent::of(&service, "scout", "scout-1").await, Agent::of(&service, "scout", "scout-2").await);
    let twin = Agent::of(&service, "ranger", "scout-1").await;
    for agent in [&one, &two, &twin] {
        assert_eq!(agent.register(&service, &json!({})).await.status, 200);
    }
    let before = service.agents().await;
    let register = async |body: Value| told(service.ask(one.ask("/agents/register", &body)).await);
    let beat =
        async |id: &str, body: Value| told(service.ask(one.ask(&format!("/agents/{id}/heartbeat"), &body)).await);
    // Of an agent that is there, of one that is not, of another scope: all the same.
    let expected = register(one.says(&json!({"id": "scout-2"}))).await;
    assert_eq!(expected.0, 403);
    for other in
        [json!({"id": "nobody"}), json!({"scope": "ranger"}), json!({"scope": "nowhere"}), json!({"id": "SCOUT-1"})]
    {
        assert_eq!(register(one.says(&other)).await, expected, "{other}");
    }
    for id in ["scout-2", "nobody", "SCOUT-1"] {
        assert_eq!(beat(id, one.says(&json!({"id": id}))).await, expected, "{id}");
        assert_eq!(beat(id, one.says(&json!({"id": null}))).await, expected, "{id}");
    }
    assert_eq!(beat("scout-1", one.says(&json!({"scope": "ranger"}))).await, expected);
    assert_eq!(service.agents().await, before);
}

#[tokio::test]
async fn rule_c25_a_reporters_token_that_is_revoked_reports_no_longer() {
    let service = Service::new().await;
    let agent = Agent::of(&service, "scout", "scout-1").await;
    assert!(service.tokens.revoke("reporter-scout-scout-1").await.unwrap());
    assert_eq!(agent.register(&service, &json!({})).await.refusal(), (401, "auth_required".to_owned()));
}
