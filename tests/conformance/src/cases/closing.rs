//! Rule 6: who a backend is, and letting go of it.

use mcp_registry_spec::ErrorKind;

use crate::case::{Checked, During, cases, ensure, ensure_eq};
use crate::context::{Context, TASKS, at_once, ensure_empty, ensure_stored, handle};
use crate::sample::plain;

cases! {
    6 reads rule_06_the_id_is_stable_and_the_registered_one;
    6 reads rule_06_close_before_any_other_call_is_harmless;
    6 reads rule_06_close_is_idempotent;
    6 writes rule_06_close_loses_nothing;
    6 reads rule_06_a_call_after_close_answers;
}

async fn rule_06_the_id_is_stable_and_the_registered_one(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let expected = context.fixture().backend_id();
    for _ in 0..3 {
        ensure_eq!(backend.backend_id(), expected, "the id");
    }
    ensure_empty(&*backend).await?;
    ensure_eq!(backend.backend_id(), expected, "the id after a call");
    ensure_eq!(handle(&backend).backend_id(), expected, "the id that the handle gives");
    backend.close().await.during("close")?;
    ensure_eq!(backend.backend_id(), expected, "the id after close");
    ensure_eq!(context.open(&scope)?.backend_id(), expected, "the id of another instance");
    Ok(())
}

async fn rule_06_close_before_any_other_call_is_harmless(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    backend.close().await.during("close before any other call")?;
    ensure_empty(&*context.open(&scope)?).await
}

async fn rule_06_close_is_idempotent(context: Context) -> Checked {
    let (_, backend) = context.main()?;
    ensure_empty(&*backend).await?;
    for time in ["the first close", "the second close", "the third close"] {
        backend.close().await.during(time)?;
    }
    let (_, backend) = context.main()?;
    let closes = (0..TASKS).map(|_| {
        let backend = backend.clone();
        async move { backend.close().await }
    });
    at_once(closes).await?.into_iter().try_for_each(|closed| closed.during("one of many closes at once"))
}

async fn rule_06_close_loses_nothing(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let spec = plain("one")?;
    context.put(&scope, &spec).await?;
    ensure_stored(&*backend, &spec).await?;
    backend.close().await.during("close")?;
    ensure_stored(&*context.open(&scope)?, &spec).await
}

async fn rule_06_a_call_after_close_answers(context: Context) -> Checked {
    let (_, backend) = context.main()?;
    ensure_empty(&*backend).await?;
    backend.close().await.during("close")?;
    // Working on and refusing are both fine; hanging, panicking and other kinds are not.
    match backend.list().await {
        Ok(listing) => ensure!(listing.names().is_empty(), "a listing after close is made up: {listing:?}"),
        Err(error) => ensure_eq!(error.kind(), ErrorKind::Unavailable, "the error of a call after close"),
    }
    Ok(())
}
