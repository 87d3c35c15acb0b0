//! How long the rest of a message may take, in and out.

use std::fmt;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use springline_core::{Error, ErrorKind, Result};
use tokio::time::{Instant, timeout_at};

use crate::{Inbound, Outbound, Stream};

/// Bytes a second below which a peer is not waited for.
const SLOWEST: u64 = 16 * 1024;

/// Until when a transfer of so many bytes may take that began at `since`, and, if no piece of it comes, from now: no
/// pause is longer than `pause`, and over all there is a second more for each 16 KiB.
pub(crate) fn transfer_until(since: Instant, bytes: u64, pause: Duration) -> Instant {
    let all = pause.saturating_add(Duration::from_secs(bytes / SLOWEST));
    let far = Duration::from_secs(86_400 * 365);
    let after = |start: Instant, time: Duration| start.checked_add(time).unwrap_or(start + far);
    after(since, all).min(after(Instant::now(), pause))
}

fn closed(e: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Closed, format!("the connection broke: {e}"))
}

impl Inbound {
    /// Reads more of a message that has begun at `since`, which is set by the first call that has to wait. `None` when none
    /// has begun: a socket may look readable and is not. `Some(0)` is the end of the stream. A timer is armed only when there
    /// is nothing to read at once.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`], and [`ErrorKind::Timeout`] when it takes too long: no pause may be longer than
    /// `pause`, and over all there is a second more for each 16 KiB.
    #[inline]
    pub async fn fill(
        &mut self,
        stream: &mut Stream,
        need: usize,
        since: &mut Option<Instant>,
        pause: Duration,
    ) -> Result<Option<usize>> {
        let at_once = poll_fn(|cx| {
            Poll::Ready(match self.poll_fill(stream, cx, need) {
                Poll::Ready(done) => Some(done),
                Poll::Pending => None,
            })
        })
        .await;
        if let Some(done) = at_once {
            return done.map(Some).map_err(closed);
        }
        if self.is_empty() {
            return Ok(None);
        }
        let since = *since.get_or_insert_with(Instant::now);
        let until = transfer_until(since, need as u64, pause);
        match timeout_at(until, poll_fn(|cx| self.poll_fill(stream, cx, need))).await {
            Ok(done) => done.map(Some).map_err(closed),
            Err(_) => {
                let waited = since.elapsed();
                Err(Error::new(ErrorKind::Timeout, format!("the rest of a message did not come within {waited:?}")))
            }
        }
    }
}

impl Outbound {
    /// Writes all that is pending.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`], and [`ErrorKind::Timeout`] when it takes too long: no pause may be longer than
    /// `pause`, and over all there is a second more for each 16 KiB.
    #[inline]
    pub async fn flush(&mut self, stream: &mut Stream, pause: Duration) -> Result<()> {
        if self.is_flushed() {
            return Ok(());
        }
        let at_once = poll_fn(|cx| {
            Poll::Ready(match self.poll_flush(stream, cx) {
                Poll::Ready(done) => Some(done),
                Poll::Pending => None,
            })
        })
        .await;
        if let Some(done) = at_once {
            return done.map_err(closed);
        }
        let (since, bytes) = (Instant::now(), self.pending());
        loop {
            let before = self.pending();
            let progress = poll_fn(|cx| match self.poll_flush(stream, cx) {
                Poll::Ready(done) => Poll::Ready(done.map(|()| true)),
                Poll::Pending if self.pending() < before => Poll::Ready(Ok(false)),
                Poll::Pending => Poll::Pending,
            });
            match timeout_at(transfer_until(since, bytes as u64, pause), progress).await {
                Ok(Ok(true)) => return Ok(()),
                Ok(Ok(false)) => {}
                Ok(Err(e)) => return Err(closed(e)),
                Err(_) => {
                    let waited = since.elapsed();
                    return Err(Error::new(
                        ErrorKind::Timeout,
                        format!("the client did not take its answer within {waited:?}"),
                    ));
                }
            }
        }
    }
}
