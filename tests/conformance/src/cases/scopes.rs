//! Rule 21: listing scopes.

use mcp_registry_spec::ErrorKind;

use crate::case::{Checked, During, cases, ensure};
use crate::context::{Context, ignored};
use crate::sample::plain;

cases! {
    21 writes rule_21_scopes_are_listed_once_they_have_entries;
}

async fn rule_21_scopes_are_listed_once_they_have_entries(context: Context) -> Checked {
    let (a, b) = (context.scope("a")?, context.scope("b")?);
    let backend = context.open(&a)?;
    match backend.scopes().await {
        Err(error) if error.kind() == ErrorKind::Unsupported => return ignored("the backend cannot list scopes"),
        other => drop(other.during("scopes")?),
    }
    for scope in [&b, &a] {
        context.put(scope, &plain("one")?).await?;
    }
    let scopes = backend.scopes().await.during("scopes")?;
    ensure!(scopes.is_sorted_by(|x, y| x < y), "the scopes are not sorted: {scopes:?}");
    ensure!(
        scopes.contains(&a) && scopes.contains(&b),
        "the scopes {a} and {b} have entries, but there are {scopes:?}"
    );
    Ok(())
}
