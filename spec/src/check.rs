//! What the types of an entry do not hold it to (rule 24).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::spec::{KNOWN_KEYS, invalid};
use crate::{EnvTemplate, McpServerSpec, Result, TextTemplate, Transport, text};

/// The most that the extra keys of an entry hold together, as JSON, in bytes.
const MOST_EXTRA: usize = 24 * 1024;

/// The deepest that extra values nest.
const MOST_DEPTH: usize = 32;

impl McpServerSpec {
    /// Checks what the types do not: a command, environment keys, header names, URL and extra keys
    /// that can be used as such. An extra number must be one that every reader of JSON holds alike
    /// (RFC 8785, I-JSON): no integer beyond ±2^53; `1` and `1.0` are one number and one digest. A
    /// [`McpServerRegistry`](crate::McpServerRegistry) does this before every write (rule 24).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`](crate::ErrorKind::InvalidSpec), naming the field.
    pub fn check(&self) -> Result<()> {
        match &self.transport {
            Transport::Stdio(stdio) => {
                if stdio.command.trim().is_empty() {
                    return Err(invalid("the command is empty"));
                }
                if stdio.command.contains('\0') {
                    return Err(invalid("the command contains a NUL character"));
                }
                for key in stdio.env.keys() {
                    // Keys are shown as they are: no URL is one.
                    if key.is_empty() || key.contains(['=', '\0', '/', '@']) || crate::redact::redact(key) != *key {
                        // Last, for redaction takes what follows a `=` for a value.
                        return Err(invalid(format!("no environment variable has the name {}", text::quote(key))));
                    }
                }
            }
            Transport::StreamableHttp(remote) | Transport::Sse(remote) => {
                check_url(&remote.url)?;
                check_headers(&remote.headers)?;
            }
        }
        if self.description.contains('\0') {
            return Err(invalid("the description contains a NUL character"));
        }
        match self.extra.keys().find(|key| KNOWN_KEYS.contains(&key.as_str())) {
            Some(key) => Err(invalid(format!("the key {} cannot be an extra one", text::quote(key)))),
            None => check_extras(&self.extra),
        }
    }
}

/// Extra keys are remarks on an entry, not its substance: what is much larger or deeper is something
/// else, and not every storage could hold it.
fn check_extras(extra: &BTreeMap<String, Value>) -> Result<()> {
    extra.iter().try_for_each(|(key, value)| check_extra(key, value, 1))?;
    let size: usize = extra.iter().map(|(key, value)| key.len() + value.to_string().len()).sum();
    if size > MOST_EXTRA {
        return Err(invalid(format!("the extra keys hold more than {} KiB", MOST_EXTRA >> 10)));
    }
    Ok(())
}

/// Keys are shown as they are, and numbers are compared by their digest: at any depth.
fn check_extra(key: &str, value: &Value, depth: usize) -> Result<()> {
    const MOST: u64 = 1 << 53;
    if crate::redact::redact(key) != key || crate::redact::is_secret_shaped(key) {
        return Err(invalid("an extra key looks like a secret").hint("keys are shown; only values are masked"));
    }
    if depth > MOST_DEPTH {
        return Err(invalid(format!("the field {} is nested deeper than {MOST_DEPTH} levels", text::quote(key))));
    }
    match value {
        Value::Number(number)
            if number.as_u64().is_some_and(|n| n > MOST)
                || number.as_i64().is_some_and(|n| n.unsigned_abs() > MOST) =>
        {
            Err(invalid(format!("the field {} holds an integer beyond 2^53", text::quote(key)))
                .hint("readers of JSON round it; write it as a string"))
        }
        Value::Array(items) => items.iter().try_for_each(|item| check_extra(key, item, depth + 1)),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| check_extra(key, value, depth + 1)),
        _ => Ok(()),
    }
}

fn check_url(url: &TextTemplate) -> Result<()> {
    let source = url.as_str();
    let lower = source.get(..8.min(source.len())).unwrap_or(source).to_ascii_lowercase();
    let literal_scheme = ["http://", "https://"].iter().any(|s| lower.starts_with(s) && source.len() > s.len());
    if !literal_scheme && !source.starts_with("${") {
        return Err(invalid("the url begins with neither http:// nor https:// nor a reference"));
    }
    if source.split_once("://").is_some_and(|(_, rest)| literal_scheme && rest.starts_with(['/', '\\', '?', '#', '@']))
    {
        return Err(invalid("the url has no host"));
    }
    if source.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(invalid("the url contains white space or a control character"));
    }
    Ok(())
}

fn check_headers(headers: &BTreeMap<String, EnvTemplate>) -> Result<()> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let mut seen = std::collections::BTreeSet::new();
    for (name, value) in headers {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(invalid(format!("{} is no header name", text::quote(name))));
        }
        if value.as_str().contains(['\r', '\n']) {
            return Err(invalid(format!("the value of the header {name} contains a line break")));
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(invalid(format!("the header {name} is given twice; case makes no difference")));
        }
    }
    Ok(())
}
