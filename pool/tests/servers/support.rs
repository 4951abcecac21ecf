//! What the tests have in common.

use std::time::Duration;

use mcp_registry_pool::{Failure, Gate, Options, Pool, Timeouts};
use mcp_registry_spec::{FixedEnvironment, LaunchSpec, McpServerSpec};
use mcp_registry_test_server::{Mark, SERVE};
use serde_json::{Value, json};

/// What the servers are told, and must not come back.
pub(crate) const SECRET: &str = "hunter2plain";

/// A time that a server which hangs does not keep.
pub(crate) const SHORT: Duration = Duration::from_millis(1500);

/// Runs a test that waits.
pub(crate) fn wait<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test)
}

pub(crate) fn exe() -> String {
    std::env::current_exe().unwrap().to_str().unwrap().to_owned()
}

/// A gate that lets this test's servers through.
pub(crate) fn gate() -> Gate {
    Gate::new(Some(vec![exe()]))
}

/// A server of that kind.
pub(crate) fn server(name: &str, mark: &Mark, words: &[&str]) -> LaunchSpec {
    with_env(name, mark, words, json!({}))
}

pub(crate) fn with_env(name: &str, mark: &Mark, words: &[&str], mut env: Value) -> LaunchSpec {
    env[mark.name()] = json!("1");
    env["TOKEN"] = json!("$TOKEN");
    let args: Vec<_> = std::iter::once(&SERVE).chain(words).collect();
    let spec = McpServerSpec::from_json(json!({"name": name, "command": exe(), "args": args, "env": env}));
    spec.unwrap().resolve(&FixedEnvironment::new().with("TOKEN", SECRET)).unwrap()
}

/// Times in which a server that hangs fails soon.
pub(crate) fn short() -> Options {
    let mut options = Options::default();
    options.timeouts = Timeouts::each(SHORT);
    options.timeouts.stop = Duration::from_millis(200);
    options
}

/// The failure of the only server there is.
pub(crate) async fn failure_of(launch: LaunchSpec) -> Failure {
    let pool = Pool::connect(vec![launch], &gate(), short()).await.unwrap();
    assert!(pool.servers().is_empty(), "{pool:?}");
    let failure = pool.failures()[0].clone();
    let told = format!("{failure} {failure:?}");
    assert!(!told.contains(SECRET), "{told}");
    assert!(!told.contains('\u{1b}'), "{told}");
    failure
}
