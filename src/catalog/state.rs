//! The service as a whole.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderValue;
use mcp_registry_governance::Governance;
use mcp_registry_spec::wire::{CatalogCapabilities, Tier};
use mcp_registry_spec::{AuditAction, Backends, Capabilities, Error, ErrorKind, Locator, OpenRequest, Result};
use mcp_registry_store::{AgentState, Agents, Role, Tokens};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use super::auth::{Caller, Doorkeeper};
use super::clock::Clock;
use super::endpoint::Endpoint;
use super::governed::Governed;
use super::lately::Lately;
use super::limits::{Rate, Turns};
use super::log::Log;
use super::metrics::Metrics;
use super::refusal::Refusal;
use super::request_id::RequestIds;
use super::stores::Stores;
#[cfg(feature = "otel")]
use super::trace::Traces;

/// How the service behaves. The default offers all that its storage can, to holders of tokens.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Options {
    /// How much is offered; the most that the storage can when it is not said.
    pub tier: Option<Tier>,
    /// Whether entries may hold literals that look like secrets.
    pub allow_literals: bool,
    /// Whether whoever has no token may read every scope.
    pub anonymous_reads: bool,
    /// Whether only requests are answered that name this machine and come from no other's page: for
    /// a catalog on loopback without TLS (rule C26).
    pub local_only: bool,
    /// The most requests a second of one token; any number when it is not said.
    pub rate: Option<NonZeroU32>,
    /// For how long an agent's report stands (rule C40); [`Agents::TIME`] when it is not said.
    pub agent_timeout: Option<Duration>,
}

/// The service: a storage, who may use it, and how. Clones share it.
#[derive(Clone)]
pub struct Catalog(Arc<Inner>);

struct Inner {
    options: Options,
    abilities: Abilities,
    stores: Stores,
    governed: Governed,
    doorkeeper: Doorkeeper,
    rate: Option<Rate>,
    metrics: Arc<Metrics>,
    log: Log,
    request_ids: RequestIds,
    clock: Clock,
    agents: Agents,
    readiness: Lately<bool>,
    census: Lately<Option<Vec<(AgentState, u64)>>>,
    /// Held by each answer that is brought to its end though its client goes away.
    unfinished: Arc<RwLock<()>>,
    #[cfg(feature = "otel")]
    traces: std::sync::OnceLock<Traces>,
}

/// What the service offers to those who may use all of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abilities {
    tier: Tier,
    install: bool,
    update: bool,
    uninstall: bool,
    pub(crate) audit: bool,
    pub(crate) scopes: bool,
}

impl Abilities {
    /// What a storage can, down to the tier that was asked for.
    fn new(tier: Option<Tier>, can: Capabilities, scopes: bool) -> Result<Self> {
        let most = match (can.supports_install, can.supports_audit) {
            (true, true) => Tier::Audit,
            (true, false) => Tier::Write,
            (false, _) => Tier::Read,
        };
        let tier = tier.unwrap_or(most);
        if tier > most {
            let lacks = if most == Tier::Read { "cannot be written" } else { "keeps no audit" };
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                format!("tier {} is asked for, and the storage {lacks}", tier.number()),
            )
            .hint(format!("take another storage, or --tier {}", most.number())));
        }
        let writes = tier >= Tier::Write;
        Ok(Self {
            tier,
            install: writes && can.supports_install,
            update: writes && can.supports_update,
            uninstall: writes && can.supports_uninstall,
            audit: tier == Tier::Audit,
            scopes,
        })
    }

    /// Refuses a write that is not offered.
    ///
    /// # Errors
    /// 405.
    pub(crate) fn must_offer(&self, action: AuditAction) -> Result<(), Refusal> {
        let (offered, what) = match action {
            AuditAction::Install => (self.install, "installing"),
            AuditAction::Update => (self.update, "updating"),
            AuditAction::Uninstall => (self.uninstall, "uninstalling"),
            _ => (false, "this"),
        };
        if offered { Ok(()) } else { Err(Refusal::not_offered(what)) }
    }

    /// What of it somebody of that role is offered (rule C9).
    pub(crate) fn offered_to(&self, role: Role) -> CatalogCapabilities {
        let writes = role.may_write();
        let mut offered = CatalogCapabilities::new(if writes { self.tier } else { Tier::Read });
        offered.supports_install = writes && self.install;
        offered.supports_update = writes && self.update;
        offered.supports_uninstall = writes && self.uninstall;
        offered.supports_audit = role.may_audit() && self.audit;
        offered.supports_scopes = self.scopes;
        offered.supports_allowed_commands = true;
        offered
    }
}

impl Catalog {
    /// Opens the storage that `store` asks for; its scope, if any, is left aside. Changes call the storage `name`:
    /// its locator, without credentials; a path in it is absolute.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] when the storage cannot do what the tier needs (rule C24); those of
    /// the storage when it cannot be asked.
    pub async fn open(
        backends: Backends,
        store: OpenRequest,
        name: &Locator,
        tokens: Tokens,
        governance: Governance,
        options: Options,
        log: Log,
    ) -> Result<Self> {
        let (clock, metrics) = (Clock::start(), Arc::new(Metrics::new()));
        let stores = Stores::new(backends, store, clock, metrics.clone())?;
        let scopes = match stores.scopes(&Turns::default()).await {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::Unsupported => false,
            Err(error) => return Err(error),
        };
        let abilities = Abilities::new(options.tier, stores.capabilities().await?, scopes)?;
        let time = options.agent_timeout.unwrap_or(Agents::TIME);
        let agents = Agents::new(tokens.store().clone()).standing(time);
        Ok(Self(Arc::new(Inner {
            options,
            abilities,
            governed: Governed::new(governance, &stores, name),
            stores,
            doorkeeper: Doorkeeper::new(tokens, options.anonymous_reads, clock),
            rate: options.rate.map(Rate::new),
            metrics,
            log,
            request_ids: RequestIds::new(),
            clock,
            agents,
            readiness: Lately::new(clock),
            census: Lately::new(clock),
            unfinished: Arc::default(),
            #[cfg(feature = "otel")]
            traces: std::sync::OnceLock::new(),
        })))
    }

    /// How much is offered.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.0.abilities.tier
    }

    /// Ends changes that are over (rule C35).
    pub(crate) async fn settle(&self) {
        self.0.governed.try_to_settle(&self.0.stores, &self.0.log).await;
    }

    /// Marks an answer that is brought to its end, until what is given is dropped.
    pub(crate) async fn unfinished(&self) -> OwnedRwLockReadGuard<()> {
        self.0.unfinished.clone().read_owned().await
    }

    /// Waits until every answer and every call of the storage has ended, then lets go of it.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn close(&self) -> Result<()> {
        drop(self.0.unfinished.write().await);
        self.0.governed.governance().idle().await;
        self.0.stores.settle().await;
        self.0.stores.close().await
    }

    /// Has a span made of each request from now on; the first call decides where they go.
    #[cfg(feature = "otel")]
    pub fn trace_to(&self, traces: Traces) {
        let _ = self.0.traces.set(traces);
    }

    #[cfg(feature = "otel")]
    pub(crate) fn traces(&self) -> Option<&Traces> {
        self.0.traces.get()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(crate) fn abilities(&self) -> &Abilities {
        &self.0.abilities
    }

    pub(crate) fn stores(&self) -> &Stores {
        &self.0.stores
    }

    pub(crate) fn governed(&self) -> &Governed {
        &self.0.governed
    }

    pub(crate) fn agents(&self) -> &Agents {
        &self.0.agents
    }

    pub(crate) fn doorkeeper(&self) -> &Doorkeeper {
        &self.0.doorkeeper
    }

    pub(crate) fn rate(&self) -> Option<Rate> {
        self.0.rate
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    pub(crate) fn log(&self) -> &Log {
        &self.0.log
    }

    pub(crate) fn request_ids(&self) -> &RequestIds {
        &self.0.request_ids
    }

    pub(crate) fn clock(&self) -> Clock {
        self.0.clock
    }

    /// Whether the storage and the tokens answer, asked at most once a second: whoever asks needs no
    /// token.
    pub(crate) async fn is_ready(&self) -> bool {
        let ask = || {
            let catalog = self.clone();
            async move { catalog.0.stores.is_ready().await && catalog.0.doorkeeper.is_ready().await }
        };
        self.0.readiness.found(ask).await
    }

    /// How many agents are in each state, asked at most once a second, as whoever asks needs no token; `None` when
    /// that cannot be found out.
    pub(crate) async fn census(&self) -> Option<Vec<(AgentState, u64)>> {
        let ask = || {
            let catalog = self.clone();
            async move { catalog.stores().beside(&Turns::default(), catalog.agents().count()).await.ok() }
        };
        self.0.census.found(ask).await
    }

    /// The methods of entries and their collection together, for that caller (rule C9).
    pub(crate) fn methods(&self, caller: Option<&Caller>) -> HeaderValue {
        let offered = self.offered(caller);
        let methods = [
            ("GET", true),
            ("HEAD", true),
            ("OPTIONS", true),
            ("POST", offered.supports_install),
            ("PUT", offered.supports_update),
            ("DELETE", offered.supports_uninstall),
        ];
        joined(&methods)
    }

    /// The methods of an endpoint, for that caller: what an answer 405 says.
    pub(crate) fn allowed(&self, endpoint: Endpoint, caller: Option<&Caller>) -> HeaderValue {
        let (offered, role) = (self.offered(caller), role_of(caller));
        joined(&match endpoint {
            Endpoint::Servers => {
                vec![("GET", true), ("HEAD", true), ("OPTIONS", true), ("POST", offered.supports_install)]
            }
            Endpoint::Server => vec![
                ("GET", true),
                ("HEAD", true),
                ("PUT", offered.supports_update),
                ("DELETE", offered.supports_uninstall),
            ],
            Endpoint::Changes => vec![("GET", true), ("HEAD", true), ("POST", role.may_ask())],
            Endpoint::ChangePreview | Endpoint::ChangeCancel => vec![("POST", role.may_ask())],
            Endpoint::ChangeApprove | Endpoint::ChangeReject => vec![("POST", role.may_approve())],
            Endpoint::AgentRegister | Endpoint::AgentHeartbeat => vec![("POST", role.may_report())],
            Endpoint::Audit => vec![("GET", offered.supports_audit), ("HEAD", offered.supports_audit)],
            Endpoint::Scopes => vec![("GET", offered.supports_scopes), ("HEAD", offered.supports_scopes)],
            _ => vec![("GET", true), ("HEAD", true)],
        })
    }

    fn offered(&self, caller: Option<&Caller>) -> CatalogCapabilities {
        self.0.abilities.offered_to(role_of(caller))
    }
}

fn role_of(caller: Option<&Caller>) -> Role {
    caller.map_or(Role::Reader, Caller::role)
}

fn joined(methods: &[(&str, bool)]) -> HeaderValue {
    let allowed: Vec<_> = methods.iter().filter(|(_, allowed)| *allowed).map(|(method, _)| *method).collect();
    HeaderValue::try_from(allowed.join(", ")).unwrap_or(HeaderValue::from_static(""))
}
