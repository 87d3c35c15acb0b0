//! One call of a proxy, from its arguments to its reply.
//!
//! The usual case (a method, a connection that is open, no deadline) is polled by hand in [`CallFuture`]: nothing is
//! moved between nested futures on the way. Everything else takes the way of an ordinary async function.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};

use springline_core::service::{BoxFuture, Call, CallKind, CallOptions, Reply};
use springline_core::{Error, ErrorKind, Metadata, Output, Payload, Reached, Result, Value, context};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::link::{Exchange, Frame, Link};
use super::proxy::Inner;
use crate::serializer::{Arguments, Kwargs};
use crate::special::read_tree;
use crate::wire::{self, Flags, Head, Message, MessageKind, Version};
use crate::{Generation, Serializer, fault};

/// A reply that is no exception.
pub(super) struct Answer {
    pub(super) message: Message,
    pub(super) serializer: Serializer,
    /// From Pyro5's header; Pyro4 has an annotation for it.
    correlation_id: Option<[u8; 16]>,
}

/// What stood around the arguments when a method was called last: the same bytes will do for its next call.
#[derive(Debug)]
pub(super) struct WrittenFrame {
    generation: Generation,
    method: Box<str>,
    before: Box<[u8]>,
    after: Box<[u8]>,
}

/// A call in progress.
pub(crate) struct CallFuture<'a> {
    inner: &'a Arc<Inner>,
    // Taken when it is handed to the slow way.
    call: Option<Call<'a>>,
    stage: Stage<'a>,
}

enum Stage<'a> {
    Start,
    Waiting(Exchange),
    Slow(BoxFuture<'a, Result<Reply>>),
}

impl<'a> CallFuture<'a> {
    #[inline]
    pub(super) fn new(inner: &'a Arc<Inner>, call: Call<'a>) -> Self {
        Self { inner, call: Some(call), stage: Stage::Start }
    }

    // Sends the request, if this call is one of the usual kind.
    fn start(&self) -> Option<Result<Exchange>> {
        let (call, inner) = (self.call.as_ref()?, self.inner);
        if call.kind != CallKind::Method || call.options.deadline.is_some() || inner.config.timeout.is_some() {
            return None;
        }
        let (link, version) = inner.pick()?;
        let kwargs = call.kwargs.as_ref().map_or(Kwargs::None, Kwargs::Some);
        let arguments = Arguments { args: &call.args, kwargs };
        let flags = Flags(if call.options.oneway { Flags::ONEWAY } else { 0 });
        Some(inner.begin(link, version, call.method, &arguments, flags, &call.options))
    }
}

impl Future for CallFuture<'_> {
    type Output = Result<Reply>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let lost = match &mut this.stage {
                Stage::Start => match this.start() {
                    Some(Ok(exchange)) => {
                        this.stage = Stage::Waiting(exchange);
                        continue;
                    }
                    Some(Err(e)) => e,
                    None => {
                        this.go_slow();
                        continue;
                    }
                },
                Stage::Waiting(exchange) => match ready!(Pin::new(&mut *exchange).poll(cx)) {
                    Ok(None) => return Poll::Ready(Ok(Payload::null().into())),
                    Ok(Some(frame)) => {
                        let answer = this.inner.answer(frame, exchange.link());
                        return Poll::Ready(answer.map(|answer| this.inner.reply(answer)));
                    }
                    Err(e) => e,
                },
                Stage::Slow(future) => return future.as_mut().poll(cx),
            };
            if !unsent(&lost) {
                return Poll::Ready(Err(lost.with_endpoint(&this.inner.uri)));
            }
            debug!(uri = %this.inner.uri, error = %lost, "the connection was lost before the call was sent, trying again");
            this.go_slow();
        }
    }
}

impl CallFuture<'_> {
    fn go_slow(&mut self) {
        let inner = self.inner;
        self.stage = match self.call.take() {
            Some(call) => Stage::Slow(Box::pin(async move { inner.send(call).await })),
            None => Stage::Slow(Box::pin(std::future::ready(Err(Error::new(
                ErrorKind::Internal,
                "a call was polled after it was done",
            ))))),
        };
    }
}

// Whether the daemon cannot have seen the call, because the connection was lost.
fn unsent(e: &Error) -> bool {
    e.reached() == Reached::NotSent && matches!(e.kind(), ErrorKind::Closed | ErrorKind::Internal)
}

impl Inner {
    async fn send(self: &Arc<Self>, call: Call<'_>) -> Result<Reply> {
        let attribute;
        let (method, args) = match call.kind {
            CallKind::Method => (call.method, &call.args),
            CallKind::GetAttr => {
                attribute = Payload::from(Value::Tuple(vec![call.method.into()]));
                ("__getattr__", &attribute)
            }
            CallKind::SetAttr => {
                let value = call.args.by_ref().into_value()?;
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

    fn reply(&self, answer: Answer) -> Reply {
        let Answer { message, serializer, correlation_id } = answer;
        let mut metadata = Metadata { annotations: message.annotations, correlation_id };
        wire::take_corr(&mut metadata);
        Reply { result: serializer.payload(message.payload, 0, self.config.limits.budget()), metadata }
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
        let (link, version) = found.map_err(|e| e.with_reached(Reached::NotSent))?;
        let mut exchange = self.begin(link, version, method, arguments, flags, options)?;
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
            Some(frame) => self.answer(frame, exchange.link()).map(Some),
        }
    }

    // Writes the request into the link's buffer.
    fn begin(
        &self,
        link: Arc<Link>,
        version: Version,
        method: &str,
        arguments: &Arguments<'_>,
        mut flags: Flags,
        options: &CallOptions,
    ) -> Result<Exchange> {
        if self.is_oneway(method) {
            flags.0 |= Flags::ONEWAY;
        }
        let joined;
        let annotations = if self.config.annotations.is_empty() {
            &options.metadata.annotations
        } else {
            let own = options.metadata.annotations.iter();
            let common = self.config.annotations.iter().filter(|(k, _)| options.metadata.get(k).is_none());
            joined = own.chain(common).cloned().collect();
            &joined
        };
        let generation = version.generation();
        let serializer = self.config.serializer;
        link.exchange(flags.has(Flags::ONEWAY), |out, seq| {
            let head = Head {
                version,
                kind: MessageKind::Invoke,
                serializer: serializer.id(generation),
                flags,
                seq,
                annotations,
                correlation_id: options.metadata.correlation_id.or_else(context::correlation_id),
                compress: self.config.compress,
                key: self.config.key.as_ref(),
            };
            wire::write_message(out, &head, &self.config.limits, |out| self.write(generation, out, method, arguments))
        })
    }

    // Writes the call's payload, the second time a method is called from what stood around the first one's arguments.
    fn write(&self, generation: Generation, out: &mut Output, method: &str, arguments: &Arguments<'_>) -> Result<()> {
        let (serializer, object) = (self.config.serializer, &*self.uri.object);
        if !matches!(arguments.kwargs, Kwargs::None) {
            return serializer.write_call(generation, out, object, method, arguments);
        }
        let last = self.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = last.filter(|last| *last.method == *method && last.generation == generation);
        let frame = match known {
            Some(frame) => frame,
            None => match WrittenFrame::new(serializer, generation, object, method)? {
                Some(frame) => {
                    let frame = Arc::new(frame);
                    *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(frame.clone());
                    frame
                }
                None => return serializer.write_call(generation, out, object, method, arguments),
            },
        };
        out.buf.extend_from_slice(&frame.before);
        serializer.write_args(generation, out, arguments.args)?;
        out.buf.extend_from_slice(&frame.after);
        Ok(())
    }

    // Reads a reply. After some exceptions the daemon hangs up: the link is then of no more use.
    fn answer(&self, frame: Frame, link: &Link) -> Result<Answer> {
        self.open_reply(frame).map_err(|e| {
            if e.exception().is_some_and(fault::ends_connection) {
                link.retire();
            }
            e.with_reached(Reached::Answered).with_endpoint(&self.uri)
        })
    }

    fn open_reply(&self, (header, bytes): Frame) -> Result<Answer> {
        let serializer = wire::serializer_of(&header)?;
        let message = wire::open(&header, bytes, &self.config.limits, self.config.key.as_ref())?;
        if header.flags.has(Flags::ITEM_STREAM) {
            return Err(Error::new(
                ErrorKind::Protocol,
                "the result is an iterator that stays with the daemon; such item streams are not supported",
            ));
        }
        if header.flags.has(Flags::EXCEPTION) {
            let budget = self.config.limits.budget();
            let value = serializer.read(&message.payload, budget, |source| read_tree(source))?;
            return Err(Error::remote(fault::from_value(value)));
        }
        Ok(Answer { message, serializer, correlation_id: header.correlation_id })
    }
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
            generation,
            method: method.into(),
            before: before.into(),
            after: after.into(),
        }))
    }
}
