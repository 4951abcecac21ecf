//! The handle that callers hold.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::redact::redact;
use crate::{
    AuditRecord, Capabilities, Digest, Environment, Error, ErrorKind, LaunchSpec, Listing, Literals, Loaded,
    McpServerRef, McpServerRegistryBackend, McpServerSpec, ProcessEnvironment, Rehearsal, Result, Revision, Scope,
    ServerName, ValidationResult, Write, WriteContext,
};

/// How many lines of a listing it takes for a second thread to save more time than it costs.
const WORTH_A_THREAD: usize = 20_000;

/// A registry: an opened backend, with what holds for every backend done once.
///
/// - Listings are sorted and their refs redacted (rule 4).
/// - Every write is preceded by a check of the entry, of literals that look like secrets, and of
///   the capability as negotiated (rule 3).
/// - References are resolved here, on the client, and only for launch (rule 8).
///
/// Cloning it is cheap; the clones share the backend.
#[derive(Debug, Clone)]
pub struct McpServerRegistry {
    backend: Arc<dyn McpServerRegistryBackend>,
    environment: Arc<dyn Environment>,
}

impl McpServerRegistry {
    /// A registry on `backend`, resolving references in the environment of the process.
    #[must_use]
    pub fn new(backend: Arc<dyn McpServerRegistryBackend>) -> Self {
        Self { backend, environment: Arc::new(ProcessEnvironment) }
    }

    /// The same, resolving references elsewhere.
    #[must_use]
    pub fn with_environment(mut self, environment: Arc<dyn Environment>) -> Self {
        self.environment = environment;
        self
    }

    /// The backend underneath.
    #[must_use]
    pub fn backend(&self) -> &Arc<dyn McpServerRegistryBackend> {
        &self.backend
    }

    /// The backend's id.
    #[must_use]
    pub fn backend_id(&self) -> &str {
        self.backend.backend_id()
    }

    /// Everything the scope has mounted, sorted by name, broken entries beside the good ones.
    ///
    /// # Errors
    /// As [`McpServerRegistryBackend::list`].
    pub async fn list(&self) -> Result<Listing> {
        let mut listing = self.backend.list().await?;
        listing.sort();
        make_all_safe(&mut listing.servers);
        Ok(listing)
    }

    /// The entry `name`, holding references.
    ///
    /// # Errors
    /// As [`McpServerRegistryBackend::load`].
    pub async fn load(&self, name: &ServerName) -> Result<McpServerSpec> {
        self.backend.load(name).await
    }

    /// What [`load`](Self::load) gives for every name, in list order (rule 10).
    ///
    /// # Errors
    /// As [`McpServerRegistryBackend::list`].
    pub async fn load_all(&self) -> Result<Vec<Loaded>> {
        self.backend.load_all().await
    }

    /// The entry `name`, its references resolved, cleared for launch by the backend (rule 8).
    ///
    /// # Errors
    /// As [`load`](Self::load) and [`McpServerSpec::resolve`];
    /// [`ErrorKind::PathNotAllowed`].
    pub async fn load_for_launch(&self, name: &ServerName) -> Result<LaunchSpec> {
        self.resolve(&self.backend.load(name).await?).await
    }

    /// The same of an entry that was loaded already.
    ///
    /// # Errors
    /// As [`load_for_launch`](Self::load_for_launch).
    pub async fn resolve(&self, spec: &McpServerSpec) -> Result<LaunchSpec> {
        let launch = spec.resolve(&*self.environment)?;
        self.backend.check_launch(&launch).await?;
        Ok(launch)
    }

    /// What the backend and this client find at a static look. Starts nothing, reads no value; a
    /// missing entry is `ok: false` with the reason.
    ///
    /// # Errors
    /// When the storage cannot be reached.
    pub async fn validate(&self, name: &ServerName) -> Result<ValidationResult> {
        let mut result = self.backend.validate(name).await?;
        if result.is_ok() {
            match self.backend.load(name).await {
                Ok(spec) => add_warnings(&mut result, &spec, &*self.environment),
                // It went between the two looks: the later one counts.
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(error) => result.errors.push(error.to_string()),
            }
        }
        result.redact();
        Ok(result)
    }

    /// [`validate`](Self::validate) for everything in the scope, and for what the backend found
    /// that is no entry.
    ///
    /// # Errors
    /// When the storage cannot be reached.
    pub async fn validate_all(&self) -> Result<Vec<ValidationResult>> {
        let mut results = self.backend.validate_all().await?;
        let loaded = self.backend.load_all().await?;
        for result in results.iter_mut().filter(|r| r.is_ok()) {
            let found = loaded.binary_search_by(|l| l.name.as_str().cmp(&result.name)).ok().and_then(|i| loaded.get(i));
            if let Some(Ok(spec)) = found.map(|l| &l.result) {
                add_warnings(result, spec, &*self.environment);
            }
        }
        results.iter_mut().for_each(ValidationResult::redact);
        Ok(results)
    }

    /// Refuses an entry that [`install`](Self::install) and [`update`](Self::update) would refuse for what it
    /// is: they ask this first, and whoever only wants to know asks nobody else.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`].
    pub fn check_entry(&self, spec: &McpServerSpec, context: &WriteContext) -> Result<()> {
        spec.check()?;
        if let Some(field) = spec.masked().masked.iter().find(|field| !context.literals.allows(field)) {
            return Err(Error::new(
                ErrorKind::InvalidSpec,
                format!("{field} of the server {:?} holds a literal that looks like a secret", spec.name),
            )
            .hint(Literals::HINT));
        }
        self.backend.check_entry(spec, context)
    }

    /// Stores a new entry and gives its listing line.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSpec`] for an entry that breaks the contract or holds a literal that
    /// looks like a secret which `context` does not allow; [`ErrorKind::Unsupported`];
    /// [`ErrorKind::AlreadyInstalled`].
    pub async fn install(&self, spec: &McpServerSpec, context: &WriteContext) -> Result<McpServerRef> {
        self.may_install(spec, context).await?;
        self.backend.install(spec, context).await.map(safe_ref)
    }

    /// Replaces the entry whose digest is `expected`.
    ///
    /// # Errors
    /// As [`install`](Self::install); [`ErrorKind::NotInRegistry`]; [`ErrorKind::Conflict`].
    pub async fn update(
        &self,
        spec: &McpServerSpec,
        expected: &Digest,
        context: &WriteContext,
    ) -> Result<McpServerRef> {
        self.may_update(spec, context).await?;
        self.backend.update(spec, expected, context).await.map(safe_ref)
    }

    /// Removes an entry, broken or not; one that is not there is removed already.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]; [`ErrorKind::Conflict`] when `expected` is given and differs.
    pub async fn uninstall(&self, name: &ServerName, expected: Option<&Digest>, context: &WriteContext) -> Result<()> {
        self.may_uninstall().await?;
        self.backend.uninstall(name, expected, context).await
    }

    /// What a write would do to the text that stores the scope, told without writing; `None` where no text
    /// stores it (rule 29).
    ///
    /// # Errors
    /// As the write itself, by what is asked for and what is stored.
    pub async fn rehearse(&self, write: &Write, context: &WriteContext) -> Result<Option<Rehearsal>> {
        match write {
            Write::Install(spec) => self.may_install(spec, context).await?,
            Write::Update(spec, _) => self.may_update(spec, context).await?,
            Write::Uninstall(..) => self.may_uninstall().await?,
        }
        self.backend.rehearse(write, context).await
    }

    /// What the backend's class can do (rule 3).
    #[must_use]
    pub fn declared(&self) -> Capabilities {
        self.backend.declared()
    }

    /// What the connected resource allows now (rule 3).
    ///
    /// # Errors
    /// When it must be asked and does not answer.
    pub async fn capabilities(&self) -> Result<Capabilities> {
        self.backend.capabilities().await
    }

    /// The same, asking anew.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn refresh_capabilities(&self) -> Result<Capabilities> {
        self.backend.refresh_capabilities().await
    }

    /// The commands that the agent's own allowlist holds (rule 12); `None` where it has none of its own.
    ///
    /// # Errors
    /// When the storage cannot be reached.
    pub async fn allowed_commands(&self) -> Result<Option<Vec<String>>> {
        self.backend.allowed_commands().await
    }

    /// A cheap token that changes with the scope's content.
    ///
    /// # Errors
    /// When the storage cannot be reached.
    pub async fn revision(&self) -> Result<Option<Revision>> {
        self.backend.revision().await
    }

    /// The scopes of the storage that have entries.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where it cannot be told.
    pub async fn scopes(&self) -> Result<Vec<Scope>> {
        self.backend.scopes().await
    }

    /// What was asked to be written in the scope (rule 27): the records whose numbers follow `after`,
    /// oldest first, at most `limit` of them.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where no record is kept, or not for this caller.
    pub async fn audit(&self, after: u64, limit: usize) -> Result<Vec<AuditRecord>> {
        self.require("audit", |c| c.supports_audit).await?;
        self.backend.audit(after, limit).await
    }

    /// The same storage and environment, in another scope; `None` where the locator is to be opened
    /// again for it.
    #[must_use]
    pub fn in_scope(&self, scope: &Scope) -> Option<Self> {
        let backend = self.backend.in_scope(scope)?;
        Some(Self { backend, environment: self.environment.clone() })
    }

    /// Lets go of what the backend holds (rule 6).
    ///
    /// # Errors
    /// When something held could not be let go of.
    pub async fn close(&self) -> Result<()> {
        self.backend.close().await
    }

    async fn may_install(&self, spec: &McpServerSpec, context: &WriteContext) -> Result<()> {
        self.check_entry(spec, context)?;
        self.require("install", |c| c.supports_install).await
    }

    async fn may_update(&self, spec: &McpServerSpec, context: &WriteContext) -> Result<()> {
        self.check_entry(spec, context)?;
        self.require("update", |c| c.supports_update).await
    }

    async fn may_uninstall(&self) -> Result<()> {
        self.require("uninstall", |c| c.supports_uninstall).await
    }

    async fn require(&self, operation: &str, allowed: fn(&Capabilities) -> bool) -> Result<()> {
        if allowed(&self.backend.capabilities().await?) {
            Ok(())
        } else {
            Err(Error::unsupported(self.backend_id(), operation))
        }
    }
}

/// Redacts every line of a listing, the two halves of a long one side by side.
fn make_all_safe(servers: &mut [McpServerRef]) {
    let (front, back) = servers.split_at_mut(servers.len() / 2);
    let back = Mutex::new(back);
    let redact_back = || back.lock().unwrap_or_else(PoisonError::into_inner).iter_mut().for_each(make_safe);
    thread::scope(|scope| {
        let is_long = front.len() >= WORTH_A_THREAD;
        let second = is_long.then(|| thread::Builder::new().spawn_scoped(scope, redact_back));
        front.iter_mut().for_each(make_safe);
        // It is short, or there is no second thread to be had.
        if !matches!(second, Some(Ok(_))) {
            redact_back();
        }
    });
}

fn make_safe(server: &mut McpServerRef) {
    let source = (!is_section(&server.source, &server.name)).then_some(&mut server.source);
    for text in [&mut server.description].into_iter().chain(source) {
        if let std::borrow::Cow::Owned(safe) = redact(text) {
            *text = safe;
        }
    }
}

/// Whether a source is the section of the entry's name in a document, as `mcp.md#github` is: what a listing of a
/// document is full of, and nothing that could be a secret, as the name is shown beside it.
fn is_section(source: &str, name: &ServerName) -> bool {
    const LONGEST_DOCUMENT: usize = 16;
    let document = source.strip_suffix(name.as_str()).and_then(|before| before.strip_suffix('#'));
    document.is_some_and(|document| {
        document.len() <= LONGEST_DOCUMENT && document.bytes().all(|b| b.is_ascii_lowercase() || b == b'.')
    })
}

fn safe_ref(mut server: McpServerRef) -> McpServerRef {
    make_safe(&mut server);
    server
}

fn add_warnings(result: &mut ValidationResult, spec: &McpServerSpec, environment: &dyn Environment) {
    result.warnings.extend(spec.warnings(environment));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TransportKind;

    proptest::proptest! {
        /// What is not looked at holds nothing that would be hidden, unless the name does, which is shown anyway.
        #[test]
        fn rule_4_the_section_of_a_name_hides_nothing(document in "[a-z.]{0,17}", name in "[A-Za-z0-9_.+@-]{1,40}") {
            let Ok(name) = ServerName::parse(&name) else { return Ok(()) };
            let source = format!("{document}#{name}");
            if is_section(&source, &name) && redact(name.as_str()) == name.as_str() {
                proptest::prop_assert_eq!(redact(&source), source.as_str());
            }
        }
    }

    #[test]
    fn rule_4_every_line_of_a_listing_is_redacted_however_long_it_is() {
        for length in [0, 1, 2, 3, 2 * WORTH_A_THREAD - 1, 2 * WORTH_A_THREAD, 2 * WORTH_A_THREAD + 1] {
            let line = |i| McpServerRef {
                name: ServerName::parse(&format!("n{i}")).unwrap(),
                description: format!("{i} https://u:p@h/"),
                transport: TransportKind::Stdio,
                version: None,
                source: format!("{i} token=hunter2"),
            };
            let mut servers: Vec<_> = (0..length).map(line).collect();
            make_all_safe(&mut servers);
            assert_eq!(servers.len(), length);
            for (i, server) in servers.iter().enumerate() {
                let expected = (format!("{i} https://***@h/"), format!("{i} token=***"));
                assert_eq!((server.description.as_str(), server.source.as_str()), (&*expected.0, &*expected.1));
            }
        }
    }
}
