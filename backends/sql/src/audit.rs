//! The records of writes (rule 27).

use mcp_registry_spec::{AuditAction, AuditOutcome, AuditRecord, Error, ErrorKind, Result, Scope, ServerName, time};
use mcp_registry_store::sqlx::{Row as _, query};
use mcp_registry_store::{Row, Store};

/// The records of a scope whose numbers follow `after`, at most `limit`.
pub(crate) async fn read(store: &Store, scope: &Scope, after: u64, limit: usize) -> Result<Vec<AuditRecord>> {
    let select = || {
        query(
            "SELECT seq, at, actor, request_id, action, name, digest_before, digest_after, outcome
             FROM mcp_audit WHERE scope = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .bind(scope.as_str().to_owned())
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    };
    let rows = store.fetch(select).await?;
    rows.iter()
        .map(|row| {
            record(scope, row).ok_or_else(|| {
                let seq: i64 = row.try_get("seq").unwrap_or_default();
                let what = format!("the audit of {scope} in {} cannot be read at number {seq}", store.name());
                Error::new(ErrorKind::DescriptorInvalid, what).hint("it was changed by other means")
            })
        })
        .collect()
}

/// The record of a row; `None` when it is none.
fn record(scope: &Scope, row: &Row) -> Option<AuditRecord> {
    let number = |column: &str| u64::try_from(row.try_get::<i64, _>(column).ok()?).ok();
    let text = |column: &str| row.try_get::<Option<String>, _>(column).ok();
    let digest = |column: &str| text(column)?.map(|digest| digest.parse().ok()).map_or(Some(None), |d| d.map(Some));
    let action = AuditAction::from_name(&text("action")??)?;
    let at = time::from_millis(row.try_get("at").ok()?);
    let name = ServerName::parse(&text("name")??).ok()?;
    let mut record = AuditRecord::new(number("seq")?, at, action, scope.clone(), name);
    record.actor = text("actor")?.map(|actor| unescape(&actor));
    record.request_id = text("request_id")?.map(|id| unescape(&id));
    record.before = digest("digest_before")?;
    record.after = digest("digest_after")?;
    record.outcome = match text("outcome")??.as_str() {
        "done" => AuditOutcome::Done,
        kind => AuditOutcome::Refused(ErrorKind::from_name(kind)?),
    };
    Some(record)
}

/// Postgres holds no NUL in a text; whoever asks may be called anything (rule 19). A NUL is written as
/// `\0`, and a backslash as two.
pub(crate) fn escape(text: &str) -> String {
    text.replace('\\', r"\\").replace('\0', r"\0")
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('\\', Some('0')) => out.push('\0'),
            ('\\', Some('\\')) => out.push('\\'),
            _ => {
                out.push(c);
                continue;
            }
        }
        chars.next();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{escape, unescape};

    #[test]
    fn any_text_survives_without_a_nul() {
        for text in ["", "ci", "a\0b", r"a\0b", r"a\\0", "\\", "\0\\\0", "domain\\user", "é\u{202e}\n"] {
            assert!(!escape(text).contains('\0'));
            assert_eq!(unescape(&escape(text)), text, "{text:?}");
        }
        assert_eq!(escape("ci@example.org"), "ci@example.org");
    }
}
