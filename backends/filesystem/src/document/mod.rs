//! The `mcp.md` document: read without guessing, changed without losing a byte.
//!
//! `spec/MCP-MD.md` states the format. [`Document::parse`] reads any text;
//! [`Document::install`], [`update`](Document::update) and [`uninstall`](Document::uninstall) give
//! the changed text, after reading it again and seeing that it says what was meant and that nothing
//! else in it changed.

mod blocks;
mod change;
mod edits;
mod fields;
mod flow;
mod glance;
mod hidden;
mod interpret;
mod limits;
mod plain;
mod render;
mod section;
mod summaries;
mod yaml_lines;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::iter::Peekable;
use std::ops::Range;

use mcp_registry_spec::reference::sort_by_name;
use mcp_registry_spec::{ErrorKind, McpServerSpec, ServerName};

pub use hidden::hidden;
pub use limits::check;
pub(crate) use section::Section;
pub use summaries::{Summary, summaries};

/// What is wrong at a place of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How a program tells it.
    pub kind: ErrorKind,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line (1-based).
    pub line: Option<usize>,
}

impl Problem {
    pub(crate) fn new(line: usize, message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::DescriptorInvalid, message: message.into(), hint: None, line: Some(line) }
    }

    pub(crate) fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// An entry of a document: what loading it gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name.
    pub name: ServerName,
    /// What it is, or what is wrong with it.
    pub spec: Result<McpServerSpec, Problem>,
    /// What the owner should look at.
    pub warnings: Vec<String>,
}

/// A section whose title is no server name.
#[derive(Clone, PartialEq, Eq)]
pub struct Stray<'a> {
    /// Its title.
    pub title: &'a str,
    /// The line it stands at (1-based).
    pub line: usize,
}

/// The entry `name` of a document, if there is one: what [`Document::entry_of`] gives, with no other
/// section kept.
#[must_use]
pub fn entry_of(text: &str, name: &ServerName) -> Option<Entry> {
    let mut sections = Vec::new();
    let tail = section::walk(text, |section| {
        if section.title() == name.as_str() {
            sections.push(section.clone());
        }
    });
    Document { text, sections, tail }.entry_of(name)
}

/// A parsed `mcp.md`.
///
/// Its `Debug` shows how much there is and none of it (rule 4).
#[derive(Clone)]
pub struct Document<'a> {
    text: &'a str,
    sections: Vec<Section<'a>>,
    /// Where a fence or comment that never ends begins, when the document ends in one.
    tail: section::Tail,
}

impl<'a> Document<'a> {
    /// Reads a document. Any text is one; what is wrong in it is told entry by entry.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let mut sections = Vec::new();
        let tail = section::walk(text, |section| sections.push(section.clone()));
        Self { text, sections, tail }
    }

    /// The entries, sorted by name; a name that several sections have is one broken entry. Each is
    /// made when it is asked for.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.entries_of(self.sorted())
    }

    /// The sections that may be entries, by title; those of one title in the order of the document.
    fn sorted(&self) -> Vec<&Section<'a>> {
        let mut named: Vec<_> = self.sections.iter().filter(|s| !s.is_reserved()).collect();
        sort_by_name(&mut named, |section| section.title());
        named
    }

    fn entries_of<'s>(&'s self, sorted: Vec<&'s Section<'a>>) -> impl Iterator<Item = Entry> + 's {
        let mut rest = sorted.into_iter().peekable();
        std::iter::from_fn(move || {
            loop {
                let section = rest.next()?;
                let twin = next_twin(&mut rest, |other| other.title() == section.title());
                if let Some(name) = section.name() {
                    return Some(self.entry(name, section, twin));
                }
            }
        })
    }

    /// The entry `name`, if there is one.
    #[must_use]
    pub fn entry_of(&self, name: &ServerName) -> Option<Entry> {
        let mut same = self.named(name);
        let section = same.next()?;
        Some(self.entry(name.clone(), section, same.next()))
    }

    fn entry(&self, name: ServerName, section: &Section<'a>, twin: Option<&Section<'a>>) -> Entry {
        if let Some(twin) = twin {
            let problem = twin_problem(&name, section.line(), twin.line());
            return Entry { name, spec: Err(problem), warnings: Vec::new() };
        }
        let mut warnings = Vec::new();
        let spec = section.spec(self.text, name.clone(), &mut warnings);
        Entry { name, spec, warnings }
    }

    /// The sections that are entries of this name.
    fn named<'s>(&'s self, name: &'s ServerName) -> impl Iterator<Item = &'s Section<'a>> {
        self.sections.iter().filter(move |s| s.title() == name.as_str() && !s.is_reserved())
    }

    /// Sections that are no entries because their titles are no names.
    pub fn strays(&self) -> impl Iterator<Item = Stray<'a>> + '_ {
        self.sections
            .iter()
            .filter(|s| !s.is_reserved() && s.name().is_none())
            .map(|s| Stray { title: s.title(), line: s.line() })
    }

    /// The commands of the section `## Allowed commands`, in order; `None` when there is no such
    /// section. One that lists nothing allows nothing (rule 12). Of several, only what all of them
    /// list is allowed.
    #[must_use]
    pub fn allowed_commands(&self) -> Option<Vec<&'a str>> {
        let mut lists = self.sections.iter().filter(|s| s.is_reserved()).map(|s| s.commands(self.text));
        let first: Vec<&str> = lists.next()?;
        Some(lists.fold(first, |mut all, list| {
            let list: HashSet<&str> = list.into_iter().collect();
            all.retain(|command| list.contains(command));
            all
        }))
    }

    /// What must stay as it is when something else changes.
    fn census(&self) -> BTreeMap<&'a str, Vec<&'a str>> {
        let mut census: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for section in &self.sections {
            census.entry(section.title()).or_default().push(self.slice(section.span()));
        }
        census
    }

    fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }
}

impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} bytes, {} sections)", self.text.len(), self.sections.len())
    }
}

/// Takes what `is_twin` off `rest`, and gives the first of it.
fn next_twin<I: Iterator>(rest: &mut Peekable<I>, is_twin: impl Fn(&I::Item) -> bool) -> Option<I::Item> {
    let twin = rest.next_if(&is_twin)?;
    while rest.next_if(&is_twin).is_some() {}
    Some(twin)
}

fn twin_problem(name: &ServerName, first: usize, second: usize) -> Problem {
    Problem::new(first, format!("two sections have the name {:?}: at line {first} and at line {second}", name.as_str()))
        .hint("remove or rename one of them")
}

/// Line numbers of ascending offsets, counted in one pass over the text.
pub(crate) struct LineCounter<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> LineCounter<'a> {
    /// Counts from the offset `at`, which lies in `line`.
    pub(crate) fn new(text: &'a str, at: usize, line: usize) -> Self {
        Self { text, at, line }
    }

    pub(crate) fn line_of(&mut self, offset: usize) -> usize {
        if let Some(between) = self.text.as_bytes().get(self.at..offset).filter(|between| !between.is_empty()) {
            self.line += count_lines(between);
            self.at = offset;
        }
        self.line
    }

    /// Goes on to the offset `at`, which lies so many lines further.
    pub(crate) fn skip_to(&mut self, at: usize, lines: usize) {
        (self.at, self.line) = (at, self.line + lines);
    }
}

/// How many lines end here: with a line feed, a carriage return, or both.
pub(crate) fn count_lines(bytes: &[u8]) -> usize {
    let is_lone = |at: &usize| bytes.get(at + 1) != Some(&b'\n');
    memchr::memchr_iter(b'\n', bytes).count() + memchr::memchr_iter(b'\r', bytes).filter(is_lone).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_a_line_feed_a_carriage_return_or_both() {
        for end in ["\n", "\r", "\r\n"] {
            let text = ["# Mine", "", "## a", "command: npx", "", "## b", "args: x", ""].join(end);
            let broken = Document::parse(&text).entries().find_map(|entry| entry.spec.err()).unwrap();
            assert_eq!(broken.line, Some(6), "{end:?}");
        }
    }
}
