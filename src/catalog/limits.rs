//! What one caller may use of the service (rule C27).

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::Body as _;
use hyper::header::{HeaderValue, RETRY_AFTER};
use mcp_registry_spec::{Error, ErrorKind};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::clock::Moment;
use super::refusal::Refusal;

/// The most bytes of a body.
const BODY: usize = 1 << 20;
/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(20);
/// How many calls of the storage one caller has at once: a share of all there may be, and enough to keep
/// a storage busy.
const TURNS: usize = 16;
/// For how long a caller who was idle may go beyond the rate.
const BURST: u32 = 2;

/// The rate of requests that every token has for itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    between: Duration,
    ahead: Duration,
}

/// What one token has used of its rate: the moment until which it has asked for everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bucket(Arc<Moment>);

/// The turns that one token has with the storage, so that none takes those of all others.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TURNS)))
    }
}

impl Turns {
    /// Waits for a turn, which lasts until what is given is dropped. There always is one, since nobody
    /// closes what gives them.
    pub(crate) async fn take(&self) -> Option<SemaphorePermit<'_>> {
        self.0.acquire().await.ok()
    }
}

impl Rate {
    /// So many requests a second.
    pub(crate) fn new(a_second: NonZeroU32) -> Self {
        let between = Duration::from_secs(1) / a_second.get();
        Self { between, ahead: between.saturating_mul(a_second.get().saturating_mul(BURST)) }
    }

    /// Takes one request out of the bucket.
    ///
    /// # Errors
    /// 429 when it is empty.
    pub(crate) fn take(self, bucket: &Bucket, now: Duration) -> Result<(), Refusal> {
        let taken = bucket.0.advance(|used| {
            let next = used.max(now) + self.between;
            (next <= now + self.ahead).then_some(next)
        });
        if taken {
            return Ok(());
        }
        let error = Error::new(ErrorKind::Unavailable, "the token has sent too many requests").retryable();
        Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, error).header(RETRY_AFTER, HeaderValue::from_static("1")))
    }
}

/// Reads a body, whole and in time.
///
/// # Errors
/// 413 for one that is too large, 408 for one that takes too long, 400 for one that breaks off.
pub(crate) async fn body(body: Body) -> Result<Bytes, Refusal> {
    let too_large = || {
        let error = Error::new(ErrorKind::InvalidSpec, "the body is larger than 1 MiB");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error)
    };
    if body.size_hint().lower() > BODY as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIME, Limited::new(body, BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(cause)) if cause.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => {
            let error = Error::new(ErrorKind::InvalidSpec, "the body broke off").retryable();
            Err(Refusal::new(StatusCode::BAD_REQUEST, error))
        }
        Err(_) => {
            let error = Error::new(ErrorKind::Unavailable, "the body did not arrive in time").retryable();
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn rule_c27_a_bucket_empties_and_fills_again() {
        let rate = Rate::new(NonZeroU32::new(10).unwrap());
        let bucket = Bucket::default();
        let at = Duration::from_secs(100);
        let taken = (0..100).take_while(|_| rate.take(&bucket, at).is_ok()).count();
        assert_eq!(taken, 20, "two seconds' worth at once");
        assert!(rate.take(&bucket.clone(), at).is_err(), "clones share it");
        assert!(rate.take(&bucket, at + Duration::from_millis(100)).is_ok());
        assert!(rate.take(&bucket, at + Duration::from_millis(100)).is_err());
        assert!(rate.take(&Bucket::default(), at).is_ok(), "another token has its own");
    }

    #[tokio::test]
    async fn rule_c27_one_caller_does_not_take_the_turns_of_another() {
        let (many, one) = (Turns::default(), Turns::default());
        let mut taken = Vec::new();
        for _ in 0..TURNS {
            taken.push(many.take().await);
        }
        assert!(many.take().now_or_never().is_none());
        assert!(one.take().now_or_never().is_some());
        taken.pop();
        assert!(many.take().now_or_never().is_some());
    }
}
