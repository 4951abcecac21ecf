//! Reading files of others, whatever lies there: nothing is waited for, and no more is read than may be (E7).

use std::fs::File;
use std::io::{self, ErrorKind as Io, Read};
use std::path::Path;

/// What some editors put before a text.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text of a regular file of at most `most` bytes.
///
/// # Errors
/// Why there is none.
pub(crate) fn read(path: &Path, most: u64) -> Result<String, String> {
    let file = open(path).map_err(|cause| told(&cause))?;
    let about = file.metadata().map_err(|cause| told(&cause))?;
    if about.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if !about.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let too_large = || format!("it is larger than {} KiB", most >> 10);
    if about.len() > most {
        return Err(too_large());
    }
    // It may grow meanwhile, and what the system makes up as it is read has no length beforehand.
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|cause| told(&cause))?;
    if bytes.len() as u64 > most {
        return Err(too_large());
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    if text.starts_with(BYTE_ORDER_MARK) {
        return Err("it begins with a byte order mark".to_owned());
    }
    Ok(text)
}

/// Why a file cannot be had, in words.
pub(crate) fn told(cause: &io::Error) -> String {
    match cause.kind() {
        Io::NotFound => "there is no such file".to_owned(),
        Io::NotADirectory => "what should be a folder on the way is none".to_owned(),
        Io::PermissionDenied => "it may not be read".to_owned(),
        _ => format!("it cannot be read: {cause}"),
    }
}

/// Opens a file, and does not wait for the writer of a FIFO.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(Io::InvalidInput, "it is no regular file"));
    }
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Root may read everything, so that no file shows this to every user.
    #[test]
    fn e7_what_may_not_be_read_is_told() {
        assert_eq!(told(&io::Error::from(Io::PermissionDenied)), "it may not be read");
    }
}
