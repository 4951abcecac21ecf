//! Hosts: what a remote server is known by (P19).
//!
//! Clients differ in how they read an odd URL. So a host is judged only where it is spelt so that
//! there is one way to read it, and every other spelling is refused.

use std::fmt;
use std::net::Ipv6Addr;

/// A host and a port.
#[derive(PartialEq, Eq)]
pub(super) struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// What a URL names. `start` may be its beginning only (`whole` is false), and must then reach
    /// beyond the host.
    pub(super) fn of_url(start: &str, whole: bool) -> Option<Self> {
        let (scheme, rest) = start.split_once("://")?;
        let default = match scheme.to_ascii_lowercase().as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let end = rest.find(['/', '?', '#']);
        if end.is_none() && !whole {
            return None;
        }
        Self::parse(rest.get(..end.unwrap_or(rest.len()))?, default)
    }

    /// `HOST` or `HOST:PORT`, and nothing else: no user, no escapes, no other script than ASCII.
    fn parse(text: &str, default: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(inner) => {
                let (address, rest) = inner.split_once(']')?;
                let address: Ipv6Addr = address.parse().ok()?;
                (format!("[{address}]"), rest)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                let (host, rest) = text.split_at_checked(end)?;
                let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
                if host.is_empty() || !host.bytes().all(is_plain) {
                    return None;
                }
                (host.to_ascii_lowercase(), rest)
            }
        };
        let port = match port {
            "" => default,
            // A sign is no digit.
            port => port.strip_prefix(':').filter(|p| p.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?,
        };
        Some(Self { host, port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if self.port == 443 { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// Hosts that are allowed: one, or all below a domain; a port that is not written is 443.
#[derive(Debug, Clone)]
pub(super) struct HostPattern {
    host: String,
    port: u16,
    below: bool,
}

impl HostPattern {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (below, text) = match text.strip_prefix("*.") {
            Some(domain) => (true, domain),
            None => (false, text),
        };
        let Endpoint { host, port } = Endpoint::parse(text, 443)?;
        (!(below && host.starts_with(['[', '.']))).then_some(Self { host, port, below })
    }

    pub(super) fn fits(&self, endpoint: &Endpoint) -> bool {
        let host = match self.below {
            true => endpoint.host.strip_suffix(&self.host).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.')),
            false => endpoint.host == self.host,
        };
        host && endpoint.port == self.port
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.below { "*." } else { "" };
        write!(f, "{star}{}", Endpoint { host: self.host.clone(), port: self.port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, url: &str) -> bool {
        let pattern = HostPattern::parse(pattern).unwrap();
        Endpoint::of_url(url, true).is_some_and(|endpoint| pattern.fits(&endpoint))
    }

    #[test]
    fn p19_hosts() {
        for (pattern, url) in [
            ("mcp.example.org", "https://mcp.example.org"),
            ("mcp.example.org", "HTTPS://MCP.Example.org:443/x?y#z"),
            ("MCP.example.org", "https://mcp.example.org/@evil.example"),
            ("mcp.example.org:80", "http://mcp.example.org/"),
            ("mcp.example.org:8443", "https://mcp.example.org:8443/"),
            ("*.example.org", "https://a.b.example.org/"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("[::1]:8080", "http://[0:0::1]:8080/"),
        ] {
            assert!(fits(pattern, url), "{pattern} {url}");
        }
        for (pattern, url) in [
            ("mcp.example.org", "http://mcp.example.org/"),
            ("mcp.example.org", "https://mcp.example.org:8443/"),
            ("mcp.example.org", "https://mcp.example.org./"),
            ("mcp.example.org", "https://mcp.example.org.evil.example/"),
            ("mcp.example.org", "https://mcp.example.org@evil.example/"),
            ("mcp.example.org", "https://evil.example\\@mcp.example.org/"),
            ("mcp.example.org", "https://evil.example\\.mcp.example.org/"),
            ("mcp.example.org", "https://me@mcp.example.org/"),
            ("mcp.example.org", "https://mcp%2eexample.org/"),
            ("mcp.example.org", "https://mcp.example\u{3002}org/"),
            ("mcp.example.org", "https://mcp.example.org:/"),
            ("mcp.example.org", "https://mcp.example.org:+443/"),
            ("mcp.example.org", "https:mcp.example.org"),
            ("mcp.example.org", "https:///mcp.example.org/"),
            ("mcp.example.org", "file://mcp.example.org/"),
            ("*.example.org", "https://example.org/"),
            ("*.example.org", "https://.example.org/"),
            ("*.example.org", "https://evilexample.org/"),
            ("127.0.0.1:80", "http://2130706433/"),
            ("127.0.0.1:80", "http://0x7f.0.0.1/"),
        ] {
            assert!(!fits(pattern, url), "{pattern} {url}");
        }
        for bad in
            ["", "*", "*.", "https://a", "a/b", "a b", "*.*.a", "a.*", "*.[::1]", "a:b", "a:70000", "a:", "ä.org"]
        {
            assert!(HostPattern::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn p18_what_is_known_of_a_url_must_reach_beyond_its_host() {
        for (start, known) in [
            ("https://a.org/", true),
            ("https://a.org", false),
            ("https://a.org:4", false),
            ("https://", false),
            ("", false),
        ] {
            assert_eq!(Endpoint::of_url(start, false).is_some(), known, "{start}");
        }
    }
}
