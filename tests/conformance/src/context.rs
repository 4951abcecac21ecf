//! What a case works with.

use std::fmt::Debug;
use std::future::Future;

use mcp_registry_spec::{
    Capabilities, ErrorKind, Listing, Literals, McpServerRegistry, McpServerRegistryBackend, McpServerSpec, Scope,
    ServerName, WriteContext,
};

use crate::case::{Case, Checked, During, Stop, ensure};
use crate::fixture::{Backend, Fixture};
use crate::sample::{digest, plain};
use crate::suite::Suite;

/// How many tasks work at once where a case is about concurrency.
pub(crate) const TASKS: usize = 32;

/// What a case works with: the fixture, and scopes that no other case uses.
#[derive(Clone)]
pub(crate) struct Context {
    suite: Suite,
    case: &'static Case,
}

impl Context {
    pub(crate) fn new(suite: Suite, case: &'static Case) -> Self {
        Self { suite, case }
    }

    pub(crate) fn suite(&self) -> &Suite {
        &self.suite
    }

    pub(crate) fn fixture(&self) -> &dyn Fixture {
        self.suite.fixture()
    }

    /// A scope of this case's own.
    pub(crate) fn scope(&self, label: &str) -> Checked<Scope> {
        self.suite.scope(self.case, label).during("naming a scope")
    }

    /// Opens the backend once more; the suite will clean the scope up.
    pub(crate) fn open(&self, scope: &Scope) -> Checked<Backend> {
        self.suite.open(scope).during("opening the backend")
    }

    /// The case's main scope, and the backend opened for it.
    pub(crate) fn main(&self) -> Checked<(Scope, Backend)> {
        let scope = self.scope("a")?;
        let backend = self.open(&scope)?;
        Ok((scope, backend))
    }

    pub(crate) fn expected(&self) -> Capabilities {
        self.fixture().capabilities()
    }

    /// Goes on where the backend is expected to install; elsewhere the case is settled by asserting
    /// that it says so, as `unsupported` (rule 3).
    pub(crate) async fn needs_install(&self) -> Checked {
        if self.expected().supports_install {
            return Ok(());
        }
        let (_, backend) = self.main()?;
        settled("install", backend.install(&plain("not-claimed")?, &write()).await)
    }

    /// The same of updating.
    pub(crate) async fn needs_update(&self) -> Checked {
        if self.expected().supports_update {
            return Ok(());
        }
        let ((_, backend), spec) = (self.main()?, plain("not-claimed")?);
        settled("update", backend.update(&spec, &digest(&spec)?, &write()).await)
    }

    /// The same of uninstalling.
    pub(crate) async fn needs_uninstall(&self) -> Checked {
        if self.expected().supports_uninstall {
            return Ok(());
        }
        let (_, backend) = self.main()?;
        settled("uninstall", backend.uninstall(&plain("not-claimed")?.name, None, &write()).await)
    }

    /// The same of reading the audit, of installs.
    pub(crate) async fn needs_audit(&self) -> Checked {
        if self.expected().supports_audit {
            return self.needs_install().await;
        }
        let (_, backend) = self.main()?;
        settled("audit", backend.audit(0, 1).await)
    }

    /// Stores an entry: through the backend where it can, else behind its back.
    pub(crate) async fn put(&self, scope: &Scope, spec: &McpServerSpec) -> Checked {
        if self.expected().supports_install {
            self.open(scope)?.install(spec, &write()).await.during("install").map(drop)
        } else {
            self.hooked("seed", self.fixture().seed(scope, spec).await)
        }
    }

    /// Stores a broken entry behind the backend's back.
    pub(crate) async fn break_entry(&self, scope: &Scope, name: &ServerName, secret: &str) -> Checked {
        self.hooked("break_entry", self.fixture().break_entry(scope, name, secret).await)
    }

    /// A backend whose storage cannot be reached.
    pub(crate) async fn unavailable(&self) -> Checked<Backend> {
        let scope = self.scope("down")?;
        self.hooked("unavailable", self.fixture().unavailable(&scope).await)
    }

    fn hooked<T>(&self, hook: &str, done: Option<mcp_registry_spec::Result<T>>) -> Checked<T> {
        match done {
            Some(result) => result.during(&format!("the fixture's {hook}")),
            None => ignored(format!("the fixture has no {hook}")),
        }
    }
}

/// Ends a case about an operation that the backend does not claim: it must refuse it as such.
fn settled<T: Debug>(operation: &str, result: mcp_registry_spec::Result<T>) -> Checked {
    match result {
        Err(error) if error.kind() == ErrorKind::Unsupported => Err(Stop::Settled),
        other => {
            Err(Stop::Failed(format!("{operation} is not claimed, so it should be unsupported (rule 3): {other:?}")))
        }
    }
}

/// Ignores the case.
pub(crate) fn ignored<T>(why: impl Into<String>) -> Checked<T> {
    Err(Stop::Ignored(why.into()))
}

/// The context of the suite's writes: its entries hold what looks like secrets, on purpose.
pub(crate) fn write() -> WriteContext {
    WriteContext::new().actor("conformance").request_id("conformance").literals(Literals::Allow)
}

/// The handle on a backend.
pub(crate) fn handle(backend: &Backend) -> McpServerRegistry {
    McpServerRegistry::new(backend.clone())
}

/// Asserts that the entry is stored just so: as it is loaded, and as it is listed.
pub(crate) async fn ensure_stored(backend: &dyn McpServerRegistryBackend, spec: &McpServerSpec) -> Checked {
    ensure_equal(spec, &backend.load(&spec.name).await.during("load")?)?;
    let listing = backend.list().await.during("list")?;
    let Some(line) = listing.servers.iter().find(|s| s.name == spec.name) else {
        return Err(Stop::Failed(format!("the entry {} is loaded but not listed: {listing:?}", spec.name)));
    };
    ensure!(line.transport == spec.transport.kind(), "the transport of {} is listed as {}", spec.name, line.transport);
    Ok(())
}

/// Asserts that the entry that was loaded is the one that was stored.
pub(crate) fn ensure_equal(stored: &McpServerSpec, loaded: &McpServerSpec) -> Checked {
    ensure!(loaded == stored, "the entry {} is not as it was stored: {}", stored.name, difference(stored, loaded));
    Ok(())
}

/// Asserts that nothing at all is listed.
pub(crate) async fn ensure_empty(backend: &dyn McpServerRegistryBackend) -> Checked {
    let listing = backend.list().await.during("list")?;
    ensure!(listing == Listing::default(), "nothing should be listed, but there is {listing:?}");
    Ok(())
}

/// Where two entries differ first, in their JSON forms.
fn difference(expected: &McpServerSpec, found: &McpServerSpec) -> String {
    let json = |spec: &McpServerSpec| serde_json::to_value(spec).unwrap_or_default();
    first_difference("", &json(expected), &json(found)).unwrap_or_else(|| format!("{expected:?} became {found:?}"))
}

fn first_difference(path: &str, a: &serde_json::Value, b: &serde_json::Value) -> Option<String> {
    use serde_json::Value;
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => a
            .keys()
            .chain(b.keys())
            .find_map(|k| first_difference(&format!("{path}.{k}"), &at(a.get(k)), &at(b.get(k)))),
        (Value::Array(a), Value::Array(b)) => (0..a.len().max(b.len()))
            .find_map(|i| first_difference(&format!("{path}[{i}]"), &at(a.get(i)), &at(b.get(i)))),
        _ if a == b => None,
        _ => Some(format!("at {path}: expected {a}, found {b}").chars().take(400).collect()),
    }
}

fn at(value: Option<&serde_json::Value>) -> serde_json::Value {
    value.cloned().unwrap_or_else(|| "(missing)".into())
}

/// Runs all the futures at once, each as a task of its own, and gives their results in order.
pub(crate) async fn at_once<T, F>(futures: impl IntoIterator<Item = F>) -> Checked<Vec<T>>
where
    T: Send + Debug + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let all: Vec<_> = futures.into_iter().collect();
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(all.len()));
    let tasks: Vec<_> = all
        .into_iter()
        .map(|future| {
            let start = start.clone();
            tokio::spawn(async move {
                start.wait().await;
                future.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.map_err(|panic| Stop::Failed(format!("a call panicked: {panic}")))?);
    }
    Ok(results)
}
