//! Spans as a collector of others gets them from the service, and what becomes of the service when
//! the collector is none (rule C31).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod collector;
#[allow(dead_code, reason = "another test uses the rest")]
#[path = "../catalog/running.rs"]
mod running;

use std::io::Write;
use std::net::TcpListener;

use mcp_registry_test_trials::{Tried, trials};
use serde_json::{Value, json};

use collector::Collector;
use running::{Running, World, answer, request};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
/// What is sent where it has no business to be, and must not be passed on.
const SECRET: &str = "hunter2";
const SCOUT: &str = "/mcp-servers?agent_scope=scout";

/// Sends a request with more headers; gives the status.
fn ask(service: &Running, method: &str, path: &str, token: &str, body: &str, headers: &str) -> u16 {
    let mut stream = service.connect();
    let whole = request(method, path, token, body).replacen("\r\n", &format!("\r\n{headers}"), 1);
    stream.write_all(whole.as_bytes()).unwrap();
    answer(&mut stream).0
}

/// The lines of a log that say that spans are not taken.
fn complaints(log: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["msg"] == "spans are not taken").collect()
}

fn each_request_is_a_span() -> Tried {
    let mut collector = Collector::start()?;
    let world = World::new();
    std::fs::create_dir_all(world.path().join("agents/scout")).unwrap();
    std::os::unix::fs::symlink(world.path().join("agents/scout"), world.path().join("agents/link")).unwrap();
    let store = ["--store", "filesystem:agents"];
    let token = world.done(&[&["token", "create", "--scope", "scout,link", "--role", "writer"][..], &store].concat());
    let service = world.serve_in(
        &[
            (ENDPOINT, &collector.url),
            ("OTEL_SERVICE_NAME", "scouts-catalog"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=for-the-collector"),
        ],
        &store,
    );
    let parent = format!(
        "traceparent: 00-{TRACE}-{PARENT}-01\r\ntracestate: a={SECRET}\r\nbaggage: b={SECRET}\r\nx-request-id: r-1\r\n"
    );
    let entry = json!({"name": "github", "command": SECRET, "description": SECRET}).to_string();
    let bare = "x-request-id: r-2\r\n";
    assert_eq!(ask(&service, "POST", SCOUT, &token, &entry, &parent), 201);
    assert_eq!(ask(&service, "GET", "/mcp-servers/github?agent_scope=scout", &token, "", bare), 200);
    assert_eq!(ask(&service, "GET", &format!("/mcp-servers?agent_scope={SECRET}"), &token, "", bare), 403);
    assert_eq!(ask(&service, "GET", &format!("{SCOUT}&token={SECRET}"), SECRET, "", bare), 401);
    assert_eq!(ask(&service, "HUNTER2", &format!("/{SECRET}"), &token, "", bare), 404);
    assert_eq!(ask(&service, "GET", "/mcp-servers?agent_scope=link", &token, "", bare), 503);
    service.terminate();
    let (status, log) = service.wait();
    assert!(status.success() && complaints(&log).is_empty(), "{log}");

    let requests = collector.requests(6);
    for request in &requests {
        assert_eq!(request["path"], "/v1/traces");
        assert_eq!(request["headers"]["content-type"], "application/x-protobuf");
        assert_eq!(request["headers"]["x-collector-key"], "for-the-collector");
        let body: Vec<u8> = serde_json::from_value(request["body"].clone()).unwrap();
        let all = format!("{}{}", String::from_utf8_lossy(&body), request["headers"]).to_lowercase();
        assert!(!all.contains(&token) && !all.contains(SECRET) && !all.contains("github"), "{all}");
    }
    let spans: Vec<_> = requests.iter().flat_map(|request| request["spans"].as_array().unwrap()).collect();
    for span in &spans {
        let resource = &span["resource"];
        assert_eq!(resource["service.name"], "scouts-catalog");
        assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(resource["deployment.environment.name"], "test");
        assert_eq!((&span["kind"], &span["state"]), (&json!("SPAN_KIND_SERVER"), &json!("")));
        assert!(span["took"].as_u64().unwrap() > 0, "{span}");
    }
    let of = |method: &str, status: u16, request_id: &str, more: &[(&str, &str)]| {
        let mut attributes = json!({
            "http.request.method": method,
            "http.response.status_code": status,
            "url.scheme": "http",
            "network.protocol.version": "1.1",
            "mcp_registry.request_id": request_id,
        });
        more.iter().for_each(|(name, value)| attributes[*name] = json!(value));
        attributes
    };
    let (route, scope) = (("http.route", "/mcp-servers"), ("mcp_registry.scope", "scout"));
    for (span, (name, attributes)) in spans.iter().zip([
        ("POST /mcp-servers", of("POST", 201, "r-1", &[route, scope])),
        ("GET /mcp-servers/{name}", of("GET", 200, "r-2", &[("http.route", "/mcp-servers/{name}"), scope])),
        ("GET /mcp-servers", of("GET", 403, "r-2", &[route])),
        ("GET /mcp-servers", of("GET", 401, "r-2", &[route])),
        ("HTTP", of("_OTHER", 404, "r-2", &[])),
        (
            "GET /mcp-servers",
            of("GET", 503, "r-2", &[route, ("mcp_registry.scope", "link"), ("error.type", "unavailable")]),
        ),
    ]) {
        assert_eq!((&span["name"], &span["attributes"]), (&json!(name), &attributes));
        let failed = attributes["http.response.status_code"] == 503;
        assert_eq!(span["status"], if failed { "STATUS_CODE_ERROR" } else { "STATUS_CODE_UNSET" }, "{span}");
        let parent = if attributes["mcp_registry.request_id"] == "r-1" { (TRACE, PARENT) } else { ("", "") };
        assert_eq!((span["trace"] == TRACE, &span["parent"]), (parent.0 == TRACE, &json!(parent.1)), "{span}");
    }
    Ok(())
}

/// Where nobody listens: what did is gone again.
fn nowhere() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

fn a_collector_that_is_not_there_is_told_of_once() {
    let world = World::new();
    let service = world.serve_in(&[(ENDPOINT, &nowhere()), ("OTEL_BSP_SCHEDULE_DELAY", "1")], &[]);
    // Each batch is tried several times.
    (0..20).for_each(|_| assert_eq!(service.ask("GET", "/healthz", "", "").0, 200));
    service.terminate();
    let (status, log) = service.wait();
    assert!(status.success(), "{log}");
    let complaints = complaints(&log);
    assert_eq!(complaints.len(), 1, "{log}");
    assert!(complaints[0]["url"].as_str().unwrap().ends_with("/v1/traces"), "{log}");
}

fn a_collector_that_says_nothing_holds_up_neither_requests_nor_the_stop() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let world = World::new();
    // Were a batch waited for, it would be told of as late, a minute from now.
    let service = world.serve_in(
        &[(ENDPOINT, &endpoint), ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"), ("OTEL_BSP_MAX_QUEUE_SIZE", "4")],
        &["--shutdown-timeout", "5m"],
    );
    (0..40).for_each(|_| assert_eq!(service.ask("GET", "/healthz", "", "").0, 200));
    service.terminate();
    let (status, log) = service.wait();
    assert!(status.success(), "{log}");
    let complaints = complaints(&log);
    assert_eq!(complaints.len(), 1, "{log}");
    assert_eq!(complaints[0]["error"], "some were still waiting when the service stopped");
}

fn nobody_is_contacted_where_it_is_switched_off() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let world = World::new();
    let service = world.serve_in(&[(ENDPOINT, &endpoint), ("OTEL_SDK_DISABLED", "true")], &[]);
    assert_eq!(service.ask("GET", "/healthz", "", "").0, 200);
    service.terminate();
    assert!(service.wait().0.success());
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

fn rule_11_spans_do_not_cross_the_network_in_the_clear() {
    let world = World::new();
    // It would not start in any case, but for another reason, and later.
    let mut command =
        world.command(&["serve", "--listen", "127.0.0.1:0", "--store", "filesystem:agents", "--tier", "3"]);
    let output = command.env(ENDPOINT, "http://collector.invalid:4318").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("in cleartext"), "{output:?}");
}

trials!(
    each_request_is_a_span,
    a_collector_that_is_not_there_is_told_of_once,
    a_collector_that_says_nothing_holds_up_neither_requests_nor_the_stop,
    nobody_is_contacted_where_it_is_switched_off,
    rule_11_spans_do_not_cross_the_network_in_the_clear,
);
