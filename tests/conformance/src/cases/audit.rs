//! Rule 27: the audit.

use std::collections::BTreeMap;

use mcp_registry_spec::{
    AuditAction, AuditOutcome, AuditRecord, Digest, ErrorKind, McpServerRegistryBackend, ServerName, WriteContext,
};

use crate::case::{Checked, During, Stop, cases, ensure, ensure_eq, refused};
use crate::context::{Context, TASKS, at_once, write};
use crate::fixture::Backend;
use crate::sample::{described, digest, name, plain};

cases! {
    27 writes rule_27_every_write_is_on_record;
    27 writes rule_27_refused_writes_are_on_record;
    27 writes rule_27_who_asked_is_on_record;
    27 writes rule_27_records_are_read_on_from_any_number;
    27 writes rule_27_records_stay_and_reading_adds_none;
    27 writes rule_27_numbers_have_no_gap_under_concurrency;
    27 writes rule_27_once_a_record_was_read_none_appears_before_it;
}

/// The records that follow a number, all of them.
async fn follow(backend: &dyn McpServerRegistryBackend, mut after: u64) -> Checked<Vec<AuditRecord>> {
    let mut all: Vec<AuditRecord> = Vec::new();
    loop {
        let page = backend.audit(after, 100).await.during("audit")?;
        for record in &page {
            after += 1;
            ensure_eq!(record.seq, after, "the number of the record {record:?}");
        }
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// How many records there are by now: the scope may have been used before.
async fn count(backend: &dyn McpServerRegistryBackend) -> Checked<u64> {
    Ok(follow(backend, 0).await?.len() as u64)
}

/// What a record says was done, in the order: action, name, before, after, outcome.
type Said = (AuditAction, ServerName, Option<Digest>, Option<Digest>, AuditOutcome);

fn said(records: &[AuditRecord]) -> Vec<Said> {
    records.iter().map(|r| (r.action, r.name.clone(), r.before, r.after, r.outcome)).collect()
}

async fn rule_27_every_write_is_on_record(context: Context) -> Checked {
    context.needs_audit().await?;
    let (scope, backend) = context.main()?;
    let start = count(&*backend).await?;
    let (old, new) = (described("one", "old")?, described("one", "new")?);
    let (was, is) = (digest(&old)?, digest(&new)?);
    let done = AuditOutcome::Done;
    backend.install(&old, &write()).await.during("install")?;
    let mut expected = vec![(AuditAction::Install, old.name.clone(), None, Some(was), done)];
    let mut there = was;
    if context.expected().supports_update {
        backend.update(&new, &was, &write()).await.during("update")?;
        expected.push((AuditAction::Update, old.name.clone(), Some(was), Some(is), done));
        there = is;
    }
    if context.expected().supports_uninstall {
        backend.uninstall(&old.name, Some(&there), &write()).await.during("uninstall")?;
        backend.uninstall(&old.name, None, &write()).await.during("uninstall of what is absent")?;
        expected.push((AuditAction::Uninstall, old.name.clone(), Some(there), None, done));
        expected.push((AuditAction::Uninstall, old.name, None, None, done));
    }
    let records = follow(&*backend, start).await?;
    ensure_eq!(said(&records), expected, "what is on record");
    ensure!(records.iter().all(|record| record.scope == scope), "a record is of another scope: {records:?}");
    Ok(())
}

async fn rule_27_refused_writes_are_on_record(context: Context) -> Checked {
    context.needs_audit().await?;
    let (_, backend) = context.main()?;
    let start = count(&*backend).await?;
    let (here, other) = (described("here", "old")?, described("here", "other")?);
    let (absent, is) = (plain("absent")?, digest(&here)?);
    backend.install(&here, &write()).await.during("install")?;
    let mut expected = vec![(AuditAction::Install, here.name.clone(), None, Some(is), AuditOutcome::Done)];
    let mut refusal = |action, name: &ServerName, there, kind| {
        expected.push((action, name.clone(), there, there, AuditOutcome::Refused(kind)));
    };
    let again = backend.install(&other, &write()).await;
    refused("a second install", again, ErrorKind::AlreadyInstalled)?;
    refusal(AuditAction::Install, &here.name, Some(is), ErrorKind::AlreadyInstalled);
    if context.expected().supports_update {
        let wrong = backend.update(&other, &digest(&other)?, &write()).await;
        refused("update with another digest", wrong, ErrorKind::Conflict)?;
        refusal(AuditAction::Update, &here.name, Some(is), ErrorKind::Conflict);
        let missing = backend.update(&absent, &is, &write()).await;
        refused("update of what is absent", missing, ErrorKind::NotInRegistry)?;
        refusal(AuditAction::Update, &absent.name, None, ErrorKind::NotInRegistry);
    }
    if context.expected().supports_uninstall {
        let wrong = backend.uninstall(&here.name, Some(&digest(&other)?), &write()).await;
        refused("uninstall with another digest", wrong, ErrorKind::Conflict)?;
        refusal(AuditAction::Uninstall, &here.name, Some(is), ErrorKind::Conflict);
    }
    ensure_eq!(said(&follow(&*backend, start).await?), expected, "what is on record");
    Ok(())
}

async fn rule_27_who_asked_is_on_record(context: Context) -> Checked {
    context.needs_audit().await?;
    let (_, backend) = context.main()?;
    let start = count(&*backend).await?;
    let long = "a".repeat(5_000);
    let texts = ["ci", "", "O'Brien \"x\"; --", "a\\0b\\\\", "nul\0", "é\u{202e}\n\u{1f980}", long.as_str()];
    for (i, text) in texts.iter().enumerate() {
        let who = WriteContext::new().actor(*text).request_id(format!("request {text}"));
        backend.install(&plain(&format!("server-{i}"))?, &who).await.during("install")?;
    }
    backend.install(&plain("nobody")?, &WriteContext::new()).await.during("install by nobody")?;
    let records = follow(&*backend, start).await?;
    ensure_eq!(records.len(), texts.len() + 1, "the number of records");
    if context.fixture().names_the_caller() {
        ensure!(records.iter().all(|r| r.actor.is_some()), "a record does not say who asked: {records:?}");
        return Ok(());
    }
    for (record, text) in records.iter().zip(texts) {
        ensure_eq!(record.actor.as_deref(), Some(text), "who asked");
        ensure_eq!(record.request_id, Some(format!("request {text}")), "under which request");
    }
    let nobody = records.last().map(|record| (&record.actor, &record.request_id));
    ensure_eq!(nobody, Some((&None, &None)), "who asked when nobody says");
    Ok(())
}

async fn rule_27_records_are_read_on_from_any_number(context: Context) -> Checked {
    context.needs_audit().await?;
    let (_, backend) = context.main()?;
    for i in 0..7 {
        backend.install(&plain(&format!("server-{i}"))?, &write()).await.during("install")?;
    }
    let all = follow(&*backend, 0).await?;
    for after in 0..=all.len() + 1 {
        for limit in [1, 3, all.len(), usize::MAX] {
            let expected: Vec<_> = all.iter().skip(after).take(limit).cloned().collect();
            let page = backend.audit(after as u64, limit).await.during("audit")?;
            ensure_eq!(page, expected, "at most {limit} records after number {after}");
        }
    }
    let beyond = backend.audit(u64::MAX, 10).await.during("audit after the last number there can be")?;
    ensure!(beyond.is_empty(), "there are records behind the last one: {beyond:?}");
    Ok(())
}

async fn rule_27_records_stay_and_reading_adds_none(context: Context) -> Checked {
    context.needs_audit().await?;
    let (scope, backend) = context.main()?;
    let spec = plain("one")?;
    backend.install(&spec, &write()).await.during("install")?;
    let before = follow(&*backend, 0).await?;
    backend.list().await.during("list")?;
    backend.load(&spec.name).await.during("load")?;
    refused("load of what is absent", backend.load(&name("absent")?).await, ErrorKind::NotInRegistry)?;
    backend.load_all().await.during("load_all")?;
    backend.validate(&spec.name).await.during("validate")?;
    context.put(&context.scope("b")?, &spec).await?;
    ensure_eq!(follow(&*backend, 0).await?, before, "the records after reading, and a write to another scope");
    backend.close().await.during("close")?;
    ensure_eq!(follow(&*context.open(&scope)?, 0).await?, before, "the records that another instance gives");
    Ok(())
}

/// What there must be, going by the records: each begins with what the ones before it left.
fn replay(records: &[AuditRecord]) -> Checked<BTreeMap<ServerName, Digest>> {
    let mut entries = BTreeMap::new();
    for record in records {
        let there = entries.get(&record.name).copied();
        ensure_eq!(record.before, there, "what was there before the record {record:?}");
        match record.after {
            Some(digest) => drop(entries.insert(record.name.clone(), digest)),
            None => drop(entries.remove(&record.name)),
        }
    }
    Ok(entries)
}

/// Asserts that what is stored is what the records say.
async fn agree(backend: &Backend, records: &[AuditRecord]) -> Checked {
    let mut stored = BTreeMap::new();
    for entry in backend.load_all().await.during("load_all")? {
        stored.insert(entry.name, digest(&entry.result.during("load")?)?);
    }
    ensure_eq!(stored, replay(records)?, "the entries, going by the records");
    Ok(())
}

async fn rule_27_numbers_have_no_gap_under_concurrency(context: Context) -> Checked {
    context.needs_audit().await?;
    let (scope, shared) = context.main()?;
    let start = count(&*shared).await?;
    let mut installs = Vec::new();
    for i in 0..TASKS {
        // Half of them want the same name.
        let spec = described(&format!("server-{}", if i % 2 == 0 { 0 } else { i }), &format!("of task {i}"))?;
        let backend = if i % 4 < 2 { shared.clone() } else { context.open(&scope)? };
        installs.push(async move { backend.install(&spec, &write()).await });
    }
    let won = at_once(installs).await?.iter().filter(|result| result.is_ok()).count();
    ensure_eq!(won, TASKS / 2 + 1, "the number of installs that were done");
    let records = follow(&*shared, 0).await?;
    let (_, new) = records.split_at_checked(usize::try_from(start).unwrap_or(usize::MAX)).unwrap_or((&[], &[]));
    ensure_eq!(new.len(), TASKS, "the number of records");
    let done = new.iter().filter(|record| record.outcome == AuditOutcome::Done).count();
    ensure_eq!(done, won, "the number of records of what was done");
    agree(&shared, &records).await
}

async fn rule_27_once_a_record_was_read_none_appears_before_it(context: Context) -> Checked {
    context.needs_audit().await?;
    let (scope, backend) = context.main()?;
    let start = count(&*backend).await?;
    let reader = context.open(&scope)?;
    // Reading on from the last number there was: a record that came late would be missing for good.
    let reading = tokio::spawn(async move {
        let mut seen = start;
        while seen < start + TASKS as u64 {
            seen += follow(&*reader, seen).await?.len() as u64;
            tokio::task::yield_now().await;
        }
        Ok(())
    });
    let mut installs = Vec::new();
    for i in 0..TASKS {
        let (backend, spec) = (backend.clone(), plain(&format!("server-{i}"))?);
        installs.push(async move { backend.install(&spec, &write()).await });
    }
    for result in at_once(installs).await? {
        result.during("one of many installs")?;
    }
    reading.await.map_err(|panic| Stop::Failed(format!("reading panicked: {panic}")))?
}
