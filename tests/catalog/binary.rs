//! The service as a process.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::running::{Running, World, answer, request};
use crate::service::{SCOUT, entry};

fn token(world: &World, scope: &str, role: &str) -> String {
    world.done(&["token", "create", "--scope", scope, "--role", role])
}

#[test]
fn a_newcomers_five_minutes() {
    let world = World::new();
    let admin = token(&world, "scout", "admin");
    let service = world.serve(&[]);
    assert_eq!(service.ask("POST", SCOUT, &admin, &entry("github")).0, 201);
    let (status, listing) = service.ask("GET", SCOUT, &admin, "");
    assert_eq!((status, listing.contains("\"github\"")), (200, true));
    let (status, audit) = service.ask("GET", "/audit?agent_scope=scout", &admin, "");
    assert_eq!((status, audit.contains("\"actor\":\"admin-scout\"")), (200, true), "{audit}");
    // What another process writes is seen, too.
    let data = format!("sqlite:{}", world.path().join(".local/share/mcp-registry/catalog.db").display());
    world.done(&["install", "memory", "--backend", &data, "--scope", "scout", "--command", "npx"]);
    std::thread::sleep(Duration::from_millis(1100));
    assert!(service.ask("GET", SCOUT, &admin, "").1.contains("\"memory\""));
    service.terminate();
    let (status, log) = service.wait();
    assert!(status.success(), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "{log}");
    assert_eq!(
        (&lines[0]["method"], &lines[0]["route"], &lines[0]["status"]),
        (&"POST".into(), &"/mcp-servers".into(), &201.into())
    );
    assert_eq!((&lines[0]["token"], lines[0]["request_id"].is_string()), (&"admin-scout".into(), true));
    assert!(!log.contains(&admin) && !log.contains("agent_scope"), "{log}");
}

#[test]
fn folders_of_agents_are_served_and_their_tokens_kept_in_the_data_folder() {
    let world = World::new();
    std::fs::create_dir(world.path().join("agents")).unwrap();
    let writer =
        world.done(&["token", "create", "--store", "filesystem:agents", "--scope", "scout", "--role", "writer"]);
    let service = world.serve(&["--store", "filesystem:agents"]);
    assert_eq!(service.ask("POST", SCOUT, &writer, &entry("a")).0, 201);
    let document = std::fs::read_to_string(world.path().join("agents/scout/mcp.md")).unwrap();
    assert!(document.contains("## a"), "{document}");
    // What is broken is told with its line, and without the folder of this machine.
    std::fs::write(world.path().join("agents/scout/mcp.md"), "## bad\n\nargs: x\n").unwrap();
    let store = format!("filesystem:{}", world.path().join("agents").display());
    let absolute = world.serve(&["--store", &store]);
    for path in ["", "/bad", "/bad/validate", "/none"] {
        let (_, told) = absolute.ask("GET", &format!("/mcp-servers{path}?agent_scope=scout"), &writer, "");
        let line = if path == "/none" { "\"mcp.md: there" } else { "\"mcp.md:1: has neither" };
        assert!(told.contains(line) && !told.contains("agents"), "{path}: {told}");
    }
    // A folder that leads elsewhere is not followed.
    std::os::unix::fs::symlink(world.path().join("agents/scout"), world.path().join("agents/link")).unwrap();
    let all = world.done(&["token", "create", "--store", "filesystem:agents", "--scope", "*", "--role", "reader"]);
    assert_eq!(service.ask("GET", "/mcp-servers?agent_scope=link", &all, "").0, 503);
    assert_eq!(service.ask("GET", SCOUT, &all, "").0, 200);
}

#[test]
fn rule_c26_where_it_does_not_listen() {
    let world = World::new();
    for args in [
        &["--listen", "0.0.0.0:0"][..],
        &["--listen", "[::]:0", "--allow-anonymous-reads", "--allow-insecure-listen"],
        &["--store", "filesystem:agents", "--tier", "3"],
        &["--tls-cert", "gone.pem", "--tls-key", "gone.pem"],
        &["--store", "nowhere:x"],
    ] {
        let args: Vec<_> = ["serve", "--listen", "127.0.0.1:0"]
            .into_iter()
            .take(if args[0] == "--listen" { 1 } else { 3 })
            .chain(args.iter().copied())
            .collect();
        let output = world.run(&args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        assert!(output.stderr.starts_with(b"error: "), "{output:?}");
    }
}

#[test]
fn rule_c27_a_slow_client_holds_up_nobody() {
    let world = World::new();
    let writer = token(&world, "scout", "writer");
    let service = world.serve(&[]);
    let body = entry("slow");
    let whole = request("POST", SCOUT, &writer, &body);
    let mut slow: Vec<_> = (0..300).map(|_| service.connect()).collect();
    for (n, stream) in slow.iter_mut().enumerate() {
        // Some stop within their headers, some within their body.
        let part = if n % 2 == 0 { 20 } else { whole.len() - 10 };
        stream.write_all(&whole.as_bytes()[..part]).unwrap();
    }
    for n in 0..20 {
        assert_eq!(service.ask("POST", SCOUT, &writer, &entry(&format!("s{n}"))).0, 201);
        assert_eq!(service.ask("GET", SCOUT, &writer, "").0, 200);
    }
    // Who goes on is answered; one of them has it installed.
    let last = slow.pop().unwrap();
    let mut last = last;
    last.write_all(&whole.as_bytes()[whole.len() - 10..]).unwrap();
    assert_eq!(answer(&mut last).0, 201);
}

#[test]
fn rule_c27_what_is_no_request_hurts_nobody() {
    let world = World::new();
    let reader = token(&world, "scout", "reader");
    let service = world.serve(&[]);
    let many = "x".repeat(100_000);
    for nonsense in [
        "\0\0\0".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET /{many} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {many}\r\n\r\n"),
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx".to_owned(),
    ] {
        let mut stream = service.connect();
        let _ = stream.write_all(nonsense.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(service.ask("GET", SCOUT, &reader, "").0, 200);
}

/// Sends all of an install but its end, and waits until the service reads its body; gives the end.
fn in_flight(service: &Running, token: &str, entry: &str) -> (std::net::TcpStream, String) {
    let whole = request("POST", SCOUT, token, entry).replacen("\r\n\r\n", "\r\nexpect: 100-continue\r\n\r\n", 1);
    let (early, late) = whole.split_at(whole.len() - 5);
    let mut stream = service.connect();
    stream.write_all(early.as_bytes()).unwrap();
    let mut go_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut go_on).unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 "));
    (stream, late.to_owned())
}

#[test]
fn rule_c29_what_is_in_flight_is_finished() {
    let world = World::new();
    let writer = token(&world, "scout", "writer");
    let service = world.serve(&[]);
    let mut idle = service.connect();
    let (mut stream, late) = in_flight(&service, &writer, &entry("late"));
    service.terminate();
    let refused = Instant::now();
    while std::net::TcpStream::connect(service.address).is_ok() {
        assert!(refused.elapsed() < Duration::from_secs(60), "it still takes connections");
        std::thread::sleep(Duration::from_millis(10));
    }
    stream.write_all(late.as_bytes()).unwrap();
    assert_eq!(answer(&mut stream).0, 201);
    let mut rest = Vec::new();
    assert_eq!(idle.read_to_end(&mut rest).unwrap(), 0, "who asks nothing is not waited for");
    let (status, log) = service.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn rule_c29_a_write_whose_client_goes_away_is_finished_and_counted_as_any_other() {
    let world = World::new();
    let writer = token(&world, "scout", "writer");
    let service = world.serve(&[]);
    for n in 0..40 {
        let (mut stream, late) = in_flight(&service, &writer, &entry(&format!("s{n}")));
        stream.write_all(late.as_bytes()).unwrap();
    }
    let began = Instant::now();
    loop {
        let listing: Value = serde_json::from_str(&service.ask("GET", SCOUT, &writer, "").1).unwrap();
        let metrics = service.ask("GET", "/metrics", "", "").1;
        let counted = "{route=\"/mcp-servers\",method=\"POST\",status=\"201\"} 40\n";
        if listing["servers"].as_array().unwrap().len() == 40 && metrics.contains(counted) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{listing}\n{metrics}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn rule_c29_the_deadline_is_kept() {
    let world = World::new();
    let writer = token(&world, "scout", "writer");
    let service = world.serve(&["--shutdown-timeout", "100ms"]);
    let (_stream, _late) = in_flight(&service, &writer, &entry("never"));
    service.terminate();
    let (status, log) = service.wait();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("in flight"), "{log}");
}

/// Of Postgres it is shown beside the replicas, which have one.
#[test]
fn rule_c35_what_others_may_write_is_not_served() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    let world = World::new();
    world.done(&["token", "create", "--store", "sqlite:kept.db", "--scope", "a", "--role", "reader", "a"]);
    let serve = ["serve", "--listen", "127.0.0.1:0", "--store", "sqlite:kept.db"];
    let set_mode = |path: &str, mode| {
        std::fs::set_permissions(world.path().join(path), Permissions::from_mode(mode)).unwrap();
    };
    std::fs::write(world.path().join("kept.ledger.jsonl"), "").unwrap();
    for (path, good, bad) in [("kept.db", 0o600, 0o620), ("kept.ledger.jsonl", 0o600, 0o666), (".", 0o700, 0o777)] {
        set_mode(path, bad);
        for args in [&serve[..], &["ledger", "verify", "--tokens", "sqlite:kept.db"]] {
            let output = world.run(args);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!((output.status.code(), said.contains("chmod go-w")), (Some(1), true), "{args:?}: {said}");
        }
        set_mode(path, good);
    }
    world.serve(&["--store", "sqlite:kept.db"]).terminate();
}
