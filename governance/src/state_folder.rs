//! The folder of what this program keeps from one run to the next (L8).

use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcp_registry_spec::{Environment, Error, ErrorKind, Locator, Result, xdg};
use mcp_registry_store::{Options, Store};

use crate::trust::{self, unusable};

const VARIABLE: &str = "MCP_REGISTRY_STATE_DIR";
const DATABASE: &str = "governance.db";
const LEDGER: &str = "ledger.jsonl";

/// How long a writer waits for the others. SQLite keeps no queue: of many at once somebody waits longest, and
/// nobody is to be refused for that.
const PATIENCE: Duration = Duration::from_secs(60);

/// Refuses the export of a ledger that others may write, its database where that is a file of SQLite, and the folder
/// of either (L8). What is not there is fine.
///
/// # Errors
/// [`ConfigInvalid`](ErrorKind::ConfigInvalid), naming the file or folder and what to do.
pub fn check_state(database: Option<&Path>, ledger: &Path) -> Result<()> {
    for folder in database.into_iter().chain([ledger]).filter_map(Path::parent) {
        match folder.symlink_metadata() {
            Err(cause) if cause.kind() == Io::NotFound => {}
            _ => trust::folder(folder, folder)?,
        }
    }
    if let Some(database) = database {
        // What SQLite puts beside its file decides what is in it.
        for end in ["", "-wal", "-shm"] {
            let mut name = database.as_os_str().to_owned();
            name.push(end);
            check_file(Path::new(&name))?;
        }
    }
    check_file(ledger)
}

fn check_file(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Err(cause) if cause.kind() == Io::NotFound => Ok(()),
        Err(cause) => Err(unusable("cannot be looked at", path).caused_by(cause)),
        // A link may lead to where others write.
        Ok(about) if !about.is_file() => {
            Err(unusable("is refused, as it is no regular file", path).hint("put the file itself there"))
        }
        Ok(about) => trust::owned(&about, "it", path),
    }
}

/// The state folder: `MCP_REGISTRY_STATE_DIR`, else `mcp-registry` in `XDG_STATE_HOME`, else in
/// `~/.local/state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// Finds it; nothing is touched.
    ///
    /// # Errors
    /// [`ConfigInvalid`](ErrorKind::ConfigInvalid) where there is no home, or the variable is no whole path.
    pub fn find(environment: &dyn Environment) -> Result<Self> {
        Self::look(environment)?.ok_or_else(|| {
            Error::new(ErrorKind::ConfigInvalid, "there is no state folder, as HOME is not set")
                .hint(format!("name one with {VARIABLE}"))
        })
    }

    /// The same; `None` where there is no home.
    pub(crate) fn look(environment: &dyn Environment) -> Result<Option<Self>> {
        let folder = match environment.read(VARIABLE).map(PathBuf::from).filter(|path| !path.as_os_str().is_empty()) {
            Some(path) if path.is_absolute() => Some(path),
            // Elsewhere there would be no policy, and so another one would hold.
            Some(_) => {
                return Err(Error::new(ErrorKind::ConfigInvalid, format!("{VARIABLE} is no whole path"))
                    .hint("a relative one would mean another folder wherever you are"));
            }
            None => xdg::folder(environment, "XDG_STATE_HOME", ".local/state"),
        };
        Ok(folder.map(Self))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it where it is missing, for its owner alone, and refuses one that others may write, or its database or
    /// the export of that where they may (L8).
    ///
    /// # Errors
    /// The refusal; when it cannot be made.
    pub fn prepare(&self) -> Result<()> {
        self.make()?;
        self.check()
    }

    /// Makes it where it is missing, for its owner alone. What is there is not looked at.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(&self) -> Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.0).map_err(|cause| {
            Error::new(ErrorKind::Unavailable, "the state folder cannot be made")
                .at(&self.0, None)
                .caused_by(cause)
                .hint(format!("name another with {VARIABLE}"))
        })
    }

    /// Refuses it where [`prepare`](Self::prepare) would. Makes nothing: one that is not there is fine.
    ///
    /// # Errors
    /// The refusal.
    pub fn check(&self) -> Result<()> {
        check_state(Some(&self.file()), &self.ledger())
    }

    /// The file of the database in it: `governance.db`.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.0.join(DATABASE)
    }

    /// The database in it. Touches nothing.
    ///
    /// # Errors
    /// Where its path cannot be named.
    pub fn database(&self) -> Result<Store> {
        let path = self.file();
        let named = path.to_str().ok_or_else(|| {
            unusable("is no path of UTF-8", &path).hint(format!("name another folder with {VARIABLE}"))
        })?;
        let options = Options { timeout: PATIENCE, ..Options::default() };
        Store::new(&Locator::new(&format!("sqlite:{named}")), options)
    }

    /// The file that the ledger is exported to: `ledger.jsonl`.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.0.join(LEDGER)
    }
}
