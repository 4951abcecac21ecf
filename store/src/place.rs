//! Where the database is.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use mcp_registry_spec::{Error, ErrorKind, Locator, Result};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use url::Url;

/// What a locator of Postgres may say behind its question mark; what is not here would be ignored.
const PARAMETERS: [&str; 15] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "sslcert",
    "sslkey",
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// A database, told apart by what speaks for it.
#[derive(Clone)]
pub(crate) enum Place {
    /// A file of SQLite, by its absolute path.
    Sqlite(PathBuf),
    /// A database of Postgres.
    Postgres {
        /// Where, and as whom. Holds credentials.
        url: Url,
        /// What must never show.
        secrets: Vec<String>,
    },
}

impl Place {
    /// Reads a locator; touches nothing (rule 2).
    pub(crate) fn parse(locator: &Locator) -> Result<Self> {
        match (locator.scheme(), locator.argument()) {
            ("sqlite", Some(path)) => sqlite(path),
            ("postgres" | "postgresql", Some(_)) => postgres(locator.expose()),
            _ => Err(config("names no database").hint("write sqlite:PATH or postgres://HOST/DATABASE")),
        }
    }

    /// The URL by which the driver connects. Holds credentials.
    pub(crate) fn url(&self) -> Result<Url> {
        match self {
            // The mode keeps the driver from making a file: that is done by file::create alone.
            Self::Sqlite(path) => {
                let path = percent_encode(path.as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
                Url::parse(&format!("sqlite:{path}?mode=rw")).map_err(|cause| config("is no URL").caused_by(cause))
            }
            Self::Postgres { url, .. } => Ok(url.clone()),
        }
    }

    /// What the database is called, without saying where it is or who asks.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.file_name().unwrap_or_default().to_string_lossy()),
            Self::Postgres { url, .. } => {
                let named = url.query_pairs().find(|(key, _)| key == "dbname").map(|(_, value)| value.into_owned());
                let path = || percent_decode_str(url.path().trim_start_matches('/')).decode_utf8_lossy().into_owned();
                format!("postgres:{}", named.unwrap_or_else(path))
            }
        }
    }

    /// `text` without what must never show.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if let Self::Postgres { secrets, .. } = self {
            for secret in secrets {
                text = text.replace(secret, "***");
            }
        }
        text
    }
}

fn config(what: &str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, format!("the locator of the database {what}"))
}

fn sqlite(path: &str) -> Result<Place> {
    if path.is_empty() {
        return Err(config("names no file").hint("write sqlite:PATH"));
    }
    if path.starts_with(':') {
        return Err(config("names no file: what is kept in memory is not kept").hint("write sqlite:PATH"));
    }
    if path.contains('?') || (path.starts_with("//") && !path.starts_with("///")) {
        return Err(config("is no path of a file").hint("write sqlite:PATH, without \"//\" and parameters"));
    }
    // A program that changes its folder still means the same file.
    let absolute = std::path::absolute(path).map_err(|cause| config("is no path").caused_by(cause))?;
    match absolute.file_name() {
        Some(_) if !path.ends_with('/') => Ok(Place::Sqlite(absolute)),
        _ => Err(config("names a folder").at(path, None).hint("name a file")),
    }
}

fn postgres(text: &str) -> Result<Place> {
    let hint = "write postgres://USER:PASSWORD@HOST[:PORT]/DATABASE, with %XX for other characters";
    let mut url = Url::parse(text).map_err(|cause| config("is no URL").caused_by(cause).hint(hint))?;
    if url.cannot_be_a_base() || url.fragment().is_some() {
        return Err(config("is no URL of a database").hint(hint));
    }
    let is_known = |key: &str| PARAMETERS.contains(&key) || key.starts_with("options[") && key.ends_with(']');
    let unknown = url.query_pairs().map(|(key, _)| key.into_owned()).find(|key| !is_known(key));
    if let Some(unknown) = unknown {
        let known = PARAMETERS.join(", ");
        let named = mcp_registry_spec::text::quote(&unknown);
        return Err(config(&format!("has an unknown parameter {named}")).hint(format!("those there are: {known}")));
    }
    let named = |names: &[&str]| url.query_pairs().find(|(k, _)| names.contains(&&**k)).map(|(_, v)| v.into_owned());
    let host = named(&["host", "hostaddr"]).or_else(|| url.host_str().map(decoded)).unwrap_or_default();
    let mut secrets: Vec<_> = url.password().map(|p| vec![p.to_owned(), decoded(p)]).unwrap_or_default();
    secrets.extend(named(&["password"]));
    secrets.retain(|secret| !secret.is_empty());
    if named(&["sslmode", "ssl-mode"]).is_none() && !is_near(&host) {
        // The usual default would fall back to cleartext, where anybody on the way can ask for that.
        url.query_pairs_mut().append_pair("sslmode", "require");
    }
    Ok(Place::Postgres { url, secrets })
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Whether the host is this machine: a socket's folder, or loopback.
fn is_near(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.is_empty()
        || Path::new(host).is_absolute()
        || host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What the database was opened with does not show (rule 4).
impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&mcp_registry_spec::text::escape(&self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Place> {
        Place::parse(&Locator::new(text))
    }

    #[test]
    fn a_file_is_found_from_any_folder_and_by_any_name() {
        let Place::Sqlite(path) = parse("sqlite:data/a b%41#.db").unwrap() else { panic!("a file") };
        assert!(path.is_absolute() && path.ends_with("data/a b%41#.db"), "{path:?}");
        assert_eq!(Place::Sqlite("/a/r.db".into()).url().unwrap().as_str(), "sqlite:%2Fa%2Fr%2Edb?mode=rw");
        assert_eq!(parse("sqlite:data/registry.db").unwrap().name(), "sqlite:registry.db");
    }

    #[test]
    fn what_is_no_database_is_refused() {
        for bad in [
            "sqlite",
            "sqlite:",
            "sqlite::memory:",
            "sqlite://data/x.db",
            "sqlite:x.db?mode=ro",
            "sqlite:data/",
            "sqlite:..",
            "mysql://h/d",
            "postgres",
            "postgres:x",
            "postgres://h:port/d",
            "postgres://h/d#x",
            "postgres://h/d?sslmod=disable",
        ] {
            assert_eq!(parse(bad).unwrap_err().kind(), ErrorKind::ConfigInvalid, "{bad}");
        }
    }

    #[test]
    fn another_machine_is_spoken_to_in_cipher() {
        let mode = |text| {
            let url = parse(text).unwrap().url().unwrap();
            url.query_pairs().find(|(k, _)| k == "sslmode").map(|(_, v)| v.into_owned())
        };
        for far in ["postgres://db.example.org/d", "postgres://127.0.0.1.evil/d", "postgresql:///d?host=db"] {
            assert_eq!(mode(far).as_deref(), Some("require"), "{far}");
        }
        for near in [
            "postgres://localhost/d",
            "postgres://127.0.0.1:5433/d",
            "postgres://[::1]/d",
            "postgres:///d",
            "postgres:///d?host=/run/postgresql",
            "postgres://%2Frun%2Fpostgresql/d",
        ] {
            assert_eq!(mode(near), None, "{near}");
        }
        assert_eq!(mode("postgres://db/d?sslmode=disable").as_deref(), Some("disable"));
    }

    #[test]
    fn no_credential_shows() {
        for text in ["postgres://me:hunter%2D2@db/d", "postgres://me@db/d?password=hunter-2"] {
            let place = parse(text).unwrap();
            assert_eq!(format!("{place:?}"), "postgres:d");
            assert_eq!(place.without_secrets("no hunter-2 here"), "no *** here");
        }
    }
}
