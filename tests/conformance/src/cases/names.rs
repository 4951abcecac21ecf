//! Rule 1: names.

use mcp_registry_spec::name::MAX_NAME_LEN;
use mcp_registry_spec::{ErrorKind, Scope};

use crate::case::{Checked, During, cases, ensure_eq, refused};
use crate::context::{Context, ensure_empty, ensure_stored};
use crate::sample::{described, name};

cases! {
    1 writes rule_01_every_valid_name_can_be_used;
    1 writes rule_01_names_that_differ_in_case_are_two;
    1 reads rule_01_every_valid_scope_can_be_opened;
    1 reads rule_01_names_that_mean_something_elsewhere_are_only_names;
}

/// Names at the edges of the grammar, and names that mean something to file systems and formats.
fn edge_names() -> Vec<String> {
    let fixed =
        ["0", "-", "--x", "_", "@scope", "a+b", "a.b.c", "a.", "A", "con", "nul", "null", "true", "1e3", "x.lock"];
    fixed
        .iter()
        .map(|s| (*s).to_owned())
        .chain(["n".repeat(MAX_NAME_LEN), format!("{}.", "@".repeat(MAX_NAME_LEN - 1))])
        .collect()
}

async fn rule_01_every_valid_name_can_be_used(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    for text in edge_names() {
        context.put(&scope, &described(&text, &format!("the server {text}"))?).await?;
    }
    for text in edge_names() {
        ensure_stored(&*backend, &described(&text, &format!("the server {text}"))?).await?;
    }
    ensure_eq!(backend.list().await.during("list")?.servers.len(), edge_names().len(), "the number of entries");
    Ok(())
}

async fn rule_01_names_that_differ_in_case_are_two(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let (upper, lower) = (described("Server", "upper")?, described("server", "lower")?);
    context.put(&scope, &upper).await?;
    refused("load of the name in another case", backend.load(&lower.name).await, ErrorKind::NotInRegistry)?;
    context.put(&scope, &lower).await?;
    ensure_stored(&*backend, &upper).await?;
    ensure_stored(&*backend, &lower).await
}

async fn rule_01_every_valid_scope_can_be_opened(context: Context) -> Checked {
    let own = context.scope("x")?;
    let room = MAX_NAME_LEN - own.as_str().len() - 1;
    for tail in ["n".repeat(room), "+@_.-".to_owned(), "A.".to_owned()] {
        let scope = Scope::parse(&format!("{own}-{tail}")).during("naming a scope")?;
        ensure_empty(&*context.open(&scope)?).await?;
    }
    Ok(())
}

async fn rule_01_names_that_mean_something_elsewhere_are_only_names(context: Context) -> Checked {
    let (_, backend) = context.main()?;
    for text in edge_names() {
        refused(
            &format!("load of {text:?}, which is absent,"),
            backend.load(&name(&text)?).await,
            ErrorKind::NotInRegistry,
        )?;
    }
    Ok(())
}
