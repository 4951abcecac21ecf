//! Digests: which content of an entry a change was made for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::{Error, ErrorKind, text};

/// The SHA-256 of an entry's canonical JSON (RFC 8785); displayed as `sha256:` and 64 hex digits.
///
/// Two entries have the same digest exactly when they are equal as [`McpServerSpec`]s.
///
/// [`McpServerSpec`]: crate::McpServerSpec
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// 32 zero bytes: what stands where there is nothing that has a digest.
    pub const ZERO: Self = Self([0; 32]);

    /// The digest of `bytes`.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of the canonical JSON of `value`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`] when `value` has no JSON form.
    pub fn of_json(value: &impl Serialize) -> Result<Self, Error> {
        match serde_json_canonicalizer::to_vec(value) {
            Ok(bytes) => Ok(Self::of_bytes(&bytes)),
            Err(cause) => Err(Error::new(ErrorKind::InvalidSpec, "has no canonical JSON form").caused_by(cause)),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(source: &str) -> Result<Self, Error> {
        let invalid = || {
            Error::new(ErrorKind::ConfigInvalid, format!("{} is no digest", text::quote(source)))
                .hint("a digest is \"sha256:\" and 64 hex digits, as show prints it")
        };
        let hex = source.strip_prefix("sha256:").filter(|hex| hex.len() == 64).ok_or_else(invalid)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let digit = |b: &u8| char::from(*b).to_digit(16);
            match (pair.first().and_then(digit), pair.last().and_then(digit)) {
                (Some(high), Some(low)) => *byte = (high * 16 + low) as u8,
                _ => return Err(invalid()),
            }
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_and_parse_agree() {
        let digest = Digest::of_bytes(b"");
        assert_eq!(digest.to_string(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        for bad in ["", "sha256:", "e3b0", &format!("sha256:{}", "x".repeat(64))] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
