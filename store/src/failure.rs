//! What the failures of a database mean, by their causes (rule 7).

use std::io::ErrorKind as Io;

use mcp_registry_spec::{Error, ErrorKind};
use sqlx::Error as Sqlx;

use crate::place::Place;

/// What to do where a server is not trusted.
const TRUST: &str = "another machine must have a certificate for its name: sslrootcert=FILE in the locator names a \
                     CA of your own, and sslmode=require, which takes any certificate, trusts the network instead";

/// Why something could not be done.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// What the driver says, which may mean that it is to be tried again.
    Failed(Sqlx),
    /// What is settled.
    Settled(Error),
}

impl From<Sqlx> for Trouble {
    fn from(failure: Sqlx) -> Self {
        Self::Failed(failure)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Settled(error)
    }
}

/// What a failure means: its kind, whether a later, unchanged retry can help, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Meaning {
    kind: ErrorKind,
    retryable: bool,
    hint: Option<&'static str>,
}

impl Meaning {
    const fn passing(hint: Option<&'static str>) -> Self {
        Self { kind: ErrorKind::Unavailable, retryable: true, hint }
    }

    const fn lasting(hint: Option<&'static str>) -> Self {
        Self { kind: ErrorKind::Unavailable, retryable: false, hint }
    }

    const fn of(kind: ErrorKind, hint: &'static str) -> Self {
        Self { kind, retryable: false, hint: Some(hint) }
    }
}

/// The error for people and programs. `what` says what failed.
pub(crate) fn error(place: &Place, what: &str, failure: &Sqlx) -> Error {
    let Meaning { kind, retryable, hint } = meaning(place, failure);
    let mut error = Error::new(kind, format!("{what} {}", place.name()));
    if let Place::Sqlite(path) = place {
        error = Error::new(kind, what).at(path, None);
    }
    // What the pool says of itself is about its settings, not about the database.
    if !matches!(failure, Sqlx::PoolTimedOut | Sqlx::PoolClosed) {
        error = error.caused_by(place.without_secrets(&cause(failure)));
    }
    error = match hint {
        Some(hint) => error.hint(hint),
        None => error,
    };
    if retryable { error.retryable() } else { error }
}

/// Whether the connection was lost, so that what was to be done first on it was not done.
pub(crate) fn is_lost(failure: &Sqlx) -> bool {
    match failure {
        Sqlx::Io(cause) => !is_of_tls(cause),
        Sqlx::PoolClosed | Sqlx::WorkerCrashed => true,
        Sqlx::Database(told) => told.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08")),
        _ => false,
    }
}

/// Whether the other side is not trusted, or speaks no TLS.
fn is_of_tls(cause: &std::io::Error) -> bool {
    cause.kind() == Io::InvalidData
}

/// Whether SQLite says that another holds the lock.
pub(crate) fn is_busy(failure: &Sqlx) -> bool {
    let code = failure.as_database_error().and_then(|told| told.code()?.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

fn cause(failure: &Sqlx) -> String {
    match failure {
        Sqlx::Database(told) => {
            let code = told.code().unwrap_or_default();
            format!("{} ({code})", told.message())
        }
        other => other.to_string(),
    }
}

fn meaning(place: &Place, failure: &Sqlx) -> Meaning {
    match failure {
        Sqlx::Configuration(_) => Meaning::of(ErrorKind::ConfigInvalid, "look at the parameters of the locator"),
        Sqlx::Database(told) => {
            let code = told.code().unwrap_or_default();
            match place {
                Place::Sqlite(_) => sqlite(&code),
                Place::Postgres { .. } => postgres(&code),
            }
        }
        Sqlx::Io(cause) if cause.kind() == Io::PermissionDenied => Meaning::lasting(None),
        Sqlx::Io(cause) if cause.kind() == Io::NotFound => {
            Meaning::passing(Some("its socket is not there, or a file that sslrootcert, sslcert or sslkey names"))
        }
        Sqlx::Io(cause) if is_of_tls(cause) => Meaning::lasting(Some(TRUST)),
        Sqlx::Io(_) | Sqlx::PoolClosed | Sqlx::WorkerCrashed => Meaning::passing(None),
        Sqlx::PoolTimedOut => Meaning::passing(Some("it is down, or busy: the option timeout says how long to wait")),
        Sqlx::Tls(_) => Meaning::lasting(Some(TRUST)),
        Sqlx::ColumnDecode { .. } | Sqlx::Decode(_) | Sqlx::ColumnNotFound(_) | Sqlx::RowNotFound => {
            Meaning::of(ErrorKind::DescriptorInvalid, "what is stored is not what this program stores there")
        }
        _ => Meaning::lasting(None),
    }
}

/// By the codes of Postgres (Appendix A of its manual).
fn postgres(code: &str) -> Meaning {
    match code {
        "28P01" => Meaning::of(ErrorKind::AuthRequired, "look at the user and the password"),
        "3D000" => Meaning::lasting(Some("make the database first, with createdb")),
        "42501" => Meaning::lasting(Some("grant the user what it lacks")),
        "25006" => Meaning::lasting(Some("this server only reads; name the one that is written to")),
        "53100" => Meaning::lasting(Some("make room on the server's disk")),
        "57014" | "55P03" | "25P03" | "25P04" => {
            Meaning::passing(Some("it took longer than the option timeout allows"))
        }
        "40001" | "40P01" => Meaning::passing(None),
        // Connections lost, resources short for now, and the server shutting down or starting up.
        _ if ["08", "53", "57P"].iter().any(|class| code.starts_with(class)) => Meaning::passing(None),
        _ if code.starts_with("28") => Meaning::of(ErrorKind::Forbidden, "look at the server's pg_hba.conf"),
        _ => Meaning::lasting(None),
    }
}

/// By the result codes of SQLite, whose low byte is the primary one.
fn sqlite(code: &str) -> Meaning {
    match code.parse::<u32>().unwrap_or_default() & 0xff {
        5 | 6 => Meaning::passing(Some("another process holds it; the option timeout says how long to wait")),
        8 => Meaning::lasting(Some("neither the file nor its folder may be read-only")),
        13 => Meaning::lasting(Some("make room on the disk")),
        14 => Meaning::lasting(Some("it must be a file that this user may read and write")),
        26 => Meaning::lasting(Some("the file is no database of SQLite, and is left as it is; name another")),
        11 => Meaning::lasting(Some("the file is damaged; put back a backup, or see \"sqlite3 FILE .recover\"")),
        _ => Meaning::lasting(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_lasts() {
        for code in ["40001", "40P01", "57P01", "57P02", "57P03", "08006", "53300", "57014"] {
            assert_eq!((postgres(code).kind, postgres(code).retryable), (ErrorKind::Unavailable, true), "{code}");
        }
        for code in ["42501", "53100", "25006", "3D000", "42P01", "XX001"] {
            assert_eq!((postgres(code).kind, postgres(code).retryable), (ErrorKind::Unavailable, false), "{code}");
        }
        assert_eq!(postgres("28P01").kind, ErrorKind::AuthRequired);
        assert_eq!(postgres("28000").kind, ErrorKind::Forbidden);
        for (code, retryable) in [("5", true), ("517", true), ("6", true), ("13", false), ("26", false), ("", false)] {
            assert_eq!(sqlite(code).retryable, retryable, "{code}");
        }
    }

    #[test]
    fn rule_7_a_server_that_is_not_trusted_is_not_asked_again() {
        let place = Place::parse(&mcp_registry_spec::Locator::new("postgres://db/d")).unwrap();
        let broken = |kind: Io| Sqlx::Io(kind.into());
        for untrusted in [broken(Io::InvalidData), Sqlx::Tls("server does not support TLS".into())] {
            let error = error(&place, "cannot read", &untrusted);
            assert!(!is_lost(&untrusted) && !error.is_retryable(), "{error}");
            assert!(error.to_string().contains("sslrootcert="), "{error}");
        }
        for lost in [broken(Io::ConnectionReset), broken(Io::UnexpectedEof), broken(Io::ConnectionRefused)] {
            assert!(is_lost(&lost) && error(&place, "cannot read", &lost).is_retryable());
        }
    }

    #[test]
    fn a_known_password_shows_in_no_cause() {
        let place = Place::parse(&mcp_registry_spec::Locator::new("postgres://me:pa55@localhost/d")).unwrap();
        let failure = Sqlx::Protocol("what is pa55?".to_owned());
        let error = error(&place, "cannot read", &failure);
        assert!(!format!("{error} {error:?}").contains("pa55"), "{error}");
    }
}
