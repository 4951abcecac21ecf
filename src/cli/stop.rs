//! Being told to stop, for commands that serve.

use mcp_registry_spec::{Error, ErrorKind};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for being told.
pub(crate) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    hangup: Option<Signal>,
}

impl Stop {
    /// Begins to listen for the signals: what they did before, they do no longer.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(crate) fn listen() -> Result<Self, Error> {
        let (terminate, interrupt) = (wait_for(SignalKind::terminate())?, wait_for(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, hangup: None })
    }

    /// The same, and to the end of the terminal: for what must not be left half done.
    ///
    /// # Errors
    /// Where the system refuses.
    #[cfg(any(feature = "probe", feature = "presence"))]
    pub(crate) fn listen_to_all() -> Result<Self, Error> {
        Ok(Self { hangup: Some(wait_for(SignalKind::hangup())?), ..Self::listen()? })
    }

    /// Done once the process is told to stop.
    pub(crate) async fn asked(mut self) {
        let hung_up = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = hung_up => {}
        }
    }
}

fn wait_for(kind: SignalKind) -> Result<Signal, Error> {
    signal(kind)
        .map_err(|cause| Error::new(ErrorKind::Unavailable, "cannot wait for the signal to stop").caused_by(cause))
}
