//! A document in short: what a listing shows.
//!
//! Sections are looked at where they stand, the two halves of a long document side by side.

use std::borrow::Cow;
use std::ops::Range;
use std::{iter, thread};

use mcp_registry_spec::name::is_name;
use mcp_registry_spec::reference::sort_by_name;
use mcp_registry_spec::{McpServerSpec, ServerName, TransportKind};

use super::section::{self, Section};
use super::{Problem, blocks, glance, next_twin, twin_problem};

/// How long a text must be, in bytes, for a second thread to save more time than it costs.
const WORTH_A_THREAD: usize = 4 * 1024 * 1024;

/// What a listing shows of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary<'a> {
    /// How it is reached.
    pub transport: TransportKind,
    /// What it is for.
    pub description: Cow<'a, str>,
}

/// The name of each entry with its summary, or with what is wrong with it: the
/// [entries](super::Document::entries) in short, at a fraction of their cost.
pub fn summaries(text: &str) -> impl Iterator<Item = (ServerName, Result<Summary<'_>, Problem>)> {
    let mut rest = glances(text).peekable();
    iter::from_fn(move || {
        let Glance { title, line, seen } = rest.next()?;
        let name = ServerName::parse(title).ok()?;
        let summary = match (next_twin(&mut rest, |other| other.title == title), seen) {
            (Some(twin), _) => Err(twin_problem(&name, line, twin.line)),
            (None, Ok(summary)) => Ok(summary),
            (None, Err(section)) => section.spec(text, name.clone(), &mut Vec::new()).map(Summary::from),
        };
        Some((name, summary))
    })
}

/// A section whose title is a name, and what a glance tells of it: its summary, or nothing.
struct Glance<'a> {
    title: &'a str,
    line: usize,
    seen: Result<Summary<'a>, Box<Section<'a>>>,
}

/// A glance at each section that may be an entry, by title; those of one title in the order of the
/// document.
fn glances(text: &str) -> impl Iterator<Item = Glance<'_>> {
    let halves = if text.len() < WORTH_A_THREAD { None } else { in_halves(text) };
    merged(halves.unwrap_or_else(|| [in_part(text, 0..text.len()).unwrap_or_default(), Vec::new()]))
}

/// The glances of two parts that follow each other, by title.
fn merged([front, back]: [Vec<Glance<'_>>; 2]) -> impl Iterator<Item = Glance<'_>> {
    let (mut front, mut back) = (front.into_iter().peekable(), back.into_iter().peekable());
    iter::from_fn(move || match (front.peek(), back.peek()) {
        (Some(one), Some(other)) if other.title < one.title => back.next(),
        (None, _) => back.next(),
        _ => front.next(),
    })
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
    // Nearly every field refuses a NUL: looked for once, and not in each.
    let has_nul = memchr::memchr(0, text.as_bytes().get(part.clone())?).is_some();
    let mut found = Vec::new();
    let is_whole = section::walk_part(text, part, |section| {
        if is_name(section.title()) {
            let seen = if has_nul { None } else { glance::summary(section, text) };
            let seen = seen.ok_or_else(|| Box::new(section.clone()));
            found.push(Glance { title: section.title(), line: section.line(), seen });
        }
    });
    sort_by_name(&mut found, |glance| glance.title);
    is_whole.then_some(found)
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
