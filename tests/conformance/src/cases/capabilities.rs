//! Rule 3: capabilities are honest.

use mcp_registry_spec::{Capabilities, ErrorKind, McpServerRegistryBackend};

use crate::case::{Checked, During, cases, ensure, ensure_eq, refused};
use crate::context::{Context, ensure_empty, ensure_stored, handle, ignored, write};
use crate::sample::{described, digest, plain};

cases! {
    3 reads rule_03_what_is_declared_is_conservative;
    3 reads rule_03_what_is_negotiated_is_what_the_resource_allows;
    3 writes rule_03_install_works_or_is_unsupported;
    3 writes rule_03_update_works_or_is_unsupported;
    3 writes rule_03_uninstall_works_or_is_unsupported;
    3 writes rule_03_the_handle_agrees;
    3 writes rule_03_durable_entries_are_there_when_opened_again;
}

/// The capabilities that callers act on, by name.
fn claims(c: Capabilities) -> [(&'static str, bool); 5] {
    [
        ("supports_install", c.supports_install),
        ("supports_update", c.supports_update),
        ("supports_uninstall", c.supports_uninstall),
        ("supports_audit", c.supports_audit),
        ("durable", c.durable),
    ]
}

async fn rule_03_what_is_declared_is_conservative(context: Context) -> Checked {
    let (_, backend) = context.main()?;
    let declared = backend.declared();
    for ((claim, declared), (_, expected)) in claims(declared).into_iter().zip(claims(context.expected())) {
        ensure!(!declared || expected, "{claim} is declared, but not what this resource allows");
    }
    if !declared.supports_capability_handshake {
        ensure_eq!(
            backend.capabilities().await.during("capabilities")?,
            declared,
            "without a handshake both views agree"
        );
    }
    ensure_eq!(backend.declared(), declared, "what the class can do does not change");
    Ok(())
}

async fn rule_03_what_is_negotiated_is_what_the_resource_allows(context: Context) -> Checked {
    let (_, backend) = context.main()?;
    ensure_eq!(backend.capabilities().await.during("capabilities")?, context.expected(), "capabilities");
    ensure_eq!(backend.refresh_capabilities().await.during("refresh_capabilities")?, context.expected(), "refreshed");
    ensure_eq!(
        backend.capabilities().await.during("capabilities")?,
        context.expected(),
        "capabilities after a refresh"
    );
    Ok(())
}

async fn rule_03_install_works_or_is_unsupported(context: Context) -> Checked {
    let (_, backend) = context.main()?;
    let spec = plain("one")?;
    let result = backend.install(&spec, &write()).await;
    if context.expected().supports_install {
        ensure_eq!(result.during("install")?.name, spec.name, "the name of the listing line that install gives");
        return ensure_stored(&*backend, &spec).await;
    }
    unsupported("install", result)?;
    ensure_empty(&*backend).await
}

async fn rule_03_update_works_or_is_unsupported(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let (old, new) = (described("one", "old")?, described("one", "new")?);
    if context.expected().supports_update {
        context.put(&scope, &old).await?;
        let line = backend.update(&new, &digest(&old)?, &write()).await.during("update")?;
        ensure_eq!(line.name, new.name, "the name of the listing line that update gives");
        return ensure_stored(&*backend, &new).await;
    }
    unsupported("update of what is absent", backend.update(&new, &digest(&old)?, &write()).await)?;
    ensure_empty(&*backend).await?;
    context.put(&scope, &old).await?;
    unsupported("update", backend.update(&new, &digest(&old)?, &write()).await)?;
    ensure_stored(&*backend, &old).await
}

async fn rule_03_uninstall_works_or_is_unsupported(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let spec = plain("one")?;
    if context.expected().supports_uninstall {
        context.put(&scope, &spec).await?;
        backend.uninstall(&spec.name, None, &write()).await.during("uninstall")?;
        return ensure_empty(&*backend).await;
    }
    unsupported("uninstall of what is absent", backend.uninstall(&spec.name, None, &write()).await)?;
    context.put(&scope, &spec).await?;
    unsupported("uninstall", backend.uninstall(&spec.name, None, &write()).await)?;
    unsupported("uninstall", backend.uninstall(&spec.name, Some(&digest(&spec)?), &write()).await)?;
    ensure_stored(&*backend, &spec).await
}

async fn rule_03_the_handle_agrees(context: Context) -> Checked {
    let (_, backend) = context.main()?;
    let registry = handle(&backend);
    let (old, new) = (described("one", "old")?, described("one", "new")?);
    let expected = context.expected();
    let installed = registry.install(&old, &write()).await.map(drop);
    check("install through the handle", expected.supports_install, installed)?;
    let updated = registry.update(&new, &digest(&old)?, &write()).await.map(drop);
    if expected.supports_install || !expected.supports_update {
        check("update through the handle", expected.supports_update, updated)?;
    }
    let gone = registry.uninstall(&old.name, None, &write()).await;
    check("uninstall through the handle", expected.supports_uninstall, gone)
}

fn check(step: &str, claimed: bool, result: mcp_registry_spec::Result<()>) -> Checked {
    if claimed { result.during(step) } else { unsupported(step, result) }
}

fn unsupported<T: std::fmt::Debug>(step: &str, result: mcp_registry_spec::Result<T>) -> Checked {
    let error = refused(&format!("{step}, which is not claimed,"), result, ErrorKind::Unsupported)?;
    ensure!(!error.is_retryable(), "a retry does not help where something is unsupported: {error:?}");
    Ok(())
}

async fn rule_03_durable_entries_are_there_when_opened_again(context: Context) -> Checked {
    if !context.expected().durable {
        return ignored("the backend is not durable");
    }
    let scope = context.scope("a")?;
    let spec = plain("one")?;
    context.put(&scope, &spec).await?;
    let first = context.open(&scope)?;
    ensure_stored(&*first, &spec).await?;
    first.close().await.during("close")?;
    drop(first);
    let second: crate::Backend = context.open(&scope)?;
    ensure_stored(&*second as &dyn McpServerRegistryBackend, &spec).await
}
