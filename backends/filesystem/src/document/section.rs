//! A section: a level-2 heading and what follows it up to the next heading of level 1 or 2.

use std::ops::Range;

use mcp_registry_spec::{McpServerSpec, ServerName};

use super::blocks::{self, Block};
use super::fields::{self, Line};
use super::{LineCounter, Problem, interpret};

/// The title of the section that lists commands, in any case.
const RESERVED: &str = "allowed commands";

/// A section of a document.
#[derive(Clone, Default)]
pub(crate) struct Section<'a> {
    title: &'a str,
    span: Range<usize>,
    /// Where the heading ends.
    body: usize,
    line: usize,
    /// The blocks directly in the section, but for comments and HTML.
    blocks: Vec<Block>,
    /// From a field that the line below it turned into the heading that ends the section, to the end of that.
    swallowed: Option<Range<usize>>,
}

/// Where something that never ends begins, and what it is, when the document ends in such.
pub(crate) type Tail = Option<(usize, &'static str)>;

/// Calls `visit` with each section of `text`, in order. It is one section that is opened anew, so
/// that those who only look need no memory for all of them.
pub(crate) fn walk<'a>(text: &'a str, visit: impl FnMut(&Section<'a>)) -> Tail {
    walk_some(text, 0..text.len(), &mut LineCounter::new(text, 0, 1), visit).1
}

/// Calls `visit` with each section that begins in `some`, where nothing is open at the start, and with those
/// behind until it is seen that nothing is open again; returns where.
pub(crate) fn walk_some<'a>(
    text: &'a str,
    some: Range<usize>,
    lines: &mut LineCounter<'a>,
    mut visit: impl FnMut(&Section<'a>),
) -> (usize, Tail) {
    let mut tail = None;
    let mut is_open = false;
    let mut section = Section::default();
    let end = blocks::walk(text, some.start, some.end, |block| {
        tail = match &block {
            Block::Yaml { span } => Some((span.start, "code fence")),
            Block::Other { span, what } => Some((span.start, *what)),
            _ => None,
        };
        match block {
            Block::Heading { level, span, title } => {
                if is_open {
                    section.span.end = span.start;
                    section.notice_swallowed_field(text, &span, title.clone());
                    visit(&section);
                }
                is_open = level == 2;
                if is_open {
                    let line = lines.line_of(span.start);
                    section.open(text.get(title).unwrap_or_default(), span, line);
                }
            }
            block if is_open => section.add(block),
            _ => {}
        }
    });
    if is_open {
        section.span.end = end;
        visit(&section);
    }
    (end, tail)
}

impl<'a> Section<'a> {
    fn open(&mut self, title: &'a str, heading: Range<usize>, line: usize) {
        self.title = title;
        self.body = heading.end;
        self.span = heading;
        self.line = line;
        self.blocks.clear();
        self.swallowed = None;
    }

    fn add(&mut self, block: Block) {
        // What stands in a comment is out of the way on purpose.
        if !matches!(block, Block::Other { what: blocks::COMMENT, .. }) {
            self.blocks.push(block);
        }
    }

    /// `command: npx` with `---` below is a heading to CommonMark. Taken as one it would silently
    /// cost the section its field, so the section is broken instead.
    fn notice_swallowed_field(&mut self, text: &str, heading: &Range<usize>, title: Range<usize>) {
        let is_atx = text.get(heading.clone()).is_some_and(|h| h.trim_start_matches(' ').starts_with('#'));
        if !is_atx {
            let mut found = None;
            fields::lines(text, title, &[], |line| {
                if let Line::Field(field) = line {
                    found.get_or_insert(field.span.start..heading.end);
                }
            });
            self.swallowed = found;
        }
    }

    pub(crate) fn title(&self) -> &'a str {
        self.title
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Where the heading ends and the section's content begins.
    pub(crate) fn body(&self) -> usize {
        self.body
    }

    pub(crate) fn line(&self) -> usize {
        self.line
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Where it ends, with the heading that one of its fields was taken for.
    pub(crate) fn whole_end(&self) -> usize {
        self.swallowed.as_ref().map_or(self.span.end, |swallowed| swallowed.end)
    }

    /// Whether no field of it was taken for a heading.
    pub(crate) fn is_whole(&self) -> bool {
        self.swallowed.is_none()
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.title.eq_ignore_ascii_case(RESERVED)
    }

    /// The server name the title is, if it is one.
    pub(crate) fn name(&self) -> Option<ServerName> {
        ServerName::parse(self.title).ok()
    }

    /// Line numbers of ascending offsets in the section.
    pub(crate) fn lines<'t>(&self, text: &'t str) -> LineCounter<'t> {
        LineCounter::new(text, self.span.start, self.line)
    }

    /// The line (1-based) of one offset in the section.
    pub(crate) fn line_at(&self, text: &str, offset: usize) -> usize {
        self.lines(text).line_of(offset)
    }

    /// The entry that the section's fields make.
    pub(crate) fn spec(
        &self,
        text: &str,
        name: ServerName,
        warnings: &mut Vec<String>,
    ) -> Result<McpServerSpec, Problem> {
        if let Some(swallowed) = &self.swallowed {
            let line = self.line_at(text, swallowed.start);
            return Err(Problem::new(line, "the line below this field turns it into a heading")
                .hint("put a blank line between the field and the --- or === below it"));
        }
        interpret::spec(self, text, name, warnings)
    }

    /// The commands listed in the section: one a line, up to a `#`.
    pub(crate) fn commands(&self, text: &'a str) -> Vec<&'a str> {
        let mut commands = Vec::new();
        for block in &self.blocks {
            if let Block::Paragraph { span, comments } = block {
                fields::source_lines(text, span.clone(), comments, |line| {
                    let command = text.get(line).unwrap_or_default();
                    let command = command.split_once('#').map_or(command, |(c, _)| c).trim();
                    if !command.is_empty() {
                        commands.push(command);
                    }
                });
            }
        }
        commands
    }
}
