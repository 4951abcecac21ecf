//! The file of SQLite: which one it is, and how it comes to be.

use std::fs::{Metadata, OpenOptions};
use std::io::ErrorKind as Io;
use std::path::Path;

use mcp_registry_spec::{Error, ErrorKind, Result};

/// Which file stands at a path: another one there has another identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity([u64; 2]);

impl Identity {
    /// What needs no file is always the same.
    pub(crate) const NONE: Self = Self([0; 2]);

    /// The identity of the file at `path`; `None` when there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`], also for what is no file: a device would take what is written, and
    /// keep nothing.
    pub(crate) fn of(path: &Path) -> Result<Option<Self>> {
        match std::fs::metadata(path) {
            Ok(found) if !found.is_file() => {
                Err(Error::new(ErrorKind::Unavailable, "the database is no file").at(path, None).hint("name a file"))
            }
            Ok(found) => Ok(Some(Self::of_metadata(&found))),
            Err(cause) if cause.kind() == Io::NotFound => Ok(None),
            Err(cause) => Err(unavailable("the database cannot be looked at", path, cause)),
        }
    }

    /// The identity of the file that this is known of.
    #[cfg(unix)]
    pub(crate) fn of_metadata(found: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self([found.dev(), found.ino()])
    }

    #[cfg(not(unix))]
    pub(crate) fn of_metadata(_: &Metadata) -> Self {
        Self::NONE
    }
}

/// Makes an empty file for a database, readable by its owner alone, and the folder it is in where only
/// that is missing. That it is there already, because somebody else was faster, is fine.
pub(crate) fn create(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    match std::fs::create_dir(folder) {
        Ok(()) => sync(folder.parent().unwrap_or(folder))?,
        Err(cause) if cause.kind() == Io::AlreadyExists => {}
        Err(cause) => {
            let missing = cause.kind() == Io::NotFound;
            let error = unavailable("the database's folder cannot be made", folder, cause);
            return Err(if missing { error.hint("make the folder above it first") } else { error });
        }
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => sync(folder),
        Err(cause) if cause.kind() == Io::AlreadyExists => Ok(()),
        Err(cause) => Err(unavailable("the database cannot be made", path, cause)),
    }
}

/// Makes what is new in a folder outlive a power cut.
fn sync(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|cause| unavailable("the folder of the database cannot be synced", folder, cause))?;
    Ok(())
}

fn unavailable(what: &str, path: &Path, cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, what).at(path, None).caused_by(cause)
}
