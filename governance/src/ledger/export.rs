//! The file that the ledger is exported to (L3).

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use mcp_registry_spec::{Error, ErrorKind, Result};

use crate::trust;

/// The longest that a line may be, in bytes. Rows are far shorter, as their texts are.
const LONGEST: u64 = 1 << 20;
/// What is read first of the file's end, in bytes: a few rows.
const TAIL: u64 = 8 << 10;

/// The export, locked for the one who appends to it. The lock is the file's own: it is never replaced.
#[derive(Debug)]
pub(super) struct Export {
    file: File,
    path: PathBuf,
    /// The last whole line.
    last: Option<String>,
    /// Where that ends. What stands behind it was torn by a crash.
    end: u64,
}

impl Export {
    /// Opens the export, makes it where it is missing, waits for the lock, and looks at its end. May block.
    ///
    /// # Errors
    /// When it cannot be opened or read, is no file of ours, or others may write it.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = open(path, OpenOptions::new().read(true).append(true).create(true))
            .map_err(failed(path, "cannot be opened"))?;
        trust::file(&file, path)?;
        file.lock().map_err(failed(path, "cannot be locked"))?;
        let mut export = Self { file, path: path.to_owned(), last: None, end: 0 };
        export.look()?;
        Ok(export)
    }

    /// The last whole line.
    pub(super) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Reads as much of the end as the last whole line takes.
    fn look(&mut self) -> Result<()> {
        let cannot = failed(&self.path, "cannot be read");
        let length = self.file.metadata().map_err(&cannot)?.len();
        let mut size = TAIL;
        loop {
            let start = length.saturating_sub(size);
            let mut tail = Vec::new();
            self.file.seek(SeekFrom::Start(start)).map_err(&cannot)?;
            (&self.file).take(length - start).read_to_end(&mut tail).map_err(&cannot)?;
            let mut ends = tail.iter().enumerate().rev().filter(|(_, b)| **b == b'\n').map(|(at, _)| at);
            let (last, before) = (ends.next(), ends.next());
            let line = match (last, before) {
                (Some(last), Some(before)) => tail.get(before + 1..last),
                (Some(last), None) if start == 0 => tail.get(..last),
                (None, _) if start == 0 && length <= LONGEST => return Ok(()),
                _ if size >= 2 * LONGEST => return Err(self.refused("holds a line that is no row")),
                _ => {
                    size *= 4;
                    continue;
                }
            };
            let line = line.and_then(|line| String::from_utf8(line.to_vec()).ok());
            self.last = Some(line.ok_or_else(|| self.refused("ends with what is no row"))?);
            self.end = start + last.map_or(0, |last| last as u64 + 1);
            return Ok(());
        }
    }

    /// Appends lines, in the place of what was torn. May block.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn append(&mut self, lines: &[String]) -> Result<()> {
        let cannot = failed(&self.path, "cannot be written");
        if self.file.metadata().map_err(&cannot)?.len() > self.end {
            self.file.set_len(self.end).map_err(&cannot)?;
        }
        let mut bytes = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for line in lines {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        // Not synced: what a power cut takes of it is in the table, and is completed from there.
        self.file.write_all(&bytes).map_err(&cannot)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// The error that the file is not what was written there.
    pub(super) fn refused(&self, why: &str) -> Error {
        Error::new(ErrorKind::DescriptorInvalid, format!("the ledger's export {why}, and is left as it is"))
            .at(&self.path, None)
            .hint("see mcp-registry ledger verify; moved elsewhere, it is made anew from the table")
    }
}

/// The lines of an export that others may be appending to meanwhile.
#[derive(Debug)]
pub(super) struct Lines {
    reader: BufReader<File>,
    path: PathBuf,
    /// What follows the last whole line.
    torn: Vec<u8>,
}

impl Lines {
    /// Opens an export for reading; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be opened, or is no file.
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        let file = match open(path, OpenOptions::new().read(true)) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed(path, "cannot be opened"))?,
        };
        if !file.metadata().map_err(failed(path, "cannot be read"))?.is_file() {
            return Err(Error::new(ErrorKind::Unavailable, "the ledger's export is no regular file").at(path, None));
        }
        Ok(Some(Self { reader: BufReader::with_capacity(1 << 16, file), path: path.to_owned(), torn: Vec::new() }))
    }

    /// The next whole lines, at most so many; none at the end, which may be another later. May block.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn next(&mut self, most: usize) -> Result<Vec<Vec<u8>>> {
        let mut lines = Vec::new();
        while lines.len() < most {
            let room = LONGEST.saturating_sub(self.torn.len() as u64);
            (&mut self.reader)
                .take(room)
                .read_until(b'\n', &mut self.torn)
                .map_err(failed(&self.path, "cannot be read"))?;
            if self.torn.last() == Some(&b'\n') {
                self.torn.pop();
            } else if (self.torn.len() as u64) < LONGEST {
                break;
            }
            // What is longer than any row is taken in pieces, none of which is one.
            lines.push(std::mem::take(&mut self.torn));
        }
        Ok(lines)
    }

    /// Whether something follows the last whole line.
    pub(super) fn is_torn(&self) -> bool {
        !self.torn.is_empty()
    }
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        use rustix::fs::OFlags;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}

fn failed<'a>(path: &'a Path, what: &'a str) -> impl Fn(io::Error) -> Error + use<'a> {
    move |cause| {
        Error::new(ErrorKind::Unavailable, format!("the ledger's export {what}")).at(path, None).caused_by(cause)
    }
}
