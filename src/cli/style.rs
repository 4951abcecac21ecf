//! Colors.

use std::io::{self, Write};

/// Whether one of the two streams is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint(pub(crate) bool);

/// How something looks, as a terminal is told.
pub(crate) type Style = &'static str;

pub(crate) const BOLD: Style = "\u{1b}[1m";
pub(crate) const RED: Style = "\u{1b}[1;31m";
pub(crate) const GREEN: Style = "\u{1b}[32m";
pub(crate) const YELLOW: Style = "\u{1b}[1;33m";
const RESET: Style = "\u{1b}[0m";

impl Paint {
    /// From here on, `style`.
    pub(crate) fn begin(self, out: &mut impl Write, style: Style) -> io::Result<()> {
        out.write_all(if self.0 { style.as_bytes() } else { b"" })
    }

    /// To here, and no further.
    pub(crate) fn end(self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(if self.0 { RESET.as_bytes() } else { b"" })
    }

    /// Writes `text` in `style`.
    pub(crate) fn write(self, out: &mut impl Write, style: Style, text: &str) -> io::Result<()> {
        self.begin(out, style)?;
        out.write_all(text.as_bytes())?;
        self.end(out)
    }
}
