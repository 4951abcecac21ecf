//! How refusals and executions are told (C34, and C12 of changes).

use std::time::{Duration, SystemTime};

use mcp_registry::{ErrorKind, WriteContext};
use mcp_registry_store::{Role, ScopeSet};
use serde_json::{Value, json};

use super::{CHANGES, OPEN, PREVIEW, install, refusal, refused, uninstall};
use crate::service::{Ask, Service, entry};

#[tokio::test]
async fn rule_c34_what_a_request_lacks_is_told_in_the_order_of_h8() {
    let service = Service::new().await;
    let ask = async |form: &Value| refusal(&service.post(&service.requester, CHANGES, form).await);
    let mut form = install("a");
    assert_eq!(ask(&form).await, refused(403, "changes_disabled"));
    assert_eq!(service.preview(&form).await["mutation_gate"], "default-off");
    service.policy(OPEN);
    for confirm in [json!(null), json!("true"), json!(1), json!(false)] {
        form["confirm"] = confirm;
        assert_eq!(ask(&form).await, refused(422, "confirm_required"));
    }
    form["confirm"] = json!(true);
    form["actor_role"] = json!("OWNER");
    assert_eq!(ask(&form).await, refused(403, "role_not_allowed"), "the token says the role");
    form["actor_role"] = json!("ops");
    form["requested_by"] = json!("somebody else");
    assert_eq!(ask(&form).await, refused(422, "requested_by_required"), "the token says who");
    form.as_object_mut().unwrap().remove("requested_by");
    form["approval_reason"] = json!(" \n");
    assert_eq!(ask(&form).await, refused(422, "approval_reason_required"));
    form["approval_reason"] = json!("needed");
    form["scheduled_at"] = json!("2026-11-21T10:00:00");
    assert_eq!(ask(&form).await, refused(422, "schedule_invalid"));
    form["scheduled_at"] = json!("9999-11-21T10:00:00Z");
    assert_eq!(ask(&form).await, refused(422, "schedule_invalid"), "it would expire before");
    let soon = humantime::format_rfc3339_seconds(SystemTime::now() + Duration::from_secs(3600)).to_string();
    form["scheduled_at"] = json!(soon);
    assert_eq!(ask(&form).await, refused(409, "identity_changed"));
    form["identity"] = json!("sha256:0");
    assert_eq!(ask(&form).await, refused(409, "identity_changed"));
    form["identity"] = service.preview(&install("a")).await["identity"].clone();
    let made = service.post(&service.requester, CHANGES, &form).await;
    assert_eq!(made.status, 201, "{made:?}");
    let again = service.post(&service.requester, CHANGES, &form).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, made.json()));
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let early = service.decide(&service.approver, &id, "approve").await;
    assert_eq!(refusal(&early), refused(409, "too_early"));
    assert!(early.text.contains(soon.trim_end_matches('Z')), "{early:?}");
    let roleless = service.tokens.create("roleless", Role::Requester, &ScopeSet::All, None, None).await.unwrap();
    let roleless = service.post(roleless.expose(), CHANGES, &form).await;
    assert_eq!(refusal(&roleless), refused(403, "role_not_allowed"));
}

#[tokio::test]
async fn rule_c34_who_asked_does_not_decide_and_nobody_else_takes_it_back() {
    let service = Service::open().await;
    let form = service.form(&install("a")).await;
    let id = service.post(&service.approver, CHANGES, &form).await.json()["id"].as_str().unwrap().to_owned();
    for how in ["approve", "reject"] {
        let own = service.decide(&service.approver, &id, how).await;
        assert_eq!(refusal(&own), refused(403, "self_approval"), "{how}");
    }
    assert_eq!(refusal(&service.decide(&service.admin, &id, "cancel").await), refused(403, "not_requester"));
    assert_eq!(service.decide(&service.admin, &id, "approve").await.status, 200);
}

#[tokio::test]
async fn rule_c34_a_proposal_that_can_be_none_is_refused_by_its_cause() {
    let service = Service::open().await;
    service.install(&entry("there")).await;
    let broken = json!({"action": "install", "name": "a", "entry": {"name": "a"}});
    let secret = json!({"action": "install", "name": "a", "entry":
        {"name": "a", "command": "npx", "env": {"API_KEY": "hunter2-literal"}}});
    for path in [PREVIEW, CHANGES] {
        for (proposal, status, kind) in [
            (install("there"), 409, ErrorKind::AlreadyInstalled),
            (uninstall("absent"), 404, ErrorKind::NotInRegistry),
            (broken.clone(), 422, ErrorKind::InvalidSpec),
            (secret.clone(), 422, ErrorKind::InvalidSpec),
            (json!({"action": "install", "name": "a"}), 422, ErrorKind::InvalidSpec),
            (json!({"action": "install", "name": "../a"}), 400, ErrorKind::InvalidName),
        ] {
            let mut body = proposal.clone();
            if path == CHANGES {
                body["confirm"] = json!(true);
                body["approval_reason"] = json!("needed");
            }
            let reply = service.post(&service.requester, path, &body).await;
            assert_eq!(
                (reply.status.as_u16(), reply.json()["error"]["kind"].as_str().unwrap()),
                (status, kind.as_str())
            );
            assert!(!reply.text.contains("hunter2"), "{reply:?}");
        }
        let mut unknown = install("a");
        unknown["sheduled_at"] = json!("9999-11-21T10:00:00Z");
        assert_eq!(service.post(&service.requester, path, &unknown).await.status, 422);
    }
    let plain = Ask::new("POST", "/changes/a/approve").token(&service.approver);
    assert_eq!(service.ask(plain).await.status, 415, "what a page could send");
}

#[tokio::test]
async fn rule_c34_an_execution_that_fails_is_told_as_its_failure() {
    let service = Service::open().await;
    let id = service.request(&install("a")).await;
    let spec = serde_json::from_str(&entry("a")).unwrap();
    service.storage("scout").install(&spec, &WriteContext::new()).await.unwrap();
    let failed = service.decide(&service.approver, &id, "approve").await;
    assert_eq!(failed.status, 409, "{failed:?}");
    let body = failed.json();
    assert_eq!(body["error"]["kind"], "already_installed");
    assert_eq!((&body["execution"]["ok"], &body["approval"]["state"]), (&json!(false), &json!("failed")));
    assert_eq!(service.change(&id).await, body["approval"]);
}

#[tokio::test]
async fn rule_c34_of_many_who_approve_one_carries_it_out() {
    let service = Service::open().await;
    let id = service.request(&install("a")).await;
    let all = futures_util::future::join_all((0..16).map(|_| service.decide(&service.approver, &id, "approve"))).await;
    let statuses: Vec<_> = all.iter().map(|reply| reply.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 15, "{statuses:?}");
    let audit = service.ask(Ask::new("GET", "/audit?agent_scope=scout").token(&service.admin)).await.json();
    assert_eq!(audit["records"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn rule_c12_no_answer_about_a_change_tells_a_folder() {
    for service in [Service::open().await, Service::on_folders(Default::default()).await] {
        service.policy(OPEN);
        if service.locator.starts_with("filesystem") {
            std::fs::create_dir(service.folder.path().join("agents/scout")).unwrap();
            std::fs::write(service.folder.path().join("agents/scout/mcp.md"), "# Scout\n").unwrap();
        }
        let (a, b) = (service.request(&install("a")).await, service.request(&install("b")).await);
        let mut texts = vec![service.preview(&install("a")).await.to_string()];
        // What is approved fails by what the policy says meanwhile, and by what is there.
        service.policy(&format!("{OPEN}[servers]\n"));
        texts.push(service.decide(&service.approver, &a, "approve").await.text);
        service.policy(OPEN);
        service.install(&entry("b")).await;
        texts.push(service.decide(&service.approver, &b, "approve").await.text);
        texts.push(service.get("/changes").await.text);
        texts.push(service.post(&service.requester, PREVIEW, &install("b")).await.text);
        let folder = service.folder.path().to_str().unwrap();
        for text in texts {
            assert!(!text.contains(folder) && text.len() > 50, "{text}");
        }
        assert_eq!(service.change(&b).await["state"], "failed");
    }
}
