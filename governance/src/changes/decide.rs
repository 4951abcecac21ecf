//! What a person does: approve, reject; and what whoever asked does: cancel (H9, H13).

use std::sync::Arc;

use mcp_registry_spec::{Error, ErrorKind, Result, time};

use super::change::{Approval, Change, ChangeId};
use super::engine::{Governance, Opener};
use super::party::{Mode, Party};
use super::refusal::{Code, Refusal};
use super::request::{LONGEST, shown};
use super::rows::{self, Stored};
use super::state::State;
use super::step::{How, Step};
use crate::ledger::{Event, Record};
use crate::policy::{Decision, Policy, Request, Tool};

impl Governance {
    /// Refuses what was denied, and records it (L2).
    pub(super) async fn refuse_denied(
        &self,
        decision: &Decision,
        request: &Request<'_>,
        party: &Party,
    ) -> Result<(), Refusal> {
        let Some(denial) = Refusal::denial(decision) else { return Ok(()) };
        let record = Record {
            event: Some(Event::Denial),
            tool: Some(request.tool.to_string()),
            scope: request.scope.cloned(),
            name: request.server.cloned(),
            rule: Some(decision.rule.to_string()),
            reason: Some(decision.reason.clone()),
            ..Record::default().by(party)
        };
        // Where it cannot be recorded it is denied all the same.
        let _ = self.ledger.record(vec![record]).await;
        Err(denial)
    }

    /// The change of that id, as it stands now.
    pub(super) async fn find(&self, id: &ChangeId) -> Result<Stored, Refusal> {
        let stored = self.stored(id).await?;
        if stored.change.state != State::Pending || self.clock.now() < stored.change.expires_at {
            return Ok(stored);
        }
        let by = Party::own();
        match self.take(&stored, Step { to: State::Expired, by: &by, how: How::Expired }).await? {
            Some(expired) => Ok(expired),
            // Somebody else ended it at this moment.
            None => self.stored(id).await,
        }
    }

    /// The change of that id, as it is stored.
    async fn stored(&self, id: &ChangeId) -> Result<Stored, Refusal> {
        match self.store.fetch(|| rows::by_id(id.as_str())).await?.first() {
            Some(row) => {
                let stored = Stored::read(row)?;
                stored.check_identity()?;
                Ok(stored)
            }
            None => Err(Refusal::new(Code::ChangeNotFound, format!("there is no change {id}"), "list those there are")),
        }
    }

    /// Approves a change and carries it out, in the registry that `opener` opens (H9, H10). Once begun it
    /// comes to its end, also where nobody waits for it any more. Needs a Tokio runtime around it.
    ///
    /// # Errors
    /// What kept it from being approved; that carrying it out failed is no error, but said in what comes of
    /// it.
    pub async fn approve(&self, id: &ChangeId, party: &Party, opener: Arc<dyn Opener>) -> Result<Approval, Refusal> {
        let policy = self.policy();
        let stored = self.find(id).await?;
        self.permit_on(&policy, Tool::ApprovalApprove, &stored.change, party).await?;
        self.require_gate(&policy)?;
        refuse_own(&policy, &stored.change, party, "approve")?;
        require_pending(&stored.change)?;
        if let Some(at) = stored.change.scheduled_at.filter(|at| self.clock.now() < *at) {
            let what = format!("{id} is not to be approved before {}", time::shown_millis(at));
            return Err(Refusal::new(Code::TooEarly, what, "approve it then"));
        }
        // Before it is claimed: what cannot be opened stays pending.
        let target = opener.open(&stored.change.place).await?;
        self.execute(stored, target, party).await
    }

    /// Rejects a change that waits.
    ///
    /// # Errors
    /// [`Code::SelfApproval`], [`Code::StateConflict`].
    pub async fn reject(&self, id: &ChangeId, party: &Party, reason: Option<&str>) -> Result<Change, Refusal> {
        self.end(id, party, State::Rejected, reason).await
    }

    /// Takes back a change that waits.
    ///
    /// # Errors
    /// [`Code::NotRequester`], [`Code::StateConflict`].
    pub async fn cancel(&self, id: &ChangeId, party: &Party, reason: Option<&str>) -> Result<Change, Refusal> {
        self.end(id, party, State::Cancelled, reason).await
    }

    async fn end(&self, id: &ChangeId, party: &Party, to: State, reason: Option<&str>) -> Result<Change, Refusal> {
        let policy = self.policy();
        let stored = self.find(id).await?;
        let change = &stored.change;
        if to == State::Cancelled {
            self.permit_on(&policy, Tool::ChangeCancel, change, party).await?;
            // Who merely says to be somebody is not believed where a token said it before.
            let is_known = change.mode == Mode::Claimed || party.mode != Mode::Claimed;
            if !is_known || party.name.as_deref() != Some(change.requested_by.as_str()) {
                let what = format!("only who asked for {id} may cancel it");
                return Err(Refusal::new(Code::NotRequester, what, "others may reject it"));
            }
        } else {
            self.permit_on(&policy, Tool::ApprovalReject, change, party).await?;
            refuse_own(&policy, change, party, "reject")?;
        }
        require_pending(change)?;
        let reason = reason.map(shown).filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST) {
            let error = Error::new(ErrorKind::InvalidSpec, "the reason is longer than 1000 characters");
            return Err(error.hint("say it shorter").into());
        }
        match self.take(&stored, Step { to, by: party, how: How::Decided(reason) }).await? {
            Some(ended) => Ok(ended.change),
            None => Err(self.lost(id).await),
        }
    }

    async fn permit_on(&self, policy: &Policy, tool: Tool, change: &Change, party: &Party) -> Result<(), Refusal> {
        let request = Request::new(tool).scope(change.place.scope.as_ref()).server(Some(&change.name));
        self.refuse_denied(&policy.decide(&request), &request, party).await
    }

    /// Why a step could not be taken: somebody else was faster.
    pub(super) async fn lost(&self, id: &ChangeId) -> Refusal {
        let refused = self.find(id).await.and_then(|stored| require_pending(&stored.change));
        let twice = || Refusal::new(Code::StateConflict, format!("{id} was decided on at this moment"), "look at it");
        refused.err().unwrap_or_else(twice)
    }
}

/// Whoever asked is not the one who decides, unless the policy lets them (H13).
fn refuse_own(policy: &Policy, change: &Change, party: &Party, what: &str) -> Result<(), Refusal> {
    let forbidden = policy.changes().is_none_or(|changes| changes.forbid_self_approval);
    let is_own = party.name.as_deref().is_none_or(|name| shown(name) == change.requested_by);
    if forbidden && is_own {
        let what = format!("who asked for {} may not {what} it", change.id);
        return Err(Refusal::new(Code::SelfApproval, what, "somebody else decides; cancelling is up to you"));
    }
    Ok(())
}

fn require_pending(change: &Change) -> Result<(), Refusal> {
    match change.state {
        State::Pending => Ok(()),
        State::Executing => {
            let what = format!("{} is being carried out", change.id);
            Err(Refusal::new(Code::ApprovalInProgress, what, "look at it once it has ended"))
        }
        state => {
            let what = format!("{} is {state}, and nothing more can become of it", change.id);
            Err(Refusal::new(Code::StateConflict, what, "ask for the change anew"))
        }
    }
}
