//! What a catalog can, and how it is asked (C17).

use mcp_registry_spec::wire::{CatalogCapabilities, Tier, WIRE_VERSION, speaks};
use mcp_registry_spec::{Capabilities, Error, ErrorKind, Result, text};
use reqwest::Method;

use crate::client::{Answer, Client, Request};
use crate::refusal::Asked;

/// What a catalog offers to whoever has this token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) tier: Tier,
    pub(crate) install: bool,
    pub(crate) update: bool,
    pub(crate) uninstall: bool,
    pub(crate) audit: bool,
    pub(crate) scopes: bool,
    pub(crate) allowed_commands: bool,
    /// Whether it said so itself, and so speaks the whole wire.
    pub(crate) advertised: bool,
}

impl Offer {
    const READ: Self = Self {
        tier: Tier::Read,
        install: false,
        update: false,
        uninstall: false,
        audit: false,
        scopes: false,
        allowed_commands: false,
        advertised: false,
    };

    /// What the methods of `Allow` come to.
    fn allowed(methods: &[String]) -> Self {
        let has = |method: &str| methods.iter().any(|allowed| allowed == method);
        if !["GET", "POST", "DELETE"].iter().all(|method| has(method)) {
            return Self::READ;
        }
        Self { tier: Tier::Write, install: true, update: has("PUT"), uninstall: true, ..Self::READ }
    }

    /// The same in the contract's words.
    pub(crate) fn capabilities(self) -> Capabilities {
        let mut capabilities = declared();
        capabilities.supports_install = self.install;
        capabilities.supports_update = self.update;
        capabilities.supports_uninstall = self.uninstall;
        capabilities.supports_audit = self.audit;
        capabilities
    }
}

/// What `GET /capabilities` says. A claim that its tier does not hold is none.
impl From<&CatalogCapabilities> for Offer {
    fn from(said: &CatalogCapabilities) -> Self {
        let writes = said.tier >= Tier::Write;
        Self {
            tier: said.tier,
            install: writes && said.supports_install,
            update: writes && said.supports_update,
            uninstall: writes && said.supports_uninstall,
            audit: said.tier == Tier::Audit && said.supports_audit,
            scopes: said.supports_scopes,
            allowed_commands: said.supports_allowed_commands,
            advertised: true,
        }
    }
}

/// What is known of a catalog that was not asked.
pub(crate) fn declared() -> Capabilities {
    let mut capabilities = Capabilities::read_only();
    capabilities.supports_capability_handshake = true;
    capabilities
}

/// Asks the catalog what it can.
///
/// # Errors
/// [`ErrorKind::AuthRequired`]; [`ErrorKind::Unsupported`] for a wire of another major version;
/// [`ErrorKind::DescriptorInvalid`] for an answer that is none; else [`ErrorKind::Unavailable`].
pub(crate) async fn ask(client: &Client) -> Result<Offer> {
    let url = client.base.resource(&["capabilities"], &[]);
    let answer = client.send(Request::new(Method::GET, url)).await?;
    match answer.status.as_u16() {
        200 => return advertised(client, &answer),
        404 => {}
        _ => return Err(failed(client, &answer)),
    }
    let url = client.base.resource(&["mcp-servers"], &[]);
    let answer = client.send(Request::new(Method::OPTIONS, url)).await?;
    match answer.status.as_u16() {
        200..=299 => Ok(Offer::allowed(&answer.allow)),
        404 | 405 => Ok(Offer::READ),
        _ => Err(failed(client, &answer)),
    }
}

fn advertised(client: &Client, answer: &Answer) -> Result<Offer> {
    let said: CatalogCapabilities =
        serde_json::from_value(client.json(answer)?).map_err(|cause| client.wrong(&answer.url, &cause.to_string()))?;
    if !speaks(&said.wire_version) {
        let theirs = text::quote(&client.quoted(&said.wire_version));
        let message = format!("{} speaks the wire {theirs}, and this client {WIRE_VERSION}", client.shown(&answer.url));
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    Ok(Offer::from(&said))
}

/// Nothing else than 401 is told apart: what it means for an entry says nothing of the catalog.
fn failed(client: &Client, answer: &Answer) -> Error {
    let error = client.refusal(Asked::Whole, answer);
    if matches!(error.kind(), ErrorKind::AuthRequired | ErrorKind::Unavailable) {
        return error;
    }
    Error::new(ErrorKind::Unavailable, "the catalog does not say what it can").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c17_allow_is_a_set() {
        let tier = |allow: &str| {
            let methods: Vec<_> = allow.split(',').map(|method| method.trim().to_uppercase()).collect();
            let offer = Offer::allowed(&methods);
            (offer.tier.number(), offer.update)
        };
        assert_eq!(tier("GET, POST, DELETE"), (2, false));
        assert_eq!(tier("delete,options,put,get,head,post"), (2, true));
        for read_only in
            ["", "GET", "GET, POST", "GET, DELETE", "POST, DELETE, PUT", "GETPOSTDELETE", "GET;POST;DELETE"]
        {
            assert_eq!(tier(read_only), (1, false), "{read_only}");
        }
    }

    #[test]
    fn c17_a_claim_needs_its_tier() {
        let offer =
            |json: &str| Offer::from(&serde_json::from_str::<CatalogCapabilities>(json).unwrap()).capabilities();
        let all = r#""supports_install":true,"supports_update":true,"supports_uninstall":true,"supports_audit":true"#;
        let first = offer(&format!(r#"{{"tier":1,{all},"wire_version":"1.0"}}"#));
        assert_eq!(first, declared());
        let second = offer(&format!(r#"{{"tier":2,{all},"wire_version":"1.7","new":[]}}"#));
        assert!(second.supports_install && second.supports_update && second.supports_uninstall);
        assert!(!second.supports_audit && second.durable && second.supports_capability_handshake);
        assert!(offer(&format!(r#"{{"tier":3,{all},"wire_version":"1.0"}}"#)).supports_audit);
        assert_eq!(offer(r#"{"tier":3,"wire_version":"1.0"}"#), declared());
    }
}
