//! Agents, on both databases: what they report is kept, and their states are those of rule C40.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod both;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use mcp_registry_spec::{AgentId, ErrorKind, Scope, ServerName};
use mcp_registry_store::{AgentFilter, AgentRecord, AgentState, Agents, Report, Requirement, Requirements};
use mcp_registry_test_trials::{Tried, trials};
use tokio::task::JoinSet;

use both::{Database, LONG, on_both};

fn scope(name: &str) -> Scope {
    Scope::parse(name).unwrap()
}

fn report(place: &str, id: &str) -> Report {
    Report::new(scope(place), AgentId::parse(id).unwrap()).runtime("test").unwrap()
}

fn silent(place: &str, id: &str) -> Report {
    Report::new(scope(place), AgentId::parse(id).unwrap())
}

async fn require(database: &Database, place: &str, server: &str, tool: Option<&str>) {
    let server = ServerName::parse(server).unwrap();
    let requirement = Requirement { scope: scope(place), server, tool: tool.map(str::to_owned) };
    Requirements::new(database.store()).require(&requirement).await.unwrap();
}

fn everything() -> AgentFilter {
    AgentFilter { scopes: None, state: None, after: None, limit: 10_000 }
}

fn names(agents: &[AgentRecord]) -> Vec<String> {
    agents.iter().map(|agent| format!("{}/{}", agent.scope, agent.id)).collect()
}

async fn state_of(agents: &Agents, place: &str, id: &str) -> AgentState {
    let all = agents.list(&everything()).await.unwrap();
    all.iter().find(|agent| agent.scope.as_str() == place && agent.id.as_str() == id).unwrap().state
}

/// Polls it once.
async fn is_answered(beat: &mut (impl Future + Unpin)) -> bool {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *beat).poll(context).is_ready())).await
}

fn c40_the_state_follows_from_the_last_report_the_requirements_and_the_time() -> Tried {
    on_both(async |database| {
        use AgentState::{Degraded, Failed, Online};
        require(&database, "needs", "memory", Some("memory__read")).await;
        require(&database, "needs", "files", None).await;
        let agents = Agents::new(database.store());
        let none: [&str; 0] = [];
        let has = ["memory__write", "memory__read"];
        let like = ["memory__rea", "memory__readx", "x memory__read"];
        type Make = Box<dyn Fn(Report) -> Report + Send + Sync>;
        let table: Vec<(&str, Make, AgentState, AgentState)> = vec![
            // What is said, then the state where nothing is required and where servers are.
            ("nothing", Box::new(|r| r), Online, Failed),
            ("absent", Box::new(|r| r.present(false)), Online, Failed),
            ("present", Box::new(|r| r.present(true)), Online, Online),
            ("absent-with-tool", Box::new(move |r| r.present(false).tools(&has).unwrap()), Online, Failed),
            ("only-tool", Box::new(move |r| r.tools(&has).unwrap()), Online, Failed),
            ("with-tool", Box::new(move |r| r.present(true).tools(&has).unwrap()), Online, Online),
            ("other-tools", Box::new(move |r| r.present(true).tools(&like).unwrap()), Online, Degraded),
            ("no-tools", Box::new(move |r| r.present(true).tools(&none).unwrap()), Online, Degraded),
            ("not-ready", Box::new(move |r| r.present(true).ready(false).tools(&none).unwrap()), Online, Online),
            ("ready", Box::new(move |r| r.present(true).ready(true).tools(&none).unwrap()), Online, Degraded),
            ("ready-untold", Box::new(|r| r.present(true).ready(true)), Online, Online),
            ("absent-not-ready", Box::new(|r| r.present(false).ready(false)), Online, Failed),
        ];
        for (id, make, free, needing) in &table {
            for (place, expected) in [("free", free), ("needs", needing)] {
                let registered = agents.register(&make(report(place, id))).await.unwrap();
                let refused = place == "needs" && *expected == Failed;
                assert_eq!((registered.state, registered.refused), (*expected, refused), "{place} {id}");
                let beaten = agents.heartbeat(make(silent(place, id))).await.unwrap().unwrap();
                assert_eq!((beaten.state, beaten.refused), (*expected, false), "{place} {id}");
                assert_eq!(beaten.runtime, "test");
                assert_eq!(state_of(&agents, place, id).await, *expected, "{place} {id}");
            }
        }
        // Nobody is online because of what was said before.
        let gone = agents.heartbeat(silent("needs", "with-tool")).await.unwrap().unwrap();
        assert_eq!((gone.state, gone.present), (Failed, None));
        let back = agents.heartbeat(silent("needs", "with-tool").present(true)).await.unwrap().unwrap();
        assert_eq!(back.state, Online);
        let counts = agents.count().await.unwrap();
        let listed = agents.list(&everything()).await.unwrap();
        for (state, count) in counts {
            let found = listed.iter().filter(|agent| agent.state == state).count();
            assert_eq!(usize::try_from(count).unwrap(), found, "{state}");
        }
        Ok(())
    })
}

fn c39_a_requirement_holds_at_once_for_what_was_reported_before() -> Tried {
    on_both(async |database| {
        let agents = Agents::new(database.store());
        assert_eq!(agents.register(&silent("a", "x")).await.unwrap_err().kind(), ErrorKind::InvalidSpec);
        agents.register(&report("a", "x").tools(&["memory__write"]).unwrap()).await.unwrap();
        assert_eq!(state_of(&agents, "a", "x").await, AgentState::Online);
        require(&database, "a", "memory", None).await;
        assert_eq!(state_of(&agents, "a", "x").await, AgentState::Failed);
        agents.heartbeat(report("a", "x").present(true).tools(&["memory__write"]).unwrap()).await.unwrap();
        assert_eq!(state_of(&agents, "a", "x").await, AgentState::Online);
        require(&database, "a", "memory", Some("memory__read")).await;
        assert_eq!(state_of(&agents, "a", "x").await, AgentState::Degraded);
        let requirements = Requirements::new(database.store());
        let listed = requirements.list().await.unwrap();
        assert_eq!((listed.len(), listed[0].tool.as_deref()), (1, Some("memory__read")));
        let memory = ServerName::parse("memory").unwrap();
        assert!(!requirements.release(&scope("b"), &memory).await.unwrap());
        assert!(requirements.release(&scope("a"), &memory).await.unwrap());
        assert!(!requirements.release(&scope("a"), &memory).await.unwrap());
        assert_eq!(state_of(&agents, "a", "x").await, AgentState::Online);
        // A registration that was refused stays so, whatever is required by now.
        require(&database, "a", "memory", None).await;
        assert!(agents.register(&report("a", "x")).await.unwrap().refused);
        assert!(requirements.release(&scope("a"), &memory).await.unwrap());
        assert_eq!(state_of(&agents, "a", "x").await, AgentState::Failed);
        assert_eq!(agents.heartbeat(silent("a", "x")).await.unwrap().unwrap().state, AgentState::Online);
        let bad = Requirement { scope: scope("a"), server: memory, tool: Some("a\nb".to_owned()) };
        assert_eq!(requirements.require(&bad).await.unwrap_err().kind(), ErrorKind::InvalidSpec);
        Ok(())
    })
}

fn c40_whoever_does_not_report_in_time_is_offline_to_all_who_share_the_database() -> Tried {
    on_both(async |database| {
        let (one, other) = (Agents::new(database.store()), Agents::new(database.store()));
        let patient = Agents::new(database.store()).standing(Duration::from_secs(3600));
        require(&database, "needs", "memory", None).await;
        for (agents, place, id) in [(&one, "a", "short"), (&patient, "a", "long"), (&one, "needs", "refused")] {
            agents.register(&report(place, id)).await.unwrap();
        }
        one.register(&report("needs", "failing").present(true)).await.unwrap();
        one.heartbeat(silent("needs", "failing").present(false)).await.unwrap();
        let states = async || {
            let states = async |agents: &Agents| {
                let all = agents.list(&everything()).await.unwrap();
                all.iter().map(|agent| format!("{} {}", agent.id, agent.state)).collect::<Vec<_>>()
            };
            let seen = states(&one).await;
            assert_eq!(seen, states(&other).await);
            assert_eq!(seen, states(&patient).await);
            seen
        };
        assert_eq!(states().await, ["long online", "short online", "failing failed", "refused failed"]);
        // Two minutes pass; or the clock is set back by as much.
        // The one that says nothing more has come back to its own time then.
        for (moved, refused) in [("- 120000", "refused offline"), ("+ 120000", "refused failed")] {
            database.run(&format!("UPDATE mcp_agents SET seen = seen {moved}")).await;
            assert_eq!(states().await, ["long online", "short offline", "failing offline", refused]);
            for id in ["short", "long"] {
                let back = other.heartbeat(silent("a", id)).await.unwrap().unwrap();
                assert_eq!((back.state, back.time), (AgentState::Online, Agents::TIME));
            }
            patient.heartbeat(silent("a", "long")).await.unwrap();
            other.heartbeat(silent("needs", "failing")).await.unwrap();
        }
        Ok(())
    })
}

fn c41_heartbeats_that_come_at_once_are_each_answered_for_themselves() -> Tried {
    on_both(async |database| {
        let agents = Agents::new(database.store());
        let count = 700;
        for number in (0..count).filter(|number| number % 7 != 0) {
            agents.register(&report("a", &format!("n{number:03}"))).await.unwrap();
        }
        database.run("UPDATE mcp_agents SET seen = 1, registered = 1").await;
        let other = Agents::new(database.store());
        let mut beating = JoinSet::new();
        for number in 0..count * 2 {
            let agents = if number % 2 == 0 { agents.clone() } else { other.clone() };
            beating.spawn(async move {
                let id = format!("n{:03}", number % count);
                (number % count, id.clone(), agents.heartbeat(silent("a", &id).present(number % 3 == 0)).await.unwrap())
            });
        }
        let began = SystemTime::now();
        for (number, id, answer) in beating.join_all().await {
            assert_eq!(answer.is_some(), number % 7 != 0, "{id}");
            assert!(answer.is_none_or(|agent| agent.id.as_str() == id && agent.seen + LONG > began));
        }
        // All that is answered is kept, and no heartbeat made an agent.
        let all = agents.list(&everything()).await.unwrap();
        assert_eq!(all.len(), 600);
        for agent in all {
            assert!(agent.state == AgentState::Online && agent.seen + LONG > began, "{agent:?}");
            assert_eq!(agent.registered, SystemTime::UNIX_EPOCH + Duration::from_millis(1));
        }
        Ok(())
    })
}

fn c41_a_heartbeat_is_not_answered_before_it_is_kept() -> Tried {
    on_both(async |database| {
        let agents = Agents::new(database.store());
        for id in ["x", "y"] {
            agents.register(&report("a", id)).await.unwrap();
        }
        let mut other = database.store().begin().await.unwrap();
        let locking = mcp_registry_store::sqlx::query("UPDATE mcp_agents SET seen = 5");
        other.execute(locking).await.unwrap();
        // Of an agent that says one thing after the other while it waits, nothing is lost.
        let moved = silent("a", "x").runtime("moved").unwrap();
        let reports = [silent("a", "x"), silent("a", "y"), moved, silent("a", "x")];
        let mut beats = reports.map(|report| Box::pin(agents.heartbeat(report)));
        // A heartbeat is queued when it is first polled.
        for beat in &mut beats {
            assert!(!is_answered(beat).await);
        }
        // Time for one that would be answered too early.
        tokio::time::sleep(Duration::from_millis(100)).await;
        for beat in &mut beats {
            assert!(!is_answered(beat).await, "it cannot have been written yet");
        }
        let [x, y, moved, again] = beats;
        // One goes away, and is written all the same.
        drop(y);
        other.commit().await.unwrap();
        assert!(x.await.unwrap().is_some());
        assert_eq!(moved.await.unwrap().unwrap().runtime, "moved");
        assert_eq!(again.await.unwrap().unwrap().runtime, "moved");
        let wait_until_kept = async {
            while !agents.list(&everything()).await.unwrap().iter().all(|agent| agent.state == AgentState::Online) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LONG, wait_until_kept).await.unwrap();
        Ok(())
    })
}

fn c42_agents_are_listed_in_order_by_scope_by_state_and_by_page() -> Tried {
    on_both(async |database| {
        let agents = Agents::new(database.store());
        assert!(agents.list(&everything()).await.unwrap().is_empty());
        assert_eq!(agents.count().await.unwrap().iter().map(|(_, count)| count).sum::<u64>(), 0);
        require(&database, "B", "memory", None).await;
        for (place, id) in [("a", "b"), ("a", "B"), ("B", "z"), ("a.x", "1"), ("a", "_"), ("c", "a"), ("B", "y")] {
            agents.register(&report(place, id)).await.unwrap();
        }
        let order = ["B/y", "B/z", "a/B", "a/_", "a/b", "a.x/1", "c/a"];
        assert_eq!(names(&agents.list(&everything()).await.unwrap()), order);
        let some = ["B", "a", "d"].map(scope).to_vec();
        for (scopes, expected) in [(None, &order[..]), (Some(some), &order[..5]), (Some(Vec::new()), &[])] {
            for limit in 1..9 {
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let filter = AgentFilter { scopes: scopes.clone(), after, limit, state: None };
                    let page = agents.list(&filter).await.unwrap();
                    assert!(page.len() <= limit);
                    found.extend(names(&page));
                    let Some(last) = page.last() else { break };
                    after = Some((last.scope.clone(), last.id.clone()));
                }
                assert_eq!(found, expected, "{limit}");
            }
        }
        let failed = AgentFilter { state: Some(AgentState::Failed), ..everything() };
        assert_eq!(names(&agents.list(&failed).await.unwrap()), ["B/y", "B/z"]);
        let online = Some(AgentState::Online);
        let online = AgentFilter { state: online, scopes: Some(vec![scope("B"), scope("c")]), ..everything() };
        assert_eq!(names(&agents.list(&online).await.unwrap()), ["c/a"]);
        Ok(())
    })
}

fn c38_what_is_no_report_is_none() -> Tried {
    for bad in ["", "a\n", "\0", &"x".repeat(129), "\u{7f}", "\u{85}"] {
        assert_eq!(silent("a", "x").runtime(bad).unwrap_err().kind(), ErrorKind::InvalidSpec, "{bad:?}");
    }
    assert!(silent("a", "x").runtime(&"x".repeat(128)).is_ok());
    for bad in ["", "a\nb", "\0", &"x".repeat(257)] {
        assert_eq!(silent("a", "x").tools(&["a", bad]).unwrap_err().kind(), ErrorKind::InvalidSpec, "{bad:?}");
    }
    let many = |count| vec!["x".repeat(256); count];
    assert!(silent("a", "x").tools(&many(10_000)).is_ok() && silent("a", "x").tools(&many(10_001)).is_err());
    Ok(())
}

trials!(
    c40_the_state_follows_from_the_last_report_the_requirements_and_the_time,
    c39_a_requirement_holds_at_once_for_what_was_reported_before,
    c40_whoever_does_not_report_in_time_is_offline_to_all_who_share_the_database,
    c41_heartbeats_that_come_at_once_are_each_answered_for_themselves,
    c41_a_heartbeat_is_not_answered_before_it_is_kept,
    c42_agents_are_listed_in_order_by_scope_by_state_and_by_page,
    c38_what_is_no_report_is_none,
);
