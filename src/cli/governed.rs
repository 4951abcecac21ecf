//! The operator's policy and the ledger, where the command line writes: no flag leads around them (rules P13, P21,
//! L2).

use mcp_registry_governance::{
    Decision, Event, Launch, Ledger, Party, Policy, Record, Source, StateFolder, Surface, Target,
};
use mcp_registry_spec::{
    AuditAction, Backends, Digest, Error, McpServerRegistry, McpServerSpec, OpenRequest, ProcessEnvironment, Result,
    Transport,
};
use tokio::sync::OnceCell;

use super::absolute::place_of;
use super::os_user;

pub(crate) use mcp_registry_governance::Proposal;

/// A registry that the operator writes to, and the ledger that says so.
pub(crate) struct Governed {
    target: Target,
    party: Party,
    /// Opened when there is something to put on record.
    ledger: OnceCell<Ledger>,
}

/// A write that is on record as begun.
pub(crate) struct Begun(Record);

impl Governed {
    /// Of the registry that `request` opened. Touches nothing.
    ///
    /// # Errors
    /// When no backend answers to the request.
    pub(crate) fn new(registry: &McpServerRegistry, request: &OpenRequest, backends: &Backends) -> Result<Self> {
        let (locator, scope) = place_of(request, backends)?;
        let target = Target::new(registry.clone(), &locator, scope);
        Ok(Self { target, party: operator(), ledger: OnceCell::new() })
    }

    /// Does one write, allowed and on record. `found` is the digest of the entry that is there now, if any.
    ///
    /// # Errors
    /// Those of the write; what is not allowed, or cannot be put on record, is not done.
    pub(crate) async fn write<T>(
        &self,
        proposal: Proposal,
        found: Option<Digest>,
        write: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        if let Some(spec) = proposal.entry() {
            self.admit(spec, proposal.action()).await?;
        }
        let begun = self.begin([(&proposal, found)]).await?;
        let done = write.await;
        let ended = begun.into_iter().map(|begun| begun.ended(done.as_ref().err()));
        let recorded = self.end(ended.collect()).await;
        // That it failed is the more to know.
        done.and_then(|done| recorded.map(|()| done))
    }

    /// Refuses an entry that the policy does not allow to be mounted, and puts that on record.
    ///
    /// # Errors
    /// [`Forbidden`](mcp_registry_spec::ErrorKind::Forbidden), naming the rule; [`ConfigInvalid`](mcp_registry_spec::ErrorKind::ConfigInvalid) for a
    /// policy that cannot be used; those of reading the agent's own list.
    pub(crate) async fn admit(&self, spec: &McpServerSpec, action: AuditAction) -> Result<()> {
        let decision = judge(&self.target.registry, spec).await?;
        let denied = decision.check();
        if denied.is_err() {
            let record = Record {
                name: Some(spec.name.clone()),
                action: Some(action),
                rule: Some(decision.rule.to_string()),
                reason: Some(decision.reason),
                ..Record::new(Event::Denial, &self.target.place).by(&self.party)
            };
            // Where it cannot be recorded it is denied all the same.
            let _ = self.record(vec![record]).await;
        }
        denied
    }

    /// Puts on record that these writes are about to be done, with the digests of what is there now.
    ///
    /// # Errors
    /// When it cannot be put on record: they must not be done then.
    pub(crate) async fn begin<'p>(
        &self,
        writes: impl IntoIterator<Item = (&'p Proposal, Option<Digest>)>,
    ) -> Result<Vec<Begun>> {
        let records = writes.into_iter().map(|(proposal, before)| {
            Ok(Record {
                name: Some(proposal.name().clone()),
                action: Some(proposal.action()),
                identity: Some(self.target.place.identity(proposal, before.as_ref())?),
                before,
                after: proposal.entry().map(McpServerSpec::digest).transpose()?,
                ..Record::new(Event::WriteBegun, &self.target.place).by(&self.party)
            })
        });
        let records = records.collect::<Result<Vec<_>>>()?;
        self.begun(records.clone()).await?;
        Ok(records.into_iter().map(Begun).collect())
    }

    /// Puts on record what came of writes.
    ///
    /// # Errors
    /// When it cannot be; that they were begun is on record.
    pub(crate) async fn end(&self, ended: Vec<Record>) -> Result<()> {
        self.record(ended).await.map_err(|error| {
            Error::new(error.kind(), "it was written, but that could not be put on record")
                .caused_by(error)
                .hint("what was begun is on record; see mcp-registry ledger verify")
        })
    }

    /// Puts on record that servers are about to be pinned: the digests of the pin that each had, and of that which it
    /// gets.
    ///
    /// # Errors
    /// When it cannot be put on record: they must not be pinned then.
    #[cfg(feature = "probe")]
    pub(crate) async fn pin(
        &self,
        pins: impl IntoIterator<Item = (mcp_registry_spec::ServerName, Option<Digest>, Option<Digest>)>,
    ) -> Result<()> {
        let record = |(name, before, after)| Record {
            name: Some(name),
            before,
            after,
            ..Record::new(Event::Pinned, &self.target.place).by(&self.party)
        };
        let records: Vec<_> = pins.into_iter().map(record).collect();
        if records.is_empty() { Ok(()) } else { self.begun(records).await }
    }

    async fn begun(&self, records: Vec<Record>) -> Result<()> {
        self.record(records).await.map_err(|error| {
            let hint = "nothing is written that is not on record; MCP_REGISTRY_STATE_DIR names another folder for it";
            let whole = error.hint_text().map(|own| format!("{own}; {hint}"));
            error.hint(whole.as_deref().unwrap_or(hint))
        })
    }

    async fn record(&self, records: Vec<Record>) -> Result<()> {
        let ledger = self.ledger.get_or_try_init(async || prepared_ledger()).await?;
        ledger.record(records).await
    }
}

impl Begun {
    /// What is to be put on record where the write ended so.
    pub(crate) fn ended(self, error: Option<&Error>) -> Record {
        let Self(begun) = self;
        Record {
            event: Some(Event::WriteEnded),
            after: begun.after.filter(|_| error.is_none()),
            error: error.map(Error::kind),
            note: error.map(Error::to_string),
            ..begun
        }
    }
}

/// The ledger of a state folder. Touches nothing.
///
/// # Errors
/// Where its path cannot be named.
pub(crate) fn ledger_in(folder: &StateFolder) -> Result<Ledger> {
    Ok(Ledger::new(folder.database()?, Some(folder.ledger())))
}

/// The same, of the user's own, which is made ready to be written to.
///
/// # Errors
/// When there is none, or it is refused.
pub(crate) fn prepared_ledger() -> Result<Ledger> {
    let folder = StateFolder::find(&ProcessEnvironment)?;
    folder.prepare()?;
    ledger_in(&folder)
}

/// Whoever runs this.
pub(crate) fn operator() -> Party {
    Party::os_user(os_user::name(), Surface::Cli)
}

/// What the policy decides on an entry.
///
/// # Errors
/// Those of reading the agent's own list.
pub(crate) async fn judge(registry: &McpServerRegistry, spec: &McpServerSpec) -> Result<Decision> {
    let policy = Source::new(None, &ProcessEnvironment).load();
    let own = own_commands(&policy, registry, spec).await?;
    Ok(policy.judge(&Launch::from(spec), own.as_deref()))
}

/// What the agent's own document allows, where that matters to what the policy says of an entry.
pub(crate) async fn own_commands(
    policy: &Policy,
    registry: &McpServerRegistry,
    spec: &McpServerSpec,
) -> Result<Option<Vec<String>>> {
    match spec.transport {
        Transport::Stdio(_) if policy.problems().is_empty() && policy.restricts_servers() => {
            registry.allowed_commands().await
        }
        _ => Ok(None),
    }
}
