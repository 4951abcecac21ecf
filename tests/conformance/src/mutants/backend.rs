//! The mutants themselves: the mock, with one mistake.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use mcp_registry_spec::{
    AuditOutcome, AuditRecord, Capabilities, Digest, Error, ErrorKind, Listing, Loaded, McpServerRef,
    McpServerRegistryBackend, McpServerSpec, Rehearsal, Result, Revision, Scope, ServerName, TransportKind,
    ValidationResult, Write, WriteContext,
};

use super::mistakes::resolved;
use super::{Mutation, PASSWORD};
use crate::mock::MockBackend;

/// A backend with one mistake.
pub struct Mutant {
    mutation: Mutation,
    mock: MockBackend,
    /// Counts what the mistake needs counted, over all instances.
    counter: Arc<AtomicUsize>,
    closed: AtomicUsize,
    used: AtomicUsize,
}

impl std::fmt::Debug for Mutant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let password = if self.mutation == Mutation::LeaksInDebug { PASSWORD } else { "***" };
        write!(f, "Mutant({:?}, {password})", self.mutation)
    }
}

impl Mutant {
    pub(super) fn new(mutation: Mutation, mock: MockBackend, counter: Arc<AtomicUsize>) -> Self {
        Self { mutation, mock, counter, closed: AtomicUsize::default(), used: AtomicUsize::default() }
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == mutation
    }

    /// What the mistake makes of an error.
    fn spoil(&self, error: Error) -> Error {
        match (self.mutation, error.kind()) {
            (Mutation::CallsAbsenceFailure, ErrorKind::NotInRegistry) => {
                Error::new(ErrorKind::Unavailable, error.to_string())
            }
            (Mutation::AlwaysRetryable, _) => error.retryable(),
            _ => error,
        }
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.mock.scopes().await?.contains(self.mock.scope()))
    }
}

#[async_trait]
impl McpServerRegistryBackend for Mutant {
    fn backend_id(&self) -> &str {
        let odd = self.is(Mutation::ChangesItsId) && self.counter.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        if odd { "mock-2" } else { self.mock.backend_id() }
    }

    async fn list(&self) -> Result<Listing> {
        self.used.store(1, Ordering::Relaxed);
        if self.is(Mutation::ClosesTheOthers) && self.counter.load(Ordering::Relaxed) > 0 {
            return Err(Error::new(ErrorKind::Unavailable, "the connection is closed"));
        }
        if self.is(Mutation::NeedsTheScopeToExist) && !self.exists().await? {
            return Err(Error::new(ErrorKind::Unavailable, "there is no such scope"));
        }
        let mut listing = match self.mock.list().await {
            Err(_) if self.is(Mutation::CallsFailureAbsence) => return Ok(Listing::default()),
            other => other.map_err(|e| self.spoil(e))?,
        };
        match self.mutation {
            Mutation::ListsEveryScope => {
                listing.servers.clear();
                for scope in self.mock.scopes().await? {
                    listing.servers.append(&mut self.mock.storage().open(&scope).list().await?.servers);
                }
                listing.sort();
            }
            Mutation::ListsUnsorted => listing.servers.reverse(),
            Mutation::ListsOnePage => listing.servers.truncate(100),
            Mutation::ListsEveryTransportAsStdio => {
                listing.servers.iter_mut().for_each(|s| s.transport = TransportKind::Stdio);
            }
            Mutation::LeaksInSources => {
                listing.servers.iter_mut().for_each(|s| s.source = format!("mock://admin:{PASSWORD}@host/"));
            }
            Mutation::HidesBroken => listing.broken.clear(),
            Mutation::FailsOnBroken => {
                if let Some(broken) = listing.broken.first() {
                    return Err(broken.error.clone());
                }
            }
            _ => {}
        }
        Ok(listing)
    }

    async fn load(&self, name: &ServerName) -> Result<McpServerSpec> {
        if self.is(Mutation::AuditsReads) {
            self.mock.uninstall(&ServerName::parse("no-such-entry")?, None, &WriteContext::new()).await?;
        }
        let loaded = match self.mock.load(&self.mutation.name(name)).await {
            Err(_) if self.is(Mutation::CallsFailureAbsence) => return Err(Error::not_in_registry(name)),
            other => other.map_err(|e| self.spoil(e))?,
        };
        match self.mutation {
            Mutation::ResolvesWhenLoading => Ok(resolved(loaded)),
            Mutation::NeedsVariablesToLoad
                if loaded.references().iter().any(|r| std::env::var_os(r.variable).is_none()) =>
            {
                Err(Error::new(ErrorKind::EnvUnresolved, format!("the entry {name} needs a variable")))
            }
            _ => Ok(loaded),
        }
    }

    fn declared(&self) -> Capabilities {
        let mut declared = self.mock.declared();
        declared.supports_update |= self.is(Mutation::DeclaresTooMuch);
        declared
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        Ok(self.mock.declared())
    }

    async fn load_all(&self) -> Result<Vec<Loaded>> {
        let mut all = Vec::new();
        for name in self.list().await?.names() {
            let result = self.load(name).await;
            match self.mutation {
                Mutation::DropsBrokenInBulk if result.is_err() => {}
                Mutation::DiffersInBulk => {
                    let result = result.map(|spec| McpServerSpec { description: String::new(), ..spec });
                    all.push(Loaded { name: name.clone(), result });
                }
                _ => all.push(Loaded { name: name.clone(), result }),
            }
        }
        Ok(all)
    }

    async fn validate(&self, name: &ServerName) -> Result<ValidationResult> {
        match (self.mutation, self.load(name).await) {
            (_, Ok(_)) | (Mutation::ValidatesBlindly, _) => Ok(ValidationResult::new(name.as_str())),
            (Mutation::FailsValidationOfAbsent, Err(error)) => Err(error),
            (_, Err(error)) => match error.kind() {
                ErrorKind::NotInRegistry | ErrorKind::DescriptorInvalid => {
                    Ok(ValidationResult::failed(name.as_str(), &error))
                }
                _ => Err(error),
            },
        }
    }

    async fn install(&self, spec: &McpServerSpec, context: &WriteContext) -> Result<McpServerRef> {
        let stored = self.mutation.stored(spec, context.actor.as_deref());
        let scope = self.mock.scope();
        match self.mutation {
            Mutation::RefusesWhatItClaims => return Err(Error::unsupported("mock", "install")),
            Mutation::RacesInInstall => {
                let found = self.mock.load(&spec.name).await;
                tokio::task::yield_now().await;
                return match found {
                    Err(error) if error.kind() == ErrorKind::NotInRegistry => {
                        self.mock.storage().put(scope, stored);
                        Ok(spec.to_ref())
                    }
                    Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
                    _ => Err(Error::already_installed(&spec.name)),
                };
            }
            Mutation::InstallsOver => self.mock.uninstall(&stored.name, None, context).await?,
            Mutation::InstallsOverBroken
                if self.mock.load(&stored.name).await.is_err_and(|e| e.kind() == ErrorKind::DescriptorInvalid) =>
            {
                self.mock.uninstall(&stored.name, None, context).await?;
            }
            Mutation::SharesNames => {
                for other in self.mock.scopes().await? {
                    if self.mock.storage().open(&other).load(&stored.name).await.is_ok() {
                        return Err(Error::already_installed(&stored.name));
                    }
                }
            }
            _ => {}
        }
        let installed = self.mock.install(&stored, context).await.map_err(|error| match self.mutation {
            Mutation::LeaksInErrors => error.caused_by(serde_json::to_string(spec).unwrap_or_default()),
            _ => self.spoil(error),
        });
        let mut line = installed?;
        match self.mutation {
            Mutation::AnswersWithAnotherLine => line.source.push_str(" (new)"),
            Mutation::LeaksInSources => line.source = format!("mock://admin:{PASSWORD}@host/"),
            _ => {}
        }
        Ok(line)
    }

    async fn update(&self, spec: &McpServerSpec, expected: &Digest, context: &WriteContext) -> Result<McpServerRef> {
        let stored = self.mutation.stored(spec, context.actor.as_deref());
        let storage = self.mock.storage();
        match self.mutation {
            Mutation::ClaimsWhatItCannot => return Err(Error::unsupported("mock", "update")),
            Mutation::RefusesByAnotherKind => return Err(Error::new(ErrorKind::Forbidden, "updates are not allowed")),
            Mutation::RacesInUpdate | Mutation::UpdatesInTwoSteps | Mutation::IgnoresTheDigest => {
                let found = self.mock.load(&stored.name).await?.digest()?;
                if found != *expected && !self.is(Mutation::IgnoresTheDigest) {
                    return Err(Error::conflict(&stored.name, expected, &found));
                }
                if self.is(Mutation::UpdatesInTwoSteps) {
                    self.mock.uninstall(&stored.name, Some(expected), context).await?;
                }
                tokio::task::yield_now().await;
                storage.put(self.mock.scope(), stored.clone());
                return Ok(self
                    .mock
                    .list()
                    .await?
                    .servers
                    .into_iter()
                    .find(|s| s.name == stored.name)
                    .unwrap_or(spec.to_ref()));
            }
            _ => {}
        }
        match self.mock.update(&stored, expected, context).await {
            Err(error) if self.is(Mutation::UpdatesTheAbsent) && error.kind() == ErrorKind::NotInRegistry => {
                self.mock.install(&stored, context).await
            }
            other => other.map_err(|e| self.spoil(e)),
        }
    }

    async fn uninstall(&self, name: &ServerName, expected: Option<&Digest>, context: &WriteContext) -> Result<()> {
        let name = &self.mutation.name(name);
        match self.mutation {
            Mutation::IgnoresTheDigestOfUninstall => return self.mock.uninstall(name, None, context).await,
            Mutation::FailsUninstallOfAbsent => {
                drop(self.mock.load(name).await.or_else(|error| match error.kind() {
                    ErrorKind::DescriptorInvalid => Ok(McpServerSpec::stdio(name.clone(), "broken")),
                    _ => Err(error),
                })?)
            }
            Mutation::KeepsBroken => drop(self.mock.load(name).await.or_else(|error| match error.kind() {
                ErrorKind::NotInRegistry => Ok(McpServerSpec::stdio(name.clone(), "absent")),
                _ => Err(error),
            })?),
            Mutation::DoesWhatItDoesNotClaim => {
                self.mock.storage().remove(self.mock.scope(), name);
                return Ok(());
            }
            _ => {}
        }
        self.mock.uninstall(name, expected, context).await.map_err(|e| self.spoil(e))
    }

    async fn rehearse(&self, write: &Write, context: &WriteContext) -> Result<Option<Rehearsal>> {
        if let (Mutation::WritesInRehearsals, Write::Install(spec)) = (self.mutation, write) {
            self.mock.storage().put(self.mock.scope(), spec.clone());
        }
        let mut rehearsal = match (self.mutation, self.mock.rehearse(write, context).await) {
            (Mutation::RehearsesWhatItRefuses | Mutation::RehearsesUnclaimed, Err(_)) => {
                let absent = Write::Uninstall(ServerName::parse("no-such-entry")?, None);
                self.mock.rehearse(&absent, context).await?
            }
            (_, rehearsed) => rehearsed?,
        };
        if let Some(rehearsal) = &mut rehearsal {
            match self.mutation {
                Mutation::RehearsesAnotherText => rehearsal.after.push('\n'),
                Mutation::HidesNothing => rehearsal.hidden = |_, _| Vec::new(),
                _ => {}
            }
        }
        Ok(rehearsal)
    }

    async fn revision(&self) -> Result<Option<Revision>> {
        match self.mutation {
            Mutation::FreezesTheRevision => Ok(Some(Revision("1".to_owned()))),
            Mutation::ChangesTheRevisionAlways => {
                Ok(Some(Revision(self.counter.fetch_add(1, Ordering::Relaxed).to_string())))
            }
            _ => self.mock.revision().await,
        }
    }

    async fn scopes(&self) -> Result<Vec<Scope>> {
        let mut scopes = self.mock.scopes().await?;
        match self.mutation {
            Mutation::ListsScopesUnsorted => scopes.reverse(),
            Mutation::CreatesTheScope => scopes = self.mock.storage().known_scopes(),
            _ => {}
        }
        Ok(scopes)
    }

    async fn audit(&self, after: u64, limit: usize) -> Result<Vec<AuditRecord>> {
        match self.mutation {
            Mutation::AuditsUnclaimed => return Ok(Vec::new()),
            Mutation::RepeatsARecord => return self.mock.audit(after.saturating_sub(1), limit).await,
            Mutation::IgnoresTheLimit => return self.mock.audit(after, usize::MAX).await,
            _ => {}
        }
        let mut all = self.mock.audit(0, usize::MAX).await?;
        spoil_records(self.mutation, &mut all);
        let mut page: Vec<_> = all.into_iter().filter(|record| record.seq > after).take(limit).collect();
        if self.is(Mutation::AuditsNewestFirst) {
            page.reverse();
        }
        Ok(page)
    }

    fn in_scope(&self, scope: &Scope) -> Option<Arc<dyn McpServerRegistryBackend>> {
        let scope = if self.is(Mutation::KeepsItsScope) { self.mock.scope() } else { scope };
        Some(Arc::new(Self::new(self.mutation, self.mock.storage().open(scope), self.counter.clone())))
    }

    #[allow(clippy::panic, reason = "panicking is this mutant's mistake")]
    async fn close(&self) -> Result<()> {
        let times = self.closed.fetch_add(1, Ordering::Relaxed);
        match self.mutation {
            Mutation::ClosesOnce if times > 0 => Err(Error::new(ErrorKind::Unavailable, "it is closed already")),
            Mutation::PanicsOnEarlyClose if self.used.load(Ordering::Relaxed) == 0 => panic!("it was never opened"),
            Mutation::HangsOnClose => std::future::pending().await,
            Mutation::ClosesTheOthers => {
                self.counter.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            _ => self.mock.close().await,
        }
    }
}

/// What the mistake makes of the records of a scope.
fn spoil_records(mutation: Mutation, all: &mut Vec<AuditRecord>) {
    match mutation {
        Mutation::AuditsWhatIsDoneAlone => {
            all.retain(|record| record.outcome == AuditOutcome::Done);
            (1..).zip(&mut *all).for_each(|(seq, record)| record.seq = seq);
        }
        Mutation::SkipsNumbers => all.iter_mut().for_each(|record| record.seq *= 2),
        Mutation::NumbersOutOfOrder => {
            all.reverse();
            (1..).zip(&mut *all).for_each(|(seq, record)| record.seq = seq);
        }
        Mutation::ForgetsWhoAsked => all.iter_mut().for_each(|record| record.actor = None),
        Mutation::ForgetsWhatWasThere => all.iter_mut().for_each(|record| record.before = None),
        _ => {}
    }
}
