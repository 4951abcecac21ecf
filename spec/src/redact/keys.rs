//! Keys of secrets: of environment variables, headers, options, parameters and JSON.

/// Words that make a key a secret's wherever they stand in it.
const SECRET_WORDS: &[&str] = &[
    "apikey",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "cred",
    "passphrase",
    "passwd",
    "password",
    "passcode",
    "pwd",
    "secret",
    "token",
    "jwt",
    "signature",
    "mnemonic",
    "session",
    "authentication",
];

/// Ends of words written without a boundary (`PGPASSWORD`, `GITHUBTOKEN`).
const SECRET_TAILS: &[&str] = &[
    "password",
    "passwd",
    "token",
    "secret",
    "apikey",
    "passphrase",
    "credential",
    "sshpass",
    "dbpass",
    "userpass",
    "accesskey",
    "secretkey",
    "privatekey",
    "masterkey",
    "accountkey",
    "authkey",
    "encryptionkey",
    "signingkey",
    "deploykey",
    "authorization",
];

/// Words that make a key a secret's when they end it.
const SECRET_ENDINGS: &[&str] = &["key", "pass", "pat", "auth", "sig", "pw", "dsn", "pem", "webhook", "pin", "otp"];

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
    "enabled",
    "required",
    "format",
    "algorithm",
    "timeout",
];

/// Words beside which "tokens" are counted rather than kept.
const QUANTITIES: &[&str] =
    &["max", "min", "num", "total", "input", "output", "prompt", "completion", "context", "used", "n", "per"];

/// Secret-looking words that prose puts before a colon as well ("Authentication: by OAuth").
const PROSE: &[&str] =
    &["tokens", "session", "sessions", "authentication", "webhook", "pin", "credentials", "keys", "key"];

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
    // What cannot be seen is no part of a name: it would only hide one.
    if !key.is_ascii() || key.bytes().any(|b| b.is_ascii_control()) {
        let seen: String = key.chars().filter(|c| !crate::text::is_unprintable(*c)).collect();
        return has_stem(seen.as_bytes()) && judge(&seen);
    }
    has_stem(key.as_bytes()) && judge(key)
}

fn judge(key: &str) -> bool {
    let mut words = key_words(key);
    // "AUTH_HEADER" names where the secret goes, and holds it.
    if words.len() > 1 && words.last().is_some_and(|w| matches!(w.as_str(), "header" | "prefix" | "value")) {
        words.pop();
    }
    let Some((last, before)) = words.split_last() else { return false };
    if last == "id" && before.last().is_some_and(|w| w == "session") {
        return true;
    }
    if HARMLESS_ENDINGS.contains(&last.as_str())
        || (last == "tokens" && before.iter().any(|w| QUANTITIES.contains(&w.as_str())))
    {
        return false;
    }
    if singular(last) == "key" && before.last().is_some_and(|w| w == "public") {
        return false;
    }
    SECRET_ENDINGS.contains(&singular(last)) || words.iter().any(|w| is_secret_word(w))
}

fn is_secret_word(word: &str) -> bool {
    let word = singular(word);
    SECRET_WORDS.contains(&word) || SECRET_TAILS.iter().any(|tail| word.ends_with(tail))
}

/// A word without the "s" of a plural: one key or several, they are secrets.
fn singular(word: &str) -> &str {
    word.strip_suffix('s').filter(|w| w.len() > 2 && !w.ends_with('s')).unwrap_or(word)
}

/// Whether everything below a key is a secret's: it holds secrets (`secrets: {a: …}`), where `auth`
/// only is about them.
pub(crate) fn holds_secrets(key: &str) -> bool {
    is_secret_key(key) && key_words(key).iter().any(|w| is_secret_word(w))
}

/// Whether a key may as well be the subject of a sentence.
pub(super) fn is_prose(key: &str) -> bool {
    PROSE.iter().any(|word| key.trim_matches(|c: char| !c.is_ascii_alphanumeric()).eq_ignore_ascii_case(word))
}

/// The words of a key without the numbers that tell several of its kind apart (`API_KEY_1`, `KEY2`).
fn key_words(key: &str) -> Vec<String> {
    let mut words = words(key);
    while words.len() > 1 && words.last().is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit())) {
        words.pop();
    }
    for word in &mut words {
        let kept = word.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        if kept > 0 {
            word.truncate(kept);
        }
    }
    words
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

/// Whether a text has a part that every secret-looking key has one of.
pub(super) fn has_stem(key: &[u8]) -> bool {
    let begins = |rest: &[u8], stems: &[&[u8]]| {
        stems.iter().any(|stem| rest.get(..stem.len()).is_some_and(|part| part.eq_ignore_ascii_case(stem)))
    };
    key.iter().enumerate().any(|(at, first)| {
        let stems: &[&[u8]] = match first.to_ascii_lowercase() {
            b'a' => &[b"auth"],
            b'b' => &[b"bearer"],
            b'c' => &[b"cred", b"cookie", b"code"],
            b'd' => &[b"dsn"],
            b'j' => &[b"jwt"],
            b'm' => &[b"mnemonic"],
            b'o' => &[b"otp"],
            b'k' => &[b"key"],
            b'p' => &[b"pass", b"pat", b"pw", b"pem", b"pin"],
            b's' => &[b"secret", b"sig", b"session", b"sid"],
            b't' => &[b"token"],
            b'w' => &[b"webhook"],
            _ => return false,
        };
        begins(key.get(at..).unwrap_or_default(), stems)
    })
}
