//! Cases, and how they end.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use mcp_registry_spec::{Error, ErrorKind};

use crate::context::Context;

/// One case of the suite: a sentence about a rule, and the function that holds a backend to it.
pub struct Case {
    /// The rule of `BACKEND.md` it checks.
    pub rule: u32,
    /// Its name, which begins with the rule: `rule_09_…`.
    pub name: &'static str,
    /// Whether it writes, or tries to, through the backend or a hook of the fixture.
    pub writes: bool,
    pub(crate) body: fn(Context) -> Body,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The backend keeps what the case asks of it.
    Passed,
    /// It does not; what was seen.
    Failed(String),
    /// The case could not be run, and why.
    Ignored(String),
}

/// A case on its way.
pub(crate) type Body = Pin<Box<dyn Future<Output = Checked> + Send>>;

/// The end of a case, or of a step of it.
pub(crate) type Checked<T = ()> = Result<T, Stop>;

/// Why a case ends before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    Failed(String),
    Ignored(String),
    /// What the case is about is not claimed, and refused as it must be.
    Settled,
}

impl From<Checked> for Outcome {
    fn from(checked: Checked) -> Self {
        match checked {
            Ok(()) | Err(Stop::Settled) => Self::Passed,
            Err(Stop::Failed(why)) => Self::Failed(why),
            Err(Stop::Ignored(why)) => Self::Ignored(why),
        }
    }
}

/// Says during which step an error came that ought not to have come.
pub(crate) trait During<T> {
    fn during(self, step: &str) -> Checked<T>;
}

impl<T> During<T> for Result<T, Error> {
    fn during(self, step: &str) -> Checked<T> {
        self.map_err(|error| Stop::Failed(format!("{step} failed: {error:?}")))
    }
}

/// Asserts that `step` was refused with an error of `kind`.
pub(crate) fn refused<T: fmt::Debug>(step: &str, result: Result<T, Error>, kind: ErrorKind) -> Checked<Error> {
    match result {
        Ok(value) => Err(Stop::Failed(format!("{step} must fail as {kind}, but gave {value:?}"))),
        Err(error) if error.kind() == kind => Ok(error),
        Err(error) => Err(Stop::Failed(format!("{step} must fail as {kind}, but failed with {error:?}"))),
    }
}

/// Ends the case as failed unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($message:tt)+) => {
        if !$holds {
            return Err($crate::case::Stop::Failed(format!($($message)+)));
        }
    };
}

/// Ends the case as failed unless both are equal.
macro_rules! ensure_eq {
    ($found:expr, $expected:expr, $($message:tt)+) => {
        match (&$found, &$expected) {
            (found, expected) => {
                if found != expected {
                    return Err($crate::case::Stop::Failed(format!(
                        "{}: expected {expected:?}, found {found:?}", format_args!($($message)+)
                    )));
                }
            }
        }
    };
}

/// The cases of a module, in a table: the rule, what it does to the storage, and the function.
macro_rules! cases {
    (@writes reads) => { false };
    (@writes writes) => { true };
    ($($rule:literal $access:ident $function:ident;)+) => {
        pub(super) const CASES: &[$crate::case::Case] = &[$(
            $crate::case::Case {
                rule: $rule,
                name: stringify!($function),
                writes: cases!(@writes $access),
                body: |context| Box::pin($function(context)),
            },
        )+];
    };
}

pub(crate) use {cases, ensure, ensure_eq};
