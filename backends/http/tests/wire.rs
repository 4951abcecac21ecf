//! What goes over the wire, to a catalog by another hand that behaves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;

use common::{
    Session, TOKEN, builder, catalogs, context, entry, every_call, fit, name, plain, refused, run, scope, spec,
};
use mcp_registry_http::HttpBackend;
use mcp_registry_spec::{
    AuditAction, Capabilities, ErrorKind, FixedEnvironment, Literals, McpServerRegistry, McpServerRegistryBackend,
    OpenRequest, Secret,
};
use mcp_registry_test_trials::{Tried, trials};
use serde_json::json;

/// What is not offered: no request is made for it.
async fn assert_reads_only(session: &Session, backend: &HttpBackend) {
    let capabilities = backend.capabilities().await.unwrap();
    assert_eq!(capabilities, backend.declared());
    let (one, digest) = (plain("one"), plain("one").digest().unwrap());
    refused(backend.install(&one, &context()).await, ErrorKind::Unsupported, false);
    refused(backend.update(&one, &digest, &context()).await, ErrorKind::Unsupported, false);
    refused(backend.uninstall(&one.name, None, &context()).await, ErrorKind::Unsupported, false);
    refused(backend.audit(0, 1).await, ErrorKind::Unsupported, false);
    refused(backend.scopes().await, ErrorKind::Unsupported, false);
    assert_eq!(backend.revision().await.unwrap(), None);
    assert!(session.log().iter().all(|line| line.starts_with("GET ") || line.starts_with("OPTIONS ")));
}

fn a_catalog_of_the_first_tier_is_read() -> Tried {
    let plain_script = json!({});
    let refusing = json!({"OPTIONS /mcp-servers": [{"status": 405}]});
    let few = json!({"OPTIONS /mcp-servers": [{"status": 200, "headers": [["Allow", "GET, POST, HEAD"]]}]});
    for script in [plain_script, refusing, few] {
        let session = catalogs()?.scripted("tier1", script);
        session.seed("default", &entry("b"));
        session.seed("default", &entry("a"));
        run(async {
            let backend = session.open();
            let listing = backend.list().await.unwrap();
            let names: Vec<_> = listing.servers.iter().map(|server| server.name.as_str()).collect();
            assert_eq!(names, ["a", "b"]);
            let source = format!("{}mcp-servers/a?agent_scope=default", session.url());
            assert_eq!(listing.servers[0].source, source, "what the catalog says of it does not count");
            assert_eq!(backend.load(&name("a")).await.unwrap(), plain("a"));
            refused(backend.load(&name("c")).await, ErrorKind::NotInRegistry, false);
            assert_eq!(session.count("GET /capabilities"), 0, "reads need no probe");
            assert_reads_only(&session, &backend).await;
        });
    }
    Ok(())
}

fn c23_a_catalog_that_does_not_validate_is_told_of() -> Tried {
    let session = catalogs()?.session("tier1");
    session.seed("default", &entry("a"));
    session.seed("default", &entry("b"));
    run(async {
        let backend = session.open();
        let result = backend.validate(&name("a")).await.unwrap();
        assert!(!result.is_ok() && result.errors[0].contains("does not validate"), "{result:?}");
        let all = backend.validate_all().await.unwrap();
        assert_eq!(all, [result, backend.validate(&name("b")).await.unwrap()]);
        assert_eq!(session.count("GET /mcp-servers/b/validate"), 1, "asked for alone, and not among all");
    });
    Ok(())
}

fn c17_allow_says_what_can_be_written() -> Tried {
    let session = catalogs()?.session("options");
    run(async {
        let backend = session.open();
        let mut expected = Capabilities::read_write();
        expected.supports_capability_handshake = true;
        assert_eq!(backend.capabilities().await.unwrap(), expected);
        let (old, mut new) = (plain("one"), plain("one"));
        new.description = "new".to_owned();
        let line = backend.install(&old, &context()).await.unwrap();
        assert_eq!(line, backend.list().await.unwrap().servers[0]);
        refused(backend.install(&old, &context()).await, ErrorKind::AlreadyInstalled, false);
        refused(backend.update(&new, &new.digest().unwrap(), &context()).await, ErrorKind::Conflict, false);
        backend.update(&new, &old.digest().unwrap(), &context()).await.unwrap();
        refused(
            backend.update(&plain("none"), &old.digest().unwrap(), &context()).await,
            ErrorKind::NotInRegistry,
            false,
        );
        let stale = old.digest().unwrap();
        refused(backend.uninstall(&old.name, Some(&stale), &context()).await, ErrorKind::Conflict, false);
        backend.uninstall(&old.name, None, &context()).await.unwrap();
        backend.uninstall(&old.name, Some(&stale), &context()).await.unwrap();
        assert_eq!(session.count("GET /capabilities") + session.count("OPTIONS /mcp-servers"), 2);
        assert_eq!(backend.revision().await.unwrap(), None, "it does not speak the whole wire");
    });
    Ok(())
}

fn c19_the_token_and_the_request_id_are_headers_and_no_cookie_is_kept() -> Tried {
    let cookie = json!([{"body": "{\"servers\":[]}", "headers": [["Set-Cookie", "session=x"]]}]);
    let session = catalogs()?.scripted("tier2", json!({"GET /mcp-servers": cookie}));
    run(async {
        let backend = session.builder().scope(scope("a+b")).build().unwrap();
        backend.list().await.unwrap();
        backend.list().await.unwrap();
        backend.install(&plain("x"), &context().actor("me").request_id("r-1")).await.unwrap();
        backend.uninstall(&name("x"), None, &context().request_id("r\n2")).await.unwrap();
        for request in session.requests() {
            let headers = &request["headers"];
            assert_eq!(headers["authorization"], format!("Bearer {TOKEN}"));
            assert!(headers.get("cookie").is_none() && headers.get("accept-encoding").is_none(), "{request}");
            assert!(!request["target"].as_str().unwrap().contains(TOKEN));
            let id = (request["method"] == "POST").then_some(json!("r-1"));
            assert_eq!(headers.get("x-request-id"), id.as_ref(), "{request}");
        }
        assert!(session.log().contains(&format!("POST /{}/mcp-servers?agent_scope=a%2Bb", session.name)));
    });
    Ok(())
}

fn c16_literals_are_refused_before_any_request() -> Tried {
    let session = catalogs()?.session("tier2");
    let literal = spec(json!({"name": "a", "command": "npx", "env": {"LOG_LEVEL": "debug"}}));
    run(async {
        let backend = session.open();
        let digest = literal.digest().unwrap();
        refused(backend.install(&literal, &context()).await, ErrorKind::InvalidSpec, false);
        refused(backend.update(&literal, &digest, &context()).await, ErrorKind::InvalidSpec, false);
        let handle = McpServerRegistry::new(Arc::new(session.open()));
        refused(handle.install(&literal, &context()).await, ErrorKind::InvalidSpec, false);
        refused(handle.update(&literal, &digest, &context()).await, ErrorKind::InvalidSpec, false);
        assert_eq!(session.log(), [""; 0]);
        let some = context().literals(Literals::AllowFields(["env.LOG_LEVEL".to_owned()].into()));
        backend.install(&literal, &some).await.unwrap();
        // Input comes before the transport.
        let insecure = builder("http://192.0.2.1/").build().unwrap();
        refused(insecure.install(&literal, &context()).await, ErrorKind::InvalidSpec, false);
    });
    Ok(())
}

fn rule_11_cleartext_to_elsewhere_is_refused_by_every_call() {
    run(async {
        let environment = |value: &str| Arc::new(FixedEnvironment::new().with("MCP_REGISTRY_ALLOW_HTTP", value));
        let url = "http://192.0.2.1:9/";
        for told in ["", "0", "true", "01", "1 ", " 1", "yes"] {
            let backend = builder(url).environment(environment(told)).build().unwrap();
            for (call, error) in every_call(&backend).await {
                let error = error.unwrap_or_else(|| panic!("{call} is not refused"));
                assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::InsecureTransport, false), "{call}");
                fit(&error);
            }
        }
        let short = std::time::Duration::from_millis(50);
        for allowed in [builder(url).environment(environment("1")), builder(url).allow_http(true)] {
            let backend = allowed.timeout(short).build().unwrap();
            assert_eq!(backend.list().await.unwrap_err().kind(), ErrorKind::Unavailable);
        }
        let decided = builder(url).build().unwrap().in_scope(&scope("other")).unwrap();
        refused(decided.list().await, ErrorKind::InsecureTransport, false);
    });
}

fn c18_loopback_is_not_looked_up_and_goes_past_proxies() -> Tried {
    let session = catalogs()?.session("tier1");
    let proxied = Arc::new(FixedEnvironment::new().with("http_proxy", "http://127.0.0.1:9").with("ALL_PROXY", "x://y"));
    run(async {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.1"] {
            let url = format!("http://{host}:{}/{}/", session.port, session.name);
            let backend = builder(&url).environment(proxied.clone()).build().unwrap();
            backend.list().await.unwrap();
            let backend = builder(&url).proxy(Secret::new("http://127.0.0.1:9".into())).build().unwrap();
            backend.list().await.unwrap();
        }
    });
    Ok(())
}

fn a_proxy_is_asked_instead_of_looking_the_name_up() -> Tried {
    let session = catalogs()?.session("tier1");
    session.seed("default", &entry("a"));
    run(async {
        let url = format!("http://catalog.invalid/{}/", session.name);
        let proxy = format!("http://me:hunter2@127.0.0.1:{}", session.port);
        let environment = Arc::new(FixedEnvironment::new().with("http_proxy", &*proxy));
        let backend = builder(&url).allow_http(true).environment(environment).build().unwrap();
        assert_eq!(backend.list().await.unwrap().servers.len(), 1);
        let asked = session.requests();
        assert!(asked[0]["target"].as_str().unwrap().starts_with("http://catalog.invalid/"), "{asked:?}");
        assert!(asked[0]["headers"]["proxy-authorization"].as_str().unwrap().starts_with("Basic "));
        let past = FixedEnvironment::new().with("http_proxy", proxy).with("NO_PROXY", "catalog.invalid");
        let past = builder(&url).allow_http(true).environment(Arc::new(past)).build().unwrap();
        refused(past.list().await, ErrorKind::Unavailable, true);
    });
    Ok(())
}

fn tls_is_verified() -> Tried {
    let session = catalogs()?.session("tier1");
    let catalogs = catalogs()?;
    run(async {
        let url = |host: &str| format!("https://{host}:{}/{}/", catalogs.tls_port, session.name);
        let unknown = refused(builder(&url("localhost")).build().unwrap().list().await, ErrorKind::Unavailable, false);
        assert!(unknown.contains("certificate"), "{unknown}");
        for host in ["localhost", "127.0.0.1"] {
            builder(&url(host)).ca_bundle(&catalogs.certificate).build().unwrap().list().await.unwrap();
        }
        let other = builder(&url("[::1]")).ca_bundle(&catalogs.certificate).build().unwrap().list().await;
        assert_eq!(other.unwrap_err().kind(), ErrorKind::Unavailable);
        let plain = format!("https://localhost:{}/", session.port);
        let no_tls = builder(&plain).ca_bundle(&catalogs.certificate).build().unwrap().list().await;
        refused(no_tls, ErrorKind::Unavailable, false);
        let missing = builder(&url("localhost")).ca_bundle("/nowhere/ca.pem").build().unwrap();
        assert!(refused(missing.list().await, ErrorKind::ConfigInvalid, false).contains("/nowhere/ca.pem"));
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/catalog.py");
        let no_pem = builder(&url("localhost")).ca_bundle(program).build().unwrap();
        refused(no_pem.list().await, ErrorKind::ConfigInvalid, false);
    });
    Ok(())
}

fn c23_load_all_is_one_request_or_one_a_page() -> Tried {
    let session = catalogs()?.session("tier2");
    let many: Vec<_> = (0..7).map(|i| format!("server-{i}")).collect();
    for name in &many {
        session.seed("default", &entry(name));
    }
    session.seed("default", &json!({"name": "broken"}));
    run(async {
        let whole = session.open().load_all().await.unwrap();
        assert_eq!((whole.len(), session.log().len()), (8, 1));
        assert_eq!(whole[0].result.as_ref().unwrap_err().kind(), ErrorKind::DescriptorInvalid);
        assert_eq!(whole[1].result.as_ref().unwrap(), &plain("server-0"));
        let paging = session.builder().page_size(3).build().unwrap();
        assert_eq!(paging.load_all().await.unwrap(), whole);
        assert_eq!(session.log().len(), 1 + 3);
        assert_eq!(paging.list().await.unwrap(), session.open().list().await.unwrap());
    });
    Ok(())
}

fn c23_a_catalog_that_does_not_expand_is_asked_for_each_entry() -> Tried {
    let session = catalogs()?.session("tier1");
    for i in 0..20 {
        session.seed("default", &entry(&format!("server-{i:02}")));
    }
    session.seed("default", &json!({"name": "broken"}));
    run(async {
        let backend = session.open();
        let all = backend.load_all().await.unwrap();
        assert_eq!(session.log().len(), 1 + 20);
        for loaded in &all {
            assert_eq!(loaded.result, backend.load(&loaded.name).await, "{}", loaded.name);
        }
    });
    Ok(())
}

fn scopes_share_what_is_known_of_the_catalog() -> Tried {
    let session = catalogs()?.session("tier3");
    session.seed("a", &entry("x"));
    session.seed("b", &entry("y"));
    run(async {
        let a = session.builder().scope(scope("a")).build().unwrap();
        let b = a.in_scope(&scope("b")).unwrap();
        let (of_a, of_b) = tokio::join!(a.capabilities(), b.capabilities());
        assert_eq!(of_a.unwrap(), of_b.unwrap());
        assert_eq!(session.count("GET /capabilities"), 1);
        assert_eq!(b.list().await.unwrap().servers[0].name, name("y"));
        a.close().await.unwrap();
        assert_eq!(b.scopes().await.unwrap(), [scope("a"), scope("b")]);
        assert_eq!(b.backend_id(), "http");
    });
    Ok(())
}

fn c44_the_agents_own_list_comes_from_the_catalog() -> Tried {
    let of = async |kind: &str, of: &str| {
        let session = catalogs().unwrap().session(kind);
        session.builder().scope(scope(of)).build().unwrap().allowed_commands().await.unwrap()
    };
    catalogs()?;
    run(async {
        assert_eq!(of("tier3", "own").await, Some(vec!["deno".to_owned()]));
        assert_eq!(of("tier3", "other").await, None);
        assert_eq!(of("tier2", "own").await, None, "it is not claimed");
    });
    Ok(())
}

fn the_audit_is_read_page_by_page() -> Tried {
    let session = catalogs()?.session("tier3");
    run(async {
        let backend = session.open();
        for i in 0..5 {
            backend.install(&plain(&format!("s{i}")), &context().request_id(format!("r{i}"))).await.unwrap();
        }
        let all = backend.audit(0, usize::MAX).await.unwrap();
        assert_eq!(all.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!((all[1].action, all[1].request_id.as_deref()), (AuditAction::Install, Some("r1")));
        assert_eq!(all[1].after, Some(plain("s1").digest().unwrap()));
        assert_eq!(backend.audit(3, 1).await.unwrap(), &all[3..4]);
        assert_eq!(backend.audit(5, 10).await.unwrap(), []);
        assert_eq!(backend.audit(0, 0).await.unwrap(), []);
    });
    Ok(())
}

fn the_registration_opens_it() -> Tried {
    use mcp_registry_http as _;
    use mcp_registry_spec::Backends;
    let session = catalogs()?.session("tier2");
    session.seed("scout", &entry("a"));
    run(async {
        let request = OpenRequest::new(&format!("{}?agent_scope=scout", session.url()))
            .option("auth_token", TOKEN)
            .option("timeout", "5")
            .environment(Arc::new(FixedEnvironment::new()));
        let registry = Backends::linked().open(&request).unwrap();
        assert_eq!(registry.backend_id(), "http");
        assert_eq!(registry.list().await.unwrap().servers.len(), 1);
        assert!(!format!("{registry:?} {request:?}").contains(TOKEN));
        assert!(registry.capabilities().await.unwrap().supports_install);
        registry.close().await.unwrap();
        assert_eq!(Backends::linked().locator("http", Some("https://h/")), "https://h/");
    });
    Ok(())
}

trials!(
    a_catalog_of_the_first_tier_is_read,
    c23_a_catalog_that_does_not_validate_is_told_of,
    c17_allow_says_what_can_be_written,
    c19_the_token_and_the_request_id_are_headers_and_no_cookie_is_kept,
    c16_literals_are_refused_before_any_request,
    rule_11_cleartext_to_elsewhere_is_refused_by_every_call,
    c18_loopback_is_not_looked_up_and_goes_past_proxies,
    a_proxy_is_asked_instead_of_looking_the_name_up,
    tls_is_verified,
    c23_load_all_is_one_request_or_one_a_page,
    c23_a_catalog_that_does_not_expand_is_asked_for_each_entry,
    scopes_share_what_is_known_of_the_catalog,
    c44_the_agents_own_list_comes_from_the_catalog,
    the_audit_is_read_page_by_page,
    the_registration_opens_it,
);
