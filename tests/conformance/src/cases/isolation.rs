//! Rule 5: isolation by scope.

use mcp_registry_spec::{ErrorKind, Scope};

use crate::case::{Checked, During, cases, ensure, ensure_eq, refused};
use crate::context::{Context, ensure_empty, ensure_stored, write};
use crate::fixture::Backend;
use crate::sample::{described, digest, plain};

cases! {
    5 writes rule_05_another_scope_is_not_read;
    5 writes rule_05_one_name_in_two_scopes_is_two_entries;
    5 writes rule_05_scopes_that_look_alike_are_different;
    5 writes rule_05_update_leaves_other_scopes_alone;
    5 writes rule_05_uninstall_leaves_other_scopes_alone;
}

/// Two scopes that both have an entry of one name.
async fn twins(context: &Context) -> Checked<[Backend; 2]> {
    let (a, b) = (context.scope("a")?, context.scope("b")?);
    context.put(&a, &described("shared", "of a")?).await?;
    context.put(&b, &described("shared", "of b")?).await?;
    Ok([context.open(&a)?, context.open(&b)?])
}

async fn rule_05_another_scope_is_not_read(context: Context) -> Checked {
    let spec = plain("one")?;
    context.put(&context.scope("a")?, &spec).await?;
    let other = context.open(&context.scope("b")?)?;
    ensure_empty(&*other).await?;
    ensure!(other.load_all().await.during("load_all")?.is_empty(), "load_all reads another scope");
    refused("load of an entry of another scope", other.load(&spec.name).await, ErrorKind::NotInRegistry)?;
    ensure!(!other.validate(&spec.name).await.during("validate")?.is_ok(), "validate finds an entry of another scope");
    Ok(())
}

async fn rule_05_one_name_in_two_scopes_is_two_entries(context: Context) -> Checked {
    let [a, b] = twins(&context).await?;
    ensure_stored(&*a, &described("shared", "of a")?).await?;
    ensure_stored(&*b, &described("shared", "of b")?).await
}

async fn rule_05_scopes_that_look_alike_are_different(context: Context) -> Checked {
    // One is a prefix of the other; "_" and "." stand for any character to some matchers; case.
    let own = context.scope("s")?;
    let scopes: Vec<Scope> = ["a_b", "a.b", "aXb", "a_b.c", "a_b-c", "A_B", "a"]
        .iter()
        .map(|tail| Scope::parse(&format!("{own}-{tail}")).during("naming a scope"))
        .collect::<Checked<_>>()?;
    for scope in &scopes {
        context.put(scope, &described("one", scope.as_str())?).await?;
    }
    for scope in &scopes {
        let backend = context.open(scope)?;
        ensure_stored(&*backend, &described("one", scope.as_str())?).await?;
        ensure_eq!(backend.list().await.during("list")?.names().len(), 1, "the number of entries in {scope}");
    }
    Ok(())
}

async fn rule_05_update_leaves_other_scopes_alone(context: Context) -> Checked {
    context.needs_update().await?;
    let [a, b] = twins(&context).await?;
    let new = described("shared", "of a, changed")?;
    a.update(&new, &digest(&described("shared", "of a")?)?, &write()).await.during("update")?;
    ensure_stored(&*a, &new).await?;
    ensure_stored(&*b, &described("shared", "of b")?).await
}

async fn rule_05_uninstall_leaves_other_scopes_alone(context: Context) -> Checked {
    context.needs_uninstall().await?;
    let [a, b] = twins(&context).await?;
    let spec = described("shared", "of b")?;
    a.uninstall(&spec.name, None, &write()).await.during("uninstall")?;
    ensure_empty(&*a).await?;
    ensure_stored(&*b, &spec).await
}
