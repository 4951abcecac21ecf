//! Locators: the strings that open backends.

use std::fmt;

use crate::{redact, text};

/// The string that opens a backend: `SCHEME:ARGUMENT` (`filesystem:agents/scout`,
/// `https://catalog.example.org/`), or a bare backend id when the backend needs no argument.
///
/// It may hold credentials, so `Display` and `Debug` show it without them (rule 4).
#[derive(Clone, PartialEq, Eq)]
pub struct Locator {
    scheme: String,
    whole: String,
}

impl Locator {
    /// Reads a locator. Any text is one; whether a backend answers to it is told when it is opened.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let scheme = text.split_once(':').map_or(text, |(scheme, _)| scheme);
        Self { scheme: scheme.to_ascii_lowercase(), whole: text.to_owned() }
    }

    /// What stands before the first colon, in lower case; all of it when there is none.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What stands after the first colon.
    #[must_use]
    pub fn argument(&self) -> Option<&str> {
        self.whole.split_once(':').map(|(_, argument)| argument)
    }

    /// The whole text, credentials included: for the backend that opens it, not for people.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.whole
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::escape(&redact::redact(&self.whole)))
    }
}

impl fmt::Debug for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locator({self})")
    }
}
