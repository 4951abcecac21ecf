//! A folder of its own for every test, and the binary run in it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// An agent's document that has a bit of everything.
pub(crate) const DOCUMENT: &str = r#"# Scout

Prose that stays.

## github

command: npx
args: -y, @modelcontextprotocol/server-github
env: GITHUB_TOKEN=$GITHUB_PAT
description: Issues & pull requests

## search

url: https://mcp.example.org/
header: Authorization: Bearer ${SEARCH_TOKEN}
description: 検索 and more

## broken

args: no command here

## legacy

command: npx
args: --api-key, hunter2-literal
env: API_KEY=hunter2-literal
"#;

pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Sandbox {
    /// A folder with a home, one command on its PATH, and no agent yet.
    pub(crate) fn new() -> Self {
        let sandbox = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        sandbox.write("bin/npx", "#!/bin/sh\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(sandbox.path("bin/npx"), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        sandbox.write("home/.keep", "");
        sandbox
    }

    /// The same, with [`DOCUMENT`] as the current folder's mcp.md.
    pub(crate) fn with_document() -> Self {
        let sandbox = Self::new();
        sandbox.write("mcp.md", DOCUMENT);
        sandbox
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_mcp-registry")));
        command.args(args).current_dir(self.folder.path()).env_clear();
        command.env("PATH", self.path("bin")).env("HOME", self.path("home")).env("USER", "tester");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn output(&self, args: &[&str]) -> Output {
        self.output_with_input(args, "")
    }

    pub(crate) fn output_with_input(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that reads no input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs the binary; gives its exit status and both streams, with the sandbox's own path hidden.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        self.run_with_input(args, "")
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> String {
        let output = self.output_with_input(args, input);
        let mut text = format!("$ mcp-registry {}\n[exit {}]\n", args.join(" "), output.status.code().unwrap());
        for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !bytes.is_empty() {
                write!(text, "--- {stream}\n{}", String::from_utf8(bytes.clone()).unwrap()).unwrap();
            }
        }
        text.replace(self.folder.path().to_str().unwrap(), "[SANDBOX]")
    }

    /// Runs the binary once for each line.
    pub(crate) fn session(&self, lines: &[&[&str]]) -> String {
        lines.iter().map(|args| self.run(args)).collect::<Vec<_>>().join("\n")
    }
}
