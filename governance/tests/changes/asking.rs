//! What may be asked for, how, and what comes of it (H2, H4 to H8).

use mcp_registry_governance::{Code, Filter, Form, Mode, Party, Proposal, Surface, Target};
use mcp_registry_spec::Scope;
use serde_json::{Value, json};

use crate::room::{OPEN, Room, agent, code, from, install, name, operator, spec};

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

pub(crate) async fn h4_the_identity_is_what_is_asked_for_and_where(room: &Room) {
    let Room { target, .. } = room;
    let of = |target: &Target, proposal: &Proposal| target.place.identity(proposal, None).unwrap();
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
        target.place.identity(&install("a"), Some(&old)).unwrap(),
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

pub(crate) async fn h2_h8_what_waits_is_bounded(room: &Room) {
    let large = Proposal::Install(spec("large", &"x".repeat(70_000)));
    assert_eq!(code(room.governance.preview(&room.target, &large, &agent()).await), "invalid_spec");
    let mut refused = None;
    for number in 0..201 {
        let proposal = install(&format!("s{number}"));
        let identity = room.target.place.identity(&proposal, None).unwrap().to_string();
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
