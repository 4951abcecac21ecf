//! Who decides, when, and what it ends (H3, H9, H12 to H14).

use std::sync::Arc;
use std::time::Duration;

use mcp_registry_governance::{Code, Filter, Form, Opener, Party, Place, Proposal, Refusal, State, Surface, Target};
use mcp_registry_spec::{Scope, async_trait};
use mcp_registry_store::sqlx::query;
use mcp_registry_store::{Options, Store};
use tokio::sync::Notify;

use crate::room::{OPEN, Room, code, install, name, operator, spec};

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

/// Opens a registry, and tells that a change is about to be carried out in it.
struct Telling {
    target: Target,
    found: Arc<Notify>,
}

#[async_trait]
impl Opener for Telling {
    async fn open(&self, place: &Place) -> Result<Target, Refusal> {
        self.found.notify_one();
        self.target.open(place).await
    }
}

pub(crate) async fn h12_what_expires_while_somebody_waits_is_not_carried_out(room: &Room) {
    room.set_policy(&format!("{OPEN}expires_after = \"1h\"\n"));
    let change = room.ask(&install("a")).await;
    let store = Store::new(&room.store, Options::default()).unwrap();
    let mut slow = store.begin().await.unwrap();
    slow.execute(query("UPDATE mcp_changes SET priority = 7 WHERE id = $1").bind(change.id.to_string())).await.unwrap();
    let found = Arc::new(Notify::new());
    let opener = Arc::new(Telling { target: room.target.clone(), found: found.clone() });
    let (governance, id) = (room.governance.clone(), change.id.clone());
    let approving = tokio::spawn(async move { governance.approve(&id, &operator(), opener).await });
    // It has found the change still to be approved, and is about to claim it.
    found.notified().await;
    if room.store.scheme() != "sqlite" {
        // Postgres tells that it waits. Beside a file of SQLite nobody can see that.
        let locks = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while store.fetch(|| query(locks)).await.unwrap().is_empty() {
            assert!(!approving.is_finished());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(!approving.is_finished());
    room.wait(3601);
    slow.commit().await.unwrap();
    assert_eq!(code(approving.await.unwrap()), "conflict");
    assert_eq!(room.governance.list(&Filter::default()).await.unwrap()[0].state, State::Expired);
    assert_eq!(room.text(), "");
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
