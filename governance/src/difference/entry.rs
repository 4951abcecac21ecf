//! The entry as a text of its own, where no text stores the scope.

use std::ops::Range;

use mcp_registry_spec::{McpServerSpec, Rehearsal};

use crate::changes::Proposal;

/// What a change does to the entry's JSON.
pub(super) fn rehearsal(proposal: &Proposal, old: Option<&McpServerSpec>) -> Rehearsal {
    Rehearsal {
        place: format!("{}.json", proposal.name()),
        before: old.map(json).unwrap_or_default(),
        after: proposal.entry().map(json).unwrap_or_default(),
        hidden,
    }
}

fn json(spec: &McpServerSpec) -> String {
    // Its keys are strings, and writing to one cannot fail.
    serde_json::to_string_pretty(spec).unwrap_or_default() + "\n"
}

/// The extents that the masked form of the entry does not show: both forms have the same lines.
fn hidden(text: &str, within: Range<usize>) -> Vec<Range<usize>> {
    if text.is_empty() {
        return Vec::new();
    }
    let Ok(spec) = serde_json::from_str::<McpServerSpec>(text) else { return vec![within] };
    let masked = json(&spec.masked().spec);
    if masked.lines().count() != text.lines().count() {
        return vec![within];
    }
    let mut at = 0;
    let mut hidden = Vec::new();
    for (line, shown) in text.split_inclusive('\n').zip(masked.split_inclusive('\n')) {
        if line != shown {
            let before = alike(line.chars(), shown.chars(), line.len());
            let behind = alike(line.chars().rev(), shown.chars().rev(), line.len().min(shown.len()) - before);
            hidden.push(at + before..at + line.len() - behind);
        }
        at += line.len();
    }
    hidden.retain(|range| range.start < within.end && within.start < range.end);
    hidden
}

/// How many bytes both begin with, at most so many.
fn alike(a: impl Iterator<Item = char>, b: impl Iterator<Item = char>, most: usize) -> usize {
    let mut alike = 0;
    for (c, _) in a.zip(b).take_while(|(a, b)| a == b) {
        if alike + c.len_utf8() > most {
            break;
        }
        alike += c.len_utf8();
    }
    alike
}
