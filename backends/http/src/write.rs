//! Writes: what is checked before one is sent, and what its answer means (C16, C21, C22).

use std::collections::BTreeMap;

use mcp_registry_spec::{
    Digest, EnvTemplate, Error, ErrorKind, Literals, McpServerSpec, Result, ServerName, Transport, WriteContext, text,
};
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue, IF_MATCH};
use url::Url;

use crate::client::{Client, Request};
use crate::negotiation::{Known, Negotiation};
use crate::offer::Offer;
use crate::refusal::{Asked, Said};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is handed on, in bytes.
const MOST_ID: usize = 128;

/// What is to be written.
#[derive(Clone, Copy)]
pub(crate) enum Write<'a> {
    Install(&'a McpServerSpec),
    Update(&'a McpServerSpec, &'a Digest),
    Uninstall(&'a ServerName, Option<&'a Digest>),
}

impl<'a> Write<'a> {
    /// The entry whose URL it is sent to; all of the scope's where there is none yet.
    pub(crate) fn addressed(self) -> Option<&'a ServerName> {
        match self {
            Self::Install(_) => None,
            Self::Update(spec, _) => Some(&spec.name),
            Self::Uninstall(name, _) => Some(name),
        }
    }

    fn asked(self) -> Asked<'a> {
        match self {
            Self::Install(spec) => Asked::Install(&spec.name),
            Self::Update(spec, _) => Asked::Update(&spec.name),
            Self::Uninstall(name, _) => Asked::Uninstall(name),
        }
    }

    fn operation(self) -> &'static str {
        match self {
            Self::Install(_) => "install",
            Self::Update(..) => "update",
            Self::Uninstall(..) => "uninstall",
        }
    }

    fn is_offered(self, offer: Offer) -> bool {
        match self {
            Self::Install(_) => offer.install,
            Self::Update(..) => offer.update,
            Self::Uninstall(..) => offer.uninstall,
        }
    }

    fn request(self, url: Url, context: &WriteContext) -> Result<Request> {
        let (method, spec, expected) = match self {
            Self::Install(spec) => (Method::POST, Some(spec), None),
            Self::Update(spec, expected) => (Method::PUT, Some(spec), Some(expected)),
            Self::Uninstall(_, expected) => (Method::DELETE, None, expected),
        };
        let mut request = Request::new(method, url);
        if let Some(spec) = spec {
            let body = serde_json::to_vec(spec).map_err(|cause| invalid("has no JSON form").caused_by(cause))?;
            request = request.json(body);
        }
        // A digest always fits into a header; a write without its condition must not go out.
        if let Some(digest) = expected {
            let tag = HeaderValue::try_from(format!("\"{digest}\"")).map_err(|cause| invalid(cause.to_string()))?;
            request.headers.insert(IF_MATCH, tag);
        }
        if let Some(id) = context.request_id.as_deref().and_then(header_id) {
            request.headers.insert(REQUEST_ID, id);
        }
        Ok(request)
    }
}

fn invalid(message: impl AsRef<str>) -> Error {
    Error::new(ErrorKind::InvalidSpec, message)
}

/// A request id as a header: any text is harmless (rule 19), and one is handed on that a catalog takes
/// (rule C30), which is printable ASCII. A space at either end is no part of a header's value: without it
/// the id would be another.
fn header_id(id: &str) -> Option<HeaderValue> {
    let fits = (1..=MOST_ID).contains(&id.len()) && id.bytes().all(|b| matches!(b, b' '..=b'~')) && id.trim() == id;
    HeaderValue::from_str(id).ok().filter(|_| fits)
}

/// Does it.
pub(crate) async fn perform(
    client: &Client,
    negotiation: &Negotiation,
    url: Url,
    write: Write<'_>,
    context: &WriteContext,
) -> Result<()> {
    if let Write::Install(spec) | Write::Update(spec, _) = write {
        refuse_literals(spec, context)?;
    }
    client.check_transport()?;
    let known = negotiation.offer().await?;
    if !write.is_offered(known.offer) {
        return Err(unsupported(client, write.operation()));
    }
    let answer = client.send(write.request(url, context)?).await?;
    match (answer.status.as_u16(), write) {
        (200 | 204, _) | (201, Write::Install(_)) => Ok(()),
        // What is not there is removed already (rule 9), if that is what was not found.
        (404, Write::Uninstall(..)) if Said::of(&answer.body).kind == Some(ErrorKind::NotInRegistry) => Ok(()),
        (405, _) => Err(lost(client, negotiation, write, known).await),
        _ => Err(client.refusal(write.asked(), &answer)),
    }
}

/// The error that the catalog does not offer something.
pub(crate) fn unsupported(client: &Client, operation: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the catalog {} does not offer {operation}", client.base))
        .hint("it may offer it to another token")
}

/// A catalog stores references: every other value of a variable or header is a literal, and only
/// what the caller means as such is sent.
pub(crate) fn refuse_literals(spec: &McpServerSpec, context: &WriteContext) -> Result<()> {
    match &spec.transport {
        Transport::Stdio(stdio) => refuse_literals_of("env", &stdio.env, context),
        Transport::StreamableHttp(remote) | Transport::Sse(remote) => {
            refuse_literals_of("headers", &remote.headers, context)
        }
    }
}

fn refuse_literals_of(kind: &str, values: &BTreeMap<String, EnvTemplate>, context: &WriteContext) -> Result<()> {
    let mut literals =
        values.iter().filter(|(key, value)| value.is_literal(key)).map(|(key, _)| format!("{kind}.{key}"));
    match literals.find(|field| !context.literals.allows(field)) {
        None => Ok(()),
        Some(field) => {
            Err(invalid(format!("{} holds a literal, and a catalog stores references", text::quote(&field)))
                .hint(Literals::HINT))
        }
    }
}

/// What to say of a write that got 405 though it was offered.
async fn lost(client: &Client, negotiation: &Negotiation, write: Write<'_>, known: Known) -> Error {
    let (base, operation, old) = (&client.base, write.operation(), known.offer.tier.number());
    match negotiation.since(known).await {
        Err(cause) => {
            let message = format!("the catalog {base} refused {operation}, and does not say what it offers now");
            let error = Error::new(ErrorKind::Unavailable, message).caused_by(&cause);
            if cause.is_retryable() { error.retryable() } else { error }
        }
        Ok(now) if write.is_offered(now.offer) => Error::new(
            ErrorKind::Unsupported,
            format!("the catalog {base} is an inconsistent server: it offers {operation} and refuses it"),
        ),
        Ok(now) => Error::new(
            ErrorKind::Unsupported,
            format!(
                "the catalog {base} no longer offers {operation}: it was of tier {old} and is now of tier {}",
                now.offer.tier.number()
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, literals: Literals) -> Result<()> {
        refuse_literals(&serde_json::from_str(json).unwrap(), &WriteContext::new().literals(literals))
    }

    #[test]
    fn c16_every_literal_is_refused_unless_its_field_is_allowed() {
        let local = r#"{"name":"a","command":"x","env":{"A":"$A","B":"${B:-eu}","C":"x ${C}","D":"plain-hunter2"}}"#;
        let error = check(local, Literals::Refuse).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSpec);
        assert!(error.to_string().contains("env.D") && !error.to_string().contains("hunter2"), "{error}");
        assert!(check(local, Literals::AllowFields(["env.A".into()].into())).is_err());
        assert!(check(local, Literals::AllowFields(["env.D".into()].into())).is_ok());
        assert!(check(local, Literals::Allow).is_ok());
        let remote = r#"{"name":"a","url":"https://h","headers":{"Authorization":"Bearer ${T}","X-Team":"red"}}"#;
        assert!(check(remote, Literals::Refuse).unwrap_err().to_string().contains("headers.X-Team"));
        assert!(check(remote, Literals::AllowFields(["x-team".into()].into())).is_ok());
        for literal in [r#"{"A":""}"#, r#"{"A":"$$A"}"#, r#"{"API_KEY":"${K:-x}"}"#] {
            let spec = format!(r#"{{"name":"a","command":"x","env":{literal}}}"#);
            assert!(check(&spec, Literals::Refuse).is_err(), "{literal}");
        }
    }

    #[test]
    fn c30_only_a_request_id_that_a_catalog_takes_is_handed_on() {
        for id in ["a1-B.c_d:e", "request ci", "O'Brien \"x\"; --~", &"x".repeat(128)] {
            assert_eq!(header_id(id).unwrap(), id);
        }
        for id in ["", " ", " a", "a ", "a\tb", "a\r\nX-Evil: 1", "\u{1b}[31m", "a\u{7f}", "ü", &"x".repeat(129)] {
            assert!(header_id(id).is_none(), "{id:?}");
        }
    }
}
