//! What a call is answered with: structured content, which the tool's output schema describes (rule M6).

use mcp_registry_governance::{Code, Refusal};
use mcp_registry_spec::{Error, ErrorKind};
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::{Value, json};

use super::schema::Problem;

/// What a call is answered with.
#[derive(Debug)]
pub(super) struct Answer {
    content: Value,
    is_error: bool,
}

/// Why a call is refused or failed.
#[derive(Debug)]
pub(super) enum Refused {
    /// Its arguments are not what the tool takes.
    Arguments(Problem),
    /// The policy, a rule of changes, or the registry says so.
    Rule(Refusal),
}

impl Refused {
    /// Whether there is no such entry.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Rule(refusal) if refusal.code() == Code::Registry(ErrorKind::NotInRegistry))
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Rule(refusal)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Rule(error.into())
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Arguments(problem)
    }
}

impl Answer {
    /// What was asked for.
    ///
    /// # Errors
    /// When it has no JSON form.
    pub(super) fn of(content: &impl Serialize) -> Result<Self, Refused> {
        let content = serde_json::to_value(content)
            .map_err(|cause| Error::new(ErrorKind::DescriptorInvalid, "cannot be written as JSON").caused_by(cause))?;
        Ok(Self { content, is_error: false })
    }

    /// The same, of what did not come to what was asked for.
    pub(super) fn failed_if(mut self, failed: bool) -> Self {
        self.is_error = failed;
        self
    }

    /// Whether the call was refused or failed.
    pub(super) fn is_error(&self) -> bool {
        self.is_error
    }

    /// The structured content.
    pub(super) fn into_content(self) -> Value {
        self.content
    }

    /// As a tool's result. The text is the same as JSON, for clients that know no structured content.
    pub(super) fn into_result(self) -> CallToolResult {
        let text = vec![ContentBlock::text(self.content.to_string())];
        let mut result = if self.is_error { CallToolResult::error(text) } else { CallToolResult::success(text) };
        result.structured_content = Some(self.content);
        result
    }
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        let content = match refused {
            // Through an error, which redacts and escapes whatever name stands there.
            Refused::Arguments(Problem { message, hint }) => {
                let error = Error::new(ErrorKind::InvalidSpec, message).hint(hint);
                json!({"ok": false, "error": {
                    "code": "invalid_arguments",
                    "kind": error.kind(),
                    "message": error.to_string(),
                    "hint": error.hint_text(),
                    "retryable": false,
                }})
            }
            Refused::Rule(refusal) => serde_json::to_value(&refusal).unwrap_or_default(),
        };
        Self { content, is_error: true }
    }
}
