//! Rule 20: revisions.

use mcp_registry_spec::{McpServerRegistryBackend, Revision};

use crate::case::{Checked, During, cases, ensure, ensure_eq};
use crate::context::{Context, ignored, write};
use crate::sample::{SECRET, described, digest, name, plain};

cases! {
    20 writes rule_20_the_revision_changes_with_the_content;
    20 writes rule_20_the_revision_stays_while_the_content_does;
    20 writes rule_20_the_revision_changes_with_what_others_do;
}

async fn revision(backend: &dyn McpServerRegistryBackend) -> Checked<Revision> {
    match backend.revision().await.during("revision")? {
        Some(revision) => Ok(revision),
        None => ignored("the backend offers no revision"),
    }
}

async fn rule_20_the_revision_changes_with_the_content(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let mut before = revision(&*backend).await?;
    let (old, new) = (described("one", "old")?, described("one", "new")?);
    context.put(&scope, &old).await?;
    let mut changed = async |step: &str| {
        let after = revision(&*backend).await?;
        ensure!(after != before, "the revision after {step} is still {before:?}");
        before = after;
        Ok(())
    };
    changed("a new entry").await?;
    if context.expected().supports_update {
        backend.update(&new, &digest(&old)?, &write()).await.during("update")?;
        changed("an update").await?;
    }
    if context.expected().supports_uninstall {
        backend.uninstall(&new.name, None, &write()).await.during("uninstall")?;
        changed("an uninstall").await?;
    }
    Ok(())
}

async fn rule_20_the_revision_stays_while_the_content_does(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    revision(&*backend).await?;
    context.put(&scope, &plain("one")?).await?;
    let before = revision(&*backend).await?;
    backend.list().await.during("list")?;
    backend.load_all().await.during("load_all")?;
    backend.validate(&name("one")?).await.during("validate")?;
    context.put(&context.scope("b")?, &plain("one")?).await?;
    ensure_eq!(revision(&*backend).await?, before, "the revision after reading, and after a write to another scope");
    ensure_eq!(revision(&*context.open(&scope)?).await?, before, "the revision that another instance gives");
    Ok(())
}

async fn rule_20_the_revision_changes_with_what_others_do(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let before = revision(&*backend).await?;
    context.break_entry(&scope, &name("broken")?, SECRET).await?;
    ensure!(revision(&*backend).await? != before, "the revision after a change behind the backend's back is the same");
    Ok(())
}
