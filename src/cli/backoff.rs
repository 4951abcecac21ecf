//! Growing pauses between tries of what a later try can cure.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(500);
/// The longest one.
const LONGEST: Duration = Duration::from_secs(30);

/// The pauses of one piece of work.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// How many there were.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    /// The next pause: twice as long as the one before, less a part by chance, so that many who failed at once do not
    /// try again at once.
    pub(crate) fn pause(&mut self) -> Duration {
        let most = FIRST.saturating_mul(1 << self.tries.min(16)).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        let chance = RandomState::new().hash_one(self.tries) % 500;
        most.mul_f64(1.0 - f64::from(u16::try_from(chance).unwrap_or_default()) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e16_pauses_grow_up_to_a_bound() {
        let mut backoff = Backoff::default();
        for (tries, most) in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].into_iter().enumerate() {
            assert_eq!(backoff.tries() as usize, tries);
            let pause = backoff.pause().as_millis();
            assert!((most / 2..=most).contains(&pause), "{tries}: {pause}");
        }
        (0..100).for_each(|_| assert!(backoff.pause() <= LONGEST));
    }
}
