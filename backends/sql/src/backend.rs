//! The backend: a scope of a database behind the trait.

use std::sync::Arc;

use async_trait::async_trait;
use mcp_registry_spec::{
    AuditRecord, Capabilities, Digest, Listing, Loaded, McpServerRef, McpServerRegistryBackend, McpServerSpec, Result,
    Revision, Scope, ServerName, ValidationResult, WriteContext,
};
use mcp_registry_store::Store;

use crate::config::Config;
use crate::writes::Write;
use crate::{audit, entries};

/// The id the backend is registered under.
pub const ID: &str = "sql";

/// The entries of one scope, in a database.
///
/// ```
/// use std::sync::Arc;
/// use mcp_registry_spec::{McpServerRegistry, OpenRequest};
/// use mcp_registry_sql::{Config, SqlBackend};
///
/// # let _ = async {
/// let config = Config::from_request(&OpenRequest::new("sqlite:registry.db"))?;
/// let registry = McpServerRegistry::new(Arc::new(SqlBackend::new(config)));
/// for server in registry.list().await?.servers {
///     println!("{} {}", server.name, server.transport);
/// }
/// # Ok::<(), mcp_registry_spec::Error>(()) };
/// ```
#[derive(Debug, Clone)]
pub struct SqlBackend {
    store: Store,
    scope: Scope,
}

impl SqlBackend {
    /// A backend for the database and scope of `config`. Touches nothing (rule 2).
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { store: config.store, scope: config.scope }
    }

    async fn write<'a>(&'a self, context: &'a WriteContext) -> Result<Write<'a>> {
        Write::begin(&self.store, &self.scope, context).await
    }
}

#[async_trait]
impl McpServerRegistryBackend for SqlBackend {
    fn backend_id(&self) -> &str {
        ID
    }

    fn declared(&self) -> Capabilities {
        let mut capabilities = Capabilities::read_write();
        capabilities.supports_audit = true;
        capabilities
    }

    async fn list(&self) -> Result<Listing> {
        Ok(entries::all(&self.store, &self.scope).await?.listing(&self.store, &self.scope))
    }

    async fn load(&self, name: &ServerName) -> Result<McpServerSpec> {
        entries::one(&self.store, &self.scope, name).await
    }

    async fn load_all(&self) -> Result<Vec<Loaded>> {
        Ok(entries::all(&self.store, &self.scope).await?.entries)
    }

    async fn validate_all(&self) -> Result<Vec<ValidationResult>> {
        Ok(entries::all(&self.store, &self.scope).await?.validations())
    }

    async fn install(&self, spec: &McpServerSpec, context: &WriteContext) -> Result<McpServerRef> {
        self.write(context).await?.install(spec).await?;
        Ok(entries::line(&self.store, &self.scope, spec))
    }

    async fn update(&self, spec: &McpServerSpec, expected: &Digest, context: &WriteContext) -> Result<McpServerRef> {
        self.write(context).await?.update(spec, expected).await?;
        Ok(entries::line(&self.store, &self.scope, spec))
    }

    async fn uninstall(&self, name: &ServerName, expected: Option<&Digest>, context: &WriteContext) -> Result<()> {
        self.write(context).await?.uninstall(name, expected).await
    }

    async fn revision(&self) -> Result<Option<Revision>> {
        entries::revision(&self.store, &self.scope).await.map(|revision| Some(Revision(revision)))
    }

    async fn scopes(&self) -> Result<Vec<Scope>> {
        entries::scopes(&self.store).await
    }

    async fn audit(&self, after: u64, limit: usize) -> Result<Vec<AuditRecord>> {
        audit::read(&self.store, &self.scope, after, limit).await
    }

    fn in_scope(&self, scope: &Scope) -> Option<Arc<dyn McpServerRegistryBackend>> {
        Some(Arc::new(Self { store: self.store.clone(), scope: scope.clone() }))
    }

    async fn close(&self) -> Result<()> {
        // Siblings may still work on the same connections: they get new ones when they need them.
        self.store.close().await;
        Ok(())
    }
}
