//! How much the answers to one call may hold together.

use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_registry_spec::{Error, ErrorKind, Result};

use crate::client::{Answer, Client};

/// How much that is, in answers of the largest size: what is made of them is larger than they are.
const MOST_ANSWERS: usize = 4;

/// What is left of it.
pub(crate) struct Budget {
    most: usize,
    left: AtomicUsize,
}

impl Budget {
    /// Takes off what an answer holds.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when that is more than is left.
    pub(crate) fn spend(&self, answer: &Answer) -> Result<()> {
        let spend = |left: usize| left.checked_sub(answer.body.len());
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
            Ok(_) => Ok(()),
            Err(_) => {
                let message = format!("the catalog answered with more than {} bytes in several answers", self.most);
                Err(Error::new(ErrorKind::Unavailable, message).hint("raise the option max_response"))
            }
        }
    }
}

impl Client {
    /// What one call may spend.
    pub(crate) fn budget(&self) -> Budget {
        let most = self.limits.max_response.saturating_mul(MOST_ANSWERS);
        Budget { most, left: AtomicUsize::new(most) }
    }
}
