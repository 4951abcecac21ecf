//! What the suite needs to know of a backend.

use std::sync::Arc;

use async_trait::async_trait;
use mcp_registry_spec::{Capabilities, McpServerRegistryBackend, McpServerSpec, Result, Scope, ServerName};

/// An opened backend, as the suite holds it.
pub type Backend = Arc<dyn McpServerRegistryBackend>;

/// How the suite gets at a backend.
///
/// Three methods are required. Each of the others opens up further cases; where one answers `None`,
/// the cases that need it are ignored and say so.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// Opens the backend for `scope`. Opened twice, the same storage is meant, and nothing is
    /// touched until the first call (rule 2).
    ///
    /// # Errors
    /// When it cannot be opened; the case that asked fails.
    fn open(&self, scope: &Scope) -> Result<Backend>;

    /// The id the backend is registered under (rule 6).
    fn backend_id(&self) -> &str;

    /// What the connected resource is expected to allow (rule 3): the suite holds the backend to
    /// this, not to what it says of itself.
    fn capabilities(&self) -> Capabilities;

    /// Credentials the backend was opened with. None of them may ever show (rule 4).
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the storage tells by itself who asks and under which request, as a catalog does by the
    /// token; elsewhere the audit holds what the write context says (rule 27).
    fn names_the_caller(&self) -> bool {
        false
    }

    /// Stores `spec` in `scope` behind the backend's back. Needed where the backend cannot install.
    async fn seed(&self, _scope: &Scope, _spec: &McpServerSpec) -> Option<Result<()>> {
        None
    }

    /// Stores an entry `name` that is there but cannot be used (rule 17), with the text `secret`
    /// in it where the value of a variable or header would stand.
    async fn break_entry(&self, _scope: &Scope, _name: &ServerName, _secret: &str) -> Option<Result<()>> {
        None
    }

    /// Opens the backend for `scope` on storage that is there but cannot be reached or read, so
    /// that every call must fail as `unavailable` (rule 7). The scope is used for nothing else.
    async fn unavailable(&self, _scope: &Scope) -> Option<Result<Backend>> {
        None
    }

    /// What another process needs to reach the same storage: a folder, an address; it is handed
    /// to [`open_shared`](Self::open_shared) there. Needed for the cases with several processes.
    fn shared(&self) -> Option<String> {
        None
    }

    /// Opens, in another process and on another instance of the fixture, the storage that
    /// [`shared`](Self::shared) told of.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn open_shared(&self, _shared: &str, scope: &Scope) -> Result<Backend> {
        self.open(scope)
    }
}
