//! The cheap look: one pass over the bytes that tells most texts apart that hold no secret.

use super::keys::has_stem;
use super::shapes::holds_token;

/// What a byte says to the cheap look. Lower-case letters, nearly all there is, say nothing.
const TELLING: [bool; 256] = {
    let (mut telling, mut b) = ([false; 256], 0);
    while b < telling.len() {
        telling[b] = !matches!(b as u8, b'a'..=b'z' | b'.' | b'/' | b'#' | b'!' | b';' | b'&' | b'?' | b'+' | b'*');
        b += 1;
    }
    telling
};

/// Whether `text` needs the close look. It says yes whenever the close look could change anything:
/// that changes only what has a byte beyond printable ASCII, a percent escape, an `@` and a colon, a
/// scheme before a gap, a part with the shape of a token, or the stem of a secret's key beside a
/// sign or an option's dash.
pub(super) fn may_hold_secret(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut at, mut colon, mut sign) = (false, false, false);
    let (mut start, mut marks) = (0, 0);
    for (i, b) in bytes.iter().enumerate().filter(|(_, b)| TELLING[usize::from(**b)]) {
        match b {
            b' ' | b'\t'..=b'\r' | b'"' | b'\'' | b'`' | b',' | b'(' | b')' | b'[' | b']' | b'<' | b'>' => {
                let word = bytes.get(start..i).unwrap_or_default();
                if (marks > 1 && holds_token(word, marks)) || ends_with_scheme(word) {
                    return true;
                }
                (start, marks) = (i + 1, 0);
            }
            b'-' => {
                sign |= i == start;
                marks += 1;
            }
            b'0'..=b'9' | b'A'..=b'Z' | b'_' => marks += 1,
            b'@' => at = true,
            b':' => (colon, sign) = (true, true),
            b'=' => sign = true,
            b'%' if bytes.get(i + 1).is_some_and(u8::is_ascii_hexdigit) => return true,
            0x80.. | 0..=0x1f | 0x7f => return true,
            _ => {}
        }
    }
    (at && colon)
        || (marks > 1 && holds_token(bytes.get(start..).unwrap_or_default(), marks))
        || (sign && has_stem(bytes))
}

/// Whether a word announces the token behind it.
pub(super) fn is_scheme(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"bearer") || word.eq_ignore_ascii_case(b"basic")
}

/// The same, with something before it.
fn ends_with_scheme(word: &[u8]) -> bool {
    matches!(word.last(), Some(b'r' | b'R' | b'c' | b'C'))
        && [5, 6].iter().any(|n| word.len().checked_sub(*n).and_then(|at| word.get(at..)).is_some_and(is_scheme))
}
