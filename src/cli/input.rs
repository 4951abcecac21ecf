//! Entries read from a file or from standard input.

use std::fs::File;
use std::io;

use mcp_registry_spec::json::Strict;
use mcp_registry_spec::{Error, ErrorKind, McpServerSpec, Result, ServerName, text};
use serde_json::{Map, Value};

use super::bounded::read_text;

/// The most YAML that is read, in bytes: its reader's time grows faster than what it reads. JSON's
/// does not.
const MOST_YAML: usize = 64 << 10;

/// The deepest nesting of YAML that is read, for the same reason.
const MOST_DEPTH: usize = 64;

/// Reads the entry `name` from `file`, where `-` is standard input: an entry as `show` prints it,
/// or one that stands alone in the `{"mcpServers": {NAME: …}}` of common clients.
///
/// # Errors
/// [`ErrorKind::Unavailable`] when the file cannot be read, naming it and the reason;
/// [`ErrorKind::InvalidSpec`] when what it holds is no entry, or one of another name.
pub(crate) fn read(file: &str, name: &ServerName) -> Result<McpServerSpec> {
    let shown = if file == "-" { "standard input" } else { file };
    let text = if file == "-" { read_text(io::stdin().lock()) } else { File::open(file).and_then(read_text) };
    let text = text.map_err(|cause| {
        let error = match cause.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => invalid("holds no entry"),
            _ => Error::new(ErrorKind::Unavailable, "cannot be read"),
        };
        error.at(shown, None).caused_by(cause)
    })?;
    parse(&text).and_then(|value| entry(value, name)).map_err(|error| error.at(shown, None))
}

fn invalid(message: impl AsRef<str>) -> Error {
    Error::new(ErrorKind::InvalidSpec, message)
}

/// Reads JSON, or else YAML; a key given twice is an error in both.
fn parse(text: &str) -> Result<Value> {
    // What some editors put before a text is no part of it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let as_json = match serde_json::from_str(text) {
        Ok(Strict(value)) => return Ok(value),
        Err(cause) => cause,
    };
    match parse_yaml(text) {
        // What begins as JSON was meant as JSON, and its error is the one that helps.
        Err(_) if text.trim_start().starts_with('{') => Err(invalid("is no valid JSON").caused_by(as_json)),
        as_yaml => as_yaml,
    }
}

/// Reads YAML of bounded size and depth, in which nothing stands for more than it says.
fn parse_yaml(text: &str) -> Result<Value> {
    if text.len() > MOST_YAML {
        return Err(invalid("is no JSON, and too large to be read as YAML (64 KiB)"));
    }
    if nesting(text) > MOST_DEPTH {
        return Err(invalid("is no JSON, and nested too deeply to be read as YAML (64 levels)"));
    }
    if begins(text, b'&') && begins(text, b'*') {
        return Err(invalid("seems to use YAML's aliases (&NAME, *NAME), which can make much of little")
            .hint("write out what they stand for, or all of it as JSON"));
    }
    serde_yaml::from_str(text)
        .map(|Strict(value)| value)
        .map_err(|cause| invalid("is neither JSON nor YAML").caused_by(cause))
}

/// No less than the depth of nesting on one line: brackets that are open, and lists and mappings that
/// begin one in the other. Over several lines it costs indentation, which the size bounds.
fn nesting(text: &str) -> usize {
    let (mut open, mut begun, mut most) = (0usize, 0, 0);
    for b in text.bytes() {
        match b {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            b'-' | b'?' | b':' => begun += 1,
            b' ' | b'\t' => {}
            _ => begun = 0,
        }
        most = most.max(open).max(begun);
    }
    most
}

/// Whether `indicator` stands, with something behind it, where a value may begin.
fn begins(text: &str, indicator: u8) -> bool {
    let bytes = text.as_bytes();
    let may_begin = |before: Option<&u8>| before.is_none_or(|b| !b.is_ascii_graphic() || b"[{,:".contains(b));
    let goes_on = |after: Option<&u8>| after.is_some_and(|b| !b.is_ascii_whitespace());
    let found = |at: usize| may_begin(at.checked_sub(1).and_then(|i| bytes.get(i))) && goes_on(bytes.get(at + 1));
    bytes.iter().enumerate().any(|(at, b)| *b == indicator && found(at))
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
        assert_eq!(read_text("\u{feff}{\"command\": \"npx\"}").unwrap(), read_text("\u{feff}command: npx").unwrap());
    }

    #[test]
    fn hostile_texts_are_refused_at_once() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let bomb: String = (0..30).map(|i| format!("a{}: &a{} [*a{i}, *a{i}, *a{i}, *a{i}]\n", i + 1, i + 1)).collect();
        for (text, why) in [
            (format!("{{\"command\": \"x\", \"x\": {deep}}}"), "no valid JSON"),
            (format!("\u{feff} {{{deep}"), "no valid JSON"),
            (deep, "too large"),
            ("[".repeat(1 << 20), "too large"),
            ("[".repeat(60_000), "nested"),
            ("{a: ".repeat(10_000), "no valid JSON"),
            ("- ".repeat(30_000), "nested"),
            ("? ".repeat(30_000), "nested"),
            (format!("a0: &a0 x\n{bomb}"), "aliases"),
            (format!("[&s \"{}\",{}", "x".repeat(30_000), "*s,".repeat(8_000)), "aliases"),
            (format!("{{\"a\":&s \"x\",\"b\":*s{}}}", " ".repeat(10)), "no valid JSON"),
            (format!("a: {}", "b".repeat(MOST_YAML)), "too large"),
        ] {
            let error = read_text(&text).unwrap_err().to_string();
            assert!(error.contains(why), "{why}: {error}");
        }
        let harmless = "command: npx\nargs: ['*.rs', 'a&b', \"*x\"]\ndescription: a & b * c, x&y *z\n";
        assert!(read_text(harmless).is_ok());
        // JSON that is read needs no bound of YAML's.
        let large = format!("{{\"command\": \"npx\", \"description\": \"{}\"}}", "[".repeat(100_000));
        assert!(read_text(&large).is_ok());
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
