//! JSON that is exact for programs and harmless on a terminal.

use std::io::{self, Write};

use mcp_registry_spec::text::{is_printable_ascii, is_unprintable};
use serde_json::ser::Formatter;

/// Compact JSON in which every character that could steer a terminal or hide from a reader is
/// written as `\uXXXX`: it reads back as the very same text.
#[derive(Debug, Default)]
pub(crate) struct SafeJson;

impl Formatter for SafeJson {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        write_escaped(out, fragment, |out, c| {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
        })
    }
}

/// Writes `fragment`, leaving what must not be shown to `escape`.
pub(crate) fn write_escaped<W: ?Sized + Write>(
    out: &mut W,
    fragment: &str,
    mut escape: impl FnMut(&mut W, char) -> io::Result<()>,
) -> io::Result<()> {
    let mut rest = fragment;
    if !is_printable_ascii(fragment) {
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unprintable(*c)) {
            let (plain, from) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            escape(out, c)?;
            rest = from.split_at(c.len_utf8()).1;
        }
    }
    out.write_all(rest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    #[test]
    fn what_steers_or_hides_is_written_out_and_reads_back() {
        let text = "a\u{1b}[2J\u{202e}ä日本\u{200b}🙂\u{e0041}\u{7f}\n\"";
        let mut out = Vec::new();
        text.serialize(&mut serde_json::Serializer::with_formatter(&mut out, SafeJson)).unwrap();
        let json = String::from_utf8(out).unwrap();
        assert_eq!(json, r#""a\u001b[2J\u202eä日本\u200b🙂\udb40\udc41\u007f\n\"""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
