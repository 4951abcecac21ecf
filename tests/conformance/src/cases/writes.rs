//! Rule 9: writes, one after the other.

use mcp_registry_spec::ErrorKind;

use crate::case::{Checked, During, cases, ensure, ensure_eq, refused};
use crate::context::{Context, ensure_empty, ensure_stored, write};
use crate::sample::{described, digest, name, plain};

cases! {
    9 writes rule_09_install_of_what_is_there_is_refused;
    9 writes rule_09_update_needs_the_digest_of_what_is_there;
    9 writes rule_09_update_replaces_the_entry_and_no_other;
    9 writes rule_09_update_of_an_absent_entry_is_not_in_registry;
    9 writes rule_09_update_to_the_same_content_succeeds;
    9 writes rule_09_uninstall_removes_the_entry_and_no_other;
    9 writes rule_09_uninstall_of_an_absent_entry_succeeds;
    9 writes rule_09_uninstall_with_another_digest_is_a_conflict;
    9 writes rule_09_a_name_can_be_installed_again;
}

async fn rule_09_install_of_what_is_there_is_refused(context: Context) -> Checked {
    context.needs_install().await?;
    let (scope, backend) = context.main()?;
    let (old, new) = (described("one", "old")?, described("one", "new")?);
    context.put(&scope, &old).await?;
    for spec in [&new, &old] {
        let error = refused("a second install", backend.install(spec, &write()).await, ErrorKind::AlreadyInstalled)?;
        ensure!(!error.is_retryable(), "a retry does not help where the name is taken: {error:?}");
        ensure_stored(&*backend, &old).await?;
    }
    ensure_eq!(backend.list().await.during("list")?.names().len(), 1, "the number of entries");
    Ok(())
}

async fn rule_09_update_needs_the_digest_of_what_is_there(context: Context) -> Checked {
    context.needs_update().await?;
    let (scope, backend) = context.main()?;
    let (first, second, third) = (described("one", "1")?, described("one", "2")?, described("one", "3")?);
    context.put(&scope, &first).await?;
    let conflict = backend.update(&second, &digest(&third)?, &write()).await;
    refused("update with another digest", conflict, ErrorKind::Conflict)?;
    ensure_stored(&*backend, &first).await?;
    let conflict = backend.update(&second, &digest(&second)?, &write()).await;
    refused("update with the digest of the new content", conflict, ErrorKind::Conflict)?;
    backend.update(&second, &digest(&first)?, &write()).await.during("update with the right digest")?;
    ensure_stored(&*backend, &second).await?;
    let conflict = backend.update(&third, &digest(&first)?, &write()).await;
    let error = refused("update with the digest of before", conflict, ErrorKind::Conflict)?;
    ensure!(!error.is_retryable(), "the same update would be a conflict again: {error:?}");
    ensure_stored(&*backend, &second).await
}

async fn rule_09_update_replaces_the_entry_and_no_other(context: Context) -> Checked {
    context.needs_update().await?;
    let (scope, backend) = context.main()?;
    let (old, new) = (described("b", "old")?, described("b", "new")?);
    let others = [plain("a")?, plain("c")?, plain("bb")?];
    for spec in others.iter().chain([&old]) {
        context.put(&scope, spec).await?;
    }
    backend.update(&new, &digest(&old)?, &write()).await.during("update")?;
    for spec in others.iter().chain([&new]) {
        ensure_stored(&*backend, spec).await?;
    }
    Ok(())
}

async fn rule_09_update_of_an_absent_entry_is_not_in_registry(context: Context) -> Checked {
    context.needs_update().await?;
    let (_, backend) = context.main()?;
    let spec = plain("absent")?;
    let result = backend.update(&spec, &digest(&spec)?, &write()).await;
    refused("update of an absent entry", result, ErrorKind::NotInRegistry)?;
    ensure_empty(&*backend).await
}

async fn rule_09_update_to_the_same_content_succeeds(context: Context) -> Checked {
    context.needs_update().await?;
    let (scope, backend) = context.main()?;
    let spec = plain("one")?;
    context.put(&scope, &spec).await?;
    backend.update(&spec, &digest(&spec)?, &write()).await.during("update to the same content")?;
    ensure_stored(&*backend, &spec).await
}

async fn rule_09_uninstall_removes_the_entry_and_no_other(context: Context) -> Checked {
    context.needs_uninstall().await?;
    let (scope, backend) = context.main()?;
    let (gone, others) = (plain("b")?, [plain("a")?, plain("c")?, plain("bb")?]);
    for spec in others.iter().chain([&gone]) {
        context.put(&scope, spec).await?;
    }
    backend.uninstall(&gone.name, Some(&digest(&gone)?), &write()).await.during("uninstall with the right digest")?;
    refused("load of what was uninstalled", backend.load(&gone.name).await, ErrorKind::NotInRegistry)?;
    ensure_eq!(backend.list().await.during("list")?.names().len(), others.len(), "the number of entries left");
    for spec in &others {
        ensure_stored(&*backend, spec).await?;
    }
    Ok(())
}

async fn rule_09_uninstall_of_an_absent_entry_succeeds(context: Context) -> Checked {
    context.needs_uninstall().await?;
    let (scope, backend) = context.main()?;
    let (absent, spec) = (name("absent")?, plain("one")?);
    backend.uninstall(&absent, None, &write()).await.during("uninstall in an empty scope")?;
    ensure_empty(&*backend).await?;
    context.put(&scope, &spec).await?;
    backend.uninstall(&absent, None, &write()).await.during("uninstall of an absent entry")?;
    let some = digest(&spec)?;
    backend.uninstall(&absent, Some(&some), &write()).await.during("uninstall of an absent entry with a digest")?;
    ensure_stored(&*backend, &spec).await?;
    for _ in 0..2 {
        backend.uninstall(&spec.name, Some(&some), &write()).await.during("uninstall, and once more")?;
    }
    ensure_empty(&*backend).await
}

async fn rule_09_uninstall_with_another_digest_is_a_conflict(context: Context) -> Checked {
    context.needs_uninstall().await?;
    let (scope, backend) = context.main()?;
    let spec = plain("one")?;
    context.put(&scope, &spec).await?;
    let other = digest(&described("one", "another")?)?;
    let result = backend.uninstall(&spec.name, Some(&other), &write()).await;
    refused("uninstall with another digest", result, ErrorKind::Conflict)?;
    ensure_stored(&*backend, &spec).await
}

async fn rule_09_a_name_can_be_installed_again(context: Context) -> Checked {
    context.needs_install().await?;
    context.needs_uninstall().await?;
    let (_, backend) = context.main()?;
    for description in ["first", "second", "third"] {
        let spec = described("one", description)?;
        backend.install(&spec, &write()).await.during("install")?;
        ensure_stored(&*backend, &spec).await?;
        backend.uninstall(&spec.name, None, &write()).await.during("uninstall")?;
        ensure_empty(&*backend).await?;
    }
    Ok(())
}
