//! Keys of secrets: of environment variables, headers, options, parameters and JSON.

use std::borrow::Cow;

use super::escapes;

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
    "sessid",
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
    "sessid",
    "sessionid",
];

/// Words that make a key a secret's when they end it.
const SECRET_ENDINGS: &[&str] = &["key", "pass", "pat", "auth", "sig", "pw", "dsn", "pem", "webhook", "pin", "otp"];

/// Ends of a last word written without a boundary (`OPENAIKEY`, `ADMINPASS`), and the words that end
/// like that and are none.
const SECRET_ENDS: &[(&str, &[&str])] = &[
    (
        "key",
        &[
            "monkey",
            "donkey",
            "turkey",
            "hockey",
            "jockey",
            "whiskey",
            "mickey",
            "lackey",
            "turnkey",
            "hotkey",
            "keykey",
            "publickey",
            "primarykey",
            "foreignkey",
            "sortkey",
            "cachekey",
            "objectkey",
        ],
    ),
    ("pass", &["compass", "bypass", "multipass", "trespass", "surpass", "underpass", "overpass"]),
    ("pwd", &["oldpwd"]),
];

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

/// Further words that, below a key that may be about a secret (`auth: {user: …}`), name none.
const HARMLESS_BELOW: &[&str] =
    &["user", "username", "scope", "scopes", "scheme", "method", "mode", "realm", "provider", "audience", "version"];

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
    if let Cow::Owned(key) = escapes::decode(key) {
        return is_secret_key(&key);
    }
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
    // A session is known by its id, and AppRole's secret_id is the secret; SECRET_NAME may be.
    let told = |words: &[&str]| before.last().is_some_and(|w| words.contains(&w.as_str()));
    if (last == "id" && told(&["session"])) || (matches!(last.as_str(), "id" | "name") && told(&["secret", "password"]))
    {
        return true;
    }
    if last == "sid" && (before.is_empty() || told(&["connect"])) {
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
    SECRET_ENDINGS.contains(&singular(last))
        || has_secret_end(singular(last))
        || words.iter().any(|w| is_secret_word(w))
}

fn has_secret_end(word: &str) -> bool {
    SECRET_ENDS.iter().any(|(end, others)| word.ends_with(end) && !others.iter().any(|other| word.ends_with(other)))
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

/// Whether the secret under a key is a URL as a whole.
pub(crate) fn is_key_of_url(key: &str) -> bool {
    key_words(key).last().is_some_and(|last| matches!(singular(last), "dsn" | "webhook"))
}

/// Whether a key below one that may be about a secret names no secret itself.
pub(crate) fn is_harmless_below(key: &str) -> bool {
    key_words(key)
        .last()
        .is_some_and(|last| HARMLESS_ENDINGS.contains(&last.as_str()) || HARMLESS_BELOW.contains(&last.as_str()))
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

/// Parts of which every secret-looking key has one, and what announces a secret as such a key does
/// (`-u`, `mysql -p`, `Negotiate`).
const STEMS: &[&[u8]] = &[
    b"auth",
    b"bearer",
    b"cred",
    b"cookie",
    b"code",
    b"dsn",
    b"jwt",
    b"key",
    b"mnemonic",
    b"otp",
    b"pass",
    b"pat",
    b"pw",
    b"pem",
    b"pin",
    b"secret",
    b"sig",
    b"sess",
    b"sid",
    b"token",
    b"webhook",
    b"-u",
    b"mysql",
    b"mariadb",
    b"negotiate",
];

/// For each byte, the second letters of the stems that begin with it, as bits: one look settles
/// nearly every place of a text.
const SECONDS: [u32; 256] = {
    let (mut seconds, mut i) = ([0; 256], 0);
    while i < STEMS.len() {
        let (first, second) = (STEMS[i][0], letter(STEMS[i][1]));
        seconds[first as usize] |= second;
        seconds[first.to_ascii_uppercase() as usize] |= second;
        i += 1;
    }
    seconds
};

/// The bit of a letter, whatever its case; some other bytes share it.
const fn letter(byte: u8) -> u32 {
    1 << (byte & 31)
}

/// Whether a text has one of the [`STEMS`].
pub(super) fn has_stem(text: &[u8]) -> bool {
    let begins_at = |at: usize| {
        let rest = text.get(at..).unwrap_or_default();
        STEMS.iter().any(|stem| rest.get(..stem.len()).is_some_and(|part| part.eq_ignore_ascii_case(stem)))
    };
    text.iter()
        .zip(text.iter().skip(1))
        .enumerate()
        .any(|(at, (first, second))| SECONDS[usize::from(*first)] & letter(*second) != 0 && begins_at(at))
}
