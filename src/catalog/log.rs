//! The log: one line of JSON for every request and event.
//!
//! Whoever logs never waits. Lines go into a buffer of bounded size, which a thread of its own writes
//! out; what does not fit is counted and dropped.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use mcp_registry_spec::ErrorKind;
use serde::Serialize;

/// The most bytes that wait to be written.
const MOST: usize = 4 << 20;
/// How long lines are gathered before they are written together.
const GATHER: Duration = Duration::from_millis(10);

/// Takes lines of the log. Clones share it.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    filled: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    writing: bool,
    dropped: u64,
}

/// A request that has ended.
#[derive(Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) msg: &'static str,
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    pub(crate) micros: u64,
    pub(crate) request_id: &'a str,
    pub(crate) token: Option<&'a str>,
    /// The kind of the error that was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ErrorKind>,
    /// What the error says, where whoever runs the service should know: others are the client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

#[derive(Serialize)]
struct Stamped<'a, T> {
    #[serde(with = "mcp_registry_spec::time")]
    time: SystemTime,
    #[serde(flatten)]
    rest: &'a T,
}

impl Log {
    /// A log that is written to `out`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn to(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let log = Self(Arc::default());
        let shared = log.0.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || shared.write_to(&mut out))?;
        Ok(log)
    }

    /// Writes a line: the fields of `value`, and when it was.
    pub(crate) fn write(&self, value: &impl Serialize) {
        let mut line = Vec::with_capacity(256);
        // What has no JSON form has nothing to say.
        if serde_json::to_writer(&mut line, &Stamped { time: SystemTime::now(), rest: value }).is_err() {
            return;
        }
        line.push(b'\n');
        let mut state = self.0.lock();
        if state.waiting.len() + line.len() > MOST {
            state.dropped += 1;
            return;
        }
        let idle = state.waiting.is_empty() && !state.writing;
        state.waiting.extend_from_slice(&line);
        drop(state);
        if idle {
            self.0.filled.notify_one();
        }
    }

    /// How many lines nobody took in time.
    pub(crate) fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }

    /// Waits until everything is written, but not for ever.
    pub fn flush(&self, within: Duration) {
        let began = Instant::now();
        let mut state = self.0.lock();
        while !state.waiting.is_empty() || state.writing {
            let Some(left) = within.checked_sub(began.elapsed()) else { return };
            state = self.0.written.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, out: &mut impl Write) {
        let mut lines = Vec::new();
        loop {
            let mut state = self.lock();
            state.writing = false;
            while state.waiting.is_empty() {
                self.written.notify_all();
                state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.writing = true;
            std::mem::swap(&mut state.waiting, &mut lines);
            drop(state);
            // There is nobody to tell that the log is gone.
            let _ = out.write_all(&lines).and_then(|()| out.flush());
            lines.clear();
            thread::sleep(GATHER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Takes nothing until the other end is dropped.
    struct Stuck(std::sync::mpsc::Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(token: &str) -> Line<'_> {
        Line {
            msg: "request",
            method: "GET",
            route: "/mcp-servers",
            status: 200,
            micros: 7,
            request_id: "r",
            token: Some(token),
            error: None,
            message: None,
        }
    }

    #[test]
    fn lines_are_whole_and_in_order() {
        let sink = Sink::default();
        let log = Log::to(sink.clone()).unwrap();
        let names: Vec<_> = (0..500).map(|n| format!("token \"{n}\"\n")).collect();
        names.iter().for_each(|name| log.write(&line(name)));
        log.flush(Duration::from_secs(60));
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let found: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["token"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(found, names);
    }

    #[test]
    fn whoever_logs_does_not_wait() {
        let (release, stuck) = std::sync::mpsc::channel();
        let log = Log::to(Stuck(stuck)).unwrap();
        let long = "x".repeat(1 << 20);
        (0..20).for_each(|_| log.write(&line(&long)));
        assert!(log.dropped() >= 12, "{}", log.dropped());
        drop(release);
    }
}
