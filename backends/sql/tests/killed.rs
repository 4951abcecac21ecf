//! A writer killed at any instant (rule 9): what it confirmed is there, what it did not is there whole or
//! not at all, and the audit agrees with the entries.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod agreement;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use mcp_registry_spec::{McpServerRegistryBackend as _, McpServerSpec, OpenRequest, ServerName, WriteContext};
use mcp_registry_sql::{Config, SqlBackend};

/// Makes this very program the writer: it installs into the database that the variable names.
const VARIABLE: &str = "MCP_REGISTRY_TEST_WRITER";
const TRIALS: usize = 25;

fn open(locator: &str) -> SqlBackend {
    SqlBackend::new(Config::from_request(&OpenRequest::new(locator)).unwrap())
}

/// Installs for ever, and says what is done.
async fn write(locator: &str) {
    let (backend, process) = (open(locator), std::process::id());
    for i in 0.. {
        let spec = McpServerSpec::stdio(ServerName::parse(&format!("server-{process}-{i}")).unwrap(), "npx");
        backend.install(&spec, &WriteContext::new().actor("writer")).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "done {}", spec.name).and_then(|()| out.flush()).unwrap();
    }
}

#[tokio::test]
async fn a_writer_that_is_killed_leaves_what_it_confirmed() {
    if let Ok(locator) = std::env::var(VARIABLE) {
        return write(&locator).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let locator = format!("sqlite:{}/registry.db", folder.path().display());
    let mut confirmed = Vec::new();
    for trial in 0..TRIALS {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_writer_that_is_killed_leaves_what_it_confirmed", "--nocapture"])
            .env(VARIABLE, &locator)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        // Killed after so many confirmations, at whatever it is doing then.
        let mut left = trial % 7;
        while left > 0 {
            let line = lines.next().unwrap().unwrap();
            left -= usize::from(line.contains("done "));
            confirmed.extend(name_in(&line));
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        confirmed.extend(lines.map_while(Result::ok).filter_map(|line| name_in(&line)));
        let backend = open(&locator);
        for name in &confirmed {
            backend.load(name).await.unwrap();
        }
        agreement::ensure_audit_agrees(&backend).await;
    }
    assert!(confirmed.len() >= TRIALS, "the writers did not come to write");
}

/// What a whole line confirms.
fn name_in(line: &str) -> Option<ServerName> {
    ServerName::parse(line.split_once("done ")?.1).ok()
}
