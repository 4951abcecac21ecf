//! Reading files whole, up to a bound: whatever lies there, memory and time stay small.

use std::io::{self, Read};

/// The most that is read: what people write by hand is far smaller.
const MOST: u64 = 1 << 20;

/// Reads a text.
///
/// # Errors
/// Those of the reader; `InvalidData` for a text that is no UTF-8, `FileTooLarge` for one that is
/// longer than the bound.
pub(crate) fn read_text(reader: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(MOST + 1).read_to_end(&mut bytes)?;
    // Before its encoding is looked at: the bound may cut a character in two.
    if bytes.len() as u64 > MOST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_or_no_text_is_refused() {
        let kind = |result: io::Result<String>| result.map(|text| text.len()).map_err(|cause| cause.kind());
        assert_eq!(kind(read_text(io::repeat(b'a').take(MOST))), Ok(1 << 20));
        assert_eq!(kind(read_text(io::repeat(b'a'))), Err(io::ErrorKind::FileTooLarge));
        assert_eq!(kind(read_text(io::repeat(0xff))), Err(io::ErrorKind::FileTooLarge));
        assert_eq!(kind(read_text(&b"\xff"[..])), Err(io::ErrorKind::InvalidData));
    }
}
