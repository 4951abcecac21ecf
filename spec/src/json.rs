//! JSON that says one thing only: reading it refuses a key given twice, at any depth.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A JSON value read without losing anything silently: a repeated key, which common readers settle
/// by forgetting one of the two values, is an error.
///
/// ```
/// use mcp_registry_spec::json::Strict;
/// assert!(serde_json::from_str::<Strict>(r#"{"a":{"b":1,"b":2}}"#).is_err());
/// ```
#[derive(Clone, PartialEq)]
pub struct Strict(pub Value);

/// The value may hold secrets (rule 4).
impl fmt::Debug for Strict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Strict(…)")
    }
}

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Bounded::new(usize::MAX).deserialize(deserializer)
    }
}

/// The deepest that values nest. Not every format that an entry is read from bounds this by itself, and a stack is
/// finite.
pub(crate) const MOST_DEPTH: usize = 128;

/// Reads [`Strict`] values of a bounded size, whatever short text they come from: an alias of YAML can
/// stand for a text a thousand times its length.
#[derive(Debug)]
pub struct Bounded {
    left: Cell<usize>,
}

impl Bounded {
    /// Allows `most` bytes of text and values taken together.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { left: Cell::new(most) }
    }

    fn spend<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        match self.left.get().checked_sub(bytes.saturating_add(1)) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(E::custom("it stands for more than may be read")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Bounded {
    type Value = Strict;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Strict, D::Error> {
        StrictVisitor { bounded: &self, depth: 0 }.deserialize(deserializer).map(Strict)
    }
}

#[derive(Clone, Copy)]
struct StrictVisitor<'b> {
    bounded: &'b Bounded,
    /// How many lists and objects the value is in.
    depth: usize,
}

impl StrictVisitor<'_> {
    fn spend<E: serde::de::Error>(self, bytes: usize) -> Result<(), E> {
        self.bounded.spend(bytes)
    }

    /// What reads the values within a list or an object.
    fn within<E: serde::de::Error>(self) -> Result<Self, E> {
        self.spend(0)?;
        match self.depth + 1 {
            depth if depth > MOST_DEPTH => Err(E::custom(format!("it nests deeper than {MOST_DEPTH} levels"))),
            depth => Ok(Self { depth, ..self }),
        }
    }
}

impl<'de> DeserializeSeed<'de> for StrictVisitor<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictVisitor<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        self.spend(0)?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.spend(0)?;
        Ok(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.spend(0)?;
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.spend(0)?;
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that JSON cannot hold"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.spend(value.len())?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        self.spend(value.len())?;
        Ok(Value::String(value))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.spend(0)?;
        Ok(Value::Null)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let within = self.within()?;
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(within)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let within = self.within()?;
        let mut out = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.spend(key.len())?;
            if out.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {} is given twice", crate::text::quote(&key))));
            }
            let value = entries.next_value_seed(within)?;
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_4_debug_shows_no_value() {
        let strict: Strict = serde_json::from_str(r#"{"hunter2":{"a":["hunter2",1,null]}}"#).unwrap();
        assert_eq!(format!("{strict:?}"), "Strict(…)");
        let bounded = Bounded::new(64).deserialize(&mut serde_json::Deserializer::from_str(r#"["hunter2"]"#)).unwrap();
        assert_eq!(format!("{bounded:#?} {:?}", Some(&strict)), "Strict(…) Some(Strict(…))");
    }

    #[test]
    fn rule_4_an_error_names_a_key_and_no_value() {
        let read = |text| serde_json::from_str::<Strict>(text).unwrap_err().to_string();
        let error = read(r#"{"a":{"b":"hunter2","b":"hunter2"}}"#);
        assert!(error.contains("\"b\" is given twice") && !error.contains("hunter2"), "{error}");
        let error = read(r#"{"https://u:hunter2@h":1,"https://u:hunter2@h":2}"#);
        assert!(error.contains("given twice") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_is_read_is_bounded() {
        let read = |most, text| Bounded::new(most).deserialize(&mut serde_json::Deserializer::from_str(text)).is_ok();
        assert!(read(12, r#"["abc",{"a":1}]"#) && !read(8, r#"["abc",{"a":1}]"#));
    }

    #[test]
    fn what_nests_without_end_is_refused() {
        use serde::de::value::{Error, SeqDeserializer};

        /// A list in a list in a list, for as long as anybody asks.
        struct Endless;
        impl<'de> Deserializer<'de> for Endless {
            type Error = Error;
            fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
                visitor.visit_seq(SeqDeserializer::new(std::iter::once(Self)))
            }
            serde::forward_to_deserialize_any! {
                bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
                newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
            }
        }
        impl<'de> serde::de::IntoDeserializer<'de, Error> for Endless {
            type Deserializer = Self;
            fn into_deserializer(self) -> Self {
                self
            }
        }
        let error = Strict::deserialize(Endless).unwrap_err().to_string();
        assert!(error.contains("deeper than 128 levels"), "{error}");
    }
}
