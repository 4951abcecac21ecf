//! TOML that nests no deeper than may be. Its reader bounds how deep values and keys nest, each by itself: with a
//! long key in each of many tables, a short text comes to thousands of levels, and letting go of them level by level
//! would outgrow a thread's stack.

use mcp_registry_spec::json::MOST_DEPTH;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The document, when no value in it nests too deep.
///
/// # Errors
/// That one does.
pub(crate) fn shallow(document: Spanned<DeTable<'_>>) -> Result<Spanned<DeTable<'_>>, String> {
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
    Err(format!("it nests deeper than {MOST_DEPTH} levels"))
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
