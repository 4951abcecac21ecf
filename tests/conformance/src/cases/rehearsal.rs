//! Rule 29: rehearsals.

use mcp_registry_spec::{ErrorKind, McpServerRegistryBackend, Rehearsal, ServerName, Write};
use serde_json::json;

use crate::case::{Checked, During, cases, ensure, ensure_eq, refused};
use crate::context::{Context, ensure_empty, ensure_stored, ignored, write};
use crate::sample::{SECRET, described, digest, name, plain, spec};

cases! {
    29 writes rule_29_a_rehearsal_changes_nothing;
    29 writes rule_29_the_write_stores_what_was_rehearsed;
    29 writes rule_29_a_rehearsal_fails_as_the_write_does;
    29 writes rule_29_a_rehearsal_of_what_is_not_claimed_is_unsupported;
    29 writes rule_29_literals_and_what_is_broken_are_hidden;
}

async fn rehearsed(backend: &dyn McpServerRegistryBackend, planned: &Write) -> Checked<Rehearsal> {
    match backend.rehearse(planned, &write()).await.during("rehearse")? {
        Some(rehearsal) => Ok(rehearsal),
        None => ignored("the backend rehearses nothing"),
    }
}

async fn rule_29_a_rehearsal_changes_nothing(context: Context) -> Checked {
    context.needs_install().await?;
    let (scope, backend) = context.main()?;
    let (old, new) = (described("one", "old")?, described("one", "new")?);
    rehearsed(&*backend, &Write::Install(old.clone())).await?;
    ensure_empty(&*backend).await?;
    if let Ok(scopes) = backend.scopes().await {
        ensure!(!scopes.contains(&scope), "rehearsing made the scope");
    }
    context.put(&scope, &old).await?;
    let revision = backend.revision().await.during("revision")?;
    rehearsed(&*backend, &Write::Install(plain("two")?)).await?;
    if context.expected().supports_update {
        rehearsed(&*backend, &Write::Update(new, digest(&old)?)).await?;
    }
    if context.expected().supports_uninstall {
        rehearsed(&*backend, &Write::Uninstall(old.name.clone(), None)).await?;
    }
    ensure_stored(&*backend, &old).await?;
    ensure_eq!(backend.list().await.during("list")?.names().len(), 1, "the number of entries");
    ensure_eq!(backend.revision().await.during("revision")?, revision, "the revision after rehearsing");
    if context.expected().supports_audit {
        ensure_eq!(backend.audit(0, 100).await.during("audit")?.len(), 1, "the number of records");
    }
    Ok(())
}

async fn rule_29_the_write_stores_what_was_rehearsed(context: Context) -> Checked {
    context.needs_install().await?;
    let (scope, backend) = context.main()?;
    context.put(&scope, &plain("neighbour")?).await?;
    let (old, new) = (described("one", "old")?, described("one", "new")?);
    let (was, is) = (digest(&old)?, digest(&new)?);
    let mut writes = vec![Write::Install(old)];
    if context.expected().supports_update {
        writes.push(Write::Update(new, was));
        if context.expected().supports_uninstall {
            writes.push(Write::Uninstall(name("one")?, Some(is)));
        }
    }
    for planned in writes {
        let first = rehearsed(&*backend, &planned).await?;
        ensure!(first.before != first.after, "a rehearsal shows no difference, where the write makes one");
        ensure!(rehearsed(&*backend, &planned).await?.after == first.after, "two rehearsals of one write differ");
        match &planned {
            Write::Install(spec) => backend.install(spec, &write()).await.during("install").map(drop)?,
            Write::Update(spec, seen) => backend.update(spec, seen, &write()).await.during("update").map(drop)?,
            Write::Uninstall(name, seen) => {
                backend.uninstall(name, seen.as_ref(), &write()).await.during("uninstall")?;
            }
        }
        let next = rehearsed(&*backend, &Write::Install(plain("another")?)).await?;
        ensure_eq!(next.place, first.place, "what the text is called");
        ensure!(next.before == first.after, "the write stored another text than was rehearsed");
    }
    Ok(())
}

async fn rule_29_a_rehearsal_fails_as_the_write_does(context: Context) -> Checked {
    context.needs_install().await?;
    let (scope, backend) = context.main()?;
    let (there, absent) = (plain("one")?, plain("absent")?);
    rehearsed(&*backend, &Write::Install(there.clone())).await?;
    context.put(&scope, &there).await?;
    let other = digest(&absent)?;
    let mut refusals = vec![(Write::Install(described("one", "new")?), ErrorKind::AlreadyInstalled)];
    if context.expected().supports_update {
        refusals.push((Write::Update(there.clone(), other), ErrorKind::Conflict));
        refusals.push((Write::Update(absent.clone(), other), ErrorKind::NotInRegistry));
    }
    if context.expected().supports_uninstall {
        refusals.push((Write::Uninstall(there.name.clone(), Some(other)), ErrorKind::Conflict));
    }
    for (planned, kind) in refusals {
        refused("a rehearsal of what is refused", backend.rehearse(&planned, &write()).await, kind)?;
    }
    if context.expected().supports_uninstall {
        let nothing = rehearsed(&*backend, &Write::Uninstall(absent.name, Some(other))).await?;
        ensure!(nothing.before == nothing.after, "removing what is absent is rehearsed as a change");
    }
    Ok(())
}

async fn rule_29_a_rehearsal_of_what_is_not_claimed_is_unsupported(context: Context) -> Checked {
    let (_, backend) = context.main()?;
    let (expected, entry) = (context.expected(), plain("one")?);
    let seen = digest(&entry)?;
    let unclaimed = [
        (expected.supports_install, Write::Install(entry.clone())),
        (expected.supports_update, Write::Update(entry.clone(), seen)),
        (expected.supports_uninstall, Write::Uninstall(entry.name, None)),
    ];
    for (_, planned) in unclaimed.iter().filter(|(claimed, _)| !claimed) {
        match backend.rehearse(planned, &write()).await {
            Ok(None) => {}
            other => drop(refused("a rehearsal of what is not claimed", other, ErrorKind::Unsupported)?),
        }
    }
    Ok(())
}

async fn rule_29_literals_and_what_is_broken_are_hidden(context: Context) -> Checked {
    context.needs_install().await?;
    let (scope, backend) = context.main()?;
    rehearsed(&*backend, &Write::Install(plain("one")?)).await?;
    let entry = spec(json!({
        "name": "one", "command": "npx", "args": ["--api-key", SECRET], "env": {"API_KEY": SECRET},
        "note": {"password": SECRET},
    }))?;
    let rehearsal = rehearsed(&*backend, &Write::Install(entry.clone())).await?;
    ensure_hidden(&rehearsal.after, &rehearsal)?;
    context.put(&scope, &entry).await?;
    let another = Write::Install(described("another", "server")?);
    ensure_hidden(&rehearsed(&*backend, &another).await?.before, &rehearsal)?;
    let broken: ServerName = name("broken")?;
    context.break_entry(&scope, &broken, SECRET).await?;
    ensure_hidden(&rehearsed(&*backend, &another).await?.before, &rehearsal)
}

/// Asserts that nothing secret is left of a text where its hidden extents are taken out.
fn ensure_hidden(text: &str, rehearsal: &Rehearsal) -> Checked {
    let mut left = text.to_owned();
    let mut hidden = (rehearsal.hidden)(text, 0..text.len());
    hidden.sort_by_key(|range| range.start);
    for range in hidden.into_iter().rev() {
        ensure!(
            left.get(range.clone()).is_some(),
            "a hidden extent is none of the text, or lies in another: {range:?}"
        );
        left.replace_range(range, "");
    }
    ensure!(!left.contains(SECRET), "a secret is not in what is hidden of the text");
    Ok(())
}
