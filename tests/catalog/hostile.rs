//! Rules C12 and C27 to C30 against those who would use the service up, look behind it, or leave no trace.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::FutureExt;
use mcp_registry::catalog::{Catalog, Log, Options, router};
use mcp_registry::{Backends, Locator, OpenRequest};
use mcp_registry_store::{Store, Tokens};
use serde_json::Value;
use tower::ServiceExt;

use crate::running::{World, request};
use crate::service::{Ask, SCOUT, Service, entry, reply};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn last(&self, log: &Log) -> Value {
        log.flush(Duration::from_secs(60));
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        serde_json::from_str(text.lines().last().unwrap_or("null")).unwrap()
    }
}

/// A service on the storage of another, whose log is kept.
async fn logged(service: &Service, tokens: &Tokens) -> (Catalog, Log, Lines) {
    let lines = Lines::default();
    let log = Log::to(lines.clone()).unwrap();
    let store = OpenRequest::new(&service.locator);
    let (name, tokens, governance) = (store.locator.clone(), tokens.clone(), service.governance.clone());
    let catalog = Catalog::open(Backends::linked(), store, &name, tokens, governance, Options::default(), log.clone());
    (catalog.await.unwrap(), log, lines)
}

async fn misses(service: &Service) -> u64 {
    let metrics = service.ask(Ask::new("GET", "/metrics")).await.text;
    let line = metrics.lines().find_map(|line| line.strip_prefix("mcp_registry_cache_misses_total ")).unwrap();
    line.parse().unwrap()
}

#[tokio::test]
async fn rule_c28_whatever_window_is_asked_for_the_storage_is_read_once() {
    let service = Service::new().await;
    for n in 0..10 {
        assert_eq!(service.install(&entry(&format!("s{n}"))).await.status, 201);
    }
    for expand in ["", "&expand=spec"] {
        let before = misses(&service).await;
        for n in 0..50 {
            let page = service.get(&format!("{SCOUT}{expand}&limit={}&cursor=s3-{n}", 1 + n % 3)).await;
            assert_eq!(page.json()["servers"][0]["name"], "s4");
            assert_eq!(page.header("content-length"), page.text.len().to_string());
        }
        assert_eq!(misses(&service).await, before + 1);
    }
}

#[tokio::test]
async fn rule_c13_a_page_has_a_validator_of_its_own() {
    let service = Service::new().await;
    for name in ["a", "b", "c"] {
        service.install(&entry(name)).await;
    }
    let paths = ["", "&limit=1", "&limit=2", "&cursor=a", "&limit=1&cursor=a"].map(|window| format!("{SCOUT}{window}"));
    let mut seen = std::collections::BTreeSet::new();
    for path in &paths {
        let tag = service.get(path).await.header("etag").to_owned();
        let again = Ask::new("GET", path).token(&service.reader).header("if-none-match", &tag);
        let again = service.ask(again).await;
        assert_eq!((again.status.as_u16(), again.header("etag"), &*again.text), (304, &*tag, ""), "{path}");
        assert!(seen.insert(tag), "{path}");
    }
    service.install(&entry("d")).await;
    for path in &paths {
        assert!(!seen.contains(service.get(path).await.header("etag")), "{path}");
    }
}

#[tokio::test]
async fn rule_c12_whoever_has_no_token_learns_nothing_of_where_tokens_are() {
    let service = Service::new().await;
    // A folder is no database.
    let folder = service.folder.path().display().to_string();
    let none = Locator::new(&format!("sqlite:{folder}"));
    let tokens = Tokens::new(Store::new(&none, mcp_registry_store::Options::default()).unwrap());
    let (catalog, log, lines) = logged(&service, &tokens).await;
    let refused = reply(&router(catalog), Ask::new("GET", SCOUT).token(&service.reader)).await;
    assert_eq!(refused.refusal(), (503, "unavailable".to_owned()));
    assert_eq!(refused.json()["error"]["message"], "the token cannot be looked up now");
    let told = lines.last(&log)["message"].as_str().unwrap().to_owned();
    assert!(told.contains(&folder), "whoever runs it must know: {told}");
}

#[tokio::test]
async fn rule_c27_a_head_has_at_most_64_kibibytes() {
    let service = Service::new().await;
    for (length, status) in [(60_000, 200), (66_000, 431), (90_000, 431)] {
        let ask = Ask::new("GET", SCOUT).token(&service.reader).header("x-long", &"x".repeat(length));
        assert_eq!(service.ask(ask).await.status, status, "{length}");
    }
    let long = format!("/healthz?{}", "x".repeat(65_000));
    assert_eq!(service.ask(Ask::new("GET", &long).header("x-long", &"x".repeat(1000))).await.status, 431);
}

#[tokio::test]
async fn rule_c30_a_read_whose_client_goes_away_has_its_line() {
    let service = Service::new().await;
    let (catalog, log, lines) = logged(&service, &service.tokens).await;
    let router = router(catalog);
    // A token has to be looked up first; where that is done at once, by chance, the next one is asked for.
    let left = (0..1000).any(|number| {
        let token = format!("mcpr_{number:016x}_{}", "0".repeat(64));
        let ask = Request::get(SCOUT).header("authorization", format!("Bearer {token}"));
        Box::pin(router.clone().oneshot(ask.body(Body::empty()).unwrap())).as_mut().now_or_never().is_none()
    });
    assert!(left, "every token was looked up at once");
    let line = lines.last(&log);
    assert_eq!(
        (&line["status"], &line["route"], &line["method"]),
        (&499.into(), &"/mcp-servers".into(), &"GET".into())
    );
    let metrics = reply(&router, Ask::new("GET", "/metrics")).await.text;
    assert!(metrics.contains("{route=\"/mcp-servers\",method=\"GET\",status=\"499\"} 1"), "{metrics}");
}

#[tokio::test]
async fn rule_c30_a_write_whose_client_goes_away_has_its_line_before_the_service_ends() {
    let service = Service::new().await;
    let (catalog, log, lines) = logged(&service, &service.tokens).await;
    let (rest, arriving) = tokio::sync::oneshot::channel::<Bytes>();
    let ask = Request::post(SCOUT).header("authorization", format!("Bearer {}", service.writer));
    let body = Body::from_stream(futures_util::stream::once(arriving));
    let ask = ask.header("content-type", "application/json").body(body).unwrap();
    let mut asked = Box::pin(router(catalog.clone()).oneshot(ask));
    assert!(asked.as_mut().now_or_never().is_none(), "its body must arrive first");
    drop(asked);
    let closing = tokio::time::timeout(Duration::from_millis(50), catalog.close()).await;
    assert!(closing.is_err(), "it is waited for");
    rest.send(Bytes::from(entry("a"))).unwrap();
    catalog.close().await.unwrap();
    let line = lines.last(&log);
    assert_eq!((&line["status"], &line["token"]), (&201.into(), &"writer".into()), "{line}");
}

#[test]
fn rule_c30_a_method_that_nobody_knows_does_not_fill_the_log() {
    let world = World::new();
    let service = world.serve(&["--allow-anonymous-reads"]);
    let method = "X".repeat(50_000);
    assert_eq!(service.ask(&method, "/healthz", "", "").0, 405);
    service.terminate();
    let (_, log) = service.wait();
    assert!(log.contains("\"method\":\"other\"") && log.len() < 1000, "{} bytes", log.len());
}

#[test]
fn rule_c27_idle_connections_leave_the_storage_its_descriptors() {
    let world = World::new();
    let writer = world.done(&["token", "create", "--scope", "scout", "--role", "writer"]);
    let service = world.serve_within(96);
    let mut first = service.connect();
    let ask = |method: &str, body: &str| request(method, SCOUT, &writer, body).replacen("connection: close\r\n", "", 1);
    // It has its connection, and the storage is not open yet.
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut said = [0; 12];
    first.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 200");
    let mut idle: Vec<_> = (0..200).map(|_| service.connect()).collect();
    // More than the soft limit it was started with.
    for stream in idle.iter_mut().take(40) {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        stream.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"HTTP/1.1 200");
    }
    first.write_all(ask("POST", &entry("a")).as_bytes()).unwrap();
    first.write_all(request("GET", SCOUT, &writer, "").as_bytes()).unwrap();
    let mut rest = String::new();
    first.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("HTTP/1.1 201") && rest.contains("HTTP/1.1 200"), "{rest}");
    assert!(!rest.contains("HTTP/1.1 5"), "{rest}");
}

#[test]
fn rule_c29_whoever_does_not_take_an_answer_is_waited_for_until_the_deadline() {
    let world = World::new();
    let service = world.serve(&["--allow-anonymous-reads", "--shutdown-timeout", "200ms"]);
    let mut stalled = service.connect();
    stalled.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // Until the service takes no more, since its answers are not taken.
    while stalled.write_all(&b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100)).is_ok() {}
    service.terminate();
    let (status, log) = service.wait();
    assert_eq!(status.code(), Some(1), "{}", log.lines().last().unwrap_or_default());
    assert!(log.contains("in flight"));
}

#[test]
fn rule_c25_a_token_for_one_folder_of_agents_is_none_for_another() {
    let world = World::new();
    for folder in ["a", "b"] {
        std::fs::create_dir(world.path().join(folder)).unwrap();
    }
    let token = world.done(&["token", "create", "--store", "filesystem:a", "--scope", "scout", "--role", "reader"]);
    let absolute = format!("filesystem:{}/", world.path().join("a").display());
    for (store, status) in [("filesystem:a", 200), ("filesystem:b/../a", 200), (&*absolute, 200), ("filesystem:b", 401)]
    {
        let service = world.serve(&["--store", store]);
        assert_eq!(service.ask("GET", SCOUT, &token, "").0, status, "{store}");
    }
}
