//! The form of an entry that people see: literals that look like secrets are masked (rule 4).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::redact::{
    CommandLine, MASK, Next, holds_secrets, is_any_scheme, is_harmless_below, is_reference, is_secret_key,
    login_password, redact,
};
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
                args(&stdio.command, &mut stdio.args, &mut masked);
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
fn args(command: &str, args: &mut [TextTemplate], masked: &mut Vec<String>) {
    let mut line = CommandLine::default();
    let mut next = line.read(command);
    let mut key = String::new();
    for (i, arg) in args.iter_mut().enumerate() {
        let source = arg.as_str().to_owned();
        if next == Next::Value && (source == "--" || is_flag_value(&source)) {
            // The value may still come: "--token -- VALUE".
            continue;
        }
        let shown = match next {
            Next::Value if !is_option(&source) => {
                (source != MASK && template::holds_secret(&key, arg.pieces())).then(|| MASK.to_owned())
            }
            _ => password_hidden(&source, &line, next).or_else(|| assignment(&source)),
        };
        next = said(&mut line, &source);
        key.clone_from(&source);
        match shown {
            Some(shown) => {
                // Where the cut went through a reference, nothing is left of it.
                if let Ok(shown) = TextTemplate::parse(&shown).or_else(|_| TextTemplate::parse(MASK)) {
                    *arg = shown;
                }
                masked.push(format!("args[{i}]"));
            }
            None => shape(format!("args[{i}]"), arg, masked),
        }
    }
}

/// What an argument says of the next one.
fn said(line: &mut CommandLine, arg: &str) -> Next {
    let said = line.read(arg);
    if announces(arg) { Next::Value } else { said }
}

/// An argument whose password is told by the option before it (`-u user:…`) or its own (`-p…`), hidden.
fn password_hidden(arg: &str, line: &CommandLine, next: Next) -> Option<String> {
    let at = if next == Next::Login { login_password(arg) } else { line.attached_password(arg) };
    let (before, password) = arg.split_at_checked(at?)?;
    // The user before it may be a token.
    (!is_reference(password)).then(|| format!("{}{MASK}", redact(before)))
}

/// Whether an argument is an option rather than a value with dashes: `-x`, `--long-name`, `--key=…`.
/// The names of options are lower-case words.
fn is_option(arg: &str) -> bool {
    let Some(rest) = arg.strip_prefix('-') else { return false };
    match rest.strip_prefix('-') {
        None => rest.len() <= 1,
        Some(long) => {
            let name = long.split_once('=').map_or(long, |(name, _)| name);
            name.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'))
        }
    }
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
    let only_name = is_reference(text);
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
        let shown = match () {
            () if by_key => MASK.into(),
            () if field == "headers" => credentials_hidden(source).map_or_else(|| redact(source), Cow::Owned),
            () => redact(source),
        };
        if shown != source {
            if let Ok(shown) = EnvTemplate::parse(&shown).or_else(|_| EnvTemplate::parse(MASK)) {
                *value = shown;
            }
            masked.push(format!("{field}.{key}"));
        }
    }
}

/// A header's value that is a scheme and credentials, whatever the header's name: `Token …`.
fn credentials_hidden(value: &str) -> Option<String> {
    let (scheme, credentials) = value.split_once(' ').filter(|(scheme, _)| is_any_scheme(scheme))?;
    (!credentials.split_whitespace().all(is_reference)).then(|| format!("{scheme} {MASK}"))
}

/// What the keys above say of a value.
#[derive(Clone, Copy, PartialEq)]
enum Says {
    Nothing,
    /// It is a secret, and so is what is below it but what its own key says is none (`auth: {user: …}`).
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
            // A list of arguments: ["--token", "…"].
            let (mut line, mut next) = (CommandLine::default(), Next::Anything);
            for (i, item) in items.iter_mut().enumerate() {
                let source = item.as_str().unwrap_or_default().to_owned();
                let path = format!("{path}[{i}]");
                match (password_hidden(&source, &line, next), next) {
                    (Some(shown), _) => {
                        *item = Value::String(shown);
                        masked.push(path);
                    }
                    (None, Next::Value) if !secret && !is_option(&source) => json(&path, Says::Secret, item, masked),
                    (None, _) => json(&path, says, item, masked),
                }
                next = said(&mut line, &source);
            }
        }
        Value::Object(map) => {
            // A variable as an object: {"name": "API_KEY", "value": "…"}.
            let named = ["name", "key", "id", "header", "variable", "option"]
                .iter()
                .any(|key| map.get(*key).and_then(Value::as_str).is_some_and(is_secret_key));
            for (key, item) in map {
                let below = match (says, Says::of(key)) {
                    (Says::SecretsBelow, _) | (_, Says::SecretsBelow) => Says::SecretsBelow,
                    _ if named && matches!(key.as_str(), "value" | "default" | "content") => Says::Secret,
                    (Says::Secret, Says::Nothing) if is_harmless_below(key) => Says::Nothing,
                    (Says::Secret, _) | (_, Says::Secret) => Says::Secret,
                    (Says::Nothing, Says::Nothing) => Says::Nothing,
                };
                json(&format!("{path}.{key}"), below, item, masked);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;
