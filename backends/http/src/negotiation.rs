//! What a catalog can, as it is remembered: asked once for however many wait, and again when there is
//! reason to.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use mcp_registry_spec::{ErrorKind, Result};

use crate::offer::Offer;

/// A question that is under way. Any of those who wait for it drives it; when all of them are gone,
/// so is the question.
type Question = Pin<Box<dyn Future<Output = Result<Offer>> + Send>>;

/// The offer, and which of the questions brought it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) offer: Offer,
    number: u64,
}

/// Remembers what was answered. No lock is held while a question is under way.
pub(crate) struct Negotiation {
    state: Arc<Mutex<State>>,
    /// How long a failure is remembered.
    memory: Duration,
    ask: Box<dyn Fn() -> Question + Send + Sync>,
}

#[derive(Default)]
struct State {
    /// The number of the last question that was begun; they are numbered from 1.
    begun: u64,
    under_way: Option<WeakShared<Question>>,
    answered: Option<Answered>,
}

#[derive(Clone)]
struct Answered {
    number: u64,
    at: Instant,
    result: Result<Offer>,
}

impl Answered {
    fn known(&self) -> Result<Known> {
        self.result.clone().map(|offer| Known { offer, number: self.number })
    }
}

impl Negotiation {
    /// Remembers what `ask` brings.
    pub(crate) fn new<F>(memory: Duration, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Offer>> + Send + 'static,
    {
        Self { state: Arc::default(), memory, ask: Box::new(move || Box::pin(ask())) }
    }

    /// The offer as it is known, or else what the catalog answers now.
    ///
    /// # Errors
    /// What asking failed with, now or not long ago.
    pub(crate) async fn offer(&self) -> Result<Known> {
        let answered = self.state().answered.clone();
        match answered {
            Some(answered) if answered.result.is_ok() || answered.at.elapsed() < self.memory => answered.known(),
            Some(stale) => self.newer(stale.number).await,
            None => self.newer(0).await,
        }
    }

    /// What the catalog answers to a question that is begun after this call.
    ///
    /// # Errors
    /// What asking failed with.
    pub(crate) async fn refresh(&self) -> Result<Known> {
        let begun = self.state().begun;
        self.newer(begun).await
    }

    /// What the catalog answers to a question that is newer than the one that brought `known`,
    /// which proved wrong.
    ///
    /// # Errors
    /// What asking failed with.
    pub(crate) async fn since(&self, known: Known) -> Result<Known> {
        self.newer(known.number).await
    }

    /// What was or is answered to a question whose number is above `number`.
    async fn newer(&self, number: u64) -> Result<Known> {
        loop {
            // Another caller may have asked meanwhile.
            let answered = self.state().answered.clone();
            if let Some(answered) = answered.filter(|answered| answered.number > number) {
                return answered.known();
            }
            let (current, question) = self.join_or_begin();
            let result = question.await;
            if current > number {
                return result.map(|offer| Known { offer, number: current });
            }
        }
    }

    fn join_or_begin(&self) -> (u64, Shared<Question>) {
        let mut state = self.state();
        if let Some(question) = state.under_way.as_ref().and_then(WeakShared::upgrade) {
            return (state.begun, question);
        }
        state.begun += 1;
        let number = state.begun;
        let (asked, shared) = ((self.ask)(), self.state.clone());
        let question: Question = Box::pin(async move {
            let result = asked.await;
            let mut state = lock(&shared);
            state.under_way = None;
            // A wrong setting can be mended meanwhile, and asking again costs the catalog nothing.
            let forget = result.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConfigInvalid);
            state.answered = (!forget).then(|| Answered { number, at: Instant::now(), result: result.clone() });
            result
        });
        let question = question.shared();
        state.under_way = question.downgrade();
        (number, question)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Nothing is left half done under this lock, so a panic elsewhere does no harm to what it guards.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_registry_spec::Error;
    use mcp_registry_spec::wire::{CatalogCapabilities, Tier};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    const HOUR: Duration = Duration::from_secs(3600);

    /// A catalog that answers one question for each permit, and counts how many it was asked.
    #[derive(Clone)]
    struct Fake {
        asked: Arc<AtomicUsize>,
        permits: Arc<Semaphore>,
        failure: Arc<Mutex<Option<Error>>>,
    }

    impl Fake {
        fn new(permits: usize) -> Self {
            Self { asked: Arc::default(), permits: Arc::new(Semaphore::new(permits)), failure: Arc::default() }
        }

        fn fail(&self, failure: Option<Error>) {
            *self.failure.lock().unwrap() = failure;
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }

        fn negotiation(&self, memory: Duration) -> Arc<Negotiation> {
            let fake = self.clone();
            Arc::new(Negotiation::new(memory, move || {
                let fake = fake.clone();
                async move {
                    fake.asked.fetch_add(1, Ordering::SeqCst);
                    fake.permits.acquire().await.unwrap().forget();
                    let failure = fake.failure.lock().unwrap().clone();
                    failure.map_or(Ok(offer()), Err)
                }
            }))
        }
    }

    fn offer() -> Offer {
        Offer::from(&CatalogCapabilities::new(Tier::Write))
    }

    fn failure(kind: ErrorKind) -> Option<Error> {
        Some(Error::new(kind, "no"))
    }

    /// Lets every task that can go on do so.
    async fn settle() {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn c17_one_question_serves_however_many_wait() {
        let fake = Fake::new(0);
        let negotiation = fake.negotiation(HOUR);
        let waiting: Vec<_> = (0..32)
            .map(|_| {
                let negotiation = negotiation.clone();
                tokio::spawn(async move { negotiation.offer().await })
            })
            .collect();
        settle().await;
        fake.permits.add_permits(100);
        for task in waiting {
            assert_eq!(task.await.unwrap().unwrap().offer, offer());
        }
        assert!(negotiation.offer().await.is_ok());
        assert_eq!(fake.asked(), 1);
    }

    #[tokio::test]
    async fn c17_a_caller_that_goes_takes_nothing_from_the_others() {
        let fake = Fake::new(0);
        let negotiation = fake.negotiation(HOUR);
        let begin = || {
            let negotiation = negotiation.clone();
            tokio::spawn(async move { negotiation.offer().await })
        };
        let first = begin();
        settle().await;
        let second = begin();
        settle().await;
        first.abort();
        settle().await;
        fake.permits.add_permits(1);
        assert!(second.await.unwrap().is_ok());
        assert_eq!(fake.asked(), 1);

        // When all have gone, the next one asks anew.
        let fake = Fake::new(0);
        let negotiation = fake.negotiation(HOUR);
        let alone = tokio::spawn({
            let negotiation = negotiation.clone();
            async move { negotiation.offer().await }
        });
        settle().await;
        alone.abort();
        settle().await;
        fake.permits.add_permits(1);
        assert!(negotiation.offer().await.is_ok());
        assert_eq!(fake.asked(), 2);
    }

    #[tokio::test]
    async fn c17_a_failure_is_remembered_and_a_refresh_asks_all_the_same() {
        let fake = Fake::new(100);
        fake.fail(failure(ErrorKind::Unavailable));
        let negotiation = fake.negotiation(HOUR);
        for _ in 0..3 {
            assert_eq!(negotiation.offer().await.unwrap_err().kind(), ErrorKind::Unavailable);
        }
        assert_eq!(fake.asked(), 1);
        fake.fail(None);
        assert!(negotiation.offer().await.is_err());
        assert!(negotiation.refresh().await.is_ok());
        assert!(negotiation.offer().await.is_ok());
        assert_eq!(fake.asked(), 2);

        let forgetful = fake.negotiation(Duration::ZERO);
        fake.fail(failure(ErrorKind::Unavailable));
        assert!(forgetful.offer().await.is_err());
        fake.fail(None);
        assert!(forgetful.offer().await.is_ok());

        let mended = fake.negotiation(HOUR);
        fake.fail(failure(ErrorKind::ConfigInvalid));
        assert!(mended.offer().await.is_err());
        fake.fail(None);
        assert!(mended.offer().await.is_ok());
    }

    #[tokio::test]
    async fn c17_a_refresh_is_not_answered_by_an_older_question() {
        let fake = Fake::new(0);
        let negotiation = fake.negotiation(HOUR);
        let waiting = |refresh: bool| {
            let negotiation = negotiation.clone();
            tokio::spawn(async move { if refresh { negotiation.refresh().await } else { negotiation.offer().await } })
        };
        let first = waiting(false);
        settle().await;
        let refreshes: Vec<_> = (0..8).map(|_| waiting(true)).collect();
        settle().await;
        assert_eq!(fake.asked(), 1, "one question at a time");
        fake.permits.add_permits(2);
        assert_eq!(first.await.unwrap().unwrap().number, 1);
        for refresh in refreshes {
            assert_eq!(refresh.await.unwrap().unwrap().number, 2);
        }
        assert_eq!(fake.asked(), 2);
    }

    #[tokio::test]
    async fn c22_those_who_met_the_same_share_one_question() {
        let fake = Fake::new(1);
        let negotiation = fake.negotiation(HOUR);
        let known = negotiation.offer().await.unwrap();
        let waiting: Vec<_> = (0..16)
            .map(|_| {
                let negotiation = negotiation.clone();
                tokio::spawn(async move { negotiation.since(known).await })
            })
            .collect();
        settle().await;
        fake.permits.add_permits(100);
        for task in waiting {
            assert_eq!(task.await.unwrap().unwrap().number, 2);
        }
        assert_eq!(negotiation.since(known).await.unwrap().number, 2);
        assert_eq!(fake.asked(), 2);
    }
}
