//! Runs of calls of one method: what comes again and again is served with nothing between its bytes and its service.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use springline_core::panics::{Panicked, catch};
use springline_core::service::{BoxFuture, CallOptions, Calls, Metadata, NextCall, Reply, Service};
use springline_core::{Annotations, Encode, Error, ErrorKind, Exception, Output, Result, remote};
use springline_net::{Inbound, Outbound};
use tracing::debug;

use super::Shared;
use super::connection::{COALESCE, Found};
use super::dispatch::panicked;
use crate::Serializer;
use crate::fault::told;
use crate::plain::PlainHead;
use crate::serializer::names_a_remote;
use crate::wire::{self, Flags, Header, MessageKind, Version};

/// The requests in the buffer that call the same method as the last one, as far as they are of the usual kind.
pub(super) struct Run<'r> {
    shared: &'r Shared,
    found: &'r Found,
    version: Version,
    inbound: &'r mut Inbound,
    outbound: &'r mut Outbound,
    /// Of the request that is being served.
    options: &'r mut CallOptions,
    /// The request that is being served.
    now: Option<Request>,
    /// Whether it was given out already.
    given: bool,
    failed: Option<Error>,
}

struct Request {
    seq: u16,
    payload_len: usize,
    /// Where it was taken out of the buffer: its payload. Else the buffer's [piece](Inbound::piece) begins with it.
    taken: Option<Bytes>,
    /// How much of the buffer it still is.
    rest: usize,
}

impl<'r> Run<'r> {
    /// Nothing is served before it has [advanced](Self::advance).
    #[inline]
    pub(super) fn new(
        shared: &'r Shared,
        found: &'r Found,
        options: &'r mut CallOptions,
        version: Version,
        inbound: &'r mut Inbound,
        outbound: &'r mut Outbound,
    ) -> Self {
        Self { shared, found, version, inbound, outbound, options, now: None, given: false, failed: None }
    }

    /// Finds the next request in the buffer. Gives whether there is one that is of the run.
    pub(super) fn advance(&mut self) -> bool {
        let (shared, found) = (self.shared, self.found);
        let (limits, start) = (&shared.config.limits, self.version.header_len());
        let (seq, end) = match PlainHead::of(self.inbound.bytes()) {
            Some(head) if self.version == Version::V502 => {
                if head.kind() != PlainHead::INVOKE || u16::from(head.serializer()) != found.serializer_id {
                    return false;
                }
                self.options.metadata.correlation_id = head.correlation_id();
                (head.seq(), head.message_len())
            }
            _ => match self.other_head() {
                Some(head) => head,
                None => return false,
            },
        };
        let fits = limits.check_message(end).is_ok()
            && found.epoch == shared.registry.epoch()
            && self.inbound.bytes().get(start..end).is_some_and(|p| found.frame.fits(p, found.budget));
        if !fits {
            return false;
        }
        // Other serializers look at all of what they are given, or at its end.
        let (taken, rest) = if found.frame.serializer == Serializer::Msgpack {
            self.inbound.settle();
            self.inbound.pass(start);
            (None, end - start)
        } else {
            let mut payload = self.inbound.take(end);
            payload.advance(start);
            (Some(payload), 0)
        };
        self.now = Some(Request { seq, payload_len: end - start, taken, rest });
        true
    }

    // Sequence number and length of a request that is of the run, yet not in version 502 or with odd flags.
    fn other_head(&mut self) -> Option<(u16, usize)> {
        let header = wire::parse_header(self.inbound.bytes()).ok()??;
        let usual = header.kind == MessageKind::Invoke
            && header.version == self.version
            && header.serializer == self.found.serializer_id
            && header.is_plain()
            && !header.flags.has(Flags::ONEWAY | Flags::BATCH)
            && !self.version.generation().is_old()
            && !self.names_a_remote(header.message_len())
            && self.shared.config.key.is_none();
        self.options.metadata.correlation_id = header.correlation_id;
        usual.then(|| (header.seq, header.message_len()))
    }

    // Python 2 writes URIs and proxies in ways that the usual reader does not know.
    fn names_a_remote(&self, len: usize) -> bool {
        let message = self.inbound.bytes().get(..len);
        self.version.generation().is_pyro4() && message.is_some_and(names_a_remote)
    }

    /// Serves them.
    ///
    /// # Errors
    /// When an answer cannot be written at all.
    pub(super) async fn serve(&mut self) -> Result<()> {
        while self.now.is_some() && self.failed.is_none() {
            let service = &*self.found.service;
            let panic = serving(service, self).await.err();
            if self.now.is_some() {
                let e = panic.map_or_else(unanswered, |panic| Error::remote(panicked(panic)));
                self.raise(remote::exception_of(e));
            }
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    // The head of the request at hand, put together again.
    fn header(&self, seq: u16, payload_len: usize) -> Header {
        Header {
            version: self.version,
            kind: MessageKind::Invoke,
            serializer: self.found.serializer_id,
            flags: Flags::default(),
            seq,
            annotations_len: 0,
            payload_len,
            // Of old versions there are no runs.
            python: 0,
            correlation_id: self.options.metadata.correlation_id,
        }
    }

    // Answers the request at hand with what `result` writes.
    #[inline]
    fn write(&mut self, annotations: Option<&Annotations>, result: impl FnOnce(&mut Output) -> Result<()>) {
        let Some(&Request { seq, payload_len, .. }) = self.now.as_ref() else { return };
        let (shared, id) = (self.shared, self.options.metadata.correlation_id);
        let written = match (&self.found.reply, annotations.filter(|a| !a.is_empty())) {
            (Some(template), None) => shared.reply_by(template, seq, id, self.outbound, result),
            (_, annotations) => {
                let annotations = annotations.unwrap_or(NO_ANNOTATIONS);
                shared.reply(&self.header(seq, payload_len), &[], annotations, self.outbound, result)
            }
        };
        match written {
            Ok(()) => self.finish(),
            Err(e) => self.raise(told::unsent(e)),
        }
    }

    #[cold]
    fn raise(&mut self, exception: Exception) {
        let Some(&Request { seq, payload_len, .. }) = self.now.as_ref() else { return };
        let (header, serializer) = (self.header(seq, payload_len), self.found.frame.serializer);
        self.failed = self.shared.raise(&header, serializer, exception, self.outbound).err();
        self.finish();
    }

    // The request at hand is answered.
    #[inline]
    fn finish(&mut self) {
        if let Some(Request { rest: rest @ 1.., .. }) = &self.now {
            self.inbound.pass(*rest);
        }
        (self.now, self.given) = (None, false);
    }
}

impl Calls for Run<'_> {
    #[inline]
    fn next(&mut self) -> Option<NextCall<'_>> {
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
        let Request { taken, .. } = self.now.as_ref()?;
        let message = taken.as_ref().unwrap_or_else(|| self.inbound.piece());
        let frame = &self.found.frame;
        let method = &*frame.method;
        debug!(object = %frame.object, method, peer = %caller(self.options), "call");
        let args = frame.serializer.lent(message, frame.args_at(), self.found.budget);
        Some(NextCall { method, args, options: self.options })
    }

    fn done(&mut self, result: Result<Reply>) {
        let (serializer, generation) = (self.found.frame.serializer, self.version.generation());
        match result {
            Ok(Reply { result, metadata }) => {
                self.write(Some(&metadata.annotations), |out| serializer.write_payload(generation, out, &result));
            }
            Err(e) => self.raise(remote::exception_of(e)),
        }
    }

    #[inline]
    fn answer(&mut self, result: &(dyn Encode + Sync), metadata: Option<Box<Metadata>>) {
        let (serializer, generation) = (self.found.frame.serializer, self.version.generation());
        let annotations = metadata.as_ref().map(|metadata| &metadata.annotations);
        self.write(annotations, |out| serializer.write_encoded(generation, out, result));
    }
}

const NO_ANNOTATIONS: &Annotations = &Annotations::new();

fn caller(options: &CallOptions) -> &str {
    options.peer.as_ref().map_or("", |peer| &peer.address)
}

#[cold]
fn unanswered() -> Error {
    Error::new(ErrorKind::Internal, "the service gave no answer")
}

/// A service at work, from the first poll on. Ends with the panic of a handler instead of passing it on.
pub(crate) struct Serving<'a> {
    service: &'a dyn Service,
    calls: Option<&'a mut dyn Calls>,
    future: Option<BoxFuture<'a, ()>>,
}

/// A service that serves those calls.
pub(crate) fn serving<'a>(service: &'a dyn Service, calls: &'a mut dyn Calls) -> Serving<'a> {
    Serving { service, calls: Some(calls), future: None }
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
