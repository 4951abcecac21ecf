//! The backend: one scope of a catalog behind the trait.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use mcp_registry_spec::{
    AuditRecord, BrokenEntry, Capabilities, Digest, Error, Listing, Loaded, McpServerRef, McpServerRegistryBackend,
    McpServerSpec, Result, Revision, Scope, ServerName, ValidationResult, WriteContext,
};
use reqwest::Method;
use url::Url;

use crate::address::SCOPE;
use crate::budget::Budget;
use crate::client::{Answer, Client, Request};
use crate::config::{Builder, Config};
use crate::negotiation::Negotiation;
use crate::offer;
use crate::parse::{Element, Pages};
use crate::refusal::{Asked, is_of_entry};
use crate::write::{self, Write};

/// The id the backend is registered under.
pub const ID: &str = "http";

/// How many requests are under way at once where entries must be asked for one by one.
const AT_ONCE: usize = 8;
/// The most records that are asked for in one request.
const MOST_RECORDS: usize = 10_000;

/// The entries of one scope in a catalog.
///
/// ```
/// use std::sync::Arc;
/// use mcp_registry_http::HttpBackend;
/// use mcp_registry_spec::McpServerRegistry;
///
/// # let _ = async {
/// let backend = HttpBackend::builder("https://catalog.example.org/?agent_scope=scout").build()?;
/// let registry = McpServerRegistry::new(Arc::new(backend));
/// for server in registry.list().await?.servers {
///     println!("{} {}", server.name, server.transport);
/// }
/// # Ok::<(), mcp_registry_spec::Error>(()) };
/// ```
#[derive(Clone)]
pub struct HttpBackend {
    catalog: Arc<Catalog>,
    scope: Scope,
}

/// What belongs to an origin and a token, whatever the scope.
struct Catalog {
    client: Arc<Client>,
    negotiation: Negotiation,
}

impl fmt::Debug for HttpBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBackend")
            .field("client", &self.catalog.client)
            .field("scope", &self.scope.as_str())
            .finish()
    }
}

impl HttpBackend {
    /// Begins a backend for the catalog at `url`: `https://HOST[:PORT]/BASE/?agent_scope=NAME`.
    pub fn builder(url: &str) -> Builder {
        Builder::new(url)
    }

    pub(crate) fn new(config: Config) -> Self {
        let (scope, memory) = (config.scope.clone(), config.limits.failure_memory);
        let client = Arc::new(Client::new(config));
        let asking = client.clone();
        let negotiation = Negotiation::new(memory, move || {
            let client = asking.clone();
            async move { offer::ask(&client).await }
        });
        Self { catalog: Arc::new(Catalog { client, negotiation }), scope }
    }

    fn client(&self) -> &Client {
        &self.catalog.client
    }

    /// The URL of an entry of the scope, or of all its entries.
    fn url(&self, name: Option<&ServerName>, further: &[(&str, &str)]) -> Url {
        let path: Vec<_> = std::iter::once("mcp-servers").chain(name.map(ServerName::as_str)).collect();
        let query: Vec<_> = std::iter::once(&(SCOPE, self.scope.as_str())).chain(further).copied().collect();
        self.client().base.resource(&path, &query)
    }

    /// Where an entry is stored: it can be asked for there.
    fn source(&self, name: &ServerName) -> String {
        self.url(Some(name), &[]).into()
    }

    async fn get(&self, url: Url) -> Result<Answer> {
        self.client().send(Request::new(Method::GET, url)).await
    }

    /// The answer to a read, when it is 200.
    async fn read(&self, url: Url, asked: Asked<'_>) -> Result<Answer> {
        let answer = self.get(url).await?;
        if answer.status.as_u16() == 200 { Ok(answer) } else { Err(self.client().refusal(asked, &answer)) }
    }

    /// The whole listing, of entries or of their refs: of each, what `keep` makes of it.
    async fn pages<K, T>(&self, expand: bool, budget: &Budget, keep: K) -> Result<Pages<K, T>>
    where
        K: Fn(Element) -> T,
    {
        let limit = self.client().limits.page_size.map(|size| size.to_string());
        let mut query: Vec<(&str, &str)> = if expand { vec![("expand", "spec")] } else { Vec::new() };
        query.extend(limit.as_deref().map(|limit| ("limit", limit)));
        let (mut pages, mut url) = (Pages::new(keep), self.url(None, &query));
        loop {
            let answer = self.read(url, Asked::Whole).await?;
            budget.spend(&answer)?;
            let added = pages.add(self.client(), self.client().json(&answer)?);
            let next = added.map_err(|wrong| self.client().wrong(&answer.url, &wrong))?;
            let Some(cursor) = next else { return Ok(pages) };
            let mut query = query.clone();
            query.push(("cursor", &cursor));
            url = self.url(None, &query);
        }
    }

    /// What the catalog found at a static look; nothing where it does not look (C5).
    async fn look(&self, name: &ServerName, budget: &Budget) -> Result<Option<ValidationResult>> {
        let path = ["mcp-servers", name.as_str(), "validate"];
        let answer = self.get(self.client().base.resource(&path, &[(SCOPE, self.scope.as_str())])).await?;
        budget.spend(&answer)?;
        match answer.status.as_u16() {
            200 => self.client().validation(name, &answer).map(Some),
            404 => Ok(None),
            _ => match self.client().refusal(Asked::Read(name), &answer) {
                // What is wrong with the entry is a finding (rule 16).
                error if is_of_entry(error.kind()) => Ok(Some(ValidationResult::failed(name.as_str(), &error))),
                error => Err(error),
            },
        }
    }

    async fn load_within(&self, name: &ServerName, budget: &Budget) -> Result<McpServerSpec> {
        let answer = self.read(self.url(Some(name), &[]), Asked::Read(name)).await?;
        budget.spend(&answer)?;
        self.client().entry_named(name, &answer)
    }

    async fn write(&self, write: Write<'_>, context: &WriteContext) -> Result<()> {
        let url = self.url(write.addressed(), &[]);
        write::perform(self.client(), &self.catalog.negotiation, url, write, context).await
    }

    fn written(&self, spec: &McpServerSpec) -> McpServerRef {
        McpServerRef { source: self.source(&spec.name), ..spec.to_ref() }
    }
}

#[async_trait]
impl McpServerRegistryBackend for HttpBackend {
    fn backend_id(&self) -> &str {
        ID
    }

    async fn list(&self) -> Result<Listing> {
        let line = |element: Element| {
            let name = element.name.clone();
            self.client().line(element, self.source(&name)).map_err(|error| BrokenEntry { name, error })
        };
        let pages = self.pages(false, &self.client().budget(), line).await?;
        let mut listing = Listing { servers: Vec::with_capacity(pages.kept.len()), broken: pages.broken };
        for line in pages.kept {
            match line {
                Ok(server) => listing.servers.push(server),
                Err(broken) => listing.broken.push(broken),
            }
        }
        listing.sort();
        Ok(listing)
    }

    async fn load(&self, name: &ServerName) -> Result<McpServerSpec> {
        self.load_within(name, &self.client().budget()).await
    }

    fn declared(&self) -> Capabilities {
        offer::declared()
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        self.client().check_transport()?;
        Ok(self.catalog.negotiation.offer().await?.offer.capabilities())
    }

    async fn refresh_capabilities(&self) -> Result<Capabilities> {
        self.client().check_transport()?;
        Ok(self.catalog.negotiation.refresh().await?.offer.capabilities())
    }

    async fn load_all(&self) -> Result<Vec<Loaded>> {
        let budget = self.client().budget();
        let entry = |element: Element| {
            let name = element.name.clone();
            (name, element.is_entry().then(|| self.client().entry(element)))
        };
        let Pages { kept, broken, .. } = self.pages(true, &budget, entry).await?;
        // A catalog that does not expand is asked for each entry, as it would be by anybody else.
        let loading = stream::iter(kept).map(async |(name, entry)| {
            let result = match entry {
                Some(entry) => entry,
                None => self.load_within(&name, &budget).await,
            };
            Loaded { name, result }
        });
        let mut all: Vec<_> = loading.buffered(AT_ONCE).collect().await;
        all.extend(broken.into_iter().map(|BrokenEntry { name, error }| Loaded { name, result: Err(error) }));
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    async fn validate(&self, name: &ServerName) -> Result<ValidationResult> {
        Ok(self.look(name, &self.client().budget()).await?.unwrap_or_else(|| not_looked_at(name)))
    }

    async fn validate_all(&self) -> Result<Vec<ValidationResult>> {
        let listing = self.list().await?;
        let mut names = listing.names().into_iter();
        let Some(first) = names.next() else { return Ok(Vec::new()) };
        let budget = self.client().budget();
        let Some(result) = self.look(first, &budget).await? else {
            // It would not look at the others either.
            return Ok(std::iter::once(first).chain(names).map(not_looked_at).collect());
        };
        let looking = stream::iter(names.cloned())
            .map(async |name| Ok::<_, Error>(self.look(&name, &budget).await?.unwrap_or_else(|| not_looked_at(&name))));
        let rest: Vec<_> = looking.buffered(AT_ONCE).try_collect().await?;
        Ok(std::iter::once(result).chain(rest).collect())
    }

    fn check_entry(&self, spec: &McpServerSpec, context: &WriteContext) -> Result<()> {
        write::refuse_literals(spec, context)
    }

    async fn install(&self, spec: &McpServerSpec, context: &WriteContext) -> Result<McpServerRef> {
        self.write(Write::Install(spec), context).await?;
        Ok(self.written(spec))
    }

    async fn update(&self, spec: &McpServerSpec, expected: &Digest, context: &WriteContext) -> Result<McpServerRef> {
        self.write(Write::Update(spec, expected), context).await?;
        Ok(self.written(spec))
    }

    async fn uninstall(&self, name: &ServerName, expected: Option<&Digest>, context: &WriteContext) -> Result<()> {
        self.write(Write::Uninstall(name, expected), context).await
    }

    async fn revision(&self) -> Result<Option<Revision>> {
        self.client().check_transport()?;
        // Of entries, not of refs: these stay the same when arguments change. Only a catalog that
        // speaks the whole wire is known to tell the two apart.
        if !self.catalog.negotiation.offer().await?.offer.advertised {
            return Ok(None);
        }
        let request = Request::new(Method::HEAD, self.url(None, &[("expand", "spec")]));
        let answer = self.client().send(request).await?;
        match answer.status.as_u16() {
            200 => Ok(answer.etag.map(Revision)),
            405 | 501 => Ok(None),
            _ => Err(self.client().refusal(Asked::Whole, &answer)),
        }
    }

    async fn scopes(&self) -> Result<Vec<Scope>> {
        self.client().check_transport()?;
        if !self.catalog.negotiation.offer().await?.offer.scopes {
            return Err(write::unsupported(self.client(), "listing scopes"));
        }
        let answer = self.read(self.client().base.resource(&["scopes"], &[]), Asked::Whole).await?;
        self.client().scopes(&answer)
    }

    async fn allowed_commands(&self) -> Result<Option<Vec<String>>> {
        self.client().check_transport()?;
        if !self.catalog.negotiation.offer().await?.offer.allowed_commands {
            return Ok(None);
        }
        let query = [(SCOPE, self.scope.as_str())];
        let answer = self.read(self.client().base.resource(&["allowed-commands"], &query), Asked::Whole).await?;
        self.client().allowed_commands(&answer)
    }

    async fn audit(&self, after: u64, limit: usize) -> Result<Vec<AuditRecord>> {
        self.client().check_transport()?;
        if !self.catalog.negotiation.offer().await?.offer.audit {
            return Err(write::unsupported(self.client(), "audit"));
        }
        let (mut records, mut after, budget) = (Vec::new(), after, self.client().budget());
        while records.len() < limit {
            let most = (limit - records.len()).min(MOST_RECORDS);
            let (from, asked) = (after.to_string(), most.to_string());
            let query = [(SCOPE, self.scope.as_str()), ("after", from.as_str()), ("limit", asked.as_str())];
            let answer = self.read(self.client().base.resource(&["audit"], &query), Asked::Whole).await?;
            budget.spend(&answer)?;
            let page = self.client().records(&self.scope, after, &answer)?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            records.extend(page);
        }
        records.truncate(limit);
        Ok(records)
    }

    fn in_scope(&self, scope: &Scope) -> Option<Arc<dyn McpServerRegistryBackend>> {
        Some(Arc::new(Self { catalog: self.catalog.clone(), scope: scope.clone() }))
    }
}

/// Nothing was found wrong, and nothing was looked at: that is no reason to call it ok.
fn not_looked_at(name: &ServerName) -> ValidationResult {
    let mut result = ValidationResult::new(name.as_str());
    result.errors.push("the catalog has no such entry, or does not validate any".to_owned());
    result
}
