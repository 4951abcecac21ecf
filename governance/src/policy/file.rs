//! Reading the file that holds the policy, where nobody else could have written it (P3).

use std::io::{self, Read};
use std::path::Path;

use mcp_registry_spec::{Error, text};

use super::document::unusable;

/// The most that is read, in bytes: a policy is written by hand.
const MOST: u64 = 256 << 10;

/// The file's text; `None` when there is none.
///
/// # Errors
/// When others than its owner and root could have written it or put it there, when it is no file of
/// text, is too large, or cannot be read.
pub(super) fn read(path: &Path) -> Result<Option<String>, Error> {
    let real = match path.canonicalize() {
        Ok(real) => real,
        Err(cause) if is_absent(&cause) && path.symlink_metadata().is_err_and(|cause| is_absent(&cause)) => {
            // In a folder that others may write, its absence is no answer of its owner's.
            let folder = path.parent().filter(|folder| folder.is_dir());
            return folder.map_or(Ok(()), |folder| trust::folder(folder, path)).map(|()| None);
        }
        Err(cause) => return Err(unusable("cannot be read", path).caused_by(cause)),
    };
    if real != path
        && let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
    {
        // Whoever may write there may put another link there.
        trust::folder(folder, path)?;
    }
    if let Some(folder) = real.parent() {
        trust::folder(folder, path)?;
    }
    let file = trust::open(&real).map_err(|cause| unusable("cannot be read", path).caused_by(cause))?;
    let about = file.metadata().map_err(|cause| unusable("cannot be read", path).caused_by(cause))?;
    if !about.is_file() {
        return Err(unusable("is no regular file", path));
    }
    trust::owned(&about, "it", path)?;
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(|cause| unusable("cannot be read", path).caused_by(cause))?;
    if bytes.len() as u64 > MOST {
        return Err(unusable("is larger than 256 KiB", path));
    }
    String::from_utf8(bytes).map(Some).map_err(|cause| {
        let before = cause.as_bytes().iter().take(cause.utf8_error().valid_up_to());
        let line = before.filter(|b| **b == b'\n').count() + 1;
        unusable(format!("is not UTF-8 in line {line}"), path)
    })
}

/// Whether there is nothing at a path.
pub(super) fn is_absent(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(unix)]
mod trust {
    use std::fs::{File, Metadata};
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::{Mode, OFlags};

    use super::{Error, Path, io, text, unusable};

    const OTHERS_MAY_WRITE: u32 = 0o022;
    const ALL_MAY_WRITE: u32 = 0o002;
    const STICKY: u32 = 0o1000;

    /// Opens a file, and does not wait for the writer of a FIFO.
    pub(super) fn open(real: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::open(real, flags, Mode::empty())?))
    }

    /// Refuses what others may write, or what belongs to another user than root.
    pub(super) fn owned(about: &Metadata, what: &str, policy: &Path) -> Result<(), Error> {
        owned_by(rustix::process::geteuid().as_raw(), about, what, policy)
    }

    fn owned_by(me: u32, about: &Metadata, what: &str, policy: &Path) -> Result<(), Error> {
        if about.mode() & OTHERS_MAY_WRITE != 0 {
            let message = format!("is refused, as others than its owner may write {what}");
            return Err(unusable(message, policy).hint("take that away with chmod go-w"));
        }
        if ![0, me].contains(&about.uid()) {
            let message = format!("is refused, as {what} belongs to another user, number {}", about.uid());
            return Err(unusable(message, policy).hint("it must be yours, or root's"));
        }
        Ok(())
    }

    /// The same of a folder, in which somebody else could put another file; and no folder above may be
    /// one in which everybody may rename it.
    pub(super) fn folder(folder: &Path, policy: &Path) -> Result<(), Error> {
        let cannot = |cause: io::Error| unusable("lies in a folder that cannot be looked at", policy).caused_by(cause);
        let real = folder.canonicalize().map_err(cannot)?;
        for (above, folder) in real.ancestors().enumerate() {
            let about = folder.metadata().map_err(cannot)?;
            let what = format!("the folder {}", text::quote(&folder.to_string_lossy()));
            if above == 0 {
                owned(&about, &what, policy)?;
            } else if about.mode() & ALL_MAY_WRITE != 0 && about.mode() & STICKY == 0 {
                let message = format!("is refused, as everybody may write {what}");
                return Err(unusable(message, policy).hint("take that away with chmod o-w"));
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
mod trust {
    use std::fs::{File, Metadata};

    use super::{Error, Path, io};

    pub(super) fn open(real: &Path) -> io::Result<File> {
        File::open(real)
    }

    /// Who may write is for the system's own access lists to say, which are not read here.
    pub(super) fn owned(_: &Metadata, _: &str, _: &Path) -> Result<(), Error> {
        Ok(())
    }

    pub(super) fn folder(_: &Path, _: &Path) -> Result<(), Error> {
        Ok(())
    }
}
