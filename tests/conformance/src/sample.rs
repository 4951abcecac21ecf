//! Entries to try things with.

use mcp_registry_spec::{Digest, McpServerSpec, ServerName};
use serde_json::{Value, json};

use crate::case::{Checked, During};

/// A value that must show nowhere but in the entry itself.
pub(crate) const SECRET: &str = "hunter2-conformance";

pub(crate) fn name(text: &str) -> Checked<ServerName> {
    ServerName::parse(text).during("parsing a name")
}

pub(crate) fn spec(value: Value) -> Checked<McpServerSpec> {
    McpServerSpec::from_json(value).during("making an entry")
}

/// An ordinary entry.
pub(crate) fn plain(name: &str) -> Checked<McpServerSpec> {
    described(name, "an ordinary server")
}

/// An ordinary entry with a description of its own.
pub(crate) fn described(name: &str, description: &str) -> Checked<McpServerSpec> {
    spec(json!({
        "name": name, "command": "npx", "args": ["-y", "@example/server"], "env": {"REGION": "${REGION:-eu}"},
        "description": description,
    }))
}

/// An entry with literals that must not show outside it.
pub(crate) fn secretive(name: &str) -> Checked<McpServerSpec> {
    spec(json!({
        "name": name, "command": "npx", "args": ["--api-key", SECRET, format!("https://me:{SECRET}@example.org/")],
        "env": {"API_KEY": SECRET, "PLAIN": SECRET}, "note": {"password": SECRET},
    }))
}

/// The same of a remote server.
pub(crate) fn secretive_remote(name: &str) -> Checked<McpServerSpec> {
    spec(json!({
        "name": name, "url": format!("https://me:{SECRET}@example.org/mcp?token={SECRET}"),
        "headers": {"Authorization": format!("Bearer {SECRET}"), "X-Plain": SECRET},
    }))
}

pub(crate) fn digest(spec: &McpServerSpec) -> Checked<Digest> {
    spec.digest().during("the digest of an entry")
}
