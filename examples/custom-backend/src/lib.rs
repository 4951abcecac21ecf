//! A backend of one's own: the entries of every scope in one JSON file, opened as `json-file:FILE`.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind as Io, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcp_registry_spec::*;
use serde_json::{Value, json};

static REGISTRATION: Registration = Registration {
    id: "json-file",
    schemes: &[],
    summary: "the entries of every scope in one JSON file",
    usage: "json-file:FILE",
    options: &[],
    tokio: false,
    open: |request| {
        let no_file = || Error::new(ErrorKind::ConfigInvalid, "the locator names no file: write json-file:FILE");
        let path = request.locator.argument().filter(|path| !path.is_empty()).ok_or_else(no_file)?.into();
        Ok(Arc::new(JsonFile { path, scope: request.scope.clone().map_or_else(|| Scope::parse("default"), Ok)? }))
    },
};
register_backend!(REGISTRATION);

#[derive(Debug)]
struct JsonFile {
    path: PathBuf,
    scope: Scope,
}

type Entries = BTreeMap<ServerName, Value>;
type Document = BTreeMap<Scope, Entries>;

impl JsonFile {
    fn error(&self, kind: ErrorKind, what: &str, cause: impl std::fmt::Display) -> Error {
        Error::new(kind, what).at(&self.path, None).caused_by(cause)
    }

    /// The whole file; one that is not there is empty (rule 7).
    fn read(&self) -> Result<Document> {
        let bytes = match fs::read(&self.path) {
            Err(cause) if cause.kind() == Io::NotFound => return Ok(Document::new()),
            read => read.map_err(|cause| self.error(ErrorKind::Unavailable, "cannot read the file", cause))?,
        };
        let document = serde_json::from_slice(&bytes).and_then(|json::Strict(value)| serde_json::from_value(value));
        // What the parser says is not shown: it might quote a value (rule 4).
        document.map_err(|_| self.error(ErrorKind::DescriptorInvalid, "unusable", "no JSON of scopes and entries"))
    }

    /// Changes the file: alone, and whole or, where `edit` fails, not at all (rule 9).
    fn write<T>(&self, edit: impl FnOnce(&mut Entries) -> Result<T>) -> Result<T> {
        let io = |cause| self.error(ErrorKind::Unavailable, "cannot write the file", cause);
        let beside = |suffix| PathBuf::from(format!("{}.{suffix}", self.path.display()));
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(io)?;
        let lock = File::options().create(true).append(true).open(beside("lock")).map_err(io)?;
        let give_up = Instant::now() + Duration::from_secs(10);
        while let Err(cause) = lock.try_lock() {
            if Instant::now() > give_up || !matches!(cause, TryLockError::WouldBlock) {
                return Err(self.error(ErrorKind::Unavailable, "cannot lock the file", cause).retryable());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut document = self.read()?;
        let answer = edit(document.entry(self.scope.clone()).or_default())?;
        document.retain(|_, entries| !entries.is_empty());
        let mut new = File::create(beside("new")).map_err(io)?;
        new.write_all(json!(document).to_string().as_bytes()).and_then(|()| new.sync_all()).map_err(io)?;
        fs::rename(beside("new"), &self.path).and_then(|()| File::open(folder)?.sync_all()).map_err(io)?;
        Ok(answer)
    }

    fn spec(&self, name: &ServerName, mut value: Value) -> Result<McpServerSpec> {
        if let Value::Object(fields) = &mut value {
            fields.insert("name".into(), json!(name));
        }
        McpServerSpec::from_json(value).map_err(|cause| self.error(ErrorKind::DescriptorInvalid, name.as_str(), cause))
    }

    fn line(&self, spec: &McpServerSpec) -> McpServerRef {
        McpServerRef { source: self.path.display().to_string(), ..spec.to_ref() }
    }

    /// Refuses where another entry is there than the caller means (rules 9, 17).
    fn expect(&self, found: Option<&Value>, name: &ServerName, expected: &Digest) -> Result<()> {
        let found = found.ok_or_else(|| Error::not_in_registry(name))?;
        match self.spec(name, found.clone()).and_then(|spec| spec.digest()) {
            Ok(found) if found == *expected => Ok(()),
            Ok(found) => Err(Error::conflict(name, expected, &found)),
            Err(error) => Err(self.error(ErrorKind::Conflict, "a broken entry has no digest", error)),
        }
    }
}

#[async_trait]
impl McpServerRegistryBackend for JsonFile {
    fn backend_id(&self) -> &str {
        REGISTRATION.id
    }

    fn declared(&self) -> Capabilities {
        Capabilities::read_write()
    }

    async fn list(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        for (name, value) in self.read()?.remove(&self.scope).unwrap_or_default() {
            match self.spec(&name, value) {
                Ok(spec) => listing.servers.push(self.line(&spec)),
                Err(error) => listing.broken.push(BrokenEntry { name, error }),
            }
        }
        Ok(listing)
    }

    async fn load(&self, name: &ServerName) -> Result<McpServerSpec> {
        let entry = self.read()?.get(&self.scope).and_then(|entries| entries.get(name)).cloned();
        self.spec(name, entry.ok_or_else(|| Error::not_in_registry(name))?)
    }

    async fn install(&self, spec: &McpServerSpec, _: &WriteContext) -> Result<McpServerRef> {
        self.write(|entries| match entries.insert(spec.name.clone(), json!(spec)) {
            None => Ok(self.line(spec)),
            Some(_) => Err(Error::already_installed(&spec.name)),
        })
    }

    async fn update(&self, spec: &McpServerSpec, expected: &Digest, _: &WriteContext) -> Result<McpServerRef> {
        self.write(|entries| {
            self.expect(entries.get(&spec.name), &spec.name, expected)?;
            entries.insert(spec.name.clone(), json!(spec));
            Ok(self.line(spec))
        })
    }

    async fn uninstall(&self, name: &ServerName, expected: Option<&Digest>, _: &WriteContext) -> Result<()> {
        self.write(|entries| match (entries.remove(name), expected) {
            (Some(removed), Some(expected)) => self.expect(Some(&removed), name, expected),
            _ => Ok(()),
        })
    }

    async fn scopes(&self) -> Result<Vec<Scope>> {
        Ok(self.read()?.into_keys().collect())
    }
}
