//! The form of an entry that people see: literals that look like secrets are masked (rule 4).

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::redact::{MASK, holds_secrets, is_secret_key, redact};
use crate::{EnvTemplate, McpServerSpec, TextTemplate, Transport};

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
                template("url".to_owned(), &mut remote.url, &mut masked);
                values("headers", &mut remote.headers, &mut masked);
            }
        }
        text("description", &mut spec.description, &mut masked);
        for (key, value) in &mut spec.extra {
            json(key, is_secret_key(key), value, &mut masked);
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

fn template(field: String, value: &mut TextTemplate, masked: &mut Vec<String>) {
    let shown = redact(value.as_str());
    if shown != value.as_str() {
        if let Ok(shown) = TextTemplate::parse(&shown).or_else(|_| TextTemplate::parse(MASK)) {
            *value = shown;
        }
        masked.push(field);
    }
}

/// `--api-key VALUE` is a secret in two arguments.
fn args(args: &mut [TextTemplate], masked: &mut Vec<String>) {
    let mut secret_next = false;
    for (i, arg) in args.iter_mut().enumerate() {
        let source = arg.as_str();
        let only_text = arg.references().next().is_none() && !source.is_empty();
        let is_option = source.starts_with('-');
        let next = is_option && !source.contains(['=', ' ']) && is_secret_key(source);
        if secret_next && !is_option && only_text && !is_flag_value(source) && source != MASK {
            if let Ok(shown) = TextTemplate::parse(MASK) {
                *arg = shown;
            }
            masked.push(format!("args[{i}]"));
        } else {
            template(format!("args[{i}]"), arg, masked);
        }
        secret_next = next;
    }
}

/// Values that hold no secret whatever the key says.
fn is_flag_value(value: &str) -> bool {
    value.is_empty() || value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

fn values(field: &str, values: &mut BTreeMap<String, EnvTemplate>, masked: &mut Vec<String>) {
    for (key, value) in values {
        let source = value.as_str();
        let by_key = is_secret_key(key) && value.is_literal(key) && !is_flag_value(source) && source != MASK;
        let shown = if by_key { MASK.into() } else { redact(source) };
        if shown != source {
            if let Ok(shown) = EnvTemplate::parse(&shown).or_else(|_| EnvTemplate::parse(MASK)) {
                *value = shown;
            }
            masked.push(format!("{field}.{key}"));
        }
    }
}

/// Masks below `path`: `secret` says that what stands right here is a secret's value.
fn json(path: &str, secret: bool, value: &mut Value, masked: &mut Vec<String>) {
    match value {
        Value::String(source) => {
            let reference = EnvTemplate::parse(source).is_ok_and(|t| !t.is_literal(path));
            if secret && !reference && !is_flag_value(source) && source != MASK {
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
            for (i, item) in items.iter_mut().enumerate() {
                json(&format!("{path}[{i}]"), secret, item, masked);
            }
        }
        Value::Object(map) => {
            let below = secret && holds_secrets(path.rsplit('.').next().unwrap_or(path));
            for (key, item) in map {
                json(&format!("{path}.{key}"), below || is_secret_key(key), item, masked);
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
    fn debug_shows_the_masked_form() {
        let mut spec = McpServerSpec::stdio(crate::ServerName::parse("a").unwrap(), "x");
        if let Transport::Stdio(stdio) = &mut spec.transport {
            stdio.env.insert("API_KEY".into(), EnvTemplate::parse("hunter2").unwrap());
        }
        assert!(!format!("{spec:?} {:?} {:#?}", spec.transport, spec.masked()).contains("hunter2"));
    }
}
