//! The tokens of the configuration file, each bound to the origin it may be sent to.

use std::collections::BTreeMap;
use std::path::Path;

use mcp_registry_spec::{Locator, Secret};
use url::Url;

/// What marks a token that stands in a file.
const FILE: &str = "file:";

/// Tokens by origin: scheme, host and port.
#[derive(Debug, Default)]
pub(crate) struct Tokens(BTreeMap<String, Secret<String>>);

impl Tokens {
    /// Adds what the table says of one origin.
    ///
    /// # Errors
    /// What the origin, or the token, must be and is not. The token is not shown.
    pub(crate) fn add(&mut self, origin: &str, token: &str) -> Result<(), &'static str> {
        let origin = bare_origin(origin).ok_or("an origin, as \"https://catalog.example.org\"")?;
        if token.is_empty() {
            return Err("a token, or file:PATH");
        }
        if token.strip_prefix(FILE).is_some_and(|path| !Path::new(path).is_absolute()) {
            return Err("file: and a whole path, as a relative one would mean another file wherever you are");
        }
        match self.0.insert(origin, Secret::new(token.to_owned())) {
            None => Ok(()),
            Some(_) => Err("an origin that is not there already, in another spelling"),
        }
    }

    /// The token for what `locator` opens, if that is of exactly such an origin.
    pub(crate) fn of(&self, locator: &Locator) -> Option<&str> {
        let origin = Url::parse(locator.expose()).ok()?.origin();
        self.0.get(&origin.ascii_serialization()).map(|token| token.expose().as_str())
    }
}

/// Whether what goes to the one goes to no other host than what goes to the other. Of what is no URL
/// nothing is known.
pub(crate) fn are_of_one_origin(one: &Locator, other: &Locator) -> bool {
    let origin = |locator: &Locator| Url::parse(locator.expose()).ok().map(|url| url.origin());
    origin(one).is_some_and(|own| origin(other) == Some(own))
}

/// An origin that is written as such, with nothing beside it.
fn bare_origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let origin = url.origin().ascii_serialization();
    // Whatever else the text holds is in the URL too.
    (url.as_str().strip_suffix('/') == Some(&origin) && text.contains("://")).then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_exactly_its_origin() {
        let mut tokens = Tokens::default();
        tokens.add("https://catalog.example.org", "one").unwrap();
        tokens.add("http://localhost:8750/", "file:/run/two").unwrap();
        let of = |locator: &str| tokens.of(&Locator::new(locator));
        for own in ["https://catalog.example.org/base/?agent_scope=a", "HTTPS://Catalog.Example.org:443"] {
            assert_eq!(of(own), Some("one"), "{own}");
        }
        assert_eq!(of("http://localhost:8750/x"), Some("file:/run/two"));
        for other in [
            "http://catalog.example.org/",
            "https://catalog.example.org:444/",
            "https://catalog.example.org.evil/",
            "https://catalog.example.org@evil/",
            "https://evil/https://catalog.example.org",
            "https://evil#https://catalog.example.org",
            "http://localhost/",
            "http://127.0.0.1:8750/",
            "filesystem:https://catalog.example.org",
            "http",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_no_origin_or_no_token_is_refused() {
        for (origin, token) in [
            ("catalog.example.org", "t"),
            ("https:catalog.example.org", "t"),
            ("https://h/base", "t"),
            ("https://h/?x", "t"),
            ("https://h/#x", "t"),
            ("https://me@h", "t"),
            ("ftp://h", "t"),
            ("file:///x", "t"),
            ("", "t"),
            ("https://h", ""),
            ("https://h", "file:"),
            ("https://h", "file:run/token"),
        ] {
            assert!(Tokens::default().add(origin, token).is_err(), "{origin} {token}");
        }
        let mut tokens = Tokens::default();
        tokens.add("https://h", "one").unwrap();
        assert!(tokens.add("https://H:443/", "two").is_err());
        assert!(!format!("{tokens:?}").contains("one"));
    }
}
