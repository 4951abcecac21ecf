//! Changes that are made together or not at all.

use std::sync::Arc;

use mcp_registry_spec::Result;
use sqlx::Any;

use crate::pools::Pools;
use crate::store::{Query, Row, Store};

/// Changes on their way. Dropped before it is committed, nothing of it was.
#[derive(Debug)]
pub struct Transaction {
    store: Store,
    pools: Arc<Pools>,
    inner: sqlx::Transaction<'static, Any>,
}

impl Transaction {
    pub(crate) fn new(store: Store, pools: Arc<Pools>, inner: sqlx::Transaction<'static, Any>) -> Self {
        Self { store, pools, inner }
    }

    /// The rows that a query gives.
    ///
    /// # Errors
    /// As [`Store::fetch`].
    pub async fn fetch(&mut self, query: Query) -> Result<Vec<Row>> {
        let rows = self.store.within(&self.pools, query.fetch_all(&mut *self.inner)).await?;
        rows.map_err(self.store.failed("cannot read"))
    }

    /// How many rows a statement changed.
    ///
    /// # Errors
    /// As [`Store::fetch`].
    pub async fn execute(&mut self, statement: Query) -> Result<u64> {
        let done = self.try_execute(statement).await?;
        done.map_err(self.store.failed("cannot write to"))
    }

    /// The same, for a statement whose failure may mean something.
    pub(crate) async fn try_execute(&mut self, statement: Query) -> Result<sqlx::Result<u64>> {
        let done = self.store.within(&self.pools, statement.execute(&mut *self.inner)).await?;
        Ok(done.map(|done| done.rows_affected()))
    }

    /// Makes the changes last.
    ///
    /// # Errors
    /// As [`Store::fetch`]. When the connection was lost meanwhile, nobody can tell whether they do:
    /// ask.
    pub async fn commit(self) -> Result<()> {
        let Self { store, pools, inner } = self;
        store.within(&pools, inner.commit()).await?.map_err(store.failed("cannot write to"))
    }
}
