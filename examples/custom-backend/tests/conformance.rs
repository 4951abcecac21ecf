//! The conformance suite, on the example.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs::File;
use std::path::Path;

use mcp_registry_conformance::{Backend, Fixture, async_trait};
use mcp_registry_custom_backend as _;
use mcp_registry_spec::{Backends, Capabilities, Error, ErrorKind, OpenRequest, Result, Scope, ServerName};
use serde_json::{Value, json};

struct JsonFile(tempfile::TempDir);

fn open(folder: &Path, scope: &Scope) -> Result<Backend> {
    let locator = format!("json-file:{}", folder.join("servers.json").display());
    let registry = Backends::linked().open(&OpenRequest::new(&locator).scope(scope.clone()))?;
    Ok(registry.backend().clone())
}

#[async_trait]
impl Fixture for JsonFile {
    fn open(&self, scope: &Scope) -> Result<Backend> {
        open(self.0.path(), scope)
    }

    fn backend_id(&self) -> &str {
        "json-file"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::read_write()
    }

    async fn break_entry(&self, scope: &Scope, name: &ServerName, secret: &str) -> Option<Result<()>> {
        Some(break_entry(&self.0.path().join("servers.json"), scope, name, secret).map_err(failed))
    }

    async fn unavailable(&self, scope: &Scope) -> Option<Result<Backend>> {
        let down = self.0.path().join("down");
        // A folder where the file should be.
        let made = std::fs::create_dir_all(down.join("servers.json"));
        Some(made.map_err(failed).and_then(|()| open(&down, scope)))
    }

    fn shared(&self) -> Option<String> {
        Some(self.0.path().display().to_string())
    }

    fn open_shared(&self, shared: &str, scope: &Scope) -> Result<Backend> {
        open(shared.as_ref(), scope)
    }
}

/// Writes an entry that has neither command nor url. Other cases use the file meanwhile, so this
/// keeps to its lock, as whoever edits it must.
fn break_entry(path: &Path, scope: &Scope, name: &ServerName, secret: &str) -> std::io::Result<()> {
    let lock = File::options().create(true).append(true).open(path.with_extension("json.lock"))?;
    lock.lock()?;
    let mut document: Value = match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => json!({}),
    };
    document[scope.as_str()][name.as_str()] = json!({"env": {"API_KEY": secret}});
    let new = path.with_extension("json.new");
    std::fs::write(&new, document.to_string())?;
    std::fs::rename(new, path)
}

fn failed(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the fixture failed").caused_by(cause)
}

fn main() -> std::process::ExitCode {
    mcp_registry_conformance::main(JsonFile(tempfile::tempdir().unwrap()))
}
