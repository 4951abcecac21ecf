//! YAML that every reader reads alike.
//!
//! Common writers leave `no`, `on`, `1.0` or `0x1f` bare, and older readers take them for something
//! else than text. Here every text is in double quotes, with JSON's escapes, which YAML shares; so
//! the YAML form is a [`Formatter`] for the same serialiser that writes JSON.

use std::io::{self, Write};

use serde_json::ser::{CharEscape, CompactFormatter, Formatter};

use super::json::write_escaped;

/// Block YAML.
#[derive(Debug, Default)]
pub(crate) struct BlockYaml {
    levels: Vec<Level>,
    /// What was written last decides how a value follows it.
    after: After,
    /// The key that is being written: bare where no reader could take it for anything else.
    key: Option<Vec<u8>>,
}

/// A list or mapping that was begun.
#[derive(Debug)]
struct Level {
    /// Whether its first item stands on the line of the dash before it.
    beside_dash: bool,
    empty: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum After {
    #[default]
    Start,
    Colon,
    Dash,
}

impl BlockYaml {
    fn begin(&mut self) {
        self.levels.push(Level { beside_dash: self.after != After::Colon, empty: true });
    }

    fn end<W: ?Sized + Write>(&mut self, out: &mut W, empty: &str) -> io::Result<()> {
        match self.levels.pop() {
            Some(Level { empty: true, beside_dash }) => {
                out.write_all(if beside_dash { b"" } else { b" " })?;
                out.write_all(empty.as_bytes())
            }
            _ => Ok(()),
        }
    }

    /// Begins the line of the next item.
    fn item<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        let depth = self.levels.len().saturating_sub(1);
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        if std::mem::take(&mut level.empty) && level.beside_dash {
            return Ok(());
        }
        out.write_all(b"\n")?;
        (0..depth).try_for_each(|_| out.write_all(b"  "))
    }

    /// Separates a scalar from the colon before it.
    fn space<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        out.write_all(if self.after == After::Colon { b" " } else { b"" })
    }
}

macro_rules! scalars {
    ($($name:ident($($type:ty)?)),*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, out: &mut W $(, value: $type)?) -> io::Result<()> {
            self.space(out)?;
            CompactFormatter.$name(out $(, <$type>::from(value))?)
        }
    )*};
}

impl Formatter for BlockYaml {
    scalars!(write_null(), write_bool(bool));
    scalars!(write_i8(i8), write_i16(i16), write_i32(i32), write_i64(i64), write_i128(i128));
    scalars!(write_u8(u8), write_u16(u16), write_u32(u32), write_u64(u64), write_u128(u128));

    fn write_f32<W: ?Sized + Write>(&mut self, out: &mut W, value: f32) -> io::Result<()> {
        self.write_f64(out, value.into())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        self.space(out)?;
        let text = value.to_string();
        // Without a point it would be read as another type, or as text.
        out.write_all(text.as_bytes())?;
        out.write_all(if text.contains('.') { b"" } else { b".0" })
    }

    fn begin_string<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        if self.key.is_some() {
            return Ok(());
        }
        self.space(out)?;
        out.write_all(b"\"")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        // JSON's pairs of surrogates are not YAML's.
        let escape = |out: &mut dyn Write, c: char| write!(out, "\\U{:08x}", u32::from(c));
        match &mut self.key {
            Some(key) => write_escaped(key, fragment, |out, c| escape(out, c)),
            None => write_escaped(out, fragment, |mut out, c| escape(&mut out, c)),
        }
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, out: &mut W, escape: CharEscape) -> io::Result<()> {
        match &mut self.key {
            Some(key) => CompactFormatter.write_char_escape(key, escape),
            None => CompactFormatter.write_char_escape(out, escape),
        }
    }

    fn end_string<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        match self.key.take() {
            None => out.write_all(b"\""),
            Some(key) if is_bare(&key) => out.write_all(&key),
            Some(key) => {
                out.write_all(b"\"")?;
                out.write_all(&key)?;
                out.write_all(b"\"")
            }
        }
    }

    fn begin_array<W: ?Sized + Write>(&mut self, _out: &mut W) -> io::Result<()> {
        self.begin();
        Ok(())
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, "[]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, _first: bool) -> io::Result<()> {
        self.item(out)?;
        self.after = After::Dash;
        out.write_all(b"- ")
    }

    fn begin_object<W: ?Sized + Write>(&mut self, _out: &mut W) -> io::Result<()> {
        self.begin();
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, "{}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, _first: bool) -> io::Result<()> {
        self.item(out)?;
        self.key = Some(Vec::new());
        Ok(())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.after = After::Colon;
        out.write_all(b":")
    }
}

/// Whether a key is a plain word that no reader takes for a boolean, a null or a number.
fn is_bare(key: &[u8]) -> bool {
    const TAKEN: &[&[u8]] = &[b"y", b"n", b"yes", b"no", b"on", b"off", b"true", b"false", b"null"];
    key.first().is_some_and(u8::is_ascii_alphabetic)
        && key.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        && !TAKEN.contains(&key.to_ascii_lowercase().as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use serde_json::{Value, json};

    fn yaml(value: &Value) -> String {
        let mut out = Vec::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, BlockYaml::default())).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn it_reads_as_people_write_it() {
        let value =
            json!({"servers": [{"name": "a", "args": ["-y", "no"], "env": {}}, [], [["x"], {"k": [1]}]], "z": null});
        assert_eq!(
            yaml(&value),
            r#"servers:
  - args:
      - "-y"
      - "no"
    env: {}
    name: "a"
  - []
  - - - "x"
    - k:
        - 1
z: null"#
        );
    }

    #[test]
    fn it_reads_back_equal() {
        for value in [
            json!([]),
            json!({}),
            json!("x"),
            json!(null),
            json!({"no": "no", "on": ["on", "1.0", "~", "", " x ", "# c", "a: b", "0x1f", "2001-01-01", "- x", "*a"]}),
            json!({"a b": 1, "": [true, -3, 1.5, 1e300, 2.0, 18446744073709551615u64], "1": {"x": {"y": []}}}),
            json!("a\u{1b}\u{202e}ä日本\u{200b}🙂\u{e0041}\u{7f}\u{85}\u{feff}\n\t\"\\\u{0}"),
            json!({"a\u{202e}\"\n🙂": [[[[]]], [{}], [{"a": {}}, {"b": [[1, 2], [3]]}]]}),
        ] {
            let text = yaml(&value);
            assert_eq!(serde_yaml::from_str::<Value>(&text).unwrap(), value, "{text}");
        }
    }
}
