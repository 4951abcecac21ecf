//! What is masked and what is shown, in tables (rule 4).

use super::*;
use serde_json::json;

fn masked(value: Value) -> (Value, Vec<String>) {
    let masked = McpServerSpec::from_json(value).unwrap().masked();
    (serde_json::to_value(&masked).unwrap(), masked.masked)
}

#[test]
fn rule_4_literals_that_look_like_secrets_are_masked() {
    let (shown, fields) = masked(json!({
        "name": "a", "command": "docker",
        "args": ["--api-key", "hunter2", "--token", "${T}", "-e", "DB_PASSWORD=hunter2", "--verbose"],
        "env": {"API_KEY": "hunter2", "TOKEN": "$T", "URL": "https://u:hunter2@h/", "REGION": "eu", "SECRET": "${S:-hunter2}"},
        "auth": {"password": "hunter2", "user": "me"}, "pin_secret": 12,
    }));
    assert!(!shown.to_string().contains("hunter2"), "{shown}");
    assert_eq!(fields, ["args[1]", "args[5]", "env.API_KEY", "env.SECRET", "env.URL", "auth.password", "pin_secret"]);
    assert_eq!(shown["masked"], json!(fields));
    assert_eq!(shown["env"]["URL"], "https://***@h/");
    assert_eq!(shown["env"]["TOKEN"], "$T");
    assert!(McpServerSpec::from_json(shown).is_err());
}

#[test]
fn rule_4_remote_servers_too() {
    let (shown, fields) = masked(json!({
        "name": "a", "url": "https://h/mcp?api_key=hunter2",
        "headers": {"Authorization": "Bearer hunter2", "X-Trace": "on", "X-Api-Key": "Bearer ${T}"},
    }));
    assert!(!shown.to_string().contains("hunter2"), "{shown}");
    assert_eq!(fields, ["url", "headers.Authorization"]);
}

#[test]
fn rule_4_a_literal_is_masked_however_it_is_dressed() {
    for args in [
        json!(["--api-key", "hunter2${X:-}"]),
        json!(["--token", "${X:-hunter2}"]),
        json!(["--token", "true", "hunter2"]),
        json!(["--api-key", "--", "hunter2"]),
        json!(["--api-key", "-hunter2"]),
        json!(["api-key:", "hunter2"]),
        json!(["--header", "Authorization:Bearer hunter2"]),
        json!(["--password=a hunter2"]),
        json!(["--password=a,hunter2"]),
        json!(["--api-key=x${X}hunter2"]),
        json!(["-c", "run --token hunter2"]),
        json!(["-H", "Cookie: a=b; sid=hunter2"]),
        json!(["--api-key", "--hunter2"]),
        json!(["--api-key", "--Hunter2=x"]),
        json!(["--token", "--verbose", "--token", "hunter2"]),
        json!(["-u", "user:hunter2"]),
        json!(["-u", "ghp_0123456789hunter2abc:x-oauth-basic"]),
        json!(["--user", "${U:-me}:hunter2"]),
        json!(["--proxy-user", "user:1234", "-u", "user:hunter2"]),
        json!(["--env", "API_KEY", "hunter2"]),
        json!(["--env", "API_KEY=hunter2"]),
        json!(["-e", "API_KEY", "--hunter2"]),
        json!(["--header", "Authorization: Bearer hunter2"]),
        json!(["-H", "X-Api-Key: hunter2"]),
        json!(["-H", "X-A: Token hunter2"]),
        json!(["-c", "mysql -phunter2"]),
        json!(["mysql", "-phunter2"]),
        json!(["{\"api\\u005fkey\":\"hunter2\"}"]),
        json!(["postgres://u:80/hunter2@db/x"]),
    ] {
        let (shown, fields) = masked(json!({"name": "a", "command": "x", "args": args}));
        assert!(!shown.to_string().contains("hunter2") && !fields.is_empty(), "{shown}");
    }
    for extra in [
        json!({"secrets": {"a": {"b": "hunter2"}}}),
        json!({"password": {"x": {"y": "hunter2"}}}),
        json!({"tokens": ["hunter2"]}),
        json!({"x": ["--token", "hunter2"]}),
        json!([{"name": "API_KEY", "value": "hunter2"}]),
        json!("${TOKEN:-hunter2}"),
        json!({"auth": {"value": "hunter2"}}),
        json!({"auth": {"a": [{"b": "hunter2"}]}}),
        json!({"pass": {"word": "hunter2"}}),
        json!({"auth": {"type": "basic", "tokens": {"name": "hunter2"}}}),
        json!(["--api-key", "--hunter2"]),
        json!(["-u", "me:hunter2"]),
        json!(["mysql", "-phunter2"]),
        json!(["--env", "API_KEY", "hunter2"]),
    ] {
        let (shown, fields) = masked(json!({"name": "a", "command": "x", "extra": extra}));
        assert!(!shown.to_string().contains("hunter2") && !fields.is_empty(), "{shown}");
    }
    for (key, value) in
        [("X-A", "Token hunter2"), ("X-A", "Negotiate hunter"), ("X-A", "sid=hunter2"), ("X-B", "Basic hunter")]
    {
        let (shown, fields) = masked(json!({"name": "a", "url": "https://h", "headers": {key: value}}));
        assert!(!shown.to_string().contains("hunter") && fields == [format!("headers.{key}")], "{shown}");
    }
    for (key, value) in [
        ("API_KEY", "https://hunter2${X}"),
        ("API_KEY", "https://h/hunter2${X}"),
        ("DSN", "https://hunter2${X}"),
        ("OPENAIKEY", "hunter2"),
        ("SECRET_NAME", "hunter2"),
        ("A", "https://u:80/hunter2@h"),
    ] {
        let (shown, fields) = masked(json!({"name": "a", "command": "x", "env": {key: value}}));
        assert!(!shown.to_string().contains("hunter2") && fields == [format!("env.{key}")], "{shown}");
    }
}

#[test]
fn rule_4_what_is_harmless_is_shown() {
    let (shown, fields) = masked(json!({"name": "a", "command": "docker",
        "args": ["run", "-e", "API_KEY", "--token=${T}", "--header", "Authorization: Bearer ${T}", "TOKEN=$T"],
        "env": {"DB_DSN": "postgres://u:${P}@h/x", "COOKIE": "sid=${S}", "MAX_TOKENS": "5", "MONKEY": "x",
            "API_KEY": "https://${T}@h/", "SLACK_WEBHOOK": "https://hooks.example.org/services/${W}",
            "TOKENIZERS_PARALLELISM": "false", "KEYBOARD": "us"}}));
    assert!(fields.is_empty(), "{fields:?} {shown}");
    for (command, args) in [
        ("docker", json!(["run", "-e", "API_KEY", "mcp/github", "-u", "1000:1000", "--user", "node:node"])),
        ("sudo", json!(["docker", "run", "--env", "API_KEY", "mcp/github"])),
        ("npx", json!(["--max-tokens", "100", "--save-session", "--headless", "--token", "-v"])),
        ("curl", json!(["-u", "user:${PASSWORD}", "-H", "X-A: Token ${T}"])),
        ("x", json!(["-u", "http://h:80", "-u", "h.example.org:80", "-p8080:80"])),
        ("mysql", json!(["-p${PASSWORD}"])),
        ("uvx", json!(["--from", "git+ssh://git@github.com/o/r@main", "r"])),
    ] {
        let (shown, fields) = masked(json!({"name": "a", "command": command, "args": args}));
        assert!(fields.is_empty(), "{fields:?} {shown}");
    }
    let auth = json!({"type": "oauth", "scopes": ["read"], "token_url": "https://h/", "user": "me", "pkce": true});
    let (shown, fields) = masked(json!({"name": "a", "url": "https://h", "auth": auth,
        "headers": {"X-A": "Token ${T}", "X-B": "a plain value", "Accept": "application/json, text/event-stream"}}));
    assert!(fields.is_empty(), "{fields:?} {shown}");
}

#[test]
fn debug_shows_the_masked_form() {
    let mut spec = McpServerSpec::stdio(crate::ServerName::parse("a").unwrap(), "x");
    if let Transport::Stdio(stdio) = &mut spec.transport {
        stdio.env.insert("API_KEY".into(), EnvTemplate::parse("hunter2").unwrap());
    }
    assert!(!format!("{spec:?} {:?} {:#?}", spec.transport, spec.masked()).contains("hunter2"));
}
