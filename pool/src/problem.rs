//! What went wrong on a connection, in words.

use std::error::Error as StdError;
use std::time::Duration;

use mcp_registry_spec::text;
use rmcp::model::ErrorData;
use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::StreamableHttpError;

use crate::failure::Cause;
use crate::list::ListError;
use crate::mask::Mask;
use crate::message::{Fault, MOST_MESSAGE};
use crate::sse::SseError;

/// How many of several complaints a message names.
const MOST_NAMED: usize = 3;

/// Why a phase did not do.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) cause: Cause,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into() }
    }

    /// What did not come in its time.
    pub(crate) fn late(what: &str, time: Duration) -> Self {
        Self::new(Cause::TimedOut, format!("{what} within {time:?}"))
    }

    fn unauthorized() -> Self {
        Self::new(Cause::Unauthorized, "it asks for credentials, or for others; give them in the entry's headers")
    }

    fn refused(method: &str, data: &ErrorData, mask: &Mask) -> Self {
        let said = mask.quote(&data.message);
        Self::new(Cause::Refused, format!("it answered \"{method}\" with error {}: {said}", data.code.0))
    }

    pub(crate) fn of_initialize(error: ClientInitializeError, mask: &Mask) -> Self {
        match error {
            ClientInitializeError::JsonRpcError(data) => Self::refused("initialize", &data, mask),
            ClientInitializeError::ConnectionClosed(_) => {
                Self::new(Cause::Closed, "it closed the connection before it answered \"initialize\"")
            }
            ClientInitializeError::TransportError { error, .. } => Self::of_transport(&error, mask),
            ClientInitializeError::ExpectedInitResponse(_)
            | ClientInitializeError::ExpectedInitResult(_)
            | ClientInitializeError::ConflictInitResponseId(..)
            | ClientInitializeError::UncorrelatedErrorResponse { .. } => {
                Self::new(Cause::Protocol, "it answered \"initialize\" with something else")
            }
            other => Self::new(Cause::Protocol, mask.quote(&other.to_string())),
        }
    }

    pub(crate) fn of_list(error: ListError, mask: &Mask) -> Self {
        match error {
            ListError::Refused(data) => Self::refused("tools/list", &data, mask),
            ListError::TooLarge(what) => Self::new(Cause::TooLarge, what),
            ListError::Circle => Self::new(Cause::Protocol, "the pages of its tools lead back to an earlier one"),
            ListError::Service(ServiceError::TransportSend(error)) => Self::of_transport(&error, mask),
            ListError::Service(ServiceError::TransportClosed) => {
                Self::new(Cause::Closed, "it closed the connection before it listed its tools")
            }
            ListError::Service(_) => Self::new(Cause::Protocol, "it answered \"tools/list\" with something else"),
        }
    }

    /// Of what the server wrote: to its standard output, where it is one that was started.
    pub(crate) fn of_fault(fault: &Fault, is_started: bool, mask: &Mask) -> Self {
        match fault {
            Fault::Garbage(begin) => {
                let wrote = if is_started { "it wrote to standard output" } else { "it sent" };
                let begin = text::quote(&mask.hide(begin));
                Self::new(Cause::Garbage, format!("{wrote} what is no message: {begin}"))
            }
            Fault::TooLarge => {
                let message = format!("it sent a message that is larger than {} MiB", MOST_MESSAGE >> 20);
                Self::new(Cause::TooLarge, message)
            }
            Fault::Unread => Self::new(Cause::Protocol, "it asked more and more, and took no answer"),
        }
    }

    /// Of a message that could not be sent, or was not answered as it should be.
    fn of_transport(error: &DynamicTransportError, mask: &Mask) -> Self {
        type HttpError = StreamableHttpError<reqwest::Error>;
        match error.error.downcast_ref::<HttpError>() {
            Some(HttpError::AuthRequired(_) | HttpError::InsufficientScope(_)) => Self::unauthorized(),
            Some(HttpError::UnexpectedServerResponse(what))
                if ["HTTP 401", "HTTP 403"].iter().any(|status| what.starts_with(status)) =>
            {
                Self::unauthorized()
            }
            Some(HttpError::Client(cause)) => Self::new(Cause::Unreachable, mask.quote(&innermost(cause))),
            Some(HttpError::ResponseBodyTooLarge { max_size }) => {
                Self::new(Cause::TooLarge, format!("it answered with more than {max_size} bytes"))
            }
            Some(other) => Self::new(Cause::Unreachable, mask.quote(&other.to_string())),
            None => match error.error.downcast_ref::<SseError>() {
                Some(error) => Self::of_sse(error, mask),
                // A pipe that nobody reads.
                None => Self::new(Cause::Closed, "it closed its standard input"),
            },
        }
    }

    pub(crate) fn of_sse(error: &SseError, mask: &Mask) -> Self {
        match error {
            SseError::Status(status) if matches!(status.as_u16(), 401 | 403) => Self::unauthorized(),
            other => Self::new(Cause::Unreachable, mask.quote(&other.to_string())),
        }
    }
}

/// The first few of what is complained of.
pub(crate) fn named(complaints: &[String]) -> String {
    let more = match complaints.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let first: Vec<_> = complaints.iter().take(MOST_NAMED).map(String::as_str).collect();
    format!("{}{more}", first.join("; "))
}

/// What an error was caused by in the end; the outer ones name the URL.
pub(crate) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(next) = innermost.source() {
        innermost = next;
    }
    innermost.to_string()
}
