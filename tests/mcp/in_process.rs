//! The library's own door: a server on any pair of streams, with the protocol's own client at the other end.

use std::sync::Arc;
use std::time::Duration;

use mcp_registry::catalog::Log;
use mcp_registry::mcp::{Server, stdio};
use mcp_registry::{Backends, FixedEnvironment, OpenRequest, ProcessEnvironment};
use mcp_registry_governance::{Governance, Ledger, Source, Target};
use mcp_registry_store::{Options, Store};
use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, CallToolResult, Resource};
use tokio::sync::Notify;

/// A client that waits to be told of changes.
#[derive(Clone, Default)]
struct Told(Arc<Notify>);

impl rmcp::ClientHandler for Told {
    async fn on_resource_list_changed(&self, _: rmcp::service::NotificationContext<rmcp::RoleClient>) {
        self.0.notify_one();
    }
}

/// A server on an agent's folder, whose state is in it too.
fn server(folder: &std::path::Path) -> Server {
    let request = OpenRequest::new(&format!("filesystem:{}", folder.display()));
    let registry = Backends::linked().open(&request).unwrap();
    let place = mcp_registry::Locator::new(&format!("sqlite:{}", folder.join("governance.db").display()));
    let store = Store::new(&place, Options::default()).unwrap();
    let policy = Source::new(None, &FixedEnvironment::new()).with_system(folder.join("none.toml"));
    let ledger = Ledger::new(store.clone(), None);
    let governance = Governance::new(store, ledger, policy, Arc::new(ProcessEnvironment));
    let target = Target::new(registry, &request.locator, None);
    Server::new(target, governance, false, Log::to(std::io::sink()).unwrap()).unwrap()
}

#[tokio::test]
async fn m1_any_pair_of_streams_carries_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mcp.md"), "## github\n\ncommand: npx\n").unwrap();
    let server = server(folder.path());
    let (ours, theirs) = tokio::io::duplex(4096);
    let (reads, writes) = tokio::io::split(ours);
    let served = tokio::spawn({
        let server = server.clone();
        async move { stdio::serve(server, reads, writes, "somebody", std::future::pending()).await }
    });
    let told = Told::default();
    let client = told.clone().serve(theirs).await.unwrap();
    let info = client.peer_info().unwrap();
    assert_eq!(info.server_info.as_ref().unwrap().name, "mcp-registry");
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools.len(), 10);
    let listed: CallToolResult = client.call_tool(CallToolRequestParams::new("registry_list")).await.unwrap();
    assert_eq!(listed.structured_content.unwrap()["servers"][0]["name"], "github");
    let resources: Vec<Resource> = client.list_all_resources().await.unwrap();
    assert_eq!(resources.len(), 2);
    // Until somebody is told: whether it has looked once already is not known.
    let changing = async {
        for round in 0.. {
            std::fs::write(folder.path().join("mcp.md"), format!("## r{round}\n\ncommand: npx\n")).unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = told.0.notified() => {}
        () = changing => {}
    }
    client.cancel().await.unwrap();
    served.await.unwrap().unwrap();
    server.close(Duration::from_secs(60)).await.unwrap();
}
