//! Rule by rule, one caller at a time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mcp_registry_governance::{
    Code, Event, Filter, Form, Mode, Opener, Party, Place, Proposal, Refusal, State, Surface, Target,
};
use mcp_registry_spec::{ErrorKind, McpServerRegistry, Scope, WriteContext};
use serde_json::{Value, json};

use crate::room::{OPEN, Room, agent, from, install, name, operator, spec};

fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> &'static str {
    result.unwrap_err().code().as_str()
}

pub(crate) async fn h2_what_cannot_be_told_is_refused(room: &Room) {
    let of = async |proposal: Proposal| code(room.governance.preview(&room.target, &proposal, &agent()).await);
    let secret =
        from(json!({"name": "a", "command": "npx", "env": {"API_KEY": "sk-1234567890abcdef1234567890abcdef"}}));
    assert_eq!(of(Proposal::Install(secret)).await, "invalid_spec");
    assert_eq!(of(Proposal::Update(spec("a", "x"))).await, "not_in_registry");
    assert_eq!(of(Proposal::Uninstall(name("a"))).await, "not_in_registry");
    std::fs::write(room.document(), "## broken\n\nargs: a\n\n## there\n\ncommand: npx\n").unwrap();
    assert_eq!(of(Proposal::Uninstall(name("broken"))).await, "descriptor_invalid");
    assert_eq!(of(Proposal::Update(spec("broken", "x"))).await, "descriptor_invalid");
    assert_eq!(of(install("broken")).await, "already_installed");
    assert_eq!(of(install("there")).await, "already_installed");
    // Nothing that these did is in the registry or on record.
    std::fs::remove_file(room.document()).unwrap();
    assert!(room.rows().await.is_empty());
}

pub(crate) async fn h3_what_has_ended_stays_as_it_is(room: &Room) {
    let governance = &room.governance;
    let rejected = room.ask(&install("a")).await;
    assert_eq!(governance.reject(&rejected.id, &operator(), Some("no")).await.unwrap().state, State::Rejected);
    let cancelled = room.ask(&install("a")).await;
    let me = Party::unknown(Surface::McpStdio).claiming(Some("scout-agent"));
    assert_eq!(governance.cancel(&cancelled.id, &me, None).await.unwrap().state, State::Cancelled);
    let done = room.ask(&install("a")).await;
    assert!(governance.approve(&done.id, &operator(), room.opener()).await.unwrap().execution.ok);
    let before = room.text();
    for ended in [&rejected.id, &cancelled.id, &done.id] {
        let was = governance.get(ended).await.unwrap();
        assert_eq!(code(governance.approve(ended, &operator(), room.opener()).await), "conflict");
        assert_eq!(code(governance.reject(ended, &operator(), None).await), "conflict");
        assert_eq!(code(governance.cancel(ended, &me, None).await), "conflict");
        assert_eq!(governance.get(ended).await.unwrap(), was);
    }
    assert_eq!(room.text(), before);
    assert_eq!(code(governance.get(&"chg_none".parse().unwrap()).await), "change_not_found");
    assert!("../x".parse::<mcp_registry_governance::ChangeId>().is_err());
}

pub(crate) async fn h4_the_identity_is_what_is_asked_for_and_where(room: &Room) {
    let Room { target, .. } = room;
    let of = |target: &Target, proposal: &Proposal| target.identity(proposal, None).unwrap();
    let same = of(target, &install("a"));
    assert_eq!(of(target, &install("a")), same);
    let canonical = json!({
        "action": "install", "backend_id": "filesystem", "locator": target.place.locator, "scope": "scout",
        "name": "a", "entry": spec("a", "@modelcontextprotocol/server-github"), "replaces": null,
    });
    assert_eq!(mcp_registry_spec::Digest::of_json(&canonical).unwrap(), same);
    let mut elsewhere = target.clone();
    elsewhere.place.scope = Some(Scope::parse("ranger").unwrap());
    let old = spec("a", "old").digest().unwrap();
    let others = [
        of(target, &install("b")),
        of(target, &Proposal::Update(spec("a", "@modelcontextprotocol/server-github"))),
        of(target, &Proposal::Install(spec("a", "other"))),
        of(target, &Proposal::Uninstall(name("a"))),
        of(&elsewhere, &install("a")),
        target.identity(&install("a"), Some(&old)).unwrap(),
    ];
    for (i, other) in others.iter().enumerate() {
        assert_ne!(*other, same, "{i}");
        assert!(!others[..i].contains(other), "{i}");
    }
    // Who asks, and by which way, makes no difference.
    let token = Party::of_token("ci", Some("ops".to_owned()), Surface::Catalog);
    let preview = room.governance.preview(target, &install("a"), &token).await.unwrap();
    assert_eq!(preview.identity, same);
}

pub(crate) async fn h5_h6_the_same_is_asked_for_once(room: &Room) {
    let first = room.ask(&install("a")).await;
    let form = room.form(&install("a")).await;
    let again = room.governance.request(&room.target, &install("a"), &form, &agent()).await.unwrap();
    assert!(!again.is_new);
    assert_eq!(again.change, first);
    assert_eq!(room.rows().await.len(), 1);
    let preview = room.governance.preview(&room.target, &install("a"), &agent()).await.unwrap();
    assert_eq!(preview.active, std::slice::from_ref(&first));
    assert!(preview.next_step.contains(first.id.as_str()), "{}", preview.next_step);
    // Another one is another.
    assert_ne!(room.ask(&install("b")).await.id, first.id);
    // Once it has ended, it may be asked for anew.
    room.governance.reject(&first.id, &operator(), None).await.unwrap();
    assert_ne!(room.ask(&install("a")).await.id, first.id);
}

pub(crate) async fn h7_a_preview_shows_all_and_writes_nothing(room: &Room) {
    room.set_policy("version = 1\n[changes]\nallowed_roles = [\"ops\", \"Architect\"]\n");
    let preview = room.governance.preview(&room.target, &install("a"), &agent()).await.unwrap();
    let shown = serde_json::to_value(&preview).unwrap();
    assert_eq!(shown["validation"], "fail-closed");
    assert_eq!(shown["allowed_roles"], json!(["ARCHITECT", "OPS"]));
    assert_eq!(shown["mutation_gate"], "default-off");
    assert_eq!(shown["can_apply"], false);
    assert_eq!(shown["item"]["env"]["TOKEN"], "$GITHUB_PAT");
    assert_eq!(shown["policy"]["allowed"], true);
    assert_eq!(shown["policy"]["needs_confirmation"], true);
    assert!(shown["difference"].as_str().unwrap().contains("+## a"), "{}", shown["difference"]);
    let required = json!(["confirm", "actor_role", "requested_by", "approval_reason", "identity"]);
    assert_eq!(shown["required_apply_inputs"], required);
    room.set_policy(OPEN);
    let preview = room.governance.preview(&room.target, &install("a"), &agent()).await.unwrap();
    assert!(preview.can_apply && serde_json::to_value(preview.mutation_gate).unwrap() == "open");
    // What the policy would deny is shown, not refused.
    room.set_policy(&format!("{OPEN}[servers]\ncommands = [\"uvx\"]\n"));
    let preview = room.governance.preview(&room.target, &install("a"), &agent()).await.unwrap();
    assert!(!preview.policy.allowed && !preview.can_apply && preview.next_step.contains("denies"));
    assert!(!room.document().exists());
    assert!(room.rows().await.is_empty());
}

pub(crate) async fn h8_a_request_lacks_one_thing_after_another(room: &Room) {
    let proposal = install("a");
    let identity = room.form(&proposal).await.identity.unwrap();
    room.set_policy("version = 1\n");
    let mut form = json!({"confirm": "true", "priority": 1000});
    let mut expect = async |field: &str, value: Value, expected: &str| {
        form[field] = value;
        let parsed: Form = serde_json::from_value(form.clone()).unwrap();
        let refused = room.ask_with(&proposal, parsed).await.unwrap_err();
        assert_eq!(refused.code().as_str(), expected, "{form}");
        assert_eq!(serde_json::to_value(&refused).unwrap()["error"]["code"], expected);
    };
    expect("priority", json!(1000), "changes_disabled").await;
    room.set_policy(OPEN);
    for no in [json!("true"), json!(1), json!(null), json!(false), json!([true])] {
        expect("confirm", no, "confirm_required").await;
    }
    expect("confirm", json!(true), "role_not_allowed").await;
    for no in ["", "  ", "intern", "OPS "] {
        // Spaces around it are none of a role.
        let expected = if no == "OPS " { "requested_by_required" } else { "role_not_allowed" };
        expect("actor_role", json!(no), expected).await;
    }
    expect("actor_role", json!("tech_lead"), "requested_by_required").await;
    expect("requested_by", json!("  "), "requested_by_required").await;
    expect("requested_by", json!("scout-agent"), "approval_reason_required").await;
    for no in [json!(""), json!(" \n\t"), json!("x".repeat(1001))] {
        expect("approval_reason", no, "approval_reason_required").await;
    }
    expect("approval_reason", json!("because"), "identity_changed").await;
    for no in [
        "tomorrow",
        "2026-01-02T03:04:05",
        "2026-13-01T00:00:00Z",
        "",
        // Neither could be told again.
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59-01:00",
        // It would expire before.
        "2999-01-01T00:00:00Z",
    ] {
        expect("scheduled_at", json!(no), "schedule_invalid").await;
    }
    expect("scheduled_at", json!("2026-01-02T03:04:05+02:00"), "identity_changed").await;
    expect("identity", json!("sha256:0"), "identity_changed").await;
    form["identity"] = json!(identity);
    let change = room.ask_with(&proposal, serde_json::from_value(form).unwrap()).await.unwrap();
    assert_eq!((change.priority, change.actor_role.as_str()), (100, "TECH_LEAD"));
    assert_eq!(humantime::format_rfc3339(change.scheduled_at.unwrap()).to_string(), "2026-01-02T01:04:05Z");
    assert_eq!((change.mode, change.source), (Mode::Claimed, Surface::McpStdio));
}

pub(crate) async fn h8_a_token_says_who_asks(room: &Room) {
    let proposal = install("a");
    let identity = room.form(&proposal).await.identity.unwrap();
    let ask = async |role: Option<&str>, form: Value| {
        let party = Party::of_token("ci", role.map(str::to_owned), Surface::Catalog);
        let form: Form = serde_json::from_value(form).unwrap();
        room.governance.request(&room.target, &proposal, &form, &party).await.map(|requested| requested.change)
    };
    let form = |more: Value| {
        let mut form = json!({"confirm": true, "approval_reason": "why", "identity": identity});
        form.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        form
    };
    assert_eq!(code(ask(None, form(json!({}))).await), "role_not_allowed");
    assert_eq!(code(ask(None, form(json!({"actor_role": "OPS"}))).await), "role_not_allowed");
    let nobody = Party::of_token("ci", None, Surface::Catalog);
    assert!(!room.governance.preview(&room.target, &proposal, &nobody).await.unwrap().can_apply);
    assert_eq!(code(ask(Some("ops"), form(json!({"actor_role": "OWNER"}))).await), "role_not_allowed");
    assert_eq!(code(ask(Some("ops"), form(json!({"requested_by": "ada"}))).await), "requested_by_required");
    let change = ask(Some("ops"), form(json!({"requested_by": "ci", "actor_role": "ops"}))).await.unwrap();
    assert_eq!((change.requested_by.as_str(), change.actor_role.as_str(), change.mode), ("ci", "OPS", Mode::Token));
    // Who only says to be the token's bearer is not.
    let claims = Party::unknown(Surface::McpStdio).claiming(Some("ci"));
    assert_eq!(code(room.governance.cancel(&change.id, &claims, None).await), "not_requester");
}

pub(crate) async fn h9_what_is_approved_is_done_once(room: &Room) {
    let governance = &room.governance;
    let change = room.ask(&install("a")).await;
    assert_eq!(room.text(), "");
    let approval = governance.approve(&change.id, &operator(), room.opener()).await.unwrap();
    let shown = serde_json::to_value(&approval).unwrap();
    assert_eq!(shown["execution"]["ok"], true);
    assert_eq!(shown["approval"]["state"], "completed");
    assert_eq!(shown["approval"]["decided_by"], "ada");
    let entry = spec("a", "@modelcontextprotocol/server-github");
    assert_eq!(room.target.registry.load(&name("a")).await.unwrap(), entry);
    assert_eq!(approval.execution.digest, Some(entry.digest().unwrap()));
    // Then an update of it, and its removal.
    let newer = spec("a", "newer");
    let change = room.ask(&Proposal::Update(newer.clone())).await;
    assert_eq!(change.replaces, Some(entry.digest().unwrap()));
    assert!(governance.approve(&change.id, &operator(), room.opener()).await.unwrap().execution.ok);
    assert_eq!(room.target.registry.load(&name("a")).await.unwrap(), newer);
    let change = room.ask(&Proposal::Uninstall(name("a"))).await;
    assert!(change.difference.contains("-## a"), "{}", change.difference);
    assert!(governance.approve(&change.id, &operator(), room.opener()).await.unwrap().execution.ok);
    assert_eq!(room.text(), "");
    let steps: Vec<_> = room.rows().await.iter().map(|row| (row.from.clone(), row.to.clone())).collect();
    let step = |from: Option<&str>, to: &str| (from.map(str::to_owned), Some(to.to_owned()));
    let one = [step(None, "pending"), step(Some("pending"), "executing"), step(Some("executing"), "completed")];
    assert_eq!(steps, [one.clone(), one.clone(), one].concat());
}

pub(crate) async fn h9_a_time_is_waited_for(room: &Room) {
    let proposal = install("a");
    let at = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now() + Duration::from_secs(3600));
    let form = Form { scheduled_at: Some(at.to_rfc3339()), ..room.form(&proposal).await };
    let change = room.ask_with(&proposal, form).await.unwrap();
    let refused = room.governance.approve(&change.id, &operator(), room.opener()).await.unwrap_err();
    assert_eq!(refused.code(), Code::TooEarly);
    let named = humantime::format_rfc3339_millis(change.scheduled_at.unwrap()).to_string();
    assert!(refused.to_string().contains(&named), "{refused}");
    room.wait(3700);
    assert!(room.governance.approve(&change.id, &operator(), room.opener()).await.unwrap().execution.ok);
}

pub(crate) async fn h10_what_changed_since_is_a_conflict(room: &Room) {
    let write = async |registry: &McpServerRegistry, argument: &str| {
        let there = registry.load(&name("a")).await.unwrap().digest().unwrap();
        registry.update(&spec("a", argument), &there, &WriteContext::new()).await.unwrap();
    };
    room.governance.approve(&room.ask(&install("a")).await.id, &operator(), room.opener()).await.unwrap();
    for proposal in [Proposal::Update(spec("a", "mine")), Proposal::Uninstall(name("a"))] {
        let change = room.ask(&proposal).await;
        write(&room.target.registry, "theirs").await;
        let theirs = room.text();
        let approval = room.governance.approve(&change.id, &operator(), room.opener()).await.unwrap();
        assert_eq!(approval.approval.state, State::Failed);
        assert_eq!(approval.execution.outcome.error.unwrap().kind, ErrorKind::Conflict);
        assert!(!approval.execution.ok);
        assert_eq!(room.text(), theirs);
        write(&room.target.registry, "@modelcontextprotocol/server-github").await;
    }
    let change = room.ask(&install("b")).await;
    room.target.registry.install(&spec("b", "theirs"), &WriteContext::new()).await.unwrap();
    let approval = room.governance.approve(&change.id, &operator(), room.opener()).await.unwrap();
    assert_eq!(approval.execution.outcome.error.unwrap().kind, ErrorKind::AlreadyInstalled);
    room.target.registry.uninstall(&name("b"), None, &WriteContext::new()).await.unwrap();
}

pub(crate) async fn h10_the_policy_is_asked_again(room: &Room) {
    let change = room.ask(&install("a")).await;
    // The tool that approves is not allowed: it stays pending, and the denial is on record.
    room.set_policy(&format!("{OPEN}[tools.approval_approve]\nenabled = false\n"));
    assert_eq!(code(room.governance.approve(&change.id, &operator(), room.opener()).await), "denied");
    // The gate was closed meanwhile.
    room.set_policy("version = 1\n");
    assert_eq!(code(room.governance.approve(&change.id, &operator(), room.opener()).await), "changes_disabled");
    assert_eq!(room.governance.get(&change.id).await.unwrap().state, State::Pending);
    // The server is not allowed any more.
    room.set_policy(&format!("{OPEN}[servers]\ncommands = [\"uvx\"]\n"));
    let approval = room.governance.approve(&change.id, &operator(), room.opener()).await.unwrap();
    assert_eq!(approval.approval.state, State::Failed);
    assert_eq!(approval.execution.outcome.error.unwrap().kind, ErrorKind::Forbidden);
    assert_eq!(room.text(), "");
    let denials = room.rows().await.iter().filter(|row| row.event == Some(Event::Denial)).count();
    assert_eq!(denials, 1);
}

/// A registry that goes wrong in a way of its own when it is written.
#[derive(Debug)]
struct Wrong {
    inner: McpServerRegistry,
    how: How,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Panics,
    PanicsAfterTheWrite,
    FailsBefore,
    FailsAfterTheWrite,
}

#[async_trait]
impl mcp_registry_spec::McpServerRegistryBackend for Wrong {
    fn backend_id(&self) -> &str {
        "filesystem"
    }
    fn declared(&self) -> mcp_registry_spec::Capabilities {
        self.inner.declared()
    }
    async fn list(&self) -> mcp_registry_spec::Result<mcp_registry_spec::Listing> {
        self.inner.list().await
    }
    async fn load(
        &self,
        name: &mcp_registry_spec::ServerName,
    ) -> mcp_registry_spec::Result<mcp_registry_spec::McpServerSpec> {
        self.inner.load(name).await
    }
    async fn install(
        &self,
        spec: &mcp_registry_spec::McpServerSpec,
        context: &WriteContext,
    ) -> mcp_registry_spec::Result<mcp_registry_spec::McpServerRef> {
        match self.how {
            How::Panics => panic!("as the test wants it"),
            How::FailsBefore => Err(mcp_registry_spec::Error::new(ErrorKind::Unavailable, "as the test wants it")),
            How::PanicsAfterTheWrite => {
                self.inner.install(spec, context).await?;
                panic!("as the test wants it")
            }
            How::FailsAfterTheWrite => {
                self.inner.install(spec, context).await?;
                Err(mcp_registry_spec::Error::new(ErrorKind::Unavailable, "as the test wants it").retryable())
            }
        }
    }
}

pub(crate) async fn h10_every_way_out_ends_it(room: &Room) {
    for (i, (how, state)) in [
        (How::Panics, State::Failed),
        (How::FailsBefore, State::Failed),
        (How::PanicsAfterTheWrite, State::Completed),
        (How::FailsAfterTheWrite, State::Completed),
    ]
    .into_iter()
    .enumerate()
    {
        let proposal = install(&format!("s{i}"));
        let change = room.ask(&proposal).await;
        let wrong = Wrong { inner: room.target.registry.clone(), how };
        let target = Target { registry: McpServerRegistry::new(Arc::new(wrong)), place: room.target.place.clone() };
        let approval = room.governance.approve(&change.id, &operator(), Arc::new(target)).await.unwrap();
        assert_eq!(approval.approval.state, state, "{how:?}: {:?}", approval.execution);
        let is_there = room.text().contains(&format!("## s{i}"));
        assert_eq!(is_there, state == State::Completed, "{how:?}");
    }
    // A caller that goes away leaves nothing half-done.
    let change = room.ask(&install("left")).await;
    let (governance, opener, id) = (room.governance.clone(), room.opener(), change.id.clone());
    let caller = tokio::spawn(async move { governance.approve(&id, &operator(), opener).await });
    tokio::time::sleep(Duration::from_millis(1)).await;
    caller.abort();
    let _ = caller.await;
    room.governance.idle().await;
    let stands = room.governance.get(&change.id).await.unwrap().state;
    assert_eq!(room.text().contains("## left"), stands == State::Completed, "{stands}");
    assert!(matches!(stands, State::Completed | State::Pending), "{stands}");
    // A registry that is another one's is not written.
    struct Elsewhere;
    #[async_trait]
    impl Opener for Elsewhere {
        async fn open(&self, place: &Place) -> Result<Target, Refusal> {
            Err(Refusal::new(Code::OtherRegistry, format!("not {place}"), "open another"))
        }
    }
    let change = room.ask(&install("elsewhere")).await;
    assert_eq!(code(room.governance.approve(&change.id, &operator(), Arc::new(Elsewhere)).await), "other_registry");
    assert_eq!(room.governance.get(&change.id).await.unwrap().state, State::Pending);
}

pub(crate) async fn h12_what_nobody_decides_expires(room: &Room) {
    room.set_policy(&format!("{OPEN}expires_after = \"1h\"\n"));
    let change = room.ask(&install("a")).await;
    assert_eq!(change.expires_at.duration_since(change.created_at).unwrap(), Duration::from_secs(3600));
    room.wait(3601);
    let me = Party::unknown(Surface::McpStdio).claiming(Some("scout-agent"));
    assert_eq!(code(room.governance.approve(&change.id, &operator(), room.opener()).await), "conflict");
    assert_eq!(code(room.governance.cancel(&change.id, &me, None).await), "conflict");
    assert_eq!(room.governance.get(&change.id).await.unwrap().state, State::Expired);
    let second = room.ask(&install("a")).await;
    room.wait(3601);
    assert_eq!(room.governance.list(&Filter::default()).await.unwrap()[0].state, State::Expired);
    assert_ne!(second.id, change.id);
    assert_eq!(room.text(), "");
    let ends = room.rows().await.iter().filter(|row| row.to.as_deref() == Some("expired")).count();
    assert_eq!(ends, 2);
}

pub(crate) async fn h13_who_asked_does_not_decide(room: &Room) {
    let change = room.ask(&install("a")).await;
    let own = Party::os_user("scout-agent", Surface::Cli);
    let nobody = Party::unknown(Surface::McpStdio);
    for party in [&own, &nobody] {
        assert_eq!(code(room.governance.approve(&change.id, party, room.opener()).await), "self_approval");
        assert_eq!(code(room.governance.reject(&change.id, party, None).await), "self_approval");
    }
    for party in [&operator(), &nobody] {
        assert_eq!(code(room.governance.cancel(&change.id, party, None).await), "not_requester");
    }
    // Where the policy cannot be used, a person may still say no.
    room.set_policy("version = 1\n[chnges]\n");
    assert_eq!(code(room.governance.approve(&change.id, &operator(), room.opener()).await), "denied");
    assert_eq!(room.governance.list(&Filter::default()).await.unwrap().len(), 1);
    assert_eq!(room.governance.reject(&change.id, &operator(), Some("no")).await.unwrap().state, State::Rejected);
    room.set_policy(&format!("{OPEN}forbid_self_approval = false\n"));
    let change = room.ask(&install("a")).await;
    assert!(room.governance.approve(&change.id, &own, room.opener()).await.unwrap().execution.ok);
}

pub(crate) async fn h13_nobody_is_another_by_what_is_masked(room: &Room) {
    let proposal = install("a");
    let identity = room.form(&proposal).await.identity;
    let form = Form { requested_by: None, actor_role: None, identity, ..room.form(&proposal).await };
    for hidden in ["key:abcdefgh", "token=hunter2hunter2", "a\u{7}b"] {
        let party = Party::of_token(hidden, Some("ops".to_owned()), Surface::Catalog);
        let asked = room.governance.request(&room.target, &proposal, &form, &party).await;
        assert_eq!(code(asked), "requested_by_required", "{hidden}");
    }
}

pub(crate) async fn h2_h8_what_waits_is_bounded(room: &Room) {
    let large = Proposal::Install(spec("large", &"x".repeat(70_000)));
    assert_eq!(code(room.governance.preview(&room.target, &large, &agent()).await), "invalid_spec");
    let mut refused = None;
    for number in 0..201 {
        let proposal = install(&format!("s{number}"));
        let identity = room.target.identity(&proposal, None).unwrap().to_string();
        refused = room.ask_with(&proposal, crate::room::form(&identity)).await.err();
        assert_eq!(refused.is_some(), number == 200, "{number}");
    }
    assert_eq!(refused.unwrap().code(), Code::TooMany);
    let all = Filter { limit: Some(1000), ..Filter::default() };
    assert_eq!(room.governance.list(&all).await.unwrap().len(), 200);
    let change = &room.governance.list(&all).await.unwrap()[0];
    let long = "x".repeat(1001);
    assert_eq!(code(room.governance.reject(&change.id, &operator(), Some(&long)).await), "invalid_spec");
}

pub(crate) async fn h14_the_urgent_comes_first(room: &Room) {
    let mut ids = Vec::new();
    for (server, priority) in [("a", 0), ("b", 50), ("c", -500), ("d", 50), ("e", 0)] {
        let proposal = install(server);
        let form = Form { priority, ..room.form(&proposal).await };
        ids.push(room.ask_with(&proposal, form).await.unwrap().id);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    room.governance.reject(&ids[0], &operator(), None).await.unwrap();
    let names = async |filter: &Filter| {
        let listed = room.governance.list(filter).await.unwrap();
        listed.iter().map(|change| change.name.to_string()).collect::<String>()
    };
    assert_eq!(names(&Filter::default()).await, "bdeca");
    assert_eq!(names(&Filter { limit: Some(2), ..Filter::default() }).await, "bd");
    assert_eq!(names(&Filter { state: Some(State::Rejected), ..Filter::default() }).await, "a");
    let scope = |scope: &str| Some(vec![Scope::parse(scope).unwrap()]);
    assert_eq!(names(&Filter { scopes: scope("scout"), ..Filter::default() }).await, "bdeca");
    let storage = |locator: &str| Some(("filesystem".to_owned(), locator.to_owned()));
    let own = storage(&room.target.place.locator);
    assert_eq!(names(&Filter { storage: own, ..Filter::default() }).await, "bdeca");
    assert_eq!(names(&Filter { storage: storage("filesystem:/elsewhere"), ..Filter::default() }).await, "");
    assert_eq!(names(&Filter { scopes: scope("ranger"), ..Filter::default() }).await, "");
    assert_eq!(names(&Filter { scopes: Some(Vec::new()), ..Filter::default() }).await, "");
}

pub(crate) async fn l2_l7_denials_are_on_record_and_no_secret_is(room: &Room) {
    const SECRET: &str = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
    room.set_policy(&format!("{OPEN}[servers]\ncommands = [\"uvx\"]\n"));
    let form = Form { requested_by: Some(format!("token={SECRET}")), ..room.form(&install("a")).await };
    let refused = room.ask_with(&install("a"), form).await.unwrap_err();
    let shown = serde_json::to_value(&refused).unwrap();
    assert_eq!(shown["ok"], false);
    assert_eq!(shown["policy"]["allowed"], false);
    assert_eq!(shown["policy"]["needs_confirmation"], false);
    assert!(room.governance.list(&Filter::default()).await.unwrap().is_empty(), "a denial makes no request");
    let rows = room.rows().await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].event, rows[0].tool.as_deref()), (Some(Event::Denial), Some("change_request")));
    assert!(rows[0].rule.as_deref().unwrap().starts_with("P14"), "{:?}", rows[0].rule);
    room.set_policy(OPEN);
    let reason = format!("use Authorization: Bearer {SECRET} \u{1b}[31m");
    let form = Form { approval_reason: Some(reason), ..room.form(&install("a")).await };
    let change = room.ask_with(&install("a"), form).await.unwrap();
    assert!(!change.approval_reason.contains('\u{1b}'));
    let all = format!("{:?}{}", change, serde_json::to_string(&change).unwrap());
    let export = std::fs::read_to_string(room.folder.path().join("ledger.jsonl")).unwrap();
    for text in [all, room.lines().await.join("\n"), export] {
        assert!(!text.contains(SECRET), "{text}");
    }
}
