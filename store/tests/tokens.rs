//! Tokens, on SQLite.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::time::{Duration, SystemTime};

use mcp_registry_spec::{AgentId, ErrorKind, Locator, Scope};
use mcp_registry_store::sqlx::query;
use mcp_registry_store::{Options, Role, ScopeSet, Store, Token, Tokens};
use tempfile::TempDir;

fn tokens() -> (TempDir, Store, Tokens) {
    let folder = tempfile::tempdir().unwrap();
    let locator = Locator::new(&format!("sqlite:{}/registry.db", folder.path().display()));
    let store = Store::new(&locator, Options::default()).unwrap();
    (folder, store.clone(), Tokens::new(store))
}

fn only(scope: &str) -> ScopeSet {
    ScopeSet::Only([Scope::parse(scope).unwrap()].into())
}

#[tokio::test]
async fn a_token_grants_what_it_was_made_for_and_nothing_of_it_is_stored() {
    let (folder, store, tokens) = tokens();
    assert!(tokens.list().await.unwrap().is_empty());
    assert!(tokens.verify(Token::random().unwrap().expose()).await.unwrap().is_none());
    let token = tokens.create("ci", Role::Writer, &only("scout"), None, None).await.unwrap();
    let grant = tokens.verify(token.expose()).await.unwrap().unwrap();
    assert_eq!((grant.name.as_str(), grant.role, grant.scopes.clone()), ("ci", Role::Writer, only("scout")));
    assert_eq!(grant.actor_role, None);
    store.close().await;
    let secret = token.expose().rsplit('_').next().unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "the token is on disk");
    }
}

#[tokio::test]
async fn only_the_very_token_is_good() {
    let (_folder, _, tokens) = tokens();
    let token = tokens.create("ci", Role::Admin, &ScopeSet::All, None, None).await.unwrap();
    let text = token.expose();
    let last = if text.ends_with('0') { '1' } else { '0' };
    let other = Token::random().unwrap();
    let (_, secret) = other.expose().rsplit_once('_').unwrap();
    let (id, _) = text.rsplit_once('_').unwrap();
    for bad in
        ["", text.trim_start_matches("mcpr_"), &format!("{}{last}", &text[..text.len() - 1]), &format!("{id}_{secret}")]
    {
        assert!(tokens.verify(bad).await.unwrap().is_none(), "{bad}");
    }
    assert!(tokens.verify(text).await.unwrap().is_some());
}

#[tokio::test]
async fn what_was_revoked_or_has_ended_is_not_good() {
    let (_folder, store, tokens) = tokens();
    let token = tokens.create("ci", Role::Reader, &ScopeSet::All, None, None).await.unwrap();
    assert!(tokens.revoke("ci").await.unwrap());
    assert!(tokens.verify(token.expose()).await.unwrap().is_none());
    assert!(!tokens.revoke("ci").await.unwrap(), "there is none of that name any more");
    // The name is free again, and the old token stays revoked.
    let hour = SystemTime::now() + Duration::from_secs(3600);
    let again = tokens.create("ci", Role::Reader, &ScopeSet::All, Some(hour), None).await.unwrap();
    assert!(tokens.verify(token.expose()).await.unwrap().is_none());
    assert!(tokens.verify(again.expose()).await.unwrap().is_some());
    let mut transaction = store.begin().await.unwrap();
    transaction.execute(query("UPDATE mcp_tokens SET expires = 1 WHERE revoked IS NULL")).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(tokens.verify(again.expose()).await.unwrap().is_none());
    let listed = tokens.list().await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|t| !t.is_valid_at(SystemTime::now())));
    let age = SystemTime::now().duration_since(listed[0].created).unwrap_or_default();
    assert!(age < Duration::from_secs(3600), "{age:?}");
}

#[tokio::test]
async fn names_are_unique_and_can_be_shown() {
    let (_folder, _, tokens) = tokens();
    tokens.create("ci", Role::Reader, &ScopeSet::All, None, None).await.unwrap();
    let past = SystemTime::now() - Duration::from_secs(1);
    let never = SystemTime::now() + Duration::from_secs(9_000 * 365 * 24 * 3600);
    let refused = [("ci", None), ("", None), (" a", None), ("a\u{1b}[2J", None), ("b", Some(past)), ("b", Some(never))];
    for (name, expires) in refused {
        let error = tokens.create(name, Role::Reader, &ScopeSet::All, expires, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{name:?}: {error}");
    }
    assert_eq!(tokens.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_says_in_which_role_its_bearer_asks() {
    let (_folder, _, tokens) = tokens();
    let token = tokens.create("ci", Role::Requester, &ScopeSet::All, None, Some("tech_lead")).await.unwrap();
    let grant = tokens.verify(token.expose()).await.unwrap().unwrap();
    assert_eq!((grant.role, grant.actor_role.as_deref()), (Role::Requester, Some("TECH_LEAD")));
    assert_eq!(tokens.list().await.unwrap()[0].grant, grant);
    for none in ["", "tech lead", "0", "OPS\u{7}"] {
        let error = tokens.create("other", Role::Requester, &ScopeSet::All, None, Some(none)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{none:?}: {error}");
    }
    assert_eq!(tokens.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_changed_by_hand_grants_nothing() {
    let (_folder, store, tokens) = tokens();
    let token = tokens.create("ci", Role::Reader, &only("a"), None, None).await.unwrap();
    let changes = [
        "UPDATE mcp_tokens SET role = 'king'",
        "UPDATE mcp_tokens SET role = 'reader', scopes = '../x'",
        "UPDATE mcp_tokens SET scopes = 'a', actor_role = 'o p s'",
    ];
    for change in changes {
        let mut transaction = store.begin().await.unwrap();
        transaction.execute(query(change)).await.unwrap();
        transaction.commit().await.unwrap();
        let error = tokens.verify(token.expose()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DescriptorInvalid, "{error}");
    }
}

#[tokio::test]
async fn rule_c37_a_reporter_is_of_one_agent_of_one_scope() {
    let (_folder, store, tokens) = tokens();
    let (scope, id) = (Scope::parse("scout").unwrap(), AgentId::parse("scout-1").unwrap());
    let token = tokens.create_reporter("r", &scope, &id, None).await.unwrap();
    let grant = tokens.verify(token.expose()).await.unwrap().unwrap();
    assert_eq!((grant.role, grant.scopes.clone(), grant.agent), (Role::Reporter, only("scout"), Some(id)));
    let error = tokens.create("s", Role::Reporter, &only("scout"), None, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    // What another hand made of it is no right at all.
    for other in [
        "scopes = '*'",
        "scopes = 'scout', agent = NULL",
        "agent = '../x'",
        "agent = 'scout-1', role = 'admin'",
        "role = 'reporter', scopes = 'a b'",
        "scopes = ''",
    ] {
        let mut transaction = store.begin().await.unwrap();
        let update = format!("UPDATE mcp_tokens SET {other}");
        transaction.execute(query(mcp_registry_store::sqlx::AssertSqlSafe(update))).await.unwrap();
        transaction.commit().await.unwrap();
        let error = tokens.verify(token.expose()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DescriptorInvalid, "{other}: {error}");
    }
}
