//! Random interleavings, held against a model of the states (H3).

use std::collections::BTreeMap;

use mcp_registry_governance::{Filter, Party, Proposal, State, Surface};
use mcp_registry_spec::WriteContext;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio::task::JoinSet;

use crate::room::{Room, agent, install, name, operator, spec};

/// How many interleavings, on each store.
const INTERLEAVINGS: usize = 1000;
const SERVERS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone, Copy)]
enum Act {
    Install,
    Update(u8),
    Uninstall,
    Approve,
    Reject,
    Cancel,
    /// The operator writes past all of this.
    WriteDirectly(u8),
    TimeGoesBy,
    Settle,
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    let act = prop_oneof![
        3 => Just(Act::Install),
        2 => (0..2u8).prop_map(Act::Update),
        2 => Just(Act::Uninstall),
        4 => Just(Act::Approve),
        1 => Just(Act::Reject),
        1 => Just(Act::Cancel),
        1 => (0..2u8).prop_map(Act::WriteDirectly),
        1 => Just(Act::TimeGoesBy),
        1 => Just(Act::Settle),
    ];
    prop::collection::vec((0..SERVERS.len(), act), 2..7)
}

/// What somebody does; whatever comes of it.
async fn act(room: RoomParts, server: &'static str, act: Act) {
    let RoomParts { governance, target } = room;
    let me = Party::unknown(Surface::McpStdio).claiming(Some("scout-agent"));
    let ask = async |proposal: Proposal| {
        let Ok(preview) = governance.preview(&target, &proposal, &agent()).await else { return };
        let form = crate::room::form(&preview.identity.to_string());
        let _ = governance.request(&target, &proposal, &form, &agent()).await;
    };
    let version = |v: u8| spec(server, &format!("v{v}"));
    match act {
        Act::Install => ask(install(server)).await,
        Act::Update(v) => ask(Proposal::Update(version(v))).await,
        Act::Uninstall => ask(Proposal::Uninstall(name(server))).await,
        Act::Approve | Act::Reject | Act::Cancel => {
            let waiting = Filter { state: Some(State::Pending), ..Filter::default() };
            for change in
                governance.list(&waiting).await.unwrap().iter().filter(|change| change.name.as_str() == server)
            {
                let _ = match act {
                    Act::Approve => {
                        let opener = std::sync::Arc::new(target.clone());
                        governance.approve(&change.id, &operator(), opener).await.map(drop)
                    }
                    Act::Reject => governance.reject(&change.id, &operator(), None).await.map(drop),
                    _ => governance.cancel(&change.id, &me, None).await.map(drop),
                };
            }
        }
        Act::WriteDirectly(v) => {
            if let Ok(there) = target.registry.load(&name(server)).await {
                let _ = target.registry.update(&version(v), &there.digest().unwrap(), &WriteContext::new()).await;
            }
        }
        Act::TimeGoesBy => {}
        Act::Settle => {
            governance.settle(&target).await.unwrap();
        }
    }
}

#[derive(Clone)]
struct RoomParts {
    governance: mcp_registry_governance::Governance,
    target: mcp_registry_governance::Target,
}

pub(crate) async fn h3_any_interleaving_keeps_to_the_states(room: &Room) {
    let mut runner = TestRunner::default();
    for _ in 0..INTERLEAVINGS {
        let all = acts().new_tree(&mut runner).unwrap().current();
        let mut crowd = JoinSet::new();
        for (server, what) in all {
            if let Act::TimeGoesBy = what {
                room.wait(13 * 60 * 60);
            }
            let parts = RoomParts { governance: room.governance.clone(), target: room.target.clone() };
            crowd.spawn(act(parts, SERVERS[server], what));
        }
        crowd.join_all().await;
    }
    room.governance.idle().await;
    room.governance.settle(&room.target).await.unwrap();
    holds(room).await;
    // What was written directly is the operator's to accept; here it is undone.
    for server in SERVERS {
        room.target.registry.uninstall(&name(server), None, &WriteContext::new()).await.unwrap();
        // The same may wait already, asked for by one of those.
        let change = room.ask_with(&install(server), room.form(&install(server)).await).await.unwrap();
        assert!(room.governance.approve(&change.id, &operator(), room.opener()).await.unwrap().execution.ok);
    }
}

/// Every change went only the ways there are, its rows tell them, and of no identity two were active.
async fn holds(room: &Room) {
    let mut stands: BTreeMap<String, State> = BTreeMap::new();
    let mut active: BTreeMap<String, String> = BTreeMap::new();
    for row in room.rows().await {
        let (Some(id), Some(to)) = (row.change, row.to) else { continue };
        let identity = row.identity.unwrap().to_string();
        let from: Option<State> = row.from.map(|from| from.parse().unwrap());
        let to: State = to.parse().unwrap();
        assert_eq!(stands.get(&id).copied(), from, "{id}");
        let allowed: &[State] = match from {
            None => &[State::Pending],
            Some(State::Pending) => &[State::Executing, State::Rejected, State::Cancelled, State::Expired],
            Some(State::Executing) => &[State::Completed, State::Failed, State::Interrupted],
            Some(State::Interrupted) => &[State::Completed, State::Interrupted],
            Some(_) => &[],
        };
        assert!(allowed.contains(&to), "{id}: {from:?} to {to}");
        if to.is_active() {
            let other = active.insert(identity, id.clone());
            assert!(other.is_none_or(|other| other == id), "two of one identity");
        } else {
            active.remove(&identity);
        }
        stands.insert(id, to);
    }
    let everything = Filter { limit: Some(usize::MAX), ..Filter::default() };
    let listed = room.governance.list(&everything).await.unwrap();
    let listed: BTreeMap<_, _> = listed.into_iter().map(|change| (change.id.to_string(), change.state)).collect();
    assert_eq!(listed, stands);
    assert!(stands.values().any(|state| *state == State::Completed) && stands.len() > 100, "{}", stands.len());
}
