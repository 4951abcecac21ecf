//! What is over is ended: time, and executors that died (H11, H12).

use mcp_registry_spec::Result;

use super::change::{Change, Outcome};
use super::engine::{Governance, Opener};
use super::execute::effect;
use super::party::Party;
use super::refusal::Refusal;
use super::rows::{self, Stored};
use super::state::State;
use super::step::{How, Step};

impl Governance {
    /// Ends what is over: changes that nobody decided on in time, and those whose executor died, by what is
    /// in the registry (H11). Gives those that it ended.
    ///
    /// # Errors
    /// When they cannot be read or written. A registry that cannot be asked is left for another time.
    pub async fn settle(&self, opener: &dyn Opener) -> Result<Vec<Change>, Refusal> {
        let by = Party::own();
        let mut settled = self.expire().await?;
        for row in self.store.fetch(rows::unsettled).await? {
            let mut stored = Stored::read(&row)?;
            if stored.change.state == State::Executing {
                if self.is_carried_out(&stored).await? {
                    continue;
                }
                let lost = Step { to: State::Interrupted, by: &by, how: How::Lost(None) };
                match self.take(&stored, lost).await? {
                    Some(interrupted) => stored = interrupted,
                    None => continue,
                }
            }
            let Ok(target) = opener.open(&stored.change.place).await else { continue };
            let Ok(is_there) = effect(&target, &stored).await else { continue };
            let error = stored.change.outcome.as_ref().and_then(|outcome| outcome.error.clone());
            let (to, outcome, after) = if is_there {
                let after = stored.proposal.entry().map(mcp_registry_spec::McpServerSpec::digest).transpose()?;
                (State::Completed, Outcome { error: None, note: Some("its effect was found there".to_owned()) }, after)
            } else {
                let note = "whoever carried it out stopped in the middle; its effect is not there".to_owned();
                (State::Interrupted, Outcome { error, note: Some(note) }, stored.change.replaces)
            };
            let ended = Step { to, by: &by, how: How::Ended { outcome, after } };
            settled.extend(self.take(&stored, ended).await?.map(|stored| stored.change));
        }
        // An export that a crash has torn is completed without waiting for the next row (L3).
        self.publish().await;
        Ok(settled)
    }

    /// Ends what nobody decided on in time.
    pub(super) async fn expire(&self) -> Result<Vec<Change>, Refusal> {
        let (by, now) = (Party::own(), self.clock.now());
        let mut expired = Vec::new();
        for row in self.store.fetch(|| rows::overdue(now)).await? {
            let step = Step { to: State::Expired, by: &by, how: How::Expired };
            expired.extend(self.take(&Stored::read(&row)?, step).await?.map(|stored| stored.change));
        }
        Ok(expired)
    }

    /// Whether somebody still carries a change out: this process, or another that is alive.
    async fn is_carried_out(&self, stored: &Stored) -> Result<bool> {
        if self.running.has(&stored.change.id) {
            return Ok(true);
        }
        let Some(executor) = &stored.executor else { return Ok(false) };
        let own = self.alive.lock().await.as_ref().is_some_and(|alive| alive.id() == executor);
        Ok(!own && self.store.is_alive(executor).await?)
    }
}
