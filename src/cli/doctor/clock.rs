//! The clock: whether it can date what is recorded, and tell when a request expires.

use std::fs::Metadata;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use mcp_registry_spec::time::shown;

use super::check::Check;

const NAME: &str = "clock";

/// The first instant of 2026, since the epoch: before that there was no such program.
const FIRST: Duration = Duration::from_secs(1_767_225_600);

/// By how much clocks may differ without anybody minding.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Compares the clock with the newest row of the ledger, and with the file system's own times.
pub(super) fn check(newest_row: Option<SystemTime>, files: &[(PathBuf, Metadata)]) -> Check {
    let newest_file = files.iter().filter_map(|(_, about)| about.modified().ok()).max();
    judge(SystemTime::now(), newest_row, newest_file)
}

fn judge(now: SystemTime, newest_row: Option<SystemTime>, newest_file: Option<SystemTime>) -> Check {
    let hint = "set the clock, and see that it is kept right";
    let is_ahead = |time: &SystemTime| *time > now + TOLERANCE;
    if now < SystemTime::UNIX_EPOCH + FIRST {
        return Check::fail(NAME, format!("it says {}, when there was no such program", shown(now)), hint);
    }
    if let Some(row) = newest_row.filter(is_ahead) {
        let message = format!("it says {}, and the ledger's newest row is of {}", shown(now), shown(row));
        return Check::fail(NAME, message, hint);
    }
    match newest_file.filter(is_ahead) {
        Some(file) => {
            Check::warn(NAME, format!("it says {}, and a file of ours is of {}", shown(now), shown(file)), hint)
        }
        None => Check::pass(NAME, "it is behind nothing that was recorded"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::*;

    #[test]
    fn a_clock_that_is_behind_what_it_dated_is_wrong() {
        let at = |seconds| SystemTime::UNIX_EPOCH + FIRST + Duration::from_secs(seconds);
        let now = at(100);
        for (now, row, file, status) in [
            (now, None, None, Status::Pass),
            (at(0), None, None, Status::Pass),
            (at(0) - Duration::from_secs(1), None, None, Status::Fail),
            (now, Some(at(102)), Some(at(102)), Status::Pass),
            (now, Some(at(103)), None, Status::Fail),
            (now, Some(at(90)), Some(at(103)), Status::Warn),
        ] {
            assert_eq!(judge(now, row, file).status, status, "{now:?} {row:?} {file:?}");
        }
    }
}
