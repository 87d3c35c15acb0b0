//! A request of HTTP, and what it is answered.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use springline_core::panics::{Caught, Panicked, catch};
use springline_core::{
    BoxFuture, Bytes, Call, CallKind, CallOptions, Error, ErrorKind, Metadata, MethodInfo, Output, Reply, Result,
    Service, Value, boxed,
};
use springline_net::http::coding::{Coding, decode, deflate};
use springline_net::http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE};
use springline_net::http::{
    Body, Door, HeaderValue, HttpHandler, Method, Request, RequestLine, Response, StatusCode, conditions, refusal, text,
};
use tracing::{Level, debug, enabled, error, info};

use super::HessianServiceExporterBuilder;
use super::streams::{Begun, Received, Streams};
use crate::codec::{ReadOptions, Version, WriteOptions};
use crate::fault::{Fault, SHOWN_NAME, shortened};
use crate::message::{CallHead, reply_version, write_fault, write_reply};
use crate::{client, mangle};

/// Answers larger than this are compressed for those who ask for it, in bytes.
const DEFLATE_FROM: usize = 1400;

/// A service as something that Hessian clients call: to be mounted on an [`HttpServer`](springline_net::http::HttpServer),
/// beside others. `HessianServiceExporter` is the name that Spring Python's manual has for what it lacks.
///
/// ```no_run
/// # async fn f() -> springline_core::Result<()> {
/// # use std::sync::Arc;
/// use springline_core::FnService;
/// use springline_hessian::http::{HttpHandler, HttpServer};
/// use springline_hessian::server::HessianServiceExporter;
///
/// let one = HessianServiceExporter::builder(FnService::new("One")).handler()?;
/// let two = HessianServiceExporter::builder(FnService::new("Two")).handler()?;
/// let server = HttpServer::builder().mount("/one", one).mount("/two", two).bind(&"localhost:8080".parse()?).await?;
/// # Ok(()) }
/// ```
pub struct HessianServiceExporter {
    pub(super) service: Arc<dyn Service>,
    pub(super) attributes: Attributes,
    pub(super) streams: Streams,
    pub(super) read: ReadOptions,
    pub(super) write: WriteOptions,
    pub(super) introspection: bool,
    pub(super) details: bool,
    pub(super) deadline: Option<Duration>,
    pub(super) log_requests: bool,
    pub(super) deflate: bool,
    pub(super) door: Option<Door>,
}

/// The attribute that tells the methods' names and parameters; Java's servers have none.
const METHODS: &str = "springline.methods";

/// The names of Java's classes.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    pub(super) api: Option<String>,
    pub(super) home: Option<String>,
    pub(super) object: Option<String>,
}

impl Attributes {
    fn get(&self, name: &str) -> Option<&str> {
        let found = match name {
            "java.api.class" => &self.api,
            "java.home.class" => &self.home,
            "java.object.class" => &self.object,
            _ => return None,
        };
        found.as_ref().or(self.api.as_ref()).map(String::as_str)
    }
}

impl HttpHandler for HessianServiceExporter {
    fn handle<'a>(&'a self, request: Request) -> BoxFuture<'a, Response> {
        boxed(|| self.serve(request))
    }
}

impl HessianServiceExporter {
    /// Begins with the address `localhost:8080` and the path `/`, no TLS and no users.
    pub fn builder(service: impl Service + 'static) -> HessianServiceExporterBuilder {
        HessianServiceExporterBuilder::new(Arc::new(service))
    }

    async fn serve(&self, request: Request) -> Response {
        let line = line(self.log_requests, &request);
        let response = self.respond(request).await;
        log(line, response.status().as_u16());
        response
    }

    async fn respond(&self, mut request: Request) -> Response {
        if let Some(door) = &self.door
            && let Some(refusal) = door.refusal(&request).await
        {
            return refusal;
        }
        if request.method() != Method::POST {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "Hessian is spoken with POST.\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let fields = conditions::Fields::of(&request);
        let coding = match fields.content_encoding {
            None => Some(Coding::Identity),
            Some(value) => value.to_str().ok().and_then(Coding::named),
        };
        let Some(coding) = coding else {
            let mut response =
                text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Encoding is gzip, deflate or identity.\n");
            response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate, identity"));
            return response;
        };
        let packed = self.deflate && wants_deflate(&request);
        let peer = request.peer().clone();
        let mut options = CallOptions::default();
        options.peer = Some(peer.clone());
        fields.read(&mut options);
        let limits = &self.read.limits;
        // What only streams need is boxed: it is large beside the rest of a call.
        let received = if coding == Coding::Identity && self.streams.has_uploads() {
            Box::pin(self.streams.receive(request, &self.read)).await
        } else {
            let body = request.read_body(limits.message_size).await;
            body.and_then(|body| decode(coding, body, limits)).map(Received::Whole)
        };
        let (version, answer) = match received {
            Ok(Received::Whole(body)) => {
                let Some(version) = reply_version(&body) else {
                    debug!(target: LOG, peer = %peer.address, "no Hessian");
                    return text(StatusCode::BAD_REQUEST, "A call of Hessian begins with 'c' or 'H'.\n");
                };
                match self.answer(&body, &mut options).await {
                    Ok(Answer::Reply(reply)) => (version, Ok(reply)),
                    Ok(Answer::Response(response)) => return response,
                    Err(fault) => (version, Err(fault)),
                }
            }
            Ok(Received::Broken(version, e)) => (version, Err(self.fault(e))),
            Ok(Received::Upload(begun)) => (begun.reply, Box::pin(self.take_upload(*begun, options)).await),
            Err(e) => {
                debug!(target: LOG, peer = %peer.address, error = %e.report(), "bad request");
                return refusal(&e);
            }
        };
        self.response(version, answer, packed)
    }

    fn response(&self, version: Version, answer: Result<Reply, Fault>, packed: bool) -> Response {
        let mut out = Output::new();
        self.write(version, answer, &mut out);
        let packed = packed && out.len() > DEFLATE_FROM;
        let body = if packed {
            out.flatten(0);
            Body::from(deflate(&out.buf))
        } else {
            Body::from(out)
        };
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("x-application/hessian"));
        if packed {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("deflate"));
        }
        response
    }

    async fn answer(&self, body: &Bytes, options: &mut CallOptions) -> Result<Answer, Fault> {
        let head = CallHead::read(body, &self.read).map_err(|e| self.fault(e))?;
        debug!(target: LOG, method = &*shortened(&head.method, SHOWN_NAME), "call");
        add_headers(&head, &mut options.metadata);
        let limit = conditions::limit(self.deadline, options);
        let args = head.payload(body, &self.read);
        if let Some(answer) = self.attribute(&head, &args) {
            return answer.map(Answer::Reply);
        }
        if let Some(download) = self.streams.download_named(&head.method, head.count) {
            let call = Call {
                method: &head.method,
                kind: CallKind::Method,
                args,
                kwargs: None,
                options: std::mem::take(options),
            };
            let made = in_time(limit, Caught(download.open(&call, head.reply))).await;
            return self.caught(&head.method, made);
        }
        let name = self.method_name(&head)?;
        let call = Call { method: name, kind: CallKind::Method, args, kwargs: None, options: std::mem::take(options) };
        let done = match catch(|| self.service.call(&call)) {
            Ok(future) => in_time(limit, Caught(future)).await,
            Err(panicked) => Ok(Err(panicked)),
        };
        self.caught(&head.method, done).map(Answer::Reply)
    }

    async fn take_upload(&self, begun: Begun, mut options: CallOptions) -> Result<Reply, Fault> {
        let head = CallHead::read(&begun.head, &self.read).map_err(|e| self.fault(e))?;
        debug!(target: LOG, method = &*shortened(&head.method, SHOWN_NAME), "upload");
        add_headers(&head, &mut options.metadata);
        let limit = conditions::limit(self.deadline, &mut options);
        let Some(upload) = self.streams.upload_named(&head.method, head.count) else {
            return Err(Fault::no_such_method(&head.method));
        };
        let call = Call { method: &head.method, kind: CallKind::Method, args: begun.args, kwargs: None, options };
        let done = match catch(|| upload.call(&call, begun.stream)) {
            Ok(future) => in_time(limit, Caught(future)).await,
            Err(panicked) => Ok(Err(panicked)),
        };
        self.caught(&head.method, done)
    }

    fn caught<T>(&self, method: &str, done: Result<Result<Result<T>, Panicked>>) -> Result<T, Fault> {
        match done {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(e))) | Err(e) => Err(self.fault(e)),
            Ok(Err(panicked)) => Err(self.panicked(method, panicked)),
        }
    }

    /// The name that the service has for what was asked for.
    fn method_name<'h>(&'h self, head: &'h CallHead<'_>) -> Result<&'h str, Fault> {
        match self.service.describe() {
            // Whoever stands behind it finds it.
            None => Ok(&head.method),
            Some(info) if info.methods.is_empty() => Ok(&head.method),
            Some(info) => match mangle::find(info, &head.method, head.count) {
                Some(method) => Ok(&method.name),
                None => Err(Fault::no_such_method(&head.method)),
            },
        }
    }

    // The methods that every service has.
    fn attribute(&self, head: &CallHead<'_>, args: &springline_core::Payload<'_>) -> Option<Result<Reply, Fault>> {
        let asked = head.method.strip_prefix(client::GET_ATTRIBUTE)?;
        if !matches!(asked, "" | "_string" | "__1") {
            return None;
        }
        Some(match args.decode::<(Option<String>,)>() {
            Ok((Some(name),)) if name == METHODS => Ok(Value::from(self.methods()).into()),
            Ok((name,)) => Ok(Value::from(name.and_then(|name| self.attributes.get(&name))).into()),
            Err(e) => Err(self.fault(Error::new(ErrorKind::Arguments, e.message().to_owned()))),
        })
    }

    // What the service offers, a line for each method.
    fn methods(&self) -> Option<String> {
        let info = self.service.describe().filter(|_| self.introspection)?;
        let all = [info, self.streams.uploads(), self.streams.downloads()];
        let methods = all.into_iter().flat_map(|info| &*info.methods).filter(|m| m.kind == CallKind::Method);
        let line = |method: &MethodInfo| {
            let params = method.params.iter();
            let params: Vec<String> =
                params.map(|p| format!("{}{}", p.name, if p.optional { "?" } else { "" })).collect();
            format!("{}({})", method.name, params.join(", "))
        };
        Some(methods.map(line).collect::<Vec<_>>().join("\n"))
    }

    /// What the caller is told of an error.
    #[cold]
    pub(super) fn fault(&self, error: Error) -> Fault {
        debug!(target: LOG, error = %error.report(), "fault");
        if self.details { Fault::detailed(&error) } else { Fault::from_error(&error) }
    }

    #[cold]
    fn panicked(&self, method: &str, Panicked(text): Panicked) -> Fault {
        error!(target: LOG, panic = %text, method, "a handler panicked");
        let why = if self.details { format!("the method panicked: {text}") } else { "the method failed".to_owned() };
        Fault::internal(&why)
    }

    /// Writes an answer; a fault where the answer cannot be written.
    fn write(&self, version: Version, answer: Result<Reply, Fault>, out: &mut Output) {
        let fault = match answer.map(|reply| self.try_write(version, &reply, out)) {
            Ok(Ok(())) => return,
            Ok(Err(fault)) | Err(fault) => fault,
        };
        out.clear();
        if let Err(e) = write_fault(out, version, &fault, &self.write) {
            error!(target: LOG, error = %e, "a fault cannot be written");
            out.clear();
            // Of texts alone: always writable.
            let _ = write_fault(out, version, &Fault::internal("the answer cannot be written"), &self.write);
        }
    }

    fn try_write(&self, version: Version, reply: &Reply, out: &mut Output) -> Result<(), Fault> {
        // A result's own Serialize may panic, too.
        match catch(|| write_reply(out, version, &reply.result, &self.write)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(self.fault(e.context("the result"))),
            Err(panicked) => Err(self.panicked("the result", panicked)),
        }
    }
}

async fn in_time<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Result<T> {
    let Some(limit) = limit else { return Ok(work.await) };
    tokio::time::timeout(limit, work).await.map_err(|_| conditions::given_up(limit))
}

/// What a call gave.
pub(super) enum Answer {
    Reply(Reply),
    /// A stream.
    Response(Response),
}

// Headers of Hessian 1 that are texts or bytes.
fn add_headers(head: &CallHead<'_>, metadata: &mut Metadata) {
    for (name, value) in &head.headers {
        match value {
            Value::Str(text) => metadata.set(name.clone(), Bytes::copy_from_slice(text.as_bytes())),
            Value::Bytes(bytes) => metadata.set(name.clone(), bytes.clone()),
            _ => debug!(target: LOG, header = &*shortened(name, SHOWN_NAME), "a header that is neither text nor bytes"),
        }
    }
}

fn wants_deflate(request: &Request) -> bool {
    let named = |one: &str| {
        let mut parts = one.split(';');
        parts.next().is_some_and(|name| name.trim().eq_ignore_ascii_case("deflate"))
            && !parts.any(|p| matches!(p.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    };
    let all = request.headers().get_all(ACCEPT_ENCODING);
    all.iter().any(|value| value.to_str().unwrap_or_default().split(',').any(named))
}

impl fmt::Debug for HessianServiceExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.service.describe().map(|info| &info.name);
        f.debug_struct("HessianServiceExporter").field("service", &name).finish_non_exhaustive()
    }
}

/// What answers for paths that nothing is mounted on.
pub(super) struct NoSuchPage {
    pub(super) log_requests: bool,
}

impl HttpHandler for NoSuchPage {
    fn handle<'a>(&'a self, request: Request) -> BoxFuture<'a, Response> {
        log(line(self.log_requests, &request), 404);
        Box::pin(std::future::ready(text(StatusCode::NOT_FOUND, "No such page.\n")))
    }
}

/// The target of request lines.
const REQUESTS: &str = "springline::hessian::requests";
/// The target of everything else.
pub(super) const LOG: &str = "springline::hessian";

// Nothing is kept when nobody listens.
fn line(wanted: bool, request: &Request) -> Option<RequestLine> {
    (wanted && enabled!(target: REQUESTS, Level::INFO)).then(|| RequestLine::of(request))
}

fn log(line: Option<RequestLine>, status: u16) {
    if let Some(line) = line {
        info!(target: REQUESTS, peer = %line.peer().address, status, "{}", line.text(status));
    }
}
