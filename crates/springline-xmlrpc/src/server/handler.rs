//! A request of HTTP, and what it is answered.

use std::fmt;

use springline_core::{BoxFuture, Call, CallKind, CallOptions, Registry, boxed};
use springline_net::http::coding::{Coding, decode, gzip};
use springline_net::http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE};
use springline_net::http::{
    Door, HeaderValue, HttpHandler, Method, Request, RequestLine, Response, StatusCode, conditions, refusal, text,
};
use tracing::{Level, debug, enabled, info};

use super::dispatch::{Answer, LOG, Methods};
use super::page::page;
use crate::fault::{SHOWN_NAME, shortened};
use crate::{Fault, IncomingCall, parse_call};

/// Answers larger than this are compressed for those who ask for it, in bytes. CPython's number.
const GZIP_FROM: usize = 1400;

/// XML-RPC as something to mount on an [`HttpServer`](springline_net::http::HttpServer), beside others.
///
/// Made by [`XmlRpcServerBuilder::handler`](super::XmlRpcServerBuilder::handler).
pub struct XmlRpcHandler {
    pub(super) methods: Methods,
    pub(super) log_requests: bool,
    pub(super) gzip: bool,
    pub(super) strict_content_type: bool,
    pub(super) page: Option<String>,
    pub(super) door: Option<Door>,
}

impl HttpHandler for XmlRpcHandler {
    fn handle<'a>(&'a self, request: Request) -> BoxFuture<'a, Response> {
        boxed(|| self.serve(request))
    }
}

impl XmlRpcHandler {
    /// The services it serves, by prefix.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.methods.registry
    }

    async fn serve(&self, mut request: Request) -> Response {
        let line = line(self.log_requests, &request);
        let mut response = Response::default();
        self.respond(&mut request, &mut response).await;
        log(line, response.status().as_u16());
        response
    }

    // The response is written where it is to be: it is large, and would be moved from hand to hand.
    async fn respond(&self, request: &mut Request, response: &mut Response) {
        if let Some(door) = &self.door
            && let Some(refusal) = Box::pin(door.refusal(request)).await
        {
            *response = refusal;
            return;
        }
        let Announced { charset, packed, options } = match self.look(request) {
            Ok(announced) => announced,
            Err(refused) => {
                *response = *refused;
                return;
            }
        };
        let limits = &self.methods.read.limits;
        let body = request.read_body(limits.message_size).await;
        let body = match body.and_then(|body| if packed { decode(Coding::Gzip, body, limits) } else { Ok(body) }) {
            Ok(body) => body,
            Err(e) => {
                debug!(target: LOG, peer = %request.peer().address, error = %e.report(), "bad request");
                *response = refusal(&e);
                return;
            }
        };
        let (method, args) = match parse_call(body, charset.as_deref(), &self.methods.read) {
            Ok(IncomingCall { method, args }) => (method, args),
            Err(e) => return self.answer(Err(self.methods.fault(e)), request, response),
        };
        debug!(target: LOG, method = &*shortened(&method, SHOWN_NAME), peer = %request.peer().address, "call");
        let mut call = Call { method: &method, kind: CallKind::Method, args, kwargs: None, options };
        let answer = self.methods.call(&mut call).await;
        self.answer(answer, request, response);
    }

    fn answer(&self, answer: Result<Answer, Fault>, request: &mut Request, response: &mut Response) {
        let mut out = Vec::with_capacity(512);
        self.methods.write(answer, &mut out);
        let packed = self.gzip && out.len() > GZIP_FROM && wants_gzip(request);
        let mut headers = request.take_room();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        if packed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        *response.headers_mut() = headers;
        *response.body_mut() = if packed { gzip(&out).into() } else { out.into() };
    }

    // What a request's head says, or the answer to one that is none of ours.
    fn look(&self, request: &Request) -> Result<Announced, Box<Response>> {
        if request.method() != Method::POST {
            return Err(Box::new(self.not_a_post(request)));
        }
        let fields = conditions::Fields::of(request);
        let (essence, charset) = content_type(fields.content_type.and_then(|value| value.to_str().ok()));
        if self.strict_content_type && !essence.is_none_or(is_xml) {
            return Err(unsupported("Content-Type: text/xml is expected.\n"));
        }
        let packed = match fields.content_encoding {
            None => false,
            Some(value) => match value.to_str().ok().and_then(Coding::named) {
                Some(Coding::Identity) => false,
                Some(Coding::Gzip) => true,
                _ => {
                    let mut refused = unsupported("Content-Encoding is gzip or identity.\n");
                    refused.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity"));
                    return Err(refused);
                }
            },
        };
        let mut options = CallOptions::default();
        options.peer = Some(request.peer().clone());
        fields.read(&mut options);
        Ok(Announced { charset: charset.map(str::to_owned), packed, options })
    }

    fn not_a_post(&self, request: &Request) -> Response {
        match &self.page {
            Some(title) if *request.method() == Method::GET || *request.method() == Method::HEAD => {
                let methods: Vec<_> =
                    self.methods.names().into_iter().map(|name| (self.methods.info(&name), name)).collect();
                let page = page(title, methods.iter().map(|(info, name)| (name.clone(), info.as_ref())));
                let mut response = Response::new(page.into());
                let html = HeaderValue::from_static("text/html; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, html);
                response
            }
            page => {
                let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "XML-RPC is spoken with POST.\n");
                let allowed = if page.is_some() { "GET, HEAD, POST" } else { "POST" };
                response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
                response
            }
        }
    }
}

/// What the head of a request tells of the call in its body.
struct Announced {
    charset: Option<String>,
    /// By gzip.
    packed: bool,
    options: CallOptions,
}

#[cold]
fn unsupported(words: &'static str) -> Box<Response> {
    Box::new(text(StatusCode::UNSUPPORTED_MEDIA_TYPE, words))
}

impl fmt::Debug for XmlRpcHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XmlRpcHandler").field("methods", &self.methods.names()).finish_non_exhaustive()
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
const REQUESTS: &str = "springline::xmlrpc::requests";

// Nothing is kept when nobody listens.
fn line(wanted: bool, request: &Request) -> Option<RequestLine> {
    (wanted && enabled!(target: REQUESTS, Level::INFO)).then(|| RequestLine::of(request))
}

fn log(line: Option<RequestLine>, status: u16) {
    if let Some(line) = line {
        info!(target: REQUESTS, peer = %line.peer().address, status, "{}", line.text(status));
    }
}

// The type, and the charset parameter.
fn content_type(value: Option<&str>) -> (Option<&str>, Option<&str>) {
    // What nearly all say.
    if value == Some("text/xml") {
        return (value, None);
    }
    let Some(value) = value else { return (None, None) };
    let mut parts = value.split(';');
    let essence = parts.next().map(str::trim);
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    (essence, charset.filter(|c| !c.is_empty()))
}

fn is_xml(essence: &str) -> bool {
    if essence == "text/xml" {
        return true;
    }
    let essence = essence.to_ascii_lowercase();
    matches!(&*essence, "text/xml" | "application/xml") || essence.ends_with("+xml")
}

fn wants_gzip(request: &Request) -> bool {
    let mut best: Option<bool> = None;
    for value in request.headers().get_all(ACCEPT_ENCODING) {
        for one in value.to_str().unwrap_or_default().split(',') {
            let mut parts = one.split(';');
            let name = parts.next().unwrap_or_default().trim();
            let named = name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip");
            if !named && (name != "*" || best.is_some()) {
                continue;
            }
            let q = parts.find_map(|p| p.trim().strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('='));
            let wanted = q.is_none_or(|q| q.trim().parse::<f32>().is_ok_and(|q| q > 0.0));
            // By its own name beats the asterisk.
            if named {
                return wanted;
            }
            best = Some(wanted);
        }
    }
    best.unwrap_or(false)
}
