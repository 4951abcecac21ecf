//! The close look: word by word, with what the last key said.

use super::MASK;
use super::cheap::is_scheme;
use super::command_line::{CommandLine, Next, login_password};
use super::keys::{is_prose, is_secret_key};
use super::shapes::shaped;
use super::{escapes, userinfo};
use crate::text::percent_decode;

/// What came before says of the next word.
#[derive(Clone, Copy, PartialEq)]
enum Pending {
    None,
    /// A secret's key or option: the next word is the value, or the scheme of it.
    Value,
    /// `Bearer`, or a key that prose has too: the next word is a token if it looks like one.
    Token,
    /// `Basic`, which is a word of prose: the next one is a token only if it looks encoded as well.
    Encoded,
    /// An option that takes `user:password`.
    Login,
}

fn is_gap(c: char) -> bool {
    c.is_whitespace() || is_quote(c) || matches!(c, ',' | '(' | ')' | '[' | ']' | '<' | '>')
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`')
}

/// Writes `text` to `out`, redacted.
pub(super) fn redact_all(text: &str, out: &mut String) {
    Close { line: CommandLine::default(), decoded: false }.look(text, out);
}

/// The close look, as far as it has come.
struct Close {
    line: CommandLine,
    /// Whether the text is what escapes stood for: those of escapes are looked at as they are.
    decoded: bool,
}

impl Close {
    fn look(&mut self, text: &str, out: &mut String) {
        let (mut next, mut previous, mut rest) = (Pending::None, "", text);
        // Whether a list of secrets is open: "tokens": ["…", "…"].
        let mut list = false;
        while !rest.is_empty() {
            let (gap, from) = rest.split_at(rest.find(|c| !is_gap(c)).unwrap_or(rest.len()));
            out.push_str(gap);
            (next, list) = behind_gap(next, list, gap, previous);
            let (word, after) = from.split_at(from.find(is_gap).unwrap_or(from.len()));
            if let Some((value, after)) = quoted(next, gap, from, previous) {
                write_quoted(value, next, out);
                (next, previous, rest) = (Pending::None, "", after);
            } else if gap.ends_with('<')
                && let Some((value, after)) = element(word, after)
            {
                out.extend([word, ">", if only_refers(value) { value } else { MASK }]);
                (next, previous, rest) = (Pending::None, "", after);
            } else if word.is_empty() {
                rest = after;
            } else {
                next = self.write(word, previous, next, after, out);
                (previous, rest) = (word, after);
            }
            if list && next == Pending::None {
                next = Pending::Value;
            }
        }
    }

    /// Writes `word`, redacted, and says what it means for the word after it.
    fn write(&mut self, word: &str, previous: &str, before: Pending, after: &str, out: &mut String) -> Pending {
        let said = self.say(word);
        let next = if is_sign(word, after) {
            // A quoted or spaced key: "api_key":"…", api_key = …
            out.push_str(word);
            match !word.contains('{') && is_secret_key(previous) {
                false => Pending::None,
                // In programs, "-> Token" tells a type.
                true if word == "-" => Pending::Token,
                true => Pending::Value,
            }
        } else if word.starts_with([':', '=']) && is_secret_key(previous) {
            let (sign, value) = word.split_at(1);
            out.push_str(sign);
            secret_value(value, out)
        } else {
            self.redact_word(word, previous.ends_with([':', '=']), before, after, out)
        };
        if next == Pending::None { said } else { next }
    }

    /// What a word says of the one behind it, whatever came before.
    fn say(&mut self, word: &str) -> Pending {
        match self.line.read(word) {
            Next::Login => Pending::Login,
            // In a sentence, what follows may be a word of it.
            Next::Value => Pending::Token,
            // X-A:Token …
            Next::Anything => match word.rsplit_once([':', '=']) {
                Some((_, scheme)) if is_any_scheme(scheme) => Pending::Token,
                _ => Pending::None,
            },
        }
    }

    /// Writes a word that is neither a sign nor behind one.
    fn redact_word(&self, word: &str, is_value: bool, before: Pending, after: &str, out: &mut String) -> Pending {
        if before == Pending::Value {
            return secret_value(word, out);
        }
        if is_scheme(word.as_bytes()) || (is_value && is_any_scheme(word)) {
            out.push_str(word);
            return if !is_value && word.eq_ignore_ascii_case("basic") { Pending::Encoded } else { Pending::Token };
        }
        // "bearer tokens" in a sentence is prose: a token is long or holds a digit.
        let is_token = match before {
            Pending::Token => looks_like_token(word),
            Pending::Encoded => looks_like_token(word) && looks_encoded(word),
            Pending::None | Pending::Value | Pending::Login => false,
        };
        if is_token && !is_reference(word) {
            out.push_str(MASK);
            return Pending::None;
        }
        let password = if before == Pending::Login { login_password(word) } else { self.line.attached_password(word) };
        if let Some(at) = password {
            write_password(word, at, out);
            return Pending::None;
        }
        let written = out.len();
        let next = parameters(&userinfo::of_word(word), after, out);
        if !self.decoded && word.contains(['%', '\\']) {
            let shown = out.get(written..).unwrap_or_default();
            let decoded = percent_decode(shown);
            let decoded = escapes::decode(&decoded);
            if decoded != shown && hides_anything(&decoded) {
                out.truncate(written);
                out.push_str(MASK);
            }
        }
        next
    }
}

/// Whether the close look hides anything in what escapes stood for.
fn hides_anything(text: &str) -> bool {
    let text = text.replace('%', "");
    let mut out = String::new();
    Close { line: CommandLine::default(), decoded: true }.look(&userinfo::of_urls(&text), &mut out);
    out != text
}

/// What is pending behind a gap, and whether a list of secrets is open there.
fn behind_gap(next: Pending, list: bool, gap: &str, previous: &str) -> (Pending, bool) {
    match next {
        // token->…
        _ if gap.starts_with('>') && previous.ends_with('-') && is_secret_key(previous) => (Pending::Value, false),
        _ if list && gap.contains(']') => (Pending::None, false),
        Pending::Value => (next, list || gap.contains('[')),
        // A list goes on; credentials have no comma before them.
        Pending::Token | Pending::Encoded if gap.contains(',') => (Pending::None, list),
        _ => (next, list),
    }
}

/// The value in quotes at the start of `from`, and what follows it, where one is expected.
fn quoted<'a>(next: Pending, gap: &str, from: &'a str, previous: &str) -> Option<(&'a str, &'a str)> {
    let quote = gap.chars().next_back().filter(|c| is_quote(*c))?;
    if !matches!(next, Pending::Value | Pending::Login) {
        return None;
    }
    let value = from.get(..closing(from, quote, previous.ends_with('\\'))?)?;
    // The backslash before an escaped quote is the quote's.
    let (value, after) = from.split_at_checked(value.strip_suffix('\\').unwrap_or(value).len())?;
    (next == Pending::Value || login_password(value).is_some()).then_some((value, after))
}

/// Writes such a value.
fn write_quoted(value: &str, next: Pending, out: &mut String) {
    match login_password(value).filter(|_| next == Pending::Login) {
        Some(at) => write_password(value, at, out),
        None => out.push_str(if only_refers(value) { value } else { MASK }),
    }
}

/// Writes a text whose password begins at `at`; the user before it may be a token.
fn write_password(text: &str, at: usize, out: &mut String) {
    let (before, password) = text.split_at_checked(at).unwrap_or(("", text));
    match before.strip_suffix(':') {
        Some(user) => {
            shaped(user, out);
            out.push(':');
        }
        None => out.push_str(before),
    }
    out.push_str(if only_refers(password) { password } else { MASK });
}

/// The text of an element whose tag is `word`, and what follows it: `<token>…</token>`.
fn element<'a>(word: &str, after: &'a str) -> Option<(&'a str, &'a str)> {
    let text = after.strip_prefix('>')?;
    let (value, after) = text.split_at(text.find('<')?);
    (!word.starts_with('/') && after.starts_with("</") && !value.trim().is_empty() && is_secret_key(word))
        .then_some((value, after))
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
fn is_sign(word: &str, after: &str) -> bool {
    (word.contains([':', '=']) && word.bytes().all(|b| matches!(b, b':' | b'=' | b'\\' | b'{')))
        || (word == "-" && after.starts_with('>'))
}

/// What a secret's key with a gap behind it says: in prose "Authentication: …" is a subject.
fn announced(key: &str, after: &str) -> Pending {
    if is_prose(key) && after.starts_with(' ') { Pending::Token } else { Pending::Value }
}

/// Whether a value holds nothing but schemes and references.
fn only_refers(value: &str) -> bool {
    value.split_whitespace().all(|word| is_reference(word) || is_any_scheme(word))
}

/// Whether a word under a secret's key is the scheme of what follows.
pub(crate) fn is_any_scheme(word: &str) -> bool {
    is_scheme(word.as_bytes())
        || ["token", "apikey", "digest", "negotiate"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// Writes the value of a secret's key.
fn secret_value(value: &str, out: &mut String) -> Pending {
    if is_any_scheme(value) || value.bytes().all(|b| matches!(b, b'\\' | b'{' | b'|' | b'-' | b'=' | b':')) {
        out.push_str(value);
        return Pending::Value;
    }
    // A list of cookies goes on behind a semicolon.
    let (value, semicolon) = value.strip_suffix(';').map_or((value, ""), |value| (value, ";"));
    out.push_str(if is_reference(value) { value } else { MASK });
    out.push_str(semicolon);
    match () {
        () if !semicolon.is_empty() => Pending::Value,
        // It may be a scheme that nobody here knows.
        () if value.bytes().all(|b| b.is_ascii_alphabetic()) => Pending::Token,
        () => Pending::None,
    }
}

/// Whether a word is unlike those of prose ("basic functionality", "basic real-world needs").
fn looks_encoded(word: &str) -> bool {
    word.bytes().skip(1).any(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'=' | b'_'))
}

/// Whether the word after `Bearer` is the token rather than prose ("bearer authentication").
fn looks_like_token(word: &str) -> bool {
    (word.len() >= 12 && !word.starts_with("auth"))
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
    // A form's way to write "Bearer …".
    if let Some((scheme, token)) = rest.split_once('+')
        && is_scheme(scheme.as_bytes())
        && !is_reference(token)
        && looks_like_token(token)
    {
        out.push_str(scheme);
        out.push('+');
        out.push_str(MASK);
    } else {
        shaped(rest, out);
    }
    Pending::None
}

fn is_key(key: &str, in_query: bool) -> bool {
    let key = percent_decode(key);
    is_secret_key(&key) || (in_query && matches!(key.as_ref(), "code" | "sid"))
}
