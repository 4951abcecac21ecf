//! Secrets that are known, and not only recognised.

use super::MASK;

/// `text` without a secret that is known, whatever its shape, as it is, in another case of letters, or with
/// `%XX` in it; `None` where it is not there.
///
/// ```
/// use mcp_registry_spec::redact::hide_known;
/// assert_eq!(hide_known("at /%68unter2", "hunter2").as_deref(), Some("at /***"));
/// assert_eq!(hide_known("at /", "hunter2"), None);
/// ```
#[must_use]
pub fn hide_known(text: &str, secret: &str) -> Option<String> {
    let first = *secret.as_bytes().first()?;
    let mut out = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(rest) = text.as_bytes().get(at..) {
        let Some(ahead) = rest.iter().position(|byte| *byte == b'%' || byte.eq_ignore_ascii_case(&first)) else {
            break;
        };
        at += ahead;
        match spelled(rest.get(ahead..).unwrap_or_default(), secret.as_bytes()) {
            Some(length) => {
                out.push_str(text.get(kept..at).unwrap_or_default());
                out.push_str(MASK);
                at += length;
                kept = at;
            }
            None => at += 1,
        }
    }
    (kept > 0).then(|| out + text.get(kept..).unwrap_or_default())
}

/// How much of the beginning of `text` spells `secret`: as it is, in the case that a host's name has, or with
/// `%XX` in it, as a path may have.
fn spelled(text: &[u8], secret: &[u8]) -> Option<usize> {
    if text.get(..secret.len()).is_some_and(|same| same.eq_ignore_ascii_case(secret)) {
        return Some(secret.len());
    }
    let mut rest = text;
    for byte in secret {
        rest = match rest {
            [b'%', high, low, after @ ..] if decoded(*high, *low).is_some_and(|own| own.eq_ignore_ascii_case(byte)) => {
                after
            }
            [own, after @ ..] if own.eq_ignore_ascii_case(byte) => after,
            _ => return None,
        };
    }
    Some(text.len() - rest.len())
}

fn decoded(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
