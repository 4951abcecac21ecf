//! The process of a server: made, watched, and left with nothing of it behind (S6 to S8).

mod environment;
mod marker;
mod spawning;
mod tail;
mod tree;

use std::fmt;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use mcp_registry_spec::LaunchSpec;
use rustix::process::{Pid, Signal};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::mask::Mask;
use marker::Marker;
use tail::Tail;
use tree::Tree;

pub use environment::command;
pub(crate) use environment::inherited;
pub(crate) use spawning::Spawning;
pub(crate) use tree::{Alone, let_go_of_ended};

/// How long what the process wrote last, and that it ended, may take to arrive.
const SETTLE: Duration = Duration::from_millis(250);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With a status.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        status.code().map_or_else(|| Self::Signal(status.signal().unwrap_or_default()), Self::Code)
    }
}

/// A running server. Dropped, all of it is killed; the thread waits for that, which takes a few milliseconds.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    tree: Tree,
    tail: Tail,
    reader: JoinHandle<()>,
}

/// Its standard input and output.
pub(crate) struct Pipes {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
}

impl Process {
    /// Makes the process. To be called where a runtime is, on a thread that may wait.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn spawn(launch: &LaunchSpec, inherit: Option<&[String]>, mask: &Mask) -> io::Result<(Self, Pipes)> {
        tree::adopt_orphans();
        let marker = Marker::new()?;
        let mut command = command(launch, inherit)?;
        command.env(marker.name(), "1").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut command = Command::from(command);
        // In a group of its own a signal reaches all of it, and the terminal's reach none of it.
        command.process_group(0);
        // What was made is there though its pipes could not be waited for, as when the runtime ends at that moment.
        let mut child = command.spawn().inspect_err(|_| tree::kill_marked(&marker))?;
        let missing = || io::Error::other("the process has no pipes");
        let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).ok_or_else(missing)?;
        let tree = Tree::new(pid, marker);
        let tail = Tail::new(mask.longest());
        let pipes = child.stdin.take().zip(child.stdout.take()).zip(child.stderr.take());
        let (reader, pipes) = match pipes {
            Some(((stdin, stdout), stderr)) => (tokio::spawn(tail.clone().fill(stderr)), Pipes { stdin, stdout }),
            None => return Err(missing()),
        };
        Ok((Self { child, tree, tail, reader }, pipes))
    }

    /// How it ended, if it did or is about to.
    pub(crate) async fn ended(&mut self) -> Option<Exit> {
        self.tree.note();
        timeout(SETTLE, self.child.wait()).await.ok()?.ok().map(Exit::from)
    }

    /// How it ended, if it did by now.
    pub(crate) fn has_ended(&mut self) -> Option<Exit> {
        self.tree.note_if_ended();
        self.child.try_wait().ok()?.map(Exit::from)
    }

    /// The last it wrote to standard error, masked.
    pub(crate) async fn last_words(&mut self, mask: &Mask) -> String {
        self.tree.note_if_ended();
        // Once it ended nothing more comes, unless a child of its holds the pipe.
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = timeout(SETTLE, &mut self.reader).await;
        }
        self.tail.shown(mask)
    }

    /// Lets it end by itself, as its standard input is closed; then asks it to; then kills all of it. `false` where
    /// something could not be killed.
    pub(crate) async fn stop(mut self, grace: Duration) -> bool {
        self.tree.note();
        let half = grace / 2;
        if self.is_gone_within(half).await {
            return true;
        }
        self.tree.signal_all(Signal::TERM);
        if self.is_gone_within(half).await {
            return true;
        }
        let Self { child, tree, .. } = &mut self;
        // Only the killing waits for the disk; what is dropped after it finds nothing left.
        tree.kill();
        let _ = timeout(SETTLE, child.wait()).await;
        tree.is_gone()
    }

    async fn is_gone_within(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut pause = Duration::from_millis(1);
        loop {
            // Where the first of them runs still there is no need to look for the others.
            let ended = timeout(pause, self.child.wait()).await.is_ok();
            if ended && self.tree.is_gone() {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            if ended {
                sleep(pause).await;
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.reader.abort();
        self.tree.kill();
        // Leaves no zombie where it is dead by now; else the runtime takes it.
        let _ = self.child.try_wait();
    }
}
