//! TOML that nests no deeper than may be. Its reader bounds how deep values and keys nest, each by itself: with a
//! long key in each of many tables, a short text comes to thousands of levels, and letting go of them level by level
//! would outgrow a thread's stack.

use std::thread;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use crate::json::MOST_DEPTH;

/// Why a text is no TOML that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong, in the reader's own words alone: nothing of the text is in them, which may hold secrets.
    pub message: String,
    /// The number, from 1, of the line that it is about, where that is known.
    pub line: Option<usize>,
}

/// The longest text that cannot come to more levels than any stack has room for, in bytes.
const SHORT: usize = 1_000;

/// A stack that is deep enough for whatever the reader takes.
const DEEP: usize = 16 << 20;

/// Reads a document.
///
/// # Errors
/// That it is no TOML, or that it nests deeper than 128 levels, of which the document is the first. The reader takes no
/// more than 80 brackets and braces within each other, and 80 parts of a key.
///
/// ```
/// use mcp_registry_spec::toml::parse;
/// assert!(parse("a = [1]").is_ok());
/// assert!(parse(&format!("a = {}1{}", "[".repeat(129), "]".repeat(129))).is_err());
/// ```
pub fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, Invalid> {
    if text.len() <= SHORT {
        return parse_here(text);
    }
    // What is wrong is let go of by the reader itself, however deep it is.
    thread::scope(|scope| {
        let deep = thread::Builder::new().stack_size(DEEP).spawn_scoped(scope, || parse_here(text));
        let failed = |what: &str| Invalid { message: format!("cannot be read: {what}"), line: None };
        deep.map_err(|cause| failed(&cause.to_string()))?.join().map_err(|_| failed("its reader gave up"))?
    })
}

fn parse_here(text: &str) -> Result<Spanned<DeTable<'_>>, Invalid> {
    // Shown as a whole, the cause would quote the line.
    let document = DeTable::parse(text).map_err(|cause| Invalid {
        message: cause.message().to_owned(),
        line: cause.span().map(|span| line(text, span.start)),
    })?;
    // One that is too deep is let go of here.
    match is_shallow(document.get_ref()) {
        true => Ok(document),
        false => Err(Invalid { message: format!("it nests deeper than {MOST_DEPTH} levels"), line: None }),
    }
}

/// The number of the line in which a byte of the text is.
fn line(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

fn is_shallow(document: &DeTable<'_>) -> bool {
    let mut left: Vec<_> = document.values().map(|value| (value.get_ref(), 1)).collect();
    while let Some((value, depth)) = left.pop() {
        match value {
            DeValue::Table(_) | DeValue::Array(_) if depth == MOST_DEPTH => return false,
            DeValue::Table(table) => left.extend(table.values().map(|value| (value.get_ref(), depth + 1))),
            DeValue::Array(items) => left.extend(items.iter().map(|value| (value.get_ref(), depth + 1))),
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_4_what_is_wrong_quotes_nothing_of_the_text() {
        for wrong in [
            "hunter2",
            "hunter2 = ",
            "hunter2 hunter2 = 1",
            "a = hunter2",
            "a = \"hunter2",
            "a = 'hunter2",
            "a = \"\\hunter2\"",
            "a = \"hunter2\" \"hunter2\"",
            "a = \"hunter2\u{1}\"",
            "a = 1hunter2",
            "a = 0xhunter2",
            "a = 1.hunter2",
            "a = 1979-hunter2",
            "a = 1979-05-27Thunter2",
            "a = [hunter2",
            "a = ['hunter2' 'hunter2']",
            "a = { hunter2 }",
            "a = { hunter2 = 1, hunter2 = 2 }",
            "hunter2 = 1\nhunter2 = 2",
            "hunter2 = 1\nhunter2.a = 2",
            "hunter2 = {}\n[hunter2.a]",
            "[hunter2]\n[hunter2]",
            "[hunter2\na = 1",
            "[[hunter2]",
            "'''hunter2''' = 1",
            "a = '''hunter2",
            "# hunter2\u{1}",
            "hunter2\r = 1",
        ] {
            let invalid = parse(&format!("# One\n{wrong}\n")).unwrap_err();
            assert!(!invalid.message.contains("hunter2"), "{wrong}: {invalid:?}");
            assert!(invalid.line.is_some_and(|line| (2..=3).contains(&line)), "{wrong}: {invalid:?}");
        }
        assert_eq!(parse("a = 'ä'\nb = ä\nc = 1").unwrap_err().line, Some(2));
    }

    #[test]
    fn e10_what_nests_deeper_than_its_bound_is_refused() {
        let brackets = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        type Make<'a> = &'a dyn Fn(usize) -> String;
        for (most, make) in [
            (80, &(|depth| format!("a = {}", brackets(depth))) as Make<'_>),
            (80, &|depth| format!("a = {}1{}", "{a=".repeat(depth), "}".repeat(depth))),
            (80, &|depth| format!("{}a = 1", "a.".repeat(depth - 1))),
            (80, &|depth| format!("[{}a]", "a.".repeat(depth - 1))),
            // The document, the tables of a key's parts and the brackets of its value count together.
            (128, &|depth| format!("{}a = {}", "a.".repeat(63), brackets(depth - 64))),
        ] {
            assert!(parse(&make(most)).is_ok(), "{}: {:?}", make(most), parse(&make(most)));
            assert!(parse(&make(most + 1)).is_err(), "{}", make(most + 1));
        }
    }

    #[test]
    fn a_short_text_that_nests_thousands_of_levels_outgrows_no_stack() {
        let long = |table: usize| (0..70).map(|i| format!("k{table}_{i}")).collect::<Vec<_>>().join(".");
        let nested = (0..70).rev().fold("1".to_owned(), |inner, table| format!("{{ {} = {inner} }}", long(table)));
        // A thread of a test has a stack of 2 MiB.
        for text in [
            format!("a = {nested}"),
            format!("a = {nested}\na = {nested}"),
            format!("a = {nested}\nb = = 1"),
            format!("a = {nested}\n[a]\nb = {nested}"),
        ] {
            assert!(parse(&text).is_err());
        }
    }

    #[test]
    fn what_is_short_comes_to_no_more_levels_than_a_small_stack_holds() {
        for text in ["[".repeat(SHORT), format!("{}a = 1", "a.".repeat(SHORT / 2 - 3)), "a={".repeat(SHORT / 3)] {
            assert!(text.len() <= SHORT && parse(&text).is_err(), "{text}");
        }
    }
}
