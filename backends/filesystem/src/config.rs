//! How the backend is opened.

use std::path::PathBuf;
use std::time::Duration;

use mcp_registry_spec::{Error, ErrorKind, OpenRequest, OptionHelp, Result};

/// The option for how long a write waits for the lock.
pub(crate) const LOCK_TIMEOUT: &str = "lock_timeout";
/// The option for the folders that path arguments may lead to.
pub(crate) const READ_PATHS: &str = "read_paths";

/// The options the backend knows.
pub(crate) const OPTIONS: &[OptionHelp] = &[
    OptionHelp::new(LOCK_TIMEOUT, "how long a write waits for the lock, in seconds (default 30)"),
    OptionHelp::new(
        READ_PATHS,
        "the folders that path arguments may lead to, separated as in PATH (default: anywhere)",
    ),
];

/// Where an agent's document is, and how it is treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The agent's folder. It need not exist.
    pub folder: PathBuf,
    /// Whether the folder and the document may be symbolic links. They may not when the folder was
    /// named by a scope, which must not lead elsewhere (rule 5).
    pub follow_links: bool,
    /// Whether calls may block the thread they are polled on; else they work on threads of their
    /// own.
    pub may_block: bool,
    /// How long a write waits for the lock.
    pub lock_timeout: Duration,
    /// The folders that path arguments may lead to; anywhere when there are none. Relative ones
    /// are relative to the agent's folder.
    pub read_paths: Vec<PathBuf>,
}

impl Config {
    /// The agent's own folder, with the defaults.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            follow_links: true,
            may_block: false,
            lock_timeout: Duration::from_secs(30),
            read_paths: Vec::new(),
        }
    }

    /// Reads `filesystem:DIR`. Without a scope DIR is the agent's folder; with one, DIR holds the
    /// folders of agents and the scope names one of them.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] for a locator without a folder or an option with a wrong value.
    pub fn from_request(request: &OpenRequest) -> Result<Self> {
        let folder = request.locator.argument().filter(|folder| !folder.is_empty()).ok_or_else(|| {
            Error::new(ErrorKind::ConfigInvalid, "the locator names no folder").hint("write filesystem:DIR")
        })?;
        let mut config = Self { may_block: request.may_block, ..Self::new(folder) };
        if let Some(scope) = &request.scope {
            config.folder.push(scope.as_str());
            config.follow_links = false;
        }
        if let Some(value) = request.get(LOCK_TIMEOUT) {
            let hint = "give a number of seconds, as 30 or 0.5";
            let seconds: f64 = value.parse().map_err(|_| request.bad_option(LOCK_TIMEOUT, hint))?;
            config.lock_timeout =
                Duration::try_from_secs_f64(seconds).map_err(|_| request.bad_option(LOCK_TIMEOUT, hint))?;
        }
        if let Some(value) = request.get(READ_PATHS) {
            config.read_paths = std::env::split_paths(value).filter(|p| !p.as_os_str().is_empty()).collect();
            if config.read_paths.is_empty() {
                // Nothing named is not the same as anywhere.
                return Err(request.bad_option(READ_PATHS, "name at least one folder"));
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::Scope;

    #[test]
    fn locators_scopes_and_options() {
        let open = |request: OpenRequest| Config::from_request(&request);
        let plain = open(OpenRequest::new("filesystem:a/b:c")).unwrap();
        assert_eq!(plain, Config::new("a/b:c"));
        let scoped = open(OpenRequest::new("filesystem:a").scope(Scope::parse("scout").unwrap())).unwrap();
        assert_eq!((scoped.folder, scoped.follow_links), (PathBuf::from("a/scout"), false));
        let options = OpenRequest::new("filesystem:a").option(LOCK_TIMEOUT, "0.5").option(READ_PATHS, "/x:y");
        let options = open(options).unwrap();
        assert_eq!(options.lock_timeout, Duration::from_millis(500));
        assert_eq!(options.read_paths, [PathBuf::from("/x"), PathBuf::from("y")]);
        for bad in ["filesystem", "filesystem:"] {
            assert_eq!(open(OpenRequest::new(bad)).unwrap_err().kind(), ErrorKind::ConfigInvalid);
        }
        for (option, value) in [(LOCK_TIMEOUT, "soon"), (LOCK_TIMEOUT, "-1"), (LOCK_TIMEOUT, "NaN"), (READ_PATHS, "")] {
            assert!(open(OpenRequest::new("filesystem:a").option(option, value)).is_err(), "{option}={value}");
        }
    }
}
