//! Entries as they lie in the database, and what others may do to them there.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use mcp_registry_spec::{
    Digest, ErrorKind, Locator, McpServerRegistryBackend as _, McpServerSpec, OpenRequest, ServerName, WriteContext,
};
use mcp_registry_sql::{Config, SqlBackend};
use mcp_registry_store::sqlx::{Row as _, query};
use mcp_registry_store::{Options, Query, Store};
use serde_json::json;
use tempfile::TempDir;

struct Place {
    folder: TempDir,
    backend: SqlBackend,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let locator = format!("sqlite:{}/registry.db", folder.path().display());
        let backend = SqlBackend::new(Config::from_request(&OpenRequest::new(&locator)).unwrap());
        Self { folder, backend }
    }

    fn store(&self) -> Store {
        let locator = format!("sqlite:{}/registry.db", self.folder.path().display());
        Store::new(&Locator::new(&locator), Options::default()).unwrap()
    }

    async fn install(&self, spec: &McpServerSpec) {
        self.backend.install(spec, &WriteContext::new()).await.unwrap();
    }

    /// Does something that the backend never would.
    async fn meddle(&self, statement: Query) {
        let mut transaction = self.store().begin().await.unwrap();
        assert_eq!(transaction.execute(statement).await.unwrap(), 1);
        transaction.commit().await.unwrap();
    }
}

fn spec(name: &str) -> McpServerSpec {
    McpServerSpec::from_json(json!({"name": name, "command": "npx", "env": {"TOKEN": "${TOKEN}"}})).unwrap()
}

fn name(text: &str) -> ServerName {
    ServerName::parse(text).unwrap()
}

#[tokio::test]
async fn what_is_stored_is_the_text_that_the_digest_is_of() {
    let place = Place::new();
    place.install(&spec("one")).await;
    let rows = place.store().fetch(|| query("SELECT spec, digest FROM mcp_entries")).await.unwrap();
    let (text, digest): (String, String) = (rows[0].get(0), rows[0].get(1));
    assert_eq!(Digest::of_bytes(text.as_bytes()).to_string(), digest);
    assert_eq!(spec("one").digest().unwrap().to_string(), digest);
    assert!(text.contains("${TOKEN}"));
}

#[tokio::test]
async fn a_number_comes_back_as_it_was_written() {
    let place = Place::new();
    let odd = json!({"name": "odd", "command": "x", "limits": [1.0, 1, -0.0, 1e3, 0.1, 9_007_199_254_740_992_u64]});
    let odd = McpServerSpec::from_json(odd).unwrap();
    place.install(&odd).await;
    let loaded = place.backend.load(&odd.name).await.unwrap();
    assert_eq!(serde_json::to_string(&loaded).unwrap(), serde_json::to_string(&odd).unwrap());
    let new = McpServerSpec { description: "new".into(), ..odd.clone() };
    place.backend.update(&new, &odd.digest().unwrap(), &WriteContext::new()).await.unwrap();
}

#[tokio::test]
async fn what_was_changed_by_hand_is_broken_and_the_others_are_not() {
    let changes = [
        ("spec", r#"{"name":"one","command":"rm"}"#.to_owned()),
        ("spec", r#"{"name":"one","command":"npx","env":{"TOKEN":"hunter2"#.to_owned()),
        ("digest", spec("other").digest().unwrap().to_string()),
        ("digest", "none".to_owned()),
        ("bytes", String::new()),
    ];
    for (column, value) in changes {
        let place = Place::new();
        place.install(&spec("one")).await;
        place.install(&spec("two")).await;
        let before = place.backend.revision().await.unwrap();
        let update = match column {
            "spec" => "UPDATE mcp_entries SET spec = $1 WHERE name = 'one'",
            // Text, as far as SQLite is concerned.
            "bytes" => "UPDATE mcp_entries SET spec = CAST(x'22ff' || $1 AS TEXT) WHERE name = 'one'",
            _ => "UPDATE mcp_entries SET digest = $1 WHERE name = 'one'",
        };
        place.meddle(query(update).bind(value.clone())).await;
        assert_ne!(place.backend.revision().await.unwrap(), before);
        let error = place.backend.load(&name("one")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DescriptorInvalid, "{error}");
        assert!(error.to_string().contains("default/one") && !error.to_string().contains("hunter2"), "{error}");
        let listing = place.backend.list().await.unwrap();
        assert_eq!((listing.servers.len(), listing.broken.len()), (1, 1), "{listing:?}");
        // Neither the digest it had nor the one that is stored lets anybody write over it.
        let stored = place.store().fetch(|| query("SELECT digest FROM mcp_entries WHERE name = 'one'")).await.unwrap();
        let stored = stored[0].get::<String, _>(0).parse().ok();
        for expected in [spec("one").digest().ok(), stored].into_iter().flatten() {
            let refused = place.backend.update(&spec("one"), &expected, &WriteContext::new()).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::DescriptorInvalid, "{refused}");
        }
        place.backend.uninstall(&name("one"), None, &WriteContext::new()).await.unwrap();
        place.install(&spec("one")).await;
        assert!(place.backend.list().await.unwrap().broken.is_empty());
    }
}

#[tokio::test]
async fn an_entry_under_another_name_is_broken() {
    let place = Place::new();
    place.install(&spec("one")).await;
    place.meddle(query("UPDATE mcp_entries SET name = 'two'")).await;
    let error = place.backend.load(&name("two")).await.unwrap_err();
    assert!(error.kind() == ErrorKind::DescriptorInvalid && error.to_string().contains("one"), "{error}");
}

#[tokio::test]
async fn a_row_under_what_is_no_name_is_pointed_at() {
    let place = Place::new();
    place.install(&spec("one")).await;
    let stray = "INSERT INTO mcp_entries (scope, name, spec, digest) VALUES ('default', '../x', '{}', '')";
    place.meddle(query(stray)).await;
    assert_eq!(place.backend.list().await.unwrap().names(), [&name("one")]);
    let results = place.backend.validate_all().await.unwrap();
    assert!(results.iter().any(|r| r.name.contains("../x") && !r.warnings.is_empty()), "{results:?}");
}

#[tokio::test]
async fn a_record_that_was_changed_by_hand_is_not_passed_on() {
    let place = Place::new();
    place.install(&spec("one")).await;
    place.meddle(query("UPDATE mcp_audit SET outcome = 'fine'")).await;
    let error = place.backend.audit(0, 10).await.unwrap_err();
    assert!(error.kind() == ErrorKind::DescriptorInvalid && error.to_string().contains("number 1"), "{error}");
}

#[tokio::test]
async fn a_source_says_where_without_saying_how_one_gets_there() {
    let place = Place::new();
    place.install(&spec("one")).await;
    assert_eq!(place.backend.list().await.unwrap().servers[0].source, "sqlite:registry.db#default/one");
}
