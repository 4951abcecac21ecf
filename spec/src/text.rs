//! Showing text that others wrote: nothing in it may steer the terminal or hide from the reader.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character must not reach a reader as it is: controls, line and paragraph separators,
/// bidirectional controls, zero-width and other invisible characters.
#[must_use]
pub fn is_unprintable(c: char) -> bool {
    match c {
        ' '..='~' => false,
        _ if c.is_control() => true,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' => true,
        '\u{fff0}'..='\u{fffb}'
        | '\u{13430}'..='\u{1345f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

/// Whether a text is printable ASCII, which nearly all are.
#[must_use]
pub fn is_printable_ascii(text: &str) -> bool {
    // Not `all`: without an early exit, many bytes are looked at at once.
    text.bytes().fold(true, |so_far, b| so_far & matches!(b, b' '..=b'~'))
}

/// Returns `text` with every [unprintable](is_unprintable) character written as `\u{…}`.
///
/// ```
/// assert_eq!(mcp_registry_spec::text::escape("a\u{1b}[2J\u{202e}"), "a\\u{1b}[2J\\u{202e}");
/// ```
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if is_printable_ascii(text) || !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unprintable(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Returns `text` in double quotes, its credentials hidden (rule 4), cut to a readable length and
/// [escaped](escape); in this order, as half a credential and an escaped one look like none.
#[must_use]
pub fn quote(text: &str) -> String {
    const MOST: usize = 80;
    let text = crate::redact::redact(text);
    match text.char_indices().nth(MOST) {
        None => format!("\"{}\"", escape(&text)),
        Some((end, _)) => format!("\"{}…\"", escape(text.get(..end).unwrap_or_default())),
    }
}

/// Returns `text` with its percent escapes (`%41`) decoded; what is no UTF-8 then is replaced.
#[must_use]
pub fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        let mut ahead = bytes.clone();
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
        match (b, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                bytes = ahead;
            }
            _ => out.push(b),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_or_hides_is_written_out() {
        assert_eq!(escape("plain äöü 日本 🙂"), "plain äöü 日本 🙂");
        assert_eq!(escape("\r\n\t\0\u{7f}\u{9b}"), "\\u{d}\\u{a}\\u{9}\\u{0}\\u{7f}\\u{9b}");
        assert_eq!(escape("\u{200b}\u{2066}\u{feff}"), "\\u{200b}\\u{2066}\\u{feff}");
        assert_eq!(percent_decode("a%41%6g%c3%a4%"), "aA%6gä%");
        assert_eq!(escape("\u{1bca0}\u{13430}"), "\\u{1bca0}\\u{13430}");
        assert_eq!(quote(&"x".repeat(100)).chars().count(), 83);
    }

    #[test]
    fn rule_4_what_is_quoted_is_redacted_before_it_is_cut_or_escaped() {
        let long = format!("https://user:hunter2{}@example.org/", "x".repeat(100));
        assert_eq!(quote(&long), "\"https://***@example.org/\"");
        assert_eq!(quote("Bearer\nhunter2token99"), "\"Bearer\\u{a}***\"");
    }
}
