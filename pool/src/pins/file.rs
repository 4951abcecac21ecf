//! `mcp.lock`: pins, as they are kept.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind as Io, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mcp_registry_spec::json::Strict;
use mcp_registry_spec::{Error, ErrorKind, Result, ServerName};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::Pin;

/// The file's name, beside `mcp.md`.
pub const FILE: &str = "mcp.lock";

/// The largest that it may be, in bytes.
const LARGEST: u64 = 64 << 20;
/// How long another writer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pins of an agent's servers (S17).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pins(BTreeMap<ServerName, Pin>);

/// The file's whole content.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: Version,
    servers: BTreeMap<ServerName, Pin>,
}

/// The version of the format: 1.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
struct Version;

impl TryFrom<u64> for Version {
    type Error = &'static str;

    fn try_from(version: u64) -> std::result::Result<Self, Self::Error> {
        if version == 1 { Ok(Self) } else { Err("its version is another than 1: it takes a newer mcp-registry") }
    }
}

impl From<Version> for u64 {
    fn from(_: Version) -> Self {
        1
    }
}

impl Pins {
    /// The pin of that server.
    #[must_use]
    pub fn get(&self, name: &ServerName) -> Option<&Pin> {
        self.0.get(name)
    }

    /// Every server that is pinned, by name.
    pub fn names(&self) -> impl Iterator<Item = &ServerName> {
        self.0.keys()
    }

    /// Pins a server; gives the pin that it had.
    pub fn insert(&mut self, name: ServerName, pin: Pin) -> Option<Pin> {
        self.0.insert(name, pin)
    }

    /// Takes the pin of a server away, if it has one.
    pub fn remove(&mut self, name: &ServerName) -> Option<Pin> {
        self.0.remove(name)
    }

    /// Reads them; none where there is no such file. May block.
    ///
    /// # Errors
    /// [`ErrorKind::DescriptorInvalid`], with the line, for a file that is none of ours, all of it and whatever may
    /// be whole in it; [`ErrorKind::Unavailable`] where it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(Self::default()),
            Err(cause) => return Err(unavailable("cannot be opened", path, &cause)),
        };
        let about = file.metadata().map_err(|cause| unavailable("cannot be read", path, &cause))?;
        if !about.is_file() {
            return Err(Error::new(ErrorKind::Unavailable, "is no regular file").at(path, None));
        }
        let mut text = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut text).map_err(|cause| unavailable("cannot be read", path, &cause))?;
        Self::parse(&text).map_err(|(cause, line)| {
            Error::new(ErrorKind::DescriptorInvalid, "holds no pins")
                .at(path, line)
                .caused_by(cause)
                .hint("take it from where it was whole, or move it away and pin anew")
        })
    }

    fn parse(text: &[u8]) -> std::result::Result<Self, (String, Option<usize>)> {
        if text.len() as u64 > LARGEST {
            return Err((format!("it is larger than {} MiB", LARGEST >> 20), None));
        }
        let told = |cause: serde_json::Error| (cause.to_string(), Some(cause.line()).filter(|line| *line > 0));
        // What says a key twice says nothing.
        serde_json::from_slice::<Strict>(text).map_err(told)?;
        Ok(Self(serde_json::from_slice::<Document>(text).map_err(told)?.servers))
    }

    /// Takes the place of the one writer there is at a time, and reads them. May block for 30 s.
    ///
    /// # Errors
    /// As [`read`](Self::read); retryable where another writer held the folder for too long.
    pub fn hold(path: &Path) -> Result<Held> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let lock = lock(folder)?;
        Ok(Held { pins: Self::read(path)?, path: path.to_owned(), folder: folder.to_owned(), lock })
    }
}

/// Pins that nobody else writes as long as this is held.
#[derive(Debug)]
pub struct Held {
    pins: Pins,
    path: PathBuf,
    folder: PathBuf,
    lock: File,
}

impl Held {
    /// The pins as they are.
    #[must_use]
    pub fn pins(&self) -> &Pins {
        &self.pins
    }

    /// Puts others in their place: at any instant the file is the old one or the new one, whole. Where they are the
    /// same nothing is written. May block.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when it cannot be written; it is unchanged then. The same where the disk does not
    /// promise to keep what was written: the file is the new one then, and the error says so.
    pub fn write(self, pins: Pins) -> Result<()> {
        if pins == self.pins {
            return Ok(());
        }
        write(pins, &self.path, &self.folder).map_err(|cause| {
            let hint = if cause.kind() == Io::StorageFull { "make room; it is unchanged" } else { "it is unchanged" };
            unavailable("cannot be written", &self.path, &cause).hint(hint)
        })?;
        // Which file it is stands in the folder.
        self.lock.sync_all().map_err(|cause| {
            unavailable("was written, and a crash may undo it", &self.path, &cause).hint("look at the disk")
        })
    }
}

fn write(pins: Pins, path: &Path, folder: &Path) -> std::io::Result<()> {
    let mut text = serde_json::to_vec_pretty(&Document { version: Version, servers: pins.0 })?;
    text.push(b'\n');
    // As any file that its owner makes: it is committed and shared, and holds nothing secret.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    let mut file = tempfile::Builder::new().prefix(".mcp.lock.").permissions(mode).tempfile_in(folder)?;
    keep_mode(path, &file)?;
    file.write_all(&text)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Gives the new file the mode of the one that it replaces, unless its owner does not want that one changed.
fn keep_mode(path: &Path, file: &NamedTempFile) -> std::io::Result<()> {
    match path.symlink_metadata() {
        Ok(about) if about.permissions().readonly() => {
            Err(std::io::Error::new(Io::PermissionDenied, "it is read-only"))
        }
        Ok(about) => file.as_file().set_permissions(about.permissions()),
        Err(cause) if cause.kind() == Io::NotFound => Ok(()),
        Err(cause) => Err(cause),
    }
}

/// Holds the folder, so that nobody else writes pins in it meanwhile: its own lock, which leaves no file behind.
fn lock(folder: &Path) -> Result<File> {
    let cannot = |cause: std::io::Error| {
        Error::new(ErrorKind::Unavailable, "the folder of the pins cannot be locked").at(folder, None).caused_by(cause)
    };
    let held = File::open(folder).map_err(cannot)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match held.try_lock() {
            Ok(()) => return Ok(held),
            Err(TryLockError::Error(cause)) => return Err(cannot(cause)),
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => {
                let message = format!("another writer held the folder for {} s", PATIENCE.as_secs());
                return Err(Error::new(ErrorKind::Unavailable, message).at(folder, None).retryable());
            }
        }
    }
}

fn unavailable(what: &str, path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unavailable, what).at(path, None).caused_by(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s17_what_a_crash_may_undo_is_told_as_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let pin =
            Pin { entry: mcp_registry_spec::Digest::ZERO, version: None, instructions: None, tools: BTreeMap::new() };
        let pins = Pins([(ServerName::parse("a").unwrap(), pin)].into());
        // What is no disk cannot promise to keep anything.
        let lock = File::open("/dev/null").unwrap();
        let held = Held { pins: Pins::default(), path: path.clone(), folder: folder.path().to_owned(), lock };
        let told = held.write(pins.clone()).unwrap_err();
        assert_eq!(told.kind(), ErrorKind::Unavailable);
        assert!(told.to_string().contains("was written, and a crash may undo it"), "{told}");
        assert_eq!(Pins::read(&path).unwrap(), pins);
    }
}
