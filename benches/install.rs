//! Installing, beside a bare lock, write, fsync, rename and folder fsync of the same bytes; and
//! fifty processes that install at once.
//!
//! `cargo bench --bench install`
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod support {
    pub(crate) mod bench;
    pub(crate) mod documents;
    pub(crate) mod show;
}

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mcp_registry::{Backends, OpenRequest};
use mcp_registry::{EnvTemplate, McpServerRegistry, McpServerSpec, ServerName, TextTemplate, Transport, WriteContext};
use support::bench::{Plan, median};
use support::documents;
use support::show::millis;

/// How many entries there are before.
const ENTRIES: usize = 10;
/// How many processes install at once.
const PROCESSES: usize = 50;

fn main() {
    let plan = Plan::announced("Installing");
    // Beside the build's own files: a temporary folder may lie in memory, where fsync costs nothing.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut document = Vec::new();
    documents::write(&mut document, ENTRIES).unwrap();

    let (install, floor) = in_process(plan, folder.path(), &document);
    println!("| an install into {ENTRIES} entries | median |\n|---|---:|");
    println!("| lock, write, fsync, rename, fsync of the folder | {} |", millis(floor));
    println!("| `install` | {} |", millis(install));
    println!("| `install` / bare | {:.2} |\n", install.as_secs_f64() / floor.as_secs_f64());

    let together = at_once(plan, folder.path(), &document);
    println!("| {PROCESSES} processes at once, each installing one entry | median |\n|---|---:|");
    println!("| until all of them have ended, all entries there | {} |\n", millis(together));
}

/// An install and its floor in turn, so that what the disk does falls on both.
fn in_process(plan: Plan, folder: &Path, document: &[u8]) -> (Duration, Duration) {
    let [ours, bare] = ["ours", "bare"].map(|name| folder.join(name));
    fs::create_dir(&ours).unwrap();
    fs::create_dir(&bare).unwrap();
    let registry = open(&ours);
    let (spec, context) = (spec(), WriteContext::default());
    let install = || {
        fs::write(ours.join("mcp.md"), document).unwrap();
        time(|| drop(pollster::block_on(registry.install(&spec, &context)).unwrap()))
    };
    install();
    let after = fs::read(ours.join("mcp.md")).unwrap();
    let floor = || {
        fs::write(bare.join("mcp.md"), document).unwrap();
        time(|| replace(&bare, &after))
    };
    let repeats = plan.repeats(floor());
    let (mut installs, mut floors) = (Vec::new(), Vec::new());
    for round in 0..repeats {
        // Neither always comes second.
        if round % 2 == 0 {
            installs.push(install());
            floors.push(floor());
        } else {
            floors.push(floor());
            installs.push(install());
        }
    }
    (median(installs), median(floors))
}

/// The least that replaces a file for good, one writer at a time.
fn replace(folder: &Path, bytes: &[u8]) {
    let lock = File::create(folder.join(".lock")).unwrap();
    lock.lock().unwrap();
    let part = folder.join("mcp.md.part");
    let mut file = File::create(&part).unwrap();
    file.write_all(bytes).unwrap();
    file.sync_all().unwrap();
    fs::rename(&part, folder.join("mcp.md")).unwrap();
    File::open(folder).unwrap().sync_all().unwrap();
}

/// How long it takes until every one of many processes has installed its entry.
fn at_once(plan: Plan, folder: &Path, document: &[u8]) -> Duration {
    let agent = folder.join("many");
    fs::create_dir(&agent).unwrap();
    let run = || {
        fs::write(agent.join("mcp.md"), document).unwrap();
        let start = Instant::now();
        let children: Vec<Child> = (0..PROCESSES).map(|i| installer(&agent, i).spawn().unwrap()).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let took = start.elapsed();
        let listing = pollster::block_on(open(&agent).list()).unwrap();
        assert_eq!((listing.servers.len(), listing.broken.len()), (ENTRIES + PROCESSES, 0));
        took
    };
    let repeats = plan.repeats(run()).min(20);
    median((0..repeats).map(|_| run()).collect())
}

fn installer(agent: &Path, number: usize) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-registry"));
    command.args(["install", &format!("new-{number}"), "--env", "API_TOKEN=$ACME_TOKEN", "--agent-root"]).arg(agent);
    command.args(["--", "npx", "-y", "@acme/new"]);
    command.env_clear().env("MCP_REGISTRY_STATE_DIR", agent.with_extension("state"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn open(agent: &Path) -> McpServerRegistry {
    Backends::linked().open(&OpenRequest::new(&format!("filesystem:{}", agent.display()))).unwrap()
}

fn spec() -> McpServerSpec {
    let mut spec = McpServerSpec::stdio(ServerName::parse("new").unwrap(), "npx");
    spec.description = "What new knows, for reading and writing".to_owned();
    if let Transport::Stdio(stdio) = &mut spec.transport {
        stdio.args = ["-y", "@acme/new"].map(|arg| TextTemplate::parse(arg).unwrap()).into();
        stdio.env.insert("API_TOKEN".to_owned(), EnvTemplate::parse("$ACME_TOKEN").unwrap());
    }
    spec
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
