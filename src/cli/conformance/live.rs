//! A live backend, as the suite gets at it.

use mcp_registry_conformance::{Backend, Fixture, async_trait};
use mcp_registry_spec::redact::{self, MASK};
use mcp_registry_spec::{Backends, Capabilities, OpenRequest, Result, Scope};

/// A text shorter than this is in others by chance.
const LEAST_SECRET: usize = 6;

/// The backend that the settings name. What is expected of it is what it says of itself.
pub(super) struct Live {
    backends: Backends,
    /// What it is opened with, for each scope anew.
    pub(super) request: OpenRequest,
    /// What it is registered as.
    pub(super) id: &'static str,
    capabilities: Capabilities,
}

impl Live {
    /// Asks the backend what it allows.
    ///
    /// # Errors
    /// When it cannot be opened or does not tell: there is nothing then to hold it to.
    pub(super) async fn connect(backends: &Backends, request: OpenRequest) -> Result<Self> {
        let id = backends.find(&request.locator)?.id;
        let registry = backends.open(&request)?;
        let capabilities = registry.capabilities().await?;
        registry.close().await?;
        Ok(Self { backends: backends.clone(), request, id, capabilities })
    }
}

#[async_trait]
impl Fixture for Live {
    fn open(&self, scope: &Scope) -> Result<Backend> {
        Ok(self.backends.open(&self.request.clone().scope(scope.clone()))?.backend().clone())
    }

    fn backend_id(&self) -> &str {
        self.id
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn secrets(&self) -> Vec<String> {
        let options = self.request.options.iter().filter(|(name, _)| redact::is_secret_key(name));
        let mut secrets: Vec<_> = options.map(|(_, value)| value.expose().clone()).collect();
        secrets.extend(hidden_in(self.request.locator.expose()));
        secrets.retain(|secret| secret.len() >= LEAST_SECRET);
        secrets
    }

    fn names_the_caller(&self) -> bool {
        names_the_caller(self.id)
    }

    fn shared(&self) -> Option<String> {
        // Another process with this one's arguments and variables needs to be told nothing.
        Some(String::new())
    }
}

/// Whether it is the backend of catalogs, which tell by the token who asks.
#[cfg(feature = "http")]
fn names_the_caller(id: &str) -> bool {
    id == mcp_registry_http::ID
}

/// Without the backend of catalogs none tells by itself who asks.
#[cfg(not(feature = "http"))]
fn names_the_caller(_: &str) -> bool {
    false
}

/// What is masked when `text` is shown; of a name with a password, the password.
fn hidden_in(text: &str) -> Vec<String> {
    let shown = redact::redact(text);
    let mut kept = shown.split(MASK);
    let mut rest = kept.next().and_then(|start| text.strip_prefix(start)).unwrap_or_default();
    let mut hidden = Vec::new();
    for next in kept {
        let end = if next.is_empty() { Some(rest.len()) } else { rest.find(next) };
        let (secret, after) = rest.split_at(end.unwrap_or(rest.len()));
        hidden.push(secret.split_once(':').map_or(secret, |(_, password)| password).to_owned());
        rest = after.strip_prefix(next).unwrap_or_default();
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::{Error, ErrorKind, OptionHelp, Registration};

    static DUMB: Registration = Registration {
        id: "dumb",
        schemes: &[],
        summary: "",
        usage: "dumb:",
        options: &[OptionHelp::secret("auth_token", "")],
        tokio: false,
        open: |_| Ok(std::sync::Arc::new(Dumb)),
    };

    #[derive(Debug)]
    struct Dumb;

    #[async_trait]
    impl mcp_registry_spec::McpServerRegistryBackend for Dumb {
        fn backend_id(&self) -> &str {
            "dumb"
        }
        async fn list(&self) -> Result<mcp_registry_spec::Listing> {
            Ok(mcp_registry_spec::Listing::default())
        }
        async fn load(&self, name: &mcp_registry_spec::ServerName) -> Result<mcp_registry_spec::McpServerSpec> {
            Err(Error::not_in_registry(name))
        }
        async fn capabilities(&self) -> Result<Capabilities> {
            Err(Error::new(ErrorKind::Unavailable, "no answer"))
        }
    }

    #[test]
    fn a_backend_that_does_not_tell_what_it_allows_is_an_error() {
        let backends = Backends::new([&DUMB]);
        let connected = pollster::block_on(Live::connect(&backends, OpenRequest::new("dumb")));
        assert_eq!(connected.err().map(|error| error.kind()), Some(ErrorKind::Unavailable));
    }

    #[test]
    fn rule_4_the_secrets_are_those_it_was_opened_with() {
        let request = OpenRequest::new("https://me:hunter2@host.example/x?api_key=hunter3&y=1")
            .option("auth_token", "hunter4")
            .option("lock_timeout", "hunter5");
        let live =
            Live { backends: Backends::new([&DUMB]), request, id: "dumb", capabilities: Capabilities::read_only() };
        assert_eq!(live.secrets(), ["hunter4", "hunter2", "hunter3"]);
        assert!(hidden_in("filesystem:agents/scout").is_empty());
    }
}
