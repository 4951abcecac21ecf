//! Other processes: what a case that needs several of them starts, and what these do.
//!
//! The suite starts this very executable once more, with the variable [`VARIABLE`] set and the
//! arguments given to [`SuiteBuilder::worker_args`](crate::SuiteBuilder::worker_args). There the
//! program asks [`is_worker`] and, if so, does nothing but [`serve`]. The two speak by lines: the
//! job on standard input, `ready` on standard output, `go` on standard input, the result.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use mcp_registry_spec::{Error, ErrorKind, McpServerRegistryBackend, McpServerSpec, Result, Scope};
use serde::{Deserialize, Serialize};

use crate::case::{Checked, During, Stop};
use crate::context::{Context, ignored, write};
use crate::fixture::Fixture;

/// The variable that makes a process a worker.
pub const VARIABLE: &str = "MCP_REGISTRY_CONFORMANCE_WORKER";

/// What a worker is told: to install these, one after the other.
#[derive(Serialize, Deserialize)]
struct Job {
    shared: String,
    scope: Scope,
    installs: Vec<McpServerSpec>,
}

/// How an install of a worker ended: `None` when it won.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) refused: Option<ErrorKind>,
    pub(crate) message: String,
}

/// Whether this process was started as a worker.
#[must_use]
pub fn is_worker() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Does what the suite, in the process that started this one, asks for on standard input. It needs
/// a Tokio runtime around it if the backend does.
///
/// # Errors
/// When the job cannot be read, the storage cannot be opened or the answer cannot be given; what
/// becomes of the installs is part of the answer.
pub async fn serve(fixture: &dyn Fixture) -> Result<()> {
    let mut lines = io::stdin().lines();
    let mut next = || lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
    let job: Job = serde_json::from_str(&next().map_err(broken_pipe)?).map_err(broken_pipe)?;
    let backend = fixture.open_shared(&job.shared, &job.scope)?;
    say("ready")?;
    next().map_err(broken_pipe)?;
    let mut attempts = Vec::with_capacity(job.installs.len());
    for spec in &job.installs {
        attempts.push(attempt(&*backend, spec).await);
    }
    backend.close().await?;
    say(&serde_json::to_string(&attempts).map_err(broken_pipe)?)
}

async fn attempt(backend: &dyn McpServerRegistryBackend, spec: &McpServerSpec) -> Attempt {
    match backend.install(spec, &write()).await {
        Ok(_) => Attempt { refused: None, message: String::new() },
        Err(error) => Attempt { refused: Some(error.kind()), message: error.to_string() },
    }
}

fn say(line: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(broken_pipe)
}

fn broken_pipe(cause: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unavailable, "the suite's worker lost touch with the suite").caused_by(cause)
}

/// Workers at work; none outlives this.
struct Fleet(Vec<Child>);

impl Drop for Fleet {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended needs no killing.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

struct Line {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Line {
    fn tell(&mut self, text: &str) -> Result<()> {
        writeln!(self.to, "{text}").and_then(|()| self.to.flush()).map_err(broken_pipe)
    }

    fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.from.read_line(&mut line) {
            Ok(0) => Err(broken_pipe("it ended")),
            Ok(_) => Ok(line),
            Err(cause) => Err(broken_pipe(cause)),
        }
    }
}

/// Starts a process for each of `installs` and lets all begin at once.
pub(crate) async fn install_in_processes(
    context: &Context,
    scope: &Scope,
    installs: Vec<Vec<McpServerSpec>>,
) -> Checked<Vec<Vec<Attempt>>> {
    let Some(shared) = context.fixture().shared() else { return ignored("the fixture has no shared") };
    let executable = std::env::current_exe().map_err(broken_pipe).during("finding this executable")?;
    let mut fleet = Fleet(Vec::new());
    let mut lines = Vec::new();
    for installs in installs {
        let job = serde_json::to_string(&Job { shared: shared.clone(), scope: scope.clone(), installs });
        let mut child = Command::new(&executable)
            .args(context.suite().worker_args())
            .env(VARIABLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(broken_pipe)
            .during("starting a worker")?;
        let ends = child.stdin.take().zip(child.stdout.take());
        fleet.0.push(child);
        let (to, from) = ends.ok_or_else(|| Stop::Failed("a worker has no pipes".to_owned()))?;
        let job = job.map_err(broken_pipe).during("writing a job")?;
        lines.push((Line { to, from: BufReader::new(from) }, job));
    }
    // When the case is given up, the fleet is killed, and the talk ends by itself.
    let talk = tokio::task::spawn_blocking(move || -> Result<Vec<Vec<Attempt>>> {
        lines.iter_mut().try_for_each(|(line, job)| line.tell(job))?;
        lines.iter_mut().try_for_each(|(line, _)| line.hear().map(drop))?;
        lines.iter_mut().try_for_each(|(line, _)| line.tell("go"))?;
        lines.iter_mut().map(|(line, _)| serde_json::from_str(&line.hear()?).map_err(broken_pipe)).collect()
    });
    let attempts = talk.await.map_err(|panic| Stop::Failed(format!("talking to workers panicked: {panic}")))?;
    drop(fleet);
    attempts.during("working in several processes")
}
