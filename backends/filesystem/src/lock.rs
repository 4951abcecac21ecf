//! The lock that writers hold: a file beside the document, never the document itself, which the
//! swap replaces.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use mcp_registry_spec::{Error, ErrorKind, Result};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::config::LOCK_TIMEOUT;
use crate::folder::Folder;

/// The lock's name. It is never deleted: deleting a lock file lets two writers hold two locks.
pub(crate) const LOCK_NAME: &str = ".mcp_registry.lock";

/// A held lock; dropping it, or dying, lets go of it.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
    deadline: Instant,
}

impl Lock {
    /// Takes the lock of `folder`, waiting up to `timeout`.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`]: retryable when it is held by another for too long, not when its
    /// file cannot be opened or is no plain file.
    pub(crate) fn acquire(folder: &Folder, timeout: Duration) -> Result<Self> {
        let path = folder.path_of(Path::new(LOCK_NAME));
        let deadline = Instant::now() + timeout.min(Duration::from_secs(86_400 * 365));
        let file = open(folder, &path)?;
        let mut pause = Duration::from_micros(200);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file, deadline }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(cause)) => return Err(cannot_lock(&path).caused_by(cause)),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("another writer held the lock for {} s", timeout.as_secs_f64()),
                )
                .at(&path, None)
                .hint(format!("try again, or wait longer with the option {LOCK_TIMEOUT}"))
                .retryable());
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Until when the holder may go on trying.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }
}

fn cannot_lock(path: &Path) -> Error {
    Error::new(ErrorKind::Unavailable, "cannot lock this file").at(path, None)
}

fn open(folder: &Folder, path: &Path) -> Result<File> {
    // A link here could point the lock, and its creation, at anything.
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = folder.open_file(Path::new(LOCK_NAME), flags, Mode::RUSR | Mode::WUSR).map_err(|cause| match cause {
        Errno::ACCESS => cannot_lock(path).hint("give it to the user whose folder it is in").caused_by(cause),
        _ => cannot_lock(path).caused_by(cause),
    })?;
    if file.metadata().is_ok_and(|m| m.is_file()) {
        Ok(file)
    } else {
        Err(cannot_lock(path).caused_by("it is not a plain file").hint("remove it"))
    }
}
