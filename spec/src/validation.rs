//! What a static look at an entry finds.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::{Environment, McpServerSpec, Transport};

/// The result of validating an entry: nothing was started, no value read (rule 8).
///
/// It is `ok` exactly when there are no errors. Serialised: `{"name","ok","errors","warnings"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationResult {
    /// What was validated: an entry's name, or the title of a section that is none.
    pub name: String,
    /// Why the entry cannot be used.
    pub errors: Vec<String>,
    /// What the owner should look at.
    pub warnings: Vec<String>,
}

impl ValidationResult {
    /// A result with nothing to say.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), errors: Vec::new(), warnings: Vec::new() }
    }

    /// A result with one error.
    #[must_use]
    pub fn failed(name: impl Into<String>, error: &crate::Error) -> Self {
        Self { errors: vec![error.to_string()], ..Self::new(name) }
    }

    /// Hides what looks like a credential in all that it says (rule 4).
    pub(crate) fn redact(&mut self) {
        for text in std::iter::once(&mut self.name).chain(&mut self.errors).chain(&mut self.warnings) {
            if let std::borrow::Cow::Owned(safe) = crate::redact::redact(text) {
                *text = safe;
            }
        }
    }

    /// Whether there are no errors.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.errors.is_empty()
    }
}

impl Serialize for ValidationResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("ValidationResult", 4)?;
        out.serialize_field("name", &self.name)?;
        out.serialize_field("ok", &self.is_ok())?;
        out.serialize_field("errors", &self.errors)?;
        out.serialize_field("warnings", &self.warnings)?;
        out.end()
    }
}

impl McpServerSpec {
    /// What the client should look at before launching the entry: variables that are not set, a
    /// command that is not found, literals that look like secrets. No value is read (rule 8).
    #[must_use]
    pub fn warnings(&self, environment: &dyn Environment) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Transport::Stdio(stdio) = &self.transport {
            let shown = crate::text::quote(&stdio.command);
            if stdio.command.contains("${") || stdio.command.starts_with('$') {
                warnings
                    .push(format!("the command {shown} is taken literally; references do not resolve in a command"));
            } else if !environment.finds_command(&stdio.command) {
                warnings.push(format!("the command {shown} is not found on this machine"));
            }
        }
        for reference in self.references() {
            if !reference.has_default && !environment.is_set(reference.variable) {
                let field = crate::text::escape(&reference.field);
                warnings.push(format!("{field} refers to {}, which is not set", reference.variable));
            }
        }
        for field in self.masked().masked {
            warnings
                .push(format!("{field} holds a literal that looks like a secret; refer to a variable instead ($NAME)"));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FixedEnvironment;

    #[test]
    fn rule_8_warnings_name_variables_and_no_values() {
        let spec: McpServerSpec = serde_json::from_str(
            r#"{"name":"a","command":"npx","args":["${GONE}"],"env":{"A":"$SET","B":"$UNSET","C":"${D:-x}","API_KEY":"hunter2"}}"#,
        )
        .unwrap();
        let warnings = spec.warnings(&FixedEnvironment::new().with("SET", "hunter2"));
        assert_eq!(
            warnings,
            [
                "the command \"npx\" is not found on this machine",
                "args[0] refers to GONE, which is not set",
                "env.B refers to UNSET, which is not set",
                "env.API_KEY holds a literal that looks like a secret; refer to a variable instead ($NAME)",
            ]
        );
        assert_eq!(
            serde_json::to_string(&ValidationResult::new("a")).unwrap(),
            r#"{"name":"a","ok":true,"errors":[],"warnings":[]}"#
        );
    }

    #[test]
    fn rule_4_all_that_a_result_says_is_redacted() {
        for secret in ["https://me:hunter2@h/", "me:hunter2@h", "Bearer hunter2", "token=hunter2", "-u me:hunter2"] {
            let mut result = ValidationResult {
                name: format!("title {secret}"),
                errors: vec!["first".into(), format!("second {secret}")],
                warnings: vec![format!("third {secret}"), secret.into()],
            };
            result.redact();
            let shown = format!("{result:?} {}", serde_json::to_string(&result).unwrap());
            assert!(!shown.contains("hunter2"), "{shown}");
            for kept in ["title", "first", "second", "third"] {
                assert!(shown.contains(kept), "{shown}");
            }
            let error = crate::Error::new(crate::ErrorKind::InvalidSpec, secret);
            assert!(!format!("{:?}", ValidationResult::failed("a", &error)).contains("hunter2"));
        }
        let plain =
            ValidationResult { warnings: vec!["A refers to B, which is not set".into()], ..ValidationResult::new("a") };
        let mut redacted = plain.clone();
        redacted.redact();
        assert_eq!(redacted, plain);
    }
}
