//! Writes: each one transaction, with the record of it.

use mcp_registry_spec::{
    AuditAction, AuditOutcome, Digest, Error, ErrorKind, McpServerSpec, Result, Scope, ServerName, WriteContext,
};
use mcp_registry_store::sqlx::{Row as _, query};
use mcp_registry_store::{Store, Transaction};

use crate::{audit, entries};

/// What a write came to: the entry's digest before and after it, and why it was refused, if it was.
struct Change {
    before: Option<Digest>,
    after: Option<Digest>,
    refused: Option<Error>,
}

impl Change {
    fn done(before: Option<Digest>, after: Option<Digest>) -> Self {
        Self { before, after, refused: None }
    }

    fn refused(there: Option<Digest>, error: Error) -> Self {
        Self { before: there, after: there, refused: Some(error) }
    }
}

/// A write on its way: the scope's other writers wait for its end, so that records are numbered in the
/// order in which writes take effect (rule 27).
pub(crate) struct Write<'a> {
    store: &'a Store,
    scope: &'a Scope,
    context: &'a WriteContext,
    transaction: Transaction,
    seq: i64,
}

impl<'a> Write<'a> {
    /// Begins, and takes the scope's next number.
    pub(crate) async fn begin(store: &'a Store, scope: &'a Scope, context: &'a WriteContext) -> Result<Self> {
        let mut transaction = store.begin().await?;
        let next = query(
            "INSERT INTO mcp_scopes (scope, revision, audit_seq) VALUES ($1, '', 1)
             ON CONFLICT (scope) DO UPDATE SET audit_seq = mcp_scopes.audit_seq + 1 RETURNING audit_seq",
        );
        let rows = transaction.fetch(next.bind(scope.as_str().to_owned())).await?;
        let seq = rows.first().and_then(|row| row.try_get(0).ok()).ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, format!("the database {} gives no number", store.name()))
        })?;
        Ok(Self { store, scope, context, transaction, seq })
    }

    /// Stores a new entry (rule 9).
    pub(crate) async fn install(mut self, spec: &McpServerSpec) -> Result<()> {
        let (text, digest) = entries::encode(spec)?;
        let insert = query(
            "INSERT INTO mcp_entries (scope, name, spec, digest) VALUES ($1, $2, $3, $4)
             ON CONFLICT (scope, name) DO NOTHING",
        )
        .bind(self.scope.as_str().to_owned())
        .bind(spec.name.as_str().to_owned())
        .bind(text)
        .bind(digest.to_string());
        let change = match self.transaction.execute(insert).await? {
            0 => {
                let there = self.found(&spec.name).await?.and_then(Result::ok);
                Change::refused(there, Error::already_installed(&spec.name))
            }
            _ => Change::done(None, Some(digest)),
        };
        self.end(AuditAction::Install, &spec.name, change).await
    }

    /// Replaces the entry of that name whose digest is `expected` (rule 9).
    pub(crate) async fn update(mut self, spec: &McpServerSpec, expected: &Digest) -> Result<()> {
        let name = &spec.name;
        let change = match self.found(name).await? {
            None => Change::refused(None, Error::not_in_registry(name)),
            Some(Err(broken)) => Change::refused(None, broken),
            Some(Ok(found)) if found != *expected => {
                Change::refused(Some(found), Error::conflict(name, expected, &found))
            }
            Some(Ok(found)) => {
                let (text, digest) = entries::encode(spec)?;
                let update = query(
                    "UPDATE mcp_entries SET spec = $4, digest = $5 WHERE scope = $1 AND name = $2 AND digest = $3",
                )
                .bind(self.scope.as_str().to_owned())
                .bind(name.as_str().to_owned())
                .bind(expected.to_string())
                .bind(text)
                .bind(digest.to_string());
                self.change_one(update).await?;
                Change::done(Some(found), Some(digest))
            }
        };
        self.end(AuditAction::Update, name, change).await
    }

    /// Removes the entry, broken or not, if it is the one that is meant (rules 9 and 17).
    pub(crate) async fn uninstall(mut self, name: &ServerName, expected: Option<&Digest>) -> Result<()> {
        let change = match (self.found(name).await?, expected) {
            (None, _) => Change::done(None, None),
            (Some(Err(broken)), Some(_)) => {
                let error = Error::new(ErrorKind::Conflict, "a broken entry has no digest").caused_by(broken);
                Change::refused(None, error)
            }
            (Some(Ok(found)), Some(expected)) if found != *expected => {
                Change::refused(Some(found), Error::conflict(name, expected, &found))
            }
            (Some(found), _) => {
                let delete = query("DELETE FROM mcp_entries WHERE scope = $1 AND name = $2")
                    .bind(self.scope.as_str().to_owned())
                    .bind(name.as_str().to_owned());
                self.change_one(delete).await?;
                Change::done(found.ok(), None)
            }
        };
        self.end(AuditAction::Uninstall, name, change).await
    }

    /// The digest of the entry that is there, or what is wrong with it.
    async fn found(&mut self, name: &ServerName) -> Result<Option<Result<Digest>>> {
        let select = query("SELECT spec, digest FROM mcp_entries WHERE scope = $1 AND name = $2")
            .bind(self.scope.as_str().to_owned())
            .bind(name.as_str().to_owned());
        let rows = self.transaction.fetch(select).await;
        let found = entries::found(self.store, self.scope, name, rows)?;
        Ok(found.map(|spec| spec?.digest()))
    }

    /// Writes to the one entry that was looked at. No writer that keeps to the queue can have changed it
    /// since; one who does not, by other means, makes this one start anew.
    async fn change_one(&mut self, statement: mcp_registry_store::Query) -> Result<()> {
        match self.transaction.execute(statement).await? {
            1 => Ok(()),
            _ => Err(Error::new(ErrorKind::Unavailable, "the entry was changed by other means meanwhile").retryable()),
        }
    }

    /// Puts the write on record, makes both last, and tells what came of it.
    async fn end(mut self, action: AuditAction, name: &ServerName, change: Change) -> Result<()> {
        let Change { before, after, refused } = change;
        let outcome = refused.as_ref().map_or(AuditOutcome::Done, |error| AuditOutcome::Refused(error.kind()));
        let record = query(
            "INSERT INTO mcp_audit
                 (scope, seq, actor, request_id, action, name, digest_before, digest_after, outcome)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(self.scope.as_str().to_owned())
        .bind(self.seq)
        .bind(self.context.actor.as_deref().map(audit::escape))
        .bind(self.context.request_id.as_deref().map(audit::escape))
        .bind(action.as_str())
        .bind(name.as_str().to_owned())
        .bind(before.map(|digest| digest.to_string()))
        .bind(after.map(|digest| digest.to_string()))
        .bind(outcome.as_str());
        self.transaction.execute(record).await?;
        self.transaction.commit().await?;
        refused.map_or(Ok(()), Err)
    }
}
