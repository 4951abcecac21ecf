//! Rule 7: failures are honest.

use std::fmt::Debug;

use mcp_registry_spec::{Error, ErrorKind, Result};

use crate::case::{Checked, During, cases, ensure, refused};
use crate::context::{Context, handle, write};
use crate::sample::{digest, name, plain};

cases! {
    7 reads rule_07_an_absent_entry_is_not_in_registry;
    7 writes rule_07_an_absent_entry_beside_others_is_not_in_registry;
    7 writes rule_07_reads_without_storage_are_unavailable;
    7 writes rule_07_writes_without_storage_are_unavailable;
    7 writes rule_07_a_failure_stays_one;
}

fn absent<T: Debug>(step: &str, result: Result<T>, name: &str) -> Checked {
    let error = refused(step, result, ErrorKind::NotInRegistry)?;
    ensure!(!error.is_retryable(), "a retry does not bring an absent entry: {error:?}");
    ensure!(error.to_string().contains(name), "the error does not name the entry: {error:?}");
    Ok(())
}

async fn rule_07_an_absent_entry_is_not_in_registry(context: Context) -> Checked {
    let (_, backend) = context.main()?;
    absent("load in an empty scope", backend.load(&name("absent")?).await, "absent")?;
    absent("load through the handle", handle(&backend).load(&name("absent")?).await, "absent")?;
    absent("load for launch", handle(&backend).load_for_launch(&name("absent")?).await, "absent")
}

async fn rule_07_an_absent_entry_beside_others_is_not_in_registry(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    context.put(&scope, &plain("server")?).await?;
    for near in ["serve", "server2", "Server", "npx", "command"] {
        absent("load beside others", backend.load(&name(near)?).await, near)?;
    }
    Ok(())
}

fn unavailable<T: Debug>(step: &str, result: Result<T>) -> Checked<Error> {
    refused(&format!("{step} without storage"), result, ErrorKind::Unavailable)
}

async fn rule_07_reads_without_storage_are_unavailable(context: Context) -> Checked {
    let backend = context.unavailable().await?;
    let one = name("one")?;
    unavailable("list", backend.list().await)?;
    unavailable("load", backend.load(&one).await)?;
    unavailable("load_all", backend.load_all().await)?;
    unavailable("validate", backend.validate(&one).await)?;
    unavailable("validate_all", backend.validate_all().await)?;
    let registry = handle(&backend);
    unavailable("list through the handle", registry.list().await)?;
    unavailable("validate through the handle", registry.validate(&one).await)?;
    unavailable("load for launch", registry.load_for_launch(&one).await).map(drop)
}

async fn rule_07_writes_without_storage_are_unavailable(context: Context) -> Checked {
    let backend = context.unavailable().await?;
    let spec = plain("one")?;
    let expected = context.expected();
    if expected.supports_install {
        unavailable("install", backend.install(&spec, &write()).await)?;
    }
    if expected.supports_update {
        unavailable("update", backend.update(&spec, &digest(&spec)?, &write()).await)?;
    }
    if expected.supports_uninstall {
        unavailable("uninstall", backend.uninstall(&spec.name, None, &write()).await)?;
    }
    Ok(())
}

async fn rule_07_a_failure_stays_one(context: Context) -> Checked {
    // An answer remembered from a failure, or made up after one, is no answer.
    let backend = context.unavailable().await?;
    let first = unavailable("list", backend.list().await)?;
    let second = unavailable("list once more", backend.list().await)?;
    ensure!(
        first.is_retryable() == second.is_retryable(),
        "whether a retry helps changed without cause: {first:?}, then {second:?}"
    );
    backend.close().await.during("close without storage")
}
