//! Rule 23: calls.

use crate::case::{Checked, During, Stop, cases, ensure};
use crate::context::{Context, TASKS, at_once, ensure_stored};
use crate::sample::plain;

cases! {
    23 writes rule_23_reads_at_the_same_time_agree;
    23 writes rule_23_a_backend_may_be_used_from_any_thread;
}

async fn rule_23_reads_at_the_same_time_agree(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    for text in ["a", "b", "c"] {
        context.put(&scope, &plain(text)?).await?;
    }
    let listing = backend.list().await.during("list")?;
    let reads = (0..TASKS).map(|_| {
        let backend = backend.clone();
        async move { (backend.list().await, backend.load_all().await) }
    });
    for (listed, loaded) in at_once(reads).await? {
        ensure!(listed.during("one of many lists")? == listing, "two listings at the same time differ");
        ensure!(loaded.during("one of many load_alls")?.len() == 3, "a load_all among others is not whole");
    }
    Ok(())
}

async fn rule_23_a_backend_may_be_used_from_any_thread(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let spec = plain("one")?;
    context.put(&scope, &spec).await?;
    let runtime = tokio::runtime::Handle::current();
    let elsewhere = std::thread::spawn(move || runtime.block_on(async { ensure_stored(&*backend, &spec).await }));
    let joined = tokio::task::spawn_blocking(move || elsewhere.join()).await;
    joined
        .ok()
        .and_then(Result::ok)
        .unwrap_or_else(|| Err(Stop::Failed("a call from another thread panicked".to_owned())))
}
