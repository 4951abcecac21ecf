//! The lock of who uses a file of SQLite: a file of its own, in a folder beside the database.
//!
//! A file is removed only by who holds a lock on it: by its owner at the end, and by whoever finds it not
//! locked, so dead. Its owner could be one who has made it and not locked it yet: so an owner looks, once it
//! has the lock, whether the file is still there. No name is ever used twice.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind as Io};
use std::path::{Path, PathBuf};

use mcp_registry_spec::{Error, ErrorKind, Result};

use super::Id;
use crate::file::Identity;

/// What the folder's name has behind the database's.
const SUFFIX: &str = "-alive";

/// The folder of the locked files.
pub(super) struct Folder(PathBuf);

/// A locked file. It goes with this; that of who is killed is left, and not locked any more.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    file: File,
}

impl Folder {
    /// That of a database which is there, made where it is missing.
    pub(super) fn make(database: &Path) -> Result<Self> {
        let folder = Self::beside(database).map_err(cannot("be found", database))?;
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&folder.0) {
            Err(cause) if cause.kind() != Io::AlreadyExists => Err(cannot("be made", &folder.0)(cause)),
            _ => folder.trusted(),
        }
    }

    /// That of a database; `None` where it or the folder is not there.
    pub(super) fn find(database: &Path) -> Result<Option<Self>> {
        match Self::beside(database) {
            Ok(folder) => match folder.0.symlink_metadata() {
                Err(cause) if cause.kind() == Io::NotFound => Ok(None),
                _ => folder.trusted().map(Some),
            },
            Err(cause) if cause.kind() == Io::NotFound => Ok(None),
            Err(cause) => Err(cannot("be found", database)(cause)),
        }
    }

    /// Beside the file itself: it may be opened by several names, which are links to it.
    fn beside(database: &Path) -> io::Result<Self> {
        let mut name = database.canonicalize()?.into_os_string();
        name.push(SUFFIX);
        Ok(Self(name.into()))
    }

    /// Refuses a folder where others could say who is alive.
    fn trusted(self) -> Result<Self> {
        let found = self.0.symlink_metadata().map_err(cannot("be looked at", &self.0))?;
        let refuse = |why: &str| Error::new(ErrorKind::Unavailable, why).at(&self.0, None);
        if !found.is_dir() {
            return Err(refuse("where the locks of programs at work are to be is no folder").hint("remove it"));
        }
        #[cfg(unix)]
        if std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o022 != 0 {
            return Err(refuse("others may write in the folder of the locks").hint("chmod 700 it"));
        }
        Ok(self)
    }

    fn path(&self, id: Id) -> PathBuf {
        self.0.join(id.to_string())
    }

    /// Makes a file and locks it; `None` where somebody took it for one of the dead meanwhile.
    pub(super) fn hold(&self, id: Id) -> Result<Option<Held>> {
        let path = self.path(id);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = match options.open(&path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == Io::AlreadyExists => return Ok(None),
            Err(cause) => return Err(cannot("be made", &path)(cause)),
        };
        match file.try_lock() {
            Ok(()) => {}
            // It is being removed.
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(cause)) => return Err(cannot("be locked", &path)(cause)),
        }
        let held = Held { path, file };
        Ok(held.is_there().then_some(held))
    }

    /// Whether whoever has that id lives; what a dead one left is removed.
    pub(super) fn is_alive(&self, id: Id) -> Result<bool> {
        let path = self.path(id);
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            // Neither what a link leads to, nor a pipe that nobody writes to.
            let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
            std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
        }
        let file = match options.open(&path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == Io::NotFound => return Ok(false),
            Err(cause) => return Err(cannot("be opened", &path)(cause)),
        };
        // Shared, so that of two who look none is taken for the one they look for.
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(cause)) => Err(cannot("be locked", &path)(cause)),
            Ok(()) => match std::fs::remove_file(&path) {
                Err(cause) if cause.kind() != Io::NotFound => Err(cannot("be removed", &path)(cause)),
                _ => Ok(false),
            },
        }
    }

    /// Removes what those left who died and whom nobody asked for. What cannot be removed now stays.
    pub(super) fn tidy(&self) {
        for entry in self.0.read_dir().into_iter().flatten().filter_map(io::Result::ok) {
            if let Some(id) = entry.file_name().to_str().and_then(Id::parse) {
                let _ = self.is_alive(id);
            }
        }
    }
}

impl Held {
    /// Whether others find the file where it is to be.
    pub(super) fn is_there(&self) -> bool {
        let Ok(own) = self.file.metadata() else { return false };
        self.path.symlink_metadata().is_ok_and(|found| Identity::of_metadata(&found) == Identity::of_metadata(&own))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Still locked: one that is not removed is found dead once it is not. One that was removed by a hand
        // is not somebody else's, as no name is used twice.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn cannot(what: &str, path: &Path) -> impl Fn(io::Error) -> Error {
    let what = format!("where programs at work are locked: it cannot {what}");
    move |cause| Error::new(ErrorKind::Unavailable, &what).at(path, None).caused_by(cause)
}
