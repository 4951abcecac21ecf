//! Objects of a contract, read strictly: every key one that there is, every value of the type it must have (E4).

use std::fmt::Display;
use std::str::FromStr;

use mcp_registry_spec::{Error, ErrorKind, Result, near, text};
use serde_json::{Map, Value};

/// The longest text of a contract, in bytes.
const MOST_TEXT: usize = 4096;

/// The error that a contract cannot be used.
pub(crate) fn wrong(message: impl AsRef<str>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, message)
}

/// An object of the contract, of which every key is taken.
pub(crate) struct Fields {
    map: Map<String, Value>,
    /// What messages call it.
    what: String,
}

impl Fields {
    /// The object that is called `what`.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn new(value: Value, what: impl Into<String>) -> Result<Self> {
        match (value, what.into()) {
            (Value::Object(map), what) => Ok(Self { map, what }),
            (_, what) => Err(wrong(format!("{what} is no object"))),
        }
    }

    /// Refuses what has another key than these.
    ///
    /// # Errors
    /// The refusal, with the near key that was probably meant.
    pub(crate) fn only(&self, known: &[&str]) -> Result<()> {
        match self.map.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                Err(wrong(format!("{} has no key {}", self.what, text::quote(key))).hint(near::hint(key, known)))
            }
        }
    }

    /// What messages call a key of it.
    fn named(&self, key: &str) -> String {
        format!("the key \"{key}\" of {}", self.what)
    }

    /// The error that the value of a key is not what it must be.
    pub(crate) fn bad(&self, key: &str, why: impl AsRef<str>) -> Error {
        wrong(format!("{} {}", self.named(key), why.as_ref()))
    }

    /// Takes the value of a key that must be there.
    pub(crate) fn value(&mut self, key: &str) -> Result<Value> {
        self.map.remove(key).ok_or_else(|| wrong(format!("{} has no \"{key}\", which it needs", self.what)))
    }

    /// Whether a key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// Takes a text that must be there, as what `parse` makes of it.
    pub(crate) fn parsed<T>(&mut self, key: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<T> {
        let text = self.text(key)?;
        parse(&text).map_err(|why| self.bad(key, why))
    }

    /// Takes a name that must be there.
    pub(crate) fn name<T: FromStr<Err: Display>>(&mut self, key: &str) -> Result<T> {
        self.parsed(key, |text| text.parse().map_err(|why| format!("is no name: {why}")))
    }

    /// Takes a text that must be there.
    pub(crate) fn text(&mut self, key: &str) -> Result<String> {
        let value = self.value(key)?;
        self.checked(key, value)
    }

    /// Takes a list of texts that must be there, `most` at most.
    pub(crate) fn texts(&mut self, key: &str, most: usize) -> Result<Vec<String>> {
        match self.value(key)? {
            Value::Array(items) if (1..=most).contains(&items.len()) => {
                items.into_iter().map(|item| self.checked(key, item)).collect()
            }
            _ => Err(self.bad(key, format!("is no list of 1 to {most} texts"))),
        }
    }

    fn checked(&self, key: &str, value: Value) -> Result<String> {
        match value {
            Value::String(text) if (1..=MOST_TEXT).contains(&text.len()) && !text.contains('\0') => Ok(text),
            Value::String(_) => Err(self.bad(key, format!("is empty, holds NUL or has more than {MOST_TEXT} bytes"))),
            _ => Err(self.bad(key, "is no text")),
        }
    }
}
