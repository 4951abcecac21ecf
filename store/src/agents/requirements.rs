//! What the agents of a scope must have.

use mcp_registry_spec::{Result, Scope, ServerName};
use sqlx::{Row as _, query};

use super::record::unreadable;
use super::report::check_tool;
use crate::store::{Row, Store};

/// A server that every agent of a scope must have (rule C39).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The scope.
    pub scope: Scope,
    /// The server.
    pub server: ServerName,
    /// The tool that proves it, as agents name it, where one does.
    pub tool: Option<String>,
}

/// What the scopes of a catalog require.
#[derive(Debug, Clone)]
pub struct Requirements {
    store: Store,
}

impl Requirements {
    /// Those kept in a database. Touches nothing.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Requires a server from now on, in the place of what was required of it before.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`](mcp_registry_spec::ErrorKind::InvalidSpec) for what is no tool; else as
    /// [`Store::begin`].
    pub async fn require(&self, requirement: &Requirement) -> Result<()> {
        requirement.tool.as_deref().map_or(Ok(()), check_tool)?;
        let mut transaction = self.store.begin().await?;
        let upsert = query(
            "INSERT INTO mcp_requirements (scope, server, tool) VALUES ($1, $2, $3)
             ON CONFLICT (scope, server) DO UPDATE SET tool = excluded.tool",
        )
        .bind(requirement.scope.to_string())
        .bind(requirement.server.to_string())
        .bind(requirement.tool.clone());
        transaction.execute(upsert).await?;
        transaction.commit().await
    }

    /// Requires it no longer. Whether it was required.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub async fn release(&self, scope: &Scope, server: &ServerName) -> Result<bool> {
        let mut transaction = self.store.begin().await?;
        let delete = query("DELETE FROM mcp_requirements WHERE scope = $1 AND server = $2");
        let released = transaction.execute(delete.bind(scope.to_string()).bind(server.to_string())).await?;
        transaction.commit().await?;
        Ok(released > 0)
    }

    /// All there are, in the order of scopes' and then servers' bytes.
    ///
    /// # Errors
    /// As [`Store::fetch`].
    pub async fn list(&self) -> Result<Vec<Requirement>> {
        let all = || query("SELECT scope, server, tool FROM mcp_requirements ORDER BY scope, server");
        self.store.fetch(all).await?.iter().map(|row| self.read(row)).collect()
    }

    fn read(&self, row: &Row) -> Result<Requirement> {
        let text = |column: &str| row.try_get::<String, _>(column).map_err(self.store.failed("cannot read"));
        Ok(Requirement {
            scope: Scope::parse(&text("scope")?).map_err(unreadable)?,
            server: ServerName::parse(&text("server")?).map_err(unreadable)?,
            tool: row.try_get("tool").map_err(self.store.failed("cannot read"))?,
        })
    }
}
