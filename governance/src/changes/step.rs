//! One step of a change from state to state (H3).

use std::time::SystemTime;

use mcp_registry_spec::{Digest, McpServerSpec, Result};
use mcp_registry_store::Transaction;

use super::change::Outcome;
use super::engine::Governance;
use super::party::Party;
use super::rows::Stored;
use super::state::State;
use crate::ledger::{Event, Record};

/// A step that somebody takes.
pub(super) struct Step<'a> {
    pub(super) to: State,
    pub(super) by: &'a Party,
    pub(super) how: How,
}

/// What goes with it.
#[derive(Clone)]
pub(super) enum How {
    /// Somebody decides, and why.
    Decided(Option<String>),
    /// Somebody approves, and begins to carry it out.
    Claimed {
        /// By what others see whether they are alive.
        executor: String,
    },
    /// It has come to its end, and what came of it.
    Ended {
        outcome: Outcome,
        /// The digest of the entry that is there now, where that is known.
        after: Option<Digest>,
    },
    /// Whoever carried it out is gone, or cannot tell what came of it.
    Lost(Option<Outcome>),
    /// Its time is over.
    Expired,
}

impl Stored {
    /// The change after a step.
    fn after(&self, step: &Step, now: SystemTime) -> Self {
        let mut next = self.clone();
        let change = &mut next.change;
        change.state = step.to;
        next.executor = None;
        let decided = |change: &mut super::change::Change, reason: Option<&String>| {
            change.decided_by = step.by.name.clone();
            change.decision_reason = reason.cloned();
            change.decided_at = Some(now);
        };
        match &step.how {
            How::Decided(reason) => {
                decided(change, reason.as_ref());
                change.finished_at = Some(now);
            }
            How::Claimed { executor } => {
                decided(change, None);
                next.executor = Some(executor.clone());
            }
            How::Ended { outcome, .. } => {
                change.outcome = Some(outcome.clone());
                change.finished_at = Some(now);
            }
            How::Lost(outcome) => change.outcome = outcome.clone().or(change.outcome.take()),
            How::Expired => change.finished_at = Some(now),
        }
        next
    }

    /// What the ledger says of this change and somebody.
    pub(super) fn record(&self, by: &Party) -> Record {
        let change = &self.change;
        Record {
            change: Some(change.id.to_string()),
            identity: Some(change.identity),
            action: Some(change.action),
            name: Some(change.name.clone()),
            to: Some(change.state.to_string()),
            before: change.replaces,
            ..Record::new(Event::Transition, &change.place).by(by)
        }
    }
}

impl Governance {
    /// Takes a step, in a transaction with its row of the ledger. `None` where the change does not stand
    /// any more as it did, and so nothing was done (H3).
    pub(super) async fn take(&self, stored: &Stored, step: Step<'_>) -> Result<Option<Stored>> {
        let mut transaction = self.store.begin().await?;
        let Some(next) = self.take_in(&mut transaction, stored, step, self.clock.now()).await? else {
            return Ok(None);
        };
        // Only now that nobody is waited for any more: from the moment on at which it expires nothing else can
        // become of it (H12).
        let decides = stored.change.state == State::Pending && next.change.state != State::Expired;
        if decides && stored.change.expires_at <= self.clock.now() {
            return Ok(None);
        }
        transaction.commit().await?;
        self.publish().await;
        Ok(Some(next))
    }

    async fn take_in(
        &self,
        transaction: &mut Transaction,
        stored: &Stored,
        step: Step<'_>,
        now: SystemTime,
    ) -> Result<Option<Stored>> {
        let next = stored.after(&step, now);
        if transaction.execute(next.update(&stored.change)?).await? == 0 {
            return Ok(None);
        }
        let mut record = Record { from: Some(stored.change.state.to_string()), ..next.record(step.by) };
        match step.how {
            How::Decided(reason) => record.reason = reason,
            How::Ended { outcome, after } => {
                record.after = after;
                record.error = outcome.error.as_ref().map(|error| error.kind);
                record.note = outcome.error.map(|error| error.message).or(outcome.note);
            }
            How::Lost(outcome) => {
                let error = outcome.and_then(|outcome| outcome.error);
                record.error = error.as_ref().map(|error| error.kind);
                record.note = error.map(|error| error.message);
            }
            // What is to be there explains what is, should nobody live to tell (L6).
            How::Claimed { .. } => record.after = stored.proposal.entry().map(McpServerSpec::digest).transpose()?,
            How::Expired => {}
        }
        self.ledger.append(transaction, now, record).await?;
        Ok(Some(next))
    }

    /// Brings the ledger's export up to date. That it cannot be written hinders nothing: what counts is the
    /// table, from which the next one is completed (L3), and `doctor` tells of it.
    pub(super) async fn publish(&self) {
        let _ = self.ledger.publish().await;
    }
}
