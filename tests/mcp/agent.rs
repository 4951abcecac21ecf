//! A folder of its own for every test, and the server run in it as a client starts it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::schemas::Schemas;

const BINARY: &str = env!("CARGO_BIN_EXE_mcp-registry");

/// What no answer and no log may show.
pub(crate) const SECRET: &str = "hunter2-of-the-environment";

/// An agent's document that has a bit of everything.
const DOCUMENT: &str = r"# Scout

## github

command: npx
args: -y, @modelcontextprotocol/server-github
env: GITHUB_TOKEN=$GITHUB_PAT
description: Issues and pull requests

## search

url: https://mcp.example.org/
header: Authorization: Bearer ${GITHUB_PAT}

## broken

args: no command here

## legacy

command: npx
args: --api-key, hunter2-literal
";

/// A policy that lets changes be asked for, and decided over MCP.
pub(crate) const OPEN: &str = "version = 1\n[changes]\nenabled = true\napprove_over_mcp = true\n";

/// An agent's folder, a home, and a state folder.
#[derive(Clone)]
pub(crate) struct Agent {
    folder: Arc<tempfile::TempDir>,
}

impl Agent {
    pub(crate) fn new() -> Self {
        let agent = Self { folder: Arc::new(tempfile::tempdir().unwrap()) };
        std::fs::create_dir_all(agent.path("agent")).unwrap();
        std::fs::create_dir_all(agent.path("home")).unwrap();
        agent.write("agent/mcp.md", DOCUMENT);
        agent
    }

    /// The same, with a policy.
    pub(crate) fn with_policy(text: &str) -> Self {
        let agent = Self::new();
        agent.write("policy.toml", text);
        agent
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(self.path(file), std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    pub(crate) fn document(&self) -> String {
        std::fs::read_to_string(self.path("agent/mcp.md")).unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(args).current_dir(self.folder.path()).env_clear().env("HOME", self.path("home"));
        command
            .env("MCP_REGISTRY_STATE_DIR", self.path("state"))
            .env("GITHUB_PAT", SECRET)
            .env("USER", "nobody-says-so");
        if self.path("policy.toml").exists() {
            command.env("MCP_REGISTRY_POLICY", self.path("policy.toml"));
        }
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).stdin(Stdio::null()).output().unwrap()
    }

    /// A token for the server over HTTP.
    pub(crate) fn token(&self, name: &str, role: &str, scope: &str) -> String {
        let tokens = format!("sqlite:{}", self.path("state/governance.db").display());
        let output = self.run(&[
            "token",
            "create",
            "--tokens",
            &tokens,
            "--scope",
            scope,
            "--role",
            role,
            "--actor-role",
            "ops",
            name,
        ]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Starts the server and begins.
    pub(crate) fn client(&self, args: &[&str]) -> Client {
        self.client_of("agent", args)
    }

    /// The same, of another agent's folder.
    pub(crate) fn client_of(&self, root: &str, args: &[&str]) -> Client {
        let mut client = self.start(root, args);
        let began = client.request("initialize", initialize()).unwrap();
        assert_eq!(began["serverInfo"]["name"], "mcp-registry");
        client.notify("notifications/initialized");
        client
    }

    /// Starts the server and says nothing yet.
    pub(crate) fn silent_client(&self, args: &[&str]) -> Client {
        self.start("agent", args)
    }

    fn start(&self, root: &str, args: &[&str]) -> Client {
        let mut command = self.command(&[&["mcp", "--agent-root", root], args].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Client {
            child: Some(child),
            to,
            from,
            next: 0,
            notified: Vec::new(),
            schemas: Schemas::default(),
            _folder: self.folder.clone(),
        }
    }
}

/// What a client begins with.
pub(crate) fn initialize() -> Value {
    let client = json!({"name": "test", "version": "1"});
    json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client})
}

/// The one client at the other end of the server's streams.
pub(crate) struct Client {
    child: Option<Child>,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    next: u64,
    /// The notifications that came between answers.
    pub(crate) notified: Vec<Value>,
    schemas: Schemas,
    /// It stays as long as somebody uses it.
    _folder: Arc<tempfile::TempDir>,
}

impl Client {
    pub(crate) fn send(&mut self, line: &str) {
        let to = self.to.as_mut().unwrap();
        to.write_all(line.as_bytes()).and_then(|()| to.write_all(b"\n")).and_then(|()| to.flush()).unwrap();
    }

    /// What the server reads.
    pub(crate) fn raw(&mut self) -> &mut ChildStdin {
        self.to.as_mut().unwrap()
    }

    /// The next message of the server, which is all that stands on its standard output.
    pub(crate) fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))
    }

    pub(crate) fn notify(&mut self, method: &str) {
        self.send(&json!({"jsonrpc": "2.0", "method": method}).to_string());
    }

    /// Asks, and gives the result or the error.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string());
        loop {
            let mut message = self.receive();
            if message.get("id").is_none() && message.get("method").is_some() {
                self.notified.push(message);
                continue;
            }
            assert_eq!(message["id"], id, "{message}");
            return match message.get_mut("result") {
                Some(result) => Ok(result.take()),
                None => Err(message["error"].take()),
            };
        }
    }

    /// Calls a tool; its structured content, and whether it is an error. The result is held to the schema
    /// that the server gave for it.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> (Value, bool) {
        if self.schemas.is_empty() {
            let tools = self.request("tools/list", json!({})).unwrap();
            self.schemas = Schemas::of(&tools);
        }
        let result = self.request("tools/call", json!({"name": tool, "arguments": arguments})).unwrap();
        self.schemas.check(tool, &result);
        (result["structuredContent"].clone(), result["isError"] == true)
    }

    /// The same, of a call that does what is asked.
    pub(crate) fn done(&mut self, tool: &str, arguments: Value) -> Value {
        let (content, is_error) = self.call(tool, arguments);
        assert!(!is_error, "{content}");
        content
    }

    /// The same, of a call that is refused: the stable word for why.
    pub(crate) fn refused(&mut self, tool: &str, arguments: Value) -> String {
        let (content, is_error) = self.call(tool, arguments);
        assert!(is_error && content["ok"] == false, "{content}");
        match content["error"]["code"].as_str() {
            Some(code) => code.to_owned(),
            None => {
                assert_eq!(content["policy"]["allowed"], false, "{content}");
                "denied".to_owned()
            }
        }
    }

    /// Closes the streams, and gives what was left in them.
    pub(crate) fn close(mut self) -> Output {
        drop(self.to.take());
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut self.from, &mut rest).unwrap();
        let mut output = self.child.take().unwrap().wait_with_output().unwrap();
        output.stdout = rest;
        output
    }

    /// The process's number.
    pub(crate) fn process(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.child.as_ref().unwrap())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.to.take());
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
