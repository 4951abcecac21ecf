//! The cheap look: one pass over the bytes that tells most texts apart that hold no secret.

use super::keys::has_stem;
use super::shapes::holds_token;

/// What a byte says to the cheap look: nothing, as most do.
const NOTHING: u8 = 0;
/// It is one of those that tokens have several of: a digit, a capital, an underscore.
const MARK: u8 = 1;
/// A word ends.
const GAP: u8 = 2;
/// Something else.
const OTHER: u8 = 4;

const SAYS: [u8; 256] = {
    let (mut says, mut b) = ([OTHER; 256], 0);
    while b < says.len() {
        says[b] = match b as u8 {
            b'a'..=b'z' | b'.' | b'/' | b'#' | b'!' | b';' | b'&' | b'?' | b'*' => NOTHING,
            b'0'..=b'9' | b'A'..=b'Z' | b'_' => MARK,
            b' ' | b'\t'..=b'\r' | b'"' | b'\'' | b'`' | b',' | b'(' | b')' | b'[' | b']' | b'<' | b'>' => GAP,
            _ => OTHER,
        };
        b += 1;
    }
    says
};

/// Whether `text` needs the close look. It says yes whenever the close look could change anything:
/// that changes only what has a byte beyond printable ASCII, an escape, an `@` and a colon, a scheme
/// before a gap or a plus, a part with the shape of a token, or the stem of a secret's key beside a
/// sign, an arrow, the end of an element or an option's dash.
pub(super) fn may_hold_secret(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut at, mut colon, mut sign) = (false, false, false);
    let (mut start, mut marks) = (0, 0);
    let mut i = 0;
    loop {
        let mut says = 0;
        // What says nothing and what is a mark is most of a text: it is passed without a branch between the two.
        for b in bytes.get(i..).unwrap_or_default() {
            says = SAYS[usize::from(*b)];
            if says > MARK {
                break;
            }
            marks += usize::from(says);
            i += 1;
        }
        let Some(b) = bytes.get(i) else { break };
        if says == GAP {
            let word = bytes.get(start..i).unwrap_or_default();
            if (marks > 0 && holds_token(word, marks)) || ends_with_scheme(word) {
                return true;
            }
            // <token>…</token>, token->…
            sign |= (*b == b'<' && bytes.get(i + 1) == Some(&b'/')) || (*b == b'>' && word.ends_with(b"-"));
            (start, marks) = (i + 1, 0);
        } else {
            match b {
                b'-' => {
                    sign |= i == start;
                    marks += 1;
                }
                b'@' => at = true,
                b':' => (colon, sign) = (true, true),
                b'=' => sign = true,
                b'+' if ends_with_scheme(bytes.get(start..i).unwrap_or_default()) => return true,
                b'\\' if matches!(bytes.get(i + 1), Some(b'u' | b'x')) => return true,
                b'%' if bytes.get(i + 1).is_some_and(u8::is_ascii_hexdigit) => return true,
                0x80.. | 0..=0x1f | 0x7f => return true,
                _ => {}
            }
        }
        i += 1;
    }
    (at && colon)
        || (marks > 0 && holds_token(bytes.get(start..).unwrap_or_default(), marks))
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
