//! Many at once.

use std::collections::BTreeSet;

use mcp_registry_governance::{Filter, Party, State, Surface};
use tokio::task::JoinSet;

use crate::room::{Room, agent, install, operator};

const CROWD: usize = 64;

pub(crate) async fn h5_sixty_four_who_ask_the_same_get_one(room: &Room) {
    let proposal = install("a");
    let form = room.form(&proposal).await;
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let (governance, target) = (room.governance.clone(), room.target.clone());
        let (proposal, form) = (proposal.clone(), form.clone());
        crowd.spawn(async move { governance.request(&target, &proposal, &form, &agent()).await.unwrap() });
    }
    let all = crowd.join_all().await;
    assert_eq!(all.iter().filter(|requested| requested.is_new).count(), 1);
    let ids: BTreeSet<_> = all.into_iter().map(|requested| requested.change.id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(room.governance.list(&Filter::default()).await.unwrap().len(), 1);
    assert_eq!(room.rows().await.len(), 1);
}

pub(crate) async fn h3_of_those_who_decide_one_wins(room: &Room) {
    let me = Party::unknown(Surface::McpStdio).claiming(Some("scout-agent"));
    for round in 0..8 {
        let change = room.ask(&install(&format!("s{round}"))).await;
        let mut crowd = JoinSet::new();
        for i in 0..24 {
            let (governance, opener, id, me) = (room.governance.clone(), room.opener(), change.id.clone(), me.clone());
            crowd.spawn(async move {
                match i % 3 {
                    0 => governance.approve(&id, &operator(), opener).await.map(|approval| approval.approval.state),
                    1 => governance.reject(&id, &operator(), None).await.map(|change| change.state),
                    _ => governance.cancel(&id, &me, None).await.map(|change| change.state),
                }
            });
        }
        let won: Vec<_> = crowd.join_all().await.into_iter().filter_map(Result::ok).collect();
        assert_eq!(won.len(), 1, "{won:?}");
        let stands = room.governance.get(&change.id).await.unwrap().state;
        assert_eq!(stands, won[0]);
        assert_eq!(room.text().contains(&format!("## s{round}")), stands == State::Completed);
        let rows = room.rows().await;
        let ends = rows.iter().filter(|row| row.change.as_deref() == Some(change.id.as_str())).count();
        assert_eq!(ends, if stands == State::Completed { 3 } else { 2 });
    }
}

pub(crate) async fn h10_nothing_is_carried_out_twice(room: &Room) {
    for round in 0..4 {
        let change = room.ask(&install(&format!("s{round}"))).await;
        let mut crowd = JoinSet::new();
        for _ in 0..CROWD {
            // Some through a store of their own, as another process would.
            let governance = crate::room::governance(room.folder.path(), &room.store);
            let (opener, id) = (room.opener(), change.id.clone());
            crowd.spawn(async move { governance.approve(&id, &operator(), opener).await.is_ok() });
        }
        let won = crowd.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1);
        assert_eq!(room.governance.get(&change.id).await.unwrap().state, State::Completed);
    }
    let rows = room.rows().await;
    assert_eq!(rows.iter().filter(|row| row.to.as_deref() == Some("executing")).count(), 4);
}
