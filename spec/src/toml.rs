//! TOML that nests no deeper than may be. Its reader bounds how deep values and keys nest, each by itself: with a
//! long key in each of many tables, a short text comes to thousands of levels, and letting go of them level by level
//! would outgrow a thread's stack.

use std::ops::Range;

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
    let document =
        DeTable::parse(text).map_err(|cause| Invalid { message: cause.message().to_owned(), span: cause.span() })?;
    if is_shallow(document.get_ref()) {
        return Ok(document);
    }
    // Taken apart from outside in, no level is let go of within another.
    let mut left = vec![DeValue::Table(document.into_inner())];
    while let Some(value) = left.pop() {
        match value {
            DeValue::Table(table) => left.extend(table.into_iter().map(|(_, value)| value.into_inner())),
            DeValue::Array(items) => left.extend(items.into_iter().map(Spanned::into_inner)),
            _ => {}
        }
    }
    Err(Invalid { message: format!("it nests deeper than {MOST_DEPTH} levels"), span: None })
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
    fn a_short_text_that_nests_thousands_of_levels_is_let_go_of_without_a_deep_stack() {
        let long = |table: usize| (0..70).map(|i| format!("k{table}_{i}")).collect::<Vec<_>>().join(".");
        let nested = (0..70).rev().fold("1".to_owned(), |inner, table| format!("{{ {} = {inner} }}", long(table)));
        // A thread of a test has a stack of 2 MiB.
        assert!(parse(&format!("a = {nested}")).is_err());
    }
}
