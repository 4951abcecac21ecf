//! Reading the file that holds the policy, where nobody else could have written it (P3).

use std::io::{self, Read};
use std::path::Path;

use mcp_registry_spec::Error;

use crate::trust::{self, unusable};

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
    trust::file(&file, path)?;
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
