//! A section: a level-2 heading and what follows it up to the next heading of level 1 or 2.

use std::ops::Range;

use mcp_registry_spec::{McpServerSpec, ServerName};

use super::blocks::{self, Block};
use super::fields::{self, Line};
use super::{LineCounter, Problem, interpret};

/// The title of the section that lists commands, in any case.
const RESERVED: &str = "allowed commands";

/// A section of a document.
#[derive(Clone)]
pub(crate) struct Section<'a> {
    title: &'a str,
    span: Range<usize>,
    /// Where the heading ends.
    body: usize,
    line: usize,
    /// The blocks directly in the section, but for comments and HTML.
    blocks: Vec<Block>,
    /// A field that the line below it turned into the heading that ends the section.
    swallowed: Option<usize>,
}

impl<'a> Section<'a> {
    pub(crate) fn open(title: &'a str, heading: Range<usize>, line: usize) -> Self {
        Self { title, body: heading.end, span: heading, line, blocks: Vec::with_capacity(1), swallowed: None }
    }

    pub(crate) fn add(&mut self, block: Block) {
        // What stands in a comment is out of the way on purpose.
        if !matches!(block, Block::Other { what: blocks::COMMENT, .. }) {
            self.blocks.push(block);
        }
    }

    pub(crate) fn close(&mut self, end: usize) {
        self.span.end = end;
    }

    /// `command: npx` with `---` below is a heading to CommonMark. Taken as one it would silently
    /// cost the section its field, so the section is broken instead.
    pub(crate) fn notice_swallowed_field(&mut self, text: &str, heading: &Range<usize>, title: Range<usize>) {
        let is_atx = text.get(heading.clone()).is_some_and(|h| h.trim_start_matches(' ').starts_with('#'));
        if !is_atx {
            let mut found = None;
            fields::lines(text, title, &[], |line| {
                if let Line::Field(field) = line {
                    found = found.or(Some(field.span.start));
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
        if let Some(at) = self.swallowed {
            let line = self.line_at(text, at);
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
