//! What a reader may see of a text, line by line.

use std::collections::HashSet;
use std::ops::Range;

use mcp_registry_spec::redact::{MASK, redact};
use mcp_registry_spec::text::escape;

use super::literals::Literals;

/// How much of what stands above is looked at for secrets that go on over several lines, as keys in PEM do,
/// in bytes.
const MARGIN: usize = 8 * 1024;

/// How much is looked at together, in bytes; and the longest line that is.
const BLOCK: usize = 64 * 1024;

/// The lines of one of the two texts.
pub(super) struct Lines<'a> {
    text: &'a str,
    /// Where each begins, and where the last ends.
    bounds: Vec<usize>,
    hidden: Vec<Range<usize>>,
    literals: &'a Literals,
    /// Lines that were looked at together, and the number of the first of them.
    block: (usize, Vec<String>),
}

impl<'a> Lines<'a> {
    /// The lines of the part `region` of `text`.
    pub(super) fn new(text: &'a str, region: Range<usize>, hidden: Vec<Range<usize>>, literals: &'a Literals) -> Self {
        let mut bounds = vec![region.start];
        let mut at = region.start;
        for line in text.get(region).unwrap_or_default().split_inclusive('\n') {
            at += line.len();
            bounds.push(at);
        }
        Self { text, bounds, hidden: apart(hidden), literals, block: (0, Vec::new()) }
    }

    /// The lines as they are, with their line breaks, to be compared.
    pub(super) fn raw(&self) -> Vec<&'a str> {
        (0..self.bounds.len() - 1).map(|line| self.slice(self.bounds_of(line))).collect()
    }

    /// Whether a line break ends the line.
    pub(super) fn is_ended(&self, line: usize) -> bool {
        self.slice(self.bounds_of(line)).ends_with('\n')
    }

    /// Whether a line is one of another text that no line break ended there.
    pub(super) fn now_ends(&self, line: usize, other: &Lines<'_>, unended: usize) -> bool {
        let (now, was) = (self.slice(self.bounds_of(line)), other.slice(other.bounds_of(unended)));
        now.strip_prefix(was).is_some_and(|ending| matches!(ending, "\n" | "\r\n"))
    }

    /// A line that a change adds, whole: it is what the entry says, in which nothing looks like a secret, and
    /// nothing stored has a say in how it is shown: neither can a change hide a part of itself, nor does it
    /// learn by what is masked which of its words are somebody's secret. One that stood there before, and was
    /// only moved, is shown as it was.
    pub(super) fn added(&mut self, line: usize, before: &HashSet<&str>) -> String {
        let raw = self.slice(self.bounds_of(line));
        if before.contains(raw) {
            return self.stored(line);
        }
        escape(raw.strip_suffix('\n').unwrap_or(raw)).into_owned()
    }

    /// A line that is there already, and gets a line break.
    pub(super) fn ended(&mut self, line: usize, by: &Lines<'_>, at: usize) -> String {
        let ending = if by.slice(by.bounds_of(at)).ends_with("\r\n") { "\r" } else { "" };
        self.stored(line) + &escape(ending)
    }

    /// A line that is there already. What stands above it may tell that it is part of a secret.
    pub(super) fn stored(&mut self, line: usize) -> String {
        let (first, lines) = &self.block;
        if line.checked_sub(*first).is_none_or(|at| at >= lines.len()) {
            self.block = (line, self.look_together(line));
        }
        let (first, lines) = &self.block;
        finished(lines.get(line - first).map_or(MASK, String::as_str))
    }

    /// The lines from this one on, as far as a block reaches, without the secrets that show together.
    fn look_together(&self, line: usize) -> Vec<String> {
        let start = self.bounds_of(line).start;
        let mut lines: Vec<String> = self.above(start).collect();
        let above = lines.len();
        let mut line = line;
        while line + 1 < self.bounds.len() && self.bounds_of(line).start < start + BLOCK {
            lines.push(self.cleared(self.bounds_of(line)));
            line += 1;
        }
        let together = lines.join("\n");
        let shown = redact(&together);
        let shown_lines: Vec<&str> = shown.split('\n').collect();
        if shown_lines.len() == lines.len() {
            return shown_lines.into_iter().skip(above).map(str::to_owned).collect();
        }
        // Several lines became one: which ones, only those that are left unchanged tell.
        let left: HashSet<&str> = shown_lines.into_iter().collect();
        let keep = |line: String| if left.contains(line.as_str()) { line } else { MASK.to_owned() };
        lines.into_iter().skip(above).map(keep).collect()
    }

    /// The lines above `start`, as far as the margin reaches.
    fn above(&self, start: usize) -> impl Iterator<Item = String> + '_ {
        let mut from = start.saturating_sub(MARGIN);
        while !self.text.is_char_boundary(from) {
            from += 1;
        }
        let margin = self.slice(from..start);
        // The first may not be whole.
        let whole = if from == 0 { margin } else { margin.split_once('\n').map_or("", |(_, whole)| whole) };
        let mut at = start - whole.len();
        whole.split_inclusive('\n').map(move |line| {
            at += line.len();
            self.cleared(at - line.len()..at)
        })
    }

    /// A line without its line break, what is hidden in it, and the literals of the scope.
    fn cleared(&self, bounds: Range<usize>) -> String {
        let line = self.slice(bounds.clone());
        if line.len() > BLOCK {
            // Cut anywhere, it might end in half a secret that looks like none.
            return format!("{MASK} (a line of {} bytes)", line.len());
        }
        let end = bounds.start + line.strip_suffix('\n').unwrap_or(line).len();
        let mut out = String::with_capacity(line.len());
        let mut at = bounds.start;
        let first = self.hidden.partition_point(|range| range.end <= bounds.start);
        for range in self.hidden.get(first..).unwrap_or_default().iter().take_while(|range| range.start < end) {
            out.push_str(self.slice(at..range.start.max(at)));
            out.push_str(MASK);
            at = range.end.clamp(at, end);
        }
        out.push_str(self.slice(at..end));
        self.literals.hide(&out)
    }

    fn bounds_of(&self, line: usize) -> Range<usize> {
        let bound = |line: usize| self.bounds.get(line).copied().unwrap_or(self.text.len());
        bound(line)..bound(line + 1)
    }

    fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }
}

/// The same extents in order, those that touch as one.
fn apart(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    ranges.dedup_by(|later, kept| {
        let touches = later.start <= kept.end;
        if touches {
            kept.end = kept.end.max(later.end);
        }
        touches
    });
    ranges
}

/// A line as it is shown, with nothing left that steers a terminal. A carriage return at its end is no part of
/// what secrets are looked for in.
fn finished(line: &str) -> String {
    let (line, ending) = line.strip_suffix('\r').map_or((line, ""), |line| (line, "\r"));
    [escape(&redact(line)), escape(ending)].concat()
}
