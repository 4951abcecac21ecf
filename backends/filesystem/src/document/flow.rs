//! Values written as YAML flow (`[…]`, `{…}`, `"…"`), and the `yaml` fences.

use std::fmt::Write as _;

use mcp_registry_spec::json::{Bounded, Strict};
use mcp_registry_spec::text::is_unprintable;
use serde::de::DeserializeSeed;
use serde_json::Value;

/// The most YAML that is read in one piece, in bytes. Nothing that long is an entry, and what YAML
/// parsers do with hostile input grows faster than it does.
pub(crate) const MOST_YAML: usize = 64 * 1024;

/// How many times as long as itself a piece of YAML may be with its aliases followed; and what a short one may be.
/// Of pieces a document may have thousands.
const MOST_GROWTH: usize = 4;
const LEAST_VALUE: usize = 1024;

/// The deepest nesting that is read.
const MOST_DEPTH: usize = 64;

/// Why a value cannot be read: what, and at which line of it (0-based).
#[derive(Debug, PartialEq)]
pub(crate) struct FlowError {
    pub(crate) message: String,
    pub(crate) line: usize,
}

/// Reads a value. JSON, which is what this crate writes, is tried first; the rest is YAML.
pub(crate) fn read(source: &str) -> Result<Value, FlowError> {
    if let Ok(Strict(value)) = serde_json::from_str(source) {
        return Ok(value);
    }
    read_yaml(source)
}

/// Reads YAML of bounded size and depth.
pub(crate) fn read_yaml(source: &str) -> Result<Value, FlowError> {
    let fail = |message: String| FlowError { message, line: 0 };
    if source.len() > MOST_YAML {
        return Err(fail(format!("the YAML is longer than {MOST_YAML} bytes")));
    }
    if nesting(source) > MOST_DEPTH {
        return Err(fail(format!("the YAML is nested deeper than {MOST_DEPTH} levels")));
    }
    let most = LEAST_VALUE + MOST_GROWTH * source.len();
    let value = Bounded::new(most).deserialize(serde_yaml::Deserializer::from_str(source));
    value.map(|Strict(value)| value).map_err(|cause| {
        let line = cause.location().map_or(0, |at| at.line().saturating_sub(1));
        let message = match cause.to_string() {
            // What follows a complete value is, to the parser, the next document.
            why if why.contains("more than one document") => "goes on behind its end".to_owned(),
            why => format!("is not valid YAML: {why}"),
        };
        FlowError { message, line }
    })
}

/// No less than the depth of nesting: brackets that are open at once, and indicators on one line.
fn nesting(source: &str) -> usize {
    let (mut open, mut most) = (0usize, 0);
    let mut indicators = 0usize;
    for b in source.bytes() {
        match b {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            b'-' | b'?' | b':' => indicators += 1,
            b' ' => {}
            _ => indicators = 0,
        }
        most = most.max(open).max(indicators);
    }
    most
}

/// Which characters beyond JSON's own are escaped, and how.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Escapes {
    /// As JSON does it, with surrogate pairs.
    Json,
    /// As YAML does it.
    Yaml,
}

/// Writes a value on one line, as JSON that is YAML too and in which nothing is hidden from a
/// reader or means something to CommonMark.
pub(crate) fn write(value: &Value, escapes: Escapes) -> String {
    let json = value.to_string();
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // "<!--" would open a comment that swallows the lines below.
            '<' => out.push_str("\\u003c"),
            // No characters to YAML.
            _ if !is_unprintable(c) && !matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(c),
            _ if escapes == Escapes::Yaml && c as u32 > 0xffff => {
                let _ = write!(out, "\\U{:08x}", c as u32);
            }
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                let _ = write!(out, "\\u{unit:04x}");
            }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_flow_and_json_are_read() {
        assert_eq!(read(r#"["a,b", 'c', d]"#).unwrap(), json!(["a,b", "c", "d"]));
        assert_eq!(read(r#"{A: "$B", "C": x}"#).unwrap(), json!({"A": "$B", "C": "x"}));
        assert_eq!(read(r#""a\u003cb""#).unwrap(), json!("a<b"));
    }

    #[test]
    fn what_says_two_things_is_refused() {
        for bad in [r#"{"a":1,"a":2}"#, "{a: 1, a: 2}", "[a", "\"a\" b", "{a: *b}"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read_yaml("a: 1\na: 2").is_err());
    }

    #[test]
    fn depth_aliases_and_size_are_bounded() {
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read_yaml(&format!("a: {}", "- ".repeat(1000))).is_err());
        let bomb: String = (0..30).map(|i| format!("a{}: &a{} [*a{i}, *a{i}, *a{i}, *a{i}]\n", i + 1, i + 1)).collect();
        assert!(read_yaml(&format!("a0: &a0 x\n{bomb}")).is_err());
        let long = "x".repeat(30_000);
        let fan = |name: &str| vec![name; 1000].join(", ");
        let bomb = format!("s: &s \"{long}\"\nb: &b [{}]\nc: &c [{}]\nd: [{}]\n", fan("*s"), fan("*b"), fan("*c"));
        assert!(read_yaml(&bomb).is_err());
        let (fits, exceeds) = (fan("x"), ["*l"; 8].join(", "));
        assert!(read_yaml(&format!("l: &l [{fits}]\nb: *l\n")).is_ok());
        assert!(
            read_yaml(&format!("l: &l [{fits}]\nb: [{exceeds}]\n")).unwrap_err().message.contains("stands for more")
        );
        assert_eq!(read_yaml("a: &a x\nb: *a").unwrap(), json!({"a": "x", "b": "x"}));
        assert!(read_yaml(&"a\n".repeat(MOST_YAML)).is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        let value = json!(["<!-- x -->", "\u{202e}\u{e0001}\u{85}\u{feff}", "\u{fffe}\u{ffff}\u{1ffff}", "🙂 \"\\ \n\t", 1e300, -0.5, u64::MAX, i64::MIN, null, {"k": [[]]}]);
        let json = write(&value, Escapes::Json);
        assert!(!json.contains('<') && !json.chars().any(is_unprintable));
        assert_eq!(read(&json).unwrap(), value);
        assert_eq!(read_yaml(&write(&value, Escapes::Yaml)).unwrap(), value);
    }
}
