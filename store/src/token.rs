//! The text of a token.

use std::fmt;

use mcp_registry_spec::Result;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::random;

/// What every token begins with, so that people and scanners know one when they see it.
const PREFIX: &str = "mcpr_";
/// Bytes of the part by which a token is found, which is no secret.
const ID_BYTES: usize = 8;
/// Bytes of the part that is.
const SECRET_BYTES: usize = 32;

/// A token, as its bearer has it: `mcpr_ID_SECRET`, in hex digits. It is a credential: `Debug` does not
/// show it, and it has no `Display`.
///
/// ```
/// use mcp_registry_store::Token;
/// let token = Token::random()?;
/// assert_eq!(format!("{token:?}"), "Token(***)");
/// assert_eq!(Token::parse(token.expose()).unwrap().expose(), token.expose());
/// assert!(Token::parse("mcpr_guess").is_none());
/// # Ok::<(), mcp_registry_spec::Error>(())
/// ```
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A new token, of the operating system's randomness.
    ///
    /// # Errors
    /// [`Unavailable`](mcp_registry_spec::ErrorKind::Unavailable) when the system has none to give.
    pub fn random() -> Result<Self> {
        let (id, secret) = (random::bytes::<ID_BYTES>()?, random::bytes::<SECRET_BYTES>()?);
        Ok(Self(format!("{PREFIX}{}_{}", hex(&id), hex(&secret))))
    }

    /// The token that a text is; `None` when it cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let digits =
            |part: &str, bytes| part.len() == 2 * bytes && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (digits(id, ID_BYTES) && digits(secret, SECRET_BYTES)).then(|| Self(text.to_owned()))
    }

    /// The text, for the one who is given it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The part by which it is found, which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.get(PREFIX.len()..PREFIX.len() + 2 * ID_BYTES).unwrap_or_default()
    }

    /// What is stored of it. The text is not a password that somebody thought up: 256 random bits cannot
    /// be guessed from their hash, so a slow hash would only slow down those who have the right token.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// Whether `stored` is the hash of this token; how long it takes tells nothing of where they differ.
    pub(crate) fn is_hashed_as(&self, stored: &[u8]) -> bool {
        self.hash().ct_eq(stored).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_and_matches_itself_alone() {
        let (token, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_eq!(token.expose().len(), "mcpr_".len() + 16 + 1 + 64);
        assert_ne!(token.id(), other.id());
        assert!(token.is_hashed_as(&token.hash()));
        assert!(
            !token.is_hashed_as(&other.hash()) && !token.is_hashed_as(&[]) && !token.is_hashed_as(&token.hash()[1..])
        );
    }

    #[test]
    fn what_is_no_token_is_none() {
        let good = Token::random().unwrap();
        let good = good.expose();
        for bad in
            ["", "mcpr_", "mcpr__", &good[1..], &good[..good.len() - 1], &good.to_uppercase(), &format!("{good}0")]
        {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }
}
