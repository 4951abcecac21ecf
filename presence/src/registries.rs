//! How registries are opened for a contract (E12).

use std::sync::Arc;

use mcp_registry_spec::{Backends, Environment, McpServerRegistry, OpenRequest, Result, Scope};

/// Opens the registries that contracts name.
pub trait Registries: Send + Sync {
    /// Opens one. Nothing is touched until the first call (rule 2).
    ///
    /// # Errors
    /// No backend that answers, or settings it cannot be opened with.
    fn open(
        &self,
        locator: &str,
        scope: Option<&Scope>,
        environment: &Arc<dyn Environment>,
    ) -> Result<McpServerRegistry>;
}

/// Without any options.
impl Registries for Backends {
    fn open(
        &self,
        locator: &str,
        scope: Option<&Scope>,
        environment: &Arc<dyn Environment>,
    ) -> Result<McpServerRegistry> {
        let request = OpenRequest::new(locator).environment(environment.clone());
        Self::open(self, &scope.cloned().into_iter().fold(request, OpenRequest::scope))
    }
}
