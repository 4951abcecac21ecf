//! Entries read from a file or from standard input.

use std::fs::File;
use std::io::{self, Read};

use mcp_registry_spec::json::Strict;
use mcp_registry_spec::{Error, ErrorKind, McpServerSpec, Result, ServerName, text};
use serde_json::{Map, Value};

/// The most that is read.
const MOST: u64 = 16 << 20;

/// Reads the entry `name` from `file`, where `-` is standard input: an entry as `show` prints it,
/// or one that stands alone in the `{"mcpServers": {NAME: …}}` of common clients.
///
/// # Errors
/// [`ErrorKind::Unavailable`] when the file cannot be read, naming it and the reason;
/// [`ErrorKind::InvalidSpec`] when what it holds is no entry, or one of another name.
pub(crate) fn read(file: &str, name: &ServerName) -> Result<McpServerSpec> {
    let shown = if file == "-" { "standard input" } else { file };
    let text = if file == "-" { contents(io::stdin().lock()) } else { File::open(file).and_then(contents) };
    let text = text.map_err(|cause| match cause.kind() {
        io::ErrorKind::InvalidData => invalid("is not UTF-8").at(shown, None),
        io::ErrorKind::FileTooLarge => invalid("is larger than 16 MiB").at(shown, None),
        _ => Error::new(ErrorKind::Unavailable, "cannot be read").at(shown, None).caused_by(cause),
    })?;
    entry(parse(&text).map_err(|error| error.at(shown, None))?, name)
}

fn contents(reader: impl Read) -> io::Result<String> {
    let mut text = String::new();
    let read = reader.take(MOST + 1).read_to_string(&mut text)?;
    if read as u64 > MOST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

fn invalid(message: impl AsRef<str>) -> Error {
    Error::new(ErrorKind::InvalidSpec, message)
}

/// Reads JSON, or else YAML; a key given twice is an error in both.
fn parse(text: &str) -> Result<Value> {
    let as_json = match serde_json::from_str(text) {
        Ok(Strict(value)) => return Ok(value),
        Err(cause) => cause,
    };
    match serde_yaml::from_str(text) {
        Ok(Strict(value)) => Ok(value),
        // What begins as JSON was meant as JSON, and its error is the one that helps.
        Err(_) if text.trim_start().starts_with('{') => Err(invalid("is no valid JSON").caused_by(as_json)),
        Err(cause) => Err(invalid("is neither JSON nor YAML").caused_by(cause)),
    }
}

/// Takes the entry `name` out of what was read.
fn entry(value: Value, name: &ServerName) -> Result<McpServerSpec> {
    let Value::Object(map) = value else { return Err(invalid("an entry is a mapping")) };
    let mut entry = match map.get("mcpServers") {
        Some(_) => client_entry(map, name)?,
        None => map,
    };
    match entry.get("name") {
        None => {
            entry.insert("name".to_owned(), name.as_str().into());
        }
        Some(Value::String(given)) if given == name.as_str() => {}
        Some(Value::String(given)) => {
            return Err(invalid(format!("the entry is that of {}, not of {:?}", text::quote(given), name.as_str()))
                .hint("give the same name in both places"));
        }
        // Whatever else it is, reading the entry says what is wrong with it.
        Some(_) => {}
    }
    McpServerSpec::from_json(Value::Object(entry))
}

/// The entry in the form of common clients, when it is the only one.
fn client_entry(mut map: Map<String, Value>, name: &ServerName) -> Result<Map<String, Value>> {
    let mut servers = match map.remove("mcpServers") {
        Some(Value::Object(servers)) if map.is_empty() => servers,
        Some(Value::Object(_)) => return Err(invalid("there are other keys beside \"mcpServers\"")),
        _ => return Err(invalid("\"mcpServers\" is no mapping")),
    };
    match (servers.remove(name.as_str()), servers.is_empty()) {
        (Some(Value::Object(mut entry)), true) => {
            transport_of_clients(&mut entry)?;
            Ok(entry)
        }
        (Some(Value::Object(_)), false) => {
            Err(invalid(format!("\"mcpServers\" holds other servers beside {:?}", name.as_str()))
                .hint("leave the one to be installed"))
        }
        (Some(_), _) => Err(invalid("an entry is a mapping")),
        (None, _) => Err(invalid(format!("\"mcpServers\" holds no server {:?}", name.as_str()))),
    }
}

/// Clients call the transport `type`, and streamable HTTP `http`.
fn transport_of_clients(entry: &mut Map<String, Value>) -> Result<()> {
    if entry.contains_key("transport") {
        return Ok(());
    }
    let transport = match entry.remove("type") {
        None => return Ok(()),
        Some(Value::String(kind)) if kind == "http" => "streamable-http".to_owned(),
        Some(Value::String(kind)) => kind,
        Some(_) => return Err(invalid("the field \"type\" must be a string")),
    };
    entry.insert("transport".to_owned(), transport.into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<McpServerSpec> {
        entry(parse(text)?, &ServerName::parse("a").unwrap())
    }

    #[test]
    fn json_yaml_and_the_form_of_clients_read_alike() {
        let spec = read_text(r#"{"name": "a", "command": "npx", "args": ["-y"], "x": 1}"#).unwrap();
        for text in [
            r#"{"command": "npx", "args": ["-y"], "x": 1}"#,
            "command: npx\nargs: [-y]\nx: 1\n",
            r#"{"mcpServers": {"a": {"type": "stdio", "command": "npx", "args": ["-y"], "x": 1}}}"#,
            "{command: npx, args: ['-y'], x: 1}",
        ] {
            assert_eq!(read_text(text).unwrap(), spec, "{text}");
        }
        let remote = read_text(r#"{"mcpServers": {"a": {"type": "sse", "url": "https://h/"}}}"#).unwrap();
        assert_eq!(remote.transport.kind().as_str(), "sse");
        let remote = read_text(r#"{"mcpServers": {"a": {"type": "http", "url": "https://h/"}}}"#).unwrap();
        assert_eq!(remote.transport.kind().as_str(), "streamable-http");
    }

    #[test]
    fn what_is_not_exactly_the_entry_asked_for_is_refused() {
        for (text, why) in [
            (r#"{"name": "b", "command": "npx"}"#, "that of \"b\""),
            (r#"{"mcpServers": {"b": {"command": "npx"}}}"#, "holds no server"),
            (r#"{"mcpServers": {"a": {"command": "npx"}, "b": {"command": "npx"}}}"#, "other servers"),
            (r#"{"mcpServers": {"a": {"command": "npx"}}, "x": 1}"#, "other keys"),
            (r#"{"mcpServers": []}"#, "no mapping"),
            (r#"{"command": "npx", "masked": ["env.A"]}"#, "masked"),
            (r#"{"command": "npx", "command": "uvx"}"#, "twice"),
            ("command: npx\ncommand: uvx", "twice"),
            ("{\"command\": ", "JSON"),
            ("- a", "mapping"),
            ("", "mapping"),
            (r#"{"name": 1, "command": "npx"}"#, "name"),
        ] {
            let error = read_text(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidSpec);
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
    }
}
