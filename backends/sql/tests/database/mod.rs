//! How the suite gets at a database.

use mcp_registry_conformance::{Backend, Fixture, async_trait};
use mcp_registry_spec::{Backends, Capabilities, Locator, McpServerSpec, OpenRequest, Result, Scope, ServerName};
use mcp_registry_store::{Options, Store, sqlx::query};

/// A database, and one that cannot be reached.
pub(crate) struct Database {
    /// What opens it.
    pub(crate) locator: String,
    /// What opens something that is none.
    pub(crate) unreachable: String,
    /// What is in the locator and must never show.
    pub(crate) secrets: Vec<String>,
}

impl Database {
    /// In a process that is told which one by another.
    pub(crate) fn elsewhere() -> Self {
        Self { locator: String::new(), unreachable: String::new(), secrets: Vec::new() }
    }

    fn opened(&self, request: OpenRequest, scope: &Scope) -> Result<Backend> {
        Ok(Backends::linked().open(&request.scope(scope.clone()))?.backend().clone())
    }

    /// Stores what the backend never would.
    async fn store(&self, scope: &Scope, name: &ServerName, text: String) -> Result<()> {
        let mut transaction = Store::new(&Locator::new(&self.locator), Options::default())?.begin().await?;
        let insert = query("INSERT INTO mcp_entries (scope, name, spec, digest) VALUES ($1, $2, $3, $4)")
            .bind(scope.as_str().to_owned())
            .bind(name.as_str().to_owned())
            .bind(text)
            .bind(McpServerSpec::stdio(name.clone(), "npx").digest()?.to_string());
        transaction.execute(insert).await?;
        transaction.commit().await
    }
}

#[async_trait]
impl Fixture for Database {
    fn open(&self, scope: &Scope) -> Result<Backend> {
        self.open_shared(&self.locator, scope)
    }

    fn backend_id(&self) -> &str {
        mcp_registry_sql::ID
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::read_write();
        capabilities.supports_audit = true;
        capabilities
    }

    fn secrets(&self) -> Vec<String> {
        self.secrets.clone()
    }

    async fn break_entry(&self, scope: &Scope, name: &ServerName, secret: &str) -> Option<Result<()>> {
        let text = format!(r#"{{"name":"{name}","command":"npx","env":{{"TOKEN":"{secret}""#);
        Some(self.store(scope, name, text).await)
    }

    async fn unavailable(&self, scope: &Scope) -> Option<Result<Backend>> {
        Some(self.opened(OpenRequest::new(&self.unreachable).option("timeout", "0.2"), scope))
    }

    fn shared(&self) -> Option<String> {
        Some(self.locator.clone())
    }

    fn open_shared(&self, shared: &str, scope: &Scope) -> Result<Backend> {
        self.opened(OpenRequest::new(shared), scope)
    }
}
