//! How the backend is opened.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mcp_registry_spec::{AgentId, Environment, Error, ErrorKind, ProcessEnvironment, Result, Scope, Secret, text};

use crate::address::Base;
use crate::backend::HttpBackend;
use crate::options::{CA_BUNDLE, CONNECT_TIMEOUT, MAX_RESPONSE, PAGE_SIZE, READ_TIMEOUT, TIMEOUT};
use crate::proxy::Proxy;
use crate::report::Reporter;
use crate::token::{Source, Token};

/// The variable that allows cleartext to other machines, when it is exactly `1` (rule 11).
const ALLOW_HTTP: &str = "MCP_REGISTRY_ALLOW_HTTP";
/// The longest that any time limit may be.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What bounds a catalog's answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) max_response: usize,
    pub(crate) failure_memory: Duration,
    pub(crate) page_size: Option<u16>,
}

/// All that a backend is made from.
pub(crate) struct Config {
    pub(crate) base: Base,
    pub(crate) scope: Scope,
    pub(crate) token: Token,
    /// Whether cleartext may go to another machine.
    pub(crate) allow_http: bool,
    pub(crate) limits: Limits,
    pub(crate) ca_bundle: Option<PathBuf>,
    pub(crate) proxy: Option<Proxy>,
}

/// Says which catalog is meant, and how it is treated. Whatever is not said is as in
/// [`usage`](crate::usage).
///
/// ```
/// use std::time::Duration;
/// use mcp_registry_http::HttpBackend;
/// use mcp_registry_spec::{Scope, Secret};
///
/// let backend = HttpBackend::builder("https://catalog.example.org/")
///     .scope(Scope::parse("scout")?)
///     .token(Secret::new("from a vault".replace(' ', "-")))
///     .timeout(Duration::from_secs(3))
///     .build()?;
/// # let _ = backend;
/// # Ok::<(), mcp_registry_spec::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    url: Secret<String>,
    pub(crate) scope: Option<Scope>,
    pub(crate) token: Source,
    allow_http: bool,
    pub(crate) limits: Limits,
    pub(crate) ca_bundle: Option<PathBuf>,
    pub(crate) proxy: ProxyChoice,
    pub(crate) environment: Arc<dyn Environment>,
}

/// How the proxy is told.
#[derive(Debug, Clone)]
pub(crate) enum ProxyChoice {
    Environment,
    None,
    Url(Secret<String>),
}

impl Builder {
    pub(crate) fn new(url: &str) -> Self {
        let ten = Duration::from_secs(10);
        Self {
            url: Secret::new(url.to_owned()),
            scope: None,
            token: Source::None,
            allow_http: false,
            limits: Limits {
                timeout: ten,
                connect_timeout: ten,
                read_timeout: ten,
                max_response: 8 << 20,
                failure_memory: Duration::from_secs(60),
                page_size: None,
            },
            ca_bundle: None,
            proxy: ProxyChoice::Environment,
            environment: Arc::new(ProcessEnvironment),
        }
    }

    /// Whose entries; `default` when neither this nor the URL says it.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The bearer token.
    #[must_use]
    pub fn token(mut self, token: Secret<String>) -> Self {
        self.token = Source::Value(token);
        self
    }

    /// The file that holds the bearer token. It is read at the first request, and again after the
    /// token was refused.
    #[must_use]
    pub fn token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.token = Source::File(path.into());
        self
    }

    /// Whether cleartext `http` may go to other machines (rule 11); else the variable
    /// `MCP_REGISTRY_ALLOW_HTTP` says it.
    #[must_use]
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.allow_http = allow;
        self
    }

    /// How long a request may take in all, the answer's last byte included.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// How long connecting may take: the name, the connection, TLS.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect_timeout = timeout;
        self
    }

    /// How long the catalog may say nothing.
    #[must_use]
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.limits.read_timeout = timeout;
        self
    }

    /// The most that an answer may hold, in bytes; all answers to one call may hold four times as much.
    #[must_use]
    pub fn max_response(mut self, bytes: usize) -> Self {
        self.limits.max_response = bytes;
        self
    }

    /// How long a catalog that failed to say what it can is not asked again.
    #[must_use]
    pub fn failure_memory(mut self, memory: Duration) -> Self {
        self.limits.failure_memory = memory;
        self
    }

    /// How many entries to ask for at a time, 1 to 10,000; all of them when this is not said.
    #[must_use]
    pub fn page_size(mut self, entries: u16) -> Self {
        self.limits.page_size = Some(entries);
        self
    }

    /// A PEM file of certificates to trust beside the system's. It is read at the first request.
    #[must_use]
    pub fn ca_bundle(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_bundle = Some(path.into());
        self
    }

    /// The proxy for a catalog that is not on this machine, as a URL, perhaps with a user and a
    /// password. Else the variables `HTTPS_PROXY` (for `https`), `http_proxy` (for `http`),
    /// `ALL_PROXY` and `NO_PROXY` say it.
    #[must_use]
    pub fn proxy(mut self, url: Secret<String>) -> Self {
        self.proxy = ProxyChoice::Url(url);
        self
    }

    /// No proxy, whatever the variables say.
    #[must_use]
    pub fn no_proxy(mut self) -> Self {
        self.proxy = ProxyChoice::None;
        self
    }

    /// Where settings are looked for, instead of in the environment of the process.
    #[must_use]
    pub fn environment(mut self, environment: Arc<dyn Environment>) -> Self {
        self.environment = environment;
        self
    }

    /// Makes the backend. Nothing is touched until the first call (rule 2); whether the transport
    /// may be used is decided here and told by every call (rule 11).
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] for a URL that is wrong, a second scope, a limit that is none;
    /// [`ErrorKind::InvalidName`] for a scope in the URL that is none.
    pub fn build(self) -> Result<HttpBackend> {
        self.config().map(HttpBackend::new)
    }

    /// Makes what reports of an agent to the catalog, in the scope that is meant. Nothing is touched until the
    /// first report; whether the transport may be used is decided here and told by every report (rule 11).
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn reporter(self, agent: AgentId) -> Result<Reporter> {
        self.config().map(|config| Reporter::new(config, agent))
    }

    fn config(self) -> Result<Config> {
        let (base, named) = Base::parse(self.url.expose())?;
        let scope = match (self.scope, named) {
            (Some(asked), Some(named)) if asked != named => {
                return Err(invalid(format!("the URL names the scope {named}, and the scope {asked} is asked for"))
                    .hint("name one of them"));
            }
            (Some(scope), _) | (None, Some(scope)) => scope,
            (None, None) => Scope::parse("default")?,
        };
        check(&self.limits)?;
        if self.ca_bundle.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            return Err(invalid(format!("the option {CA_BUNDLE} names no file")));
        }
        let proxy = match &self.proxy {
            // Loopback goes past proxies (C18): what is on this machine is none of theirs.
            _ if base.is_loopback() => None,
            ProxyChoice::None => None,
            ProxyChoice::Url(url) => Some(Proxy::given(url)?),
            ProxyChoice::Environment => Proxy::of(&*self.environment, &base)?,
        };
        let told = self.environment.read(ALLOW_HTTP).is_some_and(|value| value == "1");
        Ok(Config {
            base,
            scope,
            token: Token::new(self.token),
            allow_http: self.allow_http || told,
            limits: self.limits,
            ca_bundle: self.ca_bundle,
            proxy,
        })
    }
}

fn invalid(message: impl AsRef<str>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, message)
}

fn check(limits: &Limits) -> Result<()> {
    let times =
        [(TIMEOUT, limits.timeout), (CONNECT_TIMEOUT, limits.connect_timeout), (READ_TIMEOUT, limits.read_timeout)];
    if let Some((option, _)) = times.iter().find(|(_, time)| time.is_zero() || *time > LONGEST) {
        return Err(invalid(format!("the {option} must be more than nothing, and a day at most")));
    }
    if limits.max_response == 0 {
        return Err(invalid(format!("{MAX_RESPONSE} leaves no room for an answer")));
    }
    match limits.page_size {
        Some(size) if !(1..=10_000).contains(&size) => {
            Err(invalid(format!("{} is no {PAGE_SIZE}", text::quote(&size.to_string()))).hint("give 1 to 10000"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{open, request};

    #[test]
    fn one_scope_from_the_locator_or_beside_it() {
        let scope = |name: &str| Scope::parse(name).unwrap();
        let opened = |request| open(request).map(|backend| format!("{backend:?}"));
        assert!(opened(request("https://h/")).unwrap().contains("\"default\""));
        assert!(opened(request("https://h/?agent_scope=a")).unwrap().contains("\"a\""));
        assert!(opened(request("https://h/").scope(scope("a"))).unwrap().contains("\"a\""));
        assert!(opened(request("https://h/?agent_scope=a").scope(scope("a"))).is_ok());
        let error = opened(request("https://h/?agent_scope=a").scope(scope("b"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    }

    #[test]
    fn rule_4_debug_shows_no_credential() {
        let builder = HttpBackend::builder("https://me:hunter2@h/")
            .token(Secret::new("hunter2".into()))
            .proxy(Secret::new("http://me:hunter2@p/".into()));
        assert!(!format!("{builder:?} {builder:#?}").contains("hunter2"));
        let backend = HttpBackend::builder("https://h/")
            .token(Secret::new("hunter2".into()))
            .proxy(Secret::new("http://me:hunter2@p/".into()))
            .build()
            .unwrap();
        assert!(!format!("{backend:?} {backend:#?}").contains("hunter2"));
    }
}
