//! Methods as the log, the figures and spans name them.

use hyper::Method;

/// What stands for a method that HTTP has not: its own text could be any, of any length.
pub(crate) const OTHER: &str = "other";
/// Every name there is.
pub(crate) const NAMES: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", OTHER];

/// The name of a method.
pub(crate) fn name(method: &Method) -> &'static str {
    NAMES.into_iter().find(|name| *name == method.as_str()).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_c30_a_method_that_nobody_knows_is_not_repeated() {
        assert_eq!((name(&Method::PUT), name(&Method::PATCH)), ("PUT", "PATCH"));
        for unknown in ["get", "BREW", "other", &"X".repeat(60_000)] {
            assert_eq!(name(&Method::from_bytes(unknown.as_bytes()).unwrap()), OTHER);
        }
    }
}
