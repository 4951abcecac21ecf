//! Input of ill will: each line is answered or passed over, and the next one is served as if nothing was.

use serde_json::{Value, json};

use crate::agent::{Agent, Client};

/// Whether the server still serves, and nothing else stands on its standard output.
fn serves(client: &mut Client) {
    client.done("registry_show", json!({"name": "github"}));
}

fn refused(client: &mut Client, line: &str) -> Value {
    client.send(line);
    let answer = client.receive();
    serves(client);
    answer
}

#[test]
fn m2_lines_that_are_no_messages_are_refused() {
    let mut client = Agent::new().client(&[]);
    for (line, code) in [
        ("hunter2", -32700),
        ("{", -32700),
        ("\u{0}", -32700),
        ("{\"a\":\"\u{1}\"}", -32700),
        (&"[".repeat(100_000), -32700),
        ("5", -32600),
        ("null", -32600),
        ("[]", -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        (r#"{"id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"approvals/list","params":[]}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#, -32600),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"confirm":false,"confirm":true}}}"#,
            -32600,
        ),
    ] {
        let answer = refused(&mut client, line);
        assert_eq!(answer["error"]["code"], code, "{line:.100}: {answer}");
        assert!(!answer.to_string().contains("hunter2"), "{answer}");
    }
}

#[test]
fn m2_bytes_that_are_no_text_are_refused() {
    use std::io::Write;
    let mut client = Agent::new().client(&[]);
    client.raw().write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}\n").unwrap();
    assert_eq!(client.receive()["error"]["code"], -32700);
    serves(&mut client);
}

#[test]
fn m2_a_line_without_end_is_passed_over() {
    let mut client = Agent::new().client(&[]);
    let long = "x".repeat(8 << 20);
    let answer = refused(&mut client, &format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{long}"}}"#));
    assert_eq!(answer["error"]["code"], -32600, "{answer:.200}");
    // What is nearly as long as may be is answered by what reads it.
    let name = "n".repeat(1_000_000);
    let error = client.request("tools/call", json!({"name": name})).unwrap_err();
    assert_eq!(error["code"], -32602);
    serves(&mut client);
}

#[test]
fn m2_notifications_are_never_answered() {
    let mut client = Agent::new().client(&[]);
    for line in [
        r#"{"jsonrpc":"2.0","method":"notifications/x"}"#,
        r#"{"jsonrpc":"2.0","method":"x","params":{"a":1}}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"registry_list"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":5}"#,
        r#"{"jsonrpc":"2.0","id":77,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":78,"error":{"code":1,"message":"x"}}"#,
        "",
        "   ",
        "\r",
    ] {
        client.send(line);
        serves(&mut client);
    }
}

#[test]
fn m2_an_id_that_is_unanswered_is_not_taken_again() {
    let mut client = Agent::new().client(&[]);
    let list = r#"{"jsonrpc":"2.0","id":"same","method":"tools/call","params":{"name":"registry_validate"}}"#;
    client.send(&format!("{list}\n{list}"));
    let answers = [client.receive(), client.receive()];
    let results = answers.iter().filter(|answer| answer["id"] == "same" && answer.get("result").is_some()).count();
    let refused = answers.iter().filter(|answer| answer["error"]["code"] == -32600).count();
    // The first may have been answered before the second was read.
    assert!((results, refused) == (1, 1) || results == 2, "{answers:?}");
    client.send(list);
    assert_eq!(client.receive()["id"], "same", "an id that was answered is free again");
    serves(&mut client);
}

#[test]
fn m1_what_comes_before_the_beginning_is_not_served() {
    let mut client = Agent::new().silent_client(&[]);
    let error = client.request("tools/call", json!({"name": "registry_list"})).unwrap_err();
    assert_eq!(error["code"], -32602, "{error}");
    client.notify("notifications/initialized");
    let output = client.close();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn m5_names_of_properties_that_would_steer_or_tell_are_escaped() {
    let mut client = Agent::new().client(&[]);
    let mut arguments = serde_json::Map::new();
    arguments.insert("https://u:hunter2@h/\u{1b}[2J".to_owned(), json!(1));
    let (content, is_error) = client.call("registry_list", Value::Object(arguments));
    assert!(
        is_error && !content.to_string().contains("hunter2") && !content.to_string().contains('\u{1b}'),
        "{content}"
    );
}
