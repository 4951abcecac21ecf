//! TOML that nests no deeper than may be. Its reader bounds how deep values and keys nest, each by itself: with a
//! long key in each of many tables, a short text comes to thousands of levels, and letting go of them level by level
//! would outgrow a thread's stack.

use std::ops::Range;
use std::thread;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use crate::json::MOST_DEPTH;

/// Why a text is no TOML that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong, in words that quote nothing but keys and signs.
    pub message: String,
    /// Which bytes it is about, where that is known.
    pub span: Option<Range<usize>>,
}

/// The longest text that cannot come to more levels than any stack has room for, in bytes.
const SHORT: usize = 1_000;

/// A stack that is deep enough for whatever the reader takes.
const DEEP: usize = 16 << 20;

/// Reads a document.
///
/// # Errors
/// That it is no TOML, or that a value in it nests deeper than 128 levels.
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
        let failed = |what: &str| Invalid { message: format!("cannot be read: {what}"), span: None };
        deep.map_err(|cause| failed(&cause.to_string()))?.join().map_err(|_| failed("its reader gave up"))?
    })
}

fn parse_here(text: &str) -> Result<Spanned<DeTable<'_>>, Invalid> {
    let document =
        DeTable::parse(text).map_err(|cause| Invalid { message: cause.message().to_owned(), span: cause.span() })?;
    // One that is too deep is let go of here.
    match is_shallow(document.get_ref()) {
        true => Ok(document),
        false => Err(Invalid { message: format!("it nests deeper than {MOST_DEPTH} levels"), span: None }),
    }
}

fn is_shallow(document: &DeTable<'_>) -> bool {
    let mut left: Vec<_> = document.values().map(|value| (value.get_ref(), 1)).collect();
    while let Some((value, depth)) = left.pop() {
        if depth > MOST_DEPTH {
            return false;
        }
        match value {
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
