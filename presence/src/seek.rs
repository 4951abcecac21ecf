//! Finding one value in a document without keeping the rest: a settings file can be large, and its contents are
//! others' (E7, E9).

use std::fmt;

use mcp_registry_spec::json::{Bounded, Strict};
use mcp_registry_spec::text;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// From which size on a value is no entry any more, in bytes.
const MOST_ENTRY: usize = 256 << 10;

/// What is found at the end of a way of keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// The value.
    Value(Value),
    /// There is no such key. `left` keys of the way are left with it.
    NoKey {
        left: usize,
        /// The key there is in another case of letters.
        near: Option<String>,
    },
    /// What the keys so far lead to holds no keys. `left` keys of the way are left.
    NoTable { left: usize },
}

/// Looks for the value at the end of a way of keys, and reads everything else only to see that it is well formed. How
/// deep values nest is for what reads the text to bound, as the readers of E9 and E10 do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seek<'w> {
    /// The keys that are left; `None` beside the way.
    way: Option<&'w [String]>,
}

impl<'w> Seek<'w> {
    /// What is beside the way.
    const BESIDE: Self = Self { way: None };

    pub(crate) fn new(way: &'w [String]) -> Self {
        Self { way: Some(way) }
    }

    fn no_table(self) -> Found {
        Found::NoTable { left: self.way.map_or(0, <[String]>::len) }
    }
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        match self.way {
            Some([]) => Bounded::new(MOST_ENTRY).deserialize(deserializer).map(|Strict(value)| Found::Value(value)),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Found, A::Error> {
        let Some((wanted, rest)) = self.way.and_then(<[String]>::split_first) else {
            while entries.next_key::<IgnoredAny>()?.is_some() {
                entries.next_value_seed(Self::BESIDE)?;
            }
            return Ok(self.no_table());
        };
        let (mut found, mut near) = (None, None);
        while let Some(key) = entries.next_key::<String>()? {
            if key != *wanted {
                entries.next_value_seed(Self::BESIDE)?;
                near = near.or_else(|| key.eq_ignore_ascii_case(wanted).then_some(key));
            } else if found.is_none() {
                found = Some(entries.next_value_seed(Self::new(rest))?);
            } else {
                return Err(A::Error::custom(format!("the key {} is given twice", text::quote(wanted))));
            }
        }
        Ok(found.unwrap_or(Found::NoKey { left: rest.len() + 1, near }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Found, A::Error> {
        while items.next_element_seed(Self::BESIDE)?.is_some() {}
        Ok(self.no_table())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        Ok(self.no_table())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(self.no_table())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        Ok(self.no_table())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(self.no_table())
    }

    fn visit_str<E>(self, _: &str) -> Result<Found, E> {
        Ok(self.no_table())
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(self.no_table())
    }
}
