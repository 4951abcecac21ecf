//! Reading the document: bounded, without hanging, and whole.

use std::fs::{File, Metadata};
use std::io::{ErrorKind as Io, Read};
use std::path::{Path, PathBuf};

use mcp_registry_spec::{Error, ErrorKind, Result};
use rustix::fs::{Mode, OFlags};

use crate::document;
use crate::folder::Folder;
use crate::writers::is_being_written;

/// The largest document that is read, in bytes.
pub(crate) const MOST: u64 = 16 * 1024 * 1024;

/// A document as it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) metadata: Metadata,
    /// Open still, for what else there is to know of it.
    pub(crate) file: File,
}

/// Reads the document of that name; `None` when there is none.
///
/// # Errors
/// [`ErrorKind::DescriptorInvalid`] for what is there and can be no document (not UTF-8, too large,
/// a FIFO or device); [`ErrorKind::Unavailable`] for what cannot be read (rule 7).
pub(crate) fn read(folder: &Folder, name: &Path, follow_links: bool) -> Result<Option<Found>> {
    let path = &folder.path_of(name);
    let Some((mut file, metadata)) = open(folder, name, follow_links)? else { return Ok(None) };
    let bytes = read_all(path, &mut file, &metadata)?;
    match String::from_utf8(bytes) {
        Ok(text) => match document::check(&text) {
            Ok(()) => Ok(Some(Found { text, metadata, file })),
            Err(problem) => Err(invalid(path, &problem.message).at(path, problem.line)),
        },
        Err(cause) => {
            let valid = cause.as_bytes().get(..cause.utf8_error().valid_up_to()).unwrap_or_default();
            let line = 1 + valid.iter().filter(|b| **b == b'\n').count();
            Err(invalid(path, "is not UTF-8 text").at(path, Some(line)).hint("save it as UTF-8"))
        }
    }
}

/// Reads the file of that name as bytes, for comparing; `None` when there is none.
pub(crate) fn read_bytes(folder: &Folder, name: &Path) -> Result<Option<Vec<u8>>> {
    match open(folder, name, false)? {
        None => Ok(None),
        Some((mut file, metadata)) => read_all(&folder.path_of(name), &mut file, &metadata).map(Some),
    }
}

/// The same, of a file that is out of everybody's reach by path; `None` also while somebody who
/// opened it before is still writing it.
pub(crate) fn read_settled(folder: &Folder, name: &Path) -> Result<Option<Vec<u8>>> {
    let Some((mut file, metadata)) = open(folder, name, false)? else { return Ok(None) };
    // First this question, then the content: who is not writing now cannot begin any more.
    if is_being_written(&file) {
        return Ok(None);
    }
    read_all(&folder.path_of(name), &mut file, &metadata).map(Some)
}

/// Checks that a document of that name can be in the folder, or is.
///
/// # Errors
/// As [`read`].
pub(crate) fn check_place(folder: &Folder, name: &Path) -> Result<()> {
    open(folder, name, false).map(drop)
}

fn open(folder: &Folder, name: &Path, follow_links: bool) -> Result<Option<(File, Metadata)>> {
    let path = &folder.path_of(name);
    // NONBLOCK: opening a FIFO would wait for its writer.
    let mut flags = OFlags::RDONLY | OFlags::NONBLOCK;
    flags.set(OFlags::NOFOLLOW, !follow_links);
    let file = match folder.open_file(name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(rustix::io::Errno::LOOP) if !follow_links => {
            return Err(unavailable(path).caused_by("it is a symbolic link, and a scope must not lead elsewhere"));
        }
        // A socket or a device without a driver.
        Err(rustix::io::Errno::NXIO) => return Err(invalid(path, "is not a regular file")),
        Err(cause) => return Err(io_error(path, cause.into())),
    };
    let metadata = file.metadata().map_err(|cause| io_error(path, cause))?;
    if metadata.is_dir() {
        return Err(unavailable(path).caused_by("it is a directory"));
    }
    if !metadata.is_file() {
        return Err(invalid(path, "is not a regular file"));
    }
    Ok(Some((file, metadata)))
}

fn read_all(path: &Path, file: &mut File, metadata: &Metadata) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(MOST)).unwrap_or(0) + 1);
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(|cause| io_error(path, cause))?;
    if bytes.len() as u64 > MOST {
        return Err(invalid(path, &format!("is larger than {} MiB", MOST >> 20)));
    }
    Ok(bytes)
}

fn invalid(path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::DescriptorInvalid, what).at(path, None)
}

fn unavailable(path: &Path) -> Error {
    Error::new(ErrorKind::Unavailable, "cannot be read").at(path, None)
}

fn io_error(path: &Path, cause: std::io::Error) -> Error {
    let hint = match cause.kind() {
        Io::PermissionDenied => Some("a permission is missing; a retry does not cure that"),
        Io::NotADirectory => Some("the agent's folder is no folder"),
        _ => None,
    };
    let error = unavailable(path).caused_by(cause);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Where the document really is: links are followed, so that a write goes through them.
///
/// # Errors
/// [`ErrorKind::Unavailable`] when the links lead in a circle or cannot be read.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..40 {
        match std::fs::read_link(&target) {
            Ok(next) => target = target.parent().unwrap_or(Path::new("")).join(next),
            // EINVAL: it is no link. NotFound: what a link leads to may be created.
            Err(cause) if matches!(cause.kind(), Io::InvalidInput | Io::NotFound) => return Ok(target),
            Err(cause) => return Err(io_error(&target, cause)),
        }
    }
    Err(unavailable(path).caused_by("its symbolic links lead in a circle"))
}
