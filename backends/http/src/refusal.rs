//! What an answer that is an error means (C21).

use mcp_registry_spec::{Error, ErrorKind, ServerName};
use serde_json::Value;

use crate::client::{Answer, Client};
use crate::parse;

/// What was asked, as far as it decides what a status means.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// About all of a scope, or the catalog itself.
    Whole,
    /// To read the entry.
    Read(&'a ServerName),
    /// To store a new one.
    Install(&'a ServerName),
    /// To replace it.
    Update(&'a ServerName),
    /// To remove it.
    Uninstall(&'a ServerName),
}

/// Whether the kind is one that a catalog may tell of an entry or a name, in a body that says so.
pub(crate) fn is_of_entry(kind: ErrorKind) -> bool {
    use ErrorKind::{CommandNotAllowed, DescriptorInvalid, InvalidName, InvalidSpec, PathNotAllowed};
    matches!(kind, InvalidName | InvalidSpec | DescriptorInvalid | PathNotAllowed | CommandNotAllowed)
}

impl Client {
    /// The error that an answer is which is no success.
    pub(crate) fn refusal(&self, asked: Asked<'_>, answer: &Answer) -> Error {
        let url = self.shown(&answer.url);
        let said = Said::of(&answer.body);
        let status = answer.status.as_u16();
        match (status, asked) {
            (401, _) => {
                // Not "asks for a token: …", behind which redaction would take a word for the token.
                let message = self.with_words(&format!("{url} does not know who asks"), &said);
                let error = Error::new(ErrorKind::AuthRequired, message);
                error.hint(if self.has_token() {
                    "the token it was given is not, or no longer, valid there"
                } else {
                    "give a token by the variable MCP_REGISTRY_AUTH_TOKEN or the configuration file"
                })
            }
            (403, _) => Error::new(ErrorKind::Forbidden, self.with_words(&format!("{url} does not allow this"), &said)),
            (404, Asked::Whole | Asked::Install(_)) => {
                Error::new(ErrorKind::Unavailable, format!("there is no catalog at {url}")).hint("is the URL right?")
            }
            (404, Asked::Read(name) | Asked::Update(name) | Asked::Uninstall(name)) => Error::not_in_registry(name),
            (409, Asked::Install(name)) => Error::already_installed(name),
            (412, Asked::Install(_)) | (409 | 412, Asked::Update(_) | Asked::Uninstall(_)) => self.conflict(&said),
            (400 | 422, _) if said.kind.is_some_and(is_of_entry) => self.told(&said),
            _ => {
                let reason = answer.status.canonical_reason().unwrap_or("a status nobody knows");
                let error = Error::new(
                    ErrorKind::Unavailable,
                    self.with_words(&format!("{url} answered {status} {reason}"), &said),
                );
                if matches!(status, 408 | 425 | 429 | 500..) { error.retryable() } else { error }
            }
        }
    }

    /// Another entry is there. A catalog that tells this kind itself has said all there is to say.
    fn conflict(&self, said: &Said) -> Error {
        match (said.kind, &said.message) {
            (Some(ErrorKind::Conflict), Some(words)) => Error::new(ErrorKind::Conflict, self.quoted(words)),
            _ => {
                let message = self.with_words("the server is not the one this change was made for", said);
                Error::new(ErrorKind::Conflict, message).hint("look at it again, then repeat the change")
            }
        }
    }

    /// The error of an entry as the catalog tells it: the same in a listing and on loading it, so
    /// nothing of the request is in it (rule 17). A kind that is none of an entry's is not taken: the
    /// catalog has just answered.
    pub(crate) fn told(&self, said: &Said) -> Error {
        let kind = said.kind.filter(|kind| is_of_entry(*kind)).unwrap_or(ErrorKind::DescriptorInvalid);
        let words = said.message.as_deref().unwrap_or("the catalog says that it cannot be used, and not why");
        Error::new(kind, self.quoted(words))
    }

    fn with_words(&self, message: &str, said: &Said) -> String {
        match &said.message {
            Some(words) => format!("{message}: {}", self.quoted(words)),
            None => message.to_owned(),
        }
    }
}

/// What the body of an error says, as far as it says something (C12).
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) kind: Option<ErrorKind>,
    message: Option<String>,
}

impl Said {
    /// Reads `{"error":{"kind","message"}}`; what is no such body says nothing.
    pub(crate) fn of(body: &[u8]) -> Self {
        let body = parse::strict(body).ok();
        body.as_ref().and_then(|body| body.get("error")).map(Self::of_error).unwrap_or_default()
    }

    /// Reads `{"kind","message"}`.
    pub(crate) fn of_error(error: &Value) -> Self {
        let text = |key| error.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        Self { kind: text("kind").and_then(ErrorKind::from_name), message: text("message").map(str::to_owned) }
    }
}
