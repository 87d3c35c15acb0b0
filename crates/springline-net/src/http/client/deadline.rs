//! When a call is given up.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

/// The end of a call's time, if there is one. Its timer is made when there is something to wait for.
pub(super) struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(super) fn at(at: Option<Instant>) -> Self {
        Self { at, timer: None }
    }

    /// What `poll` gives; `None` when it is pending and the time is over.
    #[inline]
    pub(super) fn bound<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<Option<T>> {
        match (poll(cx), self.at) {
            (Poll::Ready(done), _) => Poll::Ready(Some(done)),
            (Poll::Pending, None) => Poll::Pending,
            (Poll::Pending, Some(at)) => self.wait(at, cx).map(|()| None),
        }
    }

    fn wait(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at.into())));
        Future::poll(timer.as_mut(), cx)
    }
}
