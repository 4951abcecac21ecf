//! Servers with descendants that do not want to go.

use std::io;
use std::process::{Child, Command, Stdio};

use crate::SERVE;

fn own(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_default());
    command.arg(SERVE).args(words);
    command
}

/// The same, deaf to SIGTERM: a shell ignores it, and what it becomes does too.
fn deaf(words: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' TERM; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap_or_default());
    command.arg(SERVE).args(words);
    command
}

fn start(command: &mut Command) -> io::Result<Child> {
    // They hold the server's pipes, as careless ones do.
    command.stdin(Stdio::null()).stdout(Stdio::inherit()).stderr(Stdio::inherit()).spawn()
}

/// Children that ignore SIGTERM, one in a group of its own.
pub(crate) fn found() {
    use std::os::unix::process::CommandExt;
    let _ = start(&mut deaf(&["sleeper"]));
    let _ = start(deaf(&["sleeper"]).process_group(0));
}

/// A grandchild in a session of its own, whose parent is gone; `bare` without any environment.
pub(crate) fn forsake(bare: bool) {
    let mut leader = own(&["leader", if bare { "bare" } else { "marked" }]);
    if let Ok(mut leader) = start(&mut leader) {
        let _ = leader.wait();
    }
}

/// What leads a session, leaves a child in it, and ends.
pub(crate) fn lead(bare: bool) {
    let _ = rustix::process::setsid();
    let mut child = deaf(&["sleeper"]);
    if bare {
        child.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    }
    let _ = start(&mut child);
}

/// Goes on as a server that ignores SIGTERM.
pub(crate) fn stubborn(words: &[&str]) -> u8 {
    use std::os::unix::process::CommandExt;
    // Comes back only where it fails.
    let _ = deaf(words).exec();
    1
}
