//! The backend: an agent's `mcp.md` behind the trait.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use mcp_registry_spec::{
    BrokenEntry, Capabilities, Digest, Error, ErrorKind, LaunchSpec, Listing, Loaded, McpServerRef,
    McpServerRegistryBackend, McpServerSpec, Rehearsal, Result, Revision, Scope, ServerName, TransportKind,
    ValidationResult, Write, WriteContext,
};

use crate::config::Config;
use crate::document::{self, Document, Entry, Problem};
use crate::folder::Folder;
use crate::read;
use crate::read_paths::ReadPaths;

/// The id the backend is registered under.
pub const ID: &str = "filesystem";
/// The document's name in an agent's folder.
pub const DOCUMENT: &str = "mcp.md";

/// The entries of one agent, in the `mcp.md` of its folder.
///
/// ```
/// use std::sync::Arc;
/// use mcp_registry_filesystem::{Config, FilesystemBackend};
/// use mcp_registry_spec::McpServerRegistry;
///
/// # let _ = async {
/// let registry = McpServerRegistry::new(Arc::new(FilesystemBackend::new(Config::new("agents/scout"))));
/// for server in registry.list().await?.servers {
///     println!("{} {}", server.name, server.transport);
/// }
/// # Ok::<(), mcp_registry_spec::Error>(()) };
/// ```
#[derive(Debug, Clone)]
pub struct FilesystemBackend {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) document: PathBuf,
}

impl FilesystemBackend {
    /// A backend for the folder of `config`. Touches nothing (rule 2).
    #[must_use]
    pub fn new(config: Config) -> Self {
        let document = config.folder.join(DOCUMENT);
        Self { inner: Arc::new(Inner { config, document }) }
    }

    /// Makes the document, saying `text`. One that is there is left alone.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyInstalled`] when there is one, [`ErrorKind::Unavailable`] when it cannot be
    /// made.
    pub async fn create(&self, text: impl Into<String>) -> Result<()> {
        let text = text.into();
        self.run(move |inner| inner.create(&text)).await
    }

    /// Files block, and the lock may be waited for: neither happens on a thread that runs other
    /// futures.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        if self.inner.config.may_block {
            return work(&self.inner);
        }
        let inner = self.inner.clone();
        blocking::unblock(move || work(&inner)).await
    }
}

impl Inner {
    /// The document's text; empty when there is none.
    pub(crate) fn text(&self) -> Result<String> {
        let Some(folder) = Folder::look(&self.config.folder, self.config.follow_links)? else {
            return Ok(String::new());
        };
        let found = read::read(&folder, Path::new(DOCUMENT), self.config.follow_links)?;
        Ok(found.map(|found| found.text).unwrap_or_default())
    }

    pub(crate) fn error(&self, problem: Problem) -> Error {
        let error = Error::new(problem.kind, problem.message).at(&self.document, problem.line);
        match problem.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn listing(&self) -> Result<Listing> {
        let folder = Folder::look(&self.config.folder, self.config.follow_links)?;
        let Some(folder) = folder else { return Ok(Listing::default()) };
        read::look_at(&folder, Path::new(DOCUMENT), self.config.follow_links, |text| self.listing_of(text))
    }

    fn listing_of(&self, text: &str) -> Listing {
        let mut listing = Listing::default();
        let summaries = document::summaries(text);
        listing.servers.reserve(summaries.size_hint().1.unwrap_or_default());
        for (name, summary) in summaries {
            match summary {
                Ok(summary) => listing.servers.push(to_ref(name, summary.transport, summary.description.into_owned())),
                Err(problem) => listing.broken.push(BrokenEntry { name, error: self.error(problem) }),
            }
        }
        listing
    }

    /// What loading an entry gives: the spec, if its path arguments may be used.
    fn loaded(&self, spec: Result<McpServerSpec, Problem>) -> Result<McpServerSpec> {
        let spec = spec.map_err(|problem| self.error(problem))?;
        self.read_paths().check_spec(&spec)?;
        Ok(spec)
    }

    fn load(&self, name: &ServerName) -> Result<McpServerSpec> {
        let text = self.text()?;
        let entry =
            document::entry_of(&text, name).ok_or_else(|| Error::not_in_registry(name).at(&self.document, None))?;
        self.loaded(entry.spec)
    }

    fn validation(&self, entry: Entry) -> ValidationResult {
        let mut result = ValidationResult::new(entry.name.as_str());
        result.warnings = entry.warnings;
        if let Err(error) = self.loaded(entry.spec) {
            result.errors.push(error.to_string());
        }
        result
    }

    fn validate(&self, name: &ServerName) -> Result<ValidationResult> {
        let text = self.text()?;
        let found = document::entry_of(&text, name);
        Ok(match found {
            Some(entry) => self.validation(entry),
            None => ValidationResult::failed(name.as_str(), &Error::not_in_registry(name).at(&self.document, None)),
        })
    }

    fn validate_all(&self) -> Result<Vec<ValidationResult>> {
        let text = self.text()?;
        let document = Document::parse(&text);
        let mut results: Vec<_> = document.entries().map(|entry| self.validation(entry)).collect();
        if document.allowed_commands().is_some_and(|commands| commands.is_empty()) {
            let mut result = ValidationResult::new("Allowed commands");
            result.warnings.push("lists nothing, so no command is allowed; write one a line, not as a list".to_owned());
            results.push(result);
        }
        for stray in document.strays() {
            let mut result = ValidationResult::new(stray.title);
            result.warnings.push(format!(
                "line {}: this heading is no valid server name, so its section is not read as an entry",
                stray.line
            ));
            results.push(result);
        }
        Ok(results)
    }

    fn read_paths(&self) -> ReadPaths<'_> {
        ReadPaths { folder: &self.config.folder, allowed: &self.config.read_paths }
    }

    fn scopes(&self) -> Result<Vec<Scope>> {
        let Some(root) = self.config.folder.parent().filter(|_| !self.config.follow_links) else {
            return Err(Error::unsupported(ID, "listing scopes, as it was opened for one folder"));
        };
        let failed = |cause| Error::new(ErrorKind::Unavailable, "cannot be listed").at(root, None).caused_by(cause);
        let entries = match std::fs::read_dir(root) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut scopes = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Some(scope) = entry.file_name().to_str().and_then(|name| Scope::parse(name).ok()) else { continue };
            if !entry.file_type().map_err(failed)?.is_dir() {
                continue;
            }
            // A document that cannot be read is no reason to pretend that there is none.
            let found = Folder::look(&entry.path(), false)
                .and_then(|folder| folder.map_or(Ok(None), |folder| read::read(&folder, Path::new(DOCUMENT), false)));
            let has_entries = match found {
                Ok(found) => found.is_some_and(|f| Document::parse(&f.text).entries().next().is_some()),
                Err(_) => true,
            };
            if has_entries {
                scopes.push(scope);
            }
        }
        scopes.sort();
        Ok(scopes)
    }
}

fn to_ref(name: ServerName, transport: TransportKind, description: String) -> McpServerRef {
    let source = [DOCUMENT, "#", name.as_str()].concat();
    McpServerRef { name, description, transport, version: None, source }
}

#[async_trait]
impl McpServerRegistryBackend for FilesystemBackend {
    fn backend_id(&self) -> &str {
        ID
    }

    fn declared(&self) -> Capabilities {
        Capabilities::read_write()
    }

    async fn list(&self) -> Result<Listing> {
        self.run(Inner::listing).await
    }

    async fn load(&self, name: &ServerName) -> Result<McpServerSpec> {
        let name = name.clone();
        self.run(move |inner| inner.load(&name)).await
    }

    async fn load_all(&self) -> Result<Vec<Loaded>> {
        self.run(|inner| {
            let text = inner.text()?;
            let document = Document::parse(&text);
            Ok(document.entries().map(|e| Loaded { name: e.name, result: inner.loaded(e.spec) }).collect())
        })
        .await
    }

    async fn validate(&self, name: &ServerName) -> Result<ValidationResult> {
        let name = name.clone();
        self.run(move |inner| inner.validate(&name)).await
    }

    async fn validate_all(&self) -> Result<Vec<ValidationResult>> {
        self.run(Inner::validate_all).await
    }

    async fn install(&self, spec: &McpServerSpec, _context: &WriteContext) -> Result<McpServerRef> {
        let write = Write::Install(spec.clone());
        self.run(move |inner| inner.write(&write)).await?;
        Ok(to_ref(spec.name.clone(), spec.transport.kind(), spec.description.clone()))
    }

    async fn update(&self, spec: &McpServerSpec, expected: &Digest, _context: &WriteContext) -> Result<McpServerRef> {
        let write = Write::Update(spec.clone(), *expected);
        self.run(move |inner| inner.write(&write)).await?;
        Ok(to_ref(spec.name.clone(), spec.transport.kind(), spec.description.clone()))
    }

    async fn uninstall(&self, name: &ServerName, expected: Option<&Digest>, _context: &WriteContext) -> Result<()> {
        let write = Write::Uninstall(name.clone(), expected.copied());
        self.run(move |inner| inner.write(&write)).await
    }

    async fn rehearse(&self, write: &Write, _context: &WriteContext) -> Result<Option<Rehearsal>> {
        let write = write.clone();
        self.run(move |inner| inner.rehearse(&write).map(Some)).await
    }

    async fn check_launch(&self, launch: &LaunchSpec) -> Result<()> {
        let launch = launch.clone();
        self.run(move |inner| inner.read_paths().check_launch(&launch)).await
    }

    async fn allowed_commands(&self) -> Result<Option<Vec<String>>> {
        self.run(|inner| {
            let text = inner.text()?;
            let commands = Document::parse(&text).allowed_commands();
            Ok(commands.map(|list| list.into_iter().map(str::to_owned).collect()))
        })
        .await
    }

    async fn revision(&self) -> Result<Option<Revision>> {
        // A file's time stamps can stay the same across a change; its content cannot.
        self.run(|inner| {
            let text = inner.text()?;
            Ok(Some(Revision(Digest::of_bytes(text.as_bytes()).to_string())))
        })
        .await
    }

    async fn scopes(&self) -> Result<Vec<Scope>> {
        self.run(Inner::scopes).await
    }
}
