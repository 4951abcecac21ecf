//! Making a process on a thread that may wait, so that nothing of it is lost when nobody waits for it any more.

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::oneshot;

/// How long somebody who gives up waits for a process that is just being made.
const PATIENCE: Duration = Duration::from_secs(1);

/// Something that is being made elsewhere. Dropped, it is waited for and dropped too: who gives up leaves no process
/// that comes into being a moment later.
pub(crate) struct Spawning<T> {
    made: oneshot::Receiver<io::Result<T>>,
    /// Closed once it was handed over, or dropped where it was made.
    settled: Option<mpsc::Receiver<()>>,
}

impl<T: Send + 'static> Spawning<T> {
    /// Begins to make it. To be called in a runtime.
    pub(crate) fn begin(make: impl FnOnce() -> io::Result<T> + Send + 'static) -> Self {
        let (hand_over, made) = oneshot::channel();
        let (settling, settled) = mpsc::channel();
        tokio::task::spawn_blocking(move || {
            // Where nobody waits any more it is dropped here.
            drop(hand_over.send(make()));
            drop(settling);
        });
        Self { made, settled: Some(settled) }
    }

    /// Waits for it.
    ///
    /// # Errors
    /// Those of making it.
    pub(crate) async fn done(&mut self) -> io::Result<T> {
        let made = (&mut self.made).await.map_err(io::Error::other)?;
        self.settled = None;
        made
    }

    /// Gives up without waiting (S7); what is made too late is dropped where it was made.
    pub(crate) fn leave(mut self) {
        self.settled = None;
    }
}

impl<T> Drop for Spawning<T> {
    fn drop(&mut self) {
        self.made.close();
        if let Some(settled) = &self.settled {
            // It tells only that it is over.
            let _ = settled.recv_timeout(PATIENCE);
            // What was handed over before that goes with the channel.
            drop(self.made.try_recv());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    struct Made(Arc<AtomicBool>);

    impl Drop for Made {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn s7_what_is_made_for_nobody_is_gone_when_nobody_waits() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for millis in [0, 50] {
            let gone = Arc::new(AtomicBool::new(false));
            let made = Made(gone.clone());
            let _inside = runtime.enter();
            let spawning = Spawning::begin(move || {
                std::thread::sleep(Duration::from_millis(millis));
                Ok(made)
            });
            std::thread::sleep(Duration::from_millis(20));
            assert!(!gone.load(Ordering::SeqCst));
            drop(spawning);
            assert!(gone.load(Ordering::SeqCst), "{millis}");
        }
    }

    #[test]
    fn s7_what_is_left_is_gone_as_soon_as_it_is_made() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let gone = Arc::new(AtomicBool::new(false));
        let made = Made(gone.clone());
        let (go_on, held_up) = mpsc::channel::<()>();
        runtime.block_on(async {
            let spawning = Spawning::begin(move || {
                held_up.recv().unwrap();
                Ok(made)
            });
            spawning.leave();
        });
        assert!(!gone.load(Ordering::SeqCst), "it is not made yet");
        go_on.send(()).unwrap();
        // It ends when what it does on threads that may wait is done.
        drop(runtime);
        assert!(gone.load(Ordering::SeqCst));
    }
}
