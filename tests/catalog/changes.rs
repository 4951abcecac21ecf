//! Rules C32 to C36: what may not be written is asked for, and decided on by somebody else.

use std::time::{Duration, SystemTime};

use mcp_registry::{ErrorKind, WriteContext};
use mcp_registry_governance::{Head, Verified};
use mcp_registry_store::{Role, ScopeSet};
use serde_json::{Value, json};

use crate::service::{Ask, Reply, SCOUT, Service, entry};

const OPEN: &str = "[changes]\nenabled = true\n";
const CHANGES: &str = "/changes?agent_scope=scout";
const PREVIEW: &str = "/changes/preview?agent_scope=scout";

fn install(name: &str) -> Value {
    json!({"action": "install", "name": name, "entry": serde_json::from_str::<Value>(&entry(name)).unwrap()})
}

fn uninstall(name: &str) -> Value {
    json!({"action": "uninstall", "name": name})
}

impl Service {
    /// A service at which changes may be asked for.
    async fn open() -> Self {
        let service = Self::new().await;
        service.policy(OPEN);
        service
    }

    async fn post(&self, token: &str, path: &str, body: &Value) -> Reply {
        self.ask(Ask::new("POST", path).token(token).json(body.to_string())).await
    }

    async fn preview(&self, proposal: &Value) -> Value {
        let reply = self.post(&self.requester, PREVIEW, proposal).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    /// What is asked for, as a request that lacks nothing.
    async fn form(&self, proposal: &Value) -> Value {
        let mut form = proposal.clone();
        form["identity"] = self.preview(proposal).await["identity"].clone();
        form["confirm"] = json!(true);
        form["approval_reason"] = json!("needed for the tests");
        form
    }

    /// Asks for a change, and gives its id.
    async fn request(&self, proposal: &Value) -> String {
        let form = self.form(proposal).await;
        let reply = self.post(&self.requester, CHANGES, &form).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(reply.header("location"), format!("changes/{id}"));
        id
    }

    async fn decide(&self, token: &str, id: &str, how: &str) -> Reply {
        self.ask(Ask::new("POST", &format!("/changes/{id}/{how}")).token(token).json("")).await
    }

    async fn change(&self, id: &str) -> Value {
        self.get(&format!("/changes/{id}")).await.json()
    }
}

/// The status and the code of a refusal, once it is sure that it is one as rule C34 has it.
fn refusal(reply: &Reply) -> (u16, String) {
    let body = reply.json();
    let error = body["error"].as_object().unwrap_or_else(|| panic!("no error: {reply:?}"));
    assert!(error["message"].is_string() && error["retryable"].is_boolean() && error.len() == 3, "{reply:?}");
    assert_eq!(body["code"] == "denied", body["policy"].is_object(), "{reply:?}");
    (reply.status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

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
