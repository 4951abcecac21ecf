//! What marks the processes of one launch.

use std::io;

/// A variable of a name that no other launch has. Whoever is started by the server inherits it, however far away it
/// goes; names and not values, so that a pool within a server leaves the marks of the pool around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker(String);

impl Marker {
    /// # Errors
    /// When the system has no random bytes to give.
    pub(super) fn new() -> io::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(format!("MCP_LAUNCH_{:032x}", u128::from_ne_bytes(bytes))))
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// Whether it is in an environment as the system tells it: `NAME=VALUE`, each ended by NUL.
    #[cfg(any(target_os = "linux", test))]
    pub(super) fn is_in(&self, environment: &[u8]) -> bool {
        let is_it = |entry: &[u8]| entry.strip_prefix(self.0.as_bytes()).is_some_and(|rest| rest.starts_with(b"="));
        environment.split(|byte| *byte == 0).any(is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_as_a_whole_name_only() {
        let (one, other) = (Marker::new().unwrap(), Marker::new().unwrap());
        assert_ne!(one, other);
        assert!(one.is_in(format!("A=b\0{}=1\0", one.name()).as_bytes()));
        assert!(!one.is_in(format!("A={}=1\0{}x=1\0{}=1\0", one.name(), one.name(), other.name()).as_bytes()));
    }
}
