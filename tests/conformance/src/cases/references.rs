//! Rule 8: references resolve late, and on the client.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_registry_spec::{Environment, ErrorKind, FixedEnvironment, LaunchTransport, McpServerSpec};
use serde_json::json;

use crate::case::{Checked, During, Stop, cases, ensure, ensure_eq, refused};
use crate::context::{Context, ensure_stored, handle};
use crate::sample::spec;

cases! {
    8 writes rule_08_references_to_set_variables_are_stored_as_they_are;
    8 writes rule_08_references_to_unset_variables_are_stored_as_they_are;
    8 writes rule_08_listing_resolves_nothing;
    8 writes rule_08_unset_variables_do_not_stop_loading_or_validating;
    8 writes rule_08_launch_resolves_in_the_client_s_environment;
    8 writes rule_08_an_unset_variable_is_named_at_launch;
    8 writes rule_08_validating_reads_no_value;
}

/// A variable that is surely set in this process, and its value: a backend that resolves early
/// would put it into the entry.
fn set_variable() -> Checked<(String, String)> {
    let known = ["PATH", "HOME", "CARGO_MANIFEST_DIR", "USER"]
        .iter()
        .find_map(|v| Some(((*v).to_owned(), std::env::var(v).ok()?)));
    known.filter(|(_, value)| value.len() > 3).ok_or_else(|| Stop::Ignored("no usual variable is set".to_owned()))
}

fn referring(name: &str, variable: &str) -> Checked<[McpServerSpec; 2]> {
    let local = spec(json!({
        "name": format!("{name}-local"), "command": format!("${{{variable}}}"),
        "args": [format!("--x=${{{variable}}}"), format!("${variable}"), format!("$${variable}"), format!("${{{variable}:-d}}")],
        "env": {"A": format!("${variable}"), "B": format!("p ${{{variable}}} s"), "C": format!("${{{variable}:-d}}"),
                "D": format!("$${variable}"), "E": format!("${{{variable}:-}}")},
        "description": format!("${variable} ${{{variable}}}"), "note": format!("${{{variable}}}"),
    }))?;
    let remote = spec(json!({
        "name": format!("{name}-remote"), "url": format!("https://example.org/${{{variable}}}/${variable}"),
        "headers": {"Authorization": format!("Bearer ${{{variable}}}"), "X-Whole": format!("${variable}")},
    }))?;
    Ok([local, remote])
}

async fn rule_08_references_to_set_variables_are_stored_as_they_are(context: Context) -> Checked {
    stored_verbatim(&context, &set_variable()?.0).await
}

async fn rule_08_references_to_unset_variables_are_stored_as_they_are(context: Context) -> Checked {
    stored_verbatim(&context, "MCP_REGISTRY_CONFORMANCE_UNSET").await
}

async fn stored_verbatim(context: &Context, variable: &str) -> Checked {
    let (scope, backend) = context.main()?;
    let specs = referring("one", variable)?;
    for spec in &specs {
        context.put(&scope, spec).await?;
        ensure_stored(&*backend, spec).await?;
    }
    for loaded in backend.load_all().await.during("load_all")? {
        let found = loaded.result.during("an entry of load_all")?;
        ensure!(specs.contains(&found), "load_all gives another entry than was stored: {found:?}");
    }
    Ok(())
}

async fn rule_08_listing_resolves_nothing(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let (variable, value) = set_variable()?;
    for spec in referring("one", &variable)? {
        context.put(&scope, &spec).await?;
    }
    for line in backend.list().await.during("list")?.servers {
        // The source may be a path that a variable happens to lead to; descriptions may not.
        ensure!(!line.description.contains(&value), "the listing holds the value of {variable}");
    }
    Ok(())
}

async fn rule_08_unset_variables_do_not_stop_loading_or_validating(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    for spec in referring("one", "MCP_REGISTRY_CONFORMANCE_UNSET")? {
        context.put(&scope, &spec).await?;
        let own = backend.validate(&spec.name).await.during("validate")?;
        ensure!(own.is_ok(), "an unset variable is no error of the entry: {own:?}");
        let whole = handle(&backend).validate(&spec.name).await.during("validate through the handle")?;
        ensure!(whole.is_ok() && !whole.warnings.is_empty(), "an unset variable is a warning: {whole:?}");
    }
    Ok(())
}

async fn rule_08_launch_resolves_in_the_client_s_environment(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let spec =
        spec(json!({"name": "one", "command": "npx", "args": ["${CLIENT_ONLY}"], "env": {"A": "$CLIENT_ONLY"}}))?;
    context.put(&scope, &spec).await?;
    let environment = FixedEnvironment::new().with("CLIENT_ONLY", "of the client");
    let launch = handle(&backend).with_environment(Arc::new(environment)).load_for_launch(&spec.name).await;
    let LaunchTransport::Stdio { args, env, .. } = launch.during("load for launch")?.transport else {
        return Err(Stop::Failed("a stdio entry launches as another transport".to_owned()));
    };
    ensure_eq!(args.first().map(|a| a.expose().as_str()), Some("of the client"), "the argument at launch");
    ensure_eq!(env.get("A").map(|a| a.expose().as_str()), Some("of the client"), "the variable at launch");
    ensure_stored(&*backend, &spec).await
}

async fn rule_08_an_unset_variable_is_named_at_launch(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let spec = spec(json!({"name": "one", "command": "npx", "env": {"A": "$CLIENT_SET", "B": "$CLIENT_UNSET"}}))?;
    context.put(&scope, &spec).await?;
    let environment = FixedEnvironment::new().with("CLIENT_SET", "value-of-the-client");
    let launch = handle(&backend).with_environment(Arc::new(environment)).load_for_launch(&spec.name).await;
    let error = refused("launch with an unset variable", launch, ErrorKind::EnvUnresolved)?;
    let text = format!("{error} {error:?}");
    ensure!(text.contains("one") && text.contains("CLIENT_UNSET"), "server and variable are not named: {text}");
    ensure!(!text.contains("value-of-the-client"), "a value is shown: {text}");
    Ok(())
}

/// An environment that counts how often a value is read.
#[derive(Debug, Default)]
struct Watched(AtomicUsize);

impl Environment for Watched {
    fn is_set(&self, _name: &str) -> bool {
        true
    }
    fn read(&self, _name: &str) -> Option<OsString> {
        self.0.fetch_add(1, Ordering::Relaxed);
        None
    }
    fn finds_command(&self, _command: &str) -> bool {
        true
    }
}

async fn rule_08_validating_reads_no_value(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let specs = referring("one", "CLIENT_ONLY")?;
    let environment = Arc::new(Watched::default());
    let registry = handle(&backend).with_environment(environment.clone());
    for spec in &specs {
        context.put(&scope, spec).await?;
        registry.validate(&spec.name).await.during("validate")?;
        registry.load(&spec.name).await.during("load")?;
    }
    registry.validate_all().await.during("validate_all")?;
    registry.list().await.during("list")?;
    ensure_eq!(environment.0.load(Ordering::Relaxed), 0, "the number of values that were read");
    Ok(())
}
