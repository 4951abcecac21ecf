//! The top-level blocks of a CommonMark document: what is a heading, a paragraph, a fence.
//!
//! pulldown-cmark decides; this module only spares it what is [plain](super::plain), and the memory
//! of the whole document. It is given chunks that end before a line `## …`, with that line as a
//! sentinel: where the parser calls the sentinel a heading, nothing (no fence, no HTML block) is open
//! at that point, so what comes before it reads exactly as it does in the whole document. Where it
//! does not, the chunk grows.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag};

use super::plain;

/// How much is parsed at a time, in bytes: enough to make up for starting the parser, and little
/// enough to get back to what is plain soon.
const CHUNK: usize = 4 * 1024;

/// What a [`Block::Other`] of HTML is called: a comment, or other HTML.
pub(crate) const COMMENT: &str = "comment or HTML block";

/// A top-level block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    /// A heading of level 1 or 2. `span` begins at the start of its first line and ends behind its
    /// last; `title` is its text in the source.
    Heading { level: u8, span: Range<usize>, title: Range<usize> },
    /// A paragraph. `comments` are the HTML comments in it.
    Paragraph { span: Range<usize>, comments: Vec<Range<usize>> },
    /// A fenced block whose info string's first word is `yaml`.
    Yaml { span: Range<usize> },
    /// Anything else.
    Other { span: Range<usize>, what: &'static str },
}

impl Block {
    fn start(&self) -> usize {
        match self {
            Self::Heading { span, .. }
            | Self::Paragraph { span, .. }
            | Self::Yaml { span }
            | Self::Other { span, .. } => span.start,
        }
    }
}

/// Calls `visit` with each top-level block of `text` from `start` on, where nothing is open, in order, up to
/// the first place at or behind `until` where it is seen that nothing is open again; returns that place.
pub(crate) fn walk(text: &str, mut start: usize, until: usize, mut visit: impl FnMut(Block)) -> usize {
    if start == 0 && text.starts_with('\u{feff}') {
        start = '\u{feff}'.len_utf8();
    }
    let mut blocks = Vec::new();
    let mut size = CHUNK;
    while start < until {
        start = plain::walk(text, start, until, &mut visit);
        if start >= until {
            break;
        }
        let boundary = next_boundary(text, start + size);
        let sentinel = line_end(text, boundary);
        blocks.clear();
        parse(text.get(start..sentinel).unwrap_or_default(), start, &mut blocks);
        if boundary < text.len()
            && !matches!(blocks.last(), Some(Block::Heading { span, .. }) if span.start == boundary)
        {
            size *= 2;
            continue;
        }
        blocks.drain(..).filter(|block| block.start() < boundary).for_each(&mut visit);
        start = boundary;
        size = CHUNK;
    }
    start
}

/// The first line at or after `from` that begins with `## `, or the end.
pub(crate) fn next_boundary(text: &str, from: usize) -> usize {
    let mut from = from.min(text.len());
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).and_then(|rest| rest.find("\n## ")).map_or(text.len(), |i| from + i + 1)
}

/// The end of the line that begins at `from`, its line break included.
pub(crate) fn line_end(text: &str, from: usize) -> usize {
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    match memchr::memchr2(b'\n', b'\r', rest) {
        None => text.len(),
        Some(i) if rest.get(i..i + 2) == Some(b"\r\n") => from + i + 2,
        Some(i) => from + i + 1,
    }
}

/// The start of the line that `at` lies in.
pub(crate) fn line_start(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before.iter().rposition(|b| matches!(b, b'\n' | b'\r')).map_or(0, |i| i + 1)
}

/// What the parser has open at the top level.
enum Open {
    Heading(u8),
    Paragraph,
    Yaml,
    Other(&'static str),
}

impl Open {
    fn of(tag: &Tag<'_>) -> Self {
        match tag {
            Tag::Heading { level: HeadingLevel::H1, .. } => Self::Heading(1),
            Tag::Heading { level: HeadingLevel::H2, .. } => Self::Heading(2),
            Tag::Paragraph => Self::Paragraph,
            Tag::CodeBlock(CodeBlockKind::Fenced(info)) if info.split_whitespace().next() == Some("yaml") => Self::Yaml,
            Tag::CodeBlock(CodeBlockKind::Fenced(_)) => Self::Other("code fence"),
            Tag::HtmlBlock => Self::Other(COMMENT),
            Tag::BlockQuote(_) => Self::Other("quote"),
            Tag::List(_) => Self::Other("list"),
            _ => Self::Other("block"),
        }
    }
}

/// Parses `chunk`, which begins at `offset` of the document, into its top-level blocks.
fn parse(chunk: &str, offset: usize, blocks: &mut Vec<Block>) {
    let place = |range: &Range<usize>| range.start + offset..range.end + offset;
    let mut depth = 0usize;
    let mut open = Open::Paragraph;
    let mut title: Option<Range<usize>> = None;
    let mut comments = Vec::new();
    for (event, range) in Parser::new_ext(chunk, Options::empty()).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                depth += 1;
                if depth == 1 {
                    open = Open::of(&tag);
                    title = None;
                    continue;
                }
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    let span = place(&range);
                    blocks.push(match open {
                        Open::Heading(level) => {
                            let span = line_start(chunk, range.start) + offset..closed_line(chunk, range.end) + offset;
                            let title = title.take().map_or(span.end..span.end, |t| place(&whole_title(chunk, t)));
                            Block::Heading { level, span, title }
                        }
                        Open::Paragraph => Block::Paragraph { span, comments: std::mem::take(&mut comments) },
                        Open::Yaml => Block::Yaml { span },
                        Open::Other(what) => Block::Other { span, what },
                    });
                    continue;
                }
            }
            // Wherever in the paragraph: in emphasis or a link it is a comment all the same.
            Event::InlineHtml(ref html) if matches!(open, Open::Paragraph) && html.starts_with("<!--") => {
                comments.push(place(&range));
            }
            Event::Rule if depth == 0 => blocks.push(Block::Other { span: place(&range), what: "rule" }),
            _ => {}
        }
        if matches!(open, Open::Heading(_)) && depth > 0 {
            // Everything inside a heading is part of its title, as it stands in the source.
            title = Some(title.map_or(range.clone(), |t| t.start.min(range.start)..t.end.max(range.end)));
        }
    }
}

/// A title with the backslash that may stand before its first character: to the parser the escaped
/// character is the text, but in the source it is not.
fn whole_title(chunk: &str, title: Range<usize>) -> Range<usize> {
    let is_escaped = chunk.get(..title.start).is_some_and(|before| before.ends_with('\\'));
    title.start - usize::from(is_escaped)..title.end
}

/// The end of the line that a block ending at `end` closes with.
fn closed_line(chunk: &str, end: usize) -> usize {
    match chunk.as_bytes().get(end.wrapping_sub(1)) {
        Some(b'\n' | b'\r') => end,
        _ => line_end(chunk, end),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blocks(text: &str) -> Vec<Block> {
        let mut out = Vec::new();
        walk(text, 0, text.len(), |block| out.push(block));
        out
    }

    fn whole(text: &str) -> Vec<Block> {
        let mut out = Vec::new();
        parse(text, 0, &mut out);
        out
    }

    #[test]
    fn a_title_is_its_source_text() {
        let titles = |text: &str| -> Vec<String> {
            blocks(text)
                .into_iter()
                .filter_map(|b| match b {
                    Block::Heading { title, .. } => Some(text[title].to_owned()),
                    _ => None,
                })
                .collect()
        };
        assert_eq!(titles("## a_b_*c* ##\n##\nx &amp; `y`\n---\n## t\r\n"), ["a_b_*c*", "", "x &amp; `y`", "t"]);
        assert_eq!(titles("## \\_b\n## \\-b\\*\n\\@c\n---\n"), ["\\_b", "\\-b\\*", "\\@c"]);
    }

    #[test]
    fn a_heading_in_another_block_is_none() {
        for text in ["```\n## a\n```\n", "<!--\n## a\n-->\n", "> ## a\n", "- ## a\n", "    ## a\n", "<pre>\n\n## a\n"] {
            assert!(!blocks(text).iter().any(|b| matches!(b, Block::Heading { .. })), "{text:?}");
        }
    }

    #[test]
    fn a_comment_inside_emphasis_is_one() {
        for text in ["a *b <!--\nc\n--> d*\n", "[n <!--\nc\n-->](u)\n", "a <!--\nc\n-->\n"] {
            assert!(
                matches!(blocks(text).as_slice(), [Block::Paragraph { comments, .. }] if comments.len() == 1),
                "{text:?}"
            );
        }
    }

    /// Documents of many chunks, with things open across them.
    pub(crate) fn documents() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "\n## a\n",
            "## b\n",
            "\n\n",
            "x\n",
            "```\n",
            "~~~\n",
            "<!-- \n",
            "-->\n",
            "- i\n",
            "  ## c\n",
            "> q\n",
            "---\n",
            "## plain.name-1\n",
            "key: value\n",
            "## crlf\r\n",
            "key: value\r\n",
            "cr\r",
            "Prose, *with* `marks` & a \\\n",
            "trailing  \n",
            "\t\n",
            "## under_score\n",
            "## x ##\n",
            "###\n",
            "<div>\n",
            "<pre>\n",
            "</pre>\n",
            "\r\n",
            "[l]: /u\n",
            "`",
            "    code\n",
            "\u{e9}\u{1f642} ",
            "<?\n",
            "?>\n",
        ]);
        (prop::collection::vec(pieces, 0..60), 0usize..3).prop_map(|(pieces, filler)| {
            let filler = "lorem ipsum dolor\n".repeat(filler * 1500);
            let with_filler =
                |(i, p): (usize, &&str)| if i % 7 == 3 { format!("{p}{filler}") } else { (*p).to_owned() };
            pieces.iter().enumerate().map(with_filler).collect()
        })
    }

    proptest! {
        /// Chunks change nothing.
        #[test]
        fn chunks_read_as_the_whole(text in documents()) {
            prop_assert_eq!(blocks(&text), whole(&text));
        }
    }
}
