//! What dead writers left behind, for those who look after an agent's folder.

use std::fs::{OpenOptions, TryLockError};
use std::path::Path;

use mcp_registry_spec::{Error, ErrorKind, Result};

use crate::folder::Folder;
use crate::lock::LOCK_NAME;
use crate::swap::{Litter, SAVED};

/// What stands beside the document in an agent's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Whether somebody is writing now.
    pub is_locked: bool,
    /// Temporary files, sorted. While nobody is writing they are those of dead writers, and the next one
    /// removes them.
    pub temporary: Vec<String>,
    /// Texts that an editor saved at the very moment a writer died, sorted: their owner's to look at.
    pub saved: Vec<String>,
}

impl Leftovers {
    /// Looks what there is in a folder. Makes and removes nothing, and holds nobody up.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when the folder cannot be read.
    pub fn look(folder: &Path) -> Result<Self> {
        if Folder::look(folder, true)?.is_none() {
            return Ok(Self::default());
        }
        let names = Folder::enter(folder, true)?.files().map_err(|cause| {
            Error::new(ErrorKind::Unavailable, "cannot be listed").at(folder, None).caused_by(cause)
        })?;
        let mut found = Self { is_locked: is_locked(folder), ..Self::default() };
        for name in names.iter().filter_map(|name| name.to_str()) {
            if Litter::of(name).is_some() {
                found.temporary.push(name.to_owned());
            } else if name.starts_with(SAVED) {
                found.saved.push(name.to_owned());
            }
        }
        found.temporary.sort_unstable();
        found.saved.sort_unstable();
        Ok(found)
    }
}

/// Whether somebody holds the lock. A shared one, let go of at once, is enough to tell.
fn is_locked(folder: &Path) -> bool {
    let path = folder.join(LOCK_NAME);
    // A FIFO in its place would have us wait.
    let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
    let file = is_file.then(|| OpenOptions::new().read(true).open(path));
    matches!(file, Some(Ok(file)) if matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lock::Lock;

    #[test]
    fn m17_what_is_left_is_told_from_what_is_somebodys_own() {
        let folder = tempfile::tempdir().unwrap();
        let digest = "0".repeat(32);
        let swap = format!(".mcp.md.{digest}-{digest}.swap");
        for name in ["mcp.md", ".mcp.md.12.part", &swap, ".mcp.md.x.part", "mcp.md.saved-1", "mcp.md.bak"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = Leftovers::look(folder.path()).unwrap();
        let temporary = vec![swap, ".mcp.md.12.part".to_owned()];
        assert_eq!(found, Leftovers { is_locked: false, temporary, saved: vec!["mcp.md.saved-1".to_owned()] });

        let lock = Lock::acquire(&Folder::enter(folder.path(), true).unwrap(), Duration::ZERO).unwrap();
        assert!(Leftovers::look(folder.path()).unwrap().is_locked);
        drop(lock);
        assert!(!Leftovers::look(folder.path()).unwrap().is_locked);
        assert_eq!(Leftovers::look(&folder.path().join("absent")).unwrap(), Leftovers::default());
    }
}
