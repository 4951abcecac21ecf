//! Field lines: `key: value` from column 0 of a section's own paragraphs.

use std::ops::Range;

use super::blocks::line_end;

/// The fields of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Description,
    Transport,
    Command,
    Args,
    Env,
    Url,
    Header,
}

impl Key {
    /// Every field, in the order in which they are written.
    pub(crate) const ALL: [Self; 7] =
        [Self::Description, Self::Transport, Self::Command, Self::Args, Self::Env, Self::Url, Self::Header];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::Transport => "transport",
            Self::Command => "command",
            Self::Args => "args",
            Self::Env => "env",
            Self::Url => "url",
            Self::Header => "header",
        }
    }

    /// The field of this name; `headers` is what JSON calls `header`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "description" => Self::Description,
            "transport" => Self::Transport,
            "command" => Self::Command,
            "args" => Self::Args,
            "env" => Self::Env,
            "url" => Self::Url,
            "header" | "headers" => Self::Header,
            _ => return None,
        })
    }

    /// The field that a line begins with, and what stands behind its colon.
    pub(crate) fn beginning(line: &str) -> Option<(Self, &str)> {
        // No two of them begin with the same letter. Each prefix is spelt out: the compiler turns what it
        // knows into a comparison or two, and anything else into a call.
        let (key, rest) = match line.as_bytes() {
            [b'c', ..] => (Self::Command, line.strip_prefix("command:")),
            [b'a', ..] => (Self::Args, line.strip_prefix("args:")),
            [b'd', ..] => (Self::Description, line.strip_prefix("description:")),
            [b'e', ..] => (Self::Env, line.strip_prefix("env:")),
            [b'h', ..] => (Self::Header, line.strip_prefix("header:").or_else(|| line.strip_prefix("headers:"))),
            [b't', ..] => (Self::Transport, line.strip_prefix("transport:")),
            [b'u', ..] => (Self::Url, line.strip_prefix("url:")),
            _ => return None,
        };
        Some((key, rest?))
    }

    /// Whether several lines may give it.
    pub(crate) fn is_repeatable(self) -> bool {
        matches!(self, Self::Args | Self::Env | Self::Header)
    }
}

/// A field line.
#[derive(Clone)]
pub(crate) struct FieldLine<'a> {
    pub(crate) key: Key,
    /// What stands behind the colon, without the white space around it.
    pub(crate) value: &'a str,
    /// The line without its line break.
    pub(crate) content: Range<usize>,
    /// The line with its line break.
    pub(crate) span: Range<usize>,
}

/// A line of a section's own paragraph.
pub(crate) enum Line<'a> {
    Field(FieldLine<'a>),
    /// A line that looks like a field and is none: what it was read as, and why it is none.
    Doubtful {
        at: usize,
        key: &'a str,
        why: Doubt,
    },
}

/// Why a line that looks like a field is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    Unknown,
    Case,
    Indented,
}

/// Calls `visit` with the extent of each line of `span` that begins in no comment (they are in the
/// order of the source); the first may begin inside its line.
pub(crate) fn source_lines(
    text: &str,
    span: Range<usize>,
    comments: &[Range<usize>],
    mut visit: impl FnMut(Range<usize>),
) {
    let mut at = span.start;
    let mut comments = comments.iter().peekable();
    while at < span.end {
        let end = line_end(text, at).min(span.end).max(at + 1);
        while comments.next_if(|c| c.end <= at).is_some() {}
        if comments.peek().is_none_or(|c| c.start >= at) {
            visit(at..end);
        }
        at = end;
    }
}

/// Calls `visit` with each line of a paragraph that is, or looks like, a field.
pub(crate) fn lines<'a>(text: &'a str, span: Range<usize>, comments: &[Range<usize>], mut visit: impl FnMut(Line<'a>)) {
    source_lines(text, span, comments, |line| {
        let content = unended(text.get(line.clone()).unwrap_or_default());
        let begins = begins_line(text, line.start);
        if let Some((key, value)) = Key::beginning(content).filter(|_| begins) {
            let content = line.start..line.start + content.len();
            return visit(Line::Field(FieldLine { key, value: trim(value), content, span: line }));
        }
        let inner = content.trim_start_matches([' ', '\t']);
        let Some((key, value)) = split_key(inner) else { return };
        let indented = inner.len() < content.len() || !begins;
        let why = if Key::parse(key).is_some() {
            Doubt::Indented
        } else if !(value.is_empty() || value.starts_with([' ', '\t'])) {
            // "https://…" and "Note:this" are prose.
            return;
        } else if Key::parse(&key.to_ascii_lowercase()).is_some() {
            Doubt::Case
        } else if !indented && key.bytes().all(|b| !b.is_ascii_uppercase()) {
            Doubt::Unknown
        } else {
            return;
        };
        visit(Line::Doubtful { at: line.start, key, why });
    });
}

/// A line without its line break.
fn unended(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// A text without the white space around it.
#[inline]
pub(crate) fn trim(text: &str) -> &str {
    // Most have one space before them, or none.
    let text = text.strip_prefix(' ').unwrap_or(text);
    match text.as_bytes() {
        [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => text.trim_matches([' ', '\t']),
        _ => text,
    }
}

fn begins_line(text: &str, at: usize) -> bool {
    at == 0 || matches!(text.as_bytes().get(at - 1), Some(b'\n' | b'\r'))
}

/// Splits a line at the colon behind what could be the name of a field.
fn split_key(line: &str) -> Option<(&str, &str)> {
    const LONGEST: usize = 40;
    let bytes = line.as_bytes();
    if !bytes.first()?.is_ascii_alphabetic() {
        return None;
    }
    let is_sign = |b: &u8| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let length = bytes.iter().take(LONGEST + 1).position(is_sign)?;
    Some((line.get(..length)?, line.get(length..)?.strip_prefix(':')?))
}
