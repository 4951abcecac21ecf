//! Being told to stop, for commands that serve.

use std::future::poll_fn;
use std::task::Poll;

use mcp_registry_spec::{Error, ErrorKind};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for being told.
pub(crate) struct Stop(Vec<Signal>);

impl Stop {
    /// Begins to listen for the signals: what they did before, they do no longer.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(crate) fn listen() -> Result<Self, Error> {
        Ok(Self(vec![wait_for(SignalKind::terminate())?, wait_for(SignalKind::interrupt())?]))
    }

    /// The same, to the key of the terminal that quits and to the terminal's end, which `nohup` has ignored: for what
    /// must not be left half done.
    ///
    /// # Errors
    /// Where the system refuses.
    #[cfg(any(feature = "probe", feature = "presence"))]
    pub(crate) fn listen_to_all() -> Result<Self, Error> {
        let mut stop = Self::listen()?;
        stop.0.push(wait_for(SignalKind::quit())?);
        if !is_ignored(SignalKind::hangup()) {
            stop.0.push(wait_for(SignalKind::hangup())?);
        }
        Ok(stop)
    }

    /// Done once the process is told to stop.
    pub(crate) async fn asked(mut self) {
        poll_fn(|context| match self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

/// Whether whoever started this process has it ignore that signal; where the system does not say, it does not.
#[cfg(any(feature = "probe", feature = "presence"))]
fn is_ignored(kind: SignalKind) -> bool {
    let ignored = |status: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        Some(u64::from_str_radix(line.trim(), 16).ok()? >> (kind.as_raw_value() - 1) & 1 == 1)
    };
    std::fs::read_to_string("/proc/self/status").ok().and_then(|status| ignored(&status)).unwrap_or(false)
}

fn wait_for(kind: SignalKind) -> Result<Signal, Error> {
    signal(kind)
        .map_err(|cause| Error::new(ErrorKind::Unavailable, "cannot wait for the signal to stop").caused_by(cause))
}
