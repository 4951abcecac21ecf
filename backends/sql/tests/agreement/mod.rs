//! Whether the audit says what the entries do.

use std::collections::BTreeMap;

use mcp_registry_spec::{AuditOutcome, McpServerRegistryBackend as _};
use mcp_registry_sql::SqlBackend;

/// Goes through the records, row by row: each has the next number and begins with what the ones before
/// it left, and in the end there is what they say.
pub(crate) async fn ensure_audit_agrees(backend: &SqlBackend) {
    let records = backend.audit(0, usize::MAX).await.unwrap();
    let mut expected = BTreeMap::new();
    for (number, record) in (1..).zip(&records) {
        assert_eq!(record.seq, number, "{record:?}");
        assert_eq!(record.before, expected.get(&record.name).copied(), "{record:?}");
        assert!(record.outcome == AuditOutcome::Done || record.before == record.after, "{record:?}");
        match record.after {
            Some(digest) => drop(expected.insert(record.name.clone(), digest)),
            None => drop(expected.remove(&record.name)),
        }
    }
    let loaded = backend.load_all().await.unwrap();
    let stored: BTreeMap<_, _> = loaded.into_iter().map(|l| (l.name, l.result.unwrap().digest().unwrap())).collect();
    assert_eq!(stored, expected);
}
