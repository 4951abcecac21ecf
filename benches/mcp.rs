//! `mcp` from its start to the answered `initialize`, beside an empty program from its start to its end.
//!
//! `cargo bench --bench mcp`.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic)]

#[path = "support"]
mod support {
    pub(crate) mod bench;
    pub(crate) mod documents;
    pub(crate) mod empty;
    pub(crate) mod show;
}

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::bench::{Plan, median};
use support::show::millis;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;

fn main() {
    let plan = Plan::announced("The MCP server: process start to the answered initialize");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let empty = support::empty::empty_program(folder.path()).unwrap();
    let sizes: &[usize] = if plan.quick { &[10] } else { &[10, 10_000] };
    println!(
        "| servers | an empty Rust program | `mcp-registry mcp` | first listing answered |\n|---:|---:|---:|---:|"
    );
    for count in sizes {
        let agent = folder.path().join(count.to_string());
        std::fs::create_dir(&agent).unwrap();
        let mut document = BufWriter::new(std::fs::File::create(agent.join("mcp.md")).unwrap());
        support::documents::write(&mut document, *count).unwrap();
        document.flush().unwrap();
        let (first, _) = served(&agent, *count);
        let (mut floor, mut began, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..plan.repeats(first) {
            let start = Instant::now();
            assert!(Command::new(&empty).status().unwrap().success());
            floor.push(start.elapsed());
            let (initialized, answered) = served(&agent, *count);
            began.push(initialized);
            listed.push(answered);
        }
        let cells = [floor, began, listed].map(|samples| millis(median(samples))).join(" | ");
        println!("| {count} | {cells} |");
    }
    println!();
}

/// Starts a server: how long it took until it had begun, and until it had listed everything.
fn served(agent: &Path, count: usize) -> (Duration, Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-registry"));
    command.args(["mcp", "--agent-root"]).arg(agent).env_clear().env("HOME", agent);
    let start = Instant::now();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut to, mut from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut answer = String::new();
    writeln!(to, "{INITIALIZE}").unwrap();
    from.read_line(&mut answer).unwrap();
    let began = start.elapsed();
    assert!(answer.contains("serverInfo"), "{answer}");
    let call = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"registry_list"}}"#;
    answer.clear();
    writeln!(to, "{call}").unwrap();
    from.read_line(&mut answer).unwrap();
    let listed = start.elapsed();
    let last = support::documents::name(count - 1);
    assert!(answer.contains(&last), "it lacks {last}");
    drop(to);
    assert!(child.wait().unwrap().success());
    (began, listed)
}
