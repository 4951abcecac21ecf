//! Rule 10: bulk equals one by one.

use mcp_registry_spec::{Loaded, McpServerRegistryBackend};

use crate::case::{Checked, During, cases, ensure, ensure_eq};
use crate::context::{Context, handle};
use crate::sample::{SECRET, name, plain, secretive, secretive_remote};

cases! {
    10 writes rule_10_load_all_gives_what_load_gives;
    10 writes rule_10_load_all_gives_broken_entries_too;
}

async fn one_by_one(backend: &dyn McpServerRegistryBackend) -> Checked<Vec<Loaded>> {
    let listing = backend.list().await.during("list")?;
    let mut all = Vec::new();
    for name in listing.names() {
        all.push(Loaded { name: name.clone(), result: backend.load(name).await });
    }
    Ok(all)
}

async fn agree(backend: &crate::Backend) -> Checked<Vec<Loaded>> {
    let single = one_by_one(&**backend).await?;
    let bulk = backend.load_all().await.during("load_all")?;
    let names = |all: &[Loaded]| all.iter().map(|l| l.name.clone()).collect::<Vec<_>>();
    ensure_eq!(names(&bulk), names(&single), "the names of load_all, in list order");
    for (bulk, single) in bulk.iter().zip(&single) {
        ensure!(bulk == single, "{}: load_all gives {:?}, load gives {:?}", bulk.name, bulk.result, single.result);
    }
    ensure!(
        handle(backend).load_all().await.during("load_all of the handle")? == bulk,
        "the handle gives another bulk"
    );
    let listed: Vec<_> = backend.validate_all().await.during("validate_all")?;
    for (name, result) in names(&bulk).iter().zip(&single) {
        let alone = backend.validate(name).await.during("validate")?;
        ensure_eq!(alone.is_ok(), result.result.is_ok(), "whether {name} is valid");
        ensure!(listed.contains(&alone), "validate_all does not hold what validate gives for {name}: {listed:?}");
    }
    Ok(bulk)
}

async fn rule_10_load_all_gives_what_load_gives(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    for spec in [plain("b")?, secretive("c")?, secretive_remote("a")?, plain("B")?, plain("a-")?] {
        context.put(&scope, &spec).await?;
    }
    ensure_eq!(agree(&backend).await?.len(), 5, "the number of results");
    Ok(())
}

async fn rule_10_load_all_gives_broken_entries_too(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    for good in ["a", "c", "e"] {
        context.put(&scope, &plain(good)?).await?;
    }
    for broken in ["b", "d"] {
        context.break_entry(&scope, &name(broken)?, SECRET).await?;
    }
    let ok: Vec<_> = agree(&backend).await?.iter().map(|l| l.result.is_ok()).collect();
    ensure_eq!(ok, [true, false, true, false, true], "which entries load");
    Ok(())
}
