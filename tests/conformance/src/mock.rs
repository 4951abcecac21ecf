//! A backend in memory that can be made to fail: for testing the suite, and programs that use a
//! registry.
//!
//! ```
//! use mcp_registry_conformance::mock::MockStorage;
//! use mcp_registry_spec::{ErrorKind, McpServerRegistryBackend, McpServerSpec, Scope, ServerName, WriteContext};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! # runtime.block_on(async {
//! let storage = MockStorage::new();
//! let scope = Scope::parse("scout")?;
//! let backend = storage.open(&scope);
//! backend.install(&McpServerSpec::stdio(ServerName::parse("github")?, "npx"), &WriteContext::new()).await?;
//!
//! storage.fail_next(&scope, 1);
//! let error = backend.list().await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Unavailable);
//! assert!(error.is_retryable());
//! assert_eq!(backend.list().await?.servers.len(), 1);
//! # Ok::<(), mcp_registry_spec::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use mcp_registry_spec::{
    AuditAction, AuditOutcome, AuditRecord, BrokenEntry, Capabilities, Digest, Error, ErrorKind, Listing, McpServerRef,
    McpServerRegistryBackend, McpServerSpec, Rehearsal, Result, Revision, Scope, ServerName, Write, WriteContext,
};

use crate::fixture::{Backend, Fixture};

/// The id of the mock.
pub const ID: &str = "mock";

/// Storage in memory, shared by all the backends opened on it and its clones.
#[derive(Clone)]
pub struct MockStorage(Arc<Mutex<State>>);

struct State {
    scopes: BTreeMap<Scope, Entries>,
    failures: BTreeMap<Scope, usize>,
    delay: Duration,
    capabilities: Capabilities,
}

#[derive(Default, Clone)]
struct Entries {
    entries: BTreeMap<ServerName, Result<McpServerSpec>>,
    revision: u64,
    records: Vec<AuditRecord>,
}

impl Entries {
    fn set(&mut self, name: ServerName, entry: Result<McpServerSpec>) {
        self.entries.insert(name, entry);
        self.revision += 1;
    }

    fn remove(&mut self, name: &ServerName) {
        self.entries.remove(name);
        self.revision += 1;
    }

    fn digest(&self, name: &ServerName) -> Option<Digest> {
        self.entries.get(name)?.as_ref().ok()?.digest().ok()
    }

    /// Does a write, or refuses it and changes nothing.
    fn change(&mut self, write: &Write) -> Result<()> {
        let found = self.entries.get(write.name());
        match write {
            Write::Install(spec) if found.is_some() => return Err(Error::already_installed(&spec.name)),
            Write::Install(spec) => self.set(spec.name.clone(), Ok(spec.clone())),
            Write::Update(spec, expected) => {
                let found = found.cloned().unwrap_or_else(|| Err(Error::not_in_registry(&spec.name)))?.digest()?;
                if found != *expected {
                    return Err(Error::conflict(&spec.name, expected, &found));
                }
                self.set(spec.name.clone(), Ok(spec.clone()));
            }
            Write::Uninstall(name, expected) => {
                match (found, expected) {
                    (None, _) => return Ok(()),
                    (Some(Ok(spec)), Some(expected)) => {
                        let found = spec.digest()?;
                        if found != *expected {
                            return Err(Error::conflict(name, expected, &found));
                        }
                    }
                    (Some(Err(_)), Some(_)) => {
                        let broken = format!("the entry {name} is broken and has no digest");
                        return Err(Error::new(ErrorKind::Conflict, broken));
                    }
                    (Some(_), None) => {}
                }
                self.remove(name);
            }
        }
        Ok(())
    }

    /// The text that would store them, if any did: an entry a line.
    fn text(&self) -> String {
        let line = |(name, entry): (&ServerName, &Result<McpServerSpec>)| match entry {
            Ok(spec) => serde_json::to_string(spec).unwrap_or_default() + "\n",
            Err(_) => format!("{name} is broken\n"),
        };
        self.entries.iter().map(line).collect()
    }
}

impl Default for MockStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for MockStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The entries may hold literals (rule 4).
        f.write_str("MockStorage")
    }
}

impl MockStorage {
    /// Empty storage that allows every write and keeps an audit.
    #[must_use]
    pub fn new() -> Self {
        let mut capabilities = Capabilities::read_write().volatile();
        capabilities.supports_audit = true;
        Self::with_capabilities(capabilities)
    }

    /// Empty storage that allows what these say.
    #[must_use]
    pub fn with_capabilities(capabilities: Capabilities) -> Self {
        let (scopes, failures) = (BTreeMap::new(), BTreeMap::new());
        Self(Arc::new(Mutex::new(State { scopes, failures, delay: Duration::ZERO, capabilities })))
    }

    /// Opens it for a scope.
    #[must_use]
    pub fn open(&self, scope: &Scope) -> MockBackend {
        MockBackend { storage: self.clone(), scope: scope.clone(), declared: self.capabilities() }
    }

    /// What it allows.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.state().capabilities
    }

    /// The next `calls` to the storage of a scope fail as `unavailable`.
    pub fn fail_next(&self, scope: &Scope, calls: usize) {
        self.state().failures.insert(scope.clone(), calls);
    }

    /// Every call takes this long, on the timer of the Tokio runtime around it.
    pub fn delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// Stores an entry, whatever is allowed and whatever is there.
    pub fn put(&self, scope: &Scope, spec: McpServerSpec) {
        self.state().scopes.entry(scope.clone()).or_default().set(spec.name.clone(), Ok(spec));
    }

    /// Stores an entry that is there but cannot be used.
    pub fn break_entry(&self, scope: &Scope, name: &ServerName) {
        let error = Error::new(ErrorKind::DescriptorInvalid, format!("the entry {name} is broken"));
        self.state().scopes.entry(scope.clone()).or_default().set(name.clone(), Err(error));
    }

    /// Removes an entry, whatever is allowed.
    pub(crate) fn remove(&self, scope: &Scope, name: &ServerName) {
        if let Some(scope) = self.state().scopes.get_mut(scope) {
            scope.remove(name);
        }
    }

    /// Makes a scope without entries.
    pub(crate) fn create_scope(&self, scope: &Scope) {
        self.state().scopes.entry(scope.clone()).or_default();
    }

    /// Every scope there is, with or without entries.
    pub(crate) fn known_scopes(&self) -> Vec<Scope> {
        self.state().scopes.keys().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No call panics with the lock held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call to a scope through, or fails it.
    async fn reach(&self, scope: &Scope) -> Result<MutexGuard<'_, State>> {
        let delay = self.state().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mut state = self.state();
        match state.failures.get_mut(scope) {
            Some(left) if *left > 0 => {
                *left -= 1;
                Err(Error::new(ErrorKind::Unavailable, "the mock was told to fail").retryable())
            }
            _ => Ok(state),
        }
    }
}

/// A backend on a [`MockStorage`].
#[derive(Debug, Clone)]
pub struct MockBackend {
    storage: MockStorage,
    scope: Scope,
    declared: Capabilities,
}

impl MockBackend {
    /// The storage it is opened on.
    #[must_use]
    pub fn storage(&self) -> &MockStorage {
        &self.storage
    }

    /// The scope it is opened for.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    fn line(&self, spec: &McpServerSpec) -> McpServerRef {
        McpServerRef { source: format!("{ID}:{}", self.scope), ..spec.to_ref() }
    }

    fn require(&self, operation: &str, allowed: bool) -> Result<()> {
        if allowed { Ok(()) } else { Err(Error::unsupported(ID, operation)) }
    }

    /// Whether it allows such a write.
    fn allows(&self, write: &Write) -> Result<()> {
        match write {
            Write::Install(_) => self.require("install", self.declared.supports_install),
            Write::Update(..) => self.require("update", self.declared.supports_update),
            Write::Uninstall(..) => self.require("uninstall", self.declared.supports_uninstall),
        }
    }

    /// Does a write, and puts it on record, done or refused, before anybody else sees either.
    async fn write(&self, action: AuditAction, write: &Write, context: &WriteContext) -> Result<()> {
        self.allows(write)?;
        let mut state = self.storage.reach(&self.scope).await?;
        let audits = state.capabilities.supports_audit;
        let (scope, name) = (state.scopes.entry(self.scope.clone()).or_default(), write.name());
        let before = scope.digest(name);
        let result = scope.change(write);
        if audits {
            let seq = scope.records.len() as u64 + 1;
            let mut record = AuditRecord::new(seq, SystemTime::now(), action, self.scope.clone(), name.clone());
            record.actor.clone_from(&context.actor);
            record.request_id.clone_from(&context.request_id);
            (record.before, record.after) = (before, scope.digest(name));
            record.outcome = result.as_ref().err().map_or(AuditOutcome::Done, |e| AuditOutcome::Refused(e.kind()));
            scope.records.push(record);
        }
        result
    }
}

#[async_trait]
impl McpServerRegistryBackend for MockBackend {
    fn backend_id(&self) -> &str {
        ID
    }

    async fn list(&self) -> Result<Listing> {
        let state = self.storage.reach(&self.scope).await?;
        let mut listing = Listing::default();
        for (name, entry) in state.scopes.get(&self.scope).map(|s| &s.entries).into_iter().flatten() {
            match entry {
                Ok(spec) => listing.servers.push(self.line(spec)),
                Err(error) => listing.broken.push(BrokenEntry { name: name.clone(), error: error.clone() }),
            }
        }
        Ok(listing)
    }

    async fn load(&self, name: &ServerName) -> Result<McpServerSpec> {
        let state = self.storage.reach(&self.scope).await?;
        let entry = state.scopes.get(&self.scope).and_then(|s| s.entries.get(name)).cloned();
        entry.unwrap_or_else(|| Err(Error::not_in_registry(name)))
    }

    fn declared(&self) -> Capabilities {
        self.declared
    }

    async fn install(&self, spec: &McpServerSpec, context: &WriteContext) -> Result<McpServerRef> {
        self.write(AuditAction::Install, &Write::Install(spec.clone()), context).await?;
        Ok(self.line(spec))
    }

    async fn update(&self, spec: &McpServerSpec, expected: &Digest, context: &WriteContext) -> Result<McpServerRef> {
        self.write(AuditAction::Update, &Write::Update(spec.clone(), *expected), context).await?;
        Ok(self.line(spec))
    }

    async fn uninstall(&self, name: &ServerName, expected: Option<&Digest>, context: &WriteContext) -> Result<()> {
        self.write(AuditAction::Uninstall, &Write::Uninstall(name.clone(), expected.copied()), context).await
    }

    async fn rehearse(&self, write: &Write, _context: &WriteContext) -> Result<Option<Rehearsal>> {
        self.allows(write)?;
        let state = self.storage.reach(&self.scope).await?;
        let mut entries = state.scopes.get(&self.scope).cloned().unwrap_or_default();
        let before = entries.text();
        entries.change(write)?;
        // Which part of a line is a literal, it does not say.
        let hidden = |_: &str, within| vec![within];
        Ok(Some(Rehearsal { place: format!("{}.jsonl", self.scope), before, after: entries.text(), hidden }))
    }

    async fn revision(&self) -> Result<Option<Revision>> {
        let state = self.storage.reach(&self.scope).await?;
        Ok(Some(Revision(state.scopes.get(&self.scope).map_or(0, |s| s.revision).to_string())))
    }

    async fn scopes(&self) -> Result<Vec<Scope>> {
        let state = self.storage.reach(&self.scope).await?;
        Ok(state.scopes.iter().filter(|(_, s)| !s.entries.is_empty()).map(|(scope, _)| scope.clone()).collect())
    }

    async fn audit(&self, after: u64, limit: usize) -> Result<Vec<AuditRecord>> {
        self.require("audit", self.declared.supports_audit)?;
        let state = self.storage.reach(&self.scope).await?;
        let records = state.scopes.get(&self.scope).map(|s| s.records.as_slice()).unwrap_or_default();
        Ok(records.iter().filter(|record| record.seq > after).take(limit).cloned().collect())
    }

    fn in_scope(&self, scope: &Scope) -> Option<Backend> {
        Some(Arc::new(self.storage.open(scope)))
    }
}

/// The fixture of the mock: with every hook but those for several processes.
#[derive(Debug, Clone, Default)]
pub struct MockFixture {
    storage: MockStorage,
}

impl MockFixture {
    /// On empty storage that allows every write and keeps an audit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// On this storage.
    #[must_use]
    pub fn on(storage: MockStorage) -> Self {
        Self { storage }
    }

    /// The storage.
    #[must_use]
    pub fn storage(&self) -> &MockStorage {
        &self.storage
    }
}

#[async_trait]
impl Fixture for MockFixture {
    fn open(&self, scope: &Scope) -> Result<Backend> {
        Ok(Arc::new(self.storage.open(scope)))
    }

    fn backend_id(&self) -> &str {
        ID
    }

    fn capabilities(&self) -> Capabilities {
        self.storage.capabilities()
    }

    async fn seed(&self, scope: &Scope, spec: &McpServerSpec) -> Option<Result<()>> {
        self.storage.put(scope, spec.clone());
        Some(Ok(()))
    }

    async fn break_entry(&self, scope: &Scope, name: &ServerName, _secret: &str) -> Option<Result<()>> {
        self.storage.break_entry(scope, name);
        Some(Ok(()))
    }

    async fn unavailable(&self, scope: &Scope) -> Option<Result<Backend>> {
        self.storage.fail_next(scope, usize::MAX);
        Some(self.open(scope))
    }
}
