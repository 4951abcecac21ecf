//! Time as the service counts it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time since the service began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Duration {
        self.0.elapsed()
    }
}

/// A moment that many may read and move at once.
#[derive(Debug, Default)]
pub(crate) struct Moment(AtomicU64);

impl Moment {
    pub(crate) fn new(at: Duration) -> Self {
        Self(AtomicU64::new(nanoseconds(at)))
    }

    pub(crate) fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Acquire))
    }

    pub(crate) fn set(&self, at: Duration) {
        self.0.store(nanoseconds(at), Ordering::Release);
    }

    /// Moves it to what `next` makes of it, unless that is nothing.
    pub(crate) fn advance(&self, next: impl Fn(Duration) -> Option<Duration>) -> bool {
        let next = |at| next(Duration::from_nanos(at)).map(nanoseconds);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_ok()
    }
}

fn nanoseconds(at: Duration) -> u64 {
    // Five hundred years.
    u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)
}
