//! From a request's payload to the service and back.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use springline_core::service::{BoxFuture, Call, CallKind, CallOptions, Reply, Service};
use springline_core::{Error, Exception, Output, Payload, Peer, Result, Value, remote};
use springline_net::Outbound;
use tracing::{debug, error, warn};

use super::Shared;
use super::connection::{Client, Found, Next, is_daemon};
use super::object::DaemonObject;
use crate::fault::told;
use crate::serializer::{CallFrame, CallParts};
use crate::wire::{self, Flags, Header, Message, MessageKind, Version};
use crate::{Serializer, fault};

impl Shared {
    /// Serves one request and appends its answer.
    pub(super) async fn invoke(
        self: &Arc<Self>,
        header: &Header,
        frame: Bytes,
        outbound: &mut Outbound,
        client: &mut Client,
    ) -> Result<Next> {
        let serializer = match wire::serializer_of(header) {
            Ok(serializer) if self.config.serializers.contains(&serializer) => serializer,
            _ => {
                let exception = told::not_accepted(header.serializer);
                return self.raise_and_close(header, Serializer::Marshal, exception, outbound);
            }
        };
        let message = match wire::open(header, frame, &self.config.limits, self.config.key.as_ref()) {
            Ok(message) => message,
            Err(e) => return self.raise_and_close(header, serializer, told::bad_frame(&e), outbound),
        };
        if header.flags.has(Flags::ONEWAY) {
            self.spawn(header.clone(), message, serializer, client).await;
            return Ok(Next::Continue);
        }
        let budget = self.config.limits.budget();
        let epoch = self.registry.epoch();
        let last = client.last.as_ref().filter(|last| last.epoch == epoch);
        let known =
            last.and_then(|last| Some((last.frame.parts(serializer, &message.payload, budget)?, &last.service)));
        let done = if let Some((parts, service)) = known {
            let request = Request { header, message: &message, serializer, parts: &parts };
            self.perform(&request, &**service, &client.peer).await
        } else {
            let parts = match serializer.read_call(&message.payload, budget) {
                Ok(parts) => parts,
                Err(e) => return self.raise_and_close(header, serializer, told::bad_payload(&e), outbound),
            };
            match self.find(&parts.object) {
                Some(service) => {
                    let frame = CallFrame::of(serializer, &message.payload, &parts);
                    client.last = frame.map(|frame| Found { frame, service: service.clone(), epoch });
                    let request = Request { header, message: &message, serializer, parts: &parts };
                    Box::pin(self.perform(&request, &*service, &client.peer)).await
                }
                None => Err(Failure::Call(told::unknown_object(&parts.object))),
            }
        };
        match done {
            Ok(Answer::Reply(reply)) => self.reply(header, &message, serializer, reply, outbound),
            Ok(Answer::Batch(results)) => self.reply_batch(header, &message, serializer, results, outbound),
            Err(Failure::Call(exception)) => {
                self.raise(header, serializer, exception, outbound).map(|()| Next::Continue)
            }
            Err(Failure::Message(e)) => self.raise_and_close(header, serializer, told::bad_payload(&e), outbound),
        }
    }

    // Oneway calls run beside the connection; there may be a great many, but not any number of them.
    async fn spawn(self: &Arc<Self>, header: Header, message: Message, serializer: Serializer, client: &Client) {
        let Ok(permit) = self.oneway.clone().acquire_owned().await else { return };
        let shared = self.clone();
        let peer = client.peer.clone();
        tokio::spawn(async move {
            let done = async {
                let parts =
                    serializer.read_call(&message.payload, shared.config.limits.budget()).map_err(Failure::Message)?;
                let service = shared.find(&parts.object);
                let service = service.ok_or_else(|| Failure::Call(told::unknown_object(&parts.object)))?;
                let request = Request { header: &header, message: &message, serializer, parts: &parts };
                shared.perform(&request, &*service, &peer).await
            };
            match done.await {
                Ok(_) => {}
                Err(Failure::Call(e)) => warn!(peer = %peer.address, error = %e, "oneway call failed"),
                Err(Failure::Message(e)) => warn!(peer = %peer.address, error = %e, "bad oneway call"),
            }
            drop(permit);
        });
    }

    async fn perform(&self, request: &Request<'_>, service: &dyn Service, peer: &Arc<Peer>) -> Result<Answer, Failure> {
        let Request { header, message, serializer, parts } = *request;
        let budget = self.config.limits.budget();
        let args = serializer.payload(message.payload.clone(), parts.args_at, budget);
        let mut options = CallOptions::default();
        options.oneway = header.flags.has(Flags::ONEWAY);
        options.peer = Some(peer.clone());
        options.metadata.correlation_id = header.correlation_id;
        if !message.annotations.is_empty() {
            options.metadata.annotations = message.annotations.clone();
            wire::take_corr(&mut options.metadata);
        }
        let method = &*parts.method;
        debug!(object = %parts.object, method, peer = %peer.address, "call");
        if header.flags.has(Flags::BATCH) {
            return Box::pin(batch(service, args, options)).await.map(Answer::Batch);
        }
        let done = if method.starts_with('_') {
            let kwargs = parts.kwargs_at.map(|at| serializer.payload(message.payload.clone(), at, budget));
            Box::pin(underscored(service, Call { method, kind: CallKind::Method, args, kwargs, options })).await
        } else {
            let kwargs = parts.kwargs_at.map(|at| serializer.payload(message.payload.clone(), at, budget));
            call(service, Call { method, kind: CallKind::Method, args, kwargs, options }).await
        };
        done.map(Answer::Reply)
    }

    fn find(self: &Arc<Self>, object: &str) -> Option<Arc<dyn Service>> {
        if is_daemon(object) {
            return Some(Arc::new(DaemonObject::new(self.clone())));
        }
        self.registry.get(object)
    }

    fn reply(
        &self,
        header: &Header,
        message: &Message,
        serializer: Serializer,
        reply: Reply,
        outbound: &mut Outbound,
    ) -> Result<Next> {
        let generation = header.version.generation();
        let mut head = self.head(header, MessageKind::Result);
        let joined;
        if !reply.metadata.annotations.is_empty() {
            joined = [&reply.metadata.annotations[..], &self.config.annotations[..]].concat();
            head.annotations = &joined;
        }
        head.compress = self.config.compress;
        head.correlation_id = self.correlation_id(header, message);
        let written = guarded(&mut outbound.output, |out| {
            wire::write_message(out, &head, &self.config.limits, |out| {
                serializer.write(generation, out, |sink| reply.result.encode(sink))
            })
        });
        if let Err(e) = written {
            self.raise(header, serializer, told::unsent(e), outbound)?;
        }
        Ok(Next::Continue)
    }

    fn reply_batch(
        &self,
        header: &Header,
        message: &Message,
        serializer: Serializer,
        results: Vec<Result<Reply, Exception>>,
        outbound: &mut Outbound,
    ) -> Result<Next> {
        let generation = header.version.generation();
        let mut head = self.head(header, MessageKind::Result);
        head.flags.0 |= Flags::BATCH;
        head.compress = self.config.compress;
        head.correlation_id = self.correlation_id(header, message);
        let written = guarded(&mut outbound.output, |out| {
            wire::write_message(out, &head, &self.config.limits, |out| {
                serializer.write(generation, out, |sink| {
                    sink.begin(springline_core::Container::list(Some(results.len())))?;
                    for result in results {
                        match result {
                            Ok(reply) => reply.result.encode(sink)?,
                            Err(exception) => fault::wrapper(exception, generation).write(sink)?,
                        }
                    }
                    sink.end()
                })
            })
        });
        if let Err(e) = written {
            self.raise(header, serializer, told::unsent(e), outbound)?;
        }
        Ok(Next::Continue)
    }

    // Pyro5 answers with the request's id or a new one, always; Pyro4 gets one where it sent one.
    fn correlation_id(&self, header: &Header, message: &Message) -> Option<[u8; 16]> {
        match header.version {
            Version::V48 => {
                let (_, data) = message.annotations.iter().find(|(k, _)| k == "CORR")?;
                data.as_ref().try_into().ok()
            }
            _ => header.correlation_id.or_else(|| Some(new_uuid())),
        }
    }

    fn raise(
        &self,
        request: &Header,
        serializer: Serializer,
        mut exception: Exception,
        outbound: &mut Outbound,
    ) -> Result<()> {
        let generation = request.version.generation();
        exception.traceback = None; // what happened inside this process stays here
        let mut head = self.head(request, MessageKind::Result);
        head.flags.0 |= Flags::EXCEPTION;
        head.serializer = serializer.id(generation);
        if request.version != Version::V48 {
            head.correlation_id = request.correlation_id.or_else(|| Some(new_uuid()));
        }
        let class = exception.class.clone();
        let value = fault::to_value(exception, generation);
        let written = wire::write_message(&mut outbound.output, &head, &self.config.limits, |out| {
            serializer.write(generation, out, |sink| value.write(sink))
        });
        match written {
            Ok(()) => Ok(()),
            Err(e) => {
                // An attribute or argument that this serializer cannot express: tell at least what it was.
                let plain = fault::to_value(told::unsent_exception(&class, &e), generation);
                wire::write_message(&mut outbound.output, &head, &self.config.limits, |out| {
                    serializer.write(generation, out, |sink| plain.write(sink))
                })
            }
        }
    }

    // After bytes that could not be read the two sides may disagree about what was said: answer and hang up, as
    // Python does.
    fn raise_and_close(
        &self,
        request: &Header,
        serializer: Serializer,
        exception: Exception,
        outbound: &mut Outbound,
    ) -> Result<Next> {
        debug!(%exception, "request refused");
        if !request.flags.has(Flags::ONEWAY) {
            self.raise(request, serializer, exception, outbound)?;
        }
        Ok(Next::Close)
    }
}

/// A request whose object is known.
#[derive(Clone, Copy)]
struct Request<'m> {
    header: &'m Header,
    message: &'m Message,
    serializer: Serializer,
    parts: &'m CallParts<'m>,
}

enum Answer {
    Reply(Reply),
    Batch(Vec<Result<Reply, Exception>>),
}

enum Failure {
    /// The call failed; the connection goes on.
    Call(Exception),
    /// The message is unreadable; the connection ends.
    Message(Error),
}

// A version 4 UUID. It names a call in logs, it guards nothing.
fn new_uuid() -> [u8; 16] {
    let mut id = fastrand::u128(..).to_be_bytes();
    id[6] = id[6] & 0x0F | 0x40;
    id[8] = id[8] & 0x3F | 0x80;
    id
}

#[inline]
async fn call(service: &dyn Service, call: Call<'_>) -> Result<Reply, Failure> {
    let future = match catch_unwind(AssertUnwindSafe(|| service.call(call))) {
        Ok(future) => future,
        Err(panic) => return Err(Failure::Call(panicked(panic))),
    };
    CatchPanic(future).await.map_err(|e| Failure::Call(e.unwrap_or_else(remote::exception_of)))
}

// Names that begin with an underscore: attribute access, which Pyro spells `__getattr__(name)` and
// `__setattr__(name, value)`; what the service itself lists; and private ones, which stay so.
async fn underscored(service: &dyn Service, request: Call<'_>) -> Result<Reply, Failure> {
    let method = request.method;
    if !matches!(method, "__getattr__" | "__setattr__") {
        if service.describe().is_none_or(|info| info.method(method).is_none()) {
            return Err(Failure::Call(told::private(method)));
        }
        return call(service, request).await;
    }
    let args = request.args.into_value().map_err(|e| Failure::Call(remote::exception_of(e)))?;
    let (name, args, kind) = match (method, args.as_items()) {
        ("__getattr__", Some([Value::Str(name)])) => (name, Vec::new(), CallKind::GetAttr),
        ("__setattr__", Some([Value::Str(name), value])) => (name, vec![value.clone()], CallKind::SetAttr),
        _ => return Err(Failure::Call(told::no_attribute_name(method))),
    };
    let args = Payload::from(Value::Tuple(args));
    call(service, Call { method: name, kind, args, kwargs: None, options: request.options }).await
}

// Calls run in order; the first exception is the last result.
async fn batch(
    service: &dyn Service,
    calls: Payload<'_>,
    options: CallOptions,
) -> Result<Vec<Result<Reply, Exception>>, Failure> {
    let calls = calls.into_value().map_err(Failure::Message)?;
    let mut results = Vec::new();
    for one in calls.as_items().unwrap_or_default() {
        let Some([Value::Str(method), args, kwargs, ..]) = one.as_items() else {
            let e = Error::malformed(0, "expected a batch of (method, arguments, keyword arguments)");
            return Err(Failure::Message(e));
        };
        let request = Call {
            method,
            kind: CallKind::Method,
            args: Payload::from(args.clone()),
            kwargs: Some(Payload::from(kwargs.clone())),
            options: options.clone(),
        };
        let done =
            if method.starts_with('_') { underscored(service, request).await } else { call(service, request).await };
        match done {
            Ok(reply) => results.push(Ok(reply)),
            Err(Failure::Call(exception)) => {
                results.push(Err(exception));
                break;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(results)
}

/// Turns a panic while polling into an exception.
struct CatchPanic<'a>(BoxFuture<'a, Result<Reply>>);

impl Future for CatchPanic<'_> {
    type Output = Result<Reply, Result<Exception, Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(polled) => polled.map_err(Err),
            Err(panic) => Poll::Ready(Err(Ok(panicked(panic)))),
        }
    }
}

// A result's own Serialize may panic, too: what it has written is taken back.
fn guarded(out: &mut Output, write: impl FnOnce(&mut Output) -> Result<()>) -> Result<()> {
    let (buf, blobs) = (out.buf.len(), out.blobs().len());
    catch_unwind(AssertUnwindSafe(|| write(out))).unwrap_or_else(|panic| {
        out.truncate(buf, blobs);
        Err(Error::remote(panicked(panic)))
    })
}

// The panic's text goes to the log; the peer learns only that there was one.
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Exception {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    error!(panic = %text, "a handler panicked");
    told::panicked()
}
