//! Validators of answers, and the conditions of requests (rule C13).

use axum::http::HeaderMap;
use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use mcp_registry_spec::Digest;

/// The validator of a body: the beginning of its SHA-256.
pub(crate) fn of_body(body: &[u8]) -> HeaderValue {
    let digest = Digest::of_bytes(body).to_string();
    let hex = digest.strip_prefix("sha256:").and_then(|hex| hex.get(..32)).unwrap_or(&digest);
    quoted(hex)
}

/// The validator of an entry: its digest.
pub(crate) fn of_digest(digest: &Digest) -> HeaderValue {
    quoted(&digest.to_string())
}

fn quoted(text: &str) -> HeaderValue {
    // Hex digits and a colon are always a value.
    HeaderValue::from_maybe_shared(Bytes::from(format!("\"{text}\""))).unwrap_or(HeaderValue::from_static("\"\""))
}

/// What `If-Match` or `If-None-Match` says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// `*`: whatever is there.
    Any,
    /// One of these.
    OneOf(Vec<Tag>),
}

/// One entity tag.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    weak: bool,
    opaque: String,
}

impl Condition {
    /// Reads the condition of a header; `None` when it is not there. A part that is no entity tag
    /// fits nothing.
    pub(crate) fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut tags = Vec::new();
        let mut found = false;
        for value in headers.get_all(name) {
            found = true;
            let text = value.to_str().unwrap_or_default();
            if text.trim() == "*" {
                return Some(Self::Any);
            }
            read_tags(text, &mut tags);
        }
        found.then_some(Self::OneOf(tags))
    }

    /// The digests of entries that fit: none for `*`.
    pub(crate) fn digests(&self) -> Vec<Digest> {
        match self {
            Self::Any => Vec::new(),
            // A weak tag is not for deciding what may be replaced.
            Self::OneOf(tags) => tags.iter().filter(|t| !t.weak).filter_map(|t| t.opaque.parse().ok()).collect(),
        }
    }

    /// Whether what is there, with that validator, fits for the purpose of a read: weak or not.
    pub(crate) fn fits_weakly(&self, etag: &HeaderValue) -> bool {
        let opaque = etag.to_str().unwrap_or_default().trim_matches('"');
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|tag| tag.opaque == opaque),
        }
    }
}

fn read_tags(text: &str, tags: &mut Vec<Tag>) {
    const SPACE: [char; 2] = [' ', '\t'];
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (weak, after) = rest.strip_prefix("W/").map_or((false, rest), |after| (true, after));
        let Some((opaque, after)) = after.strip_prefix('"').and_then(|after| after.split_once('"')) else { return };
        rest = after.trim_start_matches(SPACE);
        // What goes on without a comma is no tag, though it begins like one.
        if !rest.is_empty() && !rest.starts_with(',') {
            return;
        }
        tags.push(Tag { weak, opaque: opaque.to_owned() });
    }
}

/// Whether a read whose answer has this validator is answered 304.
pub(crate) fn not_modified(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    // The usual case, without taking it apart: one tag, as it was given.
    match headers.get(hyper::header::IF_NONE_MATCH) {
        None => false,
        Some(one) if one == etag => true,
        Some(_) => {
            Condition::of(headers, &hyper::header::IF_NONE_MATCH).is_some_and(|condition| condition.fits_weakly(etag))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{IF_MATCH, IF_NONE_MATCH};

    fn headers(name: HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn rule_c13_conditions_are_read_as_http_has_them() {
        let etag = HeaderValue::from_static("\"a,b\"");
        for fits in [&["\"a,b\""][..], &["W/\"a,b\""], &["\"x\", \"a,b\""], &["\"x\"", "W/\"y\" ,\"a,b\""], &["*"]] {
            assert!(not_modified(&headers(IF_NONE_MATCH, fits), &etag), "{fits:?}");
        }
        for differs in [&["\"a\""][..], &["a,b"], &[""], &["\"a,b"], &["\"a,b\"x"], &["\"x\" \"a,b\""], &[]] {
            assert!(!not_modified(&headers(IF_NONE_MATCH, differs), &etag), "{differs:?}");
        }
    }

    #[test]
    fn rule_c13_a_weak_tag_replaces_nothing() {
        let digest = Digest::of_bytes(b"x");
        let strong = of_digest(&digest);
        let mut given = HeaderMap::new();
        given.insert(IF_MATCH, strong.clone());
        assert_eq!(Condition::of(&given, &IF_MATCH).unwrap().digests(), [digest]);
        let weak = format!("W/{}, \"other\"", strong.to_str().unwrap());
        given.insert(IF_MATCH, HeaderValue::try_from(weak).unwrap());
        assert!(Condition::of(&given, &IF_MATCH).unwrap().digests().is_empty());
        assert_eq!(Condition::of(&HeaderMap::new(), &IF_MATCH), None);
    }
}
