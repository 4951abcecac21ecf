//! What time it is.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time: the machine's, or another one.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    pub(crate) fn new(tell: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Now, to the millisecond, as it is stored.
    pub(crate) fn now(&self) -> SystemTime {
        time_of(millis((self.0)()))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(SystemTime::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The last millisecond that RFC 3339 can tell, in the year 9999.
pub(crate) const LAST: i64 = 253_402_300_799_999;

/// The time of so many milliseconds since 1970; of any number it is one that can be told.
pub(crate) fn time_of(millis: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(millis.min(LAST)).unwrap_or_default());
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}
