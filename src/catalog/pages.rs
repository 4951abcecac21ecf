//! Listings, whole or page by page (rule C3).

use mcp_registry_spec::{BrokenEntry, ServerName};
use serde::Serialize;

/// Which part of a listing is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Window {
    /// At most so many entries, broken ones counted; all when it is missing.
    pub(crate) limit: Option<usize>,
    /// Those whose names follow this one.
    pub(crate) after: Option<ServerName>,
}

/// A listing as it is sent.
#[derive(Serialize)]
pub(crate) struct Page<'a, T> {
    servers: &'a [T],
    broken: &'a [BrokenEntry],
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a ServerName>,
}

impl<'a, T> Page<'a, T> {
    /// The part of both lists, which are sorted by name, that lies in the window.
    pub(crate) fn cut(
        servers: &'a [T],
        name: impl Fn(&T) -> &ServerName,
        broken: &'a [BrokenEntry],
        window: &Window,
    ) -> Self {
        let after = window.after.as_ref();
        let (_, servers) = servers.split_at(servers.partition_point(|s| Some(name(s)) <= after));
        let (_, broken) = broken.split_at(broken.partition_point(|b| Some(&b.name) <= after));
        let Some(limit) = window.limit.filter(|limit| *limit < servers.len() + broken.len()) else {
            return Self { servers, broken, next_cursor: None };
        };
        // How many of the first `limit` names are broken ones.
        let (mut s, mut b) = (0, 0);
        let mut last = None;
        while s + b < limit {
            match (servers.get(s).map(&name), broken.get(b).map(|b| &b.name)) {
                (Some(server), Some(broken)) if broken < server => (b, last) = (b + 1, Some(broken)),
                (None, Some(broken)) => (b, last) = (b + 1, Some(broken)),
                (Some(server), _) => (s, last) = (s + 1, Some(server)),
                (None, None) => break,
            }
        }
        Self { servers: servers.split_at(s).0, broken: broken.split_at(b).0, next_cursor: last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::{Error, ErrorKind};

    fn name(text: &str) -> ServerName {
        ServerName::parse(text).unwrap()
    }

    #[test]
    fn rule_c3_pages_join_to_the_whole() {
        let servers: Vec<_> = ["b", "c", "e", "g"].map(name).into();
        let broken: Vec<_> = ["a", "d", "f"]
            .map(|n| BrokenEntry { name: name(n), error: Error::new(ErrorKind::DescriptorInvalid, "x") })
            .into();
        for limit in 1..10 {
            let (mut good, mut bad, mut after) = (Vec::new(), Vec::new(), None);
            loop {
                let window = Window { limit: Some(limit), after };
                let page = Page::cut(&servers, |s| s, &broken, &window);
                assert!(page.servers.len() + page.broken.len() <= limit);
                good.extend(page.servers.iter().cloned());
                bad.extend(page.broken.iter().map(|b| b.name.clone()));
                match page.next_cursor {
                    Some(next) => after = Some(next.clone()),
                    None => break,
                }
            }
            assert_eq!((&good, bad.len()), (&servers, broken.len()), "{limit}");
        }
        let rest = Page::cut(&servers, |s| s, &broken, &Window { limit: None, after: Some(name("d")) });
        assert_eq!((rest.servers, rest.broken.len(), rest.next_cursor), (&servers[2..], 1, None));
        let none: Page<'_, ServerName> = Page::cut(&[], |s| s, &[], &Window { limit: Some(1), after: None });
        assert_eq!(serde_json::to_string(&none).unwrap(), r#"{"servers":[],"broken":[]}"#);
    }
}
