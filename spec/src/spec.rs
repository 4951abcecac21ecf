//! Entries: what is mounted under a name, and how it is reached.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{Digest, EnvTemplate, Error, ErrorKind, McpServerRef, Result, ServerName, TextTemplate, json, named, text};

/// The keys of an entry that mean something; [`McpServerSpec::extra`] holds none of them.
pub const KNOWN_KEYS: &[&str] =
    &["name", "transport", "command", "args", "env", "url", "headers", "description", "masked"];

/// An entry of a registry: one MCP server as it is mounted.
///
/// It holds **references only** (`$VAR`): what it refers to is read when it is
/// [resolved](Self::resolve) for launch (rule 8). Its serde form is also the form on the wire:
///
/// ```
/// use mcp_registry_spec::McpServerSpec;
/// let spec: McpServerSpec = serde_json::from_str(
///     r#"{"name":"github","command":"npx","args":["-y","server-github"],"env":{"TOKEN":"$GITHUB_PAT"}}"#,
/// )?;
/// assert_eq!(
///     serde_json::to_string(&spec)?,
///     r#"{"name":"github","transport":"stdio","command":"npx","args":["-y","server-github"],"env":{"TOKEN":"$GITHUB_PAT"},"description":""}"#,
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct McpServerSpec {
    /// The name it is mounted under.
    pub name: ServerName,
    /// How it is reached.
    pub transport: Transport,
    /// What it is for, in the owner's words; empty when there is none.
    pub description: String,
    /// Keys this version does not know, kept as they are through every form.
    pub extra: BTreeMap<String, Value>,
}

/// How a server is reached.
#[derive(Clone, PartialEq)]
pub enum Transport {
    /// A child process that speaks over its standard streams.
    Stdio(Stdio),
    /// A remote server, by the streamable HTTP transport.
    StreamableHttp(Remote),
    /// A remote server, by the older HTTP and server-sent events transport.
    Sse(Remote),
}

/// The process of a stdio server.
#[derive(Clone, PartialEq, Default)]
pub struct Stdio {
    /// The program; never a template (rule 8).
    pub command: String,
    /// Its arguments.
    pub args: Vec<TextTemplate>,
    /// What is added to its environment.
    pub env: BTreeMap<String, EnvTemplate>,
}

/// The endpoint of a remote server.
#[derive(Clone, PartialEq)]
pub struct Remote {
    /// Where it answers.
    pub url: TextTemplate,
    /// What is sent with every request.
    pub headers: BTreeMap<String, EnvTemplate>,
}

named! {
    /// The transport's name alone.
    #[derive(Default)]
    pub enum TransportKind {
        /// [`Transport::Stdio`].
        #[default]
        Stdio = "stdio",
        /// [`Transport::StreamableHttp`].
        StreamableHttp = "streamable-http",
        /// [`Transport::Sse`].
        Sse = "sse",
    }
}

impl TransportKind {
    /// Parses a name as it is written in entries.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`], naming those there are.
    pub fn parse(name: &str) -> Result<Self> {
        Self::from_name(name).ok_or_else(|| {
            invalid(format!("the transport {} is unknown", text::quote(name)))
                .hint("the transports are stdio, streamable-http and sse")
        })
    }
}

pub(crate) fn invalid(message: impl AsRef<str>) -> Error {
    Error::new(ErrorKind::InvalidSpec, message)
}

impl Transport {
    /// Its name alone.
    #[must_use]
    pub fn kind(&self) -> TransportKind {
        match self {
            Self::Stdio(_) => TransportKind::Stdio,
            Self::StreamableHttp(_) => TransportKind::StreamableHttp,
            Self::Sse(_) => TransportKind::Sse,
        }
    }
}

/// The fields of an entry before it is known which transport they belong to; every form an entry
/// is read from (JSON, `mcp.md`, the command line) is brought to this one, so that all are judged
/// alike by [`build`](Self::build).
#[derive(Clone, Default, PartialEq)]
pub struct SpecFields {
    /// See [`Transport::kind`]; told by the other fields when missing.
    pub transport: Option<TransportKind>,
    /// See [`Stdio::command`].
    pub command: Option<String>,
    /// See [`Stdio::args`].
    pub args: Vec<TextTemplate>,
    /// See [`Stdio::env`].
    pub env: BTreeMap<String, EnvTemplate>,
    /// See [`Remote::url`].
    pub url: Option<TextTemplate>,
    /// See [`Remote::headers`].
    pub headers: BTreeMap<String, EnvTemplate>,
    /// See [`McpServerSpec::description`].
    pub description: String,
    /// See [`McpServerSpec::extra`].
    pub extra: BTreeMap<String, Value>,
}

impl SpecFields {
    /// Makes the entry, when the fields agree.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`], naming the field.
    pub fn build(self, name: ServerName) -> Result<McpServerSpec> {
        let transport = match (self.transport, self.command, self.url) {
            (_, Some(_), Some(_)) => {
                return Err(invalid("command and url are both given; a server has one or the other"));
            }
            (_, None, None) => return Err(invalid("has neither command nor url").hint("add one of them")),
            (None | Some(TransportKind::Stdio), Some(command), None) => {
                if !self.headers.is_empty() {
                    return Err(invalid("headers belong to a server with a url, not to a command"));
                }
                Transport::Stdio(Stdio { command, args: self.args, env: self.env })
            }
            (Some(kind), Some(_), None) => {
                return Err(invalid(format!("the transport {kind} takes a url, not a command")));
            }
            (Some(TransportKind::Stdio), None, Some(_)) => {
                return Err(invalid("the transport stdio takes a command, not a url"));
            }
            (kind, None, Some(url)) => {
                if !self.args.is_empty() || !self.env.is_empty() {
                    return Err(invalid("args and env belong to a server with a command, not to a url"));
                }
                let remote = Remote { url, headers: self.headers };
                match kind {
                    Some(TransportKind::Sse) => Transport::Sse(remote),
                    _ => Transport::StreamableHttp(remote),
                }
            }
        };
        let spec = McpServerSpec { name, transport, description: self.description, extra: self.extra };
        spec.check()?;
        Ok(spec)
    }
}

impl McpServerSpec {
    /// A stdio server: `command` and nothing else yet.
    #[must_use]
    pub fn stdio(name: ServerName, command: impl Into<String>) -> Self {
        let stdio = Stdio { command: command.into(), ..Stdio::default() };
        Self { name, transport: Transport::Stdio(stdio), description: String::new(), extra: BTreeMap::new() }
    }

    /// A streamable HTTP server at `url`.
    #[must_use]
    pub fn streamable_http(name: ServerName, url: TextTemplate) -> Self {
        let remote = Remote { url, headers: BTreeMap::new() };
        Self { name, transport: Transport::StreamableHttp(remote), description: String::new(), extra: BTreeMap::new() }
    }

    /// The digest of the entry: SHA-256 over its RFC 8785 canonical JSON (rule 9).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`] when an extra value has no canonical form.
    pub fn digest(&self) -> Result<Digest> {
        Digest::of_json(self)
    }

    /// Its listing line, with no source.
    #[must_use]
    pub fn to_ref(&self) -> McpServerRef {
        McpServerRef {
            name: self.name.clone(),
            description: self.description.clone(),
            transport: self.transport.kind(),
            version: None,
            source: String::new(),
        }
    }
}

impl Serialize for McpServerSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        serialize_fields(self, &mut out)?;
        out.end()
    }
}

/// Writes the entries of a spec's map, so that a masked one can add its own.
pub(crate) fn serialize_fields<M: SerializeMap>(spec: &McpServerSpec, out: &mut M) -> Result<(), M::Error> {
    out.serialize_entry("name", &spec.name)?;
    out.serialize_entry("transport", &spec.transport.kind())?;
    match &spec.transport {
        Transport::Stdio(stdio) => {
            out.serialize_entry("command", &stdio.command)?;
            out.serialize_entry("args", &stdio.args)?;
            out.serialize_entry("env", &stdio.env)?;
        }
        Transport::StreamableHttp(remote) | Transport::Sse(remote) => {
            out.serialize_entry("url", &remote.url)?;
            out.serialize_entry("headers", &remote.headers)?;
        }
    }
    out.serialize_entry("description", &spec.description)?;
    spec.extra.iter().try_for_each(|(key, value)| out.serialize_entry(key, value))
}

impl<'de> Deserialize<'de> for McpServerSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json::Strict(value) = json::Strict::deserialize(deserializer)?;
        Self::from_json(value).map_err(serde::de::Error::custom)
    }
}

/// Reads `value` as a `T`, naming the field when it is none.
fn field<T: serde::de::DeserializeOwned>(key: &str, value: Value) -> Result<T> {
    // serde's own message may quote the value, which may be a secret: name what was wrong instead.
    let found = match &value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    };
    serde_json::from_value(value).map_err(|cause| {
        let why = cause.to_string();
        let why = why.strip_prefix("invalid type: ").and_then(|w| w.split_once("expected ")).map_or(
            // A template's error shows the right spelling and none of the value.
            if why.starts_with("invalid") { format!("cannot be {found}") } else { why.clone() },
            |(_, expected)| format!("must be {}, is {found} or holds another type", expected_words(expected)),
        );
        invalid(format!("the field {} {why}", text::quote(key)))
    })
}

fn expected_words(expected: &str) -> &str {
    match expected {
        "a borrowed string" | "a string" | "string" => "a string",
        "a sequence" => "a list of strings",
        "a map" => "a mapping of strings",
        other => other,
    }
}

impl McpServerSpec {
    /// Reads an entry from its JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`], naming the field; [`ErrorKind::InvalidName`].
    pub fn from_json(value: Value) -> Result<Self> {
        let Value::Object(map) = value else {
            return Err(invalid("an entry is a JSON object"));
        };
        let mut name = None;
        let mut fields = SpecFields::default();
        for (key, value) in map {
            match key.as_str() {
                "name" => name = Some(ServerName::parse(&field::<String>(&key, value)?)?),
                "masked" => {
                    return Err(invalid("the entry was printed with its secrets masked, so it is not the whole entry")
                        .hint("refer to variables ($NAME) where it says ***, and remove \"masked\""));
                }
                // A null is how some writers say "none".
                _ if value.is_null() && KNOWN_KEYS.contains(&key.as_str()) => {}
                "transport" => fields.transport = Some(TransportKind::parse(&field::<String>(&key, value)?)?),
                "command" => fields.command = Some(field(&key, value)?),
                "args" => fields.args = field(&key, value)?,
                "env" => fields.env = field(&key, value)?,
                "url" => fields.url = Some(field(&key, value)?),
                "headers" => fields.headers = field(&key, value)?,
                "description" => fields.description = field(&key, value)?,
                _ => {
                    fields.extra.insert(key, value);
                }
            }
        }
        let name = name.ok_or_else(|| invalid("the field \"name\" is missing"))?;
        fields.build(name)
    }
}

/// Debug output is read by people: it shows the masked form (rule 4).
impl fmt::Debug for McpServerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::escape(&serde_json::to_string(&self.masked()).unwrap_or_default()))
    }
}

macro_rules! debug_by_kind {
    ($($type:ty => $text:expr),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Which values are secret is told by the entry as a whole: its Debug shows them.
                let show: fn(&Self) -> String = $text;
                f.write_str(&show(self))
            }
        }
    )*};
}
debug_by_kind!(
    Transport => |t| format!("Transport({})", t.kind()),
    Stdio => |s| format!("Stdio({} args, {} variables)", s.args.len(), s.env.len()),
    Remote => |r| format!("Remote({:?}, {} headers)", r.url, r.headers.len()),
    SpecFields => |_| "SpecFields(…)".to_owned()
);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Result<McpServerSpec> {
        McpServerSpec::from_json(value)
    }

    #[test]
    fn the_transport_is_told_by_the_fields() {
        let kind = |value| read(value).unwrap().transport.kind();
        assert_eq!(kind(json!({"name": "a", "command": "x"})), TransportKind::Stdio);
        assert_eq!(kind(json!({"name": "a", "url": "https://h"})), TransportKind::StreamableHttp);
        assert_eq!(kind(json!({"name": "a", "url": "https://h", "transport": "sse"})), TransportKind::Sse);
        assert_eq!(kind(json!({"name": "a", "url": null, "command": "x"})), TransportKind::Stdio);
    }

    #[test]
    fn what_does_not_agree_is_invalid() {
        for bad in [
            json!([]),
            json!({"command": "x"}),
            json!({"name": "a"}),
            json!({"name": "a", "command": "x", "url": "https://h"}),
            json!({"name": "a", "command": " "}),
            json!({"name": "a", "command": "x", "transport": "sse"}),
            json!({"name": "a", "command": "x", "transport": "pigeon"}),
            json!({"name": "a", "command": 1}),
            json!({"name": "a", "command": "x", "args": "-y"}),
            json!({"name": "a", "command": "x", "args": [1]}),
            json!({"name": "a", "command": "x", "env": {"A=B": "c"}}),
            json!({"name": "a", "command": "x", "env": {"A": "$HOME/x"}}),
            json!({"name": "a", "command": "x", "headers": {"A": "c"}}),
            json!({"name": "a", "url": "ftp://h"}),
            json!({"name": "a", "url": "https://"}),
            json!({"name": "a", "url": "https://h x"}),
            json!({"name": "a", "url": "https:///u:s@h"}),
            json!({"name": "a", "command": "x", "env": {"https://u:s@h": "c"}}),
            json!({"name": "a", "command": "x", "env": {"TOKEN:s": "c"}}),
            json!({"name": "a", "command": "x", "x": {"https://u:s@h": "c"}}),
            json!({"name": "a", "command": "x", "x": [9_007_199_254_740_993_u64]}),
            json!({"name": "a", "url": "https://h", "args": ["x"]}),
            json!({"name": "a", "url": "https://h", "headers": {"A b": "c"}}),
            json!({"name": "a", "url": "https://h", "headers": {"A": "c\nd"}}),
            json!({"name": "a", "url": "https://h", "headers": {"A": "c", "a": "d"}}),
            json!({"name": "a", "command": "x", "masked": []}),
        ] {
            let error = read(bad.clone()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidSpec, "{bad} {error}");
        }
        assert_eq!(read(json!({"name": "a/b", "command": "x"})).unwrap_err().kind(), ErrorKind::InvalidName);
        assert!(
            serde_json::from_str::<McpServerSpec>(r#"{"name":"a","command":"x","env":{"A":"1","A":"2"}}"#).is_err()
        );
    }

    #[test]
    fn an_error_about_a_field_does_not_quote_its_value() {
        let error = read(json!({"name": "a", "command": "x", "env": {"A": "$HOME/hunter2"}})).unwrap_err();
        assert!(!error.to_string().contains("hunter2") && error.to_string().contains("${HOME}"), "{error}");
        let error = read(json!({"name": "a", "command": "x", "env": {"A": 12345}})).unwrap_err();
        assert!(!error.to_string().contains("12345"), "{error}");
    }

    #[test]
    fn extra_keys_survive_and_the_digest_is_that_of_the_content() {
        let value = json!({"name": "a", "command": "x", "zeta": {"b": [1, null, 2.5]}, "Alpha": "y"});
        let spec = read(value.clone()).unwrap();
        let out = serde_json::to_value(&spec).unwrap();
        assert_eq!(out["zeta"], value["zeta"]);
        assert_eq!(read(out).unwrap(), spec);
        assert_eq!(
            spec.digest().unwrap(),
            read(json!({"Alpha": "y", "zeta": {"b": [1, null, 2.5]}, "command": "x", "name": "a", "args": []}))
                .unwrap()
                .digest()
                .unwrap()
        );
        let mut other = spec.clone();
        other.description = "d".into();
        assert_ne!(spec.digest().unwrap(), other.digest().unwrap());
    }
}
