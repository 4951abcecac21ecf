//! How a command ends.

use std::io;
use std::process::ExitCode;

use mcp_registry_spec::{Error, ErrorKind};

/// How a command that did its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well: exit status 0.
    Good,
    /// It told of something that is not: exit status 1.
    Bad,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Good => Self::SUCCESS,
            Outcome::Bad => Self::FAILURE,
        }
    }
}

/// Why a command did not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was called wrongly: exit status 2.
    Usage(Error),
    /// It was refused or failed: exit status 1.
    Refused(Error),
    /// Standard output did not take what was printed; that its reader went away is no failure.
    Output(io::Error),
}

impl Failure {
    /// The command was called wrongly.
    pub(crate) fn usage(message: impl AsRef<str>, hint: impl AsRef<str>) -> Self {
        Self::Usage(Error::new(ErrorKind::ConfigInvalid, message).hint(hint))
    }

    /// What it says.
    #[cfg(feature = "presence")]
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Usage(error) | Self::Refused(error) => error,
            Self::Output(cause) => Error::new(ErrorKind::Unavailable, "cannot be written").caused_by(cause),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
