//! A server from its start to its list of tools, by the pool and by `probe`, beside a client that does only that.
//!
//! `cargo bench --bench probe`. Where `MCP_REGISTRY_TEST_SERVERS` names a folder with servers of npm and PyPI (see
//! `pool/tests/real`), those are measured too.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic)]

#[path = "support"]
mod support {
    pub(crate) mod bench;
    pub(crate) mod show;
}

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use mcp_registry::pool::{Gate, Options, Pool};
use mcp_registry::{FixedEnvironment, LaunchSpec, McpServerSpec};
use mcp_registry_test_server::{SERVE, serve_if_asked};
use serde_json::json;
use support::bench::{Plan, median};
use support::show::millis;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;

/// A command line that starts a server.
struct Server {
    name: &'static str,
    line: Vec<String>,
    /// Whether fifty of them are more than the machine's own slowness.
    many: bool,
}

fn main() -> ExitCode {
    // This program is also the server of its own.
    if let Some(ended) = serve_if_asked() {
        return ended;
    }
    let plan = Plan::announced("Probing: from the start of a server to its list of tools");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    println!(
        "| server | a bare client | the pool | `mcp-registry probe`, whole | that of 50 at once |\n\
         |---|---:|---:|---:|---:|"
    );
    for server in servers() {
        let one = document(folder.path(), &server, 1);
        let fifty = server.many.then(|| document(folder.path(), &server, if plan.quick { 2 } else { 50 }));
        let first = bare(&server);
        let (mut floor, mut pooled, mut probed, mut many) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..plan.repeats(first * 3) {
            floor.push(bare(&server));
            pooled.push(pool(&server));
            probed.push(probe(&one));
        }
        for _ in 0..if plan.quick { 1 } else { 5 } {
            many.extend(fifty.as_deref().map(probe));
        }
        let cells = [floor, pooled, probed, many].map(|samples| match samples.is_empty() {
            true => "–".to_owned(),
            false => millis(median(samples)),
        });
        println!("| {} | {} |", server.name, cells.join(" | "));
    }
    println!();
    ExitCode::SUCCESS
}

fn servers() -> Vec<Server> {
    let own = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let ours = |name, words: &[&str]| {
        let line = [own.as_str(), SERVE].iter().chain(words).map(ToString::to_string).collect();
        Server { name, line, many: true }
    };
    let mut servers =
        vec![ours("a small one, in Rust", &["usual"]), ours("the same, a second late", &["late", "1000"])];
    if let Some(folder) = std::env::var_os("MCP_REGISTRY_TEST_SERVERS").map(PathBuf::from) {
        let file = |path: &str| folder.join(path).to_str().unwrap().to_owned();
        let (node, everything) = (file("node_modules/node/bin/node"), file("node_modules/.bin/mcp-server-everything"));
        servers.push(Server {
            name: "server-everything, in Node",
            line: vec![node, everything, "stdio".to_owned()],
            many: false,
        });
        servers.push(Server {
            name: "mcp-server-time, in Python",
            line: vec![file("venv/bin/mcp-server-time")],
            many: false,
        });
    }
    servers
}

fn started(server: &Server) -> Child {
    let (command, args) = server.line.split_first().unwrap();
    let mut command = Command::new(command);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// What a client does that does nothing else.
fn bare(server: &Server) -> Duration {
    let start = Instant::now();
    let mut child = started(server);
    let (mut to, mut from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut answer = String::new();
    writeln!(to, "{INITIALIZE}").unwrap();
    from.read_line(&mut answer).unwrap();
    assert!(answer.contains("serverInfo"), "{answer}");
    write!(to, "{INITIALIZED}\n{LIST}\n").unwrap();
    // What else it says, such as that its tools changed, comes between.
    while !answer.contains("inputSchema") {
        answer.clear();
        assert!(from.read_line(&mut answer).unwrap() > 0);
    }
    let took = start.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    took
}

fn pool(server: &Server) -> Duration {
    let (command, args) = server.line.split_first().unwrap();
    let spec = McpServerSpec::from_json(json!({"name": "a", "command": command, "args": args})).unwrap();
    let launch: LaunchSpec = spec.resolve(&FixedEnvironment::new()).unwrap();
    let gate = Gate::new(Some(vec![command.clone()]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let start = Instant::now();
        let pool = Pool::connect(vec![launch], &gate, Options::default()).await.unwrap();
        let took = start.elapsed();
        assert!(pool.tools().count() > 0, "{:?}", pool.failures());
        drop(pool);
        took
    })
}

/// A folder in which that server is mounted so often.
fn document(folder: &Path, server: &Server, count: usize) -> PathBuf {
    let agent = folder.join(format!("{}-{count}", server.name));
    std::fs::create_dir(&agent).unwrap();
    let (command, args) = server.line.split_first().unwrap();
    let entry = format!("command: {command}\nargs: {}\n", args.join(", "));
    let entries: String = (0..count).map(|number| format!("## server-{number}\n{entry}\n")).collect();
    std::fs::write(agent.join("mcp.md"), format!("{entries}## Allowed commands\n{command}\n")).unwrap();
    agent
}

fn probe(agent: &Path) -> Duration {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-registry"));
    command.args(["probe", "--timeout", "120s", "--agent-root"]).arg(agent).env("HOME", agent).stdout(Stdio::null());
    let start = Instant::now();
    assert!(command.status().unwrap().success());
    start.elapsed()
}
