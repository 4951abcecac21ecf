//! Replacing the document: at any instant the old text or the new one, whole, and never at the
//! cost of what an editor that knows nothing of our lock saved meanwhile.
//!
//! Under the lock: read, edit, write a temporary file beside the document, flush it, look whether
//! the document is still the one that was read, exchange the two files atomically, look at what came
//! out, and if that is somebody else's text, put it back and start over from it.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mcp_registry_spec::{Digest, Error, ErrorKind, Result};
use rustix::fs::{Mode, OFlags, RenameFlags};

use crate::attributes;
use crate::folder::Folder;
use crate::lock::Lock;
use crate::read::{self, Found, read_bytes, read_settled};

/// How temporary files begin; only the holder of the lock makes or removes them.
const PREFIX: &str = ".mcp.md.";
/// A file that is being written: of no use to anybody once its writer is dead.
const PART: &str = ".part";
/// A complete file that is about to be exchanged, or was.
const SWAP: &str = ".swap";
/// How texts begin that are kept where their owner sees them.
pub(crate) const SAVED: &str = "mcp.md.saved-";

/// A document's place, for a writer.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The folder, links resolved.
    pub(crate) folder: &'a Folder,
    /// The document's name in it.
    pub(crate) name: &'a Path,
    /// The lock being held.
    pub(crate) lock: &'a Lock,
}

impl Place<'_> {
    /// Replaces the document by what `edit` makes of it, `edit` being asked again for each text an
    /// editor saves meanwhile. `edit` gives `None` when there is nothing to change.
    pub(crate) fn rewrite(&self, mut edit: impl FnMut(&str) -> Result<Option<String>>) -> Result<()> {
        self.remove_litter()?;
        loop {
            let found = read::read(self.folder, self.name, false)?;
            let old = found.as_ref().map_or("", |f| f.text.as_str());
            let Some(new) = edit(old)? else { return Ok(()) };
            if found.as_ref().is_some_and(|f| f.text == new) {
                return Ok(());
            }
            let staged = self.stage(&new, found.as_ref())?;
            let done = match &found {
                Some(found) => self.exchange(&staged, found.text.as_bytes(), new.as_bytes()),
                None => self.put(&staged),
            };
            match done {
                // What lies at `staged` now is the text that was replaced, or ours that was not used.
                Ok(_) => self.folder.remove(&staged).map_err(|cause| self.cannot_write(cause))?,
                // It may be a text that could not be put back.
                Err(_) => drop(self.settle(&staged, &short(old.as_bytes()), &short(new.as_bytes()))),
            }
            if done? {
                return self.folder.sync().map_err(|cause| self.cannot_write(cause));
            }
            if Instant::now() >= self.lock.deadline() {
                return Err(self
                    .error("another program keeps changing it, or has it open for writing")
                    .hint("try again when it is done")
                    .retryable());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Makes a document that says `text`, unless there is one.
    pub(crate) fn create(&self, text: &str) -> Result<()> {
        self.remove_litter()?;
        let staged = self.stage(text, None)?;
        let done = self.put(&staged);
        self.folder.remove(&staged).map_err(|cause| self.cannot_write(cause))?;
        if done? {
            return self.folder.sync().map_err(|cause| self.cannot_write(cause));
        }
        Err(Error::new(ErrorKind::AlreadyInstalled, "is there already, and was left as it is")
            .at(self.folder.path_of(self.name), None))
    }

    /// Writes the new text beside the document, flushed, with the document's mode and owner.
    fn stage(&self, new: &str, found: Option<&Found>) -> Result<PathBuf> {
        if found.is_some_and(|f| f.metadata.mode() & 0o222 == 0) {
            return Err(self.error("is read-only").hint("its owner does not want it changed; chmod u+w lifts that"));
        }
        let old = found.map_or(&b""[..], |f| f.text.as_bytes());
        let part = PathBuf::from(format!("{PREFIX}{}{PART}", std::process::id()));
        let staged = PathBuf::from(format!("{PREFIX}{}-{}{SWAP}", short(old), short(new.as_bytes())));
        let outcome = self
            .write_part(&part, new, found)
            .and_then(|()| self.folder.rename(&part, &staged).map_err(|cause| self.cannot_write(cause)));
        match outcome {
            Ok(()) => Ok(staged),
            Err(error) => {
                let _ = self.folder.remove(&part);
                Err(error)
            }
        }
    }

    fn write_part(&self, part: &Path, new: &str, like: Option<&Found>) -> Result<()> {
        let fail = |cause: std::io::Error| self.cannot_write(cause);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW;
        // Until it has the document's owner and mode nobody else may read it.
        let mode = if like.is_some() { Mode::RUSR | Mode::WUSR } else { Mode::from_raw_mode(0o666) };
        let mut file = self.folder.open_file(part, flags, mode).map_err(|cause| fail(cause.into()))?;
        if let Some(found) = like {
            attributes::copy(found, &file).map_err(|(what, cause)| {
                self.error(&format!("cannot be replaced by a file of the same {what}"))
                    .caused_by(cause)
                    .hint("make the change as its owner")
            })?;
        }
        file.write_all(new.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)
    }

    /// Puts `staged` in the place of the document, if the document is `old`; says whether it was.
    fn exchange(&self, staged: &Path, old: &[u8], new: &[u8]) -> Result<bool> {
        if read_bytes(self.folder, self.name)?.as_deref() != Some(old) {
            return Ok(false);
        }
        match self.swap(staged) {
            Ok(()) => {}
            Err(cause) if is_no_exchange(cause) => {
                self.folder.rename(staged, self.name).map_err(|cause| self.cannot_write(cause))?;
                return Ok(true);
            }
            // It was removed under our hands.
            Err(rustix::io::Errno::NOENT) => return Ok(false),
            Err(cause) => return Err(self.cannot_write(cause.into())),
        }
        if read_settled(self.folder, staged)?.as_deref() == Some(old) {
            return Ok(true);
        }
        // An editor saved between the look and the swap, or is at it: its text is the one to keep.
        self.swap(staged).map_err(|cause| self.cannot_write(cause.into()))?;
        if read_bytes(self.folder, staged)?.as_deref() != Some(new) {
            // It saved again meanwhile, over ours: the later text is the one to keep.
            self.swap(staged).map_err(|cause| self.cannot_write(cause.into()))?;
        }
        Ok(false)
    }

    fn swap(&self, staged: &Path) -> rustix::io::Result<()> {
        self.folder.rename_with(staged, self.name, RenameFlags::EXCHANGE)
    }

    /// Makes `staged` the document, if there is none; says whether there was none.
    fn put(&self, staged: &Path) -> Result<bool> {
        match self.folder.rename_with(staged, self.name, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::EXIST) => return Ok(false),
            Err(cause) if is_no_exchange(cause) => {}
            Err(cause) => return Err(self.cannot_write(cause.into())),
        }
        match self.folder.link(staged, self.name) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::EXIST) => Ok(false),
            Err(cause) => Err(self.cannot_write(cause.into())),
        }
    }

    /// Removes what dead writers left: we hold the lock, so whatever there is, is theirs.
    fn remove_litter(&self) -> Result<()> {
        for name in self.folder.files().map_err(|cause| self.cannot_write(cause))? {
            let Some(litter) = name.to_str().and_then(Litter::of) else { continue };
            let name = Path::new(&name);
            match litter {
                Litter::Part => self.folder.remove(name),
                Litter::Swap { old, new } => self.settle(name, old, new),
            }
            .map_err(|cause| {
                self.cannot_write(cause).hint(format!("remove {}", self.folder.path_of(name).display()))
            })?;
        }
        Ok(())
    }

    /// A writer died around an exchange. What lies here is the text it read or the text it made,
    /// and of no further use; or it is a text that an editor saved at that very moment, which is
    /// kept where its owner sees it.
    fn settle(&self, name: &Path, old: &str, new: &str) -> std::io::Result<()> {
        let found = read_bytes(self.folder, name).ok().flatten().map(|bytes| short(&bytes));
        match found {
            Some(found) if found != old && found != new => {
                self.folder.rename(name, Path::new(&format!("{SAVED}{found}")))
            }
            _ => self.folder.remove(name),
        }
    }

    fn error(&self, what: &str) -> Error {
        Error::new(ErrorKind::Unavailable, what).at(self.folder.path_of(self.name), None)
    }

    fn cannot_write(&self, cause: std::io::Error) -> Error {
        let hint = match cause.kind() {
            std::io::ErrorKind::PermissionDenied => "its folder must be writable; it is unchanged",
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "make room; it is unchanged",
            _ => "",
        };
        let error = self.error("cannot be written").caused_by(cause);
        if hint.is_empty() { error } else { error.hint(hint) }
    }
}

/// What a dead writer left, told by its name.
pub(crate) enum Litter<'a> {
    Part,
    Swap { old: &'a str, new: &'a str },
}

impl<'a> Litter<'a> {
    /// Only names that [`Place::stage`] makes: anything else is somebody's own.
    pub(crate) fn of(name: &'a str) -> Option<Self> {
        let inner = name.strip_prefix(PREFIX)?;
        if let Some(process) = inner.strip_suffix(PART) {
            return (!process.is_empty() && process.bytes().all(|b| b.is_ascii_digit())).then_some(Self::Part);
        }
        let (old, new) = inner.strip_suffix(SWAP)?.split_once('-')?;
        let is_digest = |text: &str| text.len() == SHORT && text.bytes().all(|b| b.is_ascii_hexdigit());
        (is_digest(old) && is_digest(new)).then_some(Self::Swap { old, new })
    }
}

/// How much of a digest file names hold.
const SHORT: usize = 32;

/// Whether the system or the file system has no such way of renaming.
fn is_no_exchange(cause: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP].contains(&cause)
}

/// The first half of a text's digest, for file names.
fn short(bytes: &[u8]) -> String {
    let digest = Digest::of_bytes(bytes).to_string();
    digest.trim_start_matches("sha256:").chars().take(SHORT).collect()
}
