//! Places, told so that they mean the same from everywhere and however they were spelt.

use std::path::{Path, PathBuf};

#[cfg(feature = "governance")]
use mcp_registry_spec::{Backends, Locator, OpenRequest, Result, Scope, text};
#[cfg(feature = "governance")]
use url::Url;

#[cfg(feature = "governance")]
use super::place::FILESYSTEM;

/// Where a path leads, by no link; what is not there yet has none.
pub(crate) fn real(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = whole.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    match found.and_then(|(above, real)| Some((real, whole.strip_prefix(above).ok()?))) {
        // Part by part, so that a slash at the end makes no difference.
        Some((real, rest)) => real.components().chain(rest.components()).collect(),
        None => whole,
    }
}

/// The place that a request names, as [`spelt`], and without whoever asks there: the name of it under which changes
/// and the ledger know it.
///
/// # Errors
/// When no backend answers to it.
#[cfg(feature = "governance")]
pub(crate) fn place_of(request: &OpenRequest, backends: &Backends) -> Result<(Locator, Option<Scope>)> {
    let (locator, scope) = spelt(request, backends)?;
    Ok((without_user(locator), scope))
}

/// The place that a request names, in one spelling: with whole paths by no link, and with a scope wherever the
/// backend has one. An agent's folder is the scope of its name in the folder above it, where that may be a scope's
/// name. Opened by it, the registry is the same.
///
/// # Errors
/// When no backend answers to it.
#[cfg(feature = "governance")]
pub(crate) fn spelt(request: &OpenRequest, backends: &Backends) -> Result<(Locator, Option<Scope>)> {
    let (locator, scope) = (&request.locator, request.scope.clone());
    let at = |scheme: &str, path: &Path| Locator::new(&format!("{scheme}:{}", path.display()));
    Ok(match (backends.find(locator)?.id, locator.argument()) {
        (FILESYSTEM, Some(folder)) => {
            let folder = real(Path::new(folder));
            let named = || Scope::parse(folder.file_name()?.to_str()?).ok();
            match (scope, folder.parent().zip(named())) {
                // A scope's folder is no link: where it leads is not looked at.
                (Some(scope), _) => (at(FILESYSTEM, &folder), Some(scope)),
                (None, Some((above, scope))) => (at(FILESYSTEM, above), Some(scope)),
                (None, None) => (at(FILESYSTEM, &folder), None),
            }
        }
        ("sql", Some(argument)) => {
            let database = if locator.scheme() == "sql" { Locator::new(argument) } else { locator.clone() };
            let database = match (database.scheme(), database.argument()) {
                ("sqlite", Some(file)) => at("sqlite", &real(Path::new(file))),
                _ => one_url(&database).0,
            };
            (database, Some(scope.map_or_else(|| Scope::parse("default"), Ok)?))
        }
        ("http", Some(_)) => {
            let (catalog, named) = one_url(locator);
            let named = || Scope::parse(named.as_deref().unwrap_or("default"));
            (catalog, Some(scope.map_or_else(named, Ok)?))
        }
        _ => (locator.clone(), scope),
    })
}

/// The same request as one that changes are made through, and its place. An agent's folder is opened as the scope
/// that it is, in which no link is followed: it would lead a change elsewhere than where it was approved for.
///
/// # Errors
/// When no backend answers to it.
#[cfg(feature = "governance")]
pub(crate) fn governed(request: &OpenRequest, backends: &Backends) -> Result<(OpenRequest, Locator, Option<Scope>)> {
    let (locator, scope) = place_of(request, backends)?;
    let mut request = request.clone();
    if backends.find(&locator)?.id == FILESYSTEM {
        (request.locator, request.scope) = (locator.clone(), scope.clone());
    }
    Ok((request, locator, scope))
}

/// A locator that is a URL in one spelling, and the scope that it names where it is a catalog's. Whether it may be
/// opened is not judged.
#[cfg(feature = "governance")]
fn one_url(locator: &Locator) -> (Locator, Option<String>) {
    let Ok(mut url) = Url::parse(locator.expose()) else { return (locator.clone(), None) };
    let mut scope = None;
    // What cannot be set cannot be there either.
    match url.scheme() {
        "http" | "https" => {
            let pairs = url.query().into_iter().flat_map(|query| query.split('&')).filter_map(|p| p.split_once('='));
            let mut scopes = pairs.filter(|(key, _)| text::percent_decode(key) == "agent_scope");
            scope = scopes.next().map(|(_, value)| text::percent_decode(value).into_owned());
            url.set_query(None);
            if !url.path().ends_with('/') {
                url.set_path(&format!("{}/", url.path()));
            }
        }
        "postgres" | "postgresql" => {
            let _ = url.set_scheme("postgres");
            if url.port() == Some(5432) {
                let _ = url.set_port(None);
            }
        }
        _ => {}
    }
    (Locator::new(url.as_str()), scope)
}

/// The locator without who asks, where that does not say which database is meant: one that is not named is the
/// user's own.
#[cfg(feature = "governance")]
fn without_user(locator: Locator) -> Locator {
    match Url::parse(locator.expose()) {
        Ok(mut url) if url.scheme() == "postgres" && url.path().len() > 1 => {
            let _ = url.set_password(None);
            let _ = url.set_username("");
            Locator::new(url.as_str())
        }
        _ => locator,
    }
}

#[cfg(test)]
#[cfg(all(feature = "governance", feature = "filesystem", feature = "sql", feature = "http"))]
mod tests {
    use super::*;

    fn place(locator: &str, scope: Option<&str>) -> (String, Option<String>) {
        let mut request = OpenRequest::new(locator);
        request.scope = scope.map(|scope| Scope::parse(scope).unwrap());
        let (locator, scope) = place_of(&request, &Backends::linked()).unwrap();
        (locator.expose().to_owned(), scope.map(|scope| scope.to_string()))
    }

    #[test]
    fn h4_a_place_has_one_name_however_it_is_spelt() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let at = |scheme: &str, path: &str| format!("{scheme}:{}", root.join(path).display());
        std::fs::create_dir_all(root.join("agents/scout")).unwrap();
        std::os::unix::fs::symlink(root.join("agents"), root.join("link")).unwrap();
        let scout = (at("filesystem", "agents"), Some("scout".to_owned()));
        for same in ["agents/scout", "agents/scout/", "agents/./scout", "link/scout"] {
            assert_eq!(place(&at("filesystem", same), None), scout, "{same}");
        }
        assert_eq!(place(&at("filesystem", "agents"), Some("scout")), scout);
        assert_eq!(place(&at("filesystem", "link/"), Some("scout")), scout);
        assert_eq!(place(&at("filesystem", "new/one"), None), (at("filesystem", "new"), Some("one".to_owned())));
        assert_eq!(place("filesystem:/", None), ("filesystem:/".to_owned(), None));
        let odd = at("filesystem", "no scope's name");
        assert_eq!(place(&odd, None), (odd.clone(), None));
        let database = (at("sqlite", "catalog.db"), Some("default".to_owned()));
        for same in [at("sqlite", "catalog.db"), at("sql:sqlite", "catalog.db"), at("sqlite", "./catalog.db")] {
            assert_eq!(place(&same, None), database, "{same}");
            assert_eq!(place(&same, Some("default")), database, "{same}");
        }
    }

    #[test]
    fn h4_a_url_has_one_name_however_it_is_spelt() {
        let database = ("postgres://db.example.org/d".to_owned(), Some("default".to_owned()));
        for same in [
            "postgres://me:hunter2@db.example.org/d",
            "postgresql://you@db.example.org:5432/d",
            "sql:postgres://db.example.org/d",
        ] {
            assert_eq!(place(same, None), database, "{same}");
        }
        for other in ["postgres://db.example.org:5433/d", "postgres://db.example.org/d?host=x", "postgres://me@h"] {
            assert_eq!(place(other, None).0, other);
        }
        let catalog = ("https://h/c/".to_owned(), Some("s".to_owned()));
        for same in ["https://h/c", "HTTPS://H:443/c/", "https://h/c?agent_scope=s", "https://h/c/?agent_sc%6Fpe=%73"] {
            assert_eq!(place(same, Some("s").filter(|_| !same.contains('?'))), catalog, "{same}");
        }
        assert_eq!(place("https://h", None), ("https://h/".to_owned(), Some("default".to_owned())));
        assert_ne!(place("https://h:444/c/", Some("s")), catalog);
    }

    #[test]
    fn h4_what_is_opened_is_opened_by_who_may() {
        let url = "postgres://me:hunter2@db.example.org/d";
        let (opened, _) = spelt(&OpenRequest::new(url), &Backends::linked()).unwrap();
        assert_eq!(opened.expose(), url);
    }
}
