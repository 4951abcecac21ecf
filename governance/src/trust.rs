//! Whether nobody else could have written a file, or put it where it is (P3, L8).

use std::fs::File;
use std::path::Path;

use mcp_registry_spec::{Error, ErrorKind};

pub(crate) use system::{folder, open, owned};

/// The error that what is at a path cannot be used.
pub(crate) fn unusable(message: impl AsRef<str>, path: &Path) -> Error {
    Error::new(ErrorKind::ConfigInvalid, message).at(path, None)
}

/// Refuses a file that others may write, one of another user than root, and what is no regular file.
///
/// # Errors
/// The refusal, which names `path`; when it cannot be looked at.
pub(crate) fn file(file: &File, path: &Path) -> Result<(), Error> {
    let about = file.metadata().map_err(|cause| unusable("cannot be read", path).caused_by(cause))?;
    if !about.is_file() {
        return Err(unusable("is no regular file", path));
    }
    owned(&about, "it", path)
}

#[cfg(unix)]
mod system {
    use std::fs::{File, Metadata};
    use std::io;
    use std::os::unix::fs::MetadataExt;

    use mcp_registry_spec::text;
    use rustix::fs::{Mode, OFlags};

    use super::{Error, Path, unusable};

    const OTHERS_MAY_WRITE: u32 = 0o022;
    const ALL_MAY_WRITE: u32 = 0o002;
    const STICKY: u32 = 0o1000;

    /// Opens a file, and does not wait for the writer of a FIFO.
    pub(crate) fn open(real: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::open(real, flags, Mode::empty())?))
    }

    /// Refuses what others may write, or what belongs to another user than root.
    pub(crate) fn owned(about: &Metadata, what: &str, path: &Path) -> Result<(), Error> {
        owned_by(rustix::process::geteuid().as_raw(), about, what, path)
    }

    fn owned_by(me: u32, about: &Metadata, what: &str, path: &Path) -> Result<(), Error> {
        if about.mode() & OTHERS_MAY_WRITE != 0 {
            let message = format!("is refused, as others than its owner may write {what}");
            return Err(unusable(message, path).hint("take that away with chmod go-w"));
        }
        of_nobody_else(me, about, what, path)
    }

    fn of_nobody_else(me: u32, about: &Metadata, what: &str, path: &Path) -> Result<(), Error> {
        if [0, me].contains(&about.uid()) {
            return Ok(());
        }
        let message = format!("is refused, as {what} belongs to another user, number {}", about.uid());
        Err(unusable(message, path).hint("it must be yours, or root's"))
    }

    /// The same of a folder, in which somebody else could put another file; and no folder above may be
    /// one in which everybody, or another user whose it is, may rename it.
    pub(crate) fn folder(folder: &Path, path: &Path) -> Result<(), Error> {
        let cannot = |cause: io::Error| unusable("lies in a folder that cannot be looked at", path).caused_by(cause);
        let real = folder.canonicalize().map_err(cannot)?;
        for (above, folder) in real.ancestors().enumerate() {
            let about = folder.metadata().map_err(cannot)?;
            let what = format!("the folder {}", text::quote(&folder.to_string_lossy()));
            if above == 0 {
                owned(&about, &what, path)?;
            } else if about.mode() & ALL_MAY_WRITE != 0 && about.mode() & STICKY == 0 {
                let message = format!("is refused, as everybody may write {what}");
                return Err(unusable(message, path).hint("take that away with chmod o-w"));
            } else {
                of_nobody_else(rustix::process::geteuid().as_raw(), &about, &what, path)?;
            }
        }
        Ok(())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn p3_what_belongs_to_another_user_than_root_is_refused() {
            const STRANGER: u32 = 65_533;
            let file = tempfile::NamedTempFile::new().unwrap();
            // Root can give a file away; whoever else owns one is no root.
            let _ = std::os::unix::fs::chown(file.path(), Some(STRANGER), None);
            let about = file.path().metadata().unwrap();
            let of = |me| owned_by(me, &about, "it", Path::new("p.toml")).map_err(|error| error.to_string());
            assert_eq!(of(about.uid()), Ok(()));
            for other in [0, about.uid() + 1] {
                let refusal = of(other).unwrap_err();
                assert!(refusal.contains(&format!("belongs to another user, number {}", about.uid())), "{refusal}");
            }
            // Root's is everybody's.
            let roots = Path::new("/").metadata().unwrap();
            assert_eq!((roots.uid(), owned_by(about.uid(), &roots, "it", Path::new("p.toml"))), (0, Ok(())));
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{File, Metadata};
    use std::io;

    use super::{Error, Path};

    pub(crate) fn open(real: &Path) -> io::Result<File> {
        File::open(real)
    }

    /// Who may write is for the system's own access lists to say, which are not read here.
    pub(crate) fn owned(_: &Metadata, _: &str, _: &Path) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) fn folder(_: &Path, _: &Path) -> Result<(), Error> {
        Ok(())
    }
}
