//! The conformance tool, over HTTP, each time with its baseline: what is listed there and passes fails too.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mcp_registry_test_trials::Tried;
use serde_json::Value;

use crate::{Agent, BINARY, fixtures, script};

/// A server that listens; it is stopped when dropped.
struct Listening {
    child: Child,
    url: String,
}

impl Listening {
    fn start(agent: &Agent) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["mcp", "--http", "127.0.0.1:0", "--agent-root"]).arg(agent.path("agent"));
        command.env_clear().envs(agent.variables()).env("HOME", agent.path("home"));
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        log.read_line(&mut first).unwrap();
        // Nobody may stop reading: the server would have nowhere to write its log.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let line: Value = serde_json::from_str(&first).unwrap_or_else(|_| panic!("{first}"));
        Self { child, url: line["url"].as_str().unwrap().to_owned() }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Holds the server at `url` to every scenario there is but those of the baseline, which it must fail.
fn held_to(url: &str, baseline: &str, home: &Path) -> Tried {
    let mut command = script("conformance")?;
    command.args(["server", "--url", url, "--suite", "all", "--expected-failures"]);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp_clients").join(baseline));
    let output = command.env("HOME", home).current_dir(home).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("=== SUMMARY ==="), "{said}");
    Ok(())
}

pub(crate) fn the_protocol_is_kept_over_http() -> Tried {
    let agent = Agent::new();
    let server = Listening::start(&agent);
    held_to(&server.url, "product.yml", &agent.path("home"))
}

pub(crate) fn the_carrier_carries_all_that_the_protocol_has() -> Tried {
    let agent = Agent::new();
    let (runtime, url) = fixtures::listening(&agent);
    let held = held_to(&url, "fixtures.yml", &agent.path("home"));
    runtime.shutdown_background();
    held
}
