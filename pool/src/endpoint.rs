//! Where a remote server answers, and how it is spoken to (rule 11, S4).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mcp_registry_spec::loopback::is_loopback;
use mcp_registry_spec::{Error, ErrorKind, LaunchRemote, Result, ServerName, text};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

/// The URL of a server that may be spoken to: https, or http to this machine.
///
/// # Errors
/// [`ErrorKind::InvalidSpec`]; [`ErrorKind::InsecureTransport`].
pub(crate) fn checked(name: &ServerName, url: &str) -> Result<Url> {
    let wrong = |kind, what: String| Err(Error::new(kind, format!("the url of the server {:?} {what}", name.as_str())));
    let url = match Url::parse(url) {
        Ok(url) if url.has_host() => url,
        _ => return wrong(ErrorKind::InvalidSpec, "is none".to_owned()),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if url.host_str().is_some_and(is_loopback) => Ok(url),
        // Its host is not said: a variable may have brought it in.
        "http" => {
            let what = "leads to another machine, and would be spoken to in cleartext; use https".to_owned();
            wrong(ErrorKind::InsecureTransport, what)
        }
        _ => wrong(ErrorKind::InvalidSpec, "is neither https nor http".to_owned()),
    }
}

/// A client that speaks to that server alone: it sends the entry's headers with every request and follows no
/// redirect, so that they, and what is asked, go nowhere else.
///
/// # Errors
/// [`ErrorKind::InvalidSpec`] for headers that cannot be sent; [`ErrorKind::ConfigInvalid`].
pub(crate) fn client(name: &ServerName, url: &Url, remote: &LaunchRemote) -> Result<reqwest::Client> {
    // Whoever installed another provider first meant it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let loopback = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("mcp-registry/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers(name, remote)?)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        // One that is left open stalls the next request where the answer before was not read to its end.
        .pool_max_idle_per_host(0)
        .resolve_to_addrs("localhost", &loopback);
    builder = match url.scheme() {
        "https" => builder.https_only(true),
        // Cleartext is for this machine: neither a proxy nor a certificate has a part in it.
        _ => builder.no_proxy().tls_certs_only([]),
    };
    builder.build().map_err(|cause| {
        let why = std::error::Error::source(&cause).map_or_else(|| cause.to_string(), ToString::to_string);
        Error::new(ErrorKind::ConfigInvalid, "the HTTP client cannot be set up").caused_by(why)
    })
}

fn headers(name: &ServerName, remote: &LaunchRemote) -> Result<HeaderMap> {
    let pair = |(key, value): (&String, &mcp_registry_spec::Secret<String>)| {
        let name = HeaderName::try_from(key).ok()?;
        let mut value = HeaderValue::try_from(value.expose()).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    };
    let entry = |(key, value)| {
        pair((key, value)).ok_or_else(|| {
            let message = format!("the header {} of the server {:?} cannot be sent", text::quote(key), name.as_str());
            Error::new(ErrorKind::InvalidSpec, message)
        })
    };
    remote.headers.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s4_cleartext_goes_to_this_machine_only() {
        let name = ServerName::parse("a").unwrap();
        let kind = |url: &str| checked(&name, url).err().map(|error| error.kind());
        for good in ["https://h/x", "http://localhost:1/", "http://127.9.9.9/", "http://[::1]:8/", "HTTP://LOCALHOST/"]
        {
            assert_eq!(kind(good), None, "{good}");
        }
        for bad in [
            "http://example.org/",
            "http://localhost.evil/",
            "http://127.0.0.1@evil/",
            "http://[::ffff:10.0.0.1]/",
            "http://0.0.0.0/",
            "http://localhost./",
        ] {
            assert_eq!(kind(bad), Some(ErrorKind::InsecureTransport), "{bad}");
        }
        for none in ["", "x", "file:///etc/passwd", "ftp://localhost/", "https://"] {
            assert_eq!(kind(none), Some(ErrorKind::InvalidSpec), "{none}");
        }
        let error = checked(&name, "http://user:hunter2@example.org/?key=hunter3").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter"), "{error}");
    }
}
