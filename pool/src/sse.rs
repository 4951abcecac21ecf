//! The older transport: a stream of events that a GET opens, and a POST for each message (S4).

use std::fmt;
use std::sync::Arc;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Response};
use rmcp::RoleClient;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use url::Url;

use crate::message::{Asked, Fault, Faults, MOST_MESSAGE, parse};

/// What went wrong on the way, without the URL.
#[derive(Debug)]
pub(crate) enum SseError {
    /// The request failed.
    Request(reqwest::Error),
    /// It was answered with this status.
    Status(reqwest::StatusCode),
    /// It was answered with something else than the transport wants.
    Answer(&'static str),
}

impl fmt::Display for SseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => f.write_str(&crate::problem::innermost(error)),
            Self::Status(status) => write!(f, "HTTP {status}"),
            Self::Answer(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for SseError {}

impl From<reqwest::Error> for SseError {
    fn from(error: reqwest::Error) -> Self {
        Self::Request(error.without_url())
    }
}

/// A connection: the stream, and where messages go.
pub(crate) struct Sse {
    client: Client,
    to: Arc<Url>,
    events: Events,
    faults: Faults,
    asked: Asked,
}

impl Sse {
    /// Opens the stream, and waits until it says where messages go: to the same origin, or nowhere.
    ///
    /// # Errors
    /// When it does not come to that.
    pub(crate) async fn open(client: Client, url: Url, faults: Faults) -> Result<Self, SseError> {
        let response = client.get(url.clone()).header(ACCEPT, "text/event-stream").send().await?;
        if !response.status().is_success() {
            return Err(SseError::Status(response.status()));
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.to_ascii_lowercase().starts_with("text/event-stream") {
            return Err(SseError::Answer("it answered with no stream of events"));
        }
        let mut events = Events::new(response);
        let endpoint = loop {
            match events.next().await {
                Some(Ok(event)) if event.name == "endpoint" => break event.data,
                Some(Ok(_)) => {}
                Some(Err(TooLarge)) => return Err(SseError::Answer("an event is larger than is read")),
                None => return Err(SseError::Answer("the stream ended before it said where messages go")),
            }
        };
        let to = url.join(endpoint.trim()).map_err(|_| SseError::Answer("where messages go is no URL"))?;
        if to.origin() != url.origin() {
            return Err(SseError::Answer("messages would go to another origin, which is not followed"));
        }
        Ok(Self { client, to: Arc::new(to), events, faults, asked: Asked::default() })
    }
}

impl Transport<RoleClient> for Sse {
    type Error = SseError;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let (client, to, asked) = (self.client.clone(), self.to.clone(), self.asked.clone());
        async move {
            let body = serde_json::to_vec(&message).map_err(|_| SseError::Answer("a message cannot be written"))?;
            let response =
                client.post((*to).clone()).header(CONTENT_TYPE, "application/json").body(body).send().await?;
            let status = response.status();
            if !status.is_success() {
                return Err(SseError::Status(status));
            }
            asked.went(&message);
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let fault = match self.events.next().await? {
                Ok(event) if event.name.is_empty() || event.name == "message" => match parse(event.data.as_bytes()) {
                    Ok(Some(message)) => match self.asked.came(&message) {
                        Ok(()) => return Some(message),
                        Err(fault) => fault,
                    },
                    Ok(None) => continue,
                    Err(fault) => fault,
                },
                Ok(_) => continue,
                Err(TooLarge) => Fault::TooLarge,
            };
            let _ = self.faults.set(fault);
            return None;
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.events.response = None;
        Ok(())
    }
}

/// An event: its name, empty where it has none, and its data.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    name: String,
    data: String,
}

/// An event is larger than is read.
#[derive(Debug, PartialEq, Eq)]
struct TooLarge;

/// Reads events. Given up and called again it goes on where it was.
struct Events {
    response: Option<Response>,
    lines: Lines,
}

impl Events {
    fn new(response: Response) -> Self {
        Self { response: Some(response), lines: Lines::default() }
    }

    async fn next(&mut self) -> Option<Result<Event, TooLarge>> {
        loop {
            if let Some(event) = self.lines.take() {
                return Some(event);
            }
            let chunk = self.response.as_mut()?.chunk().await.ok()??;
            self.lines.bytes.extend_from_slice(&chunk);
        }
    }
}

/// What came of a stream, and the event that is being put together from it.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    /// How much of them was looked at.
    seen: usize,
    event: Event,
}

impl Lines {
    /// The next whole event.
    fn take(&mut self) -> Option<Result<Event, TooLarge>> {
        let mut begin = 0;
        let event = loop {
            let ahead = self.bytes.get(self.seen..).unwrap_or_default();
            let Some(end) = ahead.iter().position(|byte| *byte == b'\n').map(|at| self.seen + at) else {
                self.seen = self.bytes.len();
                let size = self.seen - begin + self.event.data.len();
                break (size > MOST_MESSAGE).then_some(Err(TooLarge));
            };
            let line = self.bytes.get(begin..end).unwrap_or_default();
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
            (begin, self.seen) = (end + 1, end + 1);
            if self.event.data.len() + line.len() > MOST_MESSAGE {
                break Some(Err(TooLarge));
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if line.is_empty() && self.event != Event::default() => {
                    break Some(Ok(std::mem::take(&mut self.event)));
                }
                "event" => value.clone_into(&mut self.event.name),
                "data" => {
                    if !self.event.data.is_empty() {
                        self.event.data.push('\n');
                    }
                    self.event.data.push_str(value);
                }
                _ => {}
            }
        };
        self.bytes.drain(..begin);
        self.seen -= begin;
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(stream: &[u8], size: usize) -> Vec<Result<Event, TooLarge>> {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for chunk in stream.chunks(size) {
            lines.bytes.extend_from_slice(chunk);
            while let Some(event) = lines.take() {
                let is_end = event.is_err();
                out.push(event);
                if is_end {
                    return out;
                }
            }
        }
        out
    }

    #[test]
    fn s4_events_are_read_however_they_arrive() {
        let stream = ": hello\r\n\nevent: endpoint\r\ndata: /m?s=1\r\n\r\nid: 7\ndata:{\ndata: }\n\ndata\n\nretry: 1\n\ndata: é\n\nx";
        let event = |name: &str, data: &str| Ok(Event { name: name.into(), data: data.into() });
        for size in 1..=stream.len() {
            let expected = [event("endpoint", "/m?s=1"), event("", "{\n}"), event("", "é")];
            assert_eq!(events(stream.as_bytes(), size), expected, "{size}");
        }
    }

    #[test]
    fn s10_an_event_without_an_end_is_given_up() {
        for line in ["data: x", "data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"] {
            let stream = line.repeat(MOST_MESSAGE / 4);
            assert_eq!(events(stream.as_bytes(), 1 << 20).last(), Some(&Err(TooLarge)));
        }
    }
}
