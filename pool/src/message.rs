//! Messages of any transport that is read here: what is one, and how many and how large they may be (S10).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rmcp::RoleClient;
use rmcp::model::JsonRpcMessage;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use serde_json::Value;

/// The largest message that is read, in bytes.
pub(crate) const MOST_MESSAGE: usize = 16 << 20;
/// How many requests of a server may be without the answer that is made to each at once.
const MOST_ASKED: usize = 1024;

/// Why a connection was given up, where it was for what the server wrote.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It is no message; this is how it begins.
    Garbage(String),
    /// It is larger than is read.
    TooLarge,
    /// It asked more than is kept, and took no answer.
    Unread,
}

/// Where the reason is left for who asks.
pub(crate) type Faults = Arc<OnceLock<Fault>>;

/// The requests of a server whose answers it has not taken: whoever asks and does not read would fill this memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<AtomicUsize>);

impl Asked {
    /// Counts what came.
    ///
    /// # Errors
    /// Where that is one too many.
    pub(crate) fn came(&self, message: &RxJsonRpcMessage<RoleClient>) -> Result<(), Fault> {
        let is_request = matches!(message, JsonRpcMessage::Request(_));
        if is_request && self.0.fetch_add(1, Ordering::Relaxed) >= MOST_ASKED { Err(Fault::Unread) } else { Ok(()) }
    }

    /// Counts what was taken.
    pub(crate) fn went(&self, message: &TxJsonRpcMessage<RoleClient>) {
        if matches!(message, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_)) {
            // An error may also be of a message that was none.
            let less = |asked: usize| asked.checked_sub(1);
            let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }
}

/// What a line or an event says: a message, or nothing that concerns a client.
///
/// # Errors
/// [`Fault::Garbage`] where it is neither.
pub(crate) fn parse(line: &[u8]) -> Result<Option<RxJsonRpcMessage<RoleClient>>, Fault> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    if let Ok(message) = serde_json::from_slice(line) {
        return Ok(Some(message));
    }
    // A notification that nobody here knows is for somebody else.
    let value = serde_json::from_slice(line).unwrap_or(Value::Null);
    if value.get("jsonrpc").is_some() && value.get("method").is_some_and(Value::is_string) && value.get("id").is_none()
    {
        return Ok(None);
    }
    let begin = line.get(..line.len().min(4 << 10)).unwrap_or_default();
    Err(Fault::Garbage(String::from_utf8_lossy(begin).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s10_what_is_no_message_is_told_from_what_concerns_nobody_here() {
        for ignored in ["", " \r", r#"{"jsonrpc":"2.0","method":"$/progress","params":[1]}"#] {
            assert!(matches!(parse(ignored.as_bytes()), Ok(None)), "{ignored}");
        }
        for message in [
            "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\r",
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#,
        ] {
            assert!(matches!(parse(message.as_bytes()), Ok(Some(_))), "{message}");
        }
        for garbage in ["hello", "{", "[]", "1", "null", "{}", r#"{"id":1,"result":{}}"#, &"[".repeat(1_000_000)] {
            let garbage = garbage.as_bytes();
            assert!(matches!(parse(garbage), Err(Fault::Garbage(begin)) if begin.len() <= 4 << 10), "{garbage:?}");
        }
        assert!(matches!(parse(b"\xff\xfe"), Err(Fault::Garbage(_))));
    }
}
