//! What the tests of section "sure" share: an agent's folder, and the binary on it.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The lock that writers hold.
pub(crate) const LOCK: &str = ".mcp_registry.lock";

/// An owner's document: prose, a comment, an allowlist, entries, one of them broken.
pub(crate) const DOCUMENT: &str = "# Servers of *scout*\n\nKept by hand. <!-- mine -->\n\n\
    ## first\n\ncommand: npx\nargs: -y, server-first\n\nNotes of the owner.\n\n\
    ## broken\n\nargs: no command\n\n## Allowed commands\n\nnpx # the usual\n\n## last\ncommand: uvx\n";

/// The names of what is mounted there.
pub(crate) const SEEDED: [&str; 3] = ["broken", "first", "last"];

/// An agent's folder of its own.
pub(crate) struct Agent {
    home: tempfile::TempDir,
}

impl Agent {
    /// A folder whose document says `text`.
    pub(crate) fn with(text: &str) -> Self {
        let agent = Self { home: tempfile::tempdir().unwrap() };
        std::fs::create_dir(agent.root()).unwrap();
        std::fs::write(agent.document(), text).unwrap();
        agent
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.home.path().join("agent")
    }

    pub(crate) fn document(&self) -> PathBuf {
        self.root().join("mcp.md")
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.document()).unwrap()
    }

    /// What is in the folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        names_in(&self.root())
    }

    /// The command `arguments`, separated by spaces, on this folder and with nobody's settings.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_mcp-registry")), arguments)
    }

    /// The same, of a binary that is elsewhere.
    pub(crate) fn command_of(&self, binary: &Path, arguments: &str) -> Command {
        let mut command = Command::new(binary);
        command.env_clear().env("HOME", self.home()).current_dir(self.home());
        command.args(arguments.split(' ')).arg("--agent-root").arg(self.root());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must succeed.
    pub(crate) fn succeed(&self, arguments: &str) -> Output {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments}: {output:?}");
        output
    }

    /// The names that `list` gives, good and broken.
    pub(crate) fn names(&self) -> Vec<String> {
        let listing: Value = serde_json::from_slice(&self.succeed("list --format json").stdout).unwrap();
        let of = |key: &str| -> Vec<String> {
            let rows = listing[key].as_array().unwrap();
            rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
        };
        let mut names = of("servers");
        names.extend(of("broken"));
        names.sort();
        names
    }

    /// Sees that the ledger is whole, and that it tells of all that is mounted but for `others`, which were there
    /// before or came by other means.
    pub(crate) fn assert_on_record_but(&self, others: &[&str]) {
        let output = self.run("ledger verify --format json");
        let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        let findings = found["findings"].as_array().unwrap();
        assert!(findings.iter().all(|finding| finding["place"] == "registry"), "{found}");
        let names: Vec<_> = findings.iter().map(|finding| finding["name"].as_str().unwrap()).collect();
        assert_eq!(names, others, "{found}");
    }

    /// Sees that nobody holds the lock.
    pub(crate) fn assert_lock_is_free(&self) {
        // Who died before it began has made no lock.
        if let Ok(lock) = File::open(self.root().join(LOCK)) {
            lock.try_lock().unwrap();
        }
    }

    /// Sees that nothing lies in the folder but the document and its lock.
    pub(crate) fn assert_no_litter(&self) {
        assert_eq!(self.files(), [LOCK, "mcp.md"]);
    }

    /// Waits for the sight of a writer's temporary file, and for `spin` after it. One that came and
    /// went between two looks shows by the document being another file.
    #[cfg(unix)]
    pub(crate) fn await_temporary(&self, ending: &str, spin: Duration) {
        use std::os::unix::fs::MetadataExt;
        let inode = || std::fs::metadata(self.document()).unwrap().ino();
        let (old, start) = (inode(), Instant::now());
        while !self.has_temporary(ending) && inode() == old && start.elapsed() < Duration::from_secs(20) {}
        let sight = Instant::now();
        while sight.elapsed() < spin {}
    }

    /// Whether a writer has a temporary file beside the document now.
    pub(crate) fn has_temporary(&self, ending: &str) -> bool {
        let entries = std::fs::read_dir(self.root()).unwrap();
        entries.flatten().any(|e| e.file_name().as_encoded_bytes().ends_with(ending.as_bytes()))
    }
}

/// What is in a folder, sorted.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The error that a command with `--format json` ended with: its kind, message and whether a retry can help.
pub(crate) fn error_of(output: &Output) -> (String, String, bool) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let value: Value = serde_json::from_slice(&output.stderr).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    let error = &value["error"];
    let text = |key: &str| error[key].as_str().unwrap().to_owned();
    (text("kind"), text("message"), error["retryable"].as_bool().unwrap())
}

/// Random numbers that are the same in every run (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }
}
