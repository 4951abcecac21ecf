//! Changes as a whole: what may be asked of them.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use mcp_registry_spec::{Environment, Result, Scope};
use mcp_registry_store::{Alive, Store};
use tokio::sync::Mutex;

use super::change::{Change, ChangeId};
use super::clock::Clock;
use super::execute::Running;
use super::party::Party;
use super::proposal::{Place, Target};
use super::refusal::{Code, Refusal};
use super::rows::{self, Stored};
use super::state::State;
use crate::ledger::Ledger;
use crate::policy::{Decision, Policy, Request, Source};

/// Which changes are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that stand so.
    pub state: Option<State>,
    /// Only those of this storage: the backend's id and the locator of their [`Place`].
    pub storage: Option<(String, String)>,
    /// Only those of these scopes; all when it is not said.
    pub scopes: Option<Vec<Scope>>,
    /// At most this many; 100 when it is not said.
    pub limit: Option<usize>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Requested {
    /// The change.
    pub change: Change,
    /// Whether it is new; else the same was asked for before, and waits.
    pub is_new: bool,
}

/// Opens the registry that a change is to be made in.
#[async_trait]
pub trait Opener: Send + Sync {
    /// The registry of that place.
    ///
    /// # Errors
    /// [`Code::OtherRegistry`] where it is not this caller's to open; those of opening it.
    async fn open(&self, place: &Place) -> Result<Target, Refusal>;
}

/// One registry, for changes of its own.
#[async_trait]
impl Opener for Target {
    async fn open(&self, place: &Place) -> Result<Target, Refusal> {
        if *place == self.place {
            return Ok(self.clone());
        }
        let what = format!("the change is of another registry, {place}");
        Err(Refusal::new(Code::OtherRegistry, what, "open that one"))
    }
}

/// Who may change what, and what they asked for: the policy, the changes and the ledger together.
/// Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Governance {
    pub(super) store: Store,
    pub(super) ledger: Ledger,
    policy: Source,
    environment: Arc<dyn Environment>,
    pub(super) clock: Clock,
    pub(super) running: Arc<Running>,
    /// By what others see that this process is alive, once it carried something out.
    pub(super) alive: Arc<Mutex<Option<Arc<Alive>>>>,
}

impl Governance {
    /// Keeps changes in `store` and decides by the policy at `policy`. Touches nothing yet.
    #[must_use]
    pub fn new(store: Store, ledger: Ledger, policy: Source, environment: Arc<dyn Environment>) -> Self {
        let (clock, running, alive) = (Clock::default(), Arc::default(), Arc::default());
        Self { store, ledger, policy, environment, clock, running, alive }
    }

    /// The same, told the time by `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(clock);
        self
    }

    /// The policy as it stands now.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy.load()
    }

    /// The environment that the gate is read in.
    #[must_use]
    pub fn environment(&self) -> &dyn Environment {
        &*self.environment
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Decides on a call, and records a denial (L2).
    ///
    /// # Errors
    /// The denial, also where it cannot be recorded.
    pub async fn permit(&self, request: &Request<'_>, party: &Party) -> Result<Decision, Refusal> {
        let decision = self.policy().decide(request);
        self.refuse_denied(&decision, request, party).await?;
        Ok(decision)
    }

    /// The changes there are, in the order of H14.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Change>, Refusal> {
        self.expire().await?;
        let rows = self.store.fetch(|| rows::listed(filter)).await?;
        Ok(rows.iter().map(|row| Stored::read(row).map(|stored| stored.change)).collect::<Result<_>>()?)
    }

    /// A change.
    ///
    /// # Errors
    /// [`Code::ChangeNotFound`]; when it cannot be read.
    pub async fn get(&self, id: &ChangeId) -> Result<Change, Refusal> {
        Ok(self.find(id).await?.change)
    }

    /// Waits until this process carries nothing out any more.
    pub async fn idle(&self) {
        self.running.idle().await;
    }
}
