//! Reads from memory (rule C28).
//!
//! An answer is kept with the revision of the storage it was made at. It stands for the storage as
//! long as that revision was seen within the last second; a write of this process forgets it at
//! once. What is kept is never extended by a guess: an answer that was made while the storage changed
//! is given to those who asked for it, and to nobody after them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mcp_registry_spec::{McpServerRegistry, Result, Revision};
use tokio::sync::{Mutex, OnceCell};

use super::clock::{Clock, Moment};
use super::render::{Question, Rendered};

/// How long a revision that was seen is believed.
const BELIEVED: Duration = Duration::from_secs(1);
/// What is left of that when it is time to look again, while others still read.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// What an answer takes beside itself.
const OVERHEAD: usize = 512;

/// What is remembered of one scope.
pub(crate) struct Cache {
    clock: Clock,
    kept: Arc<AtomicUsize>,
    slot: RwLock<Slot>,
    looking: Mutex<()>,
}

/// What was seen, if it still stands, and how often it was made to be forgotten.
#[derive(Default)]
struct Slot {
    seen: Option<Arc<Seen>>,
    forgotten: u64,
}

/// A revision, and the answers that were made at it.
struct Seen {
    revision: Revision,
    until: Moment,
    looking: AtomicBool,
    answers: RwLock<HashMap<Question, Arc<OnceCell<Arc<Rendered>>>>>,
    bytes: AtomicUsize,
    kept: Arc<AtomicUsize>,
}

/// One of those who ask a question, whose answer may be there already. When all of them have gone away
/// or failed, nothing stays behind.
struct Asking<'a> {
    seen: &'a Seen,
    question: &'a Question,
    cell: Arc<OnceCell<Arc<Rendered>>>,
}

impl<'a> Asking<'a> {
    fn new(seen: &'a Seen, question: &'a Question) -> Self {
        let mut answers = seen.answers.write().unwrap_or_else(PoisonError::into_inner);
        let cell = answers.entry(question.clone()).or_default().clone();
        Self { seen, question, cell }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if self.cell.initialized() {
            return;
        }
        let mut answers = self.seen.answers.write().unwrap_or_else(PoisonError::into_inner);
        // The map has one, and this is the other; nobody gets a third while the map is locked.
        if Arc::strong_count(&self.cell) == 2 {
            answers.remove(self.question);
        }
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        self.kept.fetch_sub(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// What is in memory for a question.
pub(crate) enum Remembered {
    /// The answer.
    Answer(Arc<Rendered>),
    /// The answer, and it is time to look whether it will stand.
    Aging(Arc<Rendered>),
    /// Nothing that stands.
    Nothing,
}

impl Cache {
    /// `kept` counts the bytes that this and other caches keep.
    pub(crate) fn new(clock: Clock, kept: Arc<AtomicUsize>) -> Self {
        Self { clock, kept, slot: RwLock::default(), looking: Mutex::default() }
    }

    /// Looks in memory alone.
    pub(crate) fn remembered(&self, question: &Question) -> Remembered {
        let Some(seen) = self.seen() else { return Remembered::Nothing };
        let left = seen.until.get().saturating_sub(self.clock.now());
        if left.is_zero() {
            return Remembered::Nothing;
        }
        let answers = seen.answers.read().unwrap_or_else(PoisonError::into_inner);
        match answers.get(question).and_then(|cell| cell.get()) {
            None => Remembered::Nothing,
            Some(answer) if left < LOOK_AGAIN && !seen.looking.swap(true, Ordering::AcqRel) => {
                Remembered::Aging(answer.clone())
            }
            Some(answer) => Remembered::Answer(answer.clone()),
        }
    }

    /// Looks in memory and then in the storage. Of many who ask the same at once, one asks the
    /// storage.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) async fn answer(&self, registry: &McpServerRegistry, question: &Question) -> Result<Arc<Rendered>> {
        let Some(seen) = self.look(registry, false).await? else {
            return question.answer(registry).await.map(Arc::new);
        };
        let asking = Asking::new(&seen, question);
        asking.cell.get_or_try_init(|| self.make(registry, question, &seen)).await.cloned()
    }

    async fn make(&self, registry: &McpServerRegistry, question: &Question, seen: &Arc<Seen>) -> Result<Arc<Rendered>> {
        let answer = Arc::new(question.answer(registry).await?);
        if registry.revision().await?.as_ref() != Some(&seen.revision) {
            // It may be of another revision than the one it would stand for.
            self.forget_only(seen);
            return Ok(answer);
        }
        let bytes = answer.size() + OVERHEAD;
        seen.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.kept.fetch_add(bytes, Ordering::Relaxed);
        Ok(answer)
    }

    /// Looks whether what is in memory still stands, before it no longer may be believed.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) async fn look_again(&self, registry: &McpServerRegistry) -> Result<()> {
        self.look(registry, true).await.map(drop)
    }

    /// Looks at the storage's revision, unless that was done a moment ago; `anew` looks though it was.
    /// `None` for a storage that has none.
    async fn look(&self, registry: &McpServerRegistry, anew: bool) -> Result<Option<Arc<Seen>>> {
        let began = self.clock.now();
        let _alone = self.looking.lock().await;
        let (before, forgotten) = {
            let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
            (slot.seen.clone(), slot.forgotten)
        };
        if let Some(seen) = &before {
            let until = seen.until.get();
            // Somebody looked while this one waited.
            if until > began + BELIEVED || !anew && until > self.clock.now() {
                return Ok(before);
            }
        }
        let asked = self.clock.now();
        let Some(revision) = registry.revision().await? else { return Ok(None) };
        let until = asked + BELIEVED;
        if let Some(seen) = before.filter(|seen| seen.revision == revision) {
            seen.until.set(until);
            seen.looking.store(false, Ordering::Release);
            return Ok(Some(seen));
        }
        let seen = Arc::new(Seen {
            revision,
            until: Moment::new(until),
            looking: AtomicBool::new(false),
            answers: RwLock::default(),
            bytes: AtomicUsize::new(0),
            kept: self.kept.clone(),
        });
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.forgotten == forgotten {
            slot.seen = Some(seen.clone());
        }
        Ok(Some(seen))
    }

    /// Forgets everything: what is stored has changed, or may have.
    pub(crate) fn forget(&self) {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        slot.forgotten += 1;
        slot.seen = None;
    }

    fn forget_only(&self, seen: &Arc<Seen>) {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if slot.seen.as_ref().is_some_and(|held| Arc::ptr_eq(held, seen)) {
            slot.forgotten += 1;
            slot.seen = None;
        }
    }

    fn seen(&self) -> Option<Arc<Seen>> {
        self.slot.read().unwrap_or_else(PoisonError::into_inner).seen.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use mcp_registry_spec::{
        Error, Listing, McpServerRegistryBackend, McpServerSpec, Revision, ServerName, async_trait,
    };

    /// A registry in which reading an entry takes for ever, and one that is not there is soon not found.
    #[derive(Debug)]
    struct Slow;

    #[async_trait]
    impl McpServerRegistryBackend for Slow {
        fn backend_id(&self) -> &str {
            "slow"
        }

        async fn list(&self) -> Result<Listing> {
            Ok(Listing::default())
        }

        async fn load(&self, name: &ServerName) -> Result<McpServerSpec> {
            if name.as_str() == "absent" { Err(Error::not_in_registry(name)) } else { std::future::pending().await }
        }

        async fn revision(&self) -> Result<Option<Revision>> {
            Ok(Some(Revision("always the same".to_owned())))
        }
    }

    #[tokio::test]
    async fn rule_c28_a_read_that_is_given_up_leaves_nothing_behind() {
        let registry = McpServerRegistry::new(Arc::new(Slow));
        let cache = Cache::new(Clock::start(), Arc::default());
        cache.answer(&registry, &Question::Refs).await.unwrap();
        let count = || cache.seen().unwrap().answers.read().unwrap().len();
        let question = Question::Entry(ServerName::parse("a").unwrap());
        let mut both = [Box::pin(cache.answer(&registry, &question)), Box::pin(cache.answer(&registry, &question))];
        for asking in &mut both {
            assert!(asking.as_mut().now_or_never().is_none());
        }
        assert_eq!(count(), 2);
        let [first, second] = both;
        drop(first);
        assert_eq!(count(), 2, "somebody still asks");
        drop(second);
        assert_eq!(count(), 1);
        // Nor does one that fails.
        let absent = Question::Entry(ServerName::parse("absent").unwrap());
        assert!(cache.answer(&registry, &absent).await.is_err());
        assert_eq!(count(), 1);
    }
}
