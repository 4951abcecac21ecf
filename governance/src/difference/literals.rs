//! The literals of a scope's entries that look like secrets: they show nowhere, wherever they stand.

use mcp_registry_spec::McpServerSpec;
use mcp_registry_spec::redact::MASK;
use serde_json::Value;

/// Below this length, in bytes, a literal is looked for as a word of its own: as a part of others it is
/// everywhere.
const SHORT: usize = 4;

/// Literals, sorted.
pub(super) struct Literals(Vec<String>);

impl Literals {
    /// Those that the masked forms of these entries do not show.
    pub(super) fn of<'a>(specs: impl Iterator<Item = &'a McpServerSpec>) -> Self {
        let mut found = Vec::new();
        for spec in specs {
            let masked = spec.masked();
            if !masked.masked.is_empty()
                && let (Ok(whole), Ok(shown)) = (serde_json::to_value(spec), serde_json::to_value(&masked.spec))
            {
                collect(&whole, &shown, &mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        Self(found)
    }

    /// A line without them.
    pub(super) fn hide(&self, line: &str) -> String {
        if self.0.is_empty() {
            return line.to_owned();
        }
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let behind = match self.at_start(rest) {
                Some(length) if length >= SHORT || is_word(&out, rest, length) => {
                    out.push_str(MASK);
                    length
                }
                _ => {
                    out.push(c);
                    c.len_utf8()
                }
            };
            rest = rest.get(behind..).unwrap_or_default();
        }
        out
    }

    /// The length of the longest literal that `text` begins with.
    fn at_start(&self, mut text: &str) -> Option<usize> {
        loop {
            let below = self.0.partition_point(|literal| literal.as_str() <= text);
            let nearest = self.0.get(below.checked_sub(1)?)?;
            if text.starts_with(nearest.as_str()) {
                return Some(nearest.len());
            }
            // Of what the text begins with, more than what it has in common with this one is none of them.
            let common =
                text.char_indices().zip(nearest.chars()).find(|((_, a), b)| a != b).map_or(0, |((at, _), _)| at);
            text = text.get(..common).filter(|common| !common.is_empty())?;
        }
    }
}

/// Whether what stands at the start of `rest`, behind `before`, is a word of its own.
fn is_word(before: &str, rest: &str, length: usize) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !is_part(before.chars().next_back()) && !is_part(rest.get(length..).and_then(|behind| behind.chars().next()))
}

/// What `shown` hides of `whole`.
fn collect(whole: &Value, shown: &Value, found: &mut Vec<String>) {
    match (whole, shown) {
        (Value::Array(whole), Value::Array(shown)) => {
            whole.iter().zip(shown).for_each(|(whole, shown)| collect(whole, shown, found));
        }
        (Value::Object(whole), Value::Object(shown)) => {
            whole.values().zip(shown.values()).for_each(|(whole, shown)| collect(whole, shown, found));
        }
        (whole, shown) if whole == shown => {}
        (Value::String(whole), Value::String(shown)) => {
            hidden_parts(whole, shown).iter().flat_map(|part| part.lines()).for_each(|part| add(part, found));
        }
        (whole, _) => add(&whole.to_string(), found),
    }
}

fn add(literal: &str, found: &mut Vec<String>) {
    let literal = literal.trim();
    if !literal.is_empty() && literal != MASK {
        found.push(literal.to_owned());
    }
}

/// What stands in `whole` where there are masks in `shown`; all of it, where that cannot be told for sure.
fn hidden_parts<'a>(whole: &'a str, shown: &str) -> Vec<&'a str> {
    let Some((first, rest)) = shown.split_once(MASK) else { return vec![whole] };
    let (pieces, last) = rest.rsplit_once(MASK).map_or((None, rest), |(pieces, last)| (Some(pieces), last));
    let inner = whole.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    let Some(mut rest) = inner else { return vec![whole] };
    let mut parts = Vec::new();
    for piece in pieces.iter().flat_map(|pieces| pieces.split(MASK)) {
        match rest.split_once(piece) {
            Some((part, behind)) if !piece.is_empty() && !behind.contains(piece) => {
                parts.push(part);
                rest = behind;
            }
            _ => return vec![whole],
        }
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mask_stands_for_is_told_for_sure_or_all_of_it_is_hidden() {
        for (whole, shown, parts) in [
            ("hunter2", "***", &["hunter2"][..]),
            ("--token=hunter2", "--token=***", &["hunter2"]),
            ("https://u:p@h/?token=t", "https://***@h/?token=***", &["u:p", "t"]),
            ("a=1&b=2&c=3", "a=***&b=***&c=***", &["1", "2", "3"]),
            ("1&2&3&4", "***&***&4", &["1&2&3&4"]),
            ("another", "text", &["another"]),
        ] {
            assert_eq!(hidden_parts(whole, shown), parts, "{whole}");
        }
    }

    #[test]
    fn rule_4_the_longest_literal_is_hidden_and_a_short_one_only_as_a_word() {
        let literals = ["ab", "hunter", "hunter2", "huntress", "ü!xyz"].map(str::to_owned).to_vec();
        let literals = Literals({
            let mut sorted = literals;
            sorted.sort();
            sorted
        });
        for (line, expected) in [
            ("hunter2hunter", "******"),
            ("huntr hunterx", "huntr ***x"),
            ("cab ab. _ab ab", "cab ***. _ab ***"),
            ("äü!xyzhuntress", "ä******"),
            ("", ""),
        ] {
            assert_eq!(literals.hide(line), expected);
        }
    }
}
