//! What a client sends and what it gets back.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::ext::ReasonPhrase;

use crate::http::Body;

/// A request: what is asked for, and what goes with it beside the client's own headers.
pub struct ClientRequest {
    /// The method; `POST` unless set.
    pub method: Method,
    /// Path and query instead of those of the client's URL.
    pub target: Option<String>,
    /// Headers of this request alone. They replace the client's of the same name.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body. A stream goes out in chunks, and a request with it is never sent again.
    pub body: Body,
    /// When to give up, whatever the client's own timeout says.
    pub deadline: Option<Instant>,
}

impl ClientRequest {
    /// A `POST` of a body to the client's URL.
    pub fn post(body: impl Into<Body>) -> Self {
        Self { method: Method::POST, target: None, headers: Vec::new(), body: body.into(), deadline: None }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// The headers' names alone: their values may be secrets.
impl fmt::Debug for ClientRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("ClientRequest")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("headers", &names)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// The head of an answer.
#[derive(Debug)]
pub struct ResponseHead {
    status: StatusCode,
    version: http::Version,
    headers: HeaderMap,
    /// Few have one of their own.
    reason: Option<Box<ReasonPhrase>>,
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self { status: StatusCode::OK, version: http::Version::HTTP_11, headers: HeaderMap::new(), reason: None }
    }
}

impl ResponseHead {
    /// Takes it out of an answer.
    pub(super) fn of<T>(answer: &mut http::Response<T>) -> Self {
        Self {
            status: answer.status(),
            version: answer.version(),
            headers: std::mem::take(answer.headers_mut()),
            reason: answer.extensions_mut().remove().map(Box::new),
        }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The words behind the status, as the server sent them.
    #[must_use]
    pub fn reason(&self) -> String {
        match &self.reason {
            Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
            None => self.status.canonical_reason().unwrap_or_default().to_owned(),
        }
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(super) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The text of a header; `None` where it is missing or no ASCII text.
    #[must_use]
    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    pub(super) fn version(&self) -> http::Version {
        self.version
    }
}

/// A whole answer, its body unpacked. Any status: see [`check`](Self::check). By default an empty one of status 200, to be
/// written to.
#[derive(Debug, Default)]
pub struct ClientResponse {
    /// Status and headers.
    pub head: ResponseHead,
    /// The body.
    pub body: Bytes,
}
