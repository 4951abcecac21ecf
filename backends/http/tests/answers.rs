//! Answers that are not what they should be: none is guessed at, and none shows what it should not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Session, TOKEN, always, catalogs, context, entry, fit, name, plain, refused, run, with_body};
use mcp_registry_spec::{ErrorKind, McpServerRegistryBackend};
use mcp_registry_test_trials::{Missing, Tried, trials};
use serde_json::json;

use ErrorKind::{
    AuthRequired, CommandNotAllowed, DescriptorInvalid, Forbidden, InvalidName, InvalidSpec, PathNotAllowed,
    Unavailable,
};

/// A catalog that answers the listing with that body.
fn listing(body: &str) -> Result<Session, Missing> {
    Ok(catalogs()?.scripted("tier2", json!({"GET /mcp-servers": [{"body": body}]})))
}

fn c21_what_the_body_of_an_error_says() -> Tried {
    for (kind, found) in [
        ("invalid_name", InvalidName),
        ("invalid_spec", InvalidSpec),
        ("descriptor_invalid", DescriptorInvalid),
        ("path_not_allowed", PathNotAllowed),
        ("command_not_allowed", CommandNotAllowed),
        ("not_in_registry", Unavailable),
        ("unavailable", Unavailable),
        ("made_up", Unavailable),
    ] {
        for status in [400, 422] {
            let words = format!("see \u{1b}[31m {TOKEN} https://me:hunter2@h/ {}", "long ".repeat(1000));
            let session = always(with_body(status, kind, &words))?;
            run(async {
                let text = refused(session.open().load(&name("a")).await, found, false);
                assert!(text.contains("see "), "{text}");
            });
        }
    }
    // What is not there is removed already, when it says so.
    let gone =
        catalogs()?.scripted("tier2", json!({"DELETE /mcp-servers/a": [with_body(404, "not_in_registry", "no")]}));
    run(async { gone.open().uninstall(&name("a"), None, &context()).await.unwrap() });
    Ok(())
}

fn c20_a_listing_that_never_ends_is_given_up() -> Tried {
    // Always another page, with nothing new on it.
    let empty = listing(r#"{"servers":[],"next_cursor":"more"}"#)?;
    let same = listing(r#"{"servers":[{"name":"a"}],"next_cursor":"more"}"#)?;
    for session in [empty, same] {
        run(async {
            refused(session.open().list().await, DescriptorInvalid, false);
            assert!(session.log().len() <= 2);
        });
    }
    // Always another page, with something new on it.
    let pages: Vec<_> = (0..200)
        .map(|i| json!({"body": json!({"servers": [{"name": format!("s{i}")}], "next_cursor": "more"}).to_string()}))
        .collect();
    let session = catalogs()?.scripted("tier2", json!({"GET /mcp-servers": pages}));
    run(async {
        let backend = session.builder().max_response(60).build().unwrap();
        let text = refused(backend.list().await, Unavailable, false);
        assert!(text.contains("max_response"), "{text}");
        assert!(session.log().len() < 10);
    });
    Ok(())
}

fn c20_the_answers_to_one_call_together_are_bounded() -> Tried {
    const MANY: usize = 20;
    let refs: Vec<_> = (0..MANY).map(|i| json!({"name": format!("s{i}")})).collect();
    let mut script = json!({"GET /mcp-servers": [{"body": json!({"servers": refs}).to_string()}]});
    for i in 0..MANY {
        let large = json!({"name": format!("s{i}"), "command": "x".repeat(400)});
        let remarks = json!({"ok": true, "warnings": ["x".repeat(400)]});
        script[format!("GET /mcp-servers/s{i}")] = json!([{"body": large.to_string()}]);
        script[format!("GET /mcp-servers/s{i}/validate")] = json!([{"body": remarks.to_string()}]);
    }
    let record = |seq: u64| {
        json!({"records": [{"seq": seq, "at": "2026-01-02T03:04:05Z", "actor": "x".repeat(200), "request_id": null,
               "action": "install", "scope": "default", "name": "a", "before": null, "after": null, "outcome": "done"}]})
    };
    let records: Vec<_> = (1..=MANY as u64).map(|seq| json!({"body": record(seq).to_string()})).collect();
    script["GET /audit"] = json!(records);
    let session = catalogs()?.scripted("tier3", script);
    run(async {
        let backend = session.builder().max_response(500).build().unwrap();
        let (held, refused_ones): (Vec<_>, Vec<_>) =
            backend.load_all().await.unwrap().into_iter().partition(|loaded| loaded.result.is_ok());
        assert!(!held.is_empty() && held.len() < 5, "{}", held.len());
        for loaded in refused_ones {
            refused(loaded.result, Unavailable, false);
        }
        refused(backend.validate_all().await, Unavailable, false);
        refused(backend.audit(0, MANY).await, Unavailable, false);
        assert!(backend.audit(0, 2).await.is_ok(), "each call has its own");
    });
    Ok(())
}

fn c21_what_is_no_listing() -> Tried {
    let deep = format!(r#"{{"servers":[],"x":{}1{}}}"#, "[".repeat(64), "]".repeat(64));
    let deeper = format!(r#"{{"servers":[],"x":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        "",
        "null",
        "[]",
        "hunter2",
        "<html>hunter2</html>",
        "{",
        "{}",
        r#"{"servers":null}"#,
        r#"{"servers":{}}"#,
        r#"{"servers":"hunter2"}"#,
        r#"{"servers":[1]}"#,
        r#"{"servers":["a"]}"#,
        r#"{"servers":[{}]}"#,
        r#"{"servers":[{"name":1}]}"#,
        r#"{"servers":[]}{"servers":[]}"#,
        r#"{"servers":[],"servers":[]}"#,
        r#"{"servers":[{"name":"a","name":"b"}]}"#,
        r#"{"servers":[{"name":"a","x":{"k":1,"k":2}}]}"#,
        r#"{"servers":[],"broken":{}}"#,
        r#"{"servers":[],"broken":[1]}"#,
        r#"{"servers":[],"next_cursor":1}"#,
        r#"{"servers":[{"name":"a"},{"name":"a"}]}"#,
        r#"{"servers":[{"name":"a"}],"broken":[{"name":"a","error":{}}]}"#,
        r#"{"servers":[{"name":"token=hunter2"}]}"#,
        r#"{"servers":[{"name":"https://me:hunter2@h/"}]}"#,
        r#"{"servers":[{"name":"../x"}]}"#,
        r#"{"servers":[{"name":".x"}]}"#,
        r#"{"servers":[{"name":""}]}"#,
        r#"{"servers":[{"name":"a\u0000"}]}"#,
        r#"{"servers":[{"name":"\u001b[2J\u202e"}]}"#,
        "{\"servers\":[{\"name\":\"\u{1b}\"}]}",
        r#"{"servers":[],"x":1e999}"#,
        r#"{"servers":[],"x":"\ud800"}"#,
        &deep,
        &deeper,
    ] {
        let session = listing(body)?;
        run(async {
            let backend = session.open();
            let text = refused(backend.list().await, DescriptorInvalid, false);
            assert!(text.contains(&format!("{}mcp-servers", session.url())), "{text}");
            refused(backend.load_all().await, DescriptorInvalid, false);
            refused(backend.validate_all().await, DescriptorInvalid, false);
        });
    }
    let not_utf_8 = always(json!({"raw": "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"servers\":[\"ÿ\"]}"}))?;
    run(async { refused(not_utf_8.open().list().await, DescriptorInvalid, false) });
    Ok(())
}

fn c21_an_entry_that_breaks_the_contract_is_broken_and_the_others_are_listed() -> Tried {
    let bad = [
        json!({"name": "b1", "command": "x", "url": "https://h"}),
        json!({"name": "b2", "command": "x", "transport": "pigeon"}),
        json!({"name": "b3", "command": "x", "env": {"A": "$HOME/hunter2"}}),
        json!({"name": "b4", "command": "x", "description": 7}),
        json!({"name": "b5", "command": "x", "masked": ["env.A"], "env": {"A": "***"}}),
        json!({"name": "b6", "command": "hunter2\u{0}"}),
    ];
    let told = json!({"name": "b7", "error": {"kind": "path_not_allowed", "message": "token=hunter2\u{1b}"}});
    let mute = json!({"name": "b8"});
    let odd = json!({"name": "b9", "error": {"kind": "unavailable", "message": "no", "retryable": true}});
    let servers: Vec<_> = std::iter::once(entry("a")).chain(bad.iter().cloned()).chain([entry("c")]).collect();
    let body = json!({"servers": servers, "broken": [told, mute, odd], "new": {"unknown": [true]}});
    let mut script = json!({"GET /mcp-servers": [{"body": body.to_string()}]});
    for entry in &bad {
        script[format!("GET /mcp-servers/{}", entry["name"].as_str().unwrap())] = json!([{"body": entry.to_string()}]);
    }
    let session = catalogs()?.scripted("tier2", script);
    run(async {
        let backend = session.open();
        let all = backend.load_all().await.unwrap();
        let names: Vec<_> = all.iter().map(|loaded| loaded.name.as_str()).collect();
        assert_eq!(names, ["a", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "c"]);
        for loaded in &all {
            match (loaded.name.as_str(), &loaded.result) {
                ("a" | "c", result) => assert_eq!(result.as_ref().unwrap(), &plain(loaded.name.as_str())),
                ("b7", Err(error)) => assert_eq!(error.kind(), PathNotAllowed),
                (_, Err(error)) => {
                    assert_eq!((error.kind(), error.is_retryable()), (DescriptorInvalid, false));
                    fit(error);
                }
                other => panic!("{other:?}"),
            }
        }
        for entry in &bad {
            let name = name(entry["name"].as_str().unwrap());
            let loaded = all.iter().find(|loaded| loaded.name == name).unwrap();
            assert_eq!(backend.load(&name).await, loaded.result, "rule 10");
        }
        let listing = backend.list().await.unwrap();
        assert_eq!(listing.names().len(), 11);
        for broken in &listing.broken {
            fit(&broken.error);
        }
    });
    Ok(())
}

fn what_is_no_entry_or_another_one() -> Tried {
    for body in
        ["", "[]", "{}", r#"{"name":"b","command":"x"}"#, r#"{"name":"../a","command":"x"}"#, r#"{"command":"x"}"#]
    {
        let session = always(json!({"body": body}))?;
        run(async {
            let text = refused(session.open().load(&name("a")).await, DescriptorInvalid, false);
            assert!(text.contains("/mcp-servers/a"), "{text}");
        });
    }
    Ok(())
}

fn what_is_no_validation_audit_scopes_or_commands() -> Tried {
    for body in ["", "[]", "{}", r#"{"ok":1}"#, r#"{"ok":true,"errors":"x"}"#, r#"{"ok":true,"errors":[1]}"#] {
        let session = always(json!({"body": body}))?;
        run(async { refused(session.open().validate(&name("a")).await, DescriptorInvalid, false) });
    }
    for (body, ok) in [
        (json!({"ok": true}), true),
        (json!({"ok": false}), false),
        (json!({"ok": true, "errors": ["bad"]}), false),
        (json!({"ok": false, "errors": null, "warnings": [format!("{TOKEN} \u{1b} token=hunter2")]}), false),
    ] {
        let session = always(json!({"body": body.to_string()}))?;
        let result = run(async { session.open().validate(&name("a")).await.unwrap() });
        assert_eq!(result.is_ok(), ok, "{body}");
        let shown = format!("{result:?} {:?}", result.warnings);
        assert!(!shown.contains("hunter2") && !result.warnings.iter().any(|w| w.contains('\u{1b}')), "{shown}");
    }
    let record = |seq: u64, scope: &str| {
        json!({"seq": seq, "at": "2026-01-02T03:04:05Z", "actor": null, "request_id": null, "action": "install",
               "scope": scope, "name": "a", "before": null, "after": null, "outcome": "done"})
    };
    for records in [
        json!(null),
        json!([1]),
        json!([{"seq": 1}]),
        json!([record(1, "other")]),
        json!([record(2, "default"), record(1, "default")]),
        json!([record(1, "default"), record(1, "default")]),
        json!([record(0, "default")]),
    ] {
        let script = json!({"GET /audit": [{"body": json!({"records": records}).to_string()}]});
        let session = catalogs()?.scripted("tier3", script);
        run(async { refused(session.open().audit(0, 10).await, DescriptorInvalid, false) });
    }
    for scopes in [json!({}), json!([1]), json!(["../x"]), json!(["a", "a"])] {
        let script = json!({"GET /scopes": [{"body": json!({"scopes": scopes}).to_string()}]});
        let session = catalogs()?.scripted("tier3", script);
        run(async { refused(session.open().scopes().await, DescriptorInvalid, false) });
    }
    for commands in [json!({}), json!([1]), json!("npx"), json!([TOKEN])] {
        let script = json!({"GET /allowed-commands": [{"body": json!({"allowed_commands": commands}).to_string()}]});
        let session = catalogs()?.scripted("tier3", script);
        run(async { refused(session.open().allowed_commands().await, DescriptorInvalid, false) });
    }
    let session = catalogs()?.scripted("tier3", json!({"GET /allowed-commands": [{"body": "{}"}]}));
    run(async { refused(session.open().allowed_commands().await, DescriptorInvalid, false) });
    Ok(())
}

fn c19_the_token_shows_nowhere_also_when_it_is_echoed() -> Tried {
    let echo = json!({"servers": [{"name": "a", "description": format!("you said {TOKEN}"), "source": TOKEN}]});
    let session = catalogs()?.scripted(
        "tier2",
        json!({
            "GET /mcp-servers": [{"body": echo.to_string()}],
            "GET /mcp-servers/a": [with_body(422, "descriptor_invalid", &format!("not with {TOKEN}")), with_body(503, "unavailable", TOKEN)],
        }),
    );
    run(async {
        let backend = session.open();
        let listing = backend.list().await.unwrap();
        assert!(!format!("{listing:?}").contains(TOKEN), "{listing:?}");
        refused(backend.load(&name("a")).await, DescriptorInvalid, false);
        refused(backend.load(&name("a")).await, Unavailable, true);
    });
    Ok(())
}

fn c19_a_token_that_was_refused_is_hidden_all_the_same() -> Tried {
    let echo = |status, kind| with_body(status, kind, &format!("the token {TOKEN} is unknown"));
    let refusals =
        [echo(401, "auth_required"), echo(401, "auth_required"), echo(403, "forbidden"), echo(500, "unavailable")];
    let session = catalogs()?.scripted("tier2", json!({"*": refusals}));
    run(async {
        let backend = session.open();
        refused(backend.list().await, AuthRequired, false);
        refused(backend.list().await, AuthRequired, false);
        refused(backend.list().await, Forbidden, false);
        refused(backend.list().await, Unavailable, true);
    });
    // Another one has come into the file meanwhile: the catalog still knows the first.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, TOKEN).unwrap();
    let session = catalogs()?.scripted("tier2", json!({"*": refusals}));
    run(async {
        let backend = session.builder().token_file(&path).build().unwrap();
        refused(backend.list().await, AuthRequired, false);
        std::fs::write(&path, "second").unwrap();
        refused(backend.list().await, AuthRequired, false);
        refused(backend.list().await, Forbidden, false);
    });
    Ok(())
}

fn c19_a_redirect_to_the_token_does_not_show_it() -> Tried {
    let catalogs = catalogs()?;
    let goal = catalogs.scripted("tier2", json!({"*": [{"status": 500}]}));
    let to = |location: String| {
        let answer = json!([{"status": 302, "headers": [["Location", location]]}]);
        catalogs.scripted("tier2", json!({"GET /mcp-servers": answer}))
    };
    // As it is, and as a host or a path may spell it.
    let token = ["hunter2-plain-word", "HUNTER2-Plain-word", "%68unter2%2Dplain%2dword"];
    assert_eq!(token[0], TOKEN);
    for token in token {
        for (location, retryable) in
            [(format!("https://{token}.invalid/"), false), (format!("/{}/{token}/mcp-servers", goal.name), true)]
        {
            run(async {
                let text = refused(to(location).open().list().await, Unavailable, retryable).to_lowercase();
                assert!(text.contains("***") && !text.contains("unter2") && !text.contains("word"), "{text}");
            });
        }
    }
    Ok(())
}

fn c19_nothing_that_a_catalog_names_after_the_token_is_listed() -> Tried {
    let record = json!({"seq": 1, "at": "2026-01-02T03:04:05Z", "actor": TOKEN, "request_id": null, "action": "install",
                        "scope": "default", "name": "a", "before": null, "after": null, "outcome": "done"});
    for listing in [
        json!({"servers": [{"name": TOKEN}]}),
        json!({"servers": [{"name": format!("a.{}", TOKEN.to_uppercase()), "command": "npx"}]}),
        json!({"servers": [], "broken": [{"name": TOKEN, "error": {}}]}),
    ] {
        let script = json!({
            "GET /mcp-servers": [{"body": listing.to_string()}],
            "GET /audit": [{"body": json!({"records": [record]}).to_string()}],
            "GET /scopes": [{"body": json!({"scopes": [TOKEN]}).to_string()}],
        });
        let session = catalogs()?.scripted("tier3", script);
        run(async {
            let backend = session.open();
            refused(backend.list().await, DescriptorInvalid, false);
            refused(backend.load_all().await, DescriptorInvalid, false);
            refused(backend.validate_all().await, DescriptorInvalid, false);
            refused(backend.audit(0, 1).await, DescriptorInvalid, false);
            refused(backend.scopes().await, DescriptorInvalid, false);
        });
    }
    // An entry that holds it somewhere is a broken one.
    for entry in [
        json!({"name": "a", "command": "npx", "args": ["-y", format!("x{TOKEN}")]}),
        json!({"name": "a", "command": "npx", "env": {TOKEN: "$T"}}),
        json!({"name": "a", "url": format!("https://{TOKEN}.invalid/")}),
        json!({"name": "a", "command": "npx", "mine": {"deep": [TOKEN]}}),
    ] {
        let script = json!({
            "GET /mcp-servers": [{"body": json!({"servers": [entry]}).to_string()}],
            "GET /mcp-servers/a": [{"body": entry.to_string()}],
        });
        let session = catalogs()?.scripted("tier2", script);
        run(async {
            let backend = session.open();
            let all = backend.load_all().await.unwrap();
            let one = backend.load(&name("a")).await;
            assert_eq!(all[0].result, one, "rule 10");
            refused(one, DescriptorInvalid, false);
        });
    }
    Ok(())
}

fn a_token_that_was_refused_is_read_again() -> Tried {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let refusal = json!([{"status": 401}, {"body": "{\"servers\":[]}"}]);
    let session = catalogs()?.scripted("tier2", json!({"GET /mcp-servers": refusal}));
    run(async {
        let backend = session.builder().token_file(&path).build().unwrap();
        refused(backend.list().await, ErrorKind::ConfigInvalid, false);
        std::fs::write(&path, "first\n").unwrap();
        refused(backend.list().await, AuthRequired, false);
        std::fs::write(&path, "second\n").unwrap();
        backend.list().await.unwrap();
        let sent: Vec<_> = session.requests().iter().map(|r| r["headers"]["authorization"].clone()).collect();
        assert_eq!(sent, ["Bearer first", "Bearer second"]);
    });
    Ok(())
}

trials!(
    c21_what_the_body_of_an_error_says,
    c20_a_listing_that_never_ends_is_given_up,
    c21_what_is_no_listing,
    c21_an_entry_that_breaks_the_contract_is_broken_and_the_others_are_listed,
    what_is_no_entry_or_another_one,
    what_is_no_validation_audit_scopes_or_commands,
    c20_the_answers_to_one_call_together_are_bounded,
    c19_the_token_shows_nowhere_also_when_it_is_echoed,
    c19_a_token_that_was_refused_is_hidden_all_the_same,
    c19_a_redirect_to_the_token_does_not_show_it,
    c19_nothing_that_a_catalog_names_after_the_token_is_listed,
    a_token_that_was_refused_is_read_again,
);
