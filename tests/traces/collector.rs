//! A collector in another language, which reads spans by OpenTelemetry's own classes.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use mcp_registry_test_trials::Missing;
use serde_json::Value;

/// A running collector; it is killed when dropped.
pub(crate) struct Collector {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// Where spans are sent.
    pub(crate) url: String,
}

impl Collector {
    /// Starts it, by the Python in the folder that `MCP_REGISTRY_TEST_PEERS` names, or on `PATH`.
    pub(crate) fn start() -> Result<Self, Missing> {
        let folder = std::env::var_os("MCP_REGISTRY_TEST_PEERS").map(PathBuf::from);
        let python = folder.map_or_else(|| PathBuf::from("python3"), |folder| folder.join("python"));
        match Command::new(&python).args(["-c", "import opentelemetry.proto"]).output() {
            Ok(output) if output.status.success() => {}
            _ => return Err(Missing::new("opentelemetry-proto of PyPI is not installed")),
        }
        let mut command = Command::new(python);
        command.args(["-c", include_str!("collector.py")]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        lines.read_line(&mut port).unwrap();
        Ok(Self { child, lines, url: format!("http://127.0.0.1:{}", port.trim()) })
    }

    /// The requests it got, until they hold so many spans.
    pub(crate) fn requests(&mut self, spans: usize) -> Vec<Value> {
        let (mut requests, mut found) = (Vec::new(), 0);
        while found < spans {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the collector went away");
            let request: Value = serde_json::from_str(&line).unwrap();
            found += request["spans"].as_array().unwrap().len();
            requests.push(request);
        }
        requests
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
