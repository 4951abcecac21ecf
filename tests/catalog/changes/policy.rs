//! What the policy and the tier say of writes (C36, C24).

use serde_json::{Value, json};

use super::{CHANGES, OPEN, PREVIEW, install, refusal, refused};
use crate::service::{Ask, SCOUT, Service, entry};

#[tokio::test]
async fn rule_c36_every_write_is_judged_by_what_it_would_mount() {
    let service = Service::new().await;
    service.install(&entry("old")).await;
    service.policy(&format!("{OPEN}[servers]\ncommands = [\"uvx\"]\npackages = [\"pypi:mcp-server-time\"]\n"));
    let evil = |name: &str| json!({"name": name, "command": "sh", "args": ["-c", "evil"]}).to_string();
    let time = |name: &str| json!({"name": name, "command": "uvx", "args": ["mcp-server-time"]}).to_string();
    let put = |name: &str, body: String| {
        let path = format!("/mcp-servers/{name}?agent_scope=scout");
        Ask::new("PUT", &path).token(&service.writer).header("if-match", "*").json(body)
    };
    for denied in [service.install(&evil("new")).await, service.ask(put("old", evil("old"))).await] {
        assert_eq!(refusal(&denied), refused(403, "denied"));
        assert_eq!(denied.json()["policy"]["allowed"], false);
        assert!(denied.text.contains("P14"), "{denied:?}");
    }
    assert_eq!(service.install(&time("time")).await.status, 201);
    assert_eq!(service.ask(put("old", time("old"))).await.status, 200);
    assert_eq!(
        service.ask(Ask::new("DELETE", "/mcp-servers/old?agent_scope=scout").token(&service.writer)).await.status,
        204
    );

    let proposal = json!({"action": "install", "name": "new",
        "entry": serde_json::from_str::<Value>(&evil("new")).unwrap()});
    let preview = service.preview(&proposal).await;
    assert_eq!((&preview["policy"]["allowed"], &preview["can_apply"]), (&json!(false), &json!(false)));
    let form = service.form(&proposal).await;
    assert_eq!(refusal(&service.post(&service.requester, CHANGES, &form).await), refused(403, "denied"));
    let export = std::fs::read_to_string(service.folder.path().join("ledger.jsonl")).unwrap();
    let denials: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(denials.len(), 3, "{export}");
    for (denial, (who, name)) in denials.iter().zip([("writer", "new"), ("writer", "old"), ("requester", "new")]) {
        assert_eq!((&denial["event"], &denial["who"], &denial["name"]), (&json!("denial"), &json!(who), &json!(name)));
    }
}

#[tokio::test]
async fn rule_c36_a_policy_that_cannot_be_used_lets_changes_be_seen_and_ended_alone() {
    let service = Service::open().await;
    let (a, b) = (service.request(&install("a")).await, service.request(&install("b")).await);
    let form = service.form(&install("c")).await;
    service.policy("[changes]\nenabeld = true\n");
    for denied in [
        service.install(&entry("d")).await,
        service.post(&service.requester, CHANGES, &form).await,
        service.post(&service.requester, PREVIEW, &install("c")).await,
        service.decide(&service.approver, &a, "approve").await,
    ] {
        assert_eq!(refusal(&denied), refused(403, "denied"));
        assert!(!denied.text.contains("enabeld") && !denied.text.contains("policy.toml"), "{denied:?}");
    }
    assert_eq!(service.get("/changes").await.json()["changes"].as_array().unwrap().len(), 2);
    assert_eq!(service.decide(&service.approver, &a, "reject").await.status, 200);
    assert_eq!(service.decide(&service.requester, &b, "cancel").await.status, 200);
    assert_eq!(service.get(SCOUT).await.json()["servers"], json!([]));
}

#[tokio::test]
async fn rule_c36_a_tool_that_is_denied_is_denied_here_too() {
    let service = Service::open().await;
    let id = service.request(&install("a")).await;
    let deny = |tool: &str| service.policy(&format!("{OPEN}[tools.{tool}]\nenabled = false\n"));
    let denied = refused(403, "denied");
    deny("change_preview");
    assert_eq!(refusal(&service.post(&service.requester, PREVIEW, &install("b")).await), denied);
    deny("approval_list");
    assert_eq!(refusal(&service.get("/changes").await), denied);
    deny("approval_get");
    assert_eq!(refusal(&service.get(&format!("/changes/{id}")).await), denied);
    deny("approval_approve");
    assert_eq!(refusal(&service.decide(&service.approver, &id, "approve").await), denied);
    deny("approval_reject");
    assert_eq!(refusal(&service.decide(&service.approver, &id, "reject").await), denied);
    deny("change_cancel");
    assert_eq!(refusal(&service.decide(&service.requester, &id, "cancel").await), denied);
}

#[tokio::test]
async fn rule_c24_what_the_catalog_does_not_offer_cannot_be_asked_for_either() {
    let service = Service::open().await;
    let id = service.request(&install("a")).await;
    let mut options = mcp_registry::catalog::Options::default();
    options.tier = Some(mcp_registry::wire::Tier::Read);
    let router = Service::router(&service.locator, &service.tokens, &service.governance, options).await;
    let service = Service { router, ..service };
    for reply in [
        service.post(&service.requester, PREVIEW, &install("b")).await,
        service.post(&service.requester, CHANGES, &install("b")).await,
        service.decide(&service.approver, &id, "approve").await,
    ] {
        assert_eq!(reply.refusal(), refused(405, "unsupported"));
    }
    assert_eq!(service.decide(&service.approver, &id, "reject").await.status, 200);
}
