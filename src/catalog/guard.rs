//! What a request is refused for by its head alone: a web page that would reach a catalog on its reader's
//! own machine (rule C26), and a head that is too large (rule C27).

use hyper::header::{CONTENT_TYPE, HOST, ORIGIN};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Method, StatusCode, Uri};
use mcp_registry_spec::{Error, ErrorKind, loopback};

use super::refusal::Refusal;

/// The most bytes of a request's headers, and of what it asks for.
pub(crate) const HEAD_BYTES: usize = 64 << 10;

/// Refuses what a web page could have sent.
///
/// # Errors
/// 403 for a `Host` that is not this machine, by which a page's own name could stand for it, and for
/// an `Origin` that is not the catalog's own.
pub(crate) fn check_local(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = host(uri, headers).ok_or_else(|| Refusal::forbidden("the request names no host, or two"))?;
    if !is_loopback(&host) {
        return Err(Refusal::forbidden("only requests to the names of this machine are answered here"));
    }
    check_origin(&host, headers, &["http://"])
}

/// The same where the service has a name that it does not know: only what a page of another origin sent.
///
/// # Errors
/// 403.
#[cfg(feature = "mcp")]
pub(crate) fn check_own(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = host(uri, headers).ok_or_else(|| Refusal::forbidden("the request names no host, or two"))?;
    check_origin(&host, headers, &["https://", "http://"])
}

fn check_origin(host: &Authority, headers: &HeaderMap, schemes: &[&str]) -> Result<(), Refusal> {
    let mut origins = headers.get_all(ORIGIN).iter();
    if let Some(origin) = origins.next() {
        let origin = origin.to_str().unwrap_or_default();
        let own = schemes.iter().find_map(|scheme| origin.strip_prefix(scheme));
        if origins.next().is_some() || !own.is_some_and(|own| own.eq_ignore_ascii_case(host.as_str())) {
            return Err(Refusal::forbidden("the request comes from a page of another origin"));
        }
    }
    Ok(())
}

/// Refuses a head that is larger than any client of good will sends (rule C27). What reads it from the
/// network holds it to about as much, in whole buffers.
///
/// # Errors
/// 431.
pub(crate) fn check_size(head: &Parts) -> Result<(), Refusal> {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let headers: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if target + headers <= HEAD_BYTES {
        return Ok(());
    }
    let error = Error::new(ErrorKind::ConfigInvalid, "the request's headers are larger than 64 KiB");
    Err(Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, error))
}

/// Refuses a body that is not said to be JSON: a page may send no other without asking first.
///
/// # Errors
/// 415.
pub(crate) fn check_content_type(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    if *method != Method::POST && *method != Method::PUT {
        return Ok(());
    }
    let mut given = headers.get_all(CONTENT_TYPE).iter();
    let is_json = |value: &hyper::header::HeaderValue| {
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("application/json")
    };
    if given.next().is_some_and(is_json) && given.next().is_none() {
        return Ok(());
    }
    let error = Error::new(ErrorKind::InvalidSpec, "the body is not said to be JSON")
        .hint("send the header \"Content-Type: application/json\"");
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error))
}

fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    // A request to a proxy names it before the path, and so may any.
    if let Some(authority) = uri.authority() {
        return Some(authority.clone());
    }
    let mut given = headers.get_all(HOST).iter();
    let host = given.next()?.to_str().ok()?.parse().ok()?;
    given.next().is_none().then_some(host)
}

/// Whether this machine is named, and no user before it.
pub(crate) fn is_loopback(authority: &Authority) -> bool {
    !authority.as_str().contains('@') && loopback::is_loopback(authority.host())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};

    fn check(headers: &[(HeaderName, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        check_local(&Uri::from_static("/mcp-servers"), &headers).is_ok()
    }

    #[test]
    fn rule_c26_only_this_machines_names() {
        for host in ["localhost:8750", "LOCALHOST", "127.0.0.1:1", "127.9.9.9", "[::1]:8750"] {
            assert!(check(&[(HOST, host)]), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost@evil", ""]
        {
            assert!(!check(&[(HOST, host)]), "{host}");
        }
        assert!(!check(&[]) && !check(&[(HOST, "localhost"), (HOST, "evil.example")]));
        let absolute = Uri::from_static("http://evil.example/mcp-servers");
        let named = [(HOST, HeaderValue::from_static("localhost"))].into_iter().collect();
        assert!(check_local(&absolute, &named).is_err());
    }

    #[test]
    fn rule_c26_only_its_own_origin() {
        assert!(check(&[(HOST, "localhost:1"), (ORIGIN, "http://localhost:1")]));
        for origin in ["http://localhost:2", "https://localhost:1", "http://evil.example", "null", ""] {
            assert!(!check(&[(HOST, "localhost:1"), (ORIGIN, origin)]), "{origin}");
        }
        assert!(!check(&[(HOST, "a:1"), (ORIGIN, "http://a:1")]), "its own, and not this machine's");
    }

    #[test]
    #[cfg(feature = "mcp")]
    fn rule_c26_beyond_loopback_only_its_own_origin_too() {
        let check = |origin: &'static str| {
            let headers = [(HOST, "mcp.example:1"), (ORIGIN, origin)];
            let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect();
            check_own(&Uri::from_static("/mcp"), &headers).is_ok()
        };
        assert!(check("https://mcp.example:1") && check("http://mcp.example:1"));
        assert!(!check("https://evil.example") && !check("https://mcp.example:2") && !check("null"));
        let none = HeaderMap::new();
        assert!(check_own(&Uri::from_static("/mcp"), &none).is_err(), "no host");
    }

    #[test]
    fn rule_c26_a_write_is_said_to_be_json() {
        let check = |method, types: &[&'static str]| {
            let headers = types.iter().map(|value| (CONTENT_TYPE, HeaderValue::from_static(value))).collect();
            check_content_type(&method, &headers).is_ok()
        };
        assert!(check(Method::POST, &["application/json"]) && check(Method::PUT, &["Application/JSON; charset=utf-8"]));
        assert!(check(Method::GET, &[]) && check(Method::DELETE, &[]));
        for types in [&[][..], &["text/plain"], &["application/json", "text/plain"], &["application/jsonp"]] {
            assert!(!check(Method::POST, types) && !check(Method::PUT, types), "{types:?}");
        }
    }
}
