//! One call of a proxy, from its arguments to its reply.
//!
//! The usual case (a method, a connection that is open, no deadline) is polled by hand in [`CallFuture`]: nothing is
//! moved between nested futures on the way. Everything else takes the way of an ordinary async function.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use springline_core::service::{BoxFuture, Call, CallKind, CallOptions, Reply};
use springline_core::{Annotations, Error, ErrorKind, Metadata, Output, Payload, Reached, Result, Value, context};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::frame::header_of;
use super::link::{Exchange, Link, Outcoming};
use super::proxy::Inner;
use super::query::{Asked, Plain, Query};
use crate::plain::{PlainHead, Template};
use crate::serializer::{Arguments, Kwargs, names_a_remote};
use crate::wire::{self, Flags, Head, Header, Message, MessageKind, Version};
use crate::{Generation, Serializer, fault};

/// A reply that is no exception.
pub(super) struct Answer {
    pub(super) message: Message,
    pub(super) serializer: Serializer,
    /// From Pyro5's header; Pyro4 has an annotation for it.
    correlation_id: Option<[u8; 16]>,
    /// Whether the peer may be a Python 2, which Pyro5 never is.
    python2: bool,
}

/// What stood around the arguments when a method was called last: the same bytes will do for its next call.
#[derive(Debug)]
pub(crate) struct WrittenFrame {
    method: Box<str>,
    /// The header and what is before the arguments, for calls with nothing out of the ordinary.
    template: Option<Template>,
    before: Box<[u8]>,
    after: Box<[u8]>,
}

/// A call in progress.
pub(crate) struct CallFuture<'a, Q> {
    inner: &'a Arc<Inner>,
    query: Q,
    stage: Stage<'a>,
}

enum Stage<'a> {
    Start,
    Waiting(Exchange<'a>),
    Slow(BoxFuture<'a, Result<Reply>>),
}

impl<'a, Q: Query<'a>> CallFuture<'a, Q> {
    #[inline]
    pub(super) fn new(inner: &'a Arc<Inner>, query: Q) -> Self {
        Self { inner, query, stage: Stage::Start }
    }

    // Sends the request, if this call is one of the usual kind.
    #[inline]
    fn start(&self, cx: &mut Context<'_>) -> Result<Option<(Exchange<'a>, Outcoming)>> {
        let (query, inner) = (&self.query, self.inner);
        if !query.is_usual() || inner.config.timeout.is_some() {
            return Ok(None);
        }
        let Some(link) = inner.only_link() else { return Ok(None) };
        let version = link.version;
        let flags = inner.flags(&link, query.method(), query.is_oneway());
        let copies = if Q::TAKES_COPIES { inner.config.copies } else { 0 };
        Link::start(link, flags.has(Flags::ONEWAY), copies, cx, |out, last, seq| {
            inner.write(out, last, version, seq, flags, query)
        })
    }
}

impl<'a, Q: Query<'a>> Future for CallFuture<'a, Q> {
    type Output = Result<Q::Output>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = match &mut this.stage {
            Stage::Start => match this.start(cx) {
                Ok(Some((exchange, polled))) => {
                    this.stage = Stage::Waiting(exchange);
                    polled.map(Some)
                }
                Ok(None) => Poll::Ready(None),
                Err(e) => Poll::Ready(Some(Err(e))),
            },
            Stage::Waiting(exchange) => Pin::new(exchange).poll(cx).map(Some),
            Stage::Slow(future) => {
                let reply = ready!(future.as_mut().poll(cx));
                return Poll::Ready(reply.and_then(|reply| this.query.finish(this.inner, reply)));
            }
        };
        match ready!(polled) {
            Some(Ok(Some(frame))) => {
                let Stage::Waiting(exchange) = &this.stage else { return Poll::Ready(Err(no_link())) };
                return Poll::Ready(this.query.read(this.inner, frame, exchange.link()));
            }
            Some(Ok(None)) => return Poll::Ready(this.query.finish(this.inner, Payload::null().into())),
            Some(Err(e)) if unsent(&e) => {
                let uri = &this.inner.uri;
                debug!(%uri, error = %e, "the connection was lost before the call was sent, trying again");
            }
            Some(Err(e)) => return Poll::Ready(Err(e.with_endpoint(&this.inner.uri))),
            None => {}
        }
        this.stage = Stage::Slow(this.query.send(this.inner));
        self.poll(cx)
    }
}

#[cold]
fn no_link() -> Error {
    Error::new(ErrorKind::Internal, "a call has lost its connection")
}

// Whether the daemon cannot have seen the call, because the connection was lost.
fn unsent(e: &Error) -> bool {
    e.reached() == Reached::NotSent && matches!(e.kind(), ErrorKind::Closed | ErrorKind::Internal)
}

impl Inner {
    pub(super) async fn send(self: &Arc<Self>, call: &Call<'_>) -> Result<Reply> {
        let attribute;
        let (method, args) = match call.kind {
            CallKind::Method => (call.method, &call.args),
            CallKind::GetAttr => {
                attribute = Payload::from(Value::Tuple(vec![call.method.into()]));
                ("__getattr__", &attribute)
            }
            CallKind::SetAttr => {
                let value = call.args.to_value()?;
                let value = value.get(0).cloned().ok_or_else(|| {
                    Error::new(ErrorKind::Arguments, "setting an attribute needs one argument, its value")
                })?;
                attribute = Payload::from(Value::Tuple(vec![call.method.into(), value]));
                ("__setattr__", &attribute)
            }
        };
        let kwargs = match (&call.kwargs, call.kind) {
            (Some(kwargs), _) => Kwargs::Some(kwargs),
            (None, CallKind::Method) => Kwargs::None,
            (None, _) => Kwargs::Null,
        };
        let arguments = Arguments { args, kwargs };
        let flags = Flags(if call.options.oneway { Flags::ONEWAY } else { 0 });
        match self.invoke(method, &arguments, flags, &call.options).await? {
            None => Ok(Payload::null().into()),
            Some(answer) => Ok(self.reply(answer)),
        }
    }

    // Nearly every reply is nothing but its result. Of such a one: what it is in, where it begins, and the correlation id.
    #[inline]
    pub(super) fn plain(&self, message: &[u8]) -> Option<(Serializer, usize, Option<[u8; 16]>)> {
        if self.config.key.is_some() {
            return None;
        }
        let (serializer, start, id) = match PlainHead::of(message) {
            Some(head) => (head.serializer_of()?, PlainHead::LEN, head.correlation_id()),
            None => {
                let header = header_of(message).ok().filter(Header::is_plain)?;
                if header.version.generation().is_pyro4() && names_a_remote(message) {
                    return None;
                }
                let serializer = wire::serializer_on(&header, self.config.serializer).ok()?;
                (serializer, header.version.header_len(), header.correlation_id)
            }
        };
        serializer.answering(self.config.serializer).ok().map(|serializer| (serializer, start, id))
    }

    #[inline]
    pub(super) fn reply_of(&self, message: Bytes, link: &Link) -> Result<Reply> {
        match self.plain(&message) {
            Some((serializer, start, correlation_id)) => {
                let metadata = Metadata { correlation_id, ..Metadata::default() };
                let result = serializer.payload(after(message, start), 0, self.config.limits.budget());
                Ok(Reply { result, metadata })
            }
            None => self.answer(message, link).map(|answer| self.reply(answer)),
        }
    }

    fn reply(&self, answer: Answer) -> Reply {
        let Answer { message, serializer, correlation_id, python2 } = answer;
        let mut metadata = Metadata { annotations: message.annotations, correlation_id };
        wire::take_corr(&mut metadata);
        let budget = self.config.limits.budget();
        let told_late = if python2 { serializer.of_python2(&message.payload, 0, budget) } else { None };
        Reply { result: told_late.unwrap_or_else(|| serializer.payload(message.payload, 0, budget)), metadata }
    }

    /// One call: `None` when it is oneway.
    pub(super) async fn invoke(
        self: &Arc<Self>,
        method: &str,
        arguments: &Arguments<'_>,
        flags: Flags,
        options: &CallOptions,
    ) -> Result<Option<Answer>> {
        let deadline = match (options.deadline, self.config.timeout) {
            (Some(at), None) => Some(Instant::from_std(at)),
            (None, Some(timeout)) => Some(Instant::now() + timeout),
            (Some(at), Some(timeout)) => Some(Instant::from_std(at).min(Instant::now() + timeout)),
            (None, None) => None,
        };
        let mut again = true;
        loop {
            match self.attempt(method, arguments, flags, options, deadline).await {
                Err(e) if again && unsent(&e) => {
                    debug!(uri = %self.uri, error = %e, "the connection was lost before the call was sent, trying again");
                    again = false;
                }
                Err(e) => return Err(e.with_endpoint(&self.uri)),
                Ok(answer) => return Ok(answer),
            }
        }
    }

    async fn attempt(
        self: &Arc<Self>,
        method: &str,
        arguments: &Arguments<'_>,
        flags: Flags,
        options: &CallOptions,
        deadline: Option<Instant>,
    ) -> Result<Option<Answer>> {
        let found = match (self.pick(), deadline) {
            (Some(found), _) => Ok(found),
            // Boxed: rare, and large beside the rest of a call.
            (None, None) => Box::pin(self.link()).await,
            (None, Some(at)) => Box::pin(timeout_at(at, self.link()))
                .await
                .unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "no connection within the call's deadline"))),
        };
        let link = found.map_err(|e| e.with_reached(Reached::NotSent))?;
        let version = link.version;
        if version.generation().is_old() {
            check_old(version, method, flags).map_err(|e| e.with_reached(Reached::NotSent))?;
        }
        let flags = Flags(flags.0 | self.flags(&link, method, false).0);
        let mut exchange = link.exchange(flags.has(Flags::ONEWAY), |out, last, seq| {
            self.write(out, last, version, seq, flags, &Plain { method, arguments, options })
        })?;
        let done = match deadline {
            None => (&mut exchange).await,
            Some(at) => match timeout_at(at, &mut exchange).await {
                Ok(done) => done,
                Err(_) => {
                    let text = format!("no answer to {method}() before the deadline");
                    return Err(Error::new(ErrorKind::Timeout, text).with_reached(exchange.give_up()));
                }
            },
        };
        match done? {
            None => Ok(None),
            Some(frame) => {
                let answer = self.answer(frame.into_message()?, exchange.link());
                answer.map(Some).map_err(|e| late(options, e))
            }
        }
    }

    #[inline]
    fn flags(&self, link: &Link, method: &str, oneway: bool) -> Flags {
        let oneway = oneway || link.oneway.iter().any(|name| name == method);
        Flags(if oneway { Flags::ONEWAY } else { 0 })
    }

    // Writes a request into the link's buffer.
    #[inline]
    fn write(
        &self,
        out: &mut Output,
        last: &mut Option<WrittenFrame>,
        version: Version,
        seq: u16,
        flags: Flags,
        asked: &impl Asked,
    ) -> Result<()> {
        let options = asked.options();
        let correlation_id = options.metadata.correlation_id.or_else(context::correlation_id);
        let generation = version.generation();
        if flags == Flags::default()
            && options.metadata.annotations.is_empty()
            && options.deadline.is_none()
            && let Some(frame) = last.as_ref().filter(|last| *last.method == *asked.method())
            && let Some(template) = &frame.template
            && matches!(asked.kwargs(), Kwargs::None)
        {
            return template.write(out, seq, correlation_id.as_ref(), &self.config.limits, |out| {
                asked.write_args(self.config.serializer, generation, out)?;
                out.buf.extend_from_slice(&frame.after);
                Ok(())
            });
        }
        let joined: Annotations;
        let deadline = options.deadline.filter(|_| version.has_annotations()).map(time_left);
        let annotations = if self.config.annotations.is_empty() && deadline.is_none() {
            &options.metadata.annotations
        } else {
            let own = options.metadata.annotations.iter();
            let common = self.config.annotations.iter().filter(|(k, _)| options.metadata.get(k).is_none());
            joined = own.chain(common).cloned().chain(deadline).collect();
            &joined
        };
        let head = Head {
            version,
            kind: MessageKind::Invoke,
            serializer: self.config.serializer.id(generation),
            flags,
            seq,
            annotations,
            correlation_id,
            compress: self.config.compress,
            key: self.config.key.as_ref(),
        };
        wire::write_message(out, &head, &self.config.limits, |out| {
            wire::put_python(out, version, self.config.python);
            self.write_payload(out, last, &head, asked)
        })
    }

    // The second time a method is called from what stood around the first one's arguments.
    #[inline]
    fn write_payload(
        &self,
        out: &mut Output,
        last: &mut Option<WrittenFrame>,
        head: &Head<'_>,
        asked: &impl Asked,
    ) -> Result<()> {
        let generation = head.version.generation();
        let (serializer, object, method) = (self.config.serializer, &*self.uri.object, asked.method());
        let kwargs = asked.kwargs();
        // Nothing of a pickle stands alone.
        if matches!(kwargs, Kwargs::None) && !serializer.is_pickle() {
            if last.as_ref().is_none_or(|last| *last.method != *method) {
                *last = WrittenFrame::new(serializer, generation, object, method)?;
                if let Some(frame) = last {
                    let plain = Head { flags: Flags::default(), annotations: &self.config.annotations, ..*head };
                    frame.template = Template::new(&plain, &frame.before);
                }
            }
            if let Some(frame) = last {
                out.buf.extend_from_slice(&frame.before);
                asked.write_args(serializer, generation, out)?;
                out.buf.extend_from_slice(&frame.after);
                return Ok(());
            }
        }
        serializer.write_call(generation, out, object, method, &Arguments { args: &asked.args(), kwargs })
    }

    // Reads a reply. After some exceptions the daemon hangs up: the link is then of no more use.
    fn answer(&self, message: Bytes, link: &Link) -> Result<Answer> {
        self.open_reply(message).map_err(|e| {
            if e.exception().is_some_and(fault::ends_connection) {
                link.retire();
            }
            e.with_reached(Reached::Answered).with_endpoint(&self.uri)
        })
    }

    pub(super) fn open_reply(&self, message: Bytes) -> Result<Answer> {
        let header = header_of(&message)?;
        let set = self.config.serializer;
        let serializer = wire::serializer_on(&header, set)?.answering(set)?;
        let message = wire::open(&header, message, &self.config.limits, self.config.key.as_ref())?;
        if header.flags.has(Flags::ITEM_STREAM) {
            return Err(Error::new(
                ErrorKind::Protocol,
                "the result is an iterator that stays with the daemon; such item streams are not supported",
            ));
        }
        if header.flags.has(Flags::EXCEPTION) {
            let budget = self.config.limits.budget();
            let value = serializer.read(&message.payload, budget, |source| Value::read_tree(source))?;
            return Err(Error::remote(fault::from_value(value)));
        }
        let python2 = header.version.generation().is_pyro4();
        Ok(Answer { message, serializer, correlation_id: header.correlation_id, python2 })
    }
}

// What the early releases have no way to do.
#[cold]
fn check_old(version: Version, method: &str, flags: Flags) -> Result<()> {
    let what = match method {
        _ if flags.has(Flags::BATCH) && !version.has_batches() => "batches",
        "__getattr__" | "__setattr__" if !version.has_attributes() => "access to attributes",
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Config, format!("wire version {version} has no {what}")))
}

/// What follows the first `start` bytes.
#[inline]
pub(super) fn after(mut message: Bytes, start: usize) -> Bytes {
    message.advance(start.min(message.len()));
    message
}

impl WrittenFrame {
    // Writes a call with a marker as its argument, and the same arguments alone: the rest is the frame.
    fn new(serializer: Serializer, generation: Generation, object: &str, method: &str) -> Result<Option<Self>> {
        let (mut whole, mut alone) = (Output::new(), Output::new());
        let marker = Payload::from(Value::Tuple(vec![format!("{:032x}", fastrand::u128(..)).into()]));
        let arguments = Arguments { args: &marker, kwargs: Kwargs::None };
        serializer.write_call(generation, &mut whole, object, method, &arguments)?;
        serializer.write_args(generation, &mut alone, &marker)?;
        let (whole, alone) = (&whole.buf[..], &alone.buf[..]);
        let parts = memchr::memmem::find(whole, alone).and_then(|at| {
            let (before, rest) = whole.split_at_checked(at)?;
            Some((before, rest.get(alone.len()..)?))
        });
        Ok(parts.map(|(before, after)| Self {
            method: method.into(),
            template: None,
            before: before.into(),
            after: after.into(),
        }))
    }
}

// What a caller is told of an exception that came when the deadline had passed: as a rule the daemon's word that it has
// given the call up, which was faster than our own clock.
fn late(options: &CallOptions, e: Error) -> Error {
    match options.deadline {
        Some(deadline) if e.kind() == ErrorKind::Remote && deadline <= std::time::Instant::now() => {
            let late = Error::new(ErrorKind::Timeout, "no answer before the deadline");
            late.with_reached(Reached::MaybeExecuted).with_source(e)
        }
        _ => e,
    }
}

// What is left until a deadline, for the daemon; rounded up, that our own clock is the first to end the call.
fn time_left(deadline: std::time::Instant) -> (Cow<'static, str>, Bytes) {
    let left = deadline.saturating_duration_since(std::time::Instant::now());
    let millis = left.as_nanos().div_ceil(1_000_000);
    (Cow::Borrowed(wire::DEADLINE), Bytes::from(millis.to_string()))
}
