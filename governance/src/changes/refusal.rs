//! Why something was refused, for programs, people and models.

use std::fmt;

use mcp_registry_spec::{Error, ErrorKind};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::policy::Decision;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $kind:ident;)*) => {
        /// Which rule of changes was broken: a stable word each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $variant,)*
            /// The registry, its storage or the policy said so: the kind of its error.
            Registry(ErrorKind),
        }

        impl Code {
            /// The stable word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Registry(kind) => kind.as_str(),
                }
            }

            /// The kind of error that it is.
            #[must_use]
            pub fn kind(self) -> ErrorKind {
                match self {
                    $(Self::$variant => ErrorKind::$kind,)*
                    Self::Registry(kind) => kind,
                }
            }
        }
    };
}

codes! {
    /// The gate is closed (P12).
    ChangesDisabled = "changes_disabled", Forbidden;
    /// `confirm` is not the boolean `true`.
    ConfirmRequired = "confirm_required", InvalidSpec;
    /// The role may not ask.
    RoleNotAllowed = "role_not_allowed", Forbidden;
    /// Nobody says who asks.
    RequestedByRequired = "requested_by_required", InvalidSpec;
    /// Nobody says why.
    ApprovalReasonRequired = "approval_reason_required", InvalidSpec;
    /// The identity is not the one that a preview gives now.
    IdentityChanged = "identity_changed", Conflict;
    /// A time is not written as RFC 3339 says, with its offset.
    ScheduleInvalid = "schedule_invalid", InvalidSpec;
    /// Too many changes wait in that place.
    TooMany = "too_many", Conflict;
    /// The same change is being carried out.
    ApprovalInProgress = "approval_in_progress", Conflict;
    /// There is no such change.
    ChangeNotFound = "change_not_found", NotInRegistry;
    /// The change does not stand as that needs.
    StateConflict = "conflict", Conflict;
    /// Its time has not come.
    TooEarly = "too_early", Conflict;
    /// Whoever asked may not decide.
    SelfApproval = "self_approval", Forbidden;
    /// Only whoever asked may take it back.
    NotRequester = "not_requester", Forbidden;
    /// The change is of another registry than the one that is open.
    OtherRegistry = "other_registry", Forbidden;
    /// The policy denies it.
    Denied = "denied", Forbidden;
}

/// A call that was refused or failed. Its serde form is `{"ok":false,"error":{…}}`, that of a denial
/// `{"ok":false,"policy":{…}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: Code,
    error: Error,
    policy: Option<Box<Decision>>,
}

impl Refusal {
    /// A refusal by a rule of changes: what is wrong, and what to do.
    #[must_use]
    pub fn new(code: Code, message: impl AsRef<str>, hint: impl AsRef<str>) -> Self {
        Self { code, error: Error::new(code.kind(), message).hint(hint), policy: None }
    }

    /// A denial by the policy; `None` where it allows.
    #[must_use]
    pub fn denial(decision: &Decision) -> Option<Self> {
        let error = decision.check().err()?;
        Some(Self { code: Code::Denied, error, policy: Some(Box::new(decision.clone())) })
    }

    /// Which rule.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The same as an error of the registry.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// What the policy decided, where it denied.
    #[must_use]
    pub fn policy(&self) -> Option<&Decision> {
        self.policy.as_deref()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { code: Code::Registry(error.kind()), error, policy: None }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for Refusal {}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            code: &'static str,
            kind: ErrorKind,
            message: String,
            hint: Option<&'a str>,
            retryable: bool,
        }
        let mut out = serializer.serialize_map(Some(2))?;
        out.serialize_entry("ok", &false)?;
        match &self.policy {
            Some(decision) => out.serialize_entry("policy", decision)?,
            None => out.serialize_entry(
                "error",
                &Body {
                    code: self.code.as_str(),
                    kind: self.error.kind(),
                    message: self.error.to_string(),
                    hint: self.error.hint_text(),
                    retryable: self.error.is_retryable(),
                },
            )?,
        }
        out.end()
    }
}
