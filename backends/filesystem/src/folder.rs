//! A folder that is held open: what is done in it is done in this very folder, whatever becomes of
//! its path meanwhile. A scope's folder that somebody replaces by a link leads nowhere else (rule 5).

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use mcp_registry_spec::{Error, ErrorKind, Result};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

/// Enough for opening what is in a folder, also where it may not be listed.
#[cfg(target_os = "linux")]
const LOOK: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const LOOK: OFlags = OFlags::RDONLY;

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens the folder at `path` for reading what is in it; `None` when there is none. A link in the
    /// last place of the path is followed only when told so.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`].
    pub(crate) fn look(path: &Path, follow_links: bool) -> Result<Option<Self>> {
        match Self::open(path, LOOK, follow_links) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) => Ok(None),
            Err(cause) => Err(Self::no_folder(path, follow_links, cause)),
        }
    }

    /// Opens the folder at `path` for writing into it.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`].
    pub(crate) fn enter(path: &Path, follow_links: bool) -> Result<Self> {
        Self::open(path, OFlags::RDONLY, follow_links).map_err(|cause| Self::no_folder(path, follow_links, cause))
    }

    fn open(path: &Path, access: OFlags, follow_links: bool) -> rustix::io::Result<Self> {
        let path = if path == Path::new("") { Path::new(".") } else { path };
        let mut flags = access | OFlags::DIRECTORY | OFlags::CLOEXEC;
        flags.set(OFlags::NOFOLLOW, !follow_links);
        let fd = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        Ok(Self { fd, path: path.to_owned() })
    }

    fn no_folder(path: &Path, follow_links: bool, cause: Errno) -> Error {
        if !follow_links && path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
            return Error::new(ErrorKind::Unavailable, "is a symbolic link, and a scope must not lead elsewhere")
                .at(path, None);
        }
        let error = Error::new(ErrorKind::Unavailable, "the agent's folder cannot be opened")
            .at(path, None)
            .caused_by(io::Error::from(cause));
        match cause {
            Errno::ACCESS | Errno::PERM => error.hint("a permission is missing; a retry does not cure that"),
            _ => error,
        }
    }

    /// Where a file in it is, for people.
    pub(crate) fn path_of(&self, name: &Path) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn open_file(&self, name: &Path, flags: OFlags, mode: Mode) -> rustix::io::Result<File> {
        rustix::fs::openat(&self.fd, name, flags | OFlags::CLOEXEC, mode).map(File::from)
    }

    /// Gives a file another name, whatever had that one.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.fd, from, &self.fd, to)?)
    }

    /// Exchanges two files, or moves one to a name that nobody has.
    pub(crate) fn rename_with(&self, from: &Path, to: &Path, flags: RenameFlags) -> rustix::io::Result<()> {
        rustix::fs::renameat_with(&self.fd, from, &self.fd, to, flags)
    }

    /// Gives a file a second name that nobody has.
    pub(crate) fn link(&self, from: &Path, to: &Path) -> rustix::io::Result<()> {
        rustix::fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty())
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove(&self, name: &Path) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            removed => Ok(removed?),
        }
    }

    /// The names of the plain files in it.
    pub(crate) fn files(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd)? {
            let entry = entry?;
            let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
            let is_file = match entry.file_type() {
                // Not every file system says.
                FileType::Unknown => {
                    let found = rustix::fs::statat(&self.fd, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW);
                    found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile)
                }
                kind => kind == FileType::RegularFile,
            };
            if is_file {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Has what was renamed in it reach the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.fd)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_5_a_link_put_in_its_place_leads_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let (scope, other) = (root.path().join("scope"), root.path().join("other"));
        std::fs::create_dir(&scope).unwrap();
        std::fs::create_dir(&other).unwrap();
        let folder = Folder::enter(&scope, false).unwrap();
        std::fs::rename(&scope, root.path().join("moved")).unwrap();
        std::os::unix::fs::symlink(&other, &scope).unwrap();

        folder.open_file(Path::new("a"), OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
        folder.rename(Path::new("a"), Path::new("b")).unwrap();
        assert_eq!(folder.files().unwrap(), ["b"]);
        assert!(root.path().join("moved/b").exists() && !other.join("b").exists());

        for error in [Folder::look(&scope, false).unwrap_err(), Folder::enter(&scope, false).unwrap_err()] {
            assert!(error.to_string().contains("symbolic link"), "{error}");
        }
        assert!(Folder::look(&scope, true).unwrap().is_some());
        assert!(Folder::look(&root.path().join("absent"), false).unwrap().is_none());
    }
}
