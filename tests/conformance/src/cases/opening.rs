//! Rule 2: opening touches nothing.

use mcp_registry_spec::ErrorKind;

use crate::case::{Checked, During, cases, ensure, refused};
use crate::context::{Context, ensure_empty, ignored};
use crate::sample::{name, plain};

cases! {
    2 reads rule_02_a_scope_that_does_not_exist_is_empty;
    2 reads rule_02_opening_and_reading_create_nothing;
    2 writes rule_02_an_opened_backend_sees_what_was_stored_later;
    2 writes rule_02_opening_does_not_need_the_storage;
}

async fn rule_02_a_scope_that_does_not_exist_is_empty(context: Context) -> Checked {
    let (_, backend) = context.main()?;
    ensure_empty(&*backend).await?;
    ensure!(backend.load_all().await.during("load_all")?.is_empty(), "load_all gives something");
    ensure!(backend.validate_all().await.during("validate_all")?.is_empty(), "validate_all gives something");
    refused("load", backend.load(&name("absent")?).await, ErrorKind::NotInRegistry).map(drop)
}

async fn rule_02_opening_and_reading_create_nothing(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    ensure_empty(&*backend).await?;
    match backend.scopes().await {
        Ok(scopes) => ensure!(!scopes.contains(&scope), "reading the scope {scope} created it"),
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return ignored("the backend cannot list scopes, so nothing tells");
        }
        Err(error) => return Err(error).during("listing scopes"),
    }
    Ok(())
}

async fn rule_02_an_opened_backend_sees_what_was_stored_later(context: Context) -> Checked {
    let (scope, early) = context.main()?;
    let spec = plain("later")?;
    context.put(&scope, &spec).await?;
    let loaded = early.load(&spec.name).await.during("load through a backend opened before")?;
    ensure!(loaded == spec, "a backend opened before sees another entry: {loaded:?}");
    Ok(())
}

async fn rule_02_opening_does_not_need_the_storage(context: Context) -> Checked {
    // That it opened is the point; the calls that tell it apart from an open that connects come later.
    let backend = context.unavailable().await?;
    ensure!(!backend.backend_id().is_empty(), "the backend has no id");
    let declared = backend.declared();
    let expected = context.expected();
    ensure!(
        declared.durable == expected.durable,
        "what is declared without the storage differs from what is expected: {declared:?}"
    );
    Ok(())
}
