//! The form of an entry that people see: literals that look like secrets are masked (rule 4).

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::redact::{MASK, holds_secrets, is_secret_key, redact};
use crate::{EnvTemplate, McpServerSpec, TextTemplate, Transport, template};

/// An entry with every literal that looks like a secret (by its key or its shape) replaced by
/// `***`, and the list of the fields where that was done. Serialised it is the entry, plus
/// `"masked":["env.API_KEY"]` when there are any; such a form is refused as input.
#[derive(Clone, PartialEq)]
pub struct MaskedSpec {
    /// The entry as it can be shown.
    pub spec: McpServerSpec,
    /// The fields that were masked, as `env.API_KEY`, `args[2]`, `url`, `headers.Authorization`.
    pub masked: Vec<String>,
}

impl std::fmt::Debug for MaskedSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.spec, f)
    }
}

impl Serialize for MaskedSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        crate::spec::serialize_fields(&self.spec, &mut out)?;
        if !self.masked.is_empty() {
            out.serialize_entry("masked", &self.masked)?;
        }
        out.end()
    }
}

impl McpServerSpec {
    /// The form that can be shown.
    #[must_use]
    pub fn masked(&self) -> MaskedSpec {
        let mut spec = self.clone();
        let mut masked = Vec::new();
        match &mut spec.transport {
            Transport::Stdio(stdio) => {
                text("command", &mut stdio.command, &mut masked);
                args(&mut stdio.args, &mut masked);
                values("env", &mut stdio.env, &mut masked);
            }
            Transport::StreamableHttp(remote) | Transport::Sse(remote) => {
                shape("url".to_owned(), &mut remote.url, &mut masked);
                values("headers", &mut remote.headers, &mut masked);
            }
        }
        text("description", &mut spec.description, &mut masked);
        for (key, value) in &mut spec.extra {
            json(key, Says::of(key), value, &mut masked);
        }
        MaskedSpec { spec, masked }
    }
}

fn text(field: &str, value: &mut String, masked: &mut Vec<String>) {
    let shown = redact(value);
    if shown != *value {
        *value = shown.into_owned();
        masked.push(field.to_owned());
    }
}

fn shape(field: String, value: &mut TextTemplate, masked: &mut Vec<String>) {
    let shown = redact(value.as_str());
    if shown != value.as_str() {
        if let Ok(shown) = TextTemplate::parse(&shown).or_else(|_| TextTemplate::parse(MASK)) {
            *value = shown;
        }
        masked.push(field);
    }
}

/// `--api-key VALUE` is a secret in two arguments, `--api-key=VALUE` in one.
fn args(args: &mut [TextTemplate], masked: &mut Vec<String>) {
    let mut option: Option<String> = None;
    for (i, arg) in args.iter_mut().enumerate() {
        let source = arg.as_str().to_owned();
        if option.is_some() && (source == "--" || is_flag_value(&source)) {
            // The value may still come: "--token -- VALUE".
            continue;
        }
        let shown = match &option {
            Some(key) if !is_option(&source) => {
                (source != MASK && template::holds_secret(key, arg.pieces())).then(|| MASK.to_owned())
            }
            _ => assignment(&source),
        };
        option = announces(&source).then(|| source.clone());
        match shown.map(|shown| TextTemplate::parse(&shown)) {
            Some(Ok(shown)) => {
                *arg = shown;
                masked.push(format!("args[{i}]"));
            }
            _ => shape(format!("args[{i}]"), arg, masked),
        }
    }
}

/// Whether an argument is an option rather than a value with a dash: `-x`, `--long`.
fn is_option(arg: &str) -> bool {
    arg.strip_prefix('-').is_some_and(|rest| rest.len() <= 1 || rest.starts_with('-'))
}

/// Whether an argument says that the next one is a secret.
fn announces(arg: &str) -> bool {
    let key = arg.starts_with('-') && !arg.contains(['=', ' ']);
    (key || arg.ends_with(':')) && is_secret_key(arg)
}

/// The masked form of an argument that is `KEY=VALUE` or `Key: value` as a whole.
fn assignment(arg: &str) -> Option<String> {
    let (key, value) = arg.split_at_checked(arg.find(['=', ':'])? + 1)?;
    let bare = key.get(..key.len() - 1)?;
    if bare.contains(|c: char| c.is_whitespace() || "/?&;@$\"'`{}[]<>()".contains(c)) || value.starts_with("//") {
        return None;
    }
    let text = value.trim_start();
    let pieces = TextTemplate::parse(text).ok()?;
    let only_name = crate::redact::is_reference(text);
    let secret = !only_name && !is_flag_value(text) && template::holds_secret(bare, pieces.pieces());
    secret.then(|| format!("{key}{}{}", value.get(..value.len() - text.len()).unwrap_or_default(), hidden(text)))
}

/// A scheme says what kind of secret it is, and stays.
fn hidden(value: &str) -> String {
    match value.split_once(' ') {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("basic") => {
            format!("{scheme} {MASK}")
        }
        _ => MASK.to_owned(),
    }
}

/// Values that hold no secret whatever the key says.
fn is_flag_value(value: &str) -> bool {
    value.is_empty() || value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

fn values(field: &str, values: &mut BTreeMap<String, EnvTemplate>, masked: &mut Vec<String>) {
    for (key, value) in values {
        let source = value.as_str();
        let by_key = !is_flag_value(source) && source != MASK && template::holds_secret(key, value.pieces());
        let shown = if by_key { MASK.into() } else { redact(source) };
        if shown != source {
            if let Ok(shown) = EnvTemplate::parse(&shown).or_else(|_| EnvTemplate::parse(MASK)) {
                *value = shown;
            }
            masked.push(format!("{field}.{key}"));
        }
    }
}

/// What the keys above say of a value.
#[derive(Clone, Copy, PartialEq)]
enum Says {
    Nothing,
    /// It is a secret; what is below it is judged by its own keys (`auth: {user: …}`).
    Secret,
    /// It is a secret, and so is all below it (`secrets: {a: {b: …}}`).
    SecretsBelow,
}

impl Says {
    fn of(key: &str) -> Self {
        match (is_secret_key(key), holds_secrets(key)) {
            (false, _) => Self::Nothing,
            (true, false) => Self::Secret,
            (true, true) => Self::SecretsBelow,
        }
    }
}

/// Masks at and below `path`.
fn json(path: &str, says: Says, value: &mut Value, masked: &mut Vec<String>) {
    let secret = says != Says::Nothing;
    match value {
        Value::String(source) => {
            let key = if secret { "secret" } else { "" };
            let holds = EnvTemplate::parse(source).map_or(secret, |t| template::holds_secret(key, t.pieces()));
            if holds && !is_flag_value(source) && source != MASK {
                *source = MASK.to_owned();
                masked.push(path.to_owned());
            } else {
                text(path, source, masked);
            }
        }
        Value::Number(_) if secret => {
            *value = Value::String(MASK.to_owned());
            masked.push(path.to_owned());
        }
        Value::Array(items) => {
            let mut announced = false;
            for (i, item) in items.iter_mut().enumerate() {
                // A list of arguments: ["--token", "…"].
                let next = item.as_str().is_some_and(announces);
                let value = announced && !item.as_str().is_some_and(is_option);
                let says = if value && !secret { Says::Secret } else { says };
                json(&format!("{path}[{i}]"), says, item, masked);
                announced = next;
            }
        }
        Value::Object(map) => {
            // A variable as an object: {"name": "API_KEY", "value": "…"}.
            let named = ["name", "key", "id", "header", "variable", "option"]
                .iter()
                .any(|key| map.get(*key).and_then(Value::as_str).is_some_and(is_secret_key));
            for (key, item) in map {
                let below = match says {
                    Says::SecretsBelow => Says::SecretsBelow,
                    _ if named && matches!(key.as_str(), "value" | "default" | "content") => Says::Secret,
                    _ => Says::of(key),
                };
                json(&format!("{path}.{key}"), below, item, masked);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            fields,
            ["args[1]", "args[5]", "env.API_KEY", "env.SECRET", "env.URL", "auth.password", "pin_secret"]
        );
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
        ] {
            let (shown, fields) = masked(json!({"name": "a", "command": "x", "extra": extra}));
            assert!(!shown.to_string().contains("hunter2") && !fields.is_empty(), "{shown}");
        }
        let (shown, fields) = masked(json!({"name": "a", "command": "docker",
            "args": ["run", "-e", "API_KEY", "--token=${T}", "--header", "Authorization: Bearer ${T}", "TOKEN=$T"],
            "env": {"DB_DSN": "postgres://u:${P}@h/x", "COOKIE": "sid=${S}", "MAX_TOKENS": "5"}}));
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
}
