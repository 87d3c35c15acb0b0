//! What a handler may want to know of the call it serves, without a parameter for it: peer, annotations, correlation id.
//!
//! ```
//! # use springline_core::context;
//! // inside a handler:
//! let who = context::peer().map(|p| p.address.clone());
//! context::set_reply_annotation("XYZZ", "data");
//! # assert_eq!(who, None);
//! ```
//! Outside of a handler the readers give `None` and the writers do nothing. What a handler spawns as a task of its own
//! runs outside.

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Instant;

use bytes::Bytes;

use crate::service::{CallOptions, Metadata, Peer};

/// The call in progress.
#[derive(Debug, Default)]
struct Current {
    options: CallOptions,
    reply: Metadata,
}

thread_local! {
    // The handler's context lies here while its future is being polled, and in its Scope between polls.
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

fn read<T>(f: impl FnOnce(&Current) -> Option<T>) -> Option<T> {
    CURRENT.with(|c| c.borrow().as_ref().and_then(f))
}

/// Who calls.
#[must_use]
pub fn peer() -> Option<Arc<Peer>> {
    read(|c| c.options.peer.clone())
}

/// The request's annotation `key`.
#[must_use]
pub fn annotation(key: &str) -> Option<Bytes> {
    read(|c| c.options.metadata.get(key).cloned())
}

/// All metadata of the request.
#[must_use]
pub fn metadata() -> Option<Metadata> {
    read(|c| Some(c.options.metadata.clone()))
}

/// The correlation id of the request.
#[must_use]
pub fn correlation_id() -> Option<[u8; 16]> {
    read(|c| c.options.metadata.correlation_id)
}

/// When the caller gives up, where it said so.
#[must_use]
pub fn deadline() -> Option<Instant> {
    read(|c| c.options.deadline)
}

/// Whether nobody waits for an answer.
#[must_use]
pub fn oneway() -> bool {
    read(|c| Some(c.options.oneway)).unwrap_or(false)
}

/// Sends an annotation with the reply.
pub fn set_reply_annotation(key: impl Into<Cow<'static, str>>, data: impl Into<Bytes>) {
    let (key, data) = (key.into(), data.into());
    CURRENT.with(|c| {
        if let Some(current) = c.borrow_mut().as_mut() {
            current.reply.set(key, data);
        }
    });
}

/// Runs a handler's future with a context; gives its output and the reply's metadata.
pub struct Scope<F> {
    future: F,
    current: Option<Current>,
}

impl<F: Future + Unpin> Scope<F> {
    /// Wraps `future`, which sees what `options` say.
    #[inline]
    pub fn new(options: CallOptions, future: F) -> Self {
        Self { future, current: Some(Current { options, reply: Metadata::default() }) }
    }
}

// Puts the context back into the scope even when the handler panics.
struct Swap<'a>(&'a mut Option<Current>);

impl<'a> Swap<'a> {
    fn new(own: &'a mut Option<Current>) -> Self {
        CURRENT.with(|c| std::mem::swap(&mut *c.borrow_mut(), own));
        Self(own)
    }
}

impl Drop for Swap<'_> {
    fn drop(&mut self) {
        CURRENT.with(|c| std::mem::swap(&mut *c.borrow_mut(), self.0));
    }
}

impl<F: Future + Unpin> Future for Scope<F> {
    type Output = (F::Output, Metadata);

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = {
            let _swap = Swap::new(&mut this.current);
            Pin::new(&mut this.future).poll(cx)
        };
        polled.map(|out| (out, this.current.take().map(|c| c.reply).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_is_there_only_inside() {
        let mut options = CallOptions { peer: Some(Arc::new(Peer::new("here:1", "test"))), ..CallOptions::default() };
        options.metadata.set("ABCD", "in");
        let inner = Box::pin(async {
            set_reply_annotation("WXYZ", "out");
            (peer().map(|p| p.address.clone()), annotation("ABCD"))
        });
        let mut scope = Scope::new(options, inner);
        let mut cx = task::Context::from_waker(task::Waker::noop());
        let Poll::Ready(((peer_address, data), reply)) = Pin::new(&mut scope).poll(&mut cx) else { panic!("pending") };
        assert_eq!((peer_address.as_deref(), data.as_deref()), (Some("here:1"), Some(&b"in"[..])));
        assert_eq!(reply.get("WXYZ").map(|b| &b[..]), Some(&b"out"[..]));
        assert!(peer().is_none());
    }
}
