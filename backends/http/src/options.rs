//! The options that the registered backend knows, and how they are read.

use std::path::PathBuf;
use std::time::Duration;

use mcp_registry_spec::{OpenRequest, OptionHelp, Result, Secret};

use crate::config::{Builder, ProxyChoice};
use crate::token::Source;

const AUTH_TOKEN: &str = "auth_token";
pub(crate) const TIMEOUT: &str = "timeout";
pub(crate) const CONNECT_TIMEOUT: &str = "connect_timeout";
pub(crate) const READ_TIMEOUT: &str = "read_timeout";
pub(crate) const MAX_RESPONSE: &str = "max_response";
const FAILURE_MEMORY: &str = "failure_memory";
pub(crate) const CA_BUNDLE: &str = "ca_bundle";
pub(crate) const PAGE_SIZE: &str = "page_size";
const PROXY: &str = "proxy";

/// The options the backend knows.
pub(crate) const OPTIONS: &[OptionHelp] = &[
    OptionHelp::secret(
        AUTH_TOKEN,
        "the bearer token, or file:PATH; from MCP_REGISTRY_AUTH_TOKEN or the configuration file's [tokens]",
    ),
    OptionHelp::new(TIMEOUT, "how long a request may take in all, in seconds (default 10)"),
    OptionHelp::new(CONNECT_TIMEOUT, "how long connecting may take, in seconds (default 10)"),
    OptionHelp::new(READ_TIMEOUT, "how long the catalog may say nothing, in seconds (default 10)"),
    OptionHelp::new(MAX_RESPONSE, "the most an answer may hold, in bytes (default 8388608)"),
    OptionHelp::new(
        FAILURE_MEMORY,
        "how long a catalog that failed to say what it can is not asked again, in seconds (default 60)",
    ),
    OptionHelp::new(CA_BUNDLE, "a PEM file of certificates to trust beside the system's"),
    OptionHelp::new(PAGE_SIZE, "how many entries to ask for at a time, 1 to 10000 (default: all)"),
    OptionHelp::new(PROXY, "the URL of a proxy, or none (default: as HTTPS_PROXY, ALL_PROXY and NO_PROXY say)"),
];

impl Builder {
    /// Reads what a registration is opened with.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`](mcp_registry_spec::ErrorKind::ConfigInvalid) for an option with a wrong value, which is not shown.
    pub fn from_request(request: &OpenRequest) -> Result<Self> {
        let mut builder = Self::new(request.locator.expose());
        builder.scope = request.scope.clone();
        builder.environment = request.environment.clone();
        builder.token = request.get(AUTH_TOKEN).map_or(Source::None, Source::parse);
        let limits = &mut builder.limits;
        for (option, limit) in [
            (TIMEOUT, &mut limits.timeout),
            (CONNECT_TIMEOUT, &mut limits.connect_timeout),
            (READ_TIMEOUT, &mut limits.read_timeout),
            (FAILURE_MEMORY, &mut limits.failure_memory),
        ] {
            if let Some(value) = request.get(option) {
                let seconds = value.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                *limit = seconds.ok_or_else(|| request.bad_option(option, "give a number of seconds, as 30 or 0.5"))?;
            }
        }
        if let Some(value) = request.get(MAX_RESPONSE) {
            limits.max_response =
                value.parse().map_err(|_| request.bad_option(MAX_RESPONSE, "give a number of bytes"))?;
        }
        if let Some(value) = request.get(PAGE_SIZE) {
            let size = value.parse().map_err(|_| request.bad_option(PAGE_SIZE, "give a number from 1 to 10000"))?;
            limits.page_size = Some(size);
        }
        builder.ca_bundle = request.get(CA_BUNDLE).map(PathBuf::from);
        builder.proxy = match request.get(PROXY) {
            None => ProxyChoice::Environment,
            Some("none") => ProxyChoice::None,
            Some(url) => ProxyChoice::Url(Secret::new(url.to_owned())),
        };
        Ok(builder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{open, request};
    use mcp_registry_spec::ErrorKind;

    #[test]
    fn every_option_is_read() {
        let mut request = request("https://h/?agent_scope=scout");
        for (option, value) in [
            (AUTH_TOKEN, "file:/t"),
            (TIMEOUT, "3"),
            (CONNECT_TIMEOUT, "0.5"),
            (READ_TIMEOUT, "2"),
            (MAX_RESPONSE, "1000"),
            (FAILURE_MEMORY, "0"),
            (CA_BUNDLE, "/ca"),
            (PAGE_SIZE, "10000"),
            (PROXY, "none"),
        ] {
            assert!(OPTIONS.iter().any(|known| known.name == option && known.secret == (option == AUTH_TOKEN)));
            request = request.option(option, value);
        }
        assert_eq!(request.options.len(), OPTIONS.len());
        let builder = Builder::from_request(&request).unwrap();
        let limits = builder.limits;
        assert_eq!(builder.token, Source::File("/t".into()));
        assert_eq!((limits.timeout.as_secs(), limits.connect_timeout.as_millis()), (3, 500));
        assert_eq!((limits.read_timeout.as_secs(), limits.max_response), (2, 1000));
        assert_eq!((limits.failure_memory, limits.page_size), (Duration::ZERO, Some(10_000)));
        assert_eq!(builder.ca_bundle, Some("/ca".into()));
        assert!(matches!(builder.proxy, ProxyChoice::None));
        builder.build().unwrap();
    }

    #[test]
    fn wrong_values_are_refused_unshown() {
        for (option, value) in [
            (TIMEOUT, "hunter2"),
            (TIMEOUT, "0"),
            (TIMEOUT, "-1"),
            (TIMEOUT, "NaN"),
            (TIMEOUT, "1e9"),
            (CONNECT_TIMEOUT, ""),
            (READ_TIMEOUT, "0"),
            (FAILURE_MEMORY, "-1"),
            (MAX_RESPONSE, "0"),
            (MAX_RESPONSE, "8 MiB"),
            (PAGE_SIZE, "0"),
            (PAGE_SIZE, "10001"),
            (PAGE_SIZE, "hunter2"),
            (CA_BUNDLE, ""),
            (PROXY, ""),
            (PROXY, "ftp://me:hunter2@h/"),
            (PROXY, "http://me:hunter2@ h/"),
        ] {
            let error = open(request("https://h/").option(option, value)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{option}={value}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error}");
        }
    }
}
