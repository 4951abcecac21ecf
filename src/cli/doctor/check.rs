//! What a check found.

use std::io;

use mcp_registry_spec::Error;
use serde::Serialize;

use super::super::printer::Text;
use super::super::style::{GREEN, RED, Style, YELLOW};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// All is well.
    Pass,
    /// Somebody should look at it.
    Warn,
    /// Something does not work, or cannot be trusted.
    Fail,
}

impl Status {
    fn word(self) -> (Style, &'static str) {
        match self {
            Self::Pass => (GREEN, "pass"),
            Self::Warn => (YELLOW, "warn"),
            Self::Fail => (RED, "fail"),
        }
    }
}

/// A check, and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What was looked at.
    pub(crate) name: &'static str,
    /// How it is.
    pub(crate) status: Status,
    /// What was found.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl Check {
    pub(super) fn pass(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: Status::Pass, message: message.into(), hint: None }
    }

    pub(super) fn warn(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, status: Status::Warn, message: message.into(), hint: Some(hint.into()) }
    }

    pub(super) fn fail(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, status: Status::Fail, message: message.into(), hint: Some(hint.into()) }
    }

    /// What cannot be looked at at all.
    pub(super) fn failed(name: &'static str, error: &Error) -> Self {
        let (whole, hint) = (error.to_string(), error.hint_text());
        let message = hint.and_then(|hint| whole.strip_suffix(&format!(" ({hint})"))).unwrap_or(&whole);
        let hint = hint.unwrap_or("see that it can be reached and read");
        Self::fail(name, message, hint)
    }

    /// Adds what may be done.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Shows it to people.
    pub(super) fn write(&self, text: &mut Text) -> io::Result<()> {
        let (style, word) = self.status.word();
        text.styled(style, word)?;
        text.plain(&format!("  {:<11}", self.name))?;
        text.untrusted(&self.message)?;
        text.end_line()?;
        if let Some(hint) = &self.hint {
            text.plain(&format!("{:17}", ""))?;
            text.untrusted(hint)?;
            text.end_line()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mcp_registry_spec::ErrorKind;

    use super::*;

    #[test]
    fn what_to_do_is_said_once() {
        let error = Error::new(ErrorKind::Unavailable, "cannot be read").at("/a", None).caused_by("no (way)");
        assert_eq!(Check::failed("state", &error).message, "/a: cannot be read: no (way)");
        let hinted = Check::failed("state", &error.hint("mend it"));
        assert_eq!(
            (hinted.message.as_str(), hinted.hint.as_deref()),
            ("/a: cannot be read: no (way)", Some("mend it"))
        );
    }
}
