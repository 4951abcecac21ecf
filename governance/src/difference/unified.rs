//! A unified diff, made of what a reader may see, and bounded.

use std::collections::HashSet;
use std::ops::Range;
use std::time::{Duration, Instant};

use mcp_registry_spec::Rehearsal;
use mcp_registry_spec::redact::redact;
use mcp_registry_spec::text::escape;
use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices_deadline, group_diff_ops};

use super::literals::Literals;
use super::shown::Lines;

/// How many unchanged lines are shown around what changes.
const CONTEXT: usize = 3;

/// The longest difference, in bytes.
const MOST: usize = 64 * 1024;

/// What stands at the end of one that was cut.
const CUT: &str = "\\ Cut here: the difference is longer than 64 KiB\n";

/// What stands below a line that no line break ends.
const UNENDED: &str = "\\ No newline at end of file\n";

/// How long the shortest difference is looked for. A correct one there is at once.
const PATIENCE: Duration = Duration::from_millis(250);

/// The difference between what is stored and what would be; empty where there is none.
pub(super) fn diff(rehearsal: &Rehearsal, literals: &Literals) -> String {
    let Rehearsal { place, before, after, hidden } = rehearsal;
    if before == after {
        return String::new();
    }
    let region = Region::of(before, after);
    let lines = |text, part: Range<usize>| Lines::new(text, part.clone(), hidden(text, part), literals);
    let (mut old, mut new) = (lines(before, region.before), lines(after, region.after));
    let deadline = Instant::now().checked_add(PATIENCE);
    let ops = capture_diff_slices_deadline(Algorithm::Myers, &old.raw(), &new.raw(), deadline);
    let place = escape(&redact(place)).into_owned();
    let mut out = Bounded(format!("--- a/{place}\n+++ b/{place}\n"));
    for hunk in group_diff_ops(ops, CONTEXT) {
        if write_hunk(&hunk, region.line, &mut old, &mut new, &mut out).is_none() {
            out.0.push_str(CUT);
            break;
        }
    }
    out.0
}

/// The parts of two texts in which all that differs lies, by whole lines, with context around it.
struct Region {
    before: Range<usize>,
    after: Range<usize>,
    /// How many lines stand above.
    line: usize,
}

impl Region {
    fn of(before: &str, after: &str) -> Self {
        let (old, new) = (before.as_bytes(), after.as_bytes());
        let alike = common(old, new);
        let start = (0..=CONTEXT).fold(alike, |at, i| line_start(old, if i == 0 { at } else { at.saturating_sub(1) }));
        let (old_rest, new_rest) = (old.get(alike..).unwrap_or_default(), new.get(alike..).unwrap_or_default());
        let tail = common_tail(old_rest, new_rest);
        let tail_lines = old.get(old.len() - tail..).unwrap_or_default();
        // The line that the tail begins in may differ further up; those behind it are context.
        let kept: usize = tail_lines.split_inclusive(|b| *b == b'\n').take(1 + CONTEXT).map(<[u8]>::len).sum();
        let beyond = tail - kept;
        let line = old.get(..start).unwrap_or_default().iter().filter(|b| **b == b'\n').count();
        Self { before: start..old.len() - beyond, after: start..new.len() - beyond, line }
    }
}

/// How many bytes at the start both have in common.
fn common(a: &[u8], b: &[u8]) -> usize {
    // Blocks first: those are compared many bytes at a time.
    const BLOCK: usize = 4096;
    let blocks = a.chunks_exact(BLOCK).zip(b.chunks_exact(BLOCK)).take_while(|(a, b)| a == b).count() * BLOCK;
    let rest = a.iter().skip(blocks).zip(b.iter().skip(blocks));
    blocks + rest.take_while(|(a, b)| a == b).count()
}

/// How many bytes at the end both have in common.
fn common_tail(a: &[u8], b: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let blocks = a.rchunks_exact(BLOCK).zip(b.rchunks_exact(BLOCK)).take_while(|(a, b)| a == b).count() * BLOCK;
    let rest = a.iter().rev().skip(blocks).zip(b.iter().rev().skip(blocks));
    blocks + rest.take_while(|(a, b)| a == b).count()
}

/// Where the line begins that `at` lies in.
fn line_start(text: &[u8], at: usize) -> usize {
    text.get(..at).unwrap_or_default().iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1)
}

/// A text that leaves room for saying that it was cut.
struct Bounded(String);

impl Bounded {
    /// Adds these, where there is room for all of them.
    fn all(&mut self, parts: &[&str]) -> Option<()> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        (length <= self.room()).then(|| self.0.extend(parts.iter().copied()))
    }

    /// Adds a line, or what there is room for; `None` when that is not all of it.
    fn line(&mut self, sign: &str, line: &str, is_ended: bool) -> Option<()> {
        let whole = self.all(&[sign, line, "\n", if is_ended { "" } else { UNENDED }]);
        if whole.is_none() {
            let mut end = line.len().min(self.room().saturating_sub(sign.len() + 1));
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            self.all(&[sign, line.get(..end).filter(|part| !part.is_empty())?, "\n"]);
        }
        whole
    }

    fn room(&self) -> usize {
        (MOST - CUT.len()).saturating_sub(self.0.len())
    }
}

fn write_hunk(
    hunk: &[DiffOp],
    above: usize,
    old: &mut Lines<'_>,
    new: &mut Lines<'_>,
    out: &mut Bounded,
) -> Option<()> {
    let (first, last) = (hunk.first()?, hunk.last()?);
    let before: HashSet<&str> = old.raw().into_iter().collect();
    let side = |first: Range<usize>, last: Range<usize>| {
        let count = last.end - first.start;
        // Of no lines, the one above is named.
        format!("{},{count}", above + first.start + usize::from(count > 0))
    };
    let (was, is) = (side(first.old_range(), last.old_range()), side(first.new_range(), last.new_range()));
    out.all(&[&format!("@@ -{was} +{is} @@\n")])?;
    for op in hunk {
        let sign = if op.tag() == DiffTag::Equal { " " } else { "-" };
        for line in op.old_range() {
            let shown = old.stored(line);
            out.line(sign, &shown, old.is_ended(line))?;
        }
        if op.tag() == DiffTag::Equal {
            continue;
        }
        let unended = op.old_range().last().filter(|last| !old.is_ended(*last));
        for line in op.new_range() {
            let shown = match unended.filter(|last| new.now_ends(line, old, *last)) {
                Some(last) => old.ended(last, new, line),
                None => new.added(line, &before),
            };
            out.line("+", &shown, new.is_ended(line))?;
        }
    }
    Some(())
}
