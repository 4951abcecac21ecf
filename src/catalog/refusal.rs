//! Answers that are errors (rule C12).

use axum::response::{IntoResponse, Response};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{HeaderMap, StatusCode};
use mcp_registry_spec::wire::{self, ErrorBody};
use mcp_registry_spec::{Error, ErrorKind};
use serde::Serialize;
use serde_json::{Map, Value};

/// The media type of every answer that is not the metrics.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An error, and the status it is told with.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    error: Error,
    /// What is logged in its place, when it tells less.
    concealed: Option<Error>,
    headers: HeaderMap,
    /// What the answer says beside the error.
    beside: Map<String, Value>,
}

#[derive(Serialize)]
struct Body {
    #[serde(flatten)]
    error: ErrorBody,
    #[serde(flatten)]
    beside: Map<String, Value>,
}

/// The error of an answer, for whoever logs it.
#[derive(Debug, Clone)]
pub(crate) struct Refused(pub(crate) Error);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = StatusCode::from_u16(wire::status(error.kind())).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, error)
    }
}

impl Refusal {
    /// A refusal with a status of its own: one that no kind has.
    pub(crate) fn new(status: StatusCode, error: Error) -> Self {
        let refusal =
            Self(Box::new(Inner { status, error, concealed: None, headers: HeaderMap::new(), beside: Map::new() }));
        match status {
            StatusCode::UNAUTHORIZED => {
                refusal.header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"mcp-registry\""))
            }
            StatusCode::SERVICE_UNAVAILABLE => refusal.header(RETRY_AFTER, HeaderValue::from_static("1")),
            _ => refusal,
        }
    }

    /// Something is wrong with the query.
    pub(crate) fn query(message: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Error::new(ErrorKind::ConfigInvalid, message))
    }

    /// The caller may not do this, whatever is there (rule C25).
    pub(crate) fn forbidden(message: impl AsRef<str>) -> Self {
        Self::from(Error::new(ErrorKind::Forbidden, message))
    }

    /// The catalog does not offer this.
    pub(crate) fn not_offered(what: &str) -> Self {
        Self::from(Error::new(ErrorKind::Unsupported, format!("this catalog does not offer {what}")))
    }

    /// Something failed of which whoever asks, who may be anybody, is told no more than that: what it
    /// was is for the log.
    pub(crate) fn concealing(cause: Error, told: &'static str) -> Self {
        let error = Error::new(ErrorKind::Unavailable, told);
        let mut refusal = Self::from(if cause.is_retryable() { error.retryable() } else { error });
        refusal.0.concealed = Some(cause);
        refusal
    }

    /// The same with another status: where one endpoint tells of it otherwise than others do.
    pub(crate) fn told_with(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// Says something beside the error; what has no JSON form is left out.
    pub(crate) fn beside(mut self, key: &str, value: &impl Serialize) -> Self {
        self.0.beside.extend(serde_json::to_value(value).ok().map(|value| (key.to_owned(), value)));
        self
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Inner { status, error, concealed, headers, beside } = *self.0;
        // Where the service keeps its files is for its log. Only a text that is not UTF-8 cannot be
        // written, and an error has none.
        let body = Body { error: ErrorBody { error: error.clone().without_folder() }, beside };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (status, headers, body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        response.extensions_mut().insert(Refused(concealed.unwrap_or(error)));
        response
    }
}
