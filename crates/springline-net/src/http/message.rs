//! Requests and answers.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use springline_core::{Error, ErrorKind, Peer, Result};

use super::{Body, Incoming};

/// A request whose head was read; its body is still to be.
pub struct Request(Box<Inner>);

/// Boxed: it goes through many hands.
struct Inner {
    head: http::request::Parts,
    body: Incoming,
    peer: Arc<Peer>,
}

/// Without the header fields: some are secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", self.method())
            .field("target", &self.target())
            .field("peer", &self.peer().address)
            .finish_non_exhaustive()
    }
}

impl Request {
    pub(super) fn new(head: http::request::Parts, body: Incoming, peer: Arc<Peer>) -> Self {
        Self(Box::write(Box::new_uninit(), Inner { head, body, peer }))
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0.head.method
    }

    /// The path, as it was sent: not decoded, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.head.uri.path()
    }

    /// What follows the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.0.head.uri.query()
    }

    /// Path and query as they were sent.
    #[must_use]
    pub fn target(&self) -> &str {
        self.0.head.uri.path_and_query().map_or("*", |t| t.as_str())
    }

    /// HTTP's version.
    #[must_use]
    pub fn version(&self) -> http::Version {
        self.0.head.version
    }

    /// All header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.head.headers
    }

    /// The field of that name, unless it is missing or no ASCII text.
    #[must_use]
    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// Who sent it: the address and, over TLS, the certificate.
    #[must_use]
    pub fn peer(&self) -> &Arc<Peer> {
        &self.0.peer
    }

    /// The body, to be read piece by piece.
    pub fn body(&mut self) -> &mut Incoming {
        &mut self.0.body
    }

    /// Room for the header fields of an answer, in the memory of this request's: they are gone. For the last thing that is
    /// done with a request.
    #[must_use]
    pub fn take_room(&mut self) -> HeaderMap {
        let mut headers = std::mem::take(&mut self.0.head.headers);
        headers.clear();
        headers
    }

    /// The body, without the rest.
    #[must_use]
    pub fn into_body(self) -> Incoming {
        self.0.body
    }

    /// Reads the whole body, of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Incoming::whole`]; [`refusal`] makes an answer of them.
    pub async fn read_body(&mut self, limit: usize) -> Result<Bytes> {
        self.body().whole(limit).await
    }
}

/// An answer. What is whole goes out with its Content-Length.
pub type Response = http::Response<Body>;

/// An answer of plain text.
#[must_use]
pub fn text(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The answer for a body that could not be read: 413 for one over the limit, 408 for one that comes too slowly, 400 for
/// the rest. The connection ends after it, since nobody knows where the next request would begin.
#[must_use]
pub fn refusal(error: &Error) -> Response {
    let (status, words) = match error.kind() {
        ErrorKind::Limit => (StatusCode::PAYLOAD_TOO_LARGE, "The request is too large.\n"),
        ErrorKind::Timeout => (StatusCode::REQUEST_TIMEOUT, "The request did not come in time.\n"),
        _ => (StatusCode::BAD_REQUEST, "The request's body cannot be read.\n"),
    };
    closing(text(status, words))
}

/// Ends the connection after this answer.
#[must_use]
pub fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
