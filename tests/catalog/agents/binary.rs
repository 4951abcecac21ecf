//! Rules C40 and C42 by the binary: as the service and the command line have it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::running::World;

fn agents(world: &World, args: &[&str]) -> Vec<Value> {
    let listed = world.done(&[&["agents", "--format", "json"], args].concat());
    serde_json::from_str::<Value>(&listed).unwrap()["agents"].as_array().unwrap().clone()
}

#[test]
fn rule_c40_the_service_tells_in_time_who_is_silent() {
    let world = World::new();
    let reporter = ["token", "create", "--role", "reporter", "--scope", "scout", "--agent", "scout-1", "r"];
    let token = world.done(&reporter);
    world.done(&["agents", "require", "--scope", "scout", "memory"]);
    let service = world.serve(&["--agent-timeout", "5s"]);
    let body = |present: bool| {
        json!({"id": "scout-1", "scope": "scout", "runtime": "test", "mcp_server_present": present}).to_string()
    };
    let (status, told) = service.ask("POST", "/agents/register", &token, &body(false));
    assert_eq!(status, 400, "{told}");
    assert!(told.contains(r#""reason":"mcp_server_missing""#), "{told}");
    assert_eq!(agents(&world, &[])[0]["state"], "failed");
    let began = Instant::now();
    let (status, told) = service.ask("POST", "/agents/scout-1/heartbeat", &token, &body(true));
    assert_eq!(status, 200, "{told}");
    assert!(told.contains(r#""state":"online""#) && told.contains(r#""heartbeat_within_s":5"#), "{told}");
    while agents(&world, &["--scope", "scout"])[0]["state"] != "offline" {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(began.elapsed() > Duration::from_secs(4), "it had five seconds");
    let metrics = service.ask("GET", "/metrics", "", "").1;
    assert!(metrics.lines().any(|line| line == r#"mcp_registry_agents{state="offline"} 1"#), "{metrics}");
    service.terminate();
    let (status, log) = service.wait();
    assert!(status.success());
    assert!(log.contains(r#""route":"/agents/{id}/heartbeat""#), "{log}");
    assert!(!log.contains("scout-1") && !log.contains(&token), "no name of a path, and no token: {log}");
    // Nothing of it is forgotten while no service runs.
    let table = world.done(&["agents", "--state", "offline"]);
    let row: Vec<_> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(row[..5], ["scout", "scout-1", "offline", "heartbeat_missing", "test"]);
    assert!(agents(&world, &["--scope", "ranger"]).is_empty() && agents(&world, &["--state", "online"]).is_empty());
}

#[test]
fn rule_c40_a_time_that_is_none_is_refused() {
    let world = World::new();
    for wrong in ["0s", "999ms", "2days", "soon", ""] {
        let output = world.run(&["serve", "--agent-timeout", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}: {output:?}");
    }
}
