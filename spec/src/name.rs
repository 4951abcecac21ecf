//! Names: what an entry and a scope may be called.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, ErrorKind, text};

/// The longest name, in bytes (rule 1).
pub const MAX_NAME_LEN: usize = 128;

/// Why a text is no name (rule 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// The text has more than [`MAX_NAME_LEN`] bytes.
    #[error("is {0} bytes long; at most {MAX_NAME_LEN} are allowed")]
    TooLong(usize),
    /// The text begins with a dot.
    #[error("begins with a dot")]
    LeadingDot,
    /// The text contains two dots in a row.
    #[error("contains \"..\"")]
    DotDot,
    /// The text contains a character outside the grammar.
    #[error("contains {0:?}; only A-Z a-z 0-9 _ . + @ - are allowed")]
    Character(char),
}

/// The bytes of names about which there is nothing more to say: all but the dot.
const PLAIN: [bool; 256] = {
    let (mut plain, mut b) = ([false; 256], 0);
    while b < plain.len() {
        plain[b] = (b as u8).is_ascii_alphanumeric() || matches!(b as u8, b'_' | b'+' | b'@' | b'-');
        b += 1;
    }
    plain
};

/// Checks `text` against rule 1.
fn check(text: &str) -> Result<(), NameError> {
    if matches!(text.len(), 1..=MAX_NAME_LEN) && text.bytes().all(|b| PLAIN[usize::from(b)]) {
        return Ok(());
    }
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > MAX_NAME_LEN {
        return Err(NameError::TooLong(text.len()));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '@' | '-');
    if let Some(c) = text.chars().find(|c| !allowed(*c)) {
        return Err(NameError::Character(c));
    }
    if text.starts_with('.') {
        return Err(NameError::LeadingDot);
    }
    if text.as_bytes().windows(2).any(|pair| pair == b"..") {
        return Err(NameError::DotDot);
    }
    Ok(())
}

/// Whether `text` is a name (rule 1).
#[must_use]
pub fn is_name(text: &str) -> bool {
    check(text).is_ok()
}

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Box<str>);

        impl $type {
            /// Parses a name.
            ///
            /// # Errors
            /// [`ErrorKind::InvalidName`], saying which part of rule 1 the text breaks.
            pub fn parse(text: &str) -> Result<Self, Error> {
                match check(text) {
                    Ok(()) => Ok(Self(text.into())),
                    Err(why) => Err(Error::new(
                        ErrorKind::InvalidName,
                        format!("the {} {} {why}", $what, text::quote(text)),
                    )),
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl FromStr for $type {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                Self::parse(text)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name_type!(
    /// The name of an entry: `[A-Za-z0-9_.+@-]+`, at most [`MAX_NAME_LEN`] bytes, no leading dot
    /// and no `..` (rule 1). Parsed once, at the edge: no backend ever sees another text.
    ///
    /// ```
    /// use mcp_registry_spec::{ErrorKind, ServerName};
    /// assert_eq!(ServerName::parse("git+hub@2.1")?.as_str(), "git+hub@2.1");
    /// assert_eq!(ServerName::parse("../etc").unwrap_err().kind(), ErrorKind::InvalidName);
    /// # Ok::<(), mcp_registry_spec::Error>(())
    /// ```
    ServerName,
    "server name"
);

name_type!(
    /// Whose entries a backend reads and writes, fixed when it is opened (rule 5). Same grammar as
    /// [`ServerName`], because it becomes a path component and a key (rule 1).
    Scope,
    "scope"
);

name_type!(
    /// What an agent is known by in its scope, where it reports that it is alive. Same grammar as
    /// [`ServerName`] (rule C37).
    AgentId,
    "agent id"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_names() {
        for good in ["a", "A-Z_0.9+@", "x.y", "a.", &"n".repeat(128)] {
            assert!(ServerName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".a", "a..b", "a/b", "a\\b", "a b", "a\n", "ä", "a\0", &"n".repeat(129)] {
            let error = ServerName::parse(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidName, "{bad}");
            assert!(Scope::parse(bad).is_err() && AgentId::parse(bad).is_err());
        }
    }
}
