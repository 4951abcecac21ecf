//! Rule 22: registration.

use mcp_registry_spec::{Backends, ErrorKind, Locator, OpenRequest, Registration};

use crate::case::{Checked, During, Stop, cases, ensure, refused};
use crate::context::{Context, ignored};

cases! {
    22 reads rule_22_the_registration_is_found_by_id_and_scheme;
    22 reads rule_22_unknown_options_are_refused;
}

fn registration(context: &Context) -> Checked<&'static Registration> {
    let id = context.fixture().backend_id();
    let found = Backends::linked().iter().find(|r| r.id == id);
    match found {
        Some(registration) => Ok(registration),
        None => ignored(format!("no backend is registered as {id:?} in this binary")),
    }
}

async fn rule_22_the_registration_is_found_by_id_and_scheme(context: Context) -> Checked {
    let own = registration(&context)?;
    for scheme in own.schemes.iter().chain([&own.id]) {
        ensure!(*scheme == scheme.to_ascii_lowercase() && !scheme.contains(':'), "{scheme:?} is found by no locator");
        let found = Backends::linked().find(&Locator::new(&format!("{scheme}:x"))).during("finding a registration")?;
        ensure!(found.id == own.id, "{scheme}: is opened by {}", found.id);
    }
    ensure!(
        !own.summary.is_empty() && !own.usage.is_empty(),
        "the registration does not say what it is and how to use it"
    );
    if own.options.iter().any(|option| option.name.is_empty() || option.help.is_empty()) {
        return Err(Stop::Failed("an option has no name or no help".to_owned()));
    }
    Ok(())
}

async fn rule_22_unknown_options_are_refused(context: Context) -> Checked {
    let own = registration(&context)?;
    let request = OpenRequest::new(&format!("{}:x", own.id)).option("no-such-option", "x");
    refused("opening with an unknown option", Backends::linked().open(&request), ErrorKind::ConfigInvalid).map(drop)
}
