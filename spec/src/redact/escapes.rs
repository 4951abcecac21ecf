//! Characters written as escapes of JSON and its kin: `\u005f`, `\x5f`.

use std::borrow::Cow;

/// Returns `text` with its escapes decoded until none is left: one that another makes, too.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        out.push(c);
        // What was decoded may complete an escape in its turn.
        while let Some((start, c)) = escape_at_end(&out) {
            out.truncate(start);
            out.push(c);
        }
    }
    if out.len() == text.len() { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// The escape that `text` ends with: where it starts, and what it stands for.
fn escape_at_end(text: &str) -> Option<(usize, char)> {
    [("\\u", 4), ("\\x", 2)].into_iter().find_map(|(sign, digits)| {
        let start = text.len().checked_sub(digits + sign.len())?;
        let hex = text.get(start..)?.strip_prefix(sign)?;
        // Not with a sign, which the parser of numbers takes.
        let code = hex.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(hex, 16).ok())??;
        Some((start, char::from_u32(code)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_decoded_until_none_is_left() {
        for (text, decoded) in [
            ("api\\u005fkey", "api_key"),
            ("to\\x6ben", "token"),
            ("\\u005cu0061", "a"),
            ("\\u00\\u0036f", "o"),
            ("\\\\u0061", "\\a"),
            ("\\ud800 \\u00 \\x+5 C:\\users \\u{61}", "\\ud800 \\u00 \\x+5 C:\\users \\u{61}"),
            ("ä\\u00e4", "ää"),
        ] {
            assert_eq!(decode(text), decoded, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_decoded_holds_no_escape(text in "([\\\\ux0-9a-f]|\\\\u005c|\\\\x5c){0,40}") {
            let once = decode(&text).into_owned();
            prop_assert_eq!(decode(&once).into_owned(), once.clone());
        }
    }
}
