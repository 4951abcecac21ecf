//! JSON that is exact for programs and harmless on a terminal.

use std::io::{self, Write};

use mcp_registry_spec::text::{is_printable_ascii, is_unprintable};
use mcp_registry_spec::{Listing, McpServerRef};
use serde::Serialize;
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

/// Writes a value.
pub(crate) fn write(out: &mut impl Write, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    Ok(value.serialize(&mut serde_json::Serializer::with_formatter(out, SafeJson))?)
}

/// Writes a listing, byte for byte as [`write`] would. There may be a hundred thousand lines of it,
/// and nearly all are texts that are copied as they are.
pub(crate) fn write_listing(out: &mut impl Write, listing: &Listing) -> io::Result<()> {
    let Listing { servers, broken } = listing;
    out.write_all(b"{\"servers\":[")?;
    let mut before: &[u8] = b"{\"name\":\"";
    for McpServerRef { name, description, transport, version, source } in servers {
        out.write_all(before)?;
        before = b",{\"name\":\"";
        // A name holds nothing that would be written otherwise (rule 1), nor does a transport.
        out.write_all(name.as_str().as_bytes())?;
        out.write_all(b"\",\"description\":\"")?;
        write_inside(out, description)?;
        out.write_all(b"\",\"transport\":\"")?;
        out.write_all(transport.as_str().as_bytes())?;
        out.write_all(b"\",\"version\":")?;
        match version {
            None => out.write_all(b"null")?,
            version => write(out, version)?,
        }
        out.write_all(b",\"source\":\"")?;
        write_inside(out, source)?;
        out.write_all(b"\"}")?;
    }
    out.write_all(b"],\"broken\":")?;
    write(out, broken)?;
    out.write_all(b"}")
}

/// Writes what stands between the quotes of a text.
fn write_inside(out: &mut impl Write, text: &str) -> io::Result<()> {
    if text.bytes().fold(true, |so_far, b| so_far & AS_IT_IS[usize::from(b)]) {
        return out.write_all(text.as_bytes());
    }
    let mut quoted = Vec::with_capacity(text.len() + 16);
    write(&mut quoted, text)?;
    out.write_all(quoted.get(1..quoted.len() - 1).unwrap_or_default())
}

/// The bytes that JSON and terminals take as they are.
const AS_IT_IS: [bool; 256] = {
    let (mut as_it_is, mut b) = ([false; 256], 0);
    while b < as_it_is.len() {
        as_it_is[b] = matches!(b as u8, b' '..=b'~') && b as u8 != b'"' && b as u8 != b'\\';
        b += 1;
    }
    as_it_is
};

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
    use mcp_registry_spec::{BrokenEntry, Error, ErrorKind, ServerName, TransportKind};

    fn json(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        write(&mut out, value).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_steers_or_hides_is_written_out_and_reads_back() {
        let text = "a\u{1b}[2J\u{202e}ä日本\u{200b}🙂\u{e0041}\u{7f}\n\"";
        let json = json(&text);
        assert_eq!(json, r#""a\u001b[2J\u202eä日本\u200b🙂\udb40\udc41\u007f\n\"""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn a_listing_is_written_as_any_value_is() {
        let texts: Vec<String> = (0..=0x2fff).filter_map(char::from_u32).map(|c| format!("a{c}b")).collect();
        let name = |text: &str| ServerName::parse(text).unwrap();
        let server = |text: &String, transport: &TransportKind| McpServerRef {
            name: name("a-1.B"),
            description: text.clone(),
            transport: *transport,
            version: (!text.contains('"')).then(|| text.clone()),
            source: text.clone(),
        };
        let servers: Vec<_> = texts.iter().zip(TransportKind::ALL.iter().cycle()).map(|(t, k)| server(t, k)).collect();
        let broken = |text: &String| BrokenEntry { name: name("b"), error: Error::new(ErrorKind::Unavailable, text) };
        for servers in [servers, Vec::new()] {
            let listing = Listing { servers, broken: texts.iter().take(200).map(broken).collect() };
            for listing in [Listing { broken: Vec::new(), ..listing.clone() }, listing] {
                let mut out = Vec::new();
                write_listing(&mut out, &listing).unwrap();
                assert_eq!(String::from_utf8(out).unwrap(), json(&listing));
            }
        }
    }
}
