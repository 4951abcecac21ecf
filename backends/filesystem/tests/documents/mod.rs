//! How the suite gets at documents.

use std::path::PathBuf;

use mcp_registry_conformance::{Backend, Fixture, async_trait};
use mcp_registry_filesystem as filesystem;
use mcp_registry_spec::{
    Backends, Capabilities, Error, ErrorKind, McpServerSpec, OpenRequest, Result, Scope, ServerName,
};

/// Agent folders below one folder, one a scope.
pub(crate) struct McpMd {
    pub(crate) root: tempfile::TempDir,
}

impl McpMd {
    fn folder(&self, scope: &Scope) -> Result<PathBuf> {
        let folder = self.root.path().join(scope.as_str());
        std::fs::create_dir_all(&folder).map_err(storage)?;
        Ok(folder)
    }

    /// Appends to the scope's document, as its owner would.
    fn append(&self, scope: &Scope, text: &str) -> Result<()> {
        let path = self.folder(scope)?.join(filesystem::DOCUMENT);
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, before + text).map_err(storage)
    }
}

fn storage(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the fixture's folder").caused_by(cause)
}

#[async_trait]
impl Fixture for McpMd {
    fn open(&self, scope: &Scope) -> Result<Backend> {
        self.open_shared(&self.root.path().display().to_string(), scope)
    }

    fn backend_id(&self) -> &str {
        filesystem::ID
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::read_write()
    }

    async fn seed(&self, scope: &Scope, spec: &McpServerSpec) -> Option<Result<()>> {
        let text = filesystem::document::Document::parse("").install(spec);
        Some(match text {
            Ok(section) => self.append(scope, &format!("\n{section}")),
            Err(problem) => Err(Error::new(problem.kind, problem.message)),
        })
    }

    async fn break_entry(&self, scope: &Scope, name: &ServerName, secret: &str) -> Option<Result<()>> {
        // A comma in a value, unquoted: the piece behind it has no "=".
        Some(self.append(scope, &format!("\n## {name}\n\ncommand: npx\nenv: TOKEN={secret}, {secret}\n")))
    }

    async fn unavailable(&self, scope: &Scope) -> Option<Result<Backend>> {
        let made = self.folder(scope).and_then(|f| std::fs::create_dir(f.join(filesystem::DOCUMENT)).map_err(storage));
        Some(made.and_then(|()| self.open(scope)))
    }

    fn shared(&self) -> Option<String> {
        Some(self.root.path().display().to_string())
    }

    fn open_shared(&self, shared: &str, scope: &Scope) -> Result<Backend> {
        let request = OpenRequest::new(&format!("{}:{shared}", filesystem::ID)).scope(scope.clone());
        Ok(Backends::linked().open(&request)?.backend().clone())
    }
}
