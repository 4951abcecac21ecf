//! Rule 9: writes at the same time, within one process.

use std::future::Future;
use std::pin::pin;
use std::task::{Context as Waking, Poll, Waker};

use mcp_registry_spec::{ErrorKind, McpServerRef, McpServerSpec, Result};

use crate::case::{Checked, During, Stop, cases, ensure, ensure_eq};
use crate::context::{Context, TASKS, at_once, ensure_stored, write};
use crate::sample::{described, digest, plain};

cases! {
    9 writes rule_09_concurrent_installs_of_one_name_have_one_winner;
    9 writes rule_09_concurrent_installs_of_different_names_all_win;
    9 writes rule_09_concurrent_updates_of_one_entry_have_one_winner;
    9 writes rule_09_concurrent_uninstalls_and_installs_leave_whole_entries;
    9 writes rule_09_readers_see_the_old_or_the_new_entry;
    9 writes rule_09_a_write_given_up_halfway_leaves_the_old_or_the_new;
}

/// Of writes to one name, the one that won; all others failed as `kind`.
fn one_winner(specs: &[McpServerSpec], results: Vec<Result<McpServerRef>>, kind: ErrorKind) -> Checked<&McpServerSpec> {
    let mut winners = Vec::new();
    for (spec, result) in specs.iter().zip(results) {
        match result {
            Ok(_) => winners.push(spec),
            Err(error) => ensure_eq!(error.kind(), kind, "the error of one that did not win ({error})"),
        }
    }
    match winners.as_slice() {
        [winner] => Ok(winner),
        _ => Err(Stop::Failed(format!("one must win, but {} of {} did", winners.len(), specs.len()))),
    }
}

/// Entries of one name, each with another content.
fn rivals() -> Checked<Vec<McpServerSpec>> {
    (0..TASKS).map(|i| described("one", &format!("rival {i}"))).collect()
}

async fn rule_09_concurrent_installs_of_one_name_have_one_winner(context: Context) -> Checked {
    context.needs_install().await?;
    // A race is won by chance: several rounds, each on one instance and on one for each task.
    for round in 0..4 {
        let scope = context.scope(&format!("r{round}"))?;
        let shared = context.open(&scope)?;
        let specs = rivals()?;
        let mut installs = Vec::new();
        for spec in specs.clone() {
            let backend = if round % 2 == 0 { shared.clone() } else { context.open(&scope)? };
            installs.push(async move { backend.install(&spec, &write()).await });
        }
        let winner = one_winner(&specs, at_once(installs).await?, ErrorKind::AlreadyInstalled)?;
        ensure_stored(&*shared, winner).await?;
        ensure_eq!(shared.list().await.during("list")?.names().len(), 1, "the number of entries");
    }
    Ok(())
}

async fn rule_09_concurrent_installs_of_different_names_all_win(context: Context) -> Checked {
    context.needs_install().await?;
    for round in 0..2 {
        let scope = context.scope(&format!("r{round}"))?;
        let shared = context.open(&scope)?;
        let specs: Vec<_> = (0..TASKS).map(|i| plain(&format!("server-{i}"))).collect::<Checked<_>>()?;
        let mut installs = Vec::new();
        for spec in specs.clone() {
            let backend = if round % 2 == 0 { shared.clone() } else { context.open(&scope)? };
            installs.push(async move { backend.install(&spec, &write()).await });
        }
        for result in at_once(installs).await? {
            result.during("one of many installs of different names")?;
        }
        for spec in &specs {
            ensure_stored(&*shared, spec).await?;
        }
        ensure_eq!(shared.list().await.during("list")?.names().len(), TASKS, "the number of entries");
    }
    Ok(())
}

async fn rule_09_concurrent_updates_of_one_entry_have_one_winner(context: Context) -> Checked {
    context.needs_update().await?;
    for round in 0..4 {
        let scope = context.scope(&format!("r{round}"))?;
        let shared = context.open(&scope)?;
        let old = plain("one")?;
        context.put(&scope, &old).await?;
        let expected = digest(&old)?;
        let specs = rivals()?;
        let mut updates = Vec::new();
        for spec in specs.clone() {
            let backend = if round % 2 == 0 { shared.clone() } else { context.open(&scope)? };
            updates.push(async move { backend.update(&spec, &expected, &write()).await });
        }
        let winner = one_winner(&specs, at_once(updates).await?, ErrorKind::Conflict)?;
        ensure_stored(&*shared, winner).await?;
    }
    Ok(())
}

async fn rule_09_concurrent_uninstalls_and_installs_leave_whole_entries(context: Context) -> Checked {
    context.needs_install().await?;
    context.needs_uninstall().await?;
    let (scope, backend) = context.main()?;
    let bystander = plain("bystander")?;
    context.put(&scope, &bystander).await?;
    let specs = rivals()?;
    let works = specs.clone().into_iter().map(|spec| {
        let backend = backend.clone();
        async move {
            match backend.install(&spec, &write()).await {
                Err(error) if error.kind() != ErrorKind::AlreadyInstalled => Err(error),
                _ => backend.uninstall(&spec.name, None, &write()).await,
            }
        }
    });
    for result in at_once(works).await? {
        result.during("one of many installs and uninstalls of one name")?;
    }
    ensure_stored(&*backend, &bystander).await?;
    ensure_eq!(backend.list().await.during("list")?.names().len(), 1, "what is left once each has uninstalled");
    Ok(())
}

async fn rule_09_readers_see_the_old_or_the_new_entry(context: Context) -> Checked {
    context.needs_update().await?;
    let (scope, writer) = context.main()?;
    let padding = "x".repeat(20_000);
    let versions = [described("one", &format!("{padding} 1"))?, described("one", &format!("{padding} 2"))?];
    let [first, second] = &versions;
    context.put(&scope, first).await?;
    let reader = context.open(&scope)?;
    let known = versions.clone();
    let (done, mut over) = tokio::sync::watch::channel(false);
    let reading = tokio::spawn(async move {
        let mut reads = 0_usize;
        while !*over.borrow_and_update() || reads == 0 {
            let name = &known.first().ok_or_else(|| Stop::Failed("no version".to_owned()))?.name;
            let found = reader.load(name).await.during("load while another writes")?;
            ensure!(known.contains(&found), "a reader saw neither the old nor the new entry: {found:?}");
            let listing = reader.list().await.during("list while another writes")?;
            ensure!(
                listing.servers.len() == 1 && listing.broken.is_empty(),
                "a reader saw neither the old nor the new listing"
            );
            reads += 1;
            tokio::task::yield_now().await;
        }
        Ok(())
    });
    for _ in 0..20 {
        writer.update(second, &digest(first)?, &write()).await.during("update")?;
        writer.update(first, &digest(second)?, &write()).await.during("update back")?;
        tokio::task::yield_now().await;
    }
    // The reader may have failed, and left, already.
    let _ = done.send(true);
    reading.await.map_err(|panic| Stop::Failed(format!("reading panicked: {panic}")))?
}

async fn rule_09_a_write_given_up_halfway_leaves_the_old_or_the_new(context: Context) -> Checked {
    context.needs_install().await?;
    let (_, backend) = context.main()?;
    let spec = plain("given-up")?;
    {
        let context = write();
        let mut install = pin!(backend.install(&spec, &context));
        if let Poll::Ready(result) = install.as_mut().poll(&mut Waking::from_waker(Waker::noop())) {
            result.during("install")?;
        }
    }
    let other = plain("other")?;
    backend.install(&other, &write()).await.during("install after a write was given up")?;
    ensure_stored(&*backend, &other).await?;
    match backend.load(&spec.name).await {
        Ok(found) => ensure!(found == spec, "a write given up halfway left another entry: {found:?}"),
        Err(error) => ensure_eq!(error.kind(), ErrorKind::NotInRegistry, "the error of a write that was given up"),
    }
    Ok(())
}
