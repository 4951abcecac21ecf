//! Rules 18 and 19: what writes answer, and what accompanies them.

use mcp_registry_spec::{ErrorKind, Literals, McpServerRef, WriteContext};

use crate::case::{Checked, During, Stop, cases, ensure, ensure_eq, refused};
use crate::context::{Context, ensure_empty, ensure_stored, handle, write};
use crate::fixture::Backend;
use crate::sample::{described, digest, plain, secretive};

cases! {
    18 writes rule_18_writes_answer_with_the_line_that_is_listed;
    19 writes rule_19_the_write_context_changes_nothing_in_the_entry;
    19 writes rule_19_literals_are_refused_unless_allowed;
}

async fn listed(backend: &Backend, line: &McpServerRef) -> Checked {
    let listing = backend.list().await.during("list")?;
    match listing.servers.as_slice() {
        [only] => {
            ensure_eq!(line, only, "the line that the write gave, and the one that is listed");
            Ok(())
        }
        other => Err(Stop::Failed(format!("one entry must be listed, but there are {other:?}"))),
    }
}

async fn rule_18_writes_answer_with_the_line_that_is_listed(context: Context) -> Checked {
    context.needs_install().await?;
    let (_, backend) = context.main()?;
    let old = described("one", "old")?;
    listed(&backend, &backend.install(&old, &write()).await.during("install")?).await?;
    if context.expected().supports_update {
        let new = described("one", "new")?;
        listed(&backend, &backend.update(&new, &digest(&old)?, &write()).await.during("update")?).await?;
    }
    Ok(())
}

async fn rule_19_the_write_context_changes_nothing_in_the_entry(context: Context) -> Checked {
    context.needs_install().await?;
    let (_, backend) = context.main()?;
    let long = "x".repeat(1_000);
    let contexts = [
        WriteContext::new(),
        WriteContext::new().actor("").request_id(""),
        WriteContext::new().actor("an \"actor\", ü\n## x").request_id("'; --\u{1b}[31m\r\n"),
        WriteContext::new().actor(long.clone()).request_id(long),
    ];
    for (i, write) in contexts.iter().enumerate() {
        let spec = plain(&format!("server-{i}"))?;
        backend.install(&spec, write).await.during("install")?;
        ensure_stored(&*backend, &spec).await?;
        if context.expected().supports_uninstall {
            backend.uninstall(&spec.name, None, write).await.during("uninstall")?;
            ensure_empty(&*backend).await?;
        }
    }
    Ok(())
}

async fn rule_19_literals_are_refused_unless_allowed(context: Context) -> Checked {
    context.needs_install().await?;
    let (_, backend) = context.main()?;
    let registry = handle(&backend);
    let (secretive, plain) = (secretive("one")?, plain("one")?);
    let refuse = WriteContext::new().literals(Literals::Refuse);
    refused("install of a literal secret", registry.install(&secretive, &refuse).await, ErrorKind::InvalidSpec)?;
    ensure_empty(&*backend).await?;
    registry.install(&plain, &refuse).await.during("install without literal secrets")?;
    if context.expected().supports_update {
        let result = registry.update(&secretive, &digest(&plain)?, &refuse).await;
        refused("update to a literal secret", result, ErrorKind::InvalidSpec)?;
        ensure_stored(&*backend, &plain).await?;
        registry.update(&secretive, &digest(&plain)?, &write()).await.during("update with literals allowed")?;
        ensure!(backend.load(&secretive.name).await.during("load")? == secretive, "the literals were changed");
    }
    Ok(())
}
