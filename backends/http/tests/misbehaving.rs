//! Catalogs that misbehave: whatever they do, a call ends, with the right kind, and says nothing that it
//! should not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{
    Session, always, builder, catalogs, context, entry, every_call, fit, name, plain, refused, run, with_body,
};
use mcp_registry_http::HttpBackend;
use mcp_registry_spec::{ErrorKind, McpServerRegistryBackend};
use mcp_registry_test_trials::{Tried, trials};
use serde_json::{Value, json};

use ErrorKind::{
    AlreadyInstalled, AuthRequired, Conflict, DescriptorInvalid, Forbidden, NotInRegistry, Unavailable, Unsupported,
};

/// How long is waited for a catalog that does not answer; all others get the usual time.
const SHORT: Duration = Duration::from_secs(1);
/// A backend that does not wait long for what will not come.
fn hasty(session: &Session, script: &Value) -> HttpBackend {
    let waits = ["hang", "trickle"].iter().any(|how| script.to_string().contains(how));
    if waits { session.builder().timeout(SHORT).build().unwrap() } else { session.open() }
}

fn c21_statuses_of_reads() -> Tried {
    for (status, list, load, retryable) in [
        (400, Unavailable, Unavailable, false),
        (401, AuthRequired, AuthRequired, false),
        (402, Unavailable, Unavailable, false),
        (403, Forbidden, Forbidden, false),
        (404, Unavailable, NotInRegistry, false),
        (405, Unavailable, Unavailable, false),
        (408, Unavailable, Unavailable, true),
        (409, Unavailable, Unavailable, false),
        (410, Unavailable, Unavailable, false),
        (412, Unavailable, Unavailable, false),
        (418, Unavailable, Unavailable, false),
        (422, Unavailable, Unavailable, false),
        (425, Unavailable, Unavailable, true),
        (429, Unavailable, Unavailable, true),
        (500, Unavailable, Unavailable, true),
        (502, Unavailable, Unavailable, true),
        (503, Unavailable, Unavailable, true),
        (599, Unavailable, Unavailable, true),
        (204, Unavailable, Unavailable, false),
        (206, Unavailable, Unavailable, false),
        (304, Unavailable, Unavailable, false),
    ] {
        // Whatever the body claims, the status decides.
        for answer in [json!({"status": status}), with_body(status, "nonsense", "token=hunter2 \u{1b}[2J")] {
            let session = always(answer)?;
            run(async {
                let backend = session.open();
                refused(backend.list().await, list, retryable);
                refused(backend.load_all().await, list, retryable);
                refused(backend.load(&name("a")).await, load, retryable);
                assert_eq!(session.log().len(), 3, "nothing is retried");
            });
        }
    }
    Ok(())
}

fn c21_statuses_of_writes() -> Tried {
    for (status, kinds, retryable) in [
        (202, [Unavailable; 3], false),
        (400, [Unavailable; 3], false),
        (401, [AuthRequired; 3], false),
        (403, [Forbidden; 3], false),
        (404, [Unavailable, NotInRegistry, NotInRegistry], false),
        (409, [AlreadyInstalled, Conflict, Conflict], false),
        (412, [Conflict; 3], false),
        (413, [Unavailable; 3], false),
        (428, [Unavailable; 3], false),
        (429, [Unavailable; 3], true),
        (500, [Unavailable; 3], true),
        (503, [Unavailable; 3], true),
        (307, [Unavailable; 3], false),
    ] {
        let answer = json!([{"status": status, "headers": [["Location", "/elsewhere"]]}]);
        let script = json!({
            "POST /mcp-servers": answer.clone(), "PUT /mcp-servers/a": answer.clone(), "DELETE /mcp-servers/a": answer,
        });
        let session = catalogs()?.scripted("tier2", script);
        run(async {
            let (backend, spec) = (session.open(), plain("a"));
            refused(backend.install(&spec, &context()).await, kinds[0], retryable);
            refused(backend.update(&spec, &spec.digest().unwrap(), &context()).await, kinds[1], retryable);
            refused(backend.uninstall(&spec.name, None, &context()).await, kinds[2], retryable);
            assert_eq!(session.log().len(), 1 + 3, "nothing is retried, no redirect of a write followed");
        });
    }
    Ok(())
}

fn c17_what_a_probe_finds() -> Tried {
    let probe = |capabilities: u16, options: Option<u16>| json!({"GET /capabilities": [{"status": capabilities}], "OPTIONS /mcp-servers": [{"status": options.unwrap_or(500)}]});
    for (script, kind, retryable) in [
        (probe(401, None), AuthRequired, false),
        (probe(403, None), Unavailable, false),
        (probe(400, None), Unavailable, false),
        (probe(429, None), Unavailable, true),
        (probe(500, None), Unavailable, true),
        (probe(204, None), Unavailable, false),
        (probe(404, Some(401)), AuthRequired, false),
        (probe(404, Some(403)), Unavailable, false),
        (probe(404, Some(410)), Unavailable, false),
        (probe(404, Some(503)), Unavailable, true),
        (json!({"GET /capabilities": [{"drop": "before"}]}), Unavailable, true),
        (json!({"GET /capabilities": [{"hang": true}]}), Unavailable, true),
        (json!({"GET /capabilities": [{"body": "<html>"}]}), DescriptorInvalid, false),
        (json!({"GET /capabilities": [{"body": "{\"tier\":4,\"wire_version\":\"1.0\"}"}]}), DescriptorInvalid, false),
        (json!({"GET /capabilities": [{"body": "{\"tier\":2,\"wire_version\":\"2.0\"}"}]}), Unsupported, false),
        (
            json!({"GET /capabilities": [{"body": "{\"tier\":2,\"wire_version\":\"token=hunter2\"}"}]}),
            Unsupported,
            false,
        ),
    ] {
        let session = catalogs()?.scripted("tier1", script.clone());
        run(async {
            let backend = hasty(&session, &script);
            let first = refused(backend.capabilities().await, kind, retryable);
            let asked = session.log().len();
            let results = futures(8, || async { backend.install(&plain("a"), &context()).await }).await;
            for result in results {
                assert_eq!(refused(result, kind, retryable), first, "{script}");
            }
            assert_eq!(session.log().len(), asked, "a failure is remembered");
            refused(backend.refresh_capabilities().await, kind, retryable);
            assert!(session.log().len() > asked, "a refresh asks all the same");
        });
    }
    Ok(())
}

/// The same call many times at once.
async fn futures<T>(count: usize, call: impl AsyncFn() -> T) -> Vec<T> {
    futures_util::future::join_all((0..count).map(|_| call())).await
}

fn c22_a_write_that_is_refused_though_it_was_offered() -> Tried {
    let full =
        json!({"tier": 2, "supports_install": true, "supports_uninstall": true, "wire_version": "1.0"}).to_string();
    let less = json!({"tier": 1, "wire_version": "1.0"}).to_string();
    const CALLERS: usize = 32;
    for (then, kind, retryable, said) in [
        (json!({"body": less}), Unsupported, false, &["tier 2", "tier 1"][..]),
        (json!({"body": full}), Unsupported, false, &["inconsistent server"]),
        (json!({"status": 503}), Unavailable, true, &["503"]),
        (json!({"status": 401}), Unavailable, false, &["token"]),
        (json!({"drop": "before"}), Unavailable, true, &[]),
    ] {
        let session = catalogs()?.scripted(
            "tier2",
            json!({
                "GET /capabilities": [{"body": full}, then],
                // It answers when all have asked: nobody begins with what another has learned.
                "POST /mcp-servers": [{"status": 201}, {"status": 201}, {"status": 405, "gather": 2 + CALLERS}],
            }),
        );
        run(async {
            let backend = session.open();
            for i in 0..2 {
                backend.install(&plain(&format!("ok-{i}")), &context()).await.unwrap();
            }
            let results = futures(CALLERS, || async { backend.install(&plain("a"), &context()).await }).await;
            for result in results {
                let text = refused(result, kind, retryable);
                assert!(said.iter().all(|word| text.contains(word)), "{text}");
            }
            assert_eq!(session.count("GET /capabilities"), 2, "one probe for all of them");
            assert_eq!(session.count("POST /mcp-servers"), 2 + CALLERS, "and no retry");
        });
    }
    Ok(())
}

fn c20_silence_trickles_and_dropped_connections_end() -> Tried {
    let body = json!({"servers": [entry("a")]}).to_string();
    for (answer, retryable) in [
        (json!({"hang": true}), true),
        (json!({"body": body, "trickle": 0.2}), true),
        (json!({"body": body, "trickle": 0.2, "status": 200, "chunked": true}), true),
        (json!({"drop": "before"}), true),
        (json!({"body": body, "more": 10}), true),
        (json!({"raw": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"}), true),
        (json!({"raw": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}), true),
        (json!({"raw": "SSH-2.0-OpenSSH_9.2\r\n"}), false),
        (json!({"raw": "\u{0}\u{1}\u{2}hunter2"}), false),
        (json!({"raw": ""}), true),
    ] {
        let session = always(answer.clone())?;
        run(async {
            let backend = hasty(&session, &answer);
            let error = backend.list().await.unwrap_err();
            assert_eq!(error.kind(), Unavailable, "{answer}: {error:?}");
            assert_eq!(error.is_retryable(), retryable, "{answer}: {error:?}");
            for (call, error) in every_call(&hasty(&session, &answer)).await {
                let error = error.unwrap_or_else(|| panic!("{call} succeeds with {answer}"));
                assert_eq!(error.kind(), Unavailable, "{call}: {error:?}");
                fit(&error);
            }
        });
    }
    // A status that has been told counts, however slowly the rest comes.
    let slow = always(json!({"status": 401, "body": "x".repeat(100), "trickle": 0.2}))?;
    let backend = slow.builder().timeout(SHORT * 3).build().unwrap();
    run(async { refused(backend.list().await, AuthRequired, false) });
    Ok(())
}

fn nobody_there() {
    run(async {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        refused(builder(&format!("http://127.0.0.1:{port}/")).build().unwrap().list().await, Unavailable, true);
        let nowhere = builder("https://catalog.invalid/").timeout(Duration::from_secs(5)).build().unwrap();
        refused(nowhere.list().await, Unavailable, true);
    });
}

fn c20_an_answer_that_is_too_large_is_given_up() -> Tried {
    const MANY: usize = 100 << 20;
    for answer in [
        json!({"body": " ", "repeat": MANY}),
        json!({"body": " ", "repeat": MANY, "chunked": true}),
        json!({"body": "", "more": MANY}),
    ] {
        let session = always(answer)?;
        run(async {
            let text = refused(session.open().list().await, Unavailable, false);
            assert!(text.contains("max_response"), "{text}");
        });
    }
    let fits = json!({"servers": []}).to_string();
    for (most, ok) in [(fits.len(), true), (fits.len() - 1, false)] {
        for chunked in [false, true] {
            let session = always(json!({"body": fits, "chunked": chunked}))?;
            let backend = session.builder().max_response(most).build().unwrap();
            assert_eq!(run(backend.list()).is_ok(), ok);
        }
    }
    // Compressed without having been asked for: it is not unpacked.
    let bomb = json!({"body": " ", "repeat": MANY, "gzip": true, "headers": [["Content-Encoding", "gzip"]]});
    let session = always(bomb)?;
    run(async { refused(session.open().list().await, DescriptorInvalid, false) });
    Ok(())
}

fn c19_redirects_of_reads_stay_within_the_origin() -> Tried {
    let catalogs = catalogs()?;
    let goal = catalogs.session("tier2");
    goal.seed("default", &entry("a"));
    let to = |location: String| {
        let answer = json!([{"status": 302, "headers": [["Location", location]]}]);
        catalogs.scripted("tier2", json!({"GET /mcp-servers": answer}))
    };
    let target = format!("/{}/mcp-servers?agent_scope=default", goal.name);
    run(async {
        for own in [target.clone(), format!("//127.0.0.1:{}{target}", goal.port)] {
            assert_eq!(to(own).open().list().await.unwrap().servers.len(), 1);
        }
        let asked = goal.log().len();
        let port = goal.port;
        for other in [
            format!("http://localhost:{port}{target}"),
            format!("http://127.0.0.1:{}{target}", catalogs.tls_port),
            format!("https://127.0.0.1:{}{target}", catalogs.tls_port),
            format!("http://me:hunter2@127.0.0.1:{port}{target}"),
            format!("http://127.0.0.1:{port}@evil.invalid/"),
            "http://hunter2@evil.invalid/?token=hunter2".to_owned(),
            "file:///etc/passwd".to_owned(),
            "http://".to_owned(),
        ] {
            refused(to(other).open().list().await, Unavailable, false);
        }
        assert_eq!(goal.log().len(), asked, "nobody else was asked");
        let nowhere = catalogs.scripted("tier2", json!({"GET /mcp-servers": [{"status": 302}]}));
        refused(nowhere.open().list().await, Unavailable, false);
        let around = json!({"status": 307, "headers": [["Location", "?agent_scope=default"]]});
        let circle = catalogs.scripted("tier2", json!({"*": [around]}));
        refused(circle.open().list().await, Unavailable, false);
        assert_eq!(circle.log().len(), 6, "five redirects, and no more");
    });
    Ok(())
}

trials!(
    c21_statuses_of_reads,
    c21_statuses_of_writes,
    c17_what_a_probe_finds,
    c22_a_write_that_is_refused_though_it_was_offered,
    c20_silence_trickles_and_dropped_connections_end,
    nobody_there,
    c20_an_answer_that_is_too_large_is_given_up,
    c19_redirects_of_reads_stay_within_the_origin,
);
