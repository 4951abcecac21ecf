//! Whether somebody is still writing a file.

use std::fs::File;

/// Whether `file`, which must have been opened for reading only and be out of everybody's reach by
/// path, is open for writing anywhere. `false` where the system cannot tell.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "no safe binding of F_SETLEASE is maintained")]
pub(crate) fn is_being_written(file: &File) -> bool {
    use std::os::fd::AsRawFd;
    // A read lease is granted exactly when nobody has the file open for writing. It is given back at
    // once: were it broken by somebody who opens the file, the system would send a signal.
    //
    // SAFETY: the descriptor is open as long as `file` is borrowed, and this command takes an
    // integer; no memory is involved.
    let set_lease = |kind: libc::c_int| unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) };
    if set_lease(libc::F_RDLCK) == 0 {
        set_lease(libc::F_UNLCK);
        return false;
    }
    std::io::Error::last_os_error().kind() == std::io::ErrorKind::WouldBlock
}

/// Other systems have no such question to ask.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_being_written(_file: &File) -> bool {
    false
}
