//! Asking for a change: what it would do, and the request itself (H7, H8).

use std::time::{Duration, SystemTime};

use chrono::DateTime;
use mcp_registry_spec::{McpServerSpec, Result, redact, text, time};
use serde_json::Value;

use super::basis::Basis;
use super::change::{Change, ChangeId};
use super::engine::{Governance, Requested};
use super::form::Form;
use super::party::{Mode, Party};
use super::preview::Preview;
use super::proposal::{Proposal, Target};
use super::refusal::{Code, Refusal};
use super::rows::{self, Stored};
use super::state::State;
use crate::difference::difference;
use crate::ledger::Record;
use crate::policy::{Decision, Gate, Launch, Policy, Request, Tool};

/// The longest text that somebody may give, in characters.
pub(super) const LONGEST: usize = 1000;
/// The most changes that wait in one place.
const WAITING: usize = 200;
/// How often a request is tried again whose twin ended while it was made.
const TRIES: usize = 5;
/// The bounds of a priority.
const PRIORITY: i64 = 100;

/// What a form says, checked.
struct Asked {
    requested_by: String,
    actor_role: String,
    approval_reason: String,
    priority: i64,
    scheduled_at: Option<SystemTime>,
    identity: Option<String>,
}

impl Governance {
    /// What the policy says of asking for a change.
    pub(super) async fn judge(&self, policy: &Policy, target: &Target, proposal: &Proposal) -> Result<Decision> {
        let asked = Request::new(Tool::ChangeRequest).scope(target.place.scope.as_ref()).server(Some(proposal.name()));
        let Some(entry) = proposal.entry() else { return Ok(policy.decide(&asked)) };
        let own = policy.own_commands(&target.registry, entry).await?;
        let launch = Launch::from(entry);
        Ok(policy.decide(&asked.launch(&launch, own.as_deref())))
    }

    /// Shows what a change would do. Writes nothing (H7).
    ///
    /// # Errors
    /// When there is nothing to show: the entry is no valid one, or holds a literal that looks like a secret;
    /// what is to be installed is there; what is to be changed or removed is not; the registry cannot be
    /// reached.
    pub async fn preview(&self, target: &Target, proposal: &Proposal, party: &Party) -> Result<Preview, Refusal> {
        let policy = self.policy();
        let decision = self.judge(&policy, target, proposal).await?;
        let basis = Basis::read(target, proposal).await?;
        let difference = difference(&target.registry, proposal, basis.old.as_ref(), basis.replaces.as_ref()).await?;
        let found = self.store.fetch(|| rows::active(&basis.identity)).await?;
        let mut active =
            found.iter().map(|row| Stored::read(row).map(|stored| stored.change)).collect::<Result<Vec<_>>>()?;
        // One that is over waits for nobody, though it is not stored yet that it expired.
        active.retain(|change| change.state != State::Pending || self.clock.now() < change.expires_at);
        let gate = policy.gate(self.environment());
        let state = active.first().map(|change| (change.state, change.id.to_string()));
        let allowed_roles: Vec<_> =
            policy.changes().map(|changes| changes.allowed_roles.iter().cloned().collect()).unwrap_or_default();
        // Whoever claims a role may claim one that is allowed; a token has the one it has.
        let has_role =
            party.mode != Mode::Token || party.role.as_ref().is_some_and(|role| allowed_roles.contains(role));
        let can_apply =
            decision.allowed && gate == Gate::Open && has_role && active.iter().all(|c| c.state != State::Executing);
        let next_step = match (&state, gate) {
            _ if !decision.allowed => "nothing: the policy denies it".to_owned(),
            (_, Gate::DefaultOff) => "ask the operator to open the gate: [changes] enabled = true".to_owned(),
            _ if !has_role => "ask with a token whose role is one of those allowed".to_owned(),
            (Some((State::Executing, id)), _) => format!("wait: {id}, which asks for the same, is being carried out"),
            (Some((_, id)), _) => format!("wait for a person to decide on {id}, which asks for the same"),
            (None, _) => "request it with this identity; a person then decides".to_owned(),
        };
        let mut required = vec!["confirm", "actor_role", "requested_by", "approval_reason", "identity"];
        if party.mode == Mode::Token {
            required.retain(|input| !matches!(*input, "actor_role" | "requested_by"));
        }
        Ok(Preview {
            validation: "fail-closed",
            identity: basis.identity,
            action: proposal.action(),
            place: target.place.clone(),
            name: proposal.name().clone(),
            item: basis.item,
            replaces: basis.replaces,
            difference,
            policy: decision,
            active,
            required_apply_inputs: required,
            allowed_roles,
            mutation_gate: gate,
            can_apply,
            next_step,
        })
    }

    /// Asks for a change (H8). The same that waits already is given again, and is no error.
    ///
    /// # Errors
    /// As [`preview`](Self::preview); the denial of the policy; what the form lacks, in the order of H8;
    /// [`Code::ApprovalInProgress`].
    pub async fn request(
        &self,
        target: &Target,
        proposal: &Proposal,
        form: &Form,
        party: &Party,
    ) -> Result<Requested, Refusal> {
        let policy = self.policy();
        let party = &party.clone().claiming(form.requested_by.as_deref());
        let decision = self.judge(&policy, target, proposal).await?;
        let request =
            Request::new(Tool::ChangeRequest).scope(target.place.scope.as_ref()).server(Some(proposal.name()));
        self.refuse_denied(&decision, &request, party).await?;
        let asked = self.check(&policy, form, party)?;
        self.settle(target).await?;
        // Asked first: once it has written, there is nothing any more that the same could be asked on (H6).
        if let Some(identity) = asked.identity.as_deref().and_then(|identity| identity.parse().ok())
            && let Some(twin) = self.store.fetch(|| rows::active(&identity)).await?.first()
        {
            let twin = Stored::read(twin)?;
            let asked_for = target.place.identity(proposal, twin.change.replaces.as_ref())?;
            if asked_for == twin.change.identity {
                must_not_execute(&twin.change)?;
            }
        }
        for _ in 0..TRIES {
            let basis = Basis::read(target, proposal).await?;
            if asked.identity.as_deref() != Some(basis.identity.to_string().as_str()) {
                let what = match asked.identity {
                    None => "the request names no identity",
                    Some(_) => "the identity is not the one that a preview gives now",
                };
                return Err(Refusal::new(Code::IdentityChanged, what, "look at a preview, and name its identity"));
            }
            let waits = expiry(&policy);
            if let Some(requested) = self.store_or_find(target, proposal, &basis, &asked, party, waits).await? {
                return Ok(requested);
            }
        }
        Err(Refusal::new(Code::StateConflict, "others ask for the same and end it, again and again", "ask again"))
    }

    /// Stores a change, or finds the one of its identity that is active; `None` where that ended meanwhile.
    async fn store_or_find(
        &self,
        target: &Target,
        proposal: &Proposal,
        basis: &Basis,
        asked: &Asked,
        party: &Party,
        expiry: Duration,
    ) -> Result<Option<Requested>, Refusal> {
        let difference = difference(&target.registry, proposal, basis.old.as_ref(), basis.replaces.as_ref()).await?;
        let now = self.clock.now();
        let change = Change {
            id: ChangeId::random(now)?,
            identity: basis.identity,
            state: State::Pending,
            action: proposal.action(),
            place: target.place.clone(),
            name: proposal.name().clone(),
            entry: proposal.entry().map(McpServerSpec::masked),
            replaces: basis.replaces,
            difference,
            requested_by: asked.requested_by.clone(),
            actor_role: asked.actor_role.clone(),
            approval_reason: asked.approval_reason.clone(),
            source: party.surface,
            mode: party.mode,
            priority: asked.priority,
            scheduled_at: asked.scheduled_at,
            created_at: now,
            expires_at: now.checked_add(expiry).unwrap_or(now),
            decided_by: None,
            decision_reason: None,
            decided_at: None,
            finished_at: None,
            outcome: None,
        };
        let stored = Stored { change, proposal: proposal.clone(), executor: None };
        let mut transaction = self.store.begin().await?;
        if transaction.execute(stored.insert()?).await? > 0 {
            let waiting = transaction.fetch(rows::waiting(&target.place)).await?;
            if waiting.len() > WAITING {
                let what = format!("{WAITING} changes wait in this place already");
                return Err(Refusal::new(Code::TooMany, what, "wait until some are decided on, or cancel some"));
            }
            let role = Some(asked.actor_role.clone());
            let record = Record { reason: Some(asked.approval_reason.clone()), role, ..stored.record(party) };
            self.ledger.append(&mut transaction, now, record).await?;
            transaction.commit().await?;
            self.publish().await;
            return Ok(Some(Requested { change: stored.change, is_new: true }));
        }
        let found = transaction.fetch(rows::active(&basis.identity)).await?;
        drop(transaction);
        let Some(twin) = found.first().map(Stored::read).transpose()? else { return Ok(None) };
        twin.check_identity()?;
        must_not_execute(&twin.change)?;
        Ok(Some(Requested { change: twin.change, is_new: false }))
    }

    /// What a request needs beside the leave of the policy, in the order of H8.
    fn check(&self, policy: &Policy, form: &Form, party: &Party) -> Result<Asked, Refusal> {
        self.require_gate(policy)?;
        if form.confirm != Value::Bool(true) {
            let what = "the request is not confirmed";
            return Err(Refusal::new(Code::ConfirmRequired, what, "give confirm as the boolean true"));
        }
        let allowed = policy.changes().map(|changes| changes.allowed_roles.clone()).unwrap_or_default();
        let listed = || format!("those that may are {}", allowed.iter().cloned().collect::<Vec<_>>().join(", "));
        if party.mode == Mode::Token && party.role.is_none() {
            let hint = "make one that does: mcp-registry token create --actor-role OWNER";
            return Err(Refusal::new(Code::RoleNotAllowed, "the token names no role to ask in", hint));
        }
        let claimed = form.actor_role.as_deref().map(|role| shown(role).to_uppercase()).filter(|role| !role.is_empty());
        let role = match (party.mode, claimed) {
            (Mode::Token, Some(claimed)) if party.role.as_ref() != Some(&claimed) => {
                let what = "the token says the role, and the request claims another";
                return Err(Refusal::new(Code::RoleNotAllowed, what, "leave actor_role out"));
            }
            (Mode::Token, _) => party.role.clone(),
            (_, claimed) => claimed,
        };
        let Some(actor_role) = role.filter(|role| allowed.contains(role)) else {
            return Err(Refusal::new(Code::RoleNotAllowed, "this role may not ask for changes", listed()));
        };
        let Some(requested_by) = party.name.clone() else {
            let what = "the request does not say who asks";
            return Err(Refusal::new(Code::RequestedByRequired, what, "give requested_by"));
        };
        // A name that is not kept as it is could be taken for another's, or no longer for one's own (H13).
        if shown(&requested_by) != requested_by || requested_by.chars().count() > LONGEST {
            let what = "who asks has a name that cannot be kept as it is";
            return Err(Refusal::new(Code::RequestedByRequired, what, "give one of at most 1000 plain characters"));
        }
        if party.mode != Mode::Claimed && form.requested_by.as_deref().is_some_and(|name| name.trim() != requested_by) {
            let what = "it is known who asks, and the request says another";
            return Err(Refusal::new(Code::RequestedByRequired, what, "leave requested_by out"));
        }
        let approval_reason = form.approval_reason.as_deref().map(shown).unwrap_or_default();
        if approval_reason.is_empty() || approval_reason.chars().count() > LONGEST {
            let what = "the request does not say why, in at most 1000 characters";
            return Err(Refusal::new(
                Code::ApprovalReasonRequired,
                what,
                "give approval_reason, for the person who decides",
            ));
        }
        let scheduled_at = form.scheduled_at.as_deref().map(read_time).transpose()?;
        let ends = self.clock.now().checked_add(expiry(policy));
        if scheduled_at.zip(ends).is_some_and(|(at, ends)| at >= ends) {
            let hint = "name an earlier time, or ask later; expires_after in the policy says how long a request waits";
            return Err(Refusal::new(Code::ScheduleInvalid, "the request would expire before scheduled_at", hint));
        }
        let priority = form.priority.clamp(-PRIORITY, PRIORITY);
        Ok(Asked { requested_by, actor_role, approval_reason, priority, scheduled_at, identity: form.identity.clone() })
    }

    /// Refuses where the gate is closed (P12).
    pub(super) fn require_gate(&self, policy: &Policy) -> Result<(), Refusal> {
        match policy.gate(self.environment()) {
            Gate::Open => Ok(()),
            Gate::DefaultOff => {
                let hint = "the operator opens the gate: [changes] enabled = true in the policy";
                Err(Refusal::new(Code::ChangesDisabled, "changes are not enabled", hint))
            }
        }
    }
}

/// Refuses to ask for what is being carried out (H6).
fn must_not_execute(twin: &Change) -> Result<(), Refusal> {
    if twin.state != State::Executing {
        return Ok(());
    }
    let what = format!("the same change, {}, is being carried out", twin.id);
    Err(Refusal::new(Code::ApprovalInProgress, what, "look at it once it has ended"))
}

/// A text that somebody gave, as it can be kept and shown: no secret, nothing that steers a terminal.
pub(super) fn shown(given: &str) -> String {
    text::escape(&redact::redact(given.trim())).into_owned()
}

/// A time with its offset. The name of the field is said, as the value may be anything.
fn read_time(given: &str) -> Result<SystemTime, Refusal> {
    let given = DateTime::parse_from_rfc3339(given).ok().map(|given| given.timestamp_millis());
    given.filter(|millis| (0..=time::LAST_MILLIS).contains(millis)).map(time::from_millis).ok_or_else(|| {
        let hint = "write it as 2026-01-31T09:00:00+01:00";
        Refusal::new(Code::ScheduleInvalid, "scheduled_at is no time with an offset, as RFC 3339 has it", hint)
    })
}

/// How long a request waits before it expires.
fn expiry(policy: &Policy) -> Duration {
    policy.changes().map(|changes| changes.expires_after).unwrap_or_default()
}
