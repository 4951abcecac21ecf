//! A service without a socket, on a storage of its own.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use mcp_registry::catalog::{Catalog, Log, Options, router};
use mcp_registry::{Backends, FixedEnvironment, Locator, McpServerRegistry, OpenRequest, Scope};
use mcp_registry_governance::{Governance, Ledger, Source};
use mcp_registry_store::{Role, ScopeSet, Store, Tokens};
use serde_json::Value;
use tower::ServiceExt;

/// Changes kept in `store`, by the policy in `folder`, if there is one, with the ledger exported beside it.
pub(crate) fn governance(store: Store, folder: &Path) -> Governance {
    let environment = FixedEnvironment::new().with("MCP_REGISTRY_STATE_DIR", folder);
    let source = Source::new(None, &environment).with_system(folder.join("no-system-policy.toml"));
    let ledger = Ledger::new(store.clone(), Some(folder.join("ledger.jsonl")));
    Governance::new(store, ledger, source, Arc::new(environment))
}

/// The scope that the tokens see.
pub(crate) const SCOUT: &str = "/mcp-servers?agent_scope=scout";

pub(crate) struct Service {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) locator: String,
    pub(crate) tokens: Tokens,
    pub(crate) governance: Governance,
    pub(crate) reader: String,
    pub(crate) requester: String,
    pub(crate) approver: String,
    pub(crate) writer: String,
    pub(crate) admin: String,
    pub(crate) router: Router,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|cause| panic!("{cause}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The kind of the error, once it is sure that the answer is one as rule C12 has it.
    pub(crate) fn kind(&self) -> String {
        let body = self.json();
        let error = body["error"].as_object().unwrap_or_else(|| panic!("no error: {self:?}"));
        assert!(error["message"].is_string() && error["retryable"].is_boolean() && error.len() == 3, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        error["kind"].as_str().unwrap().to_owned()
    }

    /// The status and the kind of an error.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status.as_u16(), self.kind())
    }
}

/// A request, put together.
pub(crate) struct Ask(axum::http::request::Builder, Body);

impl Ask {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self(Request::builder().method(method).uri(path), Body::empty())
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value), self.1)
    }

    pub(crate) fn json(self, body: impl Into<String>) -> Self {
        Self(self.0.header("content-type", "application/json"), Body::from(body.into()))
    }

    pub(crate) fn body(self, body: Body) -> Self {
        Self(self.0, body)
    }
}

impl Service {
    /// On SQLite, offering all it can.
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let locator = format!("sqlite:{}", folder.path().join("catalog.db").display());
        Self::on(folder, locator, options).await
    }

    /// On the folders of agents.
    pub(crate) async fn on_folders(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("agents")).unwrap();
        let locator = format!("filesystem:{}", folder.path().join("agents").display());
        Self::on(folder, locator, options).await
    }

    async fn on(folder: tempfile::TempDir, locator: String, options: Options) -> Self {
        let store = Locator::new(&format!("sqlite:{}", folder.path().join("tokens.db").display()));
        let store = Store::new(&store, mcp_registry_store::Options::default()).unwrap();
        let (tokens, governance) = (Tokens::new(store.clone()), governance(store, folder.path()));
        let scout = ScopeSet::Only([Scope::parse("scout").unwrap()].into());
        let mut made = Vec::new();
        for role in Role::ALL.iter().copied().filter(|role| *role != Role::Reporter) {
            let token = tokens.create(role.as_str(), role, &scout, None, Some("ops")).await.unwrap();
            made.push(token.expose().to_owned());
        }
        let [reader, requester, approver, writer, admin] = made.try_into().unwrap();
        let router = Self::router(&locator, &tokens, &governance, options).await;
        Self { folder, locator, tokens, governance, reader, requester, approver, writer, admin, router }
    }

    /// Another replica on the same storage.
    pub(crate) async fn router(locator: &str, tokens: &Tokens, governance: &Governance, options: Options) -> Router {
        let log = Log::to(std::io::sink()).unwrap();
        let (request, tokens, governance) = (OpenRequest::new(locator), tokens.clone(), governance.clone());
        let name = request.locator.clone();
        router(Catalog::open(Backends::linked(), request, &name, tokens, governance, options, log).await.unwrap())
    }

    /// States the policy that holds from now on.
    pub(crate) fn policy(&self, text: &str) {
        let path = self.folder.path().join("policy.toml");
        std::fs::write(&path, format!("version = 1\n{text}")).unwrap();
        // Whatever the umask is.
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// The storage itself, behind the service's back.
    pub(crate) fn storage(&self, scope: &str) -> McpServerRegistry {
        Backends::linked().open(&OpenRequest::new(&self.locator).scope(Scope::parse(scope).unwrap())).unwrap()
    }

    pub(crate) async fn ask(&self, ask: Ask) -> Reply {
        reply(&self.router, ask).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask(Ask::new("GET", path).token(&self.reader)).await
    }

    pub(crate) async fn install(&self, entry: &str) -> Reply {
        self.ask(Ask::new("POST", SCOUT).token(&self.writer).json(entry)).await
    }
}

pub(crate) async fn reply(router: &Router, ask: Ask) -> Reply {
    let response = router.clone().oneshot(ask.0.body(ask.1).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    assert_eq!(head.headers["x-content-type-options"], "nosniff");
    assert!(head.headers.contains_key("cache-control") && head.headers.contains_key("x-request-id"));
    Reply { status: head.status, headers: head.headers, text }
}

/// An entry of that name that is in order.
pub(crate) fn entry(name: &str) -> String {
    format!(r#"{{"name":"{name}","command":"npx","args":["-y","{name}"],"env":{{"TOKEN":"$TOKEN"}}}}"#)
}
