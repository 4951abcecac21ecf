//! What anybody may ask of the storage (rule C14).
//!
//! Whoever asks needs no token, so the storage is asked by one at a time, for all who want to know, and
//! what it said stands for a second: also that it does not answer.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::clock::Clock;

/// How long what was found is believed.
const BELIEVED: Duration = Duration::from_secs(1);

/// What was found when the storage was last asked.
pub(crate) struct Lately<T> {
    clock: Clock,
    found: Arc<Mutex<Found<T>>>,
    asking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Default)]
struct Found<T> {
    answer: T,
    until: Duration,
}

impl<T: Clone + Default + Send + 'static> Lately<T> {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, found: Arc::default(), asking: Arc::default() }
    }

    /// What was found within the last second, else what `ask` finds now. Once begun, asking goes on though
    /// whoever wanted to know goes away, so that nobody begins it over and over.
    pub(crate) async fn found<F>(&self, ask: impl Fn() -> F) -> T
    where
        F: Future<Output = T> + Send + 'static,
    {
        loop {
            let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if self.clock.now() < found.until {
                return found.answer;
            }
            let Ok(alone) = self.asking.clone().try_lock_owned() else {
                drop(self.asking.lock().await);
                continue;
            };
            let (answer, found, clock) = (ask(), self.found.clone(), self.clock);
            let asked = tokio::spawn(async move {
                let _alone = alone;
                let answer = answer.await;
                let until = clock.now() + BELIEVED;
                *found.lock().unwrap_or_else(PoisonError::into_inner) = Found { answer: answer.clone(), until };
                answer
            });
            return asked.await.unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    #[tokio::test]
    async fn rule_c14_one_asks_for_all_who_want_to_know() {
        for ready in [true, false] {
            let lately = Lately::new(Clock::start());
            let (asked, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
            let ask = || {
                let (asked, answer) = (asked.clone(), answer.clone());
                async move {
                    asked.fetch_add(1, Ordering::Relaxed);
                    answer.notified().await;
                    ready
                }
            };
            // Whoever asked first goes away; the others have what was found for that one.
            let gone = tokio::time::timeout(Duration::from_millis(20), lately.found(ask)).await;
            assert!(gone.is_err());
            let all = futures_util::future::join_all((0..100).map(|_| lately.found(ask)));
            let (found, ()) = tokio::join!(all, async { answer.notify_one() });
            assert_eq!((found, asked.load(Ordering::Relaxed)), (vec![ready; 100], 1));
            assert_eq!((lately.found(ask).await, asked.load(Ordering::Relaxed)), (ready, 1));
            tokio::time::sleep(BELIEVED).await;
            answer.notify_one();
            assert_eq!((lately.found(ask).await, asked.load(Ordering::Relaxed)), (ready, 2));
        }
    }
}
