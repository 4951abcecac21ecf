//! A catalog by another hand, as the conformance suite gets at it.

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use mcp_registry_conformance::{Backend, Fixture, async_trait, worker};
use mcp_registry_http as http;
use mcp_registry_spec::{Capabilities, McpServerSpec, Result, Scope, ServerName};
use mcp_registry_test_trials as trials;
use serde_json::json;

use crate::common::{self, Session, TOKEN};

struct Foreign {
    session: Session,
    capabilities: Capabilities,
}

#[async_trait]
impl Fixture for Foreign {
    fn open(&self, scope: &Scope) -> Result<Backend> {
        self.open_shared(&self.session.url(), scope)
    }

    fn backend_id(&self) -> &str {
        http::ID
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned()]
    }

    fn names_the_caller(&self) -> bool {
        true
    }

    async fn seed(&self, scope: &Scope, spec: &McpServerSpec) -> Option<Result<()>> {
        self.session.seed(scope.as_str(), &serde_json::to_value(spec).unwrap());
        Some(Ok(()))
    }

    async fn break_entry(&self, scope: &Scope, name: &ServerName, secret: &str) -> Option<Result<()>> {
        self.session.seed(scope.as_str(), &json!({"name": name, "env": {"API_KEY": secret}}));
        Some(Ok(()))
    }

    async fn unavailable(&self, scope: &Scope) -> Option<Result<Backend>> {
        // A port that was free a moment ago, and where nobody listens.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Some(self.open_shared(&format!("http://127.0.0.1:{port}/"), scope))
    }

    fn shared(&self) -> Option<String> {
        Some(self.session.url())
    }

    fn open_shared(&self, shared: &str, scope: &Scope) -> Result<Backend> {
        Ok(Arc::new(common::builder(shared).scope(scope.clone()).build()?))
    }
}

pub(crate) fn main(kind: &str, mut capabilities: Capabilities) -> ExitCode {
    capabilities.supports_capability_handshake = true;
    if worker::is_worker() {
        // It is told by the suite where the catalog is, and starts none.
        let nowhere = Session { name: String::new(), port: 0 };
        return mcp_registry_conformance::main(Foreign { session: nowhere, capabilities });
    }
    match common::catalogs() {
        Ok(catalogs) => mcp_registry_conformance::main(Foreign { session: catalogs.session(kind), capabilities }),
        Err(_) => trials::run([("conformance", (|| common::catalogs().map(drop)) as fn() -> trials::Tried)]),
    }
}
