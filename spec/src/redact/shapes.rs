//! Secrets told by their shape: tokens as their issuers make them, random words, private keys.

use std::borrow::Cow;

use super::MASK;

/// Beginnings of tokens as their issuers make them, with the least length of what follows.
const TOKEN_SHAPES: &[(&str, usize)] = &[
    ("sk-", 16),
    ("sk_live_", 8),
    ("sk_test_", 8),
    ("rk_live_", 8),
    ("pk_live_", 8),
    ("whsec_", 8),
    ("mcpr_", 16),
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

/// How a key in PEM begins, up to its label.
const PEM: &str = "-----BEGIN";

/// What ends a label of PEM.
const DASHES: &str = "-----";

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

/// How long the shortest of them all is.
const SHORTEST_TOKEN: usize = {
    let (mut shortest, mut b) = (SHORTEST_RANDOM, 0);
    while b < SHORTEST_TOKENS.len() {
        if SHORTEST_TOKENS[b] < shortest {
            shortest = SHORTEST_TOKENS[b];
        }
        b += 1;
    }
    shortest
};

/// How long what looks drawn at random is at least.
const SHORTEST_RANDOM: usize = 32;

/// What tokens are made of, beside slashes and equals signs.
const TOKEN_BYTES: [bool; 256] = {
    let (mut are, mut b) = ([false; 256], 0);
    while b < are.len() {
        are[b] = (b as u8).is_ascii_alphanumeric() || matches!(b as u8, b'_' | b'-' | b'.' | b'+');
        b += 1;
    }
    are
};

/// Whether a single word, with nothing around it, has the shape of a secret: a known issuer's
/// token, a private key, or a long mixture of cases and digits.
#[must_use]
pub fn is_secret_shaped(word: &str) -> bool {
    if word.len() < SHORTEST_TOKEN {
        return false;
    }
    if word.bytes().all(|b| is_token_byte(b) || matches!(b, b'/' | b'=')) {
        is_token(word.as_bytes())
    } else {
        word.contains(PEM) && word.contains("PRIVATE")
    }
}

/// Whether tokens are made of such bytes, beside slashes and equals signs.
pub(super) fn is_token_byte(b: u8) -> bool {
    TOKEN_BYTES[usize::from(b)]
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
    if word.len() < SHORTEST_RANDOM || count([b'/', b'.']) > 0 || count([b'-', b'_']) > 3 {
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

/// Whether a part of a word is a token or begins a key in PEM; `marks` counts its digits, capitals,
/// dashes and underscores, of which either has several.
pub(super) fn holds_token(word: &[u8], marks: usize) -> bool {
    if marks >= PEM.len() && word.windows(PEM.len()).any(|part| part == PEM.as_bytes()) {
        return true;
    }
    if word.len() < SHORTEST_TOKEN {
        return false;
    }
    let (mut start, mut equals) = (0, false);
    for (i, b) in word.iter().enumerate() {
        if !is_token_byte(*b) {
            if word.get(start..i).is_some_and(is_token) {
                return true;
            }
            (start, equals) = (i + 1, equals || *b == b'=');
        }
    }
    // "=" may be part of a token and may end a key: both readings count.
    word.get(start..).is_some_and(is_token)
        || (equals && word.split(|b| !is_token_byte(*b) && *b != b'=').any(is_token))
}

/// Hides the body of PEM private keys.
pub(super) fn pem(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(PEM) {
        let (before, from) = rest.split_at(start + PEM.len());
        let is_label = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b' ';
        let (label, body) = from.split_at(from.bytes().take_while(is_label).count());
        out.push_str(before);
        out.push_str(label);
        rest = body;
        if label.contains("PRIVATE") {
            if body.starts_with(DASHES) {
                out.push_str(DASHES);
            }
            out.push_str(MASK);
            rest = body.find("-----END").and_then(|i| body.get(i..)).unwrap_or_default();
        }
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Writes `text`, hiding the parts between slashes that have a secret's shape.
pub(super) fn shaped(text: &str, out: &mut String) {
    for (i, part) in text.split('/').enumerate() {
        if i > 0 {
            out.push('/');
        }
        out.push_str(if is_secret_shaped(part) { MASK } else { part });
    }
}
