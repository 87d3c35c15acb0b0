//! Answers other than 200.

use std::fmt;

use http::{HeaderMap, StatusCode};
use springline_core::{Error, ErrorKind, Reached, Result};

use super::request::{ClientResponse, ResponseHead};

/// What a server said instead of 200; what CPython calls a `ProtocolError`. It is the [source](std::error::Error::source)
/// of the [`Error`] that a call fails with; [`HttpStatus::of`] finds it.
///
/// Redirects are not followed: they come as such a status, with their `Location` among the headers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpStatus {
    /// The URL that was called, its password masked.
    pub url: String,
    /// The status.
    pub status: StatusCode,
    /// The words behind the status, as the server sent them.
    pub reason: String,
    /// The answer's headers.
    pub headers: HeaderMap,
}

impl HttpStatus {
    /// The status that `error` stands for, where it does.
    #[must_use]
    pub fn of(error: &Error) -> Option<&Self> {
        let mut next = std::error::Error::source(error);
        while let Some(e) = next {
            if let Some(found) = e.downcast_ref() {
                return Some(found);
            }
            next = e.source();
        }
        None
    }

    pub(super) fn new(head: &ResponseHead, url: &str) -> Self {
        Self { url: url.to_owned(), status: head.status(), reason: head.reason(), headers: head.headers().clone() }
    }

    pub(super) fn into_error(self) -> Error {
        let kind = match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                ErrorKind::Denied
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => ErrorKind::NotFound,
            _ => ErrorKind::Protocol,
        };
        let mut text = format!("the server answered HTTP {self}");
        if let Some(location) = self.headers.get("location").and_then(|v| v.to_str().ok()) {
            text.push_str(&format!(", which points to {}; redirects are not followed", super::url::masked(location)));
        }
        Error::new(kind, text).with_reached(Reached::Answered).with_endpoint(&self.url).with_source(self)
    }
}

impl fmt::Display for HttpStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason.trim();
        if reason.is_empty() {
            write!(f, "{}", self.status.as_u16())
        } else {
            write!(f, "{} {reason}", self.status.as_u16())
        }
    }
}

impl std::error::Error for HttpStatus {}

impl ClientResponse {
    /// Whether its status is 200; the URL is for the error.
    ///
    /// # Errors
    /// One with an [`HttpStatus`], [`Reached::Answered`]: [`ErrorKind::Denied`] for 401, 403 and 407,
    /// [`ErrorKind::NotFound`] for 404 and 410, else [`ErrorKind::Protocol`].
    pub fn check(&self, url: &str) -> Result<()> {
        check(&self.head, url)
    }
}

pub(super) fn check(head: &ResponseHead, url: &str) -> Result<()> {
    if head.status() == StatusCode::OK { Ok(()) } else { Err(HttpStatus::new(head, url).into_error()) }
}

/// A connection that ended in the middle of an answer of status 200. It is the [source](std::error::Error::source) of the
/// [`Error`] of kind [`ErrorKind::Closed`] that a call fails with.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AnswerCut;

impl AnswerCut {
    /// Whether `error` stands for one.
    #[must_use]
    pub fn is_cause_of(error: &Error) -> bool {
        std::error::Error::source(error).is_some_and(|e| e.is::<Self>())
    }
}

impl fmt::Display for AnswerCut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer had begun")
    }
}

impl std::error::Error for AnswerCut {}
