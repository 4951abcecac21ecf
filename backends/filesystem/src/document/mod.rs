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
mod interpret;
mod limits;
mod plain;
mod render;
mod section;
mod yaml_lines;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Range;

use mcp_registry_spec::{ErrorKind, McpServerSpec, ServerName};

use blocks::Block;
pub use limits::check;
pub(crate) use section::Section;

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

/// A parsed `mcp.md`.
///
/// Its `Debug` shows how much there is and none of it (rule 4).
#[derive(Clone)]
pub struct Document<'a> {
    text: &'a str,
    sections: Vec<Section<'a>>,
    /// Where a fence or comment that never ends begins, when the document ends in one.
    tail: Option<(usize, &'static str)>,
}

impl<'a> Document<'a> {
    /// Reads a document. Any text is one; what is wrong in it is told entry by entry.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let mut sections: Vec<Section<'a>> = Vec::new();
        let mut tail = None;
        let mut open: Option<Section<'a>> = None;
        let mut lines = LineCounter::new(text, 0, 1);
        blocks::walk(text, |block| {
            tail = match &block {
                Block::Yaml { span } => Some((span.start, "code fence")),
                Block::Other { span, what } => Some((span.start, *what)),
                _ => None,
            };
            match block {
                Block::Heading { level, span, title } => {
                    let title_text = text.get(title.clone()).unwrap_or_default();
                    if let Some(mut section) = open.take() {
                        section.close(span.start);
                        section.notice_swallowed_field(text, &span, title);
                        sections.push(section);
                    }
                    if level == 2 {
                        open = Some(Section::open(title_text, span.clone(), lines.line_of(span.start)));
                    }
                }
                block => {
                    if let Some(section) = &mut open {
                        section.add(block);
                    }
                }
            }
        });
        if let Some(mut section) = open {
            section.close(text.len());
            sections.push(section);
        }
        Self { text, sections, tail }
    }

    /// The entries, sorted by name; a name that several sections have is one broken entry. Each is
    /// made when it is asked for.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.entries_of(self.sorted())
    }

    /// Gives the [entries](Self::entries) to `work`, in one part or, where there are very many, in a
    /// part for each processor; what `work` makes of the parts comes in their order.
    pub fn in_parts<T: Send>(&self, work: impl Fn(&mut dyn Iterator<Item = Entry>) -> T + Sync) -> Vec<T> {
        let mut rest = self.sorted();
        let processors =
            if rest.len() < 2 * PART { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) };
        let size = rest.len().div_ceil(processors).max(PART);
        let mut parts = Vec::new();
        while rest.len() > size {
            // Sections of one name are one entry: they stay together.
            let twins =
                rest.windows(2).skip(size - 1).take_while(|pair| matches!(pair, [a, b] if a.title() == b.title()));
            let tail = rest.split_off(size + twins.count());
            parts.push(std::mem::replace(&mut rest, tail));
        }
        std::thread::scope(|scope| {
            let work = &work;
            let run = move |part| work(&mut self.entries_of(part));
            let others: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || run(part))).collect();
            let last = run(rest);
            let mut made: Vec<T> = others.into_iter().map(joined).collect();
            made.push(last);
            made
        })
    }

    /// The sections that may be entries, by title; those of one title in the order of the document.
    fn sorted(&self) -> Vec<&Section<'a>> {
        let named = self.sections.iter().filter(|s| !s.is_reserved());
        let mut named: Vec<_> = named.map(|s| (beginning(s.title()), s)).collect();
        // Stable: sections of one name stay in the order of the document.
        named.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.title().cmp(other.title())));
        named.into_iter().map(|(_, section)| section).collect()
    }

    fn entries_of<'s>(&'s self, sorted: Vec<&'s Section<'a>>) -> impl Iterator<Item = Entry> + 's {
        let mut rest = sorted.into_iter().peekable();
        std::iter::from_fn(move || {
            loop {
                let section = rest.next()?;
                let mut twins = Vec::new();
                while let Some(twin) = rest.next_if(|s| s.title() == section.title()) {
                    twins.push(twin.line());
                }
                if let Some(name) = section.name() {
                    return Some(self.entry(name, section, &twins));
                }
            }
        })
    }

    /// The entry `name`, if there is one.
    #[must_use]
    pub fn entry_of(&self, name: &ServerName) -> Option<Entry> {
        let mut same = self.named(name);
        let section = same.next()?;
        let twins: Vec<usize> = same.map(Section::line).collect();
        Some(self.entry(name.clone(), section, &twins))
    }

    fn entry(&self, name: ServerName, section: &Section<'a>, twins: &[usize]) -> Entry {
        if let Some(twin) = twins.first() {
            let problem = twin_problem(&name, section.line(), *twin);
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

/// The fewest entries that are worth a thread.
const PART: usize = 2000;

/// What a thread made; its panic goes on in this one.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The first bytes of a title as a number of the same order. Comparing it settles nearly every
/// comparison without a look at the text, which lies far off.
fn beginning(title: &str) -> u128 {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(title.bytes()).for_each(|(byte, b)| *byte = b);
    u128::from_be_bytes(bytes)
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
        let between = self.text.as_bytes().get(self.at..offset).unwrap_or_default();
        self.line += count_lines(between);
        self.at = self.at.max(offset);
        self.line
    }
}

/// How many line feeds there are.
pub(crate) fn count_lines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}
