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
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Instant;

use bytes::Bytes;

use crate::service::{CallOptions, Metadata, Peer};

scoped_tls::scoped_thread_local! {
    // The call in progress, while its handler's future is being polled: lent, since a copy for every call would count.
    static CURRENT: CallOptions
}

thread_local! {
    // What the handler that is being polled sends with its reply; between polls it lies in its Scope.
    static REPLY: Cell<Option<Box<Metadata>>> = const { Cell::new(None) };
}

#[inline]
fn read<T>(f: impl FnOnce(&CallOptions) -> Option<T>) -> Option<T> {
    if CURRENT.is_set() { CURRENT.with(f) } else { None }
}

/// Who calls.
#[must_use]
pub fn peer() -> Option<Arc<Peer>> {
    read(|c| c.peer.clone())
}

/// The request's annotation `key`.
#[must_use]
pub fn annotation(key: &str) -> Option<Bytes> {
    read(|c| c.metadata.get(key).cloned())
}

/// All metadata of the request.
#[must_use]
pub fn metadata() -> Option<Metadata> {
    read(|c| Some(c.metadata.clone()))
}

/// The correlation id of the request.
#[must_use]
pub fn correlation_id() -> Option<[u8; 16]> {
    read(|c| c.metadata.correlation_id)
}

/// When the caller gives up, where it said so.
#[must_use]
pub fn deadline() -> Option<Instant> {
    read(|c| c.deadline)
}

/// Whether nobody waits for an answer.
#[must_use]
pub fn oneway() -> bool {
    read(|c| Some(c.oneway)).unwrap_or(false)
}

/// Sends an annotation with the reply.
pub fn set_reply_annotation(key: impl Into<Cow<'static, str>>, data: impl Into<Bytes>) {
    let (key, data) = (key.into(), data.into());
    if CURRENT.is_set() {
        let mut reply = REPLY.take().unwrap_or_default();
        reply.set(key, data);
        REPLY.set(Some(reply));
    }
}

/// Runs a handler's future with a context; gives its output and the reply's metadata, if it has set any.
pub struct Scope<'a, F> {
    future: F,
    options: &'a CallOptions,
    reply: Option<Box<Metadata>>,
}

impl<'a, F: Future + Unpin> Scope<'a, F> {
    /// Wraps `future`, which sees what `options` say.
    #[inline]
    pub fn new(options: &'a CallOptions, future: F) -> Self {
        Self { future, options, reply: None }
    }
}

// Puts back what the handler around this one sends with its reply, also when this one panics.
struct Around(Option<Box<Metadata>>);

impl Drop for Around {
    #[inline]
    fn drop(&mut self) {
        REPLY.set(self.0.take());
    }
}

impl<F: Future + Unpin> Future for Scope<'_, F> {
    type Output = (F::Output, Option<Box<Metadata>>);

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let around = Around(REPLY.replace(this.reply.take()));
        let polled = CURRENT.set(this.options, || Pin::new(&mut this.future).poll(cx));
        this.reply = REPLY.take();
        drop(around);
        polled.map(|out| (out, this.reply.take()))
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
        let mut scope = Scope::new(&options, inner);
        let mut cx = task::Context::from_waker(task::Waker::noop());
        let Poll::Ready(((peer_address, data), reply)) = Pin::new(&mut scope).poll(&mut cx) else { panic!("pending") };
        assert_eq!((peer_address.as_deref(), data.as_deref()), (Some("here:1"), Some(&b"in"[..])));
        assert_eq!(reply.unwrap().get("WXYZ").map(|b| &b[..]), Some(&b"out"[..]));
        assert!(peer().is_none());
    }

    #[test]
    fn contexts_nest_and_survive_panics() {
        let mut cx = task::Context::from_waker(task::Waker::noop());
        let with = |id: u8| {
            let mut options = CallOptions::default();
            options.metadata.correlation_id = Some([id; 16]);
            options
        };
        let (outer, inner) = (with(1), with(2));
        let handler = Box::pin(async {
            set_reply_annotation("OUTE", "before");
            let within = Scope::new(
                &inner,
                Box::pin(async {
                    set_reply_annotation("INNE", "x");
                    correlation_id()
                }),
            );
            let (id, reply) = within.await;
            assert_eq!(id, Some([2; 16]));
            let reply = reply.unwrap();
            assert_eq!((reply.annotations.iter().count(), reply.get("INNE").is_some()), (1, true));
            let panics = std::panic::AssertUnwindSafe(|| {
                let mut cx = task::Context::from_waker(task::Waker::noop());
                let bad = Box::pin(async {
                    set_reply_annotation("LOST", "x");
                    assert_eq!(correlation_id(), None, "the panic that this test is about");
                });
                Pin::new(&mut Scope::new(&inner, bad)).poll(&mut cx)
            });
            assert!(std::panic::catch_unwind(panics).is_err());
            let mut turns = 0;
            // A pause within the handler: nothing of it is seen outside, and it is all there again afterwards.
            std::future::poll_fn(|_| {
                turns += 1;
                if turns < 2 { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            set_reply_annotation("AFTE", "after");
            correlation_id()
        });
        let mut scope = Scope::new(&outer, handler);
        assert!(Pin::new(&mut scope).poll(&mut cx).is_pending());
        assert_eq!(correlation_id(), None);
        set_reply_annotation("NONE", "of any call");
        let Poll::Ready((id, reply)) = Pin::new(&mut scope).poll(&mut cx) else { panic!("pending") };
        assert_eq!(id, Some([1; 16]));
        assert_eq!(reply.unwrap().annotations.iter().map(|(k, _)| &**k).collect::<Vec<_>>(), ["OUTE", "AFTE"]);
        assert_eq!(correlation_id(), None);
    }
}
