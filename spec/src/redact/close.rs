//! The close look: word by word, with what the last key said.

use super::MASK;
use super::cheap::is_scheme;
use super::keys::{is_prose, is_secret_key};
use super::shapes::shaped;
use super::userinfo;
use crate::text::percent_decode;

/// What came before says of the next word.
#[derive(Clone, Copy, PartialEq)]
enum Pending {
    None,
    /// A secret's key or option: the next word is the value, or the scheme of it.
    Value,
    /// `Bearer` or `Basic`, or a key that prose has too: the next word is a token if it looks like one.
    Token,
}

fn is_gap(c: char) -> bool {
    c.is_whitespace() || is_quote(c) || matches!(c, ',' | '(' | ')' | '[' | ']' | '<' | '>')
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`')
}

/// Writes `text` to `out`, redacted.
pub(super) fn redact_all(text: &str, out: &mut String) {
    let (mut next, mut previous, mut rest) = (Pending::None, "", text);
    while !rest.is_empty() {
        let (gap, from) = rest.split_at(rest.find(|c| !is_gap(c)).unwrap_or(rest.len()));
        out.push_str(gap);
        if next == Pending::Value
            && let Some(quote) = gap.chars().next_back().filter(|c| is_quote(*c))
            && let Some(end) = closing(from, quote, previous.ends_with('\\'))
        {
            let (value, _) = from.split_at(end);
            // The backslash before an escaped quote is the quote's.
            let (value, after) = from.split_at(value.strip_suffix('\\').map_or(end, str::len));
            out.push_str(if only_refers(value) { value } else { MASK });
            (next, previous, rest) = (Pending::None, "", after);
            continue;
        }
        let (word, after) = from.split_at(from.find(is_gap).unwrap_or(from.len()));
        rest = after;
        if !word.is_empty() {
            next = if is_sign(word) {
                // A quoted or spaced key: "api_key":"…", api_key = …
                out.push_str(word);
                let secret = !word.contains('{') && is_secret_key(previous);
                if secret { announced(previous, after) } else { Pending::None }
            } else if word.starts_with([':', '=']) && is_secret_key(previous) {
                let (sign, value) = word.split_at(1);
                out.push_str(sign);
                secret_value(value, out)
            } else {
                redact_word(word, next, after, out)
            };
            previous = word;
        }
    }
}

/// Where the quoted value at the start of `text` ends.
fn closing(text: &str, quote: char, escaped: bool) -> Option<usize> {
    let mut backslash = false;
    text.char_indices().find_map(|(i, c)| {
        let found = c == quote && (escaped || !backslash);
        backslash = c == '\\' && !backslash;
        found.then_some(i)
    })
}

/// Whether a word is only a sign between key and value.
fn is_sign(word: &str) -> bool {
    word.contains([':', '=']) && word.bytes().all(|b| matches!(b, b':' | b'=' | b'\\' | b'{'))
}

/// What a secret's key with a gap behind it says: in prose "Authentication: …" is a subject.
fn announced(key: &str, after: &str) -> Pending {
    if is_prose(key) && after.starts_with(' ') { Pending::Token } else { Pending::Value }
}

/// Whether a value holds nothing but schemes and references.
fn only_refers(value: &str) -> bool {
    value.split_whitespace().all(|word| is_reference(word) || announces(word))
}

/// Whether a word under a secret's key is the scheme of what follows.
pub(crate) fn announces(word: &str) -> bool {
    is_scheme(word.as_bytes())
        || ["token", "apikey", "digest", "negotiate"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// Writes `word`, redacted, and says what that means for the word after it.
fn redact_word(word: &str, before: Pending, after: &str, out: &mut String) -> Pending {
    if before == Pending::Value {
        return secret_value(word, out);
    }
    if is_scheme(word.as_bytes()) {
        out.push_str(word);
        return Pending::Token;
    }
    // "bearer tokens" in a sentence is prose: a token is long or holds a digit.
    if before == Pending::Token && !is_reference(word) && looks_like_token(word) {
        out.push_str(MASK);
        return Pending::None;
    }
    let written = out.len();
    let rest = userinfo::of_word(word, out);
    let next = parameters(rest, after, out);
    if word.contains('%') {
        let shown = percent_decode(out.get(written..).unwrap_or_default()).into_owned();
        let mut close = String::new();
        redact_decoded(&shown, &mut close);
        if close != shown {
            out.truncate(written);
            out.push_str(MASK);
        }
    }
    next
}

/// The close look at what percent escapes stood for, once.
fn redact_decoded(text: &str, out: &mut String) {
    if text.contains('%') {
        // Escapes of escapes are looked at as they are.
        redact_all(&userinfo::of_urls(&text.replace('%', "")), out);
        if *out == text.replace('%', "") {
            out.clear();
            out.push_str(text);
        }
    } else {
        redact_all(&userinfo::of_urls(text), out);
    }
}

/// Writes the value of a secret's key.
fn secret_value(value: &str, out: &mut String) -> Pending {
    if announces(value) || value.bytes().all(|b| matches!(b, b'\\' | b'{' | b'|' | b'-' | b'=' | b':')) {
        out.push_str(value);
        return Pending::Value;
    }
    // A list of cookies goes on behind a semicolon.
    let (value, semicolon) = value.strip_suffix(';').map_or((value, ""), |value| (value, ";"));
    out.push_str(if is_reference(value) { value } else { MASK });
    out.push_str(semicolon);
    if semicolon.is_empty() { Pending::None } else { Pending::Value }
}

/// Whether the word after `Bearer` is the token rather than prose.
fn looks_like_token(word: &str) -> bool {
    word.len() >= 12
        || word.bytes().any(|b| b.is_ascii_digit() || matches!(b, b'_' | b'=' | b'.' | b'-'))
            && word.trim_end_matches('.').len() >= 3
}

/// Whether a value only refers: `$NAME`, `${…}`, or the mask itself.
pub(crate) fn is_reference(value: &str) -> bool {
    if value == MASK {
        return true;
    }
    let Some(rest) = value.strip_prefix('$') else { return false };
    if let Some(inner) = rest.strip_prefix('{') {
        return inner.split_once('}').is_some_and(|(name, after)| {
            // A default of a reference is text of its own.
            after.is_empty() && (!name.contains(":-") || name.ends_with(":-"))
        });
    }
    // Without braces only what is written as variables are: "$ecret" is a password.
    crate::template::is_variable_name(rest) && !rest.bytes().any(|b| b.is_ascii_lowercase())
}

/// Writes `text` with the values of secret-looking parameters and secret-shaped words hidden.
fn parameters(text: &str, after: &str, out: &mut String) -> Pending {
    let (mut next, mut in_query) = (Pending::None, false);
    for part in text.split_inclusive(['&', '?', ';', '#']) {
        let (body, separator) = match part.char_indices().next_back() {
            Some((i, '&' | '?' | ';' | '#')) => part.split_at(i),
            _ => (part, ""),
        };
        next = parameter(body, in_query, after, out);
        out.push_str(separator);
        in_query |= separator == "?";
    }
    // "--token hunter2" in one text.
    let option = text.starts_with('-') && !text.contains([':', '=', '&', '?', ';', '#']) && is_secret_key(text);
    if option { Pending::Value } else { next }
}

fn parameter(part: &str, in_query: bool, after: &str, out: &mut String) -> Pending {
    let mut rest = part;
    while let Some(i) = rest.find([':', '=']) {
        let (key, tail) = rest.split_at(i);
        let (sign, value) = tail.split_at(1);
        if let Some((before, name)) = key.rsplit_once("${") {
            // A reference's name is no key, but of its default.
            if let Some(default) = value.strip_prefix('-').filter(|d| !d.is_empty() && !d.starts_with('}'))
                && is_secret_key(name)
            {
                shaped(before, out);
                let behind = default.find('}').and_then(|end| default.get(end..)).unwrap_or_default();
                out.push_str(&format!("${{{name}:-{MASK}"));
                rest = behind;
                continue;
            }
        } else if !key.contains('$') && !value.starts_with('/') && is_key(key, in_query) {
            out.push_str(key);
            out.push_str(sign);
            return if value.is_empty() { announced(key, after) } else { secret_value(value, out) };
        }
        shaped(key, out);
        out.push_str(sign);
        rest = value;
    }
    shaped(rest, out);
    Pending::None
}

fn is_key(key: &str, in_query: bool) -> bool {
    let key = percent_decode(key);
    is_secret_key(&key) || (in_query && matches!(key.as_ref(), "code" | "sid"))
}
