//! An agent with servers mounted, and the binary.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use mcp_registry_test_server::{Mark, SERVE};
use tempfile::TempDir;

/// What the servers are told, and must not be shown.
pub(crate) const SECRET: &str = "hunter2plain";

/// Waits until that is so.
pub(crate) fn until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "it is never so");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) struct Agent {
    room: TempDir,
    pub(crate) mark: Mark,
}

impl Agent {
    pub(crate) fn new(test: &str) -> Self {
        let agent = Self { room: tempfile::tempdir().unwrap(), mark: Mark::new(test) };
        fs::create_dir(agent.path("home")).unwrap();
        fs::create_dir(agent.path("agent")).unwrap();
        fs::write(agent.path("agent/mcp.md"), "# Servers\n\n").unwrap();
        agent
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    pub(crate) fn home(&self) -> String {
        self.path("home").to_str().unwrap().to_owned()
    }

    /// What the servers are: this test.
    pub(crate) fn exe(&self) -> String {
        std::env::current_exe().unwrap().to_str().unwrap().to_owned()
    }

    /// Adds to the document.
    pub(crate) fn write(&self, text: &str) {
        let mut file = OpenOptions::new().append(true).open(self.path("agent/mcp.md")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Mounts a server of that kind.
    pub(crate) fn mount(&self, name: &str, words: &[&str]) {
        let args: Vec<_> = std::iter::once(&SERVE).chain(words).copied().collect();
        self.mount_command(name, &self.exe(), &args);
    }

    /// Mounts a server that this command starts.
    pub(crate) fn mount_command(&self, name: &str, command: &str, args: &[&str]) {
        let (args, mark) = (args.join(", "), self.mark.name());
        self.write(&format!("## {name}\ncommand: {command}\nargs: {args}\nenv: {mark}=1, TOKEN=$TEST_VALUE\n\n"));
    }

    /// Says which commands may be started.
    pub(crate) fn allow(&self, commands: &[&str]) {
        self.write(&format!("## Allowed commands\n{}\n\n", commands.join("\n")));
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-registry"));
        command.args(arguments).arg("--agent-root").arg(self.path("agent"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.path("home"));
        command.env("TEST_VALUE", SECRET).env("MCP_REGISTRY_AUTH_TOKEN", "own").stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Output {
        let pipes = |command: &mut Command| {
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let mut child = pipes(&mut self.command(arguments));
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    /// The same as [`run`](Self::run), under that policy.
    pub(crate) fn run_under(&self, policy: &str, arguments: &[&str]) -> Output {
        let path = self.path("home/policy.toml");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path).unwrap();
        file.write_all(policy.as_bytes()).unwrap();
        self.command(arguments).env("MCP_REGISTRY_POLICY", path).output().unwrap()
    }
}
