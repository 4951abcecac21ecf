//! Words as people write them: where there is none, the near one is shown.

/// How alike two words are before one is taken for the other misspelt, of 1.
const ALIKE: f64 = 0.7;

/// The word that was probably meant, the case of letters aside.
///
/// ```
/// use mcp_registry_spec::near::nearest;
/// assert_eq!(nearest("githbu", ["github", "memory"]), Some("github"));
/// assert_eq!(nearest("GitHub", ["github", "memory"]), Some("github"));
/// assert_eq!(nearest("postgres", ["github", "memory"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    known
        .into_iter()
        .map(|other| (strsim::normalized_damerau_levenshtein(&word, &other.to_ascii_lowercase()), other))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}

/// "did you mean …?", or else which words there are: the hint for a word that is none of `known`.
///
/// ```
/// use mcp_registry_spec::near::hint;
/// assert_eq!(hint("chagnes", &["changes", "servers"]), "did you mean \"changes\"?");
/// assert_eq!(hint("x", &["changes", "servers"]), "there are changes, servers");
/// ```
#[must_use]
pub fn hint(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("there are {}", known.join(", ")),
    }
}
