//! The binary, from outside: what each command prints on both streams, and its exit status.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

/// Holds an output as it was when somebody last looked at it.
macro_rules! assert_snapshot {
    ($($snapshot:expr),+) => {
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!($($snapshot),+) })
    };
}

#[cfg(unix)]
mod changes;
mod commands;
mod conformance;
#[cfg(unix)]
mod doctor;
#[cfg(unix)]
mod heartbeat;
mod hostile;
mod ledger;
mod policy;
mod present;
mod promises;
mod sandbox;
mod secrets;
