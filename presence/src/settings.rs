//! Settings files of clients, and the entry in one (E9, E10).

use std::path::Path;

use mcp_registry_spec::text;
use serde::de::DeserializeSeed;

use crate::delivery::Syntax;
use crate::entry::Entry;
use crate::file;
use crate::seek::{Found, Seek};

/// The largest file of JSON, in bytes: some clients keep more in it than settings.
const MOST_JSON: u64 = 8 << 20;
/// The largest file of TOML, in bytes: its reader keeps all of it.
const MOST_TOML: u64 = 1 << 20;

impl Syntax {
    /// The entry at the end of a way of keys in a file.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn entry(self, file: &Path, way: &[String]) -> Result<Entry, String> {
        let found = match self {
            Self::Json => json(&file::read(file, MOST_JSON)?, way)?,
            Self::Toml => toml(&file::read(file, MOST_TOML)?, way)?,
        };
        match found {
            Found::Value(value) => Entry::read(value, self.object()),
            Found::NoTable { left } => Err(format!("{} is no {}", self.place(way, left), self.object())),
            Found::NoKey { left, near } => {
                let key = way.len().checked_sub(left).and_then(|at| way.get(at)).map(String::as_str);
                let mut why = format!("{} has no key {}", self.place(way, left), text::quote(key.unwrap_or_default()));
                if let Some(near) = near {
                    why.push_str(&format!("; there is {}, and case makes a difference", text::quote(&near)));
                }
                Err(why)
            }
        }
    }

    /// What an object is called.
    fn object(self) -> &'static str {
        match self {
            Self::Json => "object",
            Self::Toml => "table",
        }
    }

    /// What the keys of the way but the last `left` lead to.
    fn place(self, way: &[String], left: usize) -> String {
        match way.len().checked_sub(left + 1).and_then(|at| way.get(at)) {
            None => "the file".to_owned(),
            Some(key) => text::quote(key),
        }
    }
}

fn json(text: &str, way: &[String]) -> Result<Found, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let found = Seek::new(way).deserialize(&mut reader);
    // No message of this reader quotes what it reads, but for keys.
    found.and_then(|found| reader.end().map(|()| found)).map_err(|cause| format!("it is no JSON to be used: {cause}"))
}

fn toml(text: &str, way: &[String]) -> Result<Found, String> {
    let document = mcp_registry_spec::toml::parse(text).map_err(|cause| {
        let line = cause.line.map(|line| format!(", in line {line}")).unwrap_or_default();
        format!("it is no valid TOML{line}: {}", cause.message)
    })?;
    let found = Seek::new(way).deserialize(toml::Deserializer::from(document));
    found.map_err(|cause| format!("it is no TOML to be used: {}", cause.message()))
}
