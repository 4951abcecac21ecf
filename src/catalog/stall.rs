//! Connections whose other end must take what it asked for (rule C27).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long the other end may take nothing.
const PATIENCE: Duration = Duration::from_secs(20);
/// What it must take a second, over all of an answer.
const LEAST: usize = 1024;

/// A stream that fails as timed out when its other end does not read, or does so too slowly.
pub(crate) struct Unstalled<S> {
    stream: S,
    /// Until when what is being sent must be taken; begins when the other end first makes us wait, and
    /// ends with its next request.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Unstalled<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, deadline: None }
    }

    fn waits(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + PATIENCE)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the other end does not take its answer"))
    }

    fn took(&mut self, bytes: usize) {
        if let Some(deadline) = &mut self.deadline {
            let earned = Duration::from_secs_f64(bytes as f64 / LEAST as f64);
            let until = (deadline.deadline() + earned).min(Instant::now() + PATIENCE);
            deadline.as_mut().reset(until);
        }
    }

    fn written(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(bytes)) => {
                self.took(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(cause)) => Poll::Ready(Err(cause)),
            Poll::Pending => self.waits(cx).map(Err),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unstalled<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.deadline = None;
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unstalled<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => self.waits(cx).map(Err),
            done => done,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Pending => self.waits(cx).map(Err),
            done => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    fn paused() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    }

    #[test]
    fn rule_c27_whoever_takes_nothing_is_let_go() {
        paused().block_on(async {
            let (ours, theirs) = duplex(16);
            let error = Unstalled::new(ours).write_all(&[0; 1024]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            drop(theirs);
        });
    }

    #[test]
    fn rule_c27_whoever_takes_a_byte_now_and_then_is_let_go() {
        paused().block_on(async {
            let (ours, mut theirs) = duplex(16);
            let reader = tokio::spawn(async move {
                while theirs.read_u8().await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
            let error = Unstalled::new(ours).write_all(&[0; 1024]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            reader.await.unwrap();
        });
    }

    #[test]
    fn rule_c27_whoever_reads_has_all_the_time_it_takes() {
        paused().block_on(async {
            let (ours, mut theirs) = duplex(4096);
            let reader = tokio::spawn(async move {
                let (mut read, mut buffer) = (0, vec![0; 4096]);
                while read < 1 << 20 {
                    read += theirs.read(&mut buffer).await.unwrap();
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
            Unstalled::new(ours).write_all(&vec![0; 1 << 20]).await.unwrap();
            reader.await.unwrap();
        });
    }
}
