//! Which proxy stands between this machine and a catalog.

use std::fmt;

use mcp_registry_spec::{Environment, Error, ErrorKind, Result, Secret};
use reqwest::NoProxy;

use crate::address::Base;

/// A proxy, its URL checked.
#[derive(Clone)]
pub(crate) struct Proxy(reqwest::Proxy);

/// Its URL may hold a password (rule 4).
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxy(…)")
    }
}

impl Proxy {
    /// The proxy of that URL.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`], not showing it.
    pub(crate) fn given(url: &Secret<String>) -> Result<Self> {
        parse(url.expose()).ok_or_else(|| wrong("the proxy")).map(Self)
    }

    /// The proxy that the environment names for a catalog, if it names one.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`], naming the variable: past a proxy that was asked for is no way.
    pub(crate) fn of(environment: &dyn Environment, base: &Base) -> Result<Option<Self>> {
        let read = |name| Some((name, environment.read(name).filter(|value| !value.is_empty())?));
        // Not HTTP_PROXY: in a CGI program it is what a client sent as the header Proxy.
        let own: &[&str] = if base.is_cleartext() { &["http_proxy"] } else { &["HTTPS_PROXY", "https_proxy"] };
        let Some((name, value)) = own.iter().chain(&["ALL_PROXY", "all_proxy"]).find_map(|name| read(name)) else {
            return Ok(None);
        };
        let proxy = value.to_str().and_then(parse).ok_or_else(|| wrong(&format!("the variable {name}")))?;
        let except = read("NO_PROXY").or_else(|| read("no_proxy")).and_then(|(_, list)| list.into_string().ok());
        Ok(Some(Self(proxy.no_proxy(except.as_deref().and_then(NoProxy::from_string)))))
    }

    /// What the client takes.
    pub(crate) fn into_inner(self) -> reqwest::Proxy {
        self.0
    }
}

fn parse(text: &str) -> Option<reqwest::Proxy> {
    let scheme = text.split_once("://").map_or("http", |(scheme, _)| scheme);
    if text.is_empty() || !["http", "https", "socks5", "socks5h"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return None;
    }
    reqwest::Proxy::all(text).ok()
}

fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, format!("{what} is no URL of a proxy")).hint("write http://HOST:PORT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::FixedEnvironment;

    fn is_found(variables: &[(&str, &str)], base: &str) -> Result<bool> {
        let environment = variables.iter().fold(FixedEnvironment::new(), |all, (name, value)| all.with(*name, *value));
        Proxy::of(&environment, &Base::parse(base)?.0).map(|found| found.is_some())
    }

    #[test]
    fn the_environment_names_it_by_scheme() {
        for (variables, secure, cleartext) in [
            (&[][..], false, false),
            (&[("HTTPS_PROXY", "http://p:1")], true, false),
            (&[("https_proxy", "p:1")], true, false),
            (&[("http_proxy", "http://p:1")], false, true),
            (&[("HTTP_PROXY", "http://p:1")], false, false),
            (&[("ALL_PROXY", "socks5h://p:1")], true, true),
            (&[("HTTPS_PROXY", ""), ("all_proxy", "http://p:1")], true, true),
        ] {
            assert_eq!(is_found(variables, "https://h/").unwrap(), secure, "{variables:?}");
            assert_eq!(is_found(variables, "http://h/").unwrap(), cleartext, "{variables:?}");
        }
    }

    #[test]
    fn one_that_cannot_be_used_is_named_and_not_passed_by() {
        for value in ["ftp://me:hunter2@p", "http://me:hunter2@ p", "http://"] {
            let error = is_found(&[("ALL_PROXY", value)], "https://h/").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
            assert!(error.to_string().contains("ALL_PROXY") && !error.to_string().contains("hunter2"), "{error}");
        }
    }
}
