//! Work that waits for a disk, kept off the threads that drive other futures.

use mcp_registry_spec::{Error, ErrorKind, Result};

/// Does `work` on a thread that may wait.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The runtime is going down.
        Err(cause) => Err(Error::new(ErrorKind::Unavailable, "the call was given up").caused_by(cause)),
    }
}
