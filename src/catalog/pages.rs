//! Listings, whole and page by page (rule C3).
//!
//! A listing is written whole, once, with a note of where in it each entry is. A page is cut out of
//! those bytes: whatever part somebody asks for, the storage is not asked again, and nothing is copied.

use std::array;
use std::convert::Infallible;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use mcp_registry_spec::{BrokenEntry, ServerName};
use serde::Serialize;

/// Which part of a listing is asked for.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// At most so many entries, broken ones counted; all when it is missing.
    pub(crate) limit: Option<usize>,
    /// Those whose names follow this one.
    pub(crate) after: Option<ServerName>,
}

impl Window {
    /// Whether all is asked for.
    pub(crate) fn is_whole(&self) -> bool {
        self.limit.is_none() && self.after.is_none()
    }
}

/// Where in the bytes of a listing its entries are.
#[derive(Debug, Default)]
pub(crate) struct Index {
    servers: Vec<Place>,
    broken: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    name: ServerName,
    bytes: Range<usize>,
}

/// Writes a listing, of two lists that are sorted by name.
///
/// # Errors
/// When an entry has no form in JSON.
pub(crate) fn write<T: Serialize>(
    servers: &[T],
    name: impl Fn(&T) -> &ServerName,
    broken: &[BrokenEntry],
) -> serde_json::Result<(Vec<u8>, Index)> {
    let mut body = SERVERS.to_vec();
    let servers = list(&mut body, servers, name)?;
    body.extend_from_slice(BROKEN);
    let broken = list(&mut body, broken, |broken| &broken.name)?;
    body.extend_from_slice(END);
    Ok((body, Index { servers, broken }))
}

const SERVERS: &[u8] = br#"{"servers":["#;
const BROKEN: &[u8] = br#"],"broken":["#;
const END: &[u8] = b"]}";

fn list<T: Serialize>(
    body: &mut Vec<u8>,
    items: &[T],
    name: impl Fn(&T) -> &ServerName,
) -> serde_json::Result<Vec<Place>> {
    let mut places = Vec::with_capacity(items.len());
    for item in items {
        if !places.is_empty() {
            body.push(b',');
        }
        let begin = body.len();
        serde_json::to_writer(&mut *body, item)?;
        places.push(Place { name: name(item).clone(), bytes: begin..body.len() });
    }
    Ok(places)
}

impl Index {
    /// What it takes in memory, or nearly so.
    pub(crate) fn size(&self) -> usize {
        let places = self.servers.iter().chain(&self.broken);
        places.map(|place| size_of::<Place>() + place.name.as_str().len()).sum()
    }

    /// The part of the listing of these bytes that lies in the window.
    pub(crate) fn cut(&self, listing: &Bytes, window: &Window) -> Page {
        let after = window.after.as_ref();
        let following = |places: &[Place]| places.partition_point(|place| Some(&place.name) <= after);
        let (_, servers) = self.servers.split_at(following(&self.servers));
        let (_, broken) = self.broken.split_at(following(&self.broken));
        let Some(limit) = window.limit.filter(|limit| *limit < servers.len() + broken.len()) else {
            return Page::new(listing, servers, broken, None);
        };
        // How many of the first `limit` names are broken ones.
        let (mut s, mut b) = (0, 0);
        let mut last = None;
        while s + b < limit {
            match (servers.get(s).map(|place| &place.name), broken.get(b).map(|place| &place.name)) {
                (Some(server), Some(broken)) if broken < server => (b, last) = (b + 1, Some(broken)),
                (None, Some(broken)) => (b, last) = (b + 1, Some(broken)),
                (Some(server), _) => (s, last) = (s + 1, Some(server)),
                (None, None) => break,
            }
        }
        Page::new(listing, servers.split_at(s).0, broken.split_at(b).0, last)
    }
}

/// A part of a listing as it is sent.
pub(crate) struct Page(array::IntoIter<Bytes, 5>);

impl Page {
    fn new(listing: &Bytes, servers: &[Place], broken: &[Place], next: Option<&ServerName>) -> Self {
        let end = match next {
            // A name has nothing that JSON writes otherwise (rule 1).
            Some(next) => Bytes::from(format!(r#"],"next_cursor":"{next}"}}"#)),
            None => Bytes::from_static(END),
        };
        let parts = [
            Bytes::from_static(SERVERS),
            between(listing, servers),
            Bytes::from_static(BROKEN),
            between(listing, broken),
            end,
        ];
        Self(parts.into_iter())
    }
}

/// The bytes of entries that follow each other.
fn between(listing: &Bytes, places: &[Place]) -> Bytes {
    match (places.first(), places.last()) {
        (Some(first), Some(last)) => listing.slice(first.bytes.start..last.bytes.end),
        _ => Bytes::new(),
    }
}

impl Body for Page {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.find(|part| !part.is_empty()).map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_slice().iter().map(|part| part.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::{Error, ErrorKind};
    use serde_json::{Value, json};

    fn name(text: &str) -> ServerName {
        ServerName::parse(text).unwrap()
    }

    fn text(page: Page) -> String {
        let said = page.size_hint().exact().unwrap();
        let whole = page.0.flat_map(Vec::from).collect::<Vec<_>>();
        assert_eq!(said, whole.len() as u64);
        String::from_utf8(whole).unwrap()
    }

    #[test]
    fn rule_c3_pages_join_to_the_whole() {
        let servers: Vec<_> = ["b", "c", "e", "g"].map(name).into();
        let broken: Vec<_> = ["a", "d", "f"]
            .map(|n| BrokenEntry { name: name(n), error: Error::new(ErrorKind::DescriptorInvalid, "x") })
            .into();
        let (body, index) = write(&servers, |s| s, &broken).unwrap();
        let body = Bytes::from(body);
        let whole: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(whole["servers"], json!(["b", "c", "e", "g"]));
        let cut = |limit, after| text(index.cut(&body, &Window { limit, after }));
        assert_eq!(cut(None, None).as_bytes(), body, "written and cut alike");
        for limit in 1..10 {
            let (mut good, mut bad, mut after) = (Vec::new(), Vec::new(), None);
            loop {
                let page: Value = serde_json::from_str(&cut(Some(limit), after)).unwrap();
                let of = |list: &str| page[list].as_array().unwrap().clone();
                assert!(of("servers").len() + of("broken").len() <= limit);
                good.extend(of("servers"));
                bad.extend(of("broken"));
                match page.get("next_cursor") {
                    Some(next) => after = Some(name(next.as_str().unwrap())),
                    None => break,
                }
            }
            assert_eq!((json!(good), json!(bad)), (whole["servers"].clone(), whole["broken"].clone()), "{limit}");
        }
        let rest: Value = serde_json::from_str(&cut(None, Some(name("d")))).unwrap();
        assert_eq!((&rest["servers"], &rest["broken"][0]["name"]), (&json!(["e", "g"]), &json!("f")));
        let (none, index) = write::<ServerName>(&[], |s| s, &[]).unwrap();
        let page = index.cut(&Bytes::from(none), &Window { limit: Some(1), after: None });
        assert_eq!(text(page), r#"{"servers":[],"broken":[]}"#);
    }
}
