//! Who may change what is served: the policy on every write, and the changes that people approve (rules C32
//! to C36).

use std::path::{Path, PathBuf};

use hyper::StatusCode;
use mcp_registry_governance::{
    Code, Decision, Event, Governance, Launch, Opener, Place, Record, Refusal as Refused, Surface, Target,
};
use mcp_registry_spec::{
    AuditAction, Error, ErrorKind, Locator, McpServerRegistry, McpServerSpec, Scope, async_trait, wire,
};
use serde::Serialize;

use super::auth::Caller;
use super::limits::Turns;
use super::log::Log;
use super::refusal::Refusal;
use super::stores::{Store, Stores};

/// The policy and the changes of a catalog, and the registry that they are about.
pub(crate) struct Governed {
    governance: Governance,
    backend_id: String,
    /// The storage, without credentials.
    locator: String,
    /// What answers must not tell: in which folders the service keeps what it keeps (rule C12).
    folders: Vec<String>,
}

impl Governed {
    pub(crate) fn new(governance: Governance, stores: &Stores, locator: &Locator) -> Self {
        let policy = governance.policy();
        let names = [locator.argument().map(Path::new), policy.path()];
        let folders = names.into_iter().flatten().flat_map(folders);
        Self {
            backend_id: stores.backend_id().to_owned(),
            locator: locator.to_string(),
            folders: folders.map(|folder| format!("{}/", folder.display())).collect(),
            governance,
        }
    }

    /// The changes.
    pub(crate) fn governance(&self) -> &Governance {
        &self.governance
    }

    /// A scope of the catalog as changes name it.
    pub(crate) fn place(&self, scope: Scope) -> Place {
        Place { backend_id: self.backend_id.clone(), locator: self.locator.clone(), scope: Some(scope) }
    }

    /// What the places of the catalog have in common: the backend's id and the locator.
    pub(crate) fn storage(&self) -> (String, String) {
        (self.backend_id.clone(), self.locator.clone())
    }

    /// The scope that is meant, when the place is one of the catalog's.
    pub(crate) fn scope_of<'p>(&self, place: &'p Place) -> Option<&'p Scope> {
        let is_own = place.backend_id == self.backend_id && place.locator == self.locator;
        place.scope.as_ref().filter(|_| is_own)
    }

    /// The text without the folders of the service.
    pub(crate) fn without_folders(&self, text: &str) -> String {
        self.folders.iter().fold(text.to_owned(), |text, folder| text.replace(folder, ""))
    }

    /// Refuses an entry that the policy does not allow to be mounted, whoever writes it; that is on record
    /// (rule L2).
    ///
    /// # Errors
    /// The denial; that of asking the storage for the agent's own list, or of recording the denial.
    pub(crate) async fn admit(
        &self,
        action: AuditAction,
        spec: &McpServerSpec,
        scope: &Scope,
        store: &Store,
        caller: &Caller,
    ) -> Result<(), Refusal> {
        let policy = self.governance.policy();
        let own = {
            let (policy, spec) = (policy.clone(), spec.clone());
            let list = |registry: McpServerRegistry| async move { policy.own_commands(&registry, &spec).await };
            store.call(caller.turns(), list).await?
        };
        let decision = policy.judge(&Launch::from(spec), own.as_deref());
        let Some(refused) = Refused::denial(&decision) else { return Ok(()) };
        let (party, place) = (caller.party(Surface::Catalog), self.place(scope.clone()));
        let record = Record {
            event: Some(Event::Denial),
            action: Some(action),
            backend_id: Some(place.backend_id),
            locator: Some(place.locator),
            scope: place.scope,
            name: Some(spec.name.clone()),
            who: party.name,
            role: party.role,
            source: Some(party.surface.to_string()),
            mode: Some(party.mode.to_string()),
            reason: Some(decision.reason.clone()),
            rule: Some(decision.rule.to_string()),
            error: Some(refused.error().kind()),
            ..Record::default()
        };
        // Where it cannot be recorded it is denied all the same.
        let _ = self.governance.ledger().record(vec![record]).await;
        Err(self.refusal(refused))
    }

    /// A refusal as it is told: with the status of its code, and beside the error that code and, of a denial, the
    /// decision (rule C34).
    pub(crate) fn refusal(&self, refused: Refused) -> Refusal {
        let code = refused.code();
        let Some(decision) = refused.policy() else {
            return Refusal::new(status(code.kind()), refused.error().clone()).beside("code", &code.as_str());
        };
        let decision = self.decision(decision.clone());
        let error = match refused.error().kind() {
            ErrorKind::ConfigInvalid => Error::new(ErrorKind::Forbidden, &decision.reason),
            _ => refused.error().clone(),
        };
        Refusal::new(StatusCode::FORBIDDEN, error).beside("code", &code.as_str()).beside("policy", &decision)
    }

    /// A decision as it is told: what is wrong with a policy is the business of whoever runs the service.
    pub(crate) fn decision(&self, mut decision: Decision) -> Decision {
        if decision.check().is_err_and(|error| error.kind() == ErrorKind::ConfigInvalid) {
            decision.reason = "the policy of this catalog cannot be used".to_owned();
        }
        decision
    }

    /// Ends what is over: changes that nobody decided on in time, and those whose executor died.
    ///
    /// # Errors
    /// When they cannot be read or written.
    pub(crate) async fn settle(&self, stores: &Stores) -> Result<(), Refused> {
        self.governance.settle(&Scopes { governed: self, stores }).await.map(drop)
    }

    /// The same, for nobody in particular; what goes wrong is said in the log.
    pub(crate) async fn try_to_settle(&self, stores: &Stores, log: &Log) {
        let settled = stores.beside(&Turns::default(), async { Ok(self.settle(stores).await) }).await;
        if let Err(refused) = settled.unwrap_or_else(|late| Err(late.into())) {
            log.write(&Unsettled { msg: "changes that are over could not be ended", error: refused.to_string() });
        }
    }
}

#[derive(Serialize)]
struct Unsettled {
    msg: &'static str,
    error: String,
}

/// The status that a rule of changes, or the kind of an error, is told with: whoever meets a state that is
/// another than they thought finds a conflict, and no precondition that failed.
pub(crate) fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Conflict => StatusCode::CONFLICT,
        kind => StatusCode::from_u16(wire::status(kind)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The scopes of the catalog, for whoever looks what became of changes in them.
struct Scopes<'a> {
    governed: &'a Governed,
    stores: &'a Stores,
}

#[async_trait]
impl Opener for Scopes<'_> {
    async fn open(&self, place: &Place) -> Result<Target, Refused> {
        let Some(scope) = self.governed.scope_of(place) else {
            let what = format!("the change is of another registry than this catalog: {place}");
            return Err(Refused::new(Code::OtherRegistry, what, "ask the catalog that serves that one"));
        };
        let store = self.stores.scope(scope)?;
        Ok(Target { registry: store.registry().clone(), place: place.clone() })
    }
}

/// A folder, or that of a file, and the one that it is in, as they are called and as they are found; the root
/// is none that tells anything.
fn folders(path: &Path) -> Vec<PathBuf> {
    let found = path.canonicalize().ok();
    let names = [Some(path), found.as_deref()].into_iter().flatten().flat_map(|path| path.ancestors().take(2));
    names.filter(|folder| folder.is_absolute() && folder.parent().is_some()).map(Path::to_owned).collect()
}
