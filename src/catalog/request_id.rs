//! Names of requests: by them an answer, a line of the log and a record of the audit are found for
//! each other.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// The header that carries one, both ways.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest that is taken from a request.
const LONGEST: usize = 128;

/// Makes names that no other request has, of this process or another.
pub(crate) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self { process: RandomState::new().hash_one(0), next: AtomicU64::new(0) }
    }

    /// The name that the request came with, when it is one that can stand in a log; else a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(given) = headers.get(X_REQUEST_ID).filter(|given| is_sane(given.as_bytes())) {
            return given.clone();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("{:016x}-{number:x}", self.process);
        HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("-"))
    }
}

fn is_sane(name: &[u8]) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.iter().all(|b| matches!(b, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_name_is_kept_and_another_replaced() {
        let ids = RequestIds::new();
        let of = |given: &'static [u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(given).unwrap());
            ids.of(&headers)
        };
        assert_eq!(of(b"trace-1.a_B"), "trace-1.a_B");
        assert_eq!(of(b"request 1"), "request 1");
        for bad in [&b""[..], b"a\tb", b"\xff", &[b'a'; 129]] {
            let made = of(bad.to_vec().leak());
            assert!(is_sane(made.as_bytes()) && made.as_bytes() != bad);
        }
        assert_ne!(ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
    }
}
