//! How a change stands (H3).

use std::str::FromStr;

use mcp_registry_spec::{Error, ErrorKind, named, text};

named! {
    /// How a change stands.
    #[non_exhaustive]
    pub enum State {
        /// It waits for a person.
        Pending = "pending",
        /// Somebody approved it, and it is being carried out.
        Executing = "executing",
        /// It was carried out.
        Completed = "completed",
        /// It was approved, and refused or failed when it was carried out; nothing changed.
        Failed = "failed",
        /// A person said no.
        Rejected = "rejected",
        /// Whoever asked took it back.
        Cancelled = "cancelled",
        /// Nobody decided in time.
        Expired = "expired",
        /// Whoever carried it out died, and its effect is not there.
        Interrupted = "interrupted",
    }
}

impl State {
    /// Whether it is pending or executing: of each identity one at most is (H5).
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Executing)
    }
}

impl FromStr for State {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::from_name(name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|state| state.as_str()).collect();
            Error::new(ErrorKind::ConfigInvalid, format!("{} is no state of a change", text::quote(name)))
                .hint(format!("a state is one of {}", names.join(", ")))
        })
    }
}
