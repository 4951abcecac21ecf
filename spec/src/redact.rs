//! Recognising credentials, and keeping them out of what people read (rule 4).
//!
//! Two questions are answered here: does a *key* look like a secret's ([`is_secret_key`]), and does
//! a *text* hold something that looks like a secret by its shape ([`redact`]). Both err on the side
//! of hiding.

use std::borrow::Cow;

/// What stands where a secret was.
pub const MASK: &str = "***";

/// Words that make a key a secret's wherever they stand in it.
const SECRET_WORDS: &[&str] = &[
    "apikey",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "passcode",
    "pwd",
    "secret",
    "secrets",
    "token",
    "jwt",
    "accesskey",
    "privatekey",
    "secretkey",
    "authtoken",
    "accesstoken",
    "clientsecret",
    "signature",
];

/// Words that make a key a secret's when they end it.
const SECRET_ENDINGS: &[&str] = &["key", "pass", "pat", "auth", "sig", "pw", "dsn"];

/// Last words that name something about a secret rather than the secret.
const HARMLESS_ENDINGS: &[&str] = &[
    "file",
    "path",
    "dir",
    "url",
    "uri",
    "endpoint",
    "host",
    "name",
    "id",
    "type",
    "ttl",
    "expiry",
    "length",
    "limit",
    "count",
    "size",
    "header",
    "prefix",
    "env",
    "var",
    "enabled",
    "required",
    "format",
    "algorithm",
];

/// Beginnings of tokens as their issuers make them, with the least length of what follows.
const TOKEN_SHAPES: &[(&str, usize)] = &[
    ("sk-", 16),
    ("sk_live_", 8),
    ("sk_test_", 8),
    ("rk_live_", 8),
    ("pk_live_", 8),
    ("whsec_", 8),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("github_pat_", 16),
    ("glpat-", 12),
    ("xoxb-", 8),
    ("xoxp-", 8),
    ("xoxa-", 8),
    ("xoxr-", 8),
    ("xoxs-", 8),
    ("xapp-", 8),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("ya29.", 16),
    ("npm_", 20),
    ("pypi-", 20),
    ("hf_", 20),
    ("SG.", 20),
    ("figd_", 16),
    ("lin_api_", 16),
    ("ntn_", 20),
    ("tvly-", 12),
    ("dop_v1_", 16),
    ("shpat_", 16),
    ("r8_", 20),
    ("gsk_", 20),
    ("xai-", 20),
    ("AGE-SECRET-KEY-", 10),
    ("eyJ", 24),
];

/// How long the shortest of those tokens is that begins with each byte: one look settles nearly all
/// words.
const SHORTEST_TOKENS: [usize; 256] = {
    let (mut shortest, mut i) = ([usize::MAX; 256], 0);
    while i < TOKEN_SHAPES.len() {
        let (start, least) = TOKEN_SHAPES[i];
        let (first, length) = (start.as_bytes()[0] as usize, start.len() + least);
        if length < shortest[first] {
            shortest[first] = length;
        }
        i += 1;
    }
    shortest
};

/// Whether a key (of an environment variable, header, option or query parameter) looks like that of
/// a secret.
///
/// ```
/// use mcp_registry_spec::redact::is_secret_key;
/// assert!(is_secret_key("GITHUB_TOKEN") && is_secret_key("X-Api-Key") && is_secret_key("dbPassword"));
/// assert!(!is_secret_key("MAX_TOKENS") && !is_secret_key("TOKEN_FILE") && !is_secret_key("REGION"));
/// ```
#[must_use]
pub fn is_secret_key(key: &str) -> bool {
    if !has_stem(key.as_bytes()) {
        return false;
    }
    let words = words(key);
    let Some(last) = words.last() else { return false };
    if HARMLESS_ENDINGS.contains(&last.as_str()) {
        return false;
    }
    if words.len() >= 2 && last == "key" && words.get(words.len() - 2).is_some_and(|w| w == "public") {
        return false;
    }
    SECRET_ENDINGS.contains(&last.as_str()) || words.iter().any(|w| SECRET_WORDS.contains(&w.as_str()))
}

/// Whether everything below a key is a secret's: it holds secrets (`secrets: {a: …}`), where `auth`
/// only is about them.
pub(crate) fn holds_secrets(key: &str) -> bool {
    is_secret_key(key) && words(key).iter().any(|w| SECRET_WORDS.contains(&w.as_str()))
}

/// The lower-case words of a key in snake, kebab, dotted or camel case.
fn words(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut boundary = true;
    let mut previous_lower = false;
    for c in key.chars() {
        if !c.is_ascii_alphanumeric() {
            boundary = true;
            previous_lower = false;
            continue;
        }
        if boundary || (c.is_ascii_uppercase() && previous_lower) {
            words.push(String::new());
        }
        boundary = false;
        previous_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        if let Some(word) = words.last_mut() {
            word.push(c.to_ascii_lowercase());
        }
    }
    words
}

/// Whether a single word, with nothing around it, has the shape of a secret: a known issuer's
/// token, a private key, or a long mixture of cases and digits.
#[must_use]
pub fn is_secret_shaped(word: &str) -> bool {
    if word.bytes().all(|b| is_token_byte(b) || matches!(b, b'/' | b'=')) {
        is_token(word.as_bytes())
    } else {
        word.contains("-----BEGIN") && word.contains("PRIVATE")
    }
}

/// What tokens are made of, beside slashes and equals signs.
fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'+')
}

/// Whether a word of such bytes is a known issuer's token or looks drawn at random.
fn is_token(word: &[u8]) -> bool {
    let issued = |(start, least): &(&str, usize)| {
        word.strip_prefix(start.as_bytes()).is_some_and(|rest| rest.len() >= *least && !rest.contains(&b'/'))
    };
    let may_be_issued = word.first().is_some_and(|b| word.len() >= SHORTEST_TOKENS[usize::from(*b)]);
    (may_be_issued && TOKEN_SHAPES.iter().any(issued)) || is_random(word)
}

/// Whether a word looks drawn at random: long, unbroken, of all three classes, few repeats.
fn is_random(word: &[u8]) -> bool {
    let count = |bytes: [u8; 2]| word.iter().filter(|b| bytes.contains(b)).count();
    if word.len() < 32 || count([b'/', b'.']) > 0 || count([b'-', b'_']) > 3 {
        return false;
    }
    let mut counts = [0u32; 128];
    let (mut lower, mut upper, mut digit) = (0, 0, 0);
    for b in word {
        lower += u32::from(b.is_ascii_lowercase());
        upper += u32::from(b.is_ascii_uppercase());
        digit += u32::from(b.is_ascii_digit());
        if let Some(count) = counts.get_mut(usize::from(*b)) {
            *count += 1;
        }
    }
    let distinct = counts.iter().filter(|c| **c > 0).count();
    lower >= 3 && upper >= 3 && digit >= 3 && distinct >= 16
}

/// Returns `text` with what looks like a credential replaced by [`MASK`]: the userinfo of URLs,
/// `user:password@host`, bearer and basic tokens, values under secret-looking keys (`key=value`,
/// `key: value`, query parameters), and words of a [secret's shape](is_secret_shaped). References
/// (`$NAME`, `${NAME}`) are no credentials and stay.
///
/// ```
/// use mcp_registry_spec::redact::redact;
/// assert_eq!(redact("https://u:p@h/x?api_key=1&q=2"), "https://***@h/x?api_key=***&q=2");
/// assert_eq!(redact("Authorization: Bearer ${T}"), "Authorization: Bearer ${T}");
/// ```
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    if !may_hold_secret(text) {
        return Cow::Borrowed(text);
    }
    let text = if text.contains("-----BEGIN") { pem(text) } else { Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    redact_all(&text, &mut out);
    if out == text { text } else { Cow::Owned(out) }
}

/// Writes `text` to `out`, word by word, redacted.
fn redact_all(text: &str, out: &mut String) {
    let mut next = Pending::None;
    let mut previous = "";
    for (gap, word) in split_words(text) {
        out.push_str(gap);
        if word.is_empty() {
            continue;
        }
        next = if matches!(word, ":" | "=") {
            // A quoted key: "api_key":"…".
            out.push_str(word);
            if is_secret_key(previous) { Pending::Value } else { Pending::None }
        } else {
            redact_word(word, next, out)
        };
        previous = word;
    }
}

/// The bytes that a cheap look stops at. Lower-case letters, nearly all there is, say nothing.
const TELLING: [bool; 256] = {
    let (mut telling, mut b) = ([false; 256], 0);
    while b < telling.len() {
        telling[b] = matches!(b as u8, b' ' | b'\t' | b'\n' | b',' | b'@' | b':' | b'=' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z');
        b += 1;
    }
    telling
};

/// One cheap pass that tells most texts apart that need no closer look.
fn may_hold_secret(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut at, mut colon) = (false, false);
    let (mut start, mut marks) = (0, 0);
    for (i, b) in bytes.iter().enumerate().filter(|(_, b)| TELLING[usize::from(**b)]) {
        match b {
            b' ' | b'\t' | b'\n' | b',' => {
                let word = bytes.get(start..i).unwrap_or_default();
                if (marks > 1 && holds_token(word, marks)) || ends_with_scheme(word) {
                    return true;
                }
                (start, marks) = (i + 1, 0);
            }
            b'0'..=b'9' | b'A'..=b'Z' | b'-' | b'_' => marks += 1,
            b'@' => at = true,
            b':' | b'=' => {
                colon |= *b == b':';
                if may_be_secret_key(bytes.get(start..i).unwrap_or_default()) {
                    return true;
                }
            }
            _ => {}
        }
    }
    (at && colon) || (marks > 1 && holds_token(bytes.get(start..).unwrap_or_default(), marks))
}

/// Whether a word announces the token behind it.
fn is_scheme(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"bearer") || word.eq_ignore_ascii_case(b"basic")
}

/// The same, with a quote or bracket before it.
fn ends_with_scheme(word: &[u8]) -> bool {
    matches!(word.last(), Some(b'r' | b'R' | b'c' | b'C'))
        && [5, 6].iter().any(|n| word.len().checked_sub(*n).and_then(|at| word.get(at..)).is_some_and(is_scheme))
}

/// Whether what stands before a `:` or `=` could be the key of a secret.
fn may_be_secret_key(word: &[u8]) -> bool {
    word.contains(&b'%') || has_stem(word)
}

/// Whether a text has a part that every secret-looking key has one of.
fn has_stem(key: &[u8]) -> bool {
    let begins = |rest: &[u8], stems: &[&[u8]]| {
        stems.iter().any(|stem| rest.get(..stem.len()).is_some_and(|part| part.eq_ignore_ascii_case(stem)))
    };
    key.iter().enumerate().any(|(at, first)| {
        let stems: &[&[u8]] = match first.to_ascii_lowercase() {
            b'a' => &[b"auth"],
            b'b' => &[b"bearer"],
            b'c' => &[b"cred", b"cookie"],
            b'd' => &[b"dsn"],
            b'j' => &[b"jwt"],
            b'k' => &[b"key"],
            b'p' => &[b"pass", b"pat", b"pw"],
            b's' => &[b"secret", b"sig"],
            b't' => &[b"token"],
            _ => return false,
        };
        begins(key.get(at..).unwrap_or_default(), stems)
    })
}

/// Whether a part of a word is a token or begins a key in PEM; `marks` counts its digits, capitals,
/// dashes and underscores, of which either has several.
fn holds_token(word: &[u8], marks: usize) -> bool {
    const PEM: &[u8] = b"-----BEGIN";
    if marks >= PEM.len() && word.windows(PEM.len()).any(|part| part == PEM) {
        return true;
    }
    // "=" may be part of a token and may end a key: both readings count.
    word.len() >= 10
        && (word.split(|b| !is_token_byte(*b)).any(is_token)
            || (word.contains(&b'=') && word.split(|b| !is_token_byte(*b) && *b != b'=').any(is_token)))
}

/// Hides the body of PEM private keys.
fn pem(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN") {
        let (before, from) = rest.split_at(start);
        let label_end = from.get(10..).and_then(|t| t.find("-----")).map_or(from.len(), |i| i + 15);
        let (label, body) = from.split_at(label_end.min(from.len()));
        out.push_str(before);
        out.push_str(label);
        rest = if label.contains("PRIVATE") {
            out.push_str(MASK);
            body.find("-----END").and_then(|i| body.get(i..)).unwrap_or_default()
        } else {
            body
        };
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What the word before says of the next one.
#[derive(Clone, Copy, PartialEq)]
enum Pending {
    None,
    /// `Authorization:` or `api_key:` came before: the next word is the value, or the scheme of it.
    Value,
    /// `Bearer` or `Basic` came before.
    Token,
}

/// Splits `text` into pairs of (separators, word).
fn split_words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_gap = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | '(' | ')' | '[' | ']' | '<' | '>');
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest.find(|c| !is_gap(c)).unwrap_or(rest.len());
        let (gap, from) = rest.split_at(start);
        let end = from.find(is_gap).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        rest = after;
        Some((gap, word))
    })
}

/// Writes `word`, redacted, and says what that means for the word after it.
fn redact_word(word: &str, before: Pending, out: &mut String) -> Pending {
    if is_scheme(word.as_bytes()) {
        out.push_str(word);
        return Pending::Token;
    }
    match before {
        Pending::Value if !is_reference(word) => {
            out.push_str(MASK);
            return Pending::None;
        }
        // "bearer tokens" in a sentence is prose: a token is long or holds a digit.
        Pending::Token if !is_reference(word) && looks_like_token(word) => {
            out.push_str(MASK);
            return Pending::None;
        }
        _ => {}
    }
    if let Some(key) = word.strip_suffix(':').or_else(|| word.strip_suffix('=')) {
        out.push_str(word);
        return if is_secret_key(key) { Pending::Value } else { Pending::None };
    }
    let rest = credentials_before_host(word, out);
    parameters(rest, out);
    Pending::None
}

/// Whether the word after `Bearer` is the token rather than prose.
fn looks_like_token(word: &str) -> bool {
    word.len() >= 12
        || word.bytes().any(|b| b.is_ascii_digit() || matches!(b, b'_' | b'=' | b'.' | b'-'))
            && word.trim_end_matches('.').len() >= 3
}

/// Whether a value only refers: `$NAME`, `${…}`, or the mask itself.
fn is_reference(value: &str) -> bool {
    if value == MASK {
        return true;
    }
    let Some(rest) = value.strip_prefix('$') else { return false };
    if let Some(inner) = rest.strip_prefix('{') {
        return inner.split_once('}').is_some_and(|(name, after)| {
            // A default of a reference is text of its own.
            after.is_empty() && !name.contains(":-")
        }) || inner.split_once(":-").is_some_and(|(_, d)| d == "}");
    }
    crate::template::is_variable_name(rest)
}

/// Writes the part of `word` up to its host with userinfo hidden, and returns what follows.
fn credentials_before_host<'a>(word: &'a str, out: &mut String) -> &'a str {
    if let Some(scheme_end) = word.find("://") {
        let (scheme, rest) = word.split_at(scheme_end + 3);
        // Browsers take a backslash for a slash, and an "@" may stand in a password: the last one
        // before the path, query or fragment ends the userinfo; when in doubt more is hidden.
        let authority_end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(authority_end);
        let host_at = authority.rfind('@').map(|i| i + 1).or_else(|| {
            // A password with a raw slash: "https://user:pa/ss@host/".
            let at = tail.find('@')?;
            authority.contains(':').then(|| authority_end + at + 1).filter(|_| !port_only(authority))
        });
        parameters(scheme, out);
        return match host_at.and_then(|at| Some((rest.get(..at)?, rest.get(at..)?))) {
            Some((userinfo, host)) if !is_reference_userinfo(userinfo) => {
                out.push_str(MASK);
                out.push('@');
                host
            }
            // References stay, and the names in them are no keys of what follows.
            Some((userinfo, host)) => {
                out.push_str(userinfo);
                host
            }
            None => rest,
        };
    }
    // user:password@host, where a password has no slash and is no scoped package ("npm:@scope/x").
    if let Some((userinfo, host)) = word.rsplit_once('@')
        && let Some((user, password)) = userinfo.split_once(':')
        && !user.is_empty()
        && !password.is_empty()
        && !password.starts_with('@')
        && !password.contains('/')
        && !host.starts_with("sha256:")
        && !host.is_empty()
        && !is_reference_userinfo(&format!("{userinfo}@"))
    {
        let user_start = user.rfind(['=', '&', '?', ';']).map_or(0, |i| i + 1);
        out.push_str(user.get(..user_start).unwrap_or_default());
        out.push_str(MASK);
        out.push('@');
        return host;
    }
    word
}

/// Whether what follows the colon of an authority is a port and nothing else.
fn port_only(authority: &str) -> bool {
    authority.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether `user:password@` holds no secret: the password is a reference, or all there is.
fn is_reference_userinfo(userinfo: &str) -> bool {
    let refers = |part: &str| is_reference(part) && part != MASK;
    userinfo.strip_suffix('@').is_some_and(|userinfo| match userinfo.split_once(':') {
        Some((user, password)) => refers(password) && (refers(user) || !is_secret_shaped(user)),
        None => refers(userinfo),
    })
}

/// Writes `text` with the values of secret-looking parameters and secret-shaped words hidden.
fn parameters(text: &str, out: &mut String) {
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(['&', '?', ';', '#']).map_or(rest.len(), |i| i + 1);
        let (part, after) = rest.split_at(end);
        let (part, separator) = match part.char_indices().next_back() {
            Some((i, '&' | '?' | ';' | '#')) => part.split_at(i),
            _ => (part, ""),
        };
        parameter(part, out);
        out.push_str(separator);
        rest = after;
    }
}

fn parameter(part: &str, out: &mut String) {
    let colon = part.find(':').filter(|i| !part.get(*i..).is_some_and(|t| t.starts_with(":/") || t.starts_with(":-")));
    let split = match (part.find('='), colon) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    match split.map(|i| part.split_at(i)) {
        // A reference's name is no key.
        Some((key, value))
            if value.len() > 1 && !key.contains('$') && is_secret_key(&crate::text::percent_decode(key)) =>
        {
            let (sign, value) = value.split_at(1);
            out.push_str(key);
            out.push_str(sign);
            out.push_str(if is_reference(value) { value } else { MASK });
        }
        Some((key, value)) if !key.is_empty() => {
            shaped(key, out);
            let (sign, value) = value.split_at(1);
            out.push_str(sign);
            parameter(value, out);
        }
        _ => shaped(part, out),
    }
}

/// Writes `text`, hiding the parts between slashes that have a secret's shape.
fn shaped(text: &str, out: &mut String) {
    for (i, part) in text.split('/').enumerate() {
        if i > 0 {
            out.push('/');
        }
        out.push_str(if is_secret_shaped(part) { MASK } else { part });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rule_4_credentials_are_hidden() {
        for (text, shown) in [
            ("https://me:s3cret@host/x", "https://***@host/x"),
            ("https://s3cret@host", "https://***@host"),
            ("https://me:p@ss@host/", "https://***@host/"),
            ("postgres://u:p@db:5432/x?sslmode=on", "postgres://***@db:5432/x?sslmode=on"),
            ("at me:s3cret@host:80 it", "at ***@host:80 it"),
            ("Bearer abc.def-1", "Bearer ***"),
            ("authorization: bearer abcdefabcdef", "authorization: bearer ***"),
            ("Authorization: Token1", "Authorization: ***"),
            ("https://h/?token=s3&x=1", "https://h/?token=***&x=1"),
            ("https://h/?x=1&access_token=s3#f", "https://h/?x=1&access_token=***#f"),
            ("https://h/?api%5Fkey=s3", "https://h/?api%5Fkey=***"),
            ("--api-key=s3", "--api-key=***"),
            ("API_KEY=s3", "API_KEY=***"),
            ("{\"api_key\":\"s3\"}", "{\"api_key\":\"***\"}"),
            ("password: s3", "password: ***"),
            ("key ghp_0123456789abcdefghij here", "key *** here"),
            ("/v1/sk-0123456789abcdefghij/x", "/v1/***/x"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
                "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
            ),
        ] {
            assert_eq!(redact(text), shown, "{text}");
        }
    }

    #[test]
    fn rule_4_what_is_no_credential_stays() {
        for text in [
            "https://example.org:8080/path?x=1",
            "$TOKEN",
            "${TOKEN}",
            "Bearer ${T}",
            "--token=${T}",
            "API_KEY=$K",
            "https://${U}:${P}@h/",
            "postgres://user:${PASSWORD}@h/x",
            "${API_KEY}:x",
            "postgresql://${DB_USER}:${DB_PASSWORD}@db.example.org:5432/x",
            "@scope/package@1.2.3",
            "npm:@scope/x@1",
            "jsr:@omedia/mcp@1.0",
            "redis:7@sha256:abcdef",
            "user@example.org",
            "a plain sentence, with commas",
            "the bearer of bad news",
            "C:\\dir",
            "8080:80",
            "type=bind,src=/a,dst=/b",
            "/usr/share/some/long/path-name_with.things",
            "MAX_TOKENS=5",
            "TOKEN_FILE=/x",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "550e8400-e29b-41d4-a716-446655440000",
            "modelcontextprotocol",
            "",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    proptest! {
        /// The cheap look lets nothing through that the close one would hide.
        #[test]
        fn the_cheap_look_misses_nothing(text in "([a-zA-Z0-9 :=@/,\"{}%._-]|api_key|TOKEN|Bearer |https://|ghp_|sk-){0,40}") {
            let mut close = String::new();
            redact_all(&text, &mut close);
            prop_assert!(close == text || may_hold_secret(&text), "{}", text);
        }

        #[test]
        fn redaction_answers_any_text_and_is_stable(text in "\\PC{0,60}") {
            let once = redact(&text).into_owned();
            prop_assert_eq!(redact(&once).into_owned(), once.clone());
        }

        #[test]
        fn a_password_in_a_url_never_shows(password in "[a-zA-Z0-9!%^*_=+:@.-][a-zA-Z0-9!$%^*_=+:@.-]{3,19}", user in "[a-z]{1,6}") {
            let shown = redact(&format!("see https://{user}:{password}@example.org/x now")).into_owned();
            prop_assert!(!shown.contains(&password), "{}", shown);
        }
    }
}
