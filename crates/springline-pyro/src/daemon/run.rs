//! Runs of calls of one method: what comes again and again is served with nothing between its bytes and its service.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use springline_core::panics::{Panicked, catch};
use springline_core::service::{BoxFuture, Call, CallKind, CallOptions, Calls, Reply, Service};
use springline_core::{Error, ErrorKind, Peer, Result, remote};
use springline_net::{Inbound, Outbound};
use tracing::debug;

use super::Shared;
use super::connection::{COALESCE, Found};
use super::dispatch::panicked;
use crate::wire::{self, Flags, Header, MessageKind, Version};

/// The requests in the buffer that call the same method as the last one, as far as they are of the usual kind.
pub(super) struct Run<'r> {
    shared: &'r Shared,
    found: &'r Found,
    peer: &'r Arc<Peer>,
    version: Version,
    inbound: &'r mut Inbound,
    outbound: &'r mut Outbound,
    /// The request that is being served.
    now: Option<Request>,
    /// Whether it was given out already.
    given: bool,
    failed: Option<Error>,
}

struct Request {
    header: Header,
    payload: Bytes,
    args_at: usize,
}

impl<'r> Run<'r> {
    /// Nothing is served before it has [advanced](Self::advance).
    #[inline]
    pub(super) fn new(
        shared: &'r Shared,
        found: &'r Found,
        peer: &'r Arc<Peer>,
        version: Version,
        inbound: &'r mut Inbound,
        outbound: &'r mut Outbound,
    ) -> Self {
        Self { shared, found, peer, version, inbound, outbound, now: None, given: false, failed: None }
    }

    /// Takes the next request out of the buffer. Gives whether there is one that is of the run.
    pub(super) fn advance(&mut self) -> bool {
        let Ok(Some(header)) = wire::parse_header(self.inbound.bytes()) else { return false };
        let (shared, found) = (self.shared, self.found);
        let usual = header.kind == MessageKind::Invoke
            && header.version == self.version
            && header.is_plain()
            && !header.flags.has(Flags::ONEWAY | Flags::BATCH)
            && shared.config.key.is_none()
            && !self.version.generation().is_old()
            && found.epoch == shared.registry.epoch();
        if !usual {
            return false;
        }
        let (start, end, frame) = (self.version.header_len(), header.message_len(), &found.frame);
        let limits = &shared.config.limits;
        let serializer = wire::serializer_on(&header, frame.serializer).ok();
        let Some(serializer) = serializer.filter(|_| limits.check_message(end).is_ok()) else {
            return false;
        };
        let fits = |payload| frame.fits(serializer, payload, limits.budget());
        if !self.inbound.bytes().get(start..end).is_some_and(fits) {
            return false;
        }
        let mut payload = self.inbound.take(end);
        payload.advance(start);
        self.now = Some(Request { header, payload, args_at: frame.args_at() });
        true
    }

    /// Serves them.
    ///
    /// # Errors
    /// When an answer cannot be written at all.
    pub(super) async fn serve(&mut self) -> Result<()> {
        while self.now.is_some() && self.failed.is_none() {
            let service = &*self.found.service;
            let panic = Serving { service, calls: Some(self), future: None }.await.err();
            if self.now.is_some() {
                let e = panic.map_or_else(unanswered, |panic| Error::remote(panicked(panic)));
                self.answer(Err(e));
            }
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    #[inline]
    fn answer(&mut self, result: Result<Reply>) {
        let Some(Request { header, .. }) = &self.now else { return };
        let (shared, serializer) = (self.shared, self.found.frame.serializer);
        let written = match result {
            Ok(ref reply) => shared.reply(header, &[], serializer, reply, self.outbound),
            Err(e) => shared.raise(header, serializer, remote::exception_of(e), self.outbound),
        };
        (self.now, self.given) = (None, false);
        if let Err(e) = written {
            self.failed = Some(e);
        }
    }
}

impl Calls for Run<'_> {
    #[inline]
    fn next(&mut self) -> Option<Call<'_>> {
        if self.now.is_none() {
            if self.failed.is_some() || self.outbound.pending() > COALESCE {
                return None;
            }
            self.advance();
        }
        // One that was given out and not answered ended in a panic.
        if std::mem::replace(&mut self.given, true) {
            return None;
        }
        let Request { header, payload, args_at } = self.now.as_ref()?;
        let frame = &self.found.frame;
        let mut options = CallOptions::NONE;
        options.peer = Some(self.peer.clone());
        options.metadata.correlation_id = header.correlation_id;
        let method = &*frame.method;
        debug!(object = %frame.object, method, peer = %self.peer.address, "call");
        let args = frame.serializer.lent(payload, *args_at, self.shared.config.limits.budget());
        Some(Call { method, kind: CallKind::Method, args, kwargs: None, options })
    }

    #[inline]
    fn done(&mut self, result: Result<Reply>) {
        self.answer(result);
    }
}

#[cold]
fn unanswered() -> Error {
    Error::new(ErrorKind::Internal, "the service gave no answer")
}

/// A service at work, from the first poll on. Ends with the panic of a handler instead of passing it on.
struct Serving<'a> {
    service: &'a dyn Service,
    calls: Option<&'a mut dyn Calls>,
    future: Option<BoxFuture<'a, ()>>,
}

impl Future for Serving<'_> {
    type Output = Result<(), Panicked>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = catch(|| {
            if let Some(calls) = this.calls.take() {
                this.future = Some(this.service.serve(calls));
            }
            this.future.as_mut().map_or(Poll::Ready(()), |future| future.as_mut().poll(cx))
        });
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
