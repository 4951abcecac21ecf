//! What time it is.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use mcp_registry_spec::time;

/// Tells the time: the machine's, or another one.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    pub(crate) fn new(tell: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Now, to the millisecond, as it is stored.
    pub(crate) fn now(&self) -> SystemTime {
        time::from_millis(time::to_millis((self.0)()))
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
