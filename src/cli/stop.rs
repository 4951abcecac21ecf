//! Being told to stop, for commands that serve.

use mcp_registry_spec::{Error, ErrorKind};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for being told.
pub(crate) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Begins to listen for the signals: what they did before, they do no longer.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(crate) fn listen() -> Result<Self, Error> {
        let signal = |kind| {
            signal(kind).map_err(|cause| {
                Error::new(ErrorKind::Unavailable, "cannot wait for the signal to stop").caused_by(cause)
            })
        };
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Done once the process is told to stop.
    pub(crate) async fn asked(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
