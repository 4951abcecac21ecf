//! How many changes there are.

use std::collections::BTreeMap;

use mcp_registry_spec::{Error, ErrorKind, Result};
use mcp_registry_store::sqlx::{Row as _, query};

use super::engine::Governance;
use super::state::State;

impl Governance {
    /// How many changes stand how, as they are: none is settled, and none that is over ended, as
    /// [`settle`](Self::settle) would. Interrupted ones that were settled are at their end, and are not counted.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn count(&self) -> Result<BTreeMap<State, u64>> {
        let count = "SELECT state, COUNT(*) AS total FROM mcp_changes
                     WHERE state <> 'interrupted' OR finished_at IS NULL GROUP BY state";
        let rows = self.store.fetch(|| query(count)).await?;
        let counted = rows.iter().map(|row| {
            let (state, total): (String, i64) = (row.try_get("state").ok()?, row.try_get("total").ok()?);
            Some((state.parse().ok()?, u64::try_from(total).ok()?))
        });
        counted.collect::<Option<_>>().ok_or_else(|| {
            Error::new(ErrorKind::DescriptorInvalid, "a change stands in a state that there is not")
                .hint("it was written by other means")
        })
    }
}
