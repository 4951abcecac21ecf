//! The trait that stores entries.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    AuditRecord, Capabilities, Digest, Error, ErrorKind, LaunchSpec, Listing, McpServerRef, McpServerSpec, Rehearsal,
    Result, Scope, ServerName, ValidationResult, Write, WriteContext,
};

/// A cheap token that differs whenever the content of the scope does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision(pub String);

/// What loading one entry of a scope gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The entry's name.
    pub name: ServerName,
    /// What [`McpServerRegistryBackend::load`] gives for it.
    pub result: Result<McpServerSpec>,
}

/// Stores the entries of one scope: the seam of the project.
///
/// `spec/BACKEND.md` states the rules; the documentation of each method cites those it upholds, and
/// the conformance suite checks them by number. Only three methods are required: a backend that
/// claims no write need not mention any.
///
/// Callers use a [`McpServerRegistry`](crate::McpServerRegistry), which does for every backend what
/// holds for all of them.
#[async_trait]
pub trait McpServerRegistryBackend: Send + Sync + Debug {
    /// The id the backend is registered under.
    ///
    /// - The same on every call (rule 6).
    fn backend_id(&self) -> &str;

    /// Everything the scope has mounted, sorted by name, broken entries beside the good ones.
    ///
    /// - Absent storage is an empty listing (rules 2, 7); storage that cannot be reached is
    ///   `unavailable` (rule 7).
    /// - Refs hold no credential (rule 4).
    /// - Nothing of another scope (rule 5).
    async fn list(&self) -> Result<Listing>;

    /// The entry `name`, its references as they are stored.
    ///
    /// - Absent: `not_in_registry`. There but unusable: `descriptor_invalid`, with path and line
    ///   where there are such. Not reachable: `unavailable` (rule 7).
    /// - No reference is resolved (rule 8).
    async fn load(&self, name: &ServerName) -> Result<McpServerSpec>;

    /// What the class can do, at once and conservative: no I/O, nothing claimed that a connected
    /// resource could refuse (rule 3).
    fn declared(&self) -> Capabilities {
        Capabilities::read_only()
    }

    /// What the connected resource allows now, negotiating if it must (rule 3).
    async fn capabilities(&self) -> Result<Capabilities> {
        Ok(self.declared())
    }

    /// The same, always asking anew.
    async fn refresh_capabilities(&self) -> Result<Capabilities> {
        self.capabilities().await
    }

    /// For each name that [`list`](Self::list) gives, broken ones too, in its order: what
    /// [`load`](Self::load) gives (rule 10). Override it where one pass can do it.
    async fn load_all(&self) -> Result<Vec<Loaded>> {
        let listing = self.list().await?;
        let mut all = Vec::with_capacity(listing.servers.len() + listing.broken.len());
        for name in listing.names() {
            all.push(Loaded { name: name.clone(), result: self.load(name).await });
        }
        Ok(all)
    }

    /// What a static look at the stored entry finds. Starts nothing, reads no variable.
    ///
    /// - A missing or broken entry is `ok: false` with the reason, not an error (rule 7).
    async fn validate(&self, name: &ServerName) -> Result<ValidationResult> {
        validation_of(name, self.load(name).await.map(drop))
    }

    /// [`validate`](Self::validate) for everything in the scope, in list order. Override it where
    /// one pass can do it, or where there is something to say of what is no entry.
    async fn validate_all(&self) -> Result<Vec<ValidationResult>> {
        self.load_all().await?.into_iter().map(|l| validation_of(&l.name, l.result.map(drop))).collect()
    }

    /// Refuses an entry that this backend would store in no case, whatever there is: at once, without
    /// I/O. The handle asks this before it asks for the capability; `install` and `update` refuse the
    /// same.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`].
    fn check_entry(&self, _spec: &McpServerSpec, _context: &WriteContext) -> Result<()> {
        Ok(())
    }

    /// Stores a new entry and gives its listing line. Needs `supports_install`.
    ///
    /// - An entry of that name, broken or not: `already_installed`, and nothing changes. Of any
    ///   number of concurrent installs of one name one wins; of different names all do (rule 9).
    /// - References and extra keys are stored as they are (rule 8).
    async fn install(&self, _spec: &McpServerSpec, _context: &WriteContext) -> Result<McpServerRef> {
        Err(Error::unsupported(self.backend_id(), "install"))
    }

    /// Replaces the entry of that name whose digest is `expected`. Needs `supports_update`.
    ///
    /// - Absent: `not_in_registry`; another digest: `conflict`; and nothing changes (rule 9).
    async fn update(&self, _spec: &McpServerSpec, _expected: &Digest, _context: &WriteContext) -> Result<McpServerRef> {
        Err(Error::unsupported(self.backend_id(), "update"))
    }

    /// Removes the entry, broken or not. Needs `supports_uninstall`.
    ///
    /// - Absent: success. With `expected`, another digest is `conflict` and nothing changes; a
    ///   broken entry has no digest, so `expected` never fits it (rule 9).
    async fn uninstall(&self, _name: &ServerName, _expected: Option<&Digest>, _context: &WriteContext) -> Result<()> {
        Err(Error::unsupported(self.backend_id(), "uninstall"))
    }

    /// What a write would do to the text that stores the scope; `None` where no text stores it.
    ///
    /// - Nothing changes, nothing is made, nothing is recorded.
    /// - It fails as the write would by what is asked for and what is stored; what the write stores, if
    ///   nothing changes meanwhile, is the very text that is told (rule 29).
    async fn rehearse(&self, _write: &Write, _context: &WriteContext) -> Result<Option<Rehearsal>> {
        Ok(None)
    }

    /// Whether this backend lets the resolved launch happen (rule 8): a place for checks that need
    /// values, such as the folders path arguments may lead to.
    async fn check_launch(&self, _launch: &LaunchSpec) -> Result<()> {
        Ok(())
    }

    /// The commands that the agent's own allowlist holds, in order (rule 12); `None` where the agent has
    /// none of its own.
    async fn allowed_commands(&self) -> Result<Option<Vec<String>>> {
        Ok(None)
    }

    /// A cheap token that changes with the scope's content; `None` where there is none.
    async fn revision(&self) -> Result<Option<Revision>> {
        Ok(None)
    }

    /// The scopes of the storage that have entries, sorted; `unsupported` where it cannot be told.
    async fn scopes(&self) -> Result<Vec<Scope>> {
        Err(Error::unsupported(self.backend_id(), "listing scopes"))
    }

    /// What was asked to be written in the scope: the records whose numbers follow `after`, oldest
    /// first, at most `limit` of them. Needs `supports_audit`.
    ///
    /// - Every call of a write that reached the storage has one, also one that was refused there; it
    ///   is stored together with what the write changed, or neither is (rule 27).
    async fn audit(&self, _after: u64, _limit: usize) -> Result<Vec<AuditRecord>> {
        Err(Error::unsupported(self.backend_id(), "audit"))
    }

    /// The same storage, opened for another scope and sharing what this backend holds, such as
    /// connections; `None` where nothing is worth sharing and the locator is to be opened again.
    fn in_scope(&self, _scope: &Scope) -> Option<Arc<dyn McpServerRegistryBackend>> {
        None
    }

    /// Lets go of what the backend holds. Idempotent, and harmless before any other call (rule 6).
    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// What a load says to somebody who only wants to know whether it would work.
fn validation_of(name: &ServerName, loaded: Result<()>) -> Result<ValidationResult> {
    match loaded {
        Ok(()) => Ok(ValidationResult::new(name.as_str())),
        Err(error) => match error.kind() {
            ErrorKind::NotInRegistry
            | ErrorKind::DescriptorInvalid
            | ErrorKind::InvalidSpec
            | ErrorKind::PathNotAllowed => Ok(ValidationResult::failed(name.as_str(), &error)),
            _ => Err(error),
        },
    }
}
