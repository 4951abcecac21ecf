//! Previews, requests and decisions, who may make them, and what is kept of them (C32, C33, C35).

use mcp_registry_governance::{Head, Verified};
use mcp_registry_store::{Role, ScopeSet};
use serde_json::{Value, json};

use super::{CHANGES, PREVIEW, install, refusal, refused, uninstall};
use crate::service::{Ask, SCOUT, Service};

#[tokio::test]
async fn rule_c32_a_change_is_previewed_asked_for_approved_and_seen() {
    let service = Service::open().await;
    let list = async || service.get(SCOUT).await.json()["servers"].as_array().unwrap().len();
    assert_eq!(list().await, 0);
    let preview = service.preview(&install("a")).await;
    assert_eq!((&preview["can_apply"], &preview["mutation_gate"]), (&json!(true), &json!("open")));
    assert_eq!(preview["required_apply_inputs"], json!(["confirm", "approval_reason", "identity"]));
    assert!(preview["difference"].as_str().unwrap().contains('+'), "{preview}");
    let id = service.request(&install("a")).await;
    let shown = service.change(&id).await;
    assert_eq!(shown["identity"], preview["identity"]);
    for (key, value) in [
        ("state", "pending"),
        ("action", "install"),
        ("requested_by", "requester"),
        ("actor_role", "OPS"),
        ("source", "catalog"),
        ("mode", "token"),
        ("scope", "scout"),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    assert_eq!(list().await, 0);

    let approved = service.decide(&service.approver, &id, "approve").await;
    assert_eq!(approved.status, 200, "{approved:?}");
    let approved = approved.json();
    assert_eq!((&approved["execution"]["ok"], &approved["approval"]["state"]), (&json!(true), &json!("completed")));
    // At once, though the list was in memory.
    assert_eq!(list().await, 1);
    let audit = service.ask(Ask::new("GET", "/audit?agent_scope=scout").token(&service.admin)).await.json();
    let record = &audit["records"][0];
    assert_eq!((&record["actor"], &record["request_id"]), (&json!("approver"), &json!(id)));
    assert_eq!(service.change(&id).await, approved["approval"]);

    let gone = service.request(&uninstall("a")).await;
    assert_eq!(service.decide(&service.admin, &gone, "approve").await.status, 200);
    assert_eq!(list().await, 0);
}

#[tokio::test]
async fn rule_c32_what_waits_is_listed_and_can_be_ended() {
    let service = Service::open().await;
    let (a, b) = (service.request(&install("a")).await, service.request(&install("b")).await);
    let mut urgent = service.form(&install("c")).await;
    urgent["priority"] = json!(500);
    let c = service.post(&service.requester, CHANGES, &urgent).await.json();
    assert_eq!(c["priority"], 100);
    let c = c["id"].as_str().unwrap().to_owned();
    let list = async |query: &str| -> Vec<String> {
        let reply = service.get(&format!("/changes{query}")).await;
        let listed = reply.json();
        let ids = listed["changes"].as_array().unwrap_or_else(|| panic!("{reply:?}")).iter();
        ids.map(|change| change["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(list("").await, [&*c, &a, &b]);
    assert_eq!(list("?limit=1").await, [&*c]);
    assert_eq!(list("?agent_scope=scout&status=pending").await, [&*c, &a, &b]);

    let no = Ask::new("POST", &format!("/changes/{a}/reject")).token(&service.approver);
    let rejected = service.ask(no.json(r#"{"reason":"not this one"}"#)).await;
    assert_eq!((rejected.status.as_u16(), &rejected.json()["decision_reason"]), (200, &json!("not this one")));
    assert_eq!(service.decide(&service.requester, &b, "cancel").await.json()["state"], "cancelled");
    assert_eq!(list("?status=rejected").await, [&*a]);
    assert_eq!(list("?status=pending").await, [&*c]);
    for how in ["approve", "reject"] {
        let late = service.decide(&service.approver, &a, how).await;
        assert_eq!(refusal(&late), refused(409, "conflict"), "{how}");
    }
    assert_eq!(refusal(&service.decide(&service.requester, &b, "cancel").await), refused(409, "conflict"));
    for wrong in ["?status=waiting", "?limit=0", "?status=pending&status=pending", "?agent_scope=.."] {
        assert_eq!(service.get(&format!("/changes{wrong}")).await.status, 400, "{wrong}");
    }
    let page = service.get("/changes").await;
    let again = Ask::new("GET", "/changes").token(&service.reader).header("if-none-match", page.header("etag"));
    assert_eq!(service.ask(again).await.status, 304);
}

#[tokio::test]
async fn rule_c33_a_role_asks_and_decides_so_much() {
    let service = Service::open().await;
    let form = service.form(&install("a")).await;
    for (token, [preview, request, decide, cancel]) in [
        (&service.reader, [403, 403, 403, 403]),
        (&service.requester, [200, 201, 403, 404]),
        (&service.approver, [200, 200, 404, 404]),
        (&service.writer, [200, 200, 403, 404]),
        (&service.admin, [200, 200, 404, 404]),
    ] {
        let status = async |path: &str, body: &Value| service.post(token, path, body).await.status.as_u16();
        assert_eq!(status(PREVIEW, &install("a")).await, preview);
        assert_eq!(status(CHANGES, &form).await, request);
        assert_eq!(status("/changes/none/approve", &json!({})).await, decide);
        assert_eq!(status("/changes/none/reject", &json!({})).await, decide);
        assert_eq!(status("/changes/none/cancel", &json!({})).await, cancel);
        assert_eq!(service.ask(Ask::new("GET", "/changes").token(token)).await.status, 200);
    }
    for (method, path) in
        [("GET", "/changes"), ("GET", "/changes/a"), ("POST", CHANGES), ("POST", "/changes/a/approve")]
    {
        let nobody = Ask::new(method, path).json("{}");
        assert_eq!(service.ask(nobody).await.refusal(), refused(401, "auth_required"), "{method} {path}");
    }
}

#[tokio::test]
async fn rule_c33_a_change_of_another_scope_is_none() {
    let service = Service::open().await;
    let id = service.request(&install("a")).await;
    let other = ScopeSet::Only(["other".parse().unwrap()].into());
    let stranger = service.tokens.create("stranger", Role::Admin, &other, None, Some("ops")).await.unwrap();
    let ask = async |method: &str, path: String| {
        let ask = Ask::new(method, &path).token(stranger.expose()).header("x-request-id", "same").json("");
        let reply = service.ask(ask).await;
        (reply.status, reply.text)
    };
    for (method, path) in [
        ("GET", "/changes/ID"),
        ("POST", "/changes/ID/approve"),
        ("POST", "/changes/ID/reject"),
        ("POST", "/changes/ID/cancel"),
    ] {
        let (there, not) = (ask(method, path.replace("ID", &id)).await, ask(method, path.replace("ID", "x")).await);
        assert_eq!(there, not, "{method} {path}");
        assert_eq!(there.0, 404);
        assert_eq!(ask(method, path.replace("ID", "%2e%2e")).await, not, "{method} {path}");
    }
    let listed = service.ask(Ask::new("GET", "/changes").token(stranger.expose())).await.json();
    assert_eq!(listed, json!({"changes": []}));
    let forbidden = service.post(stranger.expose(), CHANGES, &install("a")).await;
    assert_eq!(forbidden.refusal(), refused(403, "forbidden"));
    let forbidden = service.ask(Ask::new("GET", CHANGES).token(stranger.expose())).await;
    assert_eq!(forbidden.refusal(), refused(403, "forbidden"));
    assert_eq!(service.change(&id).await["state"], "pending");
}

#[tokio::test]
async fn rule_c35_every_step_is_in_the_ledger() {
    let service = Service::open().await;
    let (a, b) = (service.request(&install("a")).await, service.request(&install("b")).await);
    service.decide(&service.approver, &a, "approve").await;
    service.decide(&service.approver, &b, "reject").await;
    let Verified { ok, rows, head, findings, .. } = service.governance.ledger().verify(None, None).await.unwrap();
    assert_eq!((ok, rows, findings), (true, 5, Vec::new()));
    assert_eq!(service.governance.ledger().verify(Some(Head { ..head }), None).await.unwrap().head, head);
    let export = std::fs::read_to_string(service.folder.path().join("ledger.jsonl")).unwrap();
    let steps: Vec<_> = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["to"].clone()).collect();
    assert_eq!(steps, ["pending", "pending", "executing", "completed", "rejected"]);
}
