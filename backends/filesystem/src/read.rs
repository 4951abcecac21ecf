//! Reading the document: bounded, without hanging, and whole.

use std::fs::{File, Metadata};
use std::io::{ErrorKind as Io, Read};
use std::path::{Path, PathBuf};
use std::str::Utf8Error;

use mcp_registry_spec::{Error, ErrorKind, Result};
#[cfg(target_os = "linux")]
use memmap2::{Advice, MmapMut};
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
    let text = String::from_utf8(bytes).map_err(|cause| no_text(path, cause.as_bytes(), cause.utf8_error()))?;
    check(path, &text)?;
    Ok(Some(Found { text, metadata, file }))
}

/// What `look` makes of the text of the document of that name, which need not be kept; of an empty one when
/// there is none.
///
/// # Errors
/// As [`read`].
pub(crate) fn look_at<T>(folder: &Folder, name: &Path, follow_links: bool, look: impl FnOnce(&str) -> T) -> Result<T> {
    let path = &folder.path_of(name);
    let Some((mut file, metadata)) = open(folder, name, follow_links)? else { return Ok(look("")) };
    let room = Room::read(path, &mut file, &metadata)?;
    let text = str::from_utf8(room.bytes()).map_err(|cause| no_text(path, room.bytes(), cause))?;
    check(path, text)?;
    Ok(look(text))
}

fn check(path: &Path, text: &str) -> Result<()> {
    document::check(text).map_err(|problem| invalid(path, &problem.message).at(path, problem.line))
}

fn no_text(path: &Path, bytes: &[u8], cause: Utf8Error) -> Error {
    let valid = bytes.get(..cause.valid_up_to()).unwrap_or_default();
    let line = 1 + valid.iter().filter(|b| **b == b'\n').count();
    invalid(path, "is not UTF-8 text").at(path, Some(line)).hint("save it as UTF-8")
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

/// Where the bytes of a document are while it is looked at.
enum Room {
    Heap(Vec<u8>),
    #[cfg(target_os = "linux")]
    Huge {
        pages: MmapMut,
        length: usize,
    },
}

impl Room {
    fn read(path: &Path, file: &mut File, metadata: &Metadata) -> Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some((mut pages, most)) = huge_pages(metadata.len()) {
            let mut length = 0;
            while let Some(room) = pages.get_mut(length..most).filter(|room| !room.is_empty()) {
                match file.read(room) {
                    Ok(0) => return Ok(Self::Huge { pages, length }),
                    Ok(count) => length += count,
                    Err(cause) if cause.kind() == Io::Interrupted => {}
                    Err(cause) => return Err(io_error(path, cause)),
                }
            }
            // It has grown since it was measured.
            std::io::Seek::rewind(file).map_err(|cause| io_error(path, cause))?;
        }
        read_all(path, file, metadata).map(Self::Heap)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            #[cfg(target_os = "linux")]
            Self::Huge { pages, length } => pages.get(..*length).unwrap_or_default(),
        }
    }
}

/// Huge pages for a document of that length, and how much of them it may fill, by which it is seen whether it
/// has grown. The first touch of a huge page costs little more than that of a small one, of which there would
/// be hundreds. `None` for a document that is small, or too large.
#[cfg(target_os = "linux")]
fn huge_pages(length: u64) -> Option<(MmapMut, usize)> {
    const HUGE_PAGE: usize = 2 << 20;
    const LEAST: u64 = HUGE_PAGE as u64 / 4;
    let most = usize::try_from(length).ok().filter(|_| (LEAST..=MOST).contains(&length))? + 1;
    // Only what is as long as huge pages is placed where they can be.
    let pages = MmapMut::map_anon(most.next_multiple_of(HUGE_PAGE)).ok()?;
    // A kernel that has none gives small ones.
    let _ = pages.advise(Advice::HugePage);
    Some((pages, most))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const LENGTHS: [usize; 9] = [0, 1, 4095, (1 << 19) - 1, 1 << 19, (1 << 21) - 1, 1 << 21, (1 << 21) + 1, 5 << 20];

    fn text(length: usize) -> Vec<u8> {
        let mut text = b"# Mine\n".repeat(length / 7 + 1);
        text.truncate(length);
        text
    }

    #[test]
    fn a_document_is_looked_at_as_it_is_read_however_long_it_is() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::enter(place.path(), false).unwrap();
        let name = Path::new("mcp.md");
        assert_eq!(look_at(&folder, name, false, str::to_owned).unwrap(), "");
        for length in LENGTHS {
            std::fs::write(place.path().join(name), text(length)).unwrap();
            let seen = look_at(&folder, name, false, str::to_owned).unwrap();
            assert!(seen.as_bytes() == text(length), "{length}");
            assert!(read(&folder, name, false).unwrap().unwrap().text == seen, "{length}");
            std::fs::write(place.path().join(name), [text(length), b"\xff".to_vec()].concat()).unwrap();
            let (seen, read) = (look_at(&folder, name, false, |_| ()), read(&folder, name, false).map(|_| ()));
            assert_eq!(seen.unwrap_err(), read.unwrap_err(), "{length}");
        }
    }

    #[test]
    fn a_document_that_grows_meanwhile_is_read_whole_or_refused() {
        for (length, more) in [(0, 1), (1 << 19, 1), (1 << 19, 3 << 20), ((1 << 21) - 1, 1), (1 << 19, MOST as usize)] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&text(length)).unwrap();
            let before = file.metadata().unwrap();
            file.write_all(&text(more)).unwrap();
            std::io::Seek::rewind(&mut file).unwrap();
            let whole = [text(length), text(more)].concat();
            let room = Room::read(Path::new("mcp.md"), &mut file, &before);
            assert_eq!(room.is_ok(), whole.len() as u64 <= MOST, "{length}+{more}");
            assert!(room.is_err() || room.unwrap().bytes() == whole, "{length}+{more}");
        }
    }
}
