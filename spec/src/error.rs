//! Errors: a stable kind, a sentence for people, where it happened, and whether a retry can help.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::{named, redact, text};

/// The result of every operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

named! {
    /// What went wrong, as a program tells it: each kind has a stable name that never changes.
    #[non_exhaustive]
    pub enum ErrorKind {
        /// A name or scope breaks rule 1.
        InvalidName = "invalid_name",
        /// An entry handed in is no valid entry.
        InvalidSpec = "invalid_spec",
        /// There is no entry of that name in the scope.
        NotInRegistry = "not_in_registry",
        /// An entry of that name is there already (rule 9).
        AlreadyInstalled = "already_installed",
        /// The entry is not the one the caller meant to replace or remove (rule 9).
        Conflict = "conflict",
        /// The storage cannot be reached or does not answer properly (rule 7).
        Unavailable = "unavailable",
        /// The storage asks for credentials.
        AuthRequired = "auth_required",
        /// The credentials, or a policy, do not allow this.
        Forbidden = "forbidden",
        /// What is stored is there but unusable (rule 7).
        DescriptorInvalid = "descriptor_invalid",
        /// No backend is registered for the locator.
        BackendNotRegistered = "backend_not_registered",
        /// The backend, or the resource it is connected to, cannot do this (rule 3).
        Unsupported = "unsupported",
        /// A referenced environment variable is not set (rule 8).
        EnvUnresolved = "env_unresolved",
        /// A path argument leads outside the folders the agent may read.
        PathNotAllowed = "path_not_allowed",
        /// The spawn gate does not allow the command (rule 12).
        CommandNotAllowed = "command_not_allowed",
        /// Cleartext transport to another machine (rule 11).
        InsecureTransport = "insecure_transport",
        /// A setting, option or locator is wrong.
        ConfigInvalid = "config_invalid",
    }
}

impl ErrorKind {
    /// Whether such an error concerns the entry that was asked for, and not the storage as a whole.
    #[must_use]
    pub fn is_of_entry(self) -> bool {
        matches!(
            self,
            Self::InvalidSpec
                | Self::InvalidName
                | Self::AlreadyInstalled
                | Self::DescriptorInvalid
                | Self::CommandNotAllowed
                | Self::PathNotAllowed
        )
    }
}

/// An error of the registry.
///
/// `Display` is one line for people: where, what, why, what to do. Every text given to it is
/// [redacted](mod@crate::redact) and [escaped](text::escape) on the way in, so that neither
/// `Display` nor `Debug` nor serialisation can show a credential (rule 4) or steer a terminal;
/// for the same reason a cause is kept as its text, not as an object that could be printed later.
///
/// ```
/// use mcp_registry_spec::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::Unavailable, "cannot reach https://me:pw@example.org/").retryable();
/// assert_eq!(error.to_string(), "cannot reach https://***@example.org/");
/// assert!(error.is_retryable());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    message: String,
    path: Option<PathBuf>,
    line: Option<usize>,
    cause: Option<String>,
    hint: Option<String>,
    retryable: bool,
}

/// Makes a text safe to show.
fn safe(text: impl AsRef<str>) -> String {
    let redacted = redact::redact(text.as_ref());
    text::escape(&redacted).into_owned()
}

impl Error {
    /// Makes an error that a retry does not cure. `message` says what failed, in a few words that
    /// can follow a place: `the field "args" is given twice`.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl AsRef<str>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: safe(message),
            path: None,
            line: None,
            cause: None,
            hint: None,
            retryable: false,
        }))
    }

    /// [`ErrorKind::NotInRegistry`] for `name`.
    #[must_use]
    pub fn not_in_registry(name: &crate::ServerName) -> Self {
        Self::new(ErrorKind::NotInRegistry, format!("there is no server {}", text::quote(name.as_str())))
    }

    /// [`ErrorKind::AlreadyInstalled`] for `name`.
    #[must_use]
    pub fn already_installed(name: &crate::ServerName) -> Self {
        Self::new(
            ErrorKind::AlreadyInstalled,
            format!("the server {} is already installed", text::quote(name.as_str())),
        )
        .hint("use update to change it")
    }

    /// [`ErrorKind::Conflict`]: the stored entry `name` has the digest `found`.
    #[must_use]
    pub fn conflict(name: &crate::ServerName, expected: &crate::Digest, found: &crate::Digest) -> Self {
        Self::new(
            ErrorKind::Conflict,
            format!(
                "the server {} is not the one this change was made for: expected {expected}, found {found}",
                text::quote(name.as_str())
            ),
        )
        .hint("look at it again, then repeat the change")
    }

    /// [`ErrorKind::Unsupported`]: `backend` cannot do `operation`.
    #[must_use]
    pub fn unsupported(backend: &str, operation: &str) -> Self {
        Self::new(ErrorKind::Unsupported, format!("the backend {backend} does not support {operation}"))
    }

    /// Says in which file, and at which line (1-based), the error lies.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<Path>, line: Option<usize>) -> Self {
        // A path is untrusted text too: it is kept in the form in which it can be shown.
        self.0.path = Some(PathBuf::from(safe(path.as_ref().to_string_lossy())));
        self.0.line = line;
        self
    }

    /// The same for those who have no business with this machine's folders: of the path, only the
    /// file's name is left.
    ///
    /// ```
    /// use mcp_registry_spec::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::DescriptorInvalid, "is no entry").at("/srv/agents/mcp.md", Some(7));
    /// assert_eq!(error.without_folder().to_string(), "mcp.md:7: is no entry");
    /// ```
    #[must_use]
    pub fn without_folder(mut self) -> Self {
        let Some(path) = self.0.path.take() else { return self };
        self.0.path = path.file_name().map(PathBuf::from);
        // What to do may name a file beside it.
        if let Some(folder) = path.parent().filter(|folder| folder.is_absolute() && folder.parent().is_some()) {
            let folder = format!("{}/", folder.display());
            let Inner { message, cause, hint, .. } = &mut *self.0;
            for text in [Some(message), cause.as_mut(), hint.as_mut()].into_iter().flatten() {
                *text = text.replace(&folder, "");
            }
        }
        self
    }

    /// Adds what caused the error.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(safe(cause.to_string()));
        self
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.0.hint = Some(safe(hint));
        self
    }

    /// Marks the error as one that a later, unchanged retry can cure (rule 7).
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether a later, unchanged retry can help (rule 7).
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// The file the error lies in.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The line (1-based) the error lies at.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.0.line
    }

    /// What the reader can do about it.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.0.path {
            write!(f, "{}", path.display())?;
            if let Some(line) = self.0.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.0.message)?;
        if let Some(cause) = &self.0.cause {
            write!(f, ": {cause}")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.0.kind)?;
        if self.0.retryable {
            f.write_str(" [a retry can help]")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl Serialize for Error {
    /// `{"kind","message","retryable"}`, the form of the wire and of `--format json`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Error", 3)?;
        out.serialize_field("kind", &self.0.kind)?;
        out.serialize_field("message", &self.to_string())?;
        out.serialize_field("retryable", &self.0.retryable)?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_says_where_what_why_and_what_to_do() {
        let error = Error::new(ErrorKind::DescriptorInvalid, "bad\nthing")
            .at("/a/mcp.md", Some(7))
            .caused_by("token=abc123")
            .hint("mend it");
        assert_eq!(error.to_string(), "/a/mcp.md:7: bad\\u{a}thing: token=*** (mend it)");
        assert_eq!(format!("{error:?}"), "descriptor_invalid: /a/mcp.md:7: bad\\u{a}thing: token=*** (mend it)");
        assert_eq!(
            serde_json::to_value(&error).unwrap(),
            serde_json::json!({"kind": "descriptor_invalid", "message": error.to_string(), "retryable": false})
        );
    }

    #[test]
    fn without_its_folder_only_the_files_name_is_left() {
        let error = |path: &str| Error::new(ErrorKind::Unavailable, "cannot be written").at(path, Some(2));
        let stale = error("/srv/agents/mcp.md").caused_by("a/b").hint("remove /srv/agents/.mcp.md.tmp");
        assert_eq!(stale.without_folder().to_string(), "mcp.md:2: cannot be written: a/b (remove .mcp.md.tmp)");
        for (path, shown) in [("/mcp.md", "mcp.md"), ("agents/a/mcp.md", "mcp.md"), ("./mcp.md", "mcp.md")] {
            let error = error(path).hint("see a/b and ./c");
            assert_eq!(error.without_folder().to_string(), format!("{shown}:2: cannot be written (see a/b and ./c)"));
        }
        let nowhere = Error::new(ErrorKind::Unavailable, "no /srv/x");
        assert_eq!(nowhere.clone().without_folder(), nowhere);
    }

    #[test]
    fn kinds_have_their_stable_names() {
        for kind in ErrorKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(ErrorKind::ALL.len(), 16);
    }
}
