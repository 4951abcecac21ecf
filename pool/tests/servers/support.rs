//! What the tests have in common.

use std::time::Duration;

use mcp_registry_pool::{Failure, Gate, Options, Phase, Pool, Timeouts};
use mcp_registry_spec::{FixedEnvironment, LaunchSpec, McpServerSpec};
use mcp_registry_test_server::{Mark, SERVE};
use serde_json::{Value, json};

/// What the servers are told, and must not come back.
pub(crate) const SECRET: &str = "hunter2plain";

/// The time of a phase in which a server hangs.
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

/// Times that a busy machine keeps, for servers that do not hang.
pub(crate) fn patient() -> Options {
    let mut options = Options::default();
    options.timeouts = Timeouts::each(Duration::from_secs(60));
    options.timeouts.stop = Duration::from_millis(200);
    options
}

/// Times for a server that hangs in that phase.
pub(crate) fn hanging_in(phase: Phase) -> Options {
    let mut options = patient();
    match phase {
        Phase::Initialize => options.timeouts.initialize = SHORT,
        Phase::List => options.timeouts.list = SHORT,
        other => panic!("no test server hangs in {other:?}"),
    }
    options
}

/// The failure of the only server there is.
pub(crate) async fn failure_of(launch: LaunchSpec, options: Options) -> Failure {
    let pool = Pool::connect(vec![launch], &gate(), options).await.unwrap();
    assert!(pool.servers().is_empty(), "{pool:?}");
    let failure = pool.failures()[0].clone();
    let told = format!("{failure} {failure:?}");
    assert!(!told.contains(SECRET), "{told}");
    assert!(!told.contains('\u{1b}'), "{told}");
    failure
}
