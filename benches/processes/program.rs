//! Running a program to its end, and what that took.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

/// What one run took.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) wall: Duration,
    /// The most memory it held, in bytes. A process begins as its parent's double, so this is never
    /// less than what the benchmark itself holds: it holds little.
    pub(crate) peak: u64,
}

/// Runs `command`, its output going nowhere.
pub(crate) fn measure(command: &mut Command) -> io::Result<Sample> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let used = command.spawn()?.wait4()?;
    let wall = start.elapsed();
    if used.status.success() {
        Ok(Sample { wall, peak: used.rusage.maxrss })
    } else {
        Err(io::Error::other(format!("{:?} ended with {}", command.get_program(), used.status)))
    }
}

/// Runs `command` once and tells which of `count` servers its output, kept in `file`, names.
pub(crate) fn servers_named(command: &mut Command, file: &Path, count: usize) -> io::Result<Vec<bool>> {
    command.stdin(Stdio::null()).stdout(File::create(file)?).stderr(Stdio::null());
    command.status()?;
    let mut named = vec![false; count];
    // The digits seen since the last dash. Read bit by bit, as it may be large and all on one line.
    let mut digits: Option<(u32, usize)> = None;
    for byte in BufReader::new(File::open(file)?).bytes() {
        digits = match (byte?, digits) {
            (b'-', _) => Some((0, 0)),
            (digit @ b'0'..=b'9', Some((length, number))) => {
                Some((length + 1, number * 10 + usize::from(digit - b'0')))
            }
            _ => None,
        };
        if let Some((6, number)) = digits
            && let Some(seen) = named.get_mut(number)
        {
            *seen = true;
        }
    }
    Ok(named)
}
