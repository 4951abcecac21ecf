//! A catalog service of the binary, as tests of several files start it.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_mcp-registry");

/// A running service; it is stopped when dropped.
pub(crate) struct Service {
    child: Child,
    /// Where it answers, with a slash at the end.
    pub(crate) url: String,
    dir: tempfile::TempDir,
}

impl Service {
    /// Starts it, with more arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(BINARY);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        command.env_clear().env("HOME", dir.path()).current_dir(dir.path());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        log.read_line(&mut first).unwrap();
        // Nobody may stop reading: the service would have nowhere to write its log.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let line: Value = serde_json::from_str(&first).unwrap_or_else(|_| panic!("{first}"));
        let url = line["url"].as_str().unwrap_or_else(|| panic!("{first}")).to_owned();
        Self { child, url, dir }
    }

    /// Its home, below which it keeps what it keeps.
    pub(crate) fn home(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, in the midst of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Runs a command of ours where the service keeps its database.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_clear().env("HOME", self.dir.path()).current_dir(self.dir.path());
        command.output().unwrap()
    }

    /// A token for one scope; `place` says where tokens are kept, if not where they are by default.
    pub(crate) fn token(&self, scope: &str, role: &str, place: &[&str]) -> String {
        let output = self.run(&[&["token", "create", "--scope", scope, "--role", role][..], place].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}
