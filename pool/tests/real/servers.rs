//! Where the servers are, and how they are asked for.

use std::path::PathBuf;

use mcp_registry_pool::{Gate, Options, Pool};
use mcp_registry_spec::{FixedEnvironment, LaunchSpec, LaunchTransport, McpServerSpec};
use mcp_registry_test_server::Mark;
use mcp_registry_test_trials::Missing;
use serde_json::{Map, Value, json};

/// The folder they were installed to.
pub(crate) fn folder() -> Result<PathBuf, Missing> {
    let missing = || Missing::new("no servers of npm and PyPI are installed where MCP_REGISTRY_TEST_SERVERS says");
    let folder = std::env::var_os("MCP_REGISTRY_TEST_SERVERS").map(PathBuf::from).ok_or_else(missing)?;
    if folder.join("node_modules").is_dir() { Ok(folder) } else { Err(missing()) }
}

fn file(path: &str) -> Result<String, Missing> {
    let file = folder()?.join(path);
    if !file.exists() {
        return Err(Missing::new(format!("there is no {path} where MCP_REGISTRY_TEST_SERVERS says")));
    }
    Ok(file.to_str().unwrap().to_owned())
}

/// The Node that runs those of npm.
pub(crate) fn node() -> Result<String, Missing> {
    file("node_modules/node/bin/node")
}

/// A server of npm.
pub(crate) fn script(name: &str) -> Result<String, Missing> {
    file(&format!("node_modules/.bin/{name}"))
}

/// A server of PyPI.
pub(crate) fn python(name: &str) -> Result<String, Missing> {
    file(&format!("venv/bin/{name}"))
}

fn launch(entry: Value) -> LaunchSpec {
    McpServerSpec::from_json(entry).unwrap().resolve(&FixedEnvironment::new()).unwrap()
}

pub(crate) fn stdio(name: &str, command: &str, args: &[&str], mark: &Mark) -> LaunchSpec {
    launch(json!({"name": name, "command": command, "args": args, "env": {mark.name(): "1"}}))
}

pub(crate) fn remote(name: &str, transport: &str, url: &str) -> LaunchSpec {
    launch(json!({"name": name, "transport": transport, "url": url}))
}

/// Runs a test that waits.
pub(crate) fn wait<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test)
}

/// A pool of them, whatever they are started by.
pub(crate) async fn connected(launches: Vec<LaunchSpec>) -> Pool {
    let commands = launches.iter().filter_map(|launch| match &launch.transport {
        LaunchTransport::Stdio { command, .. } => Some(command.clone()),
        _ => None,
    });
    let gate = Gate::new(Some(commands.collect()));
    let mut options = Options::default();
    // Node and Python may take their time where many tests run.
    options.timeouts = mcp_registry_pool::Timeouts::each(std::time::Duration::from_secs(60));
    Pool::connect(launches, &gate, options).await.unwrap()
}

/// The same of servers that all answer.
pub(crate) async fn pool_of(launches: Vec<LaunchSpec>) -> Pool {
    let pool = connected(launches).await;
    assert!(pool.failures().is_empty(), "{:?}", pool.failures());
    pool
}

pub(crate) fn arguments(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}
