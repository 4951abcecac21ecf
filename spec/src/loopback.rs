//! This machine, as a host is written (rule 11).

use std::net::IpAddr;

/// Whether a host is this machine: `localhost`, an address in 127.0.0.0/8, or `::1`, in brackets or without. No name is
/// looked up. It is for the host of what was parsed: a text that is to be one may hold another behind a user.
///
/// ```
/// use mcp_registry_spec::loopback::is_loopback;
/// assert!(is_loopback("LocalHost") && is_loopback("127.9.9.9") && is_loopback("[::1]"));
/// assert!(!is_loopback("localhost.example") && !is_loopback("127.0.0.1.example") && !is_loopback("[::]"));
/// ```
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_11_only_this_machine_is_loopback() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.255.255.255", "::1", "[::1]", "[0:0:0:0:0:0:0:1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "localhost.",
            "[localhost]",
            "localhost:1",
            "loc\u{430}lhost",
            "127.0.0.1.evil",
            "127.0.0.1:1",
            "me@127.0.0.1",
            "126.255.255.255",
            "128.0.0.1",
            "0.0.0.0",
            "::",
            "::ffff:127.0.0.1",
            "[[::1]]",
            "[::1",
            "fe80::1",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
