//! Sections so plain that CommonMark can read them in one way only: most of most documents.
//!
//! A line that begins with a letter can open no block but a paragraph, underline no heading and
//! close nothing; a line `## name` is a heading wherever nothing is open. So runs of such lines and
//! empty ones are read here, at the speed of looking for line ends. Anything else, from its
//! section's heading on, is left to the parser. That both read alike is a property test of
//! [`super::blocks`].

use super::blocks::Block;

/// Calls `visit` with the blocks of the plain sections from `start` on, where nothing is open, and
/// returns where they end: at the heading of the first section that is not plain, or at the end.
pub(crate) fn walk(text: &str, start: usize, visit: &mut impl FnMut(Block)) -> usize {
    let bytes = text.as_bytes();
    let mut blocks: Vec<Block> = Vec::with_capacity(4);
    let mut paragraph: Option<usize> = None;
    // Up to where everything has been visited.
    let mut settled = start;
    let mut at = start;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let stop = match rest {
            [b'\n', ..] => 0,
            _ => memchr::memchr3(b'\n', b'\r', b'<', rest).unwrap_or(rest.len()),
        };
        let (line, end) = match rest.get(stop..).unwrap_or_default() {
            [] => (rest, bytes.len()),
            [b'\n', ..] => (rest.get(..stop).unwrap_or_default(), at + stop + 1),
            [b'\r', b'\n', ..] => (rest.get(..stop).unwrap_or_default(), at + stop + 2),
            // A comment may open, or a line ends otherwise than this module knows.
            _ => break,
        };
        match line {
            [] => blocks.extend(paragraph.take().map(|from| Block::Paragraph { span: from..at, comments: vec![] })),
            [b'a'..=b'z' | b'A'..=b'Z', ..] => paragraph = paragraph.or(Some(at)),
            _ => {
                let Some(title) = heading(line) else { break };
                blocks.extend(paragraph.take().map(|from| Block::Paragraph { span: from..at, comments: vec![] }));
                blocks.drain(..).for_each(&mut *visit);
                settled = at;
                blocks.push(Block::Heading { level: 2, span: at..end, title: at + 3..at + 3 + title });
            }
        }
        at = end;
    }
    if at == bytes.len() {
        blocks.extend(paragraph.map(|from| Block::Paragraph { span: from..at, comments: vec![] }));
        blocks.drain(..).for_each(visit);
        settled = at;
    }
    settled
}

/// The length of the title when `line` is `## name`, with nothing in the name that is not a name's.
fn heading(line: &[u8]) -> Option<usize> {
    let title = line.strip_prefix(b"## ")?;
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    (!title.is_empty() && title.iter().all(is_name)).then_some(title.len())
}
