//! Rule 17: broken entries.

use mcp_registry_spec::{ErrorKind, ServerName};

use crate::case::{Checked, During, Stop, cases, ensure, ensure_eq, refused};
use crate::context::{Context, ensure_empty, ensure_stored, write};
use crate::fixture::Backend;
use crate::sample::{SECRET, described, digest, name, plain};

cases! {
    17 writes rule_17_a_broken_entry_is_listed_with_the_error_of_loading_it;
    17 writes rule_17_a_broken_entry_does_not_hide_the_others;
    17 writes rule_17_a_broken_entry_blocks_its_name;
    17 writes rule_17_a_broken_entry_is_not_updated;
    17 writes rule_17_a_broken_entry_can_be_uninstalled;
}

async fn with_broken(context: &Context) -> Checked<(Backend, ServerName)> {
    let (scope, backend) = context.main()?;
    let broken = name("broken")?;
    context.break_entry(&scope, &broken, SECRET).await?;
    Ok((backend, broken))
}

/// Asserts that the entry is still there, and still broken.
async fn still_broken(backend: &Backend, name: &ServerName) -> Checked {
    refused("load of a broken entry", backend.load(name).await, ErrorKind::DescriptorInvalid)?;
    let listing = backend.list().await.during("list")?;
    ensure!(listing.broken.iter().any(|b| b.name == *name), "the broken entry is not listed as such: {listing:?}");
    Ok(())
}

async fn rule_17_a_broken_entry_is_listed_with_the_error_of_loading_it(context: Context) -> Checked {
    let (backend, broken) = with_broken(&context).await?;
    let error = refused("load of a broken entry", backend.load(&broken).await, ErrorKind::DescriptorInvalid)?;
    ensure!(!error.is_retryable(), "a retry does not mend an entry: {error:?}");
    let listing = backend.list().await.during("list")?;
    ensure!(listing.servers.is_empty(), "a broken entry is listed as a good one: {listing:?}");
    match listing.broken.as_slice() {
        [entry] => {
            ensure_eq!(entry.name, broken, "the name of the broken entry");
            ensure_eq!(entry.error, error, "the error that is listed and the one of loading");
            Ok(())
        }
        other => Err(Stop::Failed(format!("one broken entry must be listed, but there are {other:?}"))),
    }
}

async fn rule_17_a_broken_entry_does_not_hide_the_others(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    context.put(&scope, &plain("before")?).await?;
    context.break_entry(&scope, &name("broken")?, SECRET).await?;
    context.put(&scope, &plain("after")?).await?;
    ensure_stored(&*backend, &plain("before")?).await?;
    ensure_stored(&*backend, &plain("after")?).await?;
    still_broken(&backend, &name("broken")?).await
}

async fn rule_17_a_broken_entry_blocks_its_name(context: Context) -> Checked {
    context.needs_install().await?;
    let (backend, broken) = with_broken(&context).await?;
    let result = backend.install(&plain("broken")?, &write()).await;
    refused("install under the name of a broken entry", result, ErrorKind::AlreadyInstalled)?;
    still_broken(&backend, &broken).await
}

async fn rule_17_a_broken_entry_is_not_updated(context: Context) -> Checked {
    context.needs_update().await?;
    let (backend, broken) = with_broken(&context).await?;
    let new = described("broken", "mended")?;
    match backend.update(&new, &digest(&new)?, &write()).await {
        Ok(line) => return Err(Stop::Failed(format!("a broken entry has no digest, but was updated: {line:?}"))),
        Err(error) => ensure!(
            matches!(error.kind(), ErrorKind::DescriptorInvalid | ErrorKind::Conflict),
            "the update of a broken entry is descriptor_invalid or conflict, not {error:?}"
        ),
    }
    still_broken(&backend, &broken).await
}

async fn rule_17_a_broken_entry_can_be_uninstalled(context: Context) -> Checked {
    context.needs_uninstall().await?;
    let (backend, broken) = with_broken(&context).await?;
    let some = digest(&plain("broken")?)?;
    let result = backend.uninstall(&broken, Some(&some), &write()).await;
    refused("uninstall of a broken entry with a digest", result, ErrorKind::Conflict)?;
    still_broken(&backend, &broken).await?;
    backend.uninstall(&broken, None, &write()).await.during("uninstall of a broken entry")?;
    ensure_empty(&*backend).await
}
