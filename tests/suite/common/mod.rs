//! The catalog service, as the conformance suite gets at it: the `http` backend before it, and its
//! storage behind it.

#[path = "../../service_support/mod.rs"]
mod service;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mcp_registry::wire::Tier;
use mcp_registry::{
    Backends, Capabilities, Literals, McpServerSpec, OpenRequest, Result, Scope, ServerName, WriteContext,
};
use mcp_registry_conformance::{Backend, Fixture, async_trait};

use service::Service;

/// How long what was changed behind the service may stay unseen (rule C28).
const UNSEEN: Duration = Duration::from_secs(1);
/// A case that reads between the entries it stores has no more of them than this. One that stores
/// many reads them afterwards, and would wait for minutes; where that is wrong, it fails.
const READ_BETWEEN: u32 = 3;

/// A service of a tier, and what it serves.
pub(crate) struct Served {
    tier: Tier,
    /// Where it is and the token for it; nothing in a process that is told by another.
    shared: String,
    behind: Option<Behind>,
}

struct Behind {
    token: String,
    storage: Box<dyn Fixture>,
    seeds: Mutex<BTreeMap<Scope, u32>>,
    _service: Service,
}

impl Served {
    /// Starts a service on the storage that `locator` opens and that `storage` gets at.
    pub(crate) fn start(tier: Tier, locator: &str, storage: impl Fixture + 'static) -> Self {
        let place = ["--store", locator];
        let offered = tier.number().to_string();
        let more = ["--tier", &offered, "--allow-literals", "--rate", "0"];
        let service = Service::start(&[&place[..], &more].concat());
        let token = service.token("*", "admin", &place);
        let shared = format!("{token} {}", service.url);
        let behind = Behind { token, storage: Box::new(storage), seeds: Mutex::default(), _service: service };
        Self { tier, shared, behind: Some(behind) }
    }

    /// In a process that is told by another where the service is.
    pub(crate) fn elsewhere(tier: Tier) -> Self {
        Self { tier, shared: String::new(), behind: None }
    }
}

impl Behind {
    async fn seed(&self, scope: &Scope, spec: &McpServerSpec) -> Result<()> {
        self.storage.open(scope)?.install(spec, &WriteContext::new().literals(Literals::Allow)).await?;
        let count = {
            let mut seeds = self.seeds.lock().unwrap_or_else(PoisonError::into_inner);
            let count = seeds.entry(scope.clone()).or_default();
            *count += 1;
            *count
        };
        if count <= READ_BETWEEN {
            tokio::time::sleep(UNSEEN).await;
        }
        Ok(())
    }
}

#[async_trait]
impl Fixture for Served {
    fn open(&self, scope: &Scope) -> Result<Backend> {
        self.open_shared(&self.shared, scope)
    }

    fn backend_id(&self) -> &str {
        mcp_registry_http::ID
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities =
            if self.tier == Tier::Read { Capabilities::read_only() } else { Capabilities::read_write() };
        capabilities.supports_audit = self.tier == Tier::Audit;
        capabilities.supports_capability_handshake = true;
        capabilities
    }

    fn secrets(&self) -> Vec<String> {
        // Those of the storage must not come through the service either.
        let secrets = |behind: &Behind| [vec![behind.token.clone()], behind.storage.secrets()].concat();
        self.behind.as_ref().map(secrets).unwrap_or_default()
    }

    fn names_the_caller(&self) -> bool {
        true
    }

    async fn seed(&self, scope: &Scope, spec: &McpServerSpec) -> Option<Result<()>> {
        Some(self.behind.as_ref()?.seed(scope, spec).await)
    }

    async fn break_entry(&self, scope: &Scope, name: &ServerName, secret: &str) -> Option<Result<()>> {
        let done = self.behind.as_ref()?.storage.break_entry(scope, name, secret).await;
        tokio::time::sleep(UNSEEN).await;
        done
    }

    async fn unavailable(&self, scope: &Scope) -> Option<Result<Backend>> {
        let (token, _) = self.shared.split_once(' ')?;
        // Nobody listens there.
        Some(self.open_shared(&format!("{token} http://127.0.0.1:1/"), scope))
    }

    fn shared(&self) -> Option<String> {
        Some(self.shared.clone())
    }

    fn open_shared(&self, shared: &str, scope: &Scope) -> Result<Backend> {
        let (token, url) = shared.split_once(' ').unwrap_or_default();
        let request = OpenRequest::new(url).option("auth_token", token).scope(scope.clone());
        Ok(Backends::linked().open(&request)?.backend().clone())
    }
}
