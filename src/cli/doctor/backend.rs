//! The registry: whether it can be reached and read.

use mcp_registry_spec::{Listing, OpenRequest};

use super::super::app::run_on;
use super::super::failure::Failure;
use super::super::settings::Settings;
use super::check::Check;

const NAME: &str = "backend";

/// How many broken entries are named.
const NAMED: usize = 5;

pub(super) fn check(settings: &Settings, request: Result<&OpenRequest, &Failure>) -> Check {
    let request = match request {
        Ok(request) => request,
        Err(failure) => return failed(failure),
    };
    let listed = run_on(&settings.backends, request, async |registry| {
        let listing = registry.list().await;
        registry.close().await?;
        Ok(listing?)
    });
    let scope = request.scope.as_ref().map(|scope| format!(", scope {scope}")).unwrap_or_default();
    match listed {
        Ok(listing) => judge(&format!("{}{scope}", request.locator), &listing),
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> Check {
    match failure {
        Failure::Usage(error) | Failure::Refused(error) => Check::failed(NAME, error),
        Failure::Output(cause) => Check::fail(NAME, cause.to_string(), "see that it can be reached"),
    }
}

fn judge(place: &str, listing: &Listing) -> Check {
    let (good, broken) = (listing.servers.len(), listing.broken.len());
    if broken == 0 {
        let servers = if good == 1 { "1 server is".to_owned() } else { format!("{good} servers are") };
        return Check::pass(NAME, format!("{place} answers; {servers} mounted"));
    }
    let mut names: Vec<_> = listing.broken.iter().take(NAMED).map(|entry| entry.name.as_str()).collect();
    names.extend((broken > NAMED).then_some("and more"));
    let message =
        format!("{place} answers; {broken} of {} entries cannot be used: {}", good + broken, names.join(", "));
    Check::warn(NAME, message, "see mcp-registry validate")
}
