//! The words of the catalog's wire that its client and its service share; the rules are in
//! [`crate::catalog`].

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind};

/// The version of the wire that this crate speaks. Another minor version only adds to it.
pub const WIRE_VERSION: &str = "1.0";

/// Whether this crate understands a wire of that version: one with the same major number.
#[must_use]
pub fn speaks(version: &str) -> bool {
    let major = |version: &str| version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    major(version).is_some() && major(version) == major(WIRE_VERSION)
}

/// How much a catalog offers. On the wire it is its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Tier {
    /// Reads only.
    Read,
    /// Also writes, with bearer tokens.
    Write,
    /// Also advertises what it can do, and keeps an audit.
    Audit,
}

impl Tier {
    /// Its number: 1, 2 or 3.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
            Self::Audit => 3,
        }
    }
}

impl From<Tier> for u8 {
    fn from(tier: Tier) -> Self {
        tier.number()
    }
}

impl TryFrom<u8> for Tier {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            1 => Ok(Self::Read),
            2 => Ok(Self::Write),
            3 => Ok(Self::Audit),
            _ => Err("a tier is 1, 2 or 3"),
        }
    }
}

/// What `GET /capabilities` answers, for the token it is asked with. What is not said is not
/// claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CatalogCapabilities {
    /// How much is offered.
    pub tier: Tier,
    /// `POST` works.
    #[serde(default)]
    pub supports_install: bool,
    /// `PUT` works.
    #[serde(default)]
    pub supports_update: bool,
    /// `DELETE` works.
    #[serde(default)]
    pub supports_uninstall: bool,
    /// `GET /audit` works.
    #[serde(default)]
    pub supports_audit: bool,
    /// `GET /scopes` works.
    #[serde(default)]
    pub supports_scopes: bool,
    /// `GET /allowed-commands` works.
    #[serde(default)]
    pub supports_allowed_commands: bool,
    /// The version of the wire; the first where it is not said.
    #[serde(default = "first_version")]
    pub wire_version: String,
}

fn first_version() -> String {
    "1.0".to_owned()
}

impl CatalogCapabilities {
    /// A catalog of that tier that claims nothing yet.
    #[must_use]
    pub fn new(tier: Tier) -> Self {
        Self {
            tier,
            supports_install: false,
            supports_update: false,
            supports_uninstall: false,
            supports_audit: false,
            supports_scopes: false,
            supports_allowed_commands: false,
            wire_version: WIRE_VERSION.to_owned(),
        }
    }
}

/// The most tools of an agent's report (rule C38).
pub const MAX_TOOLS: usize = 10_000;

/// The longest name of a tool in a report, in bytes (rule C38).
pub const MAX_TOOL_LEN: usize = 256;

/// `{"error":{"kind","message","retryable"}}`, the body of every answer that is an error.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorBody {
    /// The error.
    pub error: Error,
}

/// The status of an answer that is an error of this kind.
///
/// ```
/// use mcp_registry_spec::{ErrorKind, wire::status};
/// assert_eq!(status(ErrorKind::AlreadyInstalled), 409);
/// ```
#[must_use]
pub fn status(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::InvalidName => 400,
        ErrorKind::AuthRequired => 401,
        ErrorKind::Forbidden => 403,
        ErrorKind::NotInRegistry => 404,
        ErrorKind::Unsupported => 405,
        ErrorKind::AlreadyInstalled => 409,
        ErrorKind::Conflict => 412,
        ErrorKind::InvalidSpec
        | ErrorKind::DescriptorInvalid
        | ErrorKind::PathNotAllowed
        | ErrorKind::CommandNotAllowed => 422,
        ErrorKind::Unavailable => 503,
        // What is wrong with the service's own settings is nothing that its caller could mend.
        ErrorKind::BackendNotRegistered
        | ErrorKind::EnvUnresolved
        | ErrorKind::InsecureTransport
        | ErrorKind::ConfigInvalid => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_number_decides() {
        assert!(speaks("1.0") && speaks("1.9") && speaks("1"));
        for other in ["2.0", "0.9", "", "x", "1x.0", "-1"] {
            assert!(!speaks(other), "{other}");
        }
    }

    #[test]
    fn a_tier_is_its_number() {
        for number in 1..=3 {
            let tier: Tier = serde_json::from_str(&number.to_string()).unwrap();
            assert_eq!(serde_json::to_value(tier).unwrap(), number);
        }
        for wrong in ["0", "4", "\"1\"", "1.5", "true", "null"] {
            assert!(serde_json::from_str::<Tier>(wrong).is_err(), "{wrong}");
        }
    }
}
