//! Carrying a change out, once (H10).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use mcp_registry_spec::{Digest, Error, ErrorKind, McpServerRegistry, Result, WriteContext};
use mcp_registry_store::Alive;
use tokio::sync::Notify;

use super::change::{Approval, ChangeId, Execution, Outcome, OutcomeError};
use super::engine::Governance;
use super::party::Party;
use super::proposal::{Proposal, Target};
use super::refusal::{Code, Refusal};
use super::rows::{self, Stored};
use super::state::State;
use super::step::{How, Step};

/// How often the end of a change is tried to be stored, and how long it waits between.
const TRIES: u32 = 6;
const FIRST_WAIT: std::time::Duration = std::time::Duration::from_millis(50);

/// What this process carries out at the moment.
#[derive(Debug, Default)]
pub(super) struct Running {
    changes: Mutex<HashSet<ChangeId>>,
    ended: Notify,
}

impl Running {
    /// Whether this process carries the change out.
    pub(super) fn has(&self, id: &ChangeId) -> bool {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Waits until nothing is carried out any more.
    pub(super) async fn idle(&self) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Before the look: what ends after it is not missed.
            ended.as_mut().enable();
            if self.changes.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return;
            }
            ended.await;
        }
    }

    fn enter(self: &Arc<Self>, id: &ChangeId) -> Entered {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        Entered { running: self.clone(), id: id.clone() }
    }
}

/// Marks a change as being carried out, however that ends.
struct Entered {
    running: Arc<Running>,
    id: ChangeId,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.running.changes.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        self.running.ended.notify_waiters();
    }
}

/// How a write ended.
enum Written {
    /// What was asked for is so.
    Done(Option<String>),
    /// Nothing changed.
    Refused(Outcome),
    /// Nobody can tell.
    Open(Outcome),
}

impl Governance {
    /// Claims a change and carries it out, in a task of its own: it comes to its end also where nobody
    /// waits for it.
    pub(super) async fn execute(&self, stored: Stored, target: Target, party: &Party) -> Result<Approval, Refusal> {
        let (own, party) = (self.clone(), party.clone());
        let id = stored.change.id.clone();
        let done = tokio::spawn(async move {
            let alive = own.alive().await?;
            let _entered = own.running.enter(&stored.change.id);
            let claimed =
                Step { to: State::Executing, by: &party, how: How::Claimed { executor: alive.id().to_owned() } };
            let Some(claimed) = own.take(&stored, claimed).await? else {
                return Err(own.lost(&stored.change.id).await);
            };
            own.carry_out(&claimed, &target, &party, &alive).await
        });
        match done.await {
            Ok(approval) => approval,
            // What was claimed is settled like that of a process that died.
            Err(_) => Err(Refusal::new(Code::StateConflict, format!("carrying out {id} was given up"), "look at it")),
        }
    }

    /// By what others see that this process is alive; the same for all that it carries out, as long as
    /// others do see it.
    async fn alive(&self) -> Result<Arc<Alive>> {
        let mut alive = self.alive.lock().await;
        if let Some(alive) = alive.as_ref()
            && alive.check().await.is_ok()
        {
            return Ok(alive.clone());
        }
        Ok(alive.insert(Arc::new(self.store.announce().await?)).clone())
    }

    async fn carry_out(
        &self,
        claimed: &Stored,
        target: &Target,
        party: &Party,
        alive: &Alive,
    ) -> Result<Approval, Refusal> {
        let written = self.write(claimed, target, party, alive).await;
        let after = claimed.proposal.entry().map(mcp_registry_spec::McpServerSpec::digest).transpose()?;
        let (to, how) = match written {
            Written::Done(note) => {
                let outcome = Outcome { error: None, note };
                (State::Completed, How::Ended { outcome, after })
            }
            Written::Refused(outcome) => (State::Failed, How::Ended { outcome, after: claimed.change.replaces }),
            Written::Open(outcome) => (State::Interrupted, How::Lost(Some(outcome))),
        };
        let ended = self.finish(claimed, to, how).await?;
        let change = ended.change;
        let none = Outcome { error: None, note: None };
        let ok = change.state == State::Completed;
        let execution = Execution {
            ok,
            state: change.state,
            digest: if ok { after } else { None },
            outcome: change.outcome.clone().unwrap_or(none),
        };
        Ok(Approval { approval: change, execution })
    }

    /// Stores how a change ended, against a store that fails for a moment.
    async fn finish(&self, claimed: &Stored, to: State, how: How) -> Result<Stored, Refusal> {
        let mut wait = FIRST_WAIT;
        for tried in 1..=TRIES {
            match self.take_last(claimed, to, how.clone()).await {
                Ok(Some(ended)) => return Ok(ended),
                // Others are just settling it.
                Ok(None) if to == State::Completed && tried < TRIES => {}
                Ok(None) => break,
                Err(error) if error.is_retryable() && tried < TRIES => {}
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(wait).await;
            wait *= 3;
        }
        Err(self.lost(&claimed.change.id).await)
    }

    /// Takes the last step of a change, also where others settled it meanwhile, as they took its executor for dead:
    /// they could tell no more than what they saw there before it wrote.
    async fn take_last(&self, claimed: &Stored, to: State, how: How) -> Result<Option<Stored>> {
        let by = Party::own();
        if let Some(ended) = self.take(claimed, Step { to, by: &by, how: how.clone() }).await? {
            return Ok(Some(ended));
        }
        let found = self.store.fetch(|| rows::by_id(claimed.change.id.as_str())).await?;
        let Some(stands) = found.first().map(Stored::read).transpose()? else { return Ok(None) };
        match stands.change.state {
            state if state == to && !stands.change.is_unsettled() => Ok(Some(stands)),
            State::Interrupted if to == State::Completed => self.take(&stands, Step { to, by: &by, how }).await,
            _ => Ok(None),
        }
    }

    /// Asks the policy again, and writes.
    async fn write(&self, claimed: &Stored, target: &Target, party: &Party, alive: &Alive) -> Written {
        match self.judge(&self.policy(), target, &claimed.proposal).await {
            Ok(decision) => {
                if let Err(denied) = decision.check() {
                    return Written::Refused(failed(&denied));
                }
            }
            Err(error) => return Written::Refused(failed(&error)),
        }
        // Whom others take for dead must not write: they settle the change by what they see now.
        if let Err(error) = alive.check().await {
            return Written::Refused(failed(&error));
        }
        let (proposal, expected) = (claimed.proposal.clone(), claimed.change.replaces);
        let registry = target.registry.clone();
        let context = WriteContext::new().request_id(claimed.change.id.as_str());
        let context = party.name.iter().fold(context, |context, name| context.actor(name.as_str()));
        // A task of its own, so that a backend that panics ends no more than its write.
        let writing = tokio::spawn(async move { write(&registry, &proposal, expected.as_ref(), &context).await });
        let error = match writing.await {
            Ok(Ok(())) => return Written::Done(None),
            Ok(Err(error)) if is_settled(&error) => return Written::Refused(failed(&error)),
            Ok(Err(error)) => error,
            Err(_) => Error::new(ErrorKind::Unavailable, "the backend gave up in the middle of the write"),
        };
        match effect(target, claimed).await {
            Ok(true) => Written::Done(Some(format!("its effect was found there, after: {error}"))),
            Ok(false) => Written::Refused(failed(&error)),
            Err(_) => Written::Open(failed(&error)),
        }
    }
}

/// Writes what was approved, and only where what is there is what it was approved on.
async fn write(
    registry: &McpServerRegistry,
    proposal: &Proposal,
    expected: Option<&Digest>,
    context: &WriteContext,
) -> Result<()> {
    let unseen = || Error::new(ErrorKind::DescriptorInvalid, "the change does not say what it replaces");
    match proposal {
        Proposal::Install(entry) => registry.install(entry, context).await.map(drop),
        Proposal::Update(entry) => registry.update(entry, expected.ok_or_else(unseen)?, context).await.map(drop),
        Proposal::Uninstall(name) => registry.uninstall(name, Some(expected.ok_or_else(unseen)?), context).await,
    }
}

/// Whether an error says for sure that nothing was written.
fn is_settled(error: &Error) -> bool {
    error.kind() != ErrorKind::Unavailable
}

pub(super) fn failed(error: &Error) -> Outcome {
    Outcome { error: Some(OutcomeError { kind: error.kind(), message: error.to_string() }), note: None }
}

/// Whether what a change was to do is so.
///
/// # Errors
/// When the registry cannot be asked.
pub(super) async fn effect(target: &Target, stored: &Stored) -> Result<bool> {
    match (stored.proposal.entry(), target.registry.load(&stored.change.name).await) {
        (Some(entry), Ok(there)) => Ok(entry.digest()? == there.digest()?),
        (None, Ok(_)) => Ok(false),
        (entry, Err(error)) if error.kind() == ErrorKind::NotInRegistry => Ok(entry.is_none()),
        (_, Err(error)) if error.kind() == ErrorKind::DescriptorInvalid => Ok(false),
        (_, Err(error)) => Err(error),
    }
}
