//! The operator's policy: whether it can be used.

use mcp_registry_governance::Source;
use mcp_registry_spec::ProcessEnvironment;

use super::check::Check;

const NAME: &str = "policy";

pub(super) fn check() -> Check {
    let found = Source::new(None, &ProcessEnvironment).load().diagnostics();
    let place = found.path.filter(|_| found.exists).map(|path| format!("{}: ", path.display())).unwrap_or_default();
    match found.error {
        Some(error) => Check::fail(NAME, error, "mend it; see mcp-registry policy check"),
        None if found.using_default => {
            Check::pass(NAME, found.summary).hint("write one to say more; see spec/POLICY.md")
        }
        None => Check::pass(NAME, place + &found.summary),
    }
}
