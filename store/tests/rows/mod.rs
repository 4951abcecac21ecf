//! A row of its own for a test to write and look for.

use mcp_registry_spec::Result;
use mcp_registry_store::sqlx::{Row as _, query};
use mcp_registry_store::{Query, Store};

pub(crate) fn scopes() -> Query {
    query("SELECT scope FROM mcp_scopes ORDER BY scope")
}

pub(crate) async fn put(store: &Store, scope: &str) -> Result<()> {
    let mut transaction = store.begin().await?;
    let insert = query("INSERT INTO mcp_scopes (scope, revision, audit_seq) VALUES ($1, '', 0)");
    transaction.execute(insert.bind(scope.to_owned())).await?;
    transaction.commit().await
}

pub(crate) async fn seen(store: &Store) -> Vec<String> {
    store.fetch(scopes).await.unwrap().iter().map(|row| row.get(0)).collect()
}
