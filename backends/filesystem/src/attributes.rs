//! What belongs to a file beside its content: owner, mode, access lists and other attributes.

use std::ffi::CString;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

use crate::read::Found;

/// Gives `file` the owner, mode and extended attributes (access lists are such) of the file that
/// was found. In this order: a change of owner takes privileged bits of the mode away, and an access
/// list has the last word on the mode.
///
/// # Errors
/// What could not be given, and why.
pub(crate) fn copy(found: &Found, file: &File) -> Result<(), (&'static str, io::Error)> {
    let (like, own) = (&found.metadata, file.metadata().map_err(|cause| ("owner", cause))?);
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        fchown(file, Some(like.uid()), Some(like.gid())).map_err(|cause| ("owner", cause))?;
    }
    file.set_permissions(Permissions::from_mode(like.mode() & 0o7777)).map_err(|cause| ("mode", cause))?;
    copy_extended(&found.file, file).map_err(|cause| ("extended attributes", cause.into()))
}

fn copy_extended(from: &File, to: &File) -> rustix::io::Result<()> {
    for name in names(from)? {
        let Some(value) = value(from, &name)? else { continue };
        if self::value(to, &name).ok().flatten().as_deref() == Some(&*value) {
            // Every file here has it, as a label that the system gives.
            continue;
        }
        rustix::fs::fsetxattr(to, name.as_c_str(), &value, rustix::fs::XattrFlags::empty())?;
    }
    Ok(())
}

/// The names of a file's attributes; none where the file system has no such thing.
fn names(file: &File) -> rustix::io::Result<Vec<CString>> {
    let list = filled(|| rustix::fs::flistxattr_query(file), |buffer| rustix::fs::flistxattr(file, buffer));
    let list = match list {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => return Ok(Vec::new()),
        list => list?,
    };
    Ok(list.split(|b| *b == 0).filter(|name| !name.is_empty()).filter_map(|name| CString::new(name).ok()).collect())
}

/// The value of an attribute; `None` when it is not there, or not any more.
fn value(file: &File, name: &CString) -> rustix::io::Result<Option<Vec<u8>>> {
    let value = filled(
        || rustix::fs::fgetxattr_query(file, name.as_c_str()),
        |buffer| rustix::fs::fgetxattr(file, name.as_c_str(), buffer),
    );
    match value {
        Err(cause) if cause == rustix::io::Errno::NODATA => Ok(None),
        value => value.map(Some),
    }
}

/// Asks for the size, then for the bytes, until both agree.
fn filled(
    size: impl Fn() -> rustix::io::Result<usize>,
    get: impl Fn(&mut [u8]) -> rustix::io::Result<usize>,
) -> rustix::io::Result<Vec<u8>> {
    loop {
        let mut buffer = vec![0; size()?];
        if buffer.is_empty() {
            return Ok(buffer);
        }
        match get(&mut buffer) {
            Ok(size) => {
                buffer.truncate(size);
                return Ok(buffer);
            }
            Err(rustix::io::Errno::RANGE) => {}
            Err(cause) => return Err(cause),
        }
    }
}
