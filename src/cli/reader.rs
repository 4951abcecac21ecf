//! The two streams that are printed to, as long as somebody reads them.

#[cfg(feature = "governance")]
use std::io::Stderr;
use std::io::{self, ErrorKind, Stdout, Write};

/// Whoever reads what is printed. That they went away is no failure, and changes nothing of how the command
/// ends: what is left to print goes nowhere.
pub(crate) struct Reader {
    stream: Stream,
    /// Whether they were found to have gone.
    gone: bool,
}

enum Stream {
    Out(Stdout),
    #[cfg(feature = "governance")]
    Err(Stderr),
}

impl Reader {
    /// That of standard output.
    pub(crate) fn of_out(out: Stdout) -> Self {
        Self { stream: Stream::Out(out), gone: false }
    }

    /// That of standard error.
    #[cfg(feature = "governance")]
    pub(crate) fn of_err(err: Stderr) -> Self {
        Self { stream: Stream::Err(err), gone: false }
    }

    /// Whether they were found to have gone away.
    #[cfg(any(feature = "governance", all(feature = "presence", feature = "http")))]
    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    fn unless_gone<T>(&mut self, result: io::Result<T>, gone: T) -> io::Result<T> {
        match result {
            Err(cause) if cause.kind() == ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(gone)
            }
            result => result,
        }
    }
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.stream {
            Stream::Out(out) => out.write(bytes),
            #[cfg(feature = "governance")]
            Stream::Err(err) => err.write(bytes),
        };
        self.unless_gone(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = match &mut self.stream {
            Stream::Out(out) => out.flush(),
            #[cfg(feature = "governance")]
            Stream::Err(err) => err.flush(),
        };
        self.unless_gone(flushed, ())
    }
}
