//! Messages before they are understood: JSON that says one thing only (rule M2), and methods of our own.

use mcp_registry_governance::Tool;
use mcp_registry_spec::json::Strict;
use rmcp::ErrorData;
use rmcp::model::{ErrorCode, RequestId};
use serde_json::Value;

/// The most bytes of a message.
pub(super) const MOST: usize = 1 << 20;

/// Reads a message's JSON.
///
/// # Errors
/// The error of the protocol for what is no JSON, or says a thing twice.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, ErrorData> {
    match serde_json::from_slice(bytes) {
        Ok(Strict(value)) => Ok(value),
        // What a key given twice is told with quotes the key alone; a parser's message may quote more.
        Err(cause) if cause.is_data() => Err(ErrorData::invalid_request(cause.to_string(), None)),
        Err(cause) => {
            let place = format!("the message is no JSON, at line {}, column {}", cause.line(), cause.column());
            Err(ErrorData::new(ErrorCode::PARSE_ERROR, place, None))
        }
    }
}

/// The id of a message, where it has one.
pub(super) fn id(message: &Value) -> Option<RequestId> {
    serde_json::from_value(message.get("id")?.clone()).ok()
}

/// Whether a message wants no answer, whatever else it is.
pub(super) fn is_notification(message: &Value) -> bool {
    message.get("id").is_none() && message.get("method").is_some_and(Value::is_string)
}

/// The tool that answers a method of our own.
pub(super) fn tool_of(method: &str) -> Option<Tool> {
    match method {
        "approvals/list" => Some(Tool::ApprovalList),
        "approvals/get" => Some(Tool::ApprovalGet),
        "approvals/approve" => Some(Tool::ApprovalApprove),
        "approvals/reject" => Some(Tool::ApprovalReject),
        _ => None,
    }
}

/// Whether the protocol has this method, and the server offers it.
pub(super) fn is_offered(method: &str) -> bool {
    matches!(
        method,
        "initialize"
            | "ping"
            | "server/discover"
            | "tools/list"
            | "tools/call"
            | "resources/list"
            | "resources/templates/list"
            | "resources/read"
            | "resources/subscribe"
            | "resources/unsubscribe"
            | "subscriptions/listen"
    )
}
