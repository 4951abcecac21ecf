//! Words as people write them: where there is none, the near one is shown.

/// How alike two words are before one is taken for the other misspelt, of 1.
const ALIKE: f64 = 0.7;

/// "did you mean …?", or else which words there are: the hint for a word that is none of `known`.
///
/// ```
/// use mcp_registry_governance::near_hint;
/// assert_eq!(near_hint("chagnes", &["changes", "servers"]), "did you mean \"changes\"?");
/// assert_eq!(near_hint("x", &["changes", "servers"]), "there are changes, servers");
/// ```
#[must_use]
pub fn hint(word: &str, known: &[&str]) -> String {
    let likeness =
        |other: &str| strsim::normalized_damerau_levenshtein(&word.to_ascii_lowercase(), &other.to_ascii_lowercase());
    let near = known
        .iter()
        .map(|other| (likeness(other), other))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, near)) => format!("did you mean \"{near}\"?"),
        None => format!("there are {}", known.join(", ")),
    }
}
