//! Rule 13: listings.

use mcp_registry_spec::TransportKind;
use serde_json::json;

use crate::case::{Checked, During, cases, ensure, ensure_eq};
use crate::context::{Context, handle};
use crate::sample::{SECRET, described, name, plain, secretive, spec};

cases! {
    13 writes rule_13_listings_are_sorted_by_bytes;
    13 writes rule_13_a_line_says_what_the_entry_is;
    13 writes rule_13_broken_entries_stand_beside_the_good_ones;
    13 writes rule_13_a_listing_of_many_is_whole;
}

/// Names whose order by bytes is neither that of dictionaries nor that of their installation.
const UNSORTED: &[&str] = &["b", "a.b", "B", "a", "a-b", "_", "10", "9", "@a", "+", "a_b", "Z", "ab", "A"];

fn sorted() -> Vec<String> {
    let mut names: Vec<_> = UNSORTED.iter().map(|n| (*n).to_owned()).collect();
    names.sort();
    names
}

async fn rule_13_listings_are_sorted_by_bytes(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    for text in UNSORTED {
        context.put(&scope, &plain(text)?).await?;
    }
    let names = |listing: mcp_registry_spec::Listing| -> Vec<_> {
        listing.servers.into_iter().map(|s| s.name.to_string()).collect()
    };
    ensure_eq!(names(backend.list().await.during("list")?), sorted(), "the names as the backend lists them");
    ensure_eq!(names(handle(&backend).list().await.during("list")?), sorted(), "the names as the handle lists them");
    let again = backend.list().await.during("list")?;
    ensure!(again == backend.list().await.during("list")?, "two listings with nothing between them differ");
    Ok(())
}

async fn rule_13_a_line_says_what_the_entry_is(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    let remote = |name: &str, transport: &str| {
        spec(json!({"name": name, "url": "https://example.org/mcp", "transport": transport, "description": "remote"}))
    };
    let specs = [described("a", "local")?, remote("b", "streamable-http")?, remote("c", "sse")?, described("d", "")?];
    for spec in &specs {
        context.put(&scope, spec).await?;
    }
    let listing = backend.list().await.during("list")?;
    let kinds: Vec<_> = listing.servers.iter().map(|s| s.transport).collect();
    let expected = [TransportKind::Stdio, TransportKind::StreamableHttp, TransportKind::Sse, TransportKind::Stdio];
    ensure_eq!(kinds, expected, "the transports");
    let descriptions: Vec<_> = listing.servers.iter().map(|s| s.description.as_str()).collect();
    ensure_eq!(descriptions, ["local", "remote", "remote", ""], "the descriptions");
    Ok(())
}

async fn rule_13_broken_entries_stand_beside_the_good_ones(context: Context) -> Checked {
    let (scope, backend) = context.main()?;
    for text in ["d", "b"] {
        context.put(&scope, &secretive(text)?).await?;
    }
    for text in ["e", "a", "C"] {
        context.break_entry(&scope, &name(text)?, SECRET).await?;
    }
    let listing = backend.list().await.during("list")?;
    let good: Vec<_> = listing.servers.iter().map(|s| s.name.as_str()).collect();
    let broken: Vec<_> = listing.broken.iter().map(|b| b.name.as_str()).collect();
    ensure_eq!(good, ["b", "d"], "the good entries");
    ensure_eq!(broken, ["C", "a", "e"], "the broken entries");
    Ok(())
}

async fn rule_13_a_listing_of_many_is_whole(context: Context) -> Checked {
    // More than a page of most services.
    const MANY: usize = 120;
    let (scope, backend) = context.main()?;
    for i in 0..MANY {
        context.put(&scope, &plain(&format!("server-{i:03}"))?).await?;
    }
    ensure_eq!(backend.list().await.during("list")?.servers.len(), MANY, "the number of entries listed");
    ensure_eq!(backend.load_all().await.during("load_all")?.len(), MANY, "the number of entries loaded");
    Ok(())
}
