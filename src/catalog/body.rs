//! What bodies say.

use bytes::Bytes;
use hyper::StatusCode;
use mcp_registry_spec::json::Strict;
use mcp_registry_spec::{Error, ErrorKind};
use serde_json::Value;

use super::refusal::Refusal;

/// Reads a body as JSON in which no key is given twice (rule C1).
///
/// # Errors
/// 400 for what is no JSON, 422 for a key given twice.
pub(crate) fn json(body: &Bytes) -> Result<Value, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Strict(value)) => Ok(value),
        // What a key given twice is told with quotes the key alone; a parser's message may quote more.
        Err(cause) if cause.is_data() => Err(Error::new(ErrorKind::InvalidSpec, cause.to_string()).into()),
        Err(cause) => {
            let place = format!("the body is no JSON, at line {}, column {}", cause.line(), cause.column());
            Err(Refusal::new(StatusCode::BAD_REQUEST, Error::new(ErrorKind::InvalidSpec, place)))
        }
    }
}
