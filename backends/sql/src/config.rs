//! How the backend is opened.

use std::time::Duration;

use mcp_registry_spec::{Locator, OpenRequest, OptionHelp, Result, Scope};
use mcp_registry_store::{Options, Store};

use crate::backend::ID;

/// The option for how many connections there may be.
pub(crate) const MAX_CONNECTIONS: &str = "max_connections";
/// The option for how long the database is waited for.
pub(crate) const TIMEOUT: &str = "timeout";
/// The scope when nobody names one.
const DEFAULT_SCOPE: &str = "default";

/// The options the backend knows.
pub(crate) const OPTIONS: &[OptionHelp] = &[
    OptionHelp::new(MAX_CONNECTIONS, "how many connections to the database there may be (default 10)"),
    OptionHelp::new(
        TIMEOUT,
        "how long a connection, a lock and a statement are waited for, in seconds each (default 5)",
    ),
];

/// Which database, and whose entries in it.
#[derive(Debug, Clone)]
pub struct Config {
    /// The database.
    pub store: Store,
    /// Whose entries.
    pub scope: Scope,
}

impl Config {
    /// Reads `sqlite:PATH` or `postgres://…`, perhaps with `sql:` before it. A relative path is relative
    /// to the current folder. The scope is `default` when nobody names one.
    ///
    /// # Errors
    /// [`ConfigInvalid`](mcp_registry_spec::ErrorKind::ConfigInvalid) for a locator that names no database or an option with a wrong value.
    pub fn from_request(request: &OpenRequest) -> Result<Self> {
        let mut options = Options::default();
        if let Some(value) = request.get(MAX_CONNECTIONS) {
            let hint = "give a number from 1 to 10000";
            options.max_connections = value
                .parse()
                .ok()
                .filter(|most| (1..=10_000).contains(most))
                .ok_or_else(|| request.bad_option(MAX_CONNECTIONS, hint))?;
        }
        if let Some(value) = request.get(TIMEOUT) {
            let hint = "give a number of seconds, as 30 or 0.5";
            options.timeout = value
                .parse()
                .ok()
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .filter(|timeout| !timeout.is_zero())
                .ok_or_else(|| request.bad_option(TIMEOUT, hint))?;
        }
        let scope = request.scope.clone().map_or_else(|| Scope::parse(DEFAULT_SCOPE), Ok)?;
        let inner = request.locator.argument().filter(|_| request.locator.scheme() == ID).map(Locator::new);
        let store = Store::new(inner.as_ref().unwrap_or(&request.locator), options)?;
        Ok(Self { store, scope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::ErrorKind;

    #[test]
    fn locators_scopes_and_options() {
        let open = |request: OpenRequest| Config::from_request(&request);
        let plain = open(OpenRequest::new("sqlite:data/registry.db")).unwrap();
        assert_eq!((plain.scope.as_str(), plain.store.name().as_str()), ("default", "sqlite:registry.db"));
        let scoped = OpenRequest::new("sql:postgres://me:pw@localhost/agents").scope(Scope::parse("scout").unwrap());
        let scoped = open(scoped).unwrap();
        assert_eq!((scoped.scope.as_str(), scoped.store.name().as_str()), ("scout", "postgres:agents"));
        assert!(open(OpenRequest::new("sqlite:x").option(MAX_CONNECTIONS, "1").option(TIMEOUT, "0.5")).is_ok());
        for bad in ["sql", "sql:x", "sqlite:", "sqlite::memory:", "postgres:x"] {
            assert_eq!(open(OpenRequest::new(bad)).unwrap_err().kind(), ErrorKind::ConfigInvalid, "{bad}");
        }
        for (option, value) in [
            (MAX_CONNECTIONS, "0"),
            (MAX_CONNECTIONS, "many"),
            (TIMEOUT, "0"),
            (TIMEOUT, "-1"),
            (TIMEOUT, "NaN"),
            (TIMEOUT, "soon"),
        ] {
            let error = open(OpenRequest::new("sqlite:x").option(option, value)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{option}={value}");
        }
    }

    #[test]
    fn nothing_shows_what_it_was_opened_with() {
        let config = Config::from_request(&OpenRequest::new("postgres://me:hunter2@db.example.org/d")).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
