//! Where spans are sent, by the variables that OpenTelemetry has for it.

use std::time::Duration;

use hyper::Uri;
use mcp_registry_spec::{Environment, Error, ErrorKind, Result};
use opentelemetry_otlp::{
    OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_TIMEOUT,
    OTEL_EXPORTER_OTLP_TIMEOUT_DEFAULT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT,
};

use crate::catalog::guard;

const OTEL_SDK_DISABLED: &str = "OTEL_SDK_DISABLED";
const OTEL_SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const OTEL_TRACES_EXPORTER: &str = "OTEL_TRACES_EXPORTER";
/// Says that cleartext may go to other machines (rule 11).
const ALLOW_HTTP: &str = "MCP_REGISTRY_ALLOW_HTTP";
/// Where a collector takes spans, below the endpoint that is common to all it takes.
const TRACES: &str = "/v1/traces";

/// A collector, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) endpoint: Uri,
    /// How long a batch may take in all.
    pub(super) timeout: Duration,
    /// The name of the service, where the environment gives it one of its own.
    pub(super) service: Option<String>,
}

impl Destination {
    /// What the environment names, if it does.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`], naming the variable; [`ErrorKind::InsecureTransport`].
    pub(super) fn find(environment: &dyn Environment) -> Result<Option<Self>> {
        let read = |name| text(environment, name);
        let (variable, endpoint) = match read(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)? {
            Some(endpoint) => (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, endpoint),
            None => match read(OTEL_EXPORTER_OTLP_ENDPOINT)? {
                Some(base) => {
                    (OTEL_EXPORTER_OTLP_ENDPOINT, format!("{}{TRACES}", base.strip_suffix('/').unwrap_or(&base)))
                }
                None => return Ok(None),
            },
        };
        if read(OTEL_SDK_DISABLED)?.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        match read(OTEL_TRACES_EXPORTER)?.as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(None),
            Some(_) => {
                return Err(invalid(OTEL_TRACES_EXPORTER, "names an exporter there is not", "give otlp or none"));
            }
        }
        for name in [OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, OTEL_EXPORTER_OTLP_PROTOCOL] {
            if read(name)?.is_some_and(|protocol| protocol != "http/protobuf") {
                return Err(invalid(name, "names a protocol that is not spoken", "give http/protobuf"));
            }
        }
        let allow_http = environment.read(ALLOW_HTTP).is_some_and(|value| value == "1");
        let endpoint = parse(variable, &endpoint, allow_http)?;
        Ok(Some(Self { endpoint, timeout: timeout(environment)?, service: read(OTEL_SERVICE_NAME)? }))
    }

    /// Whether it is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.endpoint.authority().is_some_and(guard::is_loopback)
    }

    /// Whether what is sent can be read on the way.
    pub(super) fn is_cleartext(&self) -> bool {
        self.endpoint.scheme_str() != Some("https")
    }

    /// The endpoint as it stands in a message: without its query, where a key may be.
    pub(super) fn shown(&self) -> String {
        let text = self.endpoint.to_string();
        text.split('?').next().unwrap_or_default().to_owned()
    }
}

fn parse(variable: &str, text: &str, allow_http: bool) -> Result<Uri> {
    let wrong = |why| invalid(variable, why, "write https://HOST:PORT");
    // What is shown of it could be a password, so that nothing is.
    let endpoint: Uri = text.parse().map_err(|_| wrong("is no URL"))?;
    let Some(authority) = endpoint.authority() else { return Err(wrong("names no host")) };
    if authority.as_str().contains('@') {
        return Err(invalid(
            variable,
            "holds a user or a password",
            "give what the collector asks for by OTEL_EXPORTER_OTLP_HEADERS",
        ));
    }
    if text.contains('#') {
        return Err(wrong("holds a fragment"));
    }
    match endpoint.scheme_str() {
        Some("https") => {}
        Some("http") if allow_http || guard::is_loopback(authority) => {}
        Some("http") => {
            let message = format!("{variable} would have spans sent to {authority} in cleartext");
            return Err(Error::new(ErrorKind::InsecureTransport, message)
                .hint("use https, or set MCP_REGISTRY_ALLOW_HTTP=1 if the network is trusted"));
        }
        _ => return Err(wrong("is neither https nor http")),
    }
    Ok(endpoint)
}

fn timeout(environment: &dyn Environment) -> Result<Duration> {
    for name in [OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, OTEL_EXPORTER_OTLP_TIMEOUT] {
        if let Some(number) = text(environment, name)? {
            return match number.parse() {
                Ok(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds)),
                _ => Err(invalid(name, "is no number of milliseconds", "give 10000, for one")),
            };
        }
    }
    Ok(OTEL_EXPORTER_OTLP_TIMEOUT_DEFAULT)
}

/// A variable; one that is empty is as if it were not set.
fn text(environment: &dyn Environment, name: &str) -> Result<Option<String>> {
    let value = environment.read(name).filter(|value| !value.is_empty());
    let value = value.map(|value| value.into_string().map_err(|_| invalid(name, "is not UTF-8", "set it anew")));
    value.transpose()
}

fn invalid(variable: &str, why: &str, hint: &str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, format!("the variable {variable} {why}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::FixedEnvironment;

    fn find(variables: &[(&str, &str)]) -> Result<Option<Destination>> {
        let environment = variables.iter().fold(FixedEnvironment::new(), |all, (name, value)| all.with(*name, *value));
        Destination::find(&environment)
    }

    const HERE: (&str, &str) = (OTEL_EXPORTER_OTLP_ENDPOINT, "http://127.0.0.1:4318");

    #[test]
    fn rule_c31_the_endpoint_is_the_own_one_of_traces_or_below_the_common_one() {
        for (variables, endpoint) in [
            (&[HERE][..], "http://127.0.0.1:4318/v1/traces"),
            (&[(OTEL_EXPORTER_OTLP_ENDPOINT, "https://c/base/")], "https://c/base/v1/traces"),
            (&[HERE, (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, "https://c/own?key=k")], "https://c/own?key=k"),
            (&[HERE, (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, "")], "http://127.0.0.1:4318/v1/traces"),
        ] {
            let found = find(variables).unwrap().unwrap();
            assert_eq!(found.endpoint.to_string(), endpoint);
            assert!(!found.shown().contains("key"));
        }
    }

    #[test]
    fn rule_c31_nothing_without_an_endpoint_or_where_it_is_switched_off() {
        for variables in [
            &[][..],
            &[(OTEL_EXPORTER_OTLP_ENDPOINT, ""), (OTEL_TRACES_EXPORTER, "zipkin")],
            &[HERE, (OTEL_SDK_DISABLED, "TRUE")],
            &[HERE, (OTEL_TRACES_EXPORTER, "none")],
        ] {
            assert!(find(variables).unwrap().is_none(), "{variables:?}");
        }
        assert!(find(&[HERE, (OTEL_SDK_DISABLED, "1")]).unwrap().is_some());
    }

    #[test]
    fn rule_11_cleartext_to_this_machine_only_unless_told() {
        let at = |endpoint| (OTEL_EXPORTER_OTLP_ENDPOINT, endpoint);
        for here in ["http://localhost:4318", "http://127.9.9.9", "http://[::1]:4318/"] {
            assert!(find(&[at(here)]).unwrap().unwrap().is_loopback(), "{here}");
        }
        for far in ["http://collector:4318", "http://127.0.0.1.evil", "http://10.0.0.1/"] {
            assert_eq!(find(&[at(far)]).unwrap_err().kind(), ErrorKind::InsecureTransport, "{far}");
            assert_eq!(find(&[at(far), (ALLOW_HTTP, "true")]).unwrap_err().kind(), ErrorKind::InsecureTransport);
            assert!(find(&[at(far), (ALLOW_HTTP, "1")]).unwrap().unwrap().is_cleartext(), "{far}");
        }
        assert!(!find(&[at("https://collector")]).unwrap().unwrap().is_cleartext());
    }

    #[test]
    fn rule_c31_what_cannot_be_used_is_named_and_not_shown() {
        for (name, value) in [
            (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, "http://127.0.0.1:hunter2@evil/"),
            (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, "https://me:hunter2@c/"),
            (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, "http://127.0.0.1\\@evil/hunter2"),
            (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, "https://c/#hunter2"),
            (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, "/hunter2"),
            (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, "ftp://c/hunter2"),
            (OTEL_TRACES_EXPORTER, "hunter2"),
            (OTEL_EXPORTER_OTLP_PROTOCOL, "grpc"),
            (OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, "http/json"),
            (OTEL_EXPORTER_OTLP_TIMEOUT, "10s"),
            (OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, "0"),
        ] {
            let error = find(&[HERE, (name, value)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{value}");
            assert!(error.to_string().contains(name) && !error.to_string().contains("hunter2"), "{error}");
        }
        let quick = find(&[HERE, (OTEL_EXPORTER_OTLP_TIMEOUT, "1500")]).unwrap().unwrap();
        assert_eq!(quick.timeout, Duration::from_millis(1500));
    }
}
