//! Writing fields: the plain form where it can carry the value, YAML flow where it cannot.

use mcp_registry_spec::text::is_unprintable;
use mcp_registry_spec::{McpServerSpec, Transport, TransportKind};
use serde_json::Value;

use super::fields::Key;
use super::flow::{self, Escapes};
use super::interpret::is_flow;

/// The longest key that YAML reads without a `?` before it, with room to spare.
const SHORT_KEY: usize = 200;

/// A field line, without its line break.
pub(crate) fn line(key: Key, value: &str) -> String {
    format!("{}: {value}", key.as_str())
}

/// Whether a text survives being written plainly and read back.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with([' ', '\t'])
        && !text.ends_with([' ', '\t'])
        && !text.contains("<!--")
        && !text.chars().any(is_unprintable)
}

/// The value of a field that gives one text.
pub(crate) fn scalar(text: &str) -> String {
    if is_plain(text) && !is_flow(text) { text.to_owned() } else { flow::write(&text.into(), Escapes::Json) }
}

/// The value of an `args` line.
pub(crate) fn args<'a>(args: impl Iterator<Item = &'a str> + Clone) -> String {
    list(args.clone().map(str::to_owned)).unwrap_or_else(|| flow::write(&args.collect(), Escapes::Json))
}

/// The value of an `env` line.
pub(crate) fn env<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> String {
    let is_name = mcp_registry_spec::template::is_variable_name;
    let survives = |value: &str| value.is_empty() || is_plain(value);
    let plain = if pairs.clone().all(|(name, value)| is_name(name) && survives(value)) {
        list(pairs.clone().map(|(name, value)| format!("{name}={value}")))
    } else {
        None
    };
    plain.unwrap_or_else(|| mapping(pairs))
}

/// The value of a `header` line.
pub(crate) fn header(name: &str, value: &str) -> String {
    if value.is_empty() {
        return format!("{name}:");
    }
    if is_plain(value) { format!("{name}: {value}") } else { mapping(std::iter::once((name, value))) }
}

/// Comma-separated pieces, when every one of them survives that.
fn list(pieces: impl Iterator<Item = String>) -> Option<String> {
    let pieces: Vec<String> = pieces.collect();
    let plain = pieces.iter().all(|p| is_plain(p) && !p.contains(',')) && !pieces.first().is_some_and(|p| is_flow(p));
    plain.then(|| pieces.join(", "))
}

fn mapping<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let map = pairs.map(|(k, v)| (k.to_owned(), Value::from(v))).collect();
    flow::write(&Value::Object(map), Escapes::Json)
}

/// An entry of a `yaml` fence, without its last line break.
pub(crate) fn yaml_entry(key: &str, value: &Value, newline: &str) -> String {
    let shown = yaml_key(key);
    let value = flow::write(value, Escapes::Yaml);
    if key.len() > SHORT_KEY { format!("? {shown}{newline}: {value}") } else { format!("{shown}: {value}") }
}

/// A key as YAML reads it back as that text.
pub(crate) fn yaml_key(key: &str) -> String {
    let is_word = (key.len() > 3 || Key::parse(key).is_some())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        && key.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && !["true", "false", "null"].iter().any(|w| key.eq_ignore_ascii_case(w));
    if is_word { key.to_owned() } else { flow::write(&key.into(), Escapes::Yaml) }
}

/// A fence with these entries.
pub(crate) fn fence<'a>(entries: impl Iterator<Item = (&'a String, &'a Value)>, newline: &str) -> String {
    let mut out = format!("```yaml{newline}");
    for (key, value) in entries {
        out.push_str(&yaml_entry(key, value, newline));
        out.push_str(newline);
    }
    out.push_str("```");
    out.push_str(newline);
    out
}

/// The field lines of an entry, without line breaks.
fn field_lines(spec: &McpServerSpec) -> Vec<String> {
    let mut lines = Vec::new();
    if !spec.description.is_empty() {
        lines.push(line(Key::Description, &scalar(&spec.description)));
    }
    match &spec.transport {
        Transport::Stdio(stdio) => {
            lines.push(line(Key::Command, &scalar(&stdio.command)));
            if !stdio.args.is_empty() {
                lines.push(line(Key::Args, &args(stdio.args.iter().map(|a| a.as_str()))));
            }
            if !stdio.env.is_empty() {
                lines.push(line(Key::Env, &env(stdio.env.iter().map(|(k, v)| (k.as_str(), v.as_str())))));
            }
        }
        Transport::StreamableHttp(remote) | Transport::Sse(remote) => {
            if spec.transport.kind() == TransportKind::Sse {
                lines.push(line(Key::Transport, TransportKind::Sse.as_str()));
            }
            lines.push(line(Key::Url, &scalar(remote.url.as_str())));
            lines.extend(remote.headers.iter().map(|(k, v)| line(Key::Header, &header(k, v.as_str()))));
        }
    }
    lines
}

/// The section of an entry, its last line break included.
pub(crate) fn section(spec: &McpServerSpec, newline: &str) -> String {
    let mut out = format!("## {}{newline}{newline}", spec.name);
    for line in field_lines(spec) {
        out.push_str(&line);
        out.push_str(newline);
    }
    if !spec.extra.is_empty() {
        out.push_str(newline);
        out.push_str(&fence(spec.extra.iter(), newline));
    }
    out
}
