//! Sections so plain that CommonMark can read them in one way only: most of most documents.
//!
//! A line that begins with a letter can open no block but a paragraph, underline no heading and
//! close nothing; a line `## name` is a heading wherever nothing is open. So runs of such lines and
//! empty ones are read here, at the speed of looking for line ends. Anything else, from its
//! section's heading on, is left to the parser. That both read alike is a property test of
//! [`super::blocks`].

use std::ops::Range;

use mcp_registry_spec::name::is_name;

use super::blocks::Block;

/// How a heading of level 2 begins.
const MARK: &str = "## ";

/// A plain section.
pub(crate) struct Plain<'a> {
    pub(crate) title: &'a str,
    /// Where its heading ends.
    body: usize,
    /// Where it ends: at a heading or at the end.
    pub(crate) end: usize,
    /// How many lines it has.
    pub(crate) lines: usize,
}

/// Reads the section that begins at `start`, where nothing is open, and calls `visit` with each line
/// below its heading, first without its line break; `None` when it is not plain.
pub(crate) fn section<'a>(
    text: &'a str,
    start: usize,
    mut visit: impl FnMut(&'a str, Range<usize>),
) -> Option<Plain<'a>> {
    let (heading, body) = line(text, start)?;
    // A name holds nothing that CommonMark would not take as it is.
    let title = heading.strip_prefix(MARK).filter(|title| is_name(title))?;
    let (mut end, mut lines) = (body, 1);
    while end < text.len() {
        let (content, next) = line(text, end)?;
        match content.as_bytes() {
            [] | [b'a'..=b'z' | b'A'..=b'Z', ..] => visit(content, end..next),
            // Whatever its title is, it is one here.
            _ if content.starts_with(MARK) => break,
            _ => return None,
        }
        end = next;
        lines += 1;
    }
    Some(Plain { title, body, end, lines })
}

/// The line that begins at `at`, without its line break, and where the next begins; `None` when a
/// comment may open in it, or it ends otherwise than this module knows.
fn line(text: &str, at: usize) -> Option<(&str, usize)> {
    let rest = text.as_bytes().get(at..)?;
    let length = match rest {
        [b'\n', ..] => 0,
        _ => memchr::memchr3(b'\n', b'\r', b'<', rest).unwrap_or(rest.len()),
    };
    let ending = match rest.get(length..)? {
        [] => 0,
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => return None,
    };
    Some((text.get(at..at + length)?, at + length + ending))
}

/// Calls `visit` with the blocks of the plain sections that begin before `until`, from `start` on, where
/// nothing is open. Returns where they end: where nothing is open, either.
pub(crate) fn walk(text: &str, start: usize, until: usize, visit: &mut impl FnMut(Block)) -> usize {
    let mut paragraphs: Vec<Range<usize>> = Vec::new();
    let mut at = start;
    while at < until {
        let mut is_open = false;
        let plain = section(text, at, |line, span| {
            match paragraphs.last_mut().filter(|_| is_open) {
                Some(paragraph) if !line.is_empty() => paragraph.end = span.end,
                None if !line.is_empty() => paragraphs.push(span),
                _ => {}
            }
            is_open = !line.is_empty();
        });
        let Some(Plain { title, body, end, .. }) = plain else { break };
        let title = at + MARK.len()..at + MARK.len() + title.len();
        visit(Block::Heading { level: 2, span: at..body, title });
        paragraphs.drain(..).for_each(|span| visit(Block::Paragraph { span, comments: Vec::new() }));
        at = end;
    }
    at
}
