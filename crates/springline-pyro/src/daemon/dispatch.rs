//! From a request's payload to the service and back.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use springline_core::service::{BoxFuture, Call, CallKind, CallOptions, Reply, Service};
use springline_core::{Error, ErrorKind, Exception, Payload, Result, Value, remote};
use springline_net::Outbound;
use tracing::{debug, error, warn};

use super::Shared;
use super::connection::{Client, Next, is_daemon};
use super::object::DaemonObject;
use crate::serializer::read_call;
use crate::wire::{self, Flags, Header, Message, MessageKind};
use crate::{Serializer, fault};

impl Shared {
    /// Serves one request and appends its answer.
    pub(super) async fn invoke(
        self: &Arc<Self>,
        header: Header,
        frame: Bytes,
        outbound: &mut Outbound,
        client: &Client,
    ) -> Result<Next> {
        let serializer = match wire::serializer_of(&header) {
            Ok(serializer) if self.config.serializers.contains(&serializer) => serializer,
            _ => {
                let text = format!("message used serializer that is not accepted: {}", header.serializer);
                return self.raise_and_close(&header, Serializer::Marshal, "ProtocolError", text, outbound);
            }
        };
        let message = match wire::open(header.clone(), frame, &self.config.limits, self.config.key.as_ref()) {
            Ok(message) => message,
            Err(e) => {
                let class = if e.kind() == ErrorKind::Denied { "SecurityError" } else { "ProtocolError" };
                return self.raise_and_close(&header, serializer, class, e.to_string(), outbound);
            }
        };
        let request = Request { message, serializer };
        if header.flags.has(Flags::ONEWAY) {
            self.spawn(request, client).await;
            return Ok(Next::Continue);
        }
        match self.run(&request, client).await {
            Ok(Answer::Reply(reply)) => self.reply(&request, reply, outbound),
            Ok(Answer::Batch(results)) => self.reply_batch(&request, results, outbound),
            Err(Failure::Call(exception)) => {
                self.raise(&request.message.header, serializer, exception, outbound).map(|()| Next::Continue)
            }
            Err(Failure::Message(e)) => {
                self.raise_and_close(&request.message.header, serializer, "SerializeError", e.to_string(), outbound)
            }
        }
    }

    // Oneway calls run beside the connection; there may be a great many, but not any number of them.
    async fn spawn(self: &Arc<Self>, request: Request, client: &Client) {
        let Ok(permit) = self.oneway.clone().acquire_owned().await else { return };
        let shared = self.clone();
        let client = Client { peer: client.peer.clone(), version: client.version };
        tokio::spawn(async move {
            match shared.run(&request, &client).await {
                Ok(_) => {}
                Err(Failure::Call(e)) => warn!(peer = %client.peer.address, error = %e, "oneway call failed"),
                Err(Failure::Message(e)) => warn!(peer = %client.peer.address, error = %e, "bad oneway call"),
            }
            drop(permit);
        });
    }

    async fn run(self: &Arc<Self>, request: &Request, client: &Client) -> Result<Answer, Failure> {
        let budget = self.config.limits.budget();
        let Request { message, serializer } = request;
        let parts = serializer.read(&message.payload, budget, |s| read_call(s)).map_err(Failure::Message)?;
        let service = self.find(&parts.object).ok_or_else(|| {
            Failure::Call(Exception::new("DaemonError", format!("unknown object '{}'", parts.object)))
        })?;
        let args = serializer.payload(message.payload.clone(), parts.args_at, budget);
        let mut options = CallOptions::default();
        options.oneway = message.header.flags.has(Flags::ONEWAY);
        options.peer = Some(client.peer.clone());
        options.metadata.annotations = message.annotations.clone();
        options.metadata.correlation_id = message.header.correlation_id;
        wire::take_corr(&mut options.metadata);
        if message.header.flags.has(Flags::BATCH) {
            return batch(&*service, args, options).await.map(Answer::Batch);
        }
        debug!(object = %parts.object, method = %parts.method, peer = %client.peer.address, "call");
        let kwargs = parts.kwargs_at.map(|at| serializer.payload(message.payload.clone(), at, budget));
        let done = match &*parts.method {
            "__getattr__" | "__setattr__" => attribute(&*service, &parts.method, args, options).await,
            method => call(&*service, Call { method, kind: CallKind::Method, args, kwargs, options }).await,
        };
        done.map(Answer::Reply)
    }

    fn find(self: &Arc<Self>, object: &str) -> Option<Arc<dyn Service>> {
        if is_daemon(object) {
            return Some(Arc::new(DaemonObject::new(self.clone())));
        }
        self.registry.get(object)
    }

    fn reply(&self, request: &Request, reply: Reply, outbound: &mut Outbound) -> Result<Next> {
        let header = &request.message.header;
        let generation = header.version.generation();
        let mut head = self.head(header, MessageKind::Result);
        let joined;
        if !reply.metadata.annotations.is_empty() {
            joined = [&reply.metadata.annotations[..], &self.config.annotations[..]].concat();
            head.annotations = &joined;
        }
        head.compress = self.config.compress;
        head.correlation_id = self.correlation_id(&request.message);
        let written = wire::write_message(&mut outbound.output, &head, &self.config.limits, |out| {
            request.serializer.write(generation, out, |sink| reply.result.encode(sink))
        });
        if let Err(e) = written {
            // The result cannot be written in this serializer: the caller should know why.
            let class = if e.kind() == ErrorKind::Encode { "TypeError" } else { "ValueError" };
            let exception = Exception::new(class, format!("the result cannot be sent: {e}"));
            self.raise(header, request.serializer, exception, outbound)?;
        }
        Ok(Next::Continue)
    }

    fn reply_batch(
        &self,
        request: &Request,
        results: Vec<Result<Reply, Exception>>,
        outbound: &mut Outbound,
    ) -> Result<Next> {
        let header = &request.message.header;
        let generation = header.version.generation();
        let mut head = self.head(header, MessageKind::Result);
        head.flags.0 |= Flags::BATCH;
        head.compress = self.config.compress;
        head.correlation_id = self.correlation_id(&request.message);
        let written = wire::write_message(&mut outbound.output, &head, &self.config.limits, |out| {
            request.serializer.write(generation, out, |sink| {
                sink.begin(springline_core::Container::list(Some(results.len())))?;
                for result in results {
                    match result {
                        Ok(reply) => reply.result.encode(sink)?,
                        Err(exception) => fault::wrapper(exception, generation).write(sink)?,
                    }
                }
                sink.end()
            })
        });
        if let Err(e) = written {
            let exception = Exception::new("TypeError", format!("a result cannot be sent: {e}"));
            self.raise(header, request.serializer, exception, outbound)?;
        }
        Ok(Next::Continue)
    }

    // Pyro5 answers with the request's id or a new one, always; Pyro4 gets one where it sent one.
    fn correlation_id(&self, message: &Message) -> Option<[u8; 16]> {
        match message.header.version {
            wire::Version::V48 => {
                let (_, data) = message.annotations.iter().find(|(k, _)| k == "CORR")?;
                data.as_ref().try_into().ok()
            }
            _ => message.header.correlation_id.or_else(|| Some(new_uuid())),
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
        if request.version != wire::Version::V48 {
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
                let text = format!("Error serializing exception {class}: {}", e.message());
                let plain = fault::to_value(Exception::new("PyroError", text), generation);
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
        class: &str,
        text: String,
        outbound: &mut Outbound,
    ) -> Result<Next> {
        debug!(class, text, "request refused");
        if !request.flags.has(Flags::ONEWAY) {
            self.raise(request, serializer, Exception::new(class, text), outbound)?;
        }
        Ok(Next::Close)
    }
}

struct Request {
    message: Message,
    serializer: Serializer,
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

async fn call(service: &dyn Service, call: Call<'_>) -> Result<Reply, Failure> {
    let name = call.method;
    if name.starts_with('_') && service.describe().is_none_or(|info| info.method(name).is_none()) {
        let text = format!("attempt to access private attribute '{name}'");
        return Err(Failure::Call(Exception::new("AttributeError", text)));
    }
    let future = match catch_unwind(AssertUnwindSafe(|| service.call(call))) {
        Ok(future) => future,
        Err(panic) => return Err(Failure::Call(panicked(panic))),
    };
    CatchPanic(future).await.map_err(|e| Failure::Call(e.unwrap_or_else(remote::exception_of)))
}

// `__getattr__(name)` and `__setattr__(name, value)` are how Pyro spells attribute access.
async fn attribute(
    service: &dyn Service,
    method: &str,
    args: Payload<'_>,
    options: CallOptions,
) -> Result<Reply, Failure> {
    let bad = || Failure::Call(Exception::new("TypeError", format!("{method} needs the attribute's name as a string")));
    let args = args.into_value().map_err(|e| Failure::Call(remote::exception_of(e)))?;
    let (name, args, kind) = match (method, args.as_items()) {
        ("__getattr__", Some([Value::Str(name)])) => (name, Vec::new(), CallKind::GetAttr),
        ("__setattr__", Some([Value::Str(name), value])) => (name, vec![value.clone()], CallKind::SetAttr),
        _ => return Err(bad()),
    };
    let args = Payload::from(Value::Tuple(args));
    call(service, Call { method: name, kind, args, kwargs: None, options }).await
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
        match call(service, request).await {
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

// The panic's text goes to the log; the peer learns only that there was one.
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Exception {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    error!(panic = %text, "a handler panicked");
    Exception::new("RuntimeError", "internal error: the method panicked")
}
