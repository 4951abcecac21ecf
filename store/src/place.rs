//! Where the database is.

use std::path::{Path, PathBuf};

use mcp_registry_spec::loopback::is_loopback;
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
            ("postgres" | "postgresql", Some(_)) => postgres(locator.expose(), &|name| std::env::var(name).ok()),
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

/// `variable` is how the driver reads those of the environment, which it asks for what `text` does not say.
fn postgres(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Place> {
    // Without a place for the password, which redaction would hide in the hint, too.
    let hint = "write postgres://HOST[:PORT]/DATABASE, with USER:PASSWORD@ before HOST, and %XX for other characters";
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
    let mut said: Vec<_> = url.query_pairs().map(|(key, _)| meaning(&key).to_owned()).collect();
    said.sort();
    if let Some([twice, _]) = said.windows(2).find(|pair| pair.first() == pair.last()) {
        // Which of the two the driver takes is not what a person sees.
        return Err(config(&format!("says {twice} twice")).hint("say it once"));
    }
    let named = |name: &str| url.query_pairs().find(|(k, _)| meaning(k) == name).map(|(_, value)| value.into_owned());
    let hosts = match named("host").or_else(|| url.host_str().map(decoded)) {
        Some(host) => vec![host],
        None => ["PGHOSTADDR", "PGHOST"].into_iter().filter_map(variable).collect(),
    };
    let mut secrets: Vec<_> = url.password().map(|p| vec![p.to_owned(), decoded(p)]).unwrap_or_default();
    secrets.extend(named("password").into_iter().chain(variable("PGPASSWORD")));
    secrets.retain(|secret| !secret.is_empty());
    if named("sslmode").is_none() && !hosts.iter().all(|host| is_near(host)) {
        // The driver's own default takes any certificate, and cleartext when it is asked for that: it would
        // give the password to anybody on the way.
        url.query_pairs_mut().append_pair("sslmode", "verify-full");
    }
    Ok(Place::Postgres { url, secrets })
}

/// The parameter that says the same as this one.
fn meaning(parameter: &str) -> &str {
    match parameter {
        "hostaddr" => "host",
        "ssl-mode" => "sslmode",
        "ssl-ca" => "sslrootcert",
        own => own,
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Whether the host is this machine: a socket's folder, or loopback.
fn is_near(host: &str) -> bool {
    host.is_empty() || Path::new(host).is_absolute() || is_loopback(host)
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

    fn mode(text: &str, variables: &[(&str, &str)]) -> Option<String> {
        let variable =
            |asked: &str| variables.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned());
        let url = postgres(text, &variable).unwrap().url().unwrap();
        url.query_pairs().find(|(k, _)| meaning(k) == "sslmode").map(|(_, v)| v.into_owned())
    }

    #[test]
    fn rule_11_another_machine_has_to_show_that_it_is_the_one() {
        for far in [
            "postgres://db.example.org/d",
            "postgres://127.0.0.1.evil/d",
            "postgres://0.0.0.0/d",
            "postgresql:///d?host=db",
            "postgres://localhost/d?host=db",
            "postgres://localhost/d?hostaddr=10.0.0.1",
        ] {
            assert_eq!(mode(far, &[]).as_deref(), Some("verify-full"), "{far}");
        }
        for near in [
            "postgres://localhost/d",
            "postgres://127.0.0.1:5433/d",
            "postgres://[::1]/d",
            "postgres:///d",
            "postgres:///d?host=/run/postgresql",
            "postgres://%2Frun%2Fpostgresql/d",
        ] {
            assert_eq!(mode(near, &[]), None, "{near}");
        }
        for said in ["sslmode=disable", "ssl-mode=disable"] {
            assert_eq!(mode(&format!("postgres://db/d?{said}"), &[]).as_deref(), Some("disable"));
        }
    }

    #[test]
    fn rule_11_the_environment_can_name_another_machine_too() {
        for (variables, far) in [
            (&[("PGHOST", "db")][..], true),
            (&[("PGHOSTADDR", "10.0.0.1"), ("PGHOST", "localhost")], true),
            (&[("PGHOSTADDR", "127.0.0.1"), ("PGHOST", "db")], true),
            (&[("PGHOST", "db"), ("PGSSLMODE", "disable")], true),
            (&[("PGHOST", "localhost")], false),
            (&[("PGHOST", "/run/postgresql")], false),
        ] {
            assert_eq!(mode("postgres:///d", variables).is_some(), far, "{variables:?}");
        }
        assert_eq!(mode("postgres://localhost/d", &[("PGHOST", "db")]), None, "the locator says it");
    }

    #[test]
    fn what_is_said_twice_is_refused() {
        for twice in [
            "host=localhost&host=db",
            "host=localhost&hostaddr=10.0.0.1",
            "sslmode=verify-full&ssl-mode=disable",
            "password=x&password=hunter2",
        ] {
            let error = parse(&format!("postgres:///d?{twice}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{twice}");
            assert!(error.to_string().contains("twice") && !error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn no_credential_shows() {
        for text in ["postgres://me:hunter%2D2@db/d", "postgres://me@db/d?password=hunter-2", "postgres:///d"] {
            let place = postgres(text, &|name| (name == "PGPASSWORD").then(|| "hunter-2".to_owned())).unwrap();
            assert_eq!(format!("{place:?}"), "postgres:d");
            assert_eq!(place.without_secrets("no hunter-2 here"), "no *** here");
        }
        let given = parse("postgres://me:hunter%2D2@db/d").unwrap();
        assert_eq!(given.without_secrets("no hunter-2 here"), "no *** here");
    }
}
