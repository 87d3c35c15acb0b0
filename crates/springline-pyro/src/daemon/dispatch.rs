//! From a request's payload to the service and back.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use springline_core::panics::{Panicked, catch};
use springline_core::service::{BoxFuture, Call, CallKind, CallOptions, Reply, Service};
use springline_core::{Annotations, Error, Exception, Output, Payload, Peer, Result, Value, remote};
use springline_net::Outbound;
use tracing::{debug, error, warn};

use super::Shared;
use super::connection::{Client, Next, is_daemon};
use super::object::DaemonObject;
use crate::fault::told;
use crate::plain::Template;
use crate::serializer::{CallFrame, CallParts};
use crate::wire::{self, Flags, Header, Message, MessageKind, Version};
use crate::{Serializer, fault};

impl Shared {
    /// Serves one request that is in no [run](super::run), and appends its answer.
    pub(super) async fn invoke(
        self: &Arc<Self>,
        header: &mut Header,
        frame: Bytes,
        outbound: &mut Outbound,
        client: &mut Client,
    ) -> Result<Next> {
        let serializer = match self.config.serializer_of(header) {
            Some(serializer) => serializer,
            None => {
                let exception = told::not_accepted(header.serializer);
                return self.raise_and_close(header, Serializer::Marshal, exception, outbound);
            }
        };
        let message = match wire::open(header, frame, &self.config.limits, self.config.key.as_ref()) {
            Ok(message) => message,
            Err(e) => return self.raise_and_close(header, serializer, told::bad_frame(&e), outbound),
        };
        header.python = message.python;
        let header = &*header;
        if header.flags.has(Flags::ONEWAY) {
            Box::pin(self.spawn(header.clone(), message, serializer, client)).await;
            return Ok(Next::Continue);
        }
        let epoch = self.registry.epoch();
        let parts = match serializer.read_call(&message.payload, self.config.limits.budget()) {
            Ok(parts) => parts,
            Err(e) => return self.raise_and_close(header, serializer, told::bad_payload(&e), outbound),
        };
        let done = match self.find(&parts.object) {
            Some(service) => {
                if !parts.method.starts_with('_') {
                    let frame = CallFrame::of(serializer, &message.payload, &parts);
                    client.last = frame.map(|frame| self.found(header, frame, service.clone(), epoch));
                }
                let request = Request { header, message: &message, serializer, parts: &parts };
                self.perform(&request, &*service, &client.peer).await
            }
            None => Err(Failure::Call(told::unknown_object(&parts.object))),
        };
        match done {
            Ok(Answer::Reply(reply)) => {
                let result =
                    |out: &mut Output| serializer.write_payload(header.version.generation(), out, &reply.result);
                let written = self.reply(header, &message.annotations, &reply.metadata.annotations, outbound, result);
                if let Err(e) = written {
                    self.raise(header, serializer, told::unsent(e), outbound)?;
                }
            }
            Ok(Answer::Batch(results)) => {
                self.reply_batch(header, &message.annotations, serializer, results, outbound)?
            }
            Err(Failure::Call(exception)) => self.raise(header, serializer, exception, outbound)?,
            Err(Failure::Message(e)) => {
                return self.raise_and_close(header, serializer, told::bad_payload(&e), outbound);
            }
        }
        Ok(Next::Continue)
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
        let one = self.call_of(request, peer);
        match one.options.deadline {
            None => self.perform_one(request, service, &one).await,
            Some(deadline) => {
                let one = self.perform_one(request, service, &one);
                match tokio::time::timeout_at(deadline.into(), one).await {
                    Ok(done) => done,
                    Err(_) => Err(Failure::Call(told::given_up())),
                }
            }
        }
    }

    async fn perform_one(
        &self,
        request: &Request<'_>,
        service: &dyn Service,
        one: &Call<'_>,
    ) -> Result<Answer, Failure> {
        if request.header.flags.has(Flags::BATCH) {
            return batch(service, one).await.map(Answer::Batch);
        }
        let done = if one.method.starts_with('_') { underscored(service, one).await } else { call(service, one).await };
        done.map(Answer::Reply)
    }

    // What the service gets to see.
    #[inline]
    fn call_of<'r>(&self, request: &Request<'r>, peer: &Arc<Peer>) -> Call<'r> {
        let Request { header, message, serializer, parts } = *request;
        let budget = self.config.limits.budget();
        let mut options = CallOptions::default();
        options.oneway = header.flags.has(Flags::ONEWAY);
        options.peer = Some(peer.clone());
        options.metadata.correlation_id = header.correlation_id;
        if !message.annotations.is_empty() {
            options.metadata.annotations = message.annotations.clone();
            wire::take_corr(&mut options.metadata);
            let left = wire::take_deadline(&mut options.metadata);
            options.deadline = left.and_then(|left| std::time::Instant::now().checked_add(left));
        }
        let method = &*parts.method;
        debug!(object = %parts.object, method, peer = %peer.address, "call");
        let python2 = header.version.generation().is_pyro4();
        let part = |at| {
            let told_late = if python2 { serializer.of_python2(&message.payload, at, budget) } else { None };
            told_late.unwrap_or_else(|| serializer.lent(&message.payload, at, budget))
        };
        let (args, kwargs) = (part(parts.args_at), parts.kwargs_at.map(part));
        Call { method, kind: CallKind::Method, args, kwargs, options }
    }

    fn find(self: &Arc<Self>, object: &str) -> Option<Arc<dyn Service>> {
        if is_daemon(object) {
            return Some(Arc::new(DaemonObject::new(self.clone())));
        }
        self.registry.get(object)
    }

    /// Appends a plain result.
    #[inline]
    pub(super) fn reply_by(
        &self,
        template: &Template,
        seq: u16,
        correlation_id: Option<[u8; 16]>,
        outbound: &mut Outbound,
        result: impl FnOnce(&mut Output) -> Result<()>,
    ) -> Result<()> {
        let id = correlation_id.unwrap_or_else(new_uuid);
        guarded(&mut outbound.output, |out| template.write(out, seq, Some(&id), &self.config.limits, result))
    }

    /// Appends the answer to a request that had these annotations: a result that `result` writes, with annotations of its
    /// own.
    #[inline]
    pub(super) fn reply(
        &self,
        header: &Header,
        requested: &[(Cow<'static, str>, Bytes)],
        annotations: &Annotations,
        outbound: &mut Outbound,
        result: impl FnOnce(&mut Output) -> Result<()>,
    ) -> Result<()> {
        let mut head = self.head(header, MessageKind::Result);
        let joined;
        if !annotations.is_empty() && header.version.has_annotations() {
            joined = [&annotations[..], &self.config.annotations[..]].concat();
            head.annotations = &joined;
        }
        head.compress = self.config.compress;
        head.correlation_id = correlation_id(header, requested);
        guarded(&mut outbound.output, |out| {
            wire::write_message(out, &head, &self.config.limits, |out| {
                wire::put_python(out, header.version, header.python);
                result(out)
            })
        })
    }

    fn reply_batch(
        &self,
        header: &Header,
        annotations: &[(Cow<'static, str>, Bytes)],
        serializer: Serializer,
        results: Vec<Result<Reply, Exception>>,
        outbound: &mut Outbound,
    ) -> Result<()> {
        // 4.20 has no form for the exception that ended a batch but pickle's.
        if header.version == Version::V45 && !serializer.is_pickle() && results.last().is_some_and(Result::is_err) {
            let exception = results.into_iter().find_map(Result::err);
            return self.raise(header, serializer, exception.unwrap_or_else(told::panicked), outbound);
        }
        let generation = header.version.generation();
        let mut head = self.head(header, MessageKind::Result);
        head.flags.0 |= Flags::BATCH;
        head.compress = self.config.compress;
        head.correlation_id = correlation_id(header, annotations);
        let written = guarded(&mut outbound.output, |out| {
            wire::write_message(out, &head, &self.config.limits, |out| {
                serializer.write(generation, out, |sink| {
                    sink.begin(springline_core::Container::list(Some(results.len())))?;
                    for result in results {
                        match result {
                            Ok(reply) => reply.result.encode(sink)?,
                            Err(exception) => fault::wrapper(exception, header.version).write(sink)?,
                        }
                    }
                    sink.end()
                })
            })
        });
        match written {
            Ok(()) => Ok(()),
            Err(e) => self.raise(header, serializer, told::unsent(e), outbound),
        }
    }

    pub(super) fn raise(
        &self,
        request: &Header,
        serializer: Serializer,
        mut exception: Exception,
        outbound: &mut Outbound,
    ) -> Result<()> {
        let generation = request.version.generation();
        if request.version.tells_python() && exception.is("SecurityError") {
            // 4.2 and 4.3 have no such class.
            exception = Exception::new("PyroError", format!("SecurityError: {}", exception.message));
        }
        exception.traceback = None; // what happened inside this process stays here
        let mut head = self.head(request, MessageKind::Result);
        head.flags.0 |= Flags::EXCEPTION;
        head.serializer = serializer.id(generation);
        if !generation.is_pyro4() {
            head.correlation_id = request.correlation_id.or_else(|| Some(new_uuid()));
        }
        let class = exception.class.clone();
        let value = fault::to_value(exception, generation);
        let written = wire::write_message(&mut outbound.output, &head, &self.config.limits, |out| {
            wire::put_python(out, request.version, request.python);
            serializer.write(generation, out, |sink| value.write(sink))
        });
        match written {
            Ok(()) => Ok(()),
            Err(e) => {
                // An attribute or argument that this serializer cannot express: tell at least what it was.
                let plain = fault::to_value(told::unsent_exception(&class, &e), generation);
                wire::write_message(&mut outbound.output, &head, &self.config.limits, |out| {
                    wire::put_python(out, request.version, request.python);
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

// Pyro5 answers with the request's id or a new one, always; Pyro4 gets one where it sent one.
#[inline]
fn correlation_id(header: &Header, annotations: &[(Cow<'static, str>, Bytes)]) -> Option<[u8; 16]> {
    match header.version {
        Version::V501 | Version::V502 => header.correlation_id.or_else(|| Some(new_uuid())),
        _ => {
            let (_, data) = annotations.iter().find(|(k, _)| k == "CORR")?;
            data.as_ref().try_into().ok()
        }
    }
}

// A version 4 UUID. It names a call in logs, it guards nothing.
fn new_uuid() -> [u8; 16] {
    let mut id = fastrand::u128(..).to_be_bytes();
    id[6] = id[6] & 0x0F | 0x40;
    id[8] = id[8] & 0x3F | 0x80;
    id
}

/// Calls a service. Its errors and panics become what the peer is told of them.
pub(crate) async fn call_guarded(service: &dyn Service, call: &Call<'_>) -> Result<Reply, Exception> {
    Calling::new(service, call).await.map_err(Failed::told)
}

async fn call(service: &dyn Service, call: &Call<'_>) -> Result<Reply, Failure> {
    Calling::new(service, call).await.map_err(|e| Failure::Call(e.told()))
}

// Names that begin with an underscore: attribute access, which Pyro spells `__getattr__(name)` and
// `__setattr__(name, value)`; what the service itself lists; and private ones, which stay so.
async fn underscored(service: &dyn Service, request: &Call<'_>) -> Result<Reply, Failure> {
    let method = request.method;
    if !matches!(method, "__getattr__" | "__setattr__") {
        if service.describe().is_none_or(|info| info.method(method).is_none()) {
            return Err(Failure::Call(told::private(method)));
        }
        return call(service, request).await;
    }
    let args = request.args.to_value().map_err(|e| Failure::Call(remote::exception_of(e)))?;
    let (name, args, kind) = match (method, args.as_items()) {
        ("__getattr__", Some([Value::Str(name)])) => (name, Vec::new(), CallKind::GetAttr),
        ("__setattr__", Some([Value::Str(name), value])) => (name, vec![value.clone()], CallKind::SetAttr),
        _ => return Err(Failure::Call(told::no_attribute_name(method))),
    };
    let args = Payload::from(Value::Tuple(args));
    call(service, &Call { method: name, kind, args, kwargs: None, options: request.options.clone() }).await
}

// Calls run in order; the first exception is the last result.
async fn batch(service: &dyn Service, batch: &Call<'_>) -> Result<Vec<Result<Reply, Exception>>, Failure> {
    let calls = batch.args.to_value().map_err(Failure::Message)?;
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
            options: batch.options.clone(),
        };
        let done =
            if method.starts_with('_') { underscored(service, &request).await } else { call(service, &request).await };
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

/// A call in progress, from its first poll on; a panic ends it as an error does.
struct Calling<'a> {
    service: &'a dyn Service,
    call: &'a Call<'a>,
    future: Option<BoxFuture<'a, Result<Reply>>>,
}

impl<'a> Calling<'a> {
    #[inline]
    fn new(service: &'a dyn Service, call: &'a Call<'a>) -> Self {
        Self { service, call, future: None }
    }
}

impl Future for Calling<'_> {
    type Output = Result<Reply, Failed>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = catch(|| this.future.get_or_insert_with(|| this.service.call(this.call)).as_mut().poll(cx));
        match polled {
            Ok(polled) => polled.map_err(Failed::Error),
            Err(panic) => Poll::Ready(Err(Failed::Panic(panic))),
        }
    }
}

/// Why a handler gave no reply.
enum Failed {
    Error(Error),
    Panic(Panicked),
}

impl Failed {
    // What the peer is told of it.
    #[cold]
    fn told(self) -> Exception {
        match self {
            Self::Error(e) => remote::exception_of(e),
            Self::Panic(panic) => panicked(panic),
        }
    }
}

// A result's own Serialize may panic, too: what it has written is taken back.
#[inline]
pub(crate) fn guarded(out: &mut Output, write: impl FnOnce(&mut Output) -> Result<()>) -> Result<()> {
    let (buf, blobs) = (out.buf.len(), out.blobs().len());
    catch(|| write(out)).unwrap_or_else(|panic| {
        out.truncate(buf, blobs);
        Err(Error::remote(panicked(panic)))
    })
}

// The panic's text goes to the log; the peer learns only that there was one.
#[cold]
pub(crate) fn panicked(Panicked(text): Panicked) -> Exception {
    error!(panic = %text, "a handler panicked");
    told::panicked()
}
