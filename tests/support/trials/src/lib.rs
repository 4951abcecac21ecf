//! Tests that may lack something they need, such as root, a mount or a server.
//!
//! The usual harness has only passed and failed, so a test that could not run would look as if it
//! had passed. Here it is ignored, with the reason, and where the variable `CI` is set it fails:
//! nothing is green there that did not run.
//!
//! A test file with `harness = false` lists its tests at its end, in `trials!(a_test, another);`. A
//! test returns nothing, or a [`Tried`].

use std::fmt;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// What a test needs and does not find here.
#[derive(Debug)]
pub struct Missing(String);

impl Missing {
    /// Says what is missing, or why it cannot be had.
    #[must_use]
    pub fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

/// Whether a test found what it needs; what it checks, it asserts.
pub type Tried = Result<(), Missing>;

/// What a test may return.
pub trait Report {
    /// The same, as a [`Tried`].
    ///
    /// # Errors
    /// When something is missing.
    fn tried(self) -> Tried;
}

impl Report for () {
    fn tried(self) -> Tried {
        Ok(())
    }
}

impl Report for Tried {
    fn tried(self) -> Tried {
        self
    }
}

/// A test: its name, and what it does.
pub type Test = (&'static str, fn() -> Tried);

/// Runs the tests with the usual flags and filters.
#[must_use]
pub fn run(tests: impl IntoIterator<Item = Test>) -> ExitCode {
    let in_ci = std::env::var_os("CI").is_some();
    let trials = tests.into_iter().map(|(name, test)| Trial::ignorable_test(name, move || settle(test(), in_ci)));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn settle(tried: Tried, in_ci: bool) -> Result<Completion, Failed> {
    match tried {
        Ok(()) => Ok(Completion::Completed),
        Err(Missing(what)) if in_ci => Err(format!("cannot run in CI: {what}").into()),
        Err(Missing(what)) => Ok(Completion::ignored_with(what)),
    }
}

/// The `main` of a test file, which runs these functions. One that is not listed is told by the
/// compiler as never used.
#[macro_export]
macro_rules! trials {
    ($($test:ident),+ $(,)?) => {
        fn main() -> std::process::ExitCode {
            $crate::run([$((stringify!($test), (|| $crate::Report::tried($test())) as fn() -> $crate::Tried)),+])
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_ignored_and_fails_in_ci() {
        assert!(matches!(settle(Ok(()), true), Ok(Completion::Completed)));
        let missing = || Err(Missing::new("no root"));
        assert!(matches!(settle(missing(), false), Ok(Completion::Ignored { reason: Some(why) }) if why == "no root"));
        assert!(settle(missing(), true).is_err_and(|failed| failed.message().is_some_and(|m| m.contains("no root"))));
    }
}
