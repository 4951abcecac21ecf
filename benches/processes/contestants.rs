//! Who is measured: this project's binary, an empty program below it, and its peers beside it.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::documents;
use crate::support::empty::empty_program;

/// A folder with the same servers in every contestant's form.
pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    pub(crate) count: usize,
    /// A server somewhere in the middle.
    pub(crate) server: usize,
}

impl Stage {
    pub(crate) fn set(folder: PathBuf, count: usize) -> io::Result<Self> {
        std::fs::create_dir(&folder)?;
        let create = |name| std::fs::File::create(folder.join(name)).map(BufWriter::new);
        let mut document = create("mcp.md")?;
        documents::write(&mut document, count)?;
        document.flush()?;
        let mut config = create("config.toml")?;
        for name in documents::names(count) {
            writeln!(config, "[mcp_servers.{name}]\ncommand = \"npx\"\nargs = [\"-y\", \"@acme/{name}\"]")?;
            writeln!(config, "env = {{ API_TOKEN = \"$ACME_TOKEN\" }}\n")?;
        }
        config.flush()?;
        Ok(Self { folder, count, server: count / 2 })
    }
}

/// What is asked of a program.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Task {
    Nothing,
    List,
    Show,
}

/// A program and what is asked of it.
pub(crate) struct Contestant {
    pub(crate) label: &'static str,
    pub(crate) task: Task,
    /// Whether it is another project's, and may fail.
    pub(crate) is_peer: bool,
    /// Its arguments, `DIR` standing for the agent's folder and `NAME` for a server.
    args: &'static [&'static str],
    /// Where it is, when it is installed.
    program: Option<PathBuf>,
}

impl Contestant {
    /// The command on a stage; `None` when the program is not installed.
    pub(crate) fn command(&self, stage: &Stage) -> Option<Command> {
        let mut command = Command::new(self.program.as_ref()?);
        for arg in self.args {
            match *arg {
                "DIR" => command.arg(&stage.folder),
                "NAME" => command.arg(documents::name(stage.server)),
                arg => command.arg(arg),
            };
        }
        // The same for all, and nobody's settings.
        command.env_clear().envs(std::env::vars_os().filter(|(key, _)| key == "PATH"));
        command.env("HOME", &stage.folder).env("CODEX_HOME", &stage.folder);
        // The reference shows nothing whose variables are not set.
        command.env("ACME_TOKEN", "acme");
        Some(command)
    }
}

/// Everybody, the empty program first.
pub(crate) fn all(folder: &Path) -> io::Result<Vec<Contestant>> {
    let ours = Some(copied(folder)?);
    let reference = installed("MCP_REGISTRY_BENCH_ATOMIC_AGENTS", "atomic-agents");
    let codex = installed("MCP_REGISTRY_BENCH_CODEX", "codex").map(|shim| native_codex(&shim).unwrap_or(shim));
    for (program, how) in [(&reference, "pip install atomic-agents-stack"), (&codex, "npm install @openai/codex")] {
        if program.is_none() {
            eprintln!("a peer is not installed; to measure it too: {how} (see benches/README.md)");
        }
    }
    let row = |label, task, program: &Option<PathBuf>, args| Contestant {
        label,
        task,
        is_peer: *program == reference || *program == codex,
        args,
        program: program.clone(),
    };
    Ok(vec![
        row("an empty Rust program", Task::Nothing, &Some(empty_program(folder)?), &[]),
        row(
            "`mcp-registry list --format json`",
            Task::List,
            &ours,
            &["list", "--agent-root", "DIR", "--format", "json"],
        ),
        row("`mcp-registry list`", Task::List, &ours, &["list", "--agent-root", "DIR"]),
        row(
            "`mcp-registry show --format json`",
            Task::Show,
            &ours,
            &["show", "NAME", "--agent-root", "DIR", "--format", "json"],
        ),
        row("`mcp-registry show`", Task::Show, &ours, &["show", "NAME", "--agent-root", "DIR"]),
        row("Python reference, `list`", Task::List, &reference, &["mcp-registry", "list", "--agent-root", "DIR"]),
        row(
            "Python reference, `show`",
            Task::Show,
            &reference,
            &["mcp-registry", "show", "NAME", "--agent-root", "DIR"],
        ),
        row("Codex CLI, `mcp list --json`", Task::List, &codex, &["mcp", "list", "--json"]),
        row("Codex CLI, `mcp get --json`", Task::Show, &codex, &["mcp", "get", "NAME", "--json"]),
    ])
}

/// Our program, as it is once it was installed: what was copied, or read from a disk, is mapped many pages at a time;
/// what a linker has just written, one by one.
fn copied(folder: &Path) -> io::Result<PathBuf> {
    let copy = folder.join("mcp-registry");
    std::fs::copy(env!("CARGO_BIN_EXE_mcp-registry"), &copy)?;
    Ok(copy)
}

/// Where a peer is: as `variable` says, else on `PATH`.
fn installed(variable: &str, program: &str) -> Option<PathBuf> {
    match std::env::var_os(variable) {
        Some(path) => Some(PathBuf::from(path)),
        None => std::env::split_paths(&std::env::var_os("PATH")?).map(|p| p.join(program)).find(|p| p.is_file()),
    }
}

/// The program that the script npm installs would start, so that Node's own start is not counted.
fn native_codex(shim: &Path) -> Option<PathBuf> {
    let script = shim.canonicalize().ok()?;
    let siblings = script.ancestors().nth(3)?.read_dir().ok()?;
    let vendors = siblings.filter_map(|entry| entry.ok()?.path().join("vendor").read_dir().ok()).flatten();
    vendors.filter_map(|target| Some(target.ok()?.path().join("bin/codex"))).find(|path| path.is_file())
}
