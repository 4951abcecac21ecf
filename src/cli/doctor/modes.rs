//! Who may read and write a file.

use std::fs::Metadata;
use std::io;
use std::path::Path;

/// Whether others than its owner may write it.
#[cfg(feature = "filesystem")]
pub(super) fn others_may_write(about: &Metadata) -> bool {
    bits(about) & 0o022 != 0
}

/// Whether others than its owner may do anything with it.
pub(super) fn is_open_to_others(about: &Metadata) -> bool {
    bits(about) & 0o077 != 0
}

/// Whether nobody may write it.
#[cfg(feature = "filesystem")]
pub(super) fn is_read_only(about: &Metadata) -> bool {
    about.permissions().readonly()
}

/// Whether this program may write it.
#[cfg(unix)]
pub(super) fn writable(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?)
}

/// The system's own access lists are not asked.
#[cfg(not(unix))]
pub(super) fn writable(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn bits(about: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(about)
}

/// Who may do what is for the system's own access lists to say, which are not read here.
#[cfg(not(unix))]
fn bits(_: &Metadata) -> u32 {
    0
}
