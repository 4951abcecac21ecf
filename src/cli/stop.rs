//! Being told to stop, for commands that serve.

use mcp_registry_spec::{Error, ErrorKind};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for being told.
pub(crate) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    /// Where what is half done must not be left: the end of the terminal, and its quitting key.
    others: Option<(Signal, Signal)>,
}

impl Stop {
    /// Begins to listen for the signals: what they did before, they do no longer.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(crate) fn listen() -> Result<Self, Error> {
        let (terminate, interrupt) = (wait_for(SignalKind::terminate())?, wait_for(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, others: None })
    }

    /// The same, to the end of the terminal and to its key that quits: for what must not be left half done.
    ///
    /// # Errors
    /// Where the system refuses.
    #[cfg(any(feature = "probe", feature = "presence"))]
    pub(crate) fn listen_to_all() -> Result<Self, Error> {
        let others = (wait_for(SignalKind::hangup())?, wait_for(SignalKind::quit())?);
        Ok(Self { others: Some(others), ..Self::listen()? })
    }

    /// Done once the process is told to stop.
    pub(crate) async fn asked(mut self) {
        let others = async {
            match &mut self.others {
                Some((hangup, quit)) => tokio::select! {
                    _ = hangup.recv() => {}
                    _ = quit.recv() => {}
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = others => {}
        }
    }
}

fn wait_for(kind: SignalKind) -> Result<Signal, Error> {
    signal(kind)
        .map_err(|cause| Error::new(ErrorKind::Unavailable, "cannot wait for the signal to stop").caused_by(cause))
}
