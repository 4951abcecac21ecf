//! Rule 16: validation.

use std::sync::Arc;

use mcp_registry_spec::FixedEnvironment;

use crate::case::{Checked, During, cases, ensure, ensure_eq};
use crate::context::{Context, ensure_stored, handle};
use crate::sample::{SECRET, name, plain};

cases! {
    16 reads rule_16_a_missing_entry_is_not_ok_and_no_error;
    16 writes rule_16_a_good_entry_is_ok;
    16 writes rule_16_a_broken_entry_is_not_ok_and_no_error;
    16 writes rule_16_validate_all_covers_every_entry;
}

async fn rule_16_a_missing_entry_is_not_ok_and_no_error(context: Context) -> Checked {
    let (_, backend) = context.main()?;
    let absent = name("absent")?;
    for (by, result) in [
        ("the backend", backend.validate(&absent).await.during("validate of an absent entry")?),
        ("the handle", handle(&backend).validate(&absent).await.during("validate through the handle")?),
    ] {
        ensure!(!result.is_ok(), "{by} finds nothing wrong with an entry that is not there");
        ensure_eq!(result.name, "absent", "the name in the result of {by}");
        ensure!(result.errors.iter().all(|e| !e.is_empty()), "{by} gives no reason: {result:?}");
    }
    Ok(())
}

async fn rule_16_a_good_entry_is_ok(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let spec = plain("one")?;
    context.put(&scope, &spec).await?;
    let result = backend.validate(&spec.name).await.during("validate")?;
    ensure!(result.is_ok() && result.name == "one", "a good entry is not ok: {result:?}");
    let client = Arc::new(FixedEnvironment::new().with_command("npx"));
    let result = handle(&backend).with_environment(client).validate(&spec.name).await.during("validate")?;
    ensure!(result.is_ok() && result.warnings.is_empty(), "a good entry is warned of: {result:?}");
    ensure_stored(&*backend, &spec).await
}

async fn rule_16_a_broken_entry_is_not_ok_and_no_error(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let broken = name("broken")?;
    context.break_entry(&scope, &broken, SECRET).await?;
    let result = backend.validate(&broken).await.during("validate of a broken entry")?;
    ensure!(!result.is_ok() && result.name == "broken", "nothing is found wrong with a broken entry: {result:?}");
    Ok(())
}

async fn rule_16_validate_all_covers_every_entry(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    for text in ["b", "a", "C"] {
        context.put(&scope, &plain(text)?).await?;
    }
    for (by, results) in [
        ("the backend", backend.validate_all().await.during("validate_all")?),
        ("the handle", handle(&backend).validate_all().await.during("validate_all")?),
    ] {
        let names: Vec<_> = results.iter().map(|r| r.name.as_str()).collect();
        ensure_eq!(names, ["C", "a", "b"], "what {by} validates, in list order");
        ensure!(results.iter().all(|r| r.is_ok()), "{by} finds something wrong with good entries: {results:?}");
    }
    Ok(())
}
