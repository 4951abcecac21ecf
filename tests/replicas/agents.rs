//! Rules C40 and C41: agents that report to whichever replica answers.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_registry_test_postgres::Postgres;
use mcp_registry_test_trials::Tried;
use serde_json::{Value, json};

use crate::service::Service;
use crate::{BEFORE, Replicas, SCOPE};

/// How many agents there are.
const AGENTS: usize = 16;

/// Sends a request on a connection of its own; nothing when it is not answered.
fn ask(service: &str, method: &str, path: &str, token: &str, body: &str) -> Option<(u16, Value)> {
    let host = service.strip_prefix("http://").unwrap().trim_end_matches('/');
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(host).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    // What was cut off in the midst is no answer.
    Some((status, serde_json::from_str(body).ok()?))
}

/// An agent: its id and its token.
fn agents(service: &Service, place: &[&str]) -> Vec<(String, String)> {
    let agent = |number: usize| {
        let id = format!("agent-{number:02}");
        let create = ["token", "create", "--scope", SCOPE, "--role", "reporter", "--agent", &id];
        let output = service.run(&[&create[..], place].concat());
        assert!(output.status.success(), "{output:?}");
        (id, String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    (0..AGENTS).map(agent).collect()
}

fn report(service: &str, way: &str, (id, token): &(String, String), tools: &[&str]) -> Option<(u16, Value)> {
    let body = json!({"id": id, "scope": SCOPE, "runtime": "test", "mcp_server_present": true,
        "loaded_mcp_tools": tools});
    ask(service, "POST", way, token, &body.to_string())
}

fn listed(service: &str, token: &str) -> Vec<Value> {
    let (status, body) = ask(service, "GET", &format!("/agents?agent_scope={SCOPE}"), token, "").unwrap();
    assert_eq!(status, 200, "{body}");
    body["agents"].as_array().unwrap().clone()
}

pub(crate) fn agents_are_seen_alike_at_each_replica() -> Tried {
    let postgres = Postgres::start()?;
    let url = postgres.url();
    let place = ["--store", url.as_str()];
    let mut replicas = Replicas::on(&postgres);
    let urls = replicas.services.each_ref().map(|service| service.url.clone());
    let require = ["agents", "require", "--scope", SCOPE, "memory", "--tool", "memory__read"];
    assert!(replicas.services[0].run(&[&require[..], &place].concat()).status.success());
    let reader = replicas.services[0].token(SCOPE, "reader", &place);
    let agents = agents(&replicas.services[0], &place);
    for (turn, agent) in agents.iter().enumerate() {
        let registered = report(&urls[turn % 2], "/agents/register", agent, &["memory__read"]).unwrap();
        assert_eq!((registered.0, &registered.1["state"]), (200, &json!("online")));
        // And goes on at the other one.
        let tools: &[&str] = if turn % 3 == 0 { &[] } else { &["memory__read"] };
        let way = format!("/agents/{}/heartbeat", agent.0);
        assert_eq!(report(&urls[(turn + 1) % 2], &way, agent, tools).unwrap().0, 200);
    }
    let seen = listed(&urls[0], &reader);
    assert_eq!(seen, listed(&urls[1], &reader));
    let states: Vec<_> = seen.iter().map(|agent| agent["state"].as_str().unwrap()).collect();
    let expected: Vec<_> = (0..AGENTS).map(|turn| if turn % 3 == 0 { "degraded" } else { "online" }).collect();
    assert_eq!(states, expected);
    replicas.services[0].kill();
    assert_eq!(listed(&urls[1], &reader), seen, "nothing of it was in the one that died");
    let way = format!("/agents/{}/heartbeat", agents[0].0);
    assert_eq!(report(&urls[1], &way, &agents[0], &["memory__read"]).unwrap().1["state"], "online");
    Ok(())
}

pub(crate) fn a_heartbeat_that_was_answered_is_kept_though_the_database_is_killed() -> Tried {
    let mut postgres = Postgres::start()?;
    let url = postgres.url();
    let place = ["--store", url.as_str()];
    let replicas = Replicas::on(&postgres);
    let urls = replicas.services.each_ref().map(|service| service.url.clone());
    let reader = replicas.services[0].token(SCOPE, "reader", &place);
    let agents = agents(&replicas.services[0], &place);
    for agent in &agents {
        assert_eq!(report(&urls[0], "/agents/register", agent, &[]).unwrap().0, 200);
    }
    let done = AtomicUsize::new(0);
    // Each says a new thing each time, until nobody answers.
    let answered: Vec<(String, usize)> = std::thread::scope(|scope| {
        let beat = |(turn, agent): (usize, &(String, String))| {
            let mut last = 0;
            for number in 1.. {
                let body = json!({"scope": SCOPE, "runtime": number.to_string()}).to_string();
                let way = format!("/agents/{}/heartbeat", agent.0);
                match ask(&urls[turn % 2], "POST", &way, &agent.1, &body) {
                    Some((200, told)) => {
                        assert_eq!((&told["runtime"], &told["id"]), (&json!(number.to_string()), &json!(agent.0)));
                        last = number;
                    }
                    Some((status, told)) => {
                        assert_eq!((status, &told["error"]["retryable"]), (503, &json!(true)), "{told}");
                        break;
                    }
                    None => break,
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
            (agent.0.clone(), last)
        };
        let beating: Vec<_> = agents.iter().enumerate().map(|one| scope.spawn(move || beat(one))).collect();
        while done.load(Ordering::Relaxed) < BEFORE {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        postgres.kill();
        beating.into_iter().map(|one| one.join().unwrap()).collect()
    });
    postgres.restart()?;
    let kept = listed(&urls[1], &reader);
    let names: BTreeSet<_> = kept.iter().map(|agent| agent["id"].as_str().unwrap()).collect();
    assert_eq!(names.len(), AGENTS);
    for (id, last) in answered {
        let agent = kept.iter().find(|agent| agent["id"] == *id).unwrap();
        let runtime: usize = agent["runtime"].as_str().unwrap().parse().unwrap_or_default();
        // The one that nobody could answer any more may be there too.
        assert!(runtime == last || runtime == last + 1, "{id}: {last} was answered, {runtime} is there");
    }
    Ok(())
}
