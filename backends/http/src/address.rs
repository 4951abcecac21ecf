//! Where a catalog is, and whether it may be spoken to in cleartext.

use std::fmt;

use mcp_registry_spec::{Error, ErrorKind, Result, Scope, loopback, text};
use url::Url;

/// The query parameter that names the scope.
pub(crate) const SCOPE: &str = "agent_scope";

/// The base URL of a catalog, below which all its resources are: `http` or `https`, with a host, a
/// path that ends in a slash, and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Base(Url);

impl Base {
    /// Reads `https://HOST[:PORT]/BASE/?agent_scope=NAME`; the scope is given back beside the base.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`]; [`ErrorKind::InvalidName`] for a scope that is none.
    pub(crate) fn parse(text: &str) -> Result<(Self, Option<Scope>)> {
        let wrong = |why: &str| {
            // Where a query begins, a token may stand under any name.
            let shown = text.split(['?', '#']).next().unwrap_or_default();
            Error::new(ErrorKind::ConfigInvalid, format!("the catalog's URL {} {why}", text::quote(shown)))
                .hint("write https://HOST/?agent_scope=NAME")
        };
        // The URL standard mends all of these, and what it makes of them is another URL than the one
        // that a person reads.
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(wrong("holds white space, a control character or a backslash"));
        }
        let Some((scheme, rest)) = text.split_once("://") else { return Err(wrong("is none")) };
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(wrong("is neither https nor http"));
        }
        if rest.starts_with('/') {
            return Err(wrong("has no host"));
        }
        let mut url = Url::parse(text).map_err(|cause| wrong("is none").caused_by(cause))?;
        if has_userinfo(&url) {
            let base = Self(url);
            // `http://127.0.0.1@evil/` is evil: what it hides is the graver of the two.
            if base.is_cleartext() && !base.is_loopback() {
                let host = base.0.host_str().unwrap_or_default();
                return Err(Error::new(
                    ErrorKind::InsecureTransport,
                    format!("behind a user or a password the catalog's URL names {host}, in cleartext"),
                )
                .hint("write https://HOST/?agent_scope=NAME, and give a token by MCP_REGISTRY_AUTH_TOKEN"));
            }
            return Err(wrong("holds a user or a password")
                .hint("give a token by the variable MCP_REGISTRY_AUTH_TOKEN or the configuration file"));
        }
        if url.fragment().is_some() {
            return Err(wrong("holds a fragment"));
        }
        let scope = scope_of(url.query(), &wrong)?;
        url.set_query(None);
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok((Self(url), scope))
    }

    /// The URL of a resource below the base.
    pub(crate) fn resource(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Whether `url` has the same scheme, host and port, and no credentials of its own.
    pub(crate) fn is_origin_of(&self, url: &Url) -> bool {
        self.0.origin() == url.origin() && !has_userinfo(url)
    }

    /// Whether what is sent can be read on the way.
    pub(crate) fn is_cleartext(&self) -> bool {
        self.0.scheme() != "https"
    }

    /// Whether it is this machine (rule 11), by the parsed host.
    pub(crate) fn is_loopback(&self) -> bool {
        self.0.host_str().is_some_and(loopback::is_loopback)
    }
}

fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// The scope a query names; nothing else may stand there, least of all a token.
fn scope_of(query: Option<&str>, wrong: &dyn Fn(&str) -> Error) -> Result<Option<Scope>> {
    let mut scope = None;
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if text::percent_decode(key) != SCOPE {
            return Err(wrong("has a query parameter other than agent_scope"));
        }
        // Not as a form: a plus is part of a scope, and a space never is.
        let found = Scope::parse(&text::percent_decode(value))?;
        if scope.as_ref().is_some_and(|earlier| *earlier != found) {
            return Err(wrong("names two scopes"));
        }
        scope = Some(found);
    }
    Ok(scope)
}

/// A URL as it stands in a message: without its query.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> Base {
        Base::parse(text).unwrap().0
    }

    #[test]
    fn rule_11_loopback_is_told_by_the_parsed_host() {
        for (host, loopback) in [
            ("localhost", true),
            ("LocalHost", true),
            ("localhost:8750", true),
            ("127.0.0.1", true),
            ("127.255.0.3:80", true),
            ("127.1", true),
            ("2130706433", true),
            ("0x7f.1", true),
            ("0177.0.0.1", true),
            ("[::1]", true),
            ("[0:0:0:0:0:0:0:1]:8750", true),
            ("\u{ff4c}ocalhost", true),
            ("localhost.", false),
            ("localhost.evil", false),
            ("localhost.localdomain", false),
            ("evil-localhost", false),
            ("loc\u{430}lhost", false),
            ("127.0.0.1.evil", false),
            ("127.0.0.1%2eevil", false),
            ("127.0.0.1.nip.io", false),
            ("128.0.0.1", false),
            ("0.0.0.0", false),
            ("[::]", false),
            ("[::ffff:127.0.0.1]", false),
            ("[fe80::1]", false),
            ("[::127.0.0.1]", false),
            ("example.org", false),
        ] {
            assert_eq!(base(&format!("http://{host}/")).is_loopback(), loopback, "{host}");
        }
        let evil = Base(Url::parse("http://127.0.0.1@evil/").unwrap());
        assert!(!evil.is_loopback());
        assert!(base("HTTP://h/").is_cleartext() && !base("hTTps://h/").is_cleartext());
    }

    #[test]
    fn locators() {
        for (text, whole, scope) in [
            ("https://h", "https://h/", None),
            ("https://H:443/", "https://h/", None),
            ("https://h/a/b", "https://h/a/b/", None),
            ("https://h/a/?agent_scope=scout", "https://h/a/", Some("scout")),
            ("https://h?agent_scope=a+b", "https://h/", Some("a+b")),
            ("https://h/?agent_scope=a%2Bb&agent%5fscope=a+b&", "https://h/", Some("a+b")),
            ("http://h:8750/?", "http://h:8750/", None),
        ] {
            let (base, found) = Base::parse(text).unwrap();
            assert_eq!((base.to_string().as_str(), found.as_ref().map(Scope::as_str)), (whole, scope), "{text}");
        }
        for (text, kind) in [
            ("http", ErrorKind::ConfigInvalid),
            ("https:h", ErrorKind::ConfigInvalid),
            ("https:/h", ErrorKind::ConfigInvalid),
            ("https:///h", ErrorKind::ConfigInvalid),
            ("https://", ErrorKind::ConfigInvalid),
            ("ftp://h/", ErrorKind::ConfigInvalid),
            ("https://h\\@evil/", ErrorKind::ConfigInvalid),
            ("https://h\t.evil/", ErrorKind::ConfigInvalid),
            (" https://h/", ErrorKind::ConfigInvalid),
            ("https://h:port/", ErrorKind::ConfigInvalid),
            ("https://[::1/", ErrorKind::ConfigInvalid),
            ("http://127.0.0.1@evil/", ErrorKind::InsecureTransport),
            ("http://me:hunter2@evil/", ErrorKind::InsecureTransport),
            ("http://evil@127.0.0.1/", ErrorKind::ConfigInvalid),
            ("https://me:hunter2@h/", ErrorKind::ConfigInvalid),
            ("https://:hunter2@h/", ErrorKind::ConfigInvalid),
            ("https://h/#hunter2", ErrorKind::ConfigInvalid),
            ("https://h/?token=hunter2", ErrorKind::ConfigInvalid),
            ("https://h/?agent_scope=a&agent_scope=b", ErrorKind::ConfigInvalid),
            ("https://h/?agent_scope=", ErrorKind::InvalidName),
            ("https://h/?agent_scope=..%2Fx", ErrorKind::InvalidName),
        ] {
            let error = Base::parse(text).err().unwrap();
            assert_eq!(error.kind(), kind, "{text}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn resources_are_below_the_base() {
        let base = base("https://h/a b%20c/".replace(' ', "").as_str());
        let url = base.resource(&["mcp-servers", "@x+y.z-"], &[(SCOPE, "a+b"), ("expand", "spec")]);
        assert_eq!(url.as_str(), "https://h/ab%20c/mcp-servers/@x+y.z-?agent_scope=a%2Bb&expand=spec");
        assert_eq!(shown(&url), "https://h/ab%20c/mcp-servers/@x+y.z-");
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let base = base("https://h/a/");
        let same = |text: &str| base.is_origin_of(&Url::parse(text).unwrap());
        assert!(same("https://h/") && same("https://H:443/other?x=1"));
        for other in ["http://h/", "https://h:444/", "https://h.evil/", "https://me@h/", "https://me:pw@h/", "data:,"] {
            assert!(!same(other), "{other}");
        }
    }
}
