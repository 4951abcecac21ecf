//! Who may use a catalog: the tokens it knows.

use std::time::{SystemTime, UNIX_EPOCH};

use mcp_registry_spec::time::{LAST_MILLIS, from_millis, to_millis};
use mcp_registry_spec::{AgentId, Error, ErrorKind, Result, Scope, text};
use sqlx::error::ErrorKind as SqlKind;
use sqlx::{Row as _, query};

use crate::grant::{Grant, Role, ScopeSet, actor_role};
use crate::store::{Row, Store};
use crate::token::Token;

/// The longest name of a token, in bytes.
const MAX_NAME_LEN: usize = 128;

/// The tokens of a catalog, by name. Of each a hash is stored, and never the token itself.
///
/// ```
/// use mcp_registry_spec::Locator;
/// use mcp_registry_store::{Options, Role, ScopeSet, Store, Tokens};
///
/// # let folder = std::env::temp_dir().join(format!("mcp-registry-tokens-doc-{}", std::process::id()));
/// # let locator = Locator::new(&format!("sqlite:{}", folder.join("registry.db").display()));
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let tokens = Tokens::new(Store::new(&locator, Options::default())?);
/// let token = tokens.create("ci", Role::Writer, &ScopeSet::All, None, None).await?;
/// let grant = tokens.verify(token.expose()).await?.expect("it was made just now");
/// assert_eq!((grant.name.as_str(), grant.role), ("ci", Role::Writer));
/// assert!(tokens.revoke("ci").await?);
/// assert!(tokens.verify(token.expose()).await?.is_none());
/// # std::fs::remove_dir_all(&folder).ok();
/// # Ok::<(), mcp_registry_spec::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tokens {
    store: Store,
}

/// What is known of a token. Neither it nor its hash is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRecord {
    /// What its bearer may do.
    pub grant: Grant,
    /// Since when it is, by the clock of the database.
    pub created: SystemTime,
    /// When it ends, if ever.
    pub expires: Option<SystemTime>,
    /// When it was revoked, if so.
    pub revoked: Option<SystemTime>,
}

impl TokenRecord {
    /// Whether it may be used at this time.
    #[must_use]
    pub fn is_valid_at(&self, time: SystemTime) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| time < end)
    }
}

impl Tokens {
    /// Those kept in a store. Touches nothing.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The database they are in.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Makes a token and gives it, this once. Its name is that of no other token that is not revoked.
    /// `actor` is in which role its bearer asks for changes, in any case of letters.
    ///
    /// # Errors
    /// [`ErrorKind::ConfigInvalid`] for a name that is empty, too long, cannot be shown or is taken, for an
    /// end that is past, for what is no role of the house, and for [`Role::Reporter`], whose token is of
    /// [`create_reporter`](Self::create_reporter); else as [`Store::begin`].
    pub async fn create(
        &self,
        name: &str,
        role: Role,
        scopes: &ScopeSet,
        expires: Option<SystemTime>,
        actor: Option<&str>,
    ) -> Result<Token> {
        if role == Role::Reporter {
            return Err(Error::new(ErrorKind::ConfigInvalid, "a token that reports is of one agent of one scope"));
        }
        let (scopes, actor_role) = (scopes.clone(), actor.map(actor_of).transpose()?);
        self.insert(Grant { name: name.to_owned(), role, scopes, actor_role, agent: None }, expires).await
    }

    /// Makes a token that reports of one agent of one scope, and may nothing else (rule C37).
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn create_reporter(
        &self,
        name: &str,
        scope: &Scope,
        agent: &AgentId,
        expires: Option<SystemTime>,
    ) -> Result<Token> {
        let (scopes, agent) = (ScopeSet::Only([scope.clone()].into()), Some(agent.clone()));
        let grant = Grant { name: name.to_owned(), role: Role::Reporter, scopes, actor_role: None, agent };
        self.insert(grant, expires).await
    }

    async fn insert(&self, grant: Grant, expires: Option<SystemTime>) -> Result<Token> {
        check_name(&grant.name)?;
        if expires.is_some_and(|end| end <= SystemTime::now()) {
            return Err(Error::new(ErrorKind::ConfigInvalid, "the token would have ended already"));
        }
        if expires.is_some_and(|end| to_millis(end) == LAST_MILLIS) {
            return Err(Error::new(ErrorKind::ConfigInvalid, "the token would outlive the calendar"));
        }
        let token = Token::random()?;
        let insert = query(
            "INSERT INTO mcp_tokens (id, name, hash, role, scopes, expires, actor_role, agent)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(token.id().to_owned())
        .bind(grant.name.clone())
        .bind(token.hash().to_vec())
        .bind(grant.role.as_str())
        .bind(grant.scopes.to_string())
        .bind(expires.map(to_millis))
        .bind(grant.actor_role)
        .bind(grant.agent.map(|agent| agent.to_string()));
        let mut transaction = self.store.begin().await?;
        match transaction.try_execute(insert).await? {
            Err(cause) if cause.as_database_error().is_some_and(|e| e.kind() == SqlKind::UniqueViolation) => {
                let taken = format!("there is a token {} already", text::quote(&grant.name));
                Err(Error::new(ErrorKind::ConfigInvalid, taken).hint("revoke it, or take another name"))
            }
            Err(cause) => Err(self.store.failed("cannot write to")(cause)),
            Ok(_) => transaction.commit().await.map(|()| token),
        }
    }

    /// Every token there ever was, in the order they were made.
    ///
    /// # Errors
    /// As [`Store::fetch`]; [`ErrorKind::DescriptorInvalid`] when one is stored in a way that cannot be
    /// read.
    pub async fn list(&self) -> Result<Vec<TokenRecord>> {
        let all = || {
            query(
                "SELECT name, role, scopes, created, expires, revoked, actor_role, agent FROM mcp_tokens
                 ORDER BY created, id",
            )
        };
        self.store.fetch(all).await?.iter().map(|row| self.record(row)).collect()
    }

    /// Ends a token at once and for good. Whether there was one of that name.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub async fn revoke(&self, name: &str) -> Result<bool> {
        let mut transaction = self.store.begin().await?;
        let update = query("UPDATE mcp_tokens SET revoked = $2 WHERE name = $1 AND revoked IS NULL")
            .bind(name.to_owned())
            .bind(to_millis(SystemTime::now()));
        let revoked = transaction.execute(update).await?;
        transaction.commit().await?;
        Ok(revoked > 0)
    }

    /// What the bearer of a token may do; `None` when it is not known, was revoked or has ended. One
    /// read by key, and no more than that is remembered.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn verify(&self, presented: &str) -> Result<Option<Grant>> {
        let Some(token) = Token::parse(presented) else { return Ok(None) };
        let id = token.id().to_owned();
        let select = || {
            query(
                "SELECT name, role, scopes, created, expires, revoked, actor_role, agent, hash FROM mcp_tokens
                 WHERE id = $1",
            )
            .bind(id.clone())
        };
        let rows = self.store.fetch(select).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let hash: Vec<u8> = row.try_get("hash").map_err(self.store.failed("cannot read"))?;
        if !token.is_hashed_as(&hash) {
            return Ok(None);
        }
        let record = self.record(row)?;
        Ok(record.is_valid_at(SystemTime::now()).then_some(record.grant))
    }

    fn record(&self, row: &Row) -> Result<TokenRecord> {
        let failed = self.store.failed("cannot read");
        let text = |column: &str| row.try_get::<String, _>(column).map_err(&failed);
        let time = |column: &str| row.try_get::<Option<i64>, _>(column).map_err(&failed);
        let name = text("name")?;
        let unreadable = |cause: Error| {
            Error::new(ErrorKind::DescriptorInvalid, format!("the token {} cannot be read", text::quote(&name)))
                .caused_by(cause)
        };
        let role = text("role")?.parse().map_err(unreadable)?;
        let scopes = text("scopes")?.parse().map_err(unreadable)?;
        let agent: Option<String> = row.try_get("agent").map_err(&failed)?;
        let agent = agent.as_deref().map(AgentId::parse).transpose().map_err(unreadable)?;
        let of_one = matches!(&scopes, ScopeSet::Only(scopes) if scopes.len() == 1);
        // What some other hand wrote must not be told a right of.
        if (role == Role::Reporter) != agent.is_some() || (agent.is_some() && !of_one) {
            return Err(unreadable(Error::new(ErrorKind::ConfigInvalid, "a reporter has one agent of one scope")));
        }
        let actor: Option<String> = row.try_get("actor_role").map_err(&failed)?;
        let actor_role = actor.as_deref().map(actor_of).transpose().map_err(unreadable)?;
        Ok(TokenRecord {
            created: time("created")?.map_or(UNIX_EPOCH, from_millis),
            expires: time("expires")?.map(from_millis),
            revoked: time("revoked")?.map(from_millis),
            grant: Grant { name, role, scopes, actor_role, agent },
        })
    }
}

fn actor_of(text: &str) -> Result<String> {
    actor_role(text).ok_or_else(|| {
        Error::new(ErrorKind::ConfigInvalid, format!("{} is no role of the house", text::quote(text)))
            .hint("name one as the policy does, such as OPS")
    })
}

/// A name is shown wherever the audit is.
fn check_name(name: &str) -> Result<()> {
    let shown = !name.chars().any(text::is_unprintable) && name.trim() == name;
    if name.is_empty() || name.len() > MAX_NAME_LEN || !shown {
        return Err(Error::new(ErrorKind::ConfigInvalid, format!("{} is no name for a token", text::quote(name)))
            .hint(format!("give it a word or two, at most {MAX_NAME_LEN} bytes")));
    }
    Ok(())
}
