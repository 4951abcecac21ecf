//! Whether what is in a registry is what the rows tell of it (L6).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use mcp_registry_spec::{
    AuditAction, AuditOutcome, Digest, ErrorKind, Loaded, McpServerRegistry, Result, ServerName, text,
};

use super::Finding;
use super::record::{Event, Record, Row, kept};
use crate::changes::{Place, State};

/// How many records of an audit are read at once.
const PAGE: usize = 1_000;

/// After how long nobody is at work any more on a write of the command line whose end was not told: they died.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// What is stored under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stored {
    /// Nothing.
    Nothing,
    /// Something that is no entry, by what reading it says.
    Broken(ErrorKind),
    /// The entry of that digest.
    Entry(Digest),
}

impl Stored {
    fn of(digest: Option<Digest>) -> Self {
        digest.map_or(Self::Nothing, Self::Entry)
    }
}

/// What a scope holds now.
///
/// # Errors
/// When that cannot be told.
pub(super) async fn stored(registry: &McpServerRegistry) -> Result<BTreeMap<ServerName, Stored>> {
    let mut all = BTreeMap::new();
    for Loaded { name, result } in registry.load_all().await? {
        match result.and_then(|spec| spec.digest()) {
            Ok(digest) => all.insert(name, Stored::Entry(digest)),
            // It went between the two looks of a storage that is asked one by one.
            Err(error) if error.kind() == ErrorKind::NotInRegistry => None,
            Err(error) if error.kind().is_of_entry() => all.insert(name, Stored::Broken(error.kind())),
            Err(error) => return Err(error),
        };
    }
    Ok(all)
}

/// The row by which the operator takes note of what is stored.
pub(super) fn accepted(place: &Place, name: ServerName, stored: Stored) -> Record {
    let (after, error) = match stored {
        Stored::Nothing => (None, None),
        Stored::Broken(kind) => (None, Some(kind)),
        Stored::Entry(digest) => (Some(digest), None),
    };
    Record { name: Some(name), after, error, ..Record::new(Event::Accepted, place) }
}

/// What a row says of the entry that it names.
enum Step {
    /// Somebody sets about it: until it is told what came of that, there may be what was and what is to be.
    Begun { was: Option<Stored>, will: Option<Stored> },
    /// It came to this.
    Done(Option<Stored>),
    /// It came to nothing.
    Failed,
    /// It is taken as it is.
    Accepted(Stored),
}

impl Step {
    fn of(record: &Record) -> Option<Self> {
        match record.event? {
            Event::WriteBegun => Some(Self::begun(record)),
            Event::WriteEnded => match record.error {
                None => Some(Self::Done(will(record))),
                // Nobody knows whether a storage that did not answer did it: that stays open.
                Some(ErrorKind::Unavailable) => None,
                Some(_) => Some(Self::Failed),
            },
            Event::Transition => match record.to.as_deref()?.parse().ok()? {
                State::Executing => Some(Self::begun(record)),
                State::Completed => Some(Self::Done(will(record))),
                State::Failed => Some(Self::Failed),
                // It was settled, and its effect was not there (H11).
                State::Interrupted if record.from == record.to => Some(Self::Failed),
                _ => None,
            },
            Event::Accepted => Some(Self::Accepted(match record.error {
                Some(kind) => Stored::Broken(kind),
                None => Stored::of(record.after),
            })),
            Event::Denial | Event::Pinned => None,
        }
    }

    fn begun(record: &Record) -> Self {
        let was = match record.action {
            Some(AuditAction::Install) => Some(Stored::Nothing),
            _ => record.before.map(Stored::Entry),
        };
        Self::Begun { was, will: will(record) }
    }
}

fn will(record: &Record) -> Option<Stored> {
    match record.action {
        Some(AuditAction::Uninstall) => Some(Stored::Nothing),
        _ => record.after.map(Stored::Entry),
    }
}

/// Something begun whose end was not told yet.
struct Open {
    at: SystemTime,
    change: Option<String>,
    identity: Option<Digest>,
    /// Whether it explains what is there.
    explains: bool,
    /// Whether something that explains it was done meanwhile. Rows are not always in the order of the writes.
    meanwhile: bool,
}

/// What the rows tell of one name, held against what is there. Only that is kept, and not what they told of what
/// was there before.
struct Tale {
    there: Stored,
    /// Whether the last thing that was done explains it; nothing is explained by nothing.
    settled: bool,
    open: Vec<Open>,
    /// Whether any row tells of it.
    told: bool,
}

impl Tale {
    fn new(there: Stored) -> Self {
        Self { there, settled: there == Stored::Nothing, open: Vec::new(), told: false }
    }

    /// Takes a row that was written before what is there was looked at.
    fn take(&mut self, at: SystemTime, record: &Record, step: &Step) {
        self.told = true;
        let there = Some(self.there);
        match step {
            Step::Begun { was, will } => self.open.push(Open {
                at,
                change: record.change.clone(),
                identity: record.identity,
                explains: *was == there || *will == there,
                meanwhile: false,
            }),
            Step::Failed => drop(self.close(record)),
            Step::Done(came) => {
                let hit = *came == there;
                let closed = self.close(record);
                self.give_up(closed.as_ref().map_or(at, |open| open.at));
                self.settle(hit, closed.is_some_and(|open| open.meanwhile));
            }
            Step::Accepted(stored) => {
                self.give_up(at);
                self.settle(Some(*stored) == there, false);
            }
        }
    }

    /// Something was done that was set about at `begun`: whatever others of the command line set about long before
    /// came to its end before that. A change is ended by a row of its own (H11).
    fn give_up(&mut self, begun: SystemTime) {
        let is_over = |open: &Open| begun.duration_since(open.at).is_ok_and(|since| since > LONGEST);
        self.open.retain(|open| open.change.is_some() || !is_over(open));
    }

    fn settle(&mut self, hit: bool, meanwhile: bool) {
        self.settled = hit || meanwhile;
        self.open.iter_mut().for_each(|open| open.meanwhile |= hit);
    }

    fn close(&mut self, record: &Record) -> Option<Open> {
        let same = |open: &Open| open.change == record.change && open.identity == record.identity;
        self.open.iter().position(same).map(|at| self.open.remove(at))
    }

    /// Takes a row that was written while what is there was looked at, or later: it can only add to what explains
    /// it.
    fn add(&mut self, step: &Step) {
        let there = Some(self.there);
        self.settled |= match step {
            Step::Begun { was, will } => *was == there || *will == there,
            Step::Done(came) => *came == there,
            Step::Accepted(stored) => Some(*stored) == there,
            Step::Failed => false,
        };
    }

    fn explains(&self) -> bool {
        self.settled || self.open.iter().any(|open| open.explains)
    }
}

/// What the storage's own audit tells, where there is one.
#[derive(Default)]
struct Audited {
    /// What may be under a name by it.
    outcomes: BTreeMap<ServerName, BTreeSet<Stored>>,
    last: u64,
}

impl Audited {
    /// Reads on. What is written while the content is looked at only adds to what explains it.
    async fn read(&mut self, registry: &McpServerRegistry, adding: bool) -> Result<()> {
        loop {
            let records = match registry.audit(self.last, PAGE).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(()),
                records => records?,
            };
            for record in &records {
                self.last = record.seq;
                if record.outcome == AuditOutcome::Done {
                    let outcomes = self.outcomes.entry(record.name.clone()).or_default();
                    if !adding {
                        outcomes.clear();
                    }
                    outcomes.insert(Stored::of(record.after));
                }
            }
            if records.len() < PAGE {
                return Ok(());
            }
        }
    }
}

/// A registry's content, and what explains it.
pub(super) struct Content {
    place: Place,
    tales: BTreeMap<ServerName, Tale>,
    audited: Audited,
}

impl Content {
    /// Looks at what is there.
    ///
    /// # Errors
    /// When that cannot be told.
    pub(super) async fn read(registry: &McpServerRegistry, place: &Place) -> Result<Self> {
        let mut audited = Audited::default();
        audited.read(registry, false).await?;
        let tales = stored(registry).await?.into_iter().map(|(name, there)| (name, Tale::new(there))).collect();
        audited.read(registry, true).await?;
        // Rows tell of the place as it may be kept.
        let place =
            Place { backend_id: kept(&place.backend_id), locator: kept(&place.locator), scope: place.scope.clone() };
        Ok(Self { place, tales, audited })
    }

    /// Hears what a row tells, in order; `early` are those written before the content was looked at.
    pub(super) fn hear(&mut self, row: &Row, early: bool) {
        let record = &row.record;
        let (Some(name), Some(step)) = (&record.name, Step::of(record)) else { return };
        if !record.is_of(&self.place) {
            return;
        }
        let tale = self.tales.entry(name.clone()).or_insert_with(|| Tale::new(Stored::Nothing));
        if early { tale.take(row.at, record, &step) } else { tale.add(&step) }
    }

    /// What no row explains.
    pub(super) fn findings(mut self) -> Vec<Finding> {
        // What only the audit tells of is there by it, or is not.
        for name in self.audited.outcomes.keys() {
            self.tales.entry(name.clone()).or_insert_with(|| Tale::new(Stored::Nothing));
        }
        let mut findings = Vec::new();
        for (name, tale) in &self.tales {
            let audited = self.audited.outcomes.get(name);
            let explained = match audited {
                Some(outcomes) if outcomes.contains(&tale.there) => true,
                Some(_) if !tale.told => false,
                _ => tale.explains(),
            };
            if !explained {
                let shown = text::quote(name.as_str());
                let message = match tale.there {
                    Stored::Nothing => format!("the server {shown} should be there, and is not"),
                    Stored::Broken(_) => format!("the server {shown} is broken, and no row tells why"),
                    Stored::Entry(digest) => {
                        format!("no row tells of the server {shown} as it is, with the digest {digest}")
                    }
                };
                findings.push(Finding { place: "registry", seq: None, name: Some(name.clone()), message });
            }
        }
        findings
    }
}
