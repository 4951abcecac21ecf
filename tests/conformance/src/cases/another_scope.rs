//! Rule 28: the same storage, opened for another scope.

use mcp_registry_spec::Scope;

use crate::case::{Checked, During, cases, ensure, ensure_eq};
use crate::context::{Context, TASKS, at_once, ensure_empty, ensure_stored, ignored, write};
use crate::fixture::Backend;
use crate::sample::{described, plain};

cases! {
    28 writes rule_28_another_scope_is_what_opening_it_gives;
    28 writes rule_28_closing_one_scope_leaves_the_others_working;
}

/// The case's main scope, and another opened through it.
async fn siblings(context: &Context) -> Checked<(Backend, Scope, Backend)> {
    let (_, backend) = context.main()?;
    let other = context.scope("b")?;
    match backend.in_scope(&other) {
        Some(sibling) => Ok((backend, other, sibling)),
        None => ignored("the backend opens no other scope"),
    }
}

async fn rule_28_another_scope_is_what_opening_it_gives(context: Context) -> Checked {
    let (backend, other, sibling) = siblings(&context).await?;
    ensure_empty(&*sibling).await?;
    let (here, there) = (described("one", "here")?, described("one", "there")?);
    context.put(&context.scope("a")?, &here).await?;
    context.put(&other, &there).await?;
    ensure_stored(&*backend, &here).await?;
    ensure_stored(&*sibling, &there).await?;
    let opened = context.open(&other)?;
    ensure_eq!(sibling.backend_id(), opened.backend_id(), "the id");
    ensure_eq!(
        sibling.capabilities().await.during("capabilities")?,
        opened.capabilities().await.during("capabilities")?,
        "what is allowed"
    );
    ensure_eq!(sibling.list().await.during("list")?, opened.list().await.during("list")?, "the listing");
    ensure_eq!(
        sibling.revision().await.during("revision")?,
        opened.revision().await.during("revision")?,
        "the revision"
    );
    if context.expected().supports_install {
        sibling.install(&plain("two")?, &write()).await.during("install in the other scope")?;
        ensure_stored(&*opened, &plain("two")?).await?;
        ensure_eq!(backend.list().await.during("list")?.names().len(), 1, "the number of entries in the first scope");
    }
    if context.expected().supports_audit {
        let records = sibling.audit(0, 100).await.during("audit of the other scope")?;
        ensure_eq!(records, opened.audit(0, 100).await.during("audit")?, "the records");
        ensure!(records.iter().all(|record| record.scope == other), "a record is of another scope: {records:?}");
    }
    Ok(())
}

async fn rule_28_closing_one_scope_leaves_the_others_working(context: Context) -> Checked {
    let (backend, other, sibling) = siblings(&context).await?;
    let spec = plain("one")?;
    context.put(&context.scope("a")?, &spec).await?;
    context.put(&other, &spec).await?;
    ensure_stored(&*backend, &spec).await?;
    ensure_stored(&*sibling, &spec).await?;
    sibling.close().await.during("closing one of two")?;
    ensure_stored(&*backend, &spec).await?;
    let Some(second) = backend.in_scope(&other) else { return ignored("the backend opens no other scope") };
    ensure_stored(&*second, &spec).await?;
    // While one is at work, too.
    let works = (0..TASKS).map(|i| {
        let (backend, second) = (backend.clone(), second.clone());
        async move { if i % 8 == 0 { backend.close().await } else { second.list().await.map(drop) } }
    });
    for result in at_once(works).await? {
        result.during("reading one scope while another is closed")?;
    }
    ensure_stored(&*second, &spec).await
}
