//! An entry as people read it.

use std::io;

use mcp_registry_spec::{Digest, MaskedSpec, Transport};

use super::printer::Text;

/// Writes an entry: a heading, then a field a line.
pub(crate) fn write(text: &mut Text, shown: &MaskedSpec, digest: &Digest) -> io::Result<()> {
    text.heading(shown.spec.name.as_str())?;
    fields(text, shown)?;
    field(text, "digest", [digest.to_string()])
}

/// Writes the fields of an entry, a line each.
pub(crate) fn fields(text: &mut Text, shown: &MaskedSpec) -> io::Result<()> {
    let spec = &shown.spec;
    field(text, "description", std::iter::once(spec.description.as_str()).filter(|d| !d.is_empty()))?;
    field(text, "transport", [spec.transport.kind().as_str()])?;
    match &spec.transport {
        Transport::Stdio(stdio) => {
            field(text, "command", [&stdio.command])?;
            field(text, "args", stdio.args.iter().map(|arg| visible(arg.as_str())))?;
            field(text, "env", stdio.env.iter().map(|(key, value)| format!("{key}={}", value.as_str())))?;
        }
        Transport::StreamableHttp(remote) | Transport::Sse(remote) => {
            field(text, "url", [remote.url.as_str()])?;
            field(text, "headers", remote.headers.iter().map(|(key, value)| format!("{key}: {}", value.as_str())))?;
        }
    }
    field(text, "extra", spec.extra.iter().map(|(key, value)| format!("{key}: {value}")))?;
    field(text, "masked", &shown.masked)
}

/// Writes a field: its name beside its first value, the others below that one.
pub(crate) fn field(text: &mut Text, name: &str, values: impl IntoIterator<Item = impl AsRef<str>>) -> io::Result<()> {
    let mut name = name;
    for value in values {
        text.plain(&format!("  {name:<13}"))?;
        text.untrusted(value.as_ref())?;
        text.end_line()?;
        name = "";
    }
    Ok(())
}

/// An argument, in quotes where its bounds could not be seen.
fn visible(arg: &str) -> String {
    if arg.is_empty() || arg.trim() != arg || arg.starts_with('"') { format!("{arg:?}") } else { arg.to_owned() }
}
