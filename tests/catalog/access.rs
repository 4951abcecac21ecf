//! Rules C24 to C27: who may come in, and how much they may ask.

use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::body::Bytes;
use http_body_util::StreamBody;
use mcp_registry::catalog::{Catalog, Log, Options};
use mcp_registry::wire::Tier;
use mcp_registry::{Backends, ErrorKind, OpenRequest, WriteContext};
use mcp_registry_store::{Role, ScopeSet};

use crate::service::{Ask, SCOUT, Service, entry, reply};

#[tokio::test]
async fn rule_c24_a_tier_needs_a_storage_that_can() {
    let service = Service::on_folders(Options::default()).await;
    let mut options = Options::default();
    options.tier = Some(Tier::Audit);
    let request = OpenRequest::new(&service.locator);
    let log = Log::to(std::io::sink()).unwrap();
    let (name, tokens, governance) = (request.locator.clone(), service.tokens.clone(), service.governance.clone());
    let opened = Catalog::open(Backends::linked(), request, &name, tokens, governance, options, log).await;
    let refused = opened.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::ConfigInvalid);
    assert!(refused.to_string().contains("audit"), "{refused}");
}

#[tokio::test]
async fn rule_c25_without_a_valid_token_nothing_is_answered() {
    let service = Service::new().await;
    let over = SystemTime::now() + Duration::from_secs(1);
    let over = service.tokens.create("over", Role::Admin, &ScopeSet::All, Some(over), None).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let guess = format!("{}0", &service.reader[..service.reader.len() - 1]);
    let guess = if guess == service.reader { format!("{}1", &guess[..guess.len() - 1]) } else { guess };
    for authorization in [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(format!("Basic {}", service.reader)),
        Some(service.reader.clone()),
        Some(format!("Bearer {guess}")),
        Some(format!("Bearer {}", over.expose())),
        Some(format!("Bearer {}", "x".repeat(4096))),
    ] {
        for (method, path) in [
            ("GET", SCOUT),
            ("GET", "/mcp-servers/a?agent_scope=scout"),
            ("POST", SCOUT),
            ("DELETE", "/mcp-servers/a?agent_scope=scout"),
            ("GET", "/capabilities"),
            ("OPTIONS", "/mcp-servers"),
            ("GET", "/audit?agent_scope=scout"),
            ("GET", "/scopes"),
        ] {
            let ask = Ask::new(method, path).json(entry("a"));
            let ask = match &authorization {
                Some(value) => ask.header("authorization", value),
                None => ask,
            };
            let refused = service.ask(ask).await;
            assert_eq!(refused.refusal(), (401, "auth_required".to_owned()), "{method} {path} {authorization:?}");
            assert!(refused.header("www-authenticate").starts_with("Bearer"));
        }
    }
    let twice = Ask::new("GET", SCOUT).token(&service.reader).token(&service.reader);
    assert_eq!(service.ask(twice).await.status, 401);
}

#[tokio::test]
async fn rule_c25_another_scope_is_forbidden_whether_it_is_there_or_not() {
    let service = Service::new().await;
    let spec = serde_json::from_str(&entry("a")).unwrap();
    service.storage("other").install(&spec, &WriteContext::new()).await.unwrap();
    for (method, path) in [
        ("GET", "/mcp-servers?agent_scope=SCOPE"),
        ("GET", "/mcp-servers/a?agent_scope=SCOPE"),
        ("GET", "/mcp-servers/a/validate?agent_scope=SCOPE"),
        ("POST", "/mcp-servers?agent_scope=SCOPE"),
        ("PUT", "/mcp-servers/a?agent_scope=SCOPE"),
        ("DELETE", "/mcp-servers/a?agent_scope=SCOPE"),
        ("GET", "/audit?agent_scope=SCOPE"),
    ] {
        let ask = |scope: &str| {
            Ask::new(method, &path.replace("SCOPE", scope))
                .token(&service.admin)
                .header("if-match", "*")
                .header("x-request-id", "same")
                .json(entry("a"))
        };
        let (there, not) = (service.ask(ask("other")).await, service.ask(ask("nowhere")).await);
        assert_eq!(there.refusal(), (403, "forbidden".to_owned()), "{method} {path}");
        assert_eq!((there.status, there.headers, there.text), (not.status, not.headers, not.text), "{method} {path}");
    }
}

#[tokio::test]
async fn rule_c25_a_role_allows_so_much() {
    let service = Service::new().await;
    let asks = |token: &str| {
        let write =
            |method: &str, path: &str| Ask::new(method, path).token(token).header("if-match", "*").json(entry("a"));
        [
            Ask::new("GET", SCOUT).token(token),
            write("POST", SCOUT),
            write("PUT", "/mcp-servers/a?agent_scope=scout"),
            write("DELETE", "/mcp-servers/a?agent_scope=scout"),
            Ask::new("GET", "/audit?agent_scope=scout").token(token),
        ]
    };
    for (token, statuses) in [
        (&service.reader, [200, 403, 403, 403, 403]),
        (&service.requester, [200, 403, 403, 403, 403]),
        (&service.approver, [200, 403, 403, 403, 403]),
        (&service.writer, [200, 201, 200, 204, 403]),
        (&service.admin, [200, 201, 200, 204, 200]),
    ] {
        let mut found = Vec::new();
        for ask in asks(token) {
            found.push(service.ask(ask).await.status.as_u16());
        }
        assert_eq!(found, statuses);
    }
    let offered = async |token: &str| service.ask(Ask::new("GET", "/capabilities").token(token)).await.json();
    let to_reader = offered(&service.reader).await;
    assert_eq!(offered(&service.requester).await, to_reader);
    assert_eq!(offered(&service.approver).await, to_reader);
    assert_ne!(offered(&service.writer).await, to_reader);
}

#[tokio::test]
async fn rule_c25_a_revoked_token_is_refused_within_a_second() {
    let service = Service::new().await;
    assert_eq!(service.get(SCOUT).await.status, 200);
    assert!(service.tokens.revoke("reader").await.unwrap());
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(service.get(SCOUT).await.status, 401);
}

#[tokio::test]
async fn rule_c26_without_tokens_reads_only_and_told_so() {
    let mut options = Options::default();
    options.anonymous_reads = true;
    let service = Service::with(options).await;
    for path in [SCOUT, "/mcp-servers?agent_scope=other", "/capabilities", "/scopes"] {
        assert_eq!(service.ask(Ask::new("GET", path)).await.status, 200, "{path}");
    }
    assert_eq!(service.ask(Ask::new("POST", SCOUT).json(entry("a"))).await.refusal(), (403, "forbidden".to_owned()));
    assert_eq!(service.ask(Ask::new("GET", "/audit?agent_scope=scout")).await.status, 403);
    assert_eq!(service.ask(Ask::new("GET", SCOUT).token("wrong")).await.status, 401);
    assert_eq!(service.install(&entry("a")).await.status, 201, "a token is worth what it is worth");
}

#[tokio::test]
async fn rule_c26_a_web_page_cannot_reach_it() {
    let mut options = Options::default();
    options.local_only = true;
    let service = Service::with(options).await;
    let ask = |method: &str, path: &str| Ask::new(method, path).token(&service.writer).json(entry("a"));
    for path in [SCOUT, "/healthz", "/metrics", "/openapi.json", "/nope"] {
        for bad in ["evil.example", "evil.example:8750", "10.0.0.1"] {
            assert_eq!(service.ask(ask("GET", path).header("host", bad)).await.status, 403, "{path} {bad}");
        }
        assert_eq!(service.ask(ask("GET", path)).await.status, 403, "{path} without a host");
        let other = ask("GET", path).header("host", "localhost:8750").header("origin", "https://evil.example");
        assert_eq!(service.ask(other).await.status, 403, "{path}");
    }
    for (origin, status) in [("http://evil.example", 403), ("null", 403), ("http://localhost:8750", 201)] {
        let write = ask("POST", SCOUT).header("host", "localhost:8750").header("origin", origin);
        assert_eq!(service.ask(write).await.status, status, "{origin}");
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let write = Ask::new("POST", SCOUT)
            .token(&service.writer)
            .header("host", "localhost")
            .header("content-type", content_type)
            .body(Body::from(entry("b")));
        assert_eq!(service.ask(write).await.refusal(), (415, "invalid_spec".to_owned()), "{content_type}");
    }
}

#[tokio::test]
async fn rule_c27_a_body_has_at_most_a_mebibyte() {
    let service = Service::new().await;
    let refused = service.install(&" ".repeat((1 << 20) + 1)).await;
    assert_eq!(refused.refusal(), (413, "invalid_spec".to_owned()));
    // Of a length that nobody says.
    let chunks = (0..3).map(|_| Ok::<_, std::io::Error>(hyper_frame(&" ".repeat(1 << 19))));
    let body = Body::new(StreamBody::new(futures(chunks)));
    let ask = Ask::new("POST", SCOUT).token(&service.writer).header("content-type", "application/json").body(body);
    assert_eq!(service.ask(ask).await.status, 413);
    let whole = format!("{}{}", entry("a"), " ".repeat((1 << 20) - entry("a").len()));
    assert_eq!(service.install(&whole).await.status, 201);
}

fn hyper_frame(text: &str) -> hyper::body::Frame<Bytes> {
    hyper::body::Frame::data(Bytes::from(text.to_owned()))
}

/// A stream of what is there already.
fn futures<T>(items: impl Iterator<Item = T>) -> impl futures_util::Stream<Item = T> {
    futures_util::stream::iter(items)
}

#[tokio::test]
async fn rule_c27_a_body_that_does_not_arrive_is_not_waited_for() {
    let service = Service::new().await;
    assert_eq!(service.ask(Ask::new("GET", SCOUT).token(&service.writer)).await.status, 200);
    // From here on, time passes as fast as somebody waits for it: the token is known already.
    tokio::time::pause();
    let body = Body::new(StreamBody::new(futures_util::stream::pending::<
        Result<hyper::body::Frame<Bytes>, std::io::Error>,
    >()));
    let ask = Ask::new("POST", SCOUT).token(&service.writer).header("content-type", "application/json").body(body);
    assert_eq!(service.ask(ask).await.refusal(), (408, "unavailable".to_owned()));
}

#[tokio::test]
async fn rule_c27_each_token_has_its_own_rate() {
    let mut options = Options::default();
    options.rate = NonZeroU32::new(1);
    let service = Service::with(options).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(service.get("/capabilities").await.status.as_u16());
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    let refused = service.get("/capabilities").await;
    assert_eq!((refused.refusal(), refused.header("retry-after")), ((429, "unavailable".to_owned()), "1"));
    assert_eq!(refused.json()["error"]["retryable"], true);
    assert_eq!(service.ask(Ask::new("GET", "/capabilities").token(&service.writer)).await.status, 200);
    assert_eq!(reply(&service.router, Ask::new("GET", "/healthz")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rule_9_of_200_installs_at_once_one_wins() {
    let service = Service::new().await;
    let asks = (0..200).map(|_| service.install(r#"{"name":"a","command":"npx"}"#));
    let statuses: Vec<_> = futures_util::future::join_all(asks).await.iter().map(|r| r.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 199);
}
