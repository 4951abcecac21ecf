//! A document in short: what a listing shows.
//!
//! Sections are looked at where they stand, the two halves of a long document side by side.

use std::borrow::Cow;
use std::ops::Range;
use std::{thread, vec};

use mcp_registry_spec::name::is_name;
use mcp_registry_spec::reference::sort_by_name;
use mcp_registry_spec::{McpServerSpec, ServerName, TransportKind};

use super::glance::{self, Seen};
use super::section::{self, Section};
use super::{LineCounter, Problem, blocks, count_lines, next_twin, plain, twin_problem};

/// How long a text must be, in bytes, for a second thread to save more time than it costs.
const WORTH_A_THREAD: usize = 4 * 1024 * 1024;

/// How long an entry is, in bytes, at the least, bar few. Room that is not used is not touched, and costs
/// nothing.
const SHORT_ENTRY: usize = 32;

/// What a listing shows of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary<'a> {
    /// How it is reached.
    pub transport: TransportKind,
    /// What it is for.
    pub description: Cow<'a, str>,
}

/// The name of each entry with its summary, or with what is wrong with it: the
/// [entries](super::Document::entries) in short, at a fraction of their cost. There are no more of them than
/// the upper bound of the size hint.
pub fn summaries(text: &str) -> impl Iterator<Item = (ServerName, Result<Summary<'_>, Problem>)> {
    let mut rest = glances(text).peekable();
    // As many as there are glances, but for twins.
    (0..rest.len()).map_while(move |_| {
        let Glance { title, line, seen } = rest.next()?;
        let name = ServerName::parse(title).ok()?;
        let summary = match (next_twin(&mut rest, |other| other.title == title), seen) {
            (Some(twin), _) => Err(twin_problem(&name, line, twin.line)),
            (None, Ok(description)) => Ok(Summary { transport: TransportKind::Stdio, description: description.into() }),
            (None, Err(section)) => section.spec(text, name.clone(), &mut Vec::new()).map(Summary::from),
        };
        Some((name, summary))
    })
}

/// A section whose title is a name, and what a glance tells of it: the description of an entry that runs a
/// command, or nothing.
struct Glance<'a> {
    title: &'a str,
    line: usize,
    seen: Result<&'a str, Box<Section<'a>>>,
}

/// A glance at each section that may be an entry, by title; those of one title in the order of the
/// document.
fn glances(text: &str) -> vec::IntoIter<Glance<'_>> {
    let halves = if text.len() < WORTH_A_THREAD { None } else { in_halves(text) };
    halves.map_or_else(|| in_part(text, 0..text.len()).unwrap_or_default(), merged).into_iter()
}

/// The glances of two parts that follow each other, by title.
fn merged<'a>([mut front, back]: [Vec<Glance<'a>>; 2]) -> Vec<Glance<'a>> {
    front.extend(back);
    // Finds the two runs, and merges them.
    front.sort_by(|one, other| one.title.cmp(other.title));
    front
}

/// The glances of both halves, taken at the same time; `None` when something is open in the middle,
/// or there is no second thread to be had.
fn in_halves(text: &str) -> Option<[Vec<Glance<'_>>; 2]> {
    let middle = blocks::next_boundary(text, text.len() / 2);
    thread::scope(|scope| {
        let back = thread::Builder::new().spawn_scoped(scope, || in_part(text, middle..text.len())).ok()?;
        let front = in_part(text, 0..middle);
        Some([front?, back.join().ok()??])
    })
}

/// The glances of a part that begins where nothing is open; `None` when something is open at its end.
fn in_part(text: &str, part: Range<usize>) -> Option<Vec<Glance<'_>>> {
    let before = text.as_bytes().get(..part.start)?;
    // Nearly every field refuses a NUL: looked for once, and not in each.
    let has_nul = memchr::memchr(0, text.as_bytes().get(part.clone())?).is_some();
    let mut found = Vec::with_capacity(part.len() / SHORT_ENTRY);
    // With the line behind it, which is a section's heading unless something is open there.
    let with_next = text.get(..blocks::line_end(text, part.end))?;
    let mut is_closed = part.end == text.len();
    let mut lines = LineCounter::new(text, part.start, 1 + count_lines(before));
    let mut at = part.start;
    while at < part.end {
        let mut seen = Seen::default();
        let plain = plain::section(with_next, at, |line, _| seen.line(line)).filter(|_| !has_nul);
        if let Some((plain, description)) = plain.zip(seen.description()) {
            found.push(Glance { title: plain.title, line: lines.line_of(at), seen: Ok(description) });
            lines.skip_to(plain.end, plain.lines);
            at = plain.end;
            continue;
        }
        (at, _) = section::walk_some(with_next, at..at + 1, &mut lines, |section| {
            let (title, line) = (section.title(), section.line());
            if section.span().start == part.end {
                is_closed = true;
            } else if is_name(title) {
                let seen = if has_nul { None } else { glance::description(section, text) };
                found.push(Glance { title, line, seen: seen.ok_or_else(|| Box::new(section.clone())) });
            }
        });
    }
    sort_by_name(&mut found, |glance| glance.title);
    (is_closed || at == part.end).then_some(found)
}

impl From<McpServerSpec> for Summary<'_> {
    fn from(spec: McpServerSpec) -> Self {
        Self { transport: spec.transport.kind(), description: spec.description.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::tests::documents;
    use super::*;
    use proptest::prelude::*;

    fn seen<'a>(found: impl IntoIterator<Item = Glance<'a>>) -> Vec<(&'a str, usize, bool)> {
        found.into_iter().map(|glance| (glance.title, glance.line, glance.seen.is_ok())).collect()
    }

    proptest! {
        /// Where the halves can be told apart, they read as the whole.
        #[test]
        fn halves_read_as_the_whole(text in documents()) {
            if let Some(halves) = in_halves(&text) {
                prop_assert_eq!(seen(merged(halves)), seen(in_part(&text, 0..text.len()).unwrap()));
            }
        }
    }

    #[test]
    fn what_is_open_in_the_middle_is_seen() {
        let prose = "Some prose.\n".repeat(9);
        for (open, closed) in [("```\n", "```\n"), ("<!--\n", "-->\n"), ("<pre>\n\n", "</pre>\n")] {
            let text = format!("## a\ncommand: npx\n\n{open}{prose}\n## b\ncommand: npx\n{closed}");
            assert!(in_halves(&text).is_none(), "{open:?}");
        }
        let text = format!("## b\ncommand: npx\n\n{prose}\n## a\ncommand: npx\n");
        assert_eq!(seen(merged(in_halves(&text).unwrap())), [("a", 14, true), ("b", 1, true)]);
    }
}
