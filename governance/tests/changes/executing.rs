//! Carrying out, and the record of it (H6, H10, L2, L7).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mcp_registry_governance::{Code, Event, Filter, Form, Opener, Place, Proposal, Refusal, State, Target};
use mcp_registry_spec::{ErrorKind, McpServerRegistry, WriteContext};
use mcp_registry_store::sqlx::query;
use mcp_registry_store::{Options, Store};
use tokio::sync::Semaphore;

use crate::room::{OPEN, Room, agent, code, governance, install, name, operator, spec};
use crate::wrong::{How, Wrong};

pub(crate) async fn h6_what_is_being_carried_out_is_not_asked_for_again(room: &Room) {
    let proposal = install("a");
    let change = room.ask(&proposal).await;
    let form = room.form(&proposal).await;
    let leave = Arc::new(Semaphore::new(0));
    let slow = Wrong { inner: room.target.registry.clone(), how: How::WaitsFor(leave.clone()) };
    let slow = Target { registry: McpServerRegistry::new(Arc::new(slow)), place: room.target.place.clone() };
    let (own, id) = (room.governance.clone(), change.id.clone());
    let approving = tokio::spawn(async move { own.approve(&id, &operator(), Arc::new(slow)).await });
    while room.governance.get(&change.id).await.unwrap().state == State::Pending {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let before = room.lines().await;
    let another = governance(room.folder.path(), &room.store);
    for governance in [&room.governance, &another] {
        let asked = governance.request(&room.target, &proposal, &form, &agent()).await;
        assert_eq!(code(asked), "approval_in_progress");
        let preview = governance.preview(&room.target, &proposal, &agent()).await.unwrap();
        assert_eq!(preview.active.iter().map(|active| active.state).collect::<Vec<_>>(), [State::Executing]);
        assert!(!preview.can_apply);
        assert_eq!(code(governance.approve(&change.id, &operator(), room.opener()).await), "approval_in_progress");
        assert_eq!(code(governance.reject(&change.id, &operator(), None).await), "approval_in_progress");
        assert!(governance.settle(&room.target).await.unwrap().is_empty(), "whoever carries it out is alive");
    }
    assert_eq!((room.lines().await, room.text().as_str()), (before, ""), "nothing was run");
    leave.add_permits(1);
    assert!(approving.await.unwrap().unwrap().execution.ok);
}

pub(crate) async fn h11_who_was_taken_for_dead_tells_what_came_of_it(room: &Room) {
    for written_before in [false, true] {
        let (name, leave) = (format!("written-{written_before}"), Arc::new(Semaphore::new(0)));
        let change = room.ask(&install(&name)).await;
        let how = if written_before { How::WaitsAfterTheWrite(leave.clone()) } else { How::WaitsFor(leave.clone()) };
        let slow = Wrong { inner: room.target.registry.clone(), how };
        let slow = Target { registry: McpServerRegistry::new(Arc::new(slow)), place: room.target.place.clone() };
        let (own, id) = (room.governance.clone(), change.id.clone());
        let approving = tokio::spawn(async move { own.approve(&id, &operator(), Arc::new(slow)).await });
        while room.governance.get(&change.id).await.unwrap().state == State::Pending
            || room.text().contains(&name) != written_before
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // As when a database ended the connection by which others see that it is alive.
        let store = Store::new(&room.store, Options::default()).unwrap();
        let mut altered = store.begin().await.unwrap();
        let gone = query("UPDATE mcp_changes SET executor = 'gone' WHERE id = $1").bind(change.id.to_string());
        altered.execute(gone).await.unwrap();
        altered.commit().await.unwrap();
        let settled = governance(room.folder.path(), &room.store).settle(&room.target).await.unwrap();
        let seen = if written_before { State::Completed } else { State::Interrupted };
        assert_eq!((settled[0].state, settled[0].is_unsettled()), (seen, false));
        leave.add_permits(1);
        let approval = approving.await.unwrap().unwrap();
        assert_eq!((approval.execution.ok, approval.approval.state), (true, State::Completed), "{name}");
        assert_eq!(room.governance.get(&change.id).await.unwrap().state, State::Completed, "{name}");
        assert!(room.text().contains(&format!("## {name}")));
    }
}

pub(crate) async fn h4_what_was_altered_is_not_decided_on(room: &Room) {
    let change = room.ask(&install("a")).await;
    let store = Store::new(&room.store, Options::default()).unwrap();
    let mut altered = store.begin().await.unwrap();
    let other = query("UPDATE mcp_changes SET entry = REPLACE(entry, 'server-github', 'server-evil')");
    assert_eq!(altered.execute(other).await.unwrap(), 1);
    altered.commit().await.unwrap();
    assert_eq!(code(room.governance.approve(&change.id, &operator(), room.opener()).await), "descriptor_invalid");
    assert_eq!(code(room.governance.get(&change.id).await), "descriptor_invalid");
    let again = room.ask_with(&install("a"), room.form(&install("a")).await).await;
    assert_eq!(code(again), "descriptor_invalid", "nor given to whoever asks for the same");
    let mut altered = store.begin().await.unwrap();
    let back = query("UPDATE mcp_changes SET entry = REPLACE(entry, 'server-evil', 'server-github'), name = 'b'");
    altered.execute(back).await.unwrap();
    altered.commit().await.unwrap();
    assert_eq!(code(room.governance.approve(&change.id, &operator(), room.opener()).await), "descriptor_invalid");
    assert_eq!(room.text(), "");
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
        let wrong = Wrong { inner: room.target.registry.clone(), how: how.clone() };
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

pub(crate) async fn l3_a_torn_export_is_completed_when_what_is_over_is_ended(room: &Room) {
    room.ask(&install("a")).await;
    let export = room.folder.path().join("ledger.jsonl");
    let whole = std::fs::read_to_string(&export).unwrap();
    std::fs::write(&export, &whole[..whole.len() - 9]).unwrap();
    assert!(room.governance.settle(&room.target).await.unwrap().is_empty());
    assert_eq!(std::fs::read_to_string(&export).unwrap(), whole);
}
