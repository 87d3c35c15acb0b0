//! The conditions of a call that travel in headers, alike for all protocols over HTTP; found in one look with what tells how
//! to read its body.
//!
//! * `X-Correlation-ID`: the id that ties together calls made on behalf of one another, a UUID with hyphens.
//! * `X-Timeout-Ms`: how many milliseconds the caller still waits, for calls that were made with a deadline. A server
//!   gives the call up then, and a gateway passes on what is left of it. The timeouts that a client is set up with are its own
//!   affair and are not told.

use std::time::{Duration, Instant};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use springline_core::service::{CallOptions, Metadata};
use springline_core::{Error, ErrorKind, Reached, context};

use super::{ClientRequest, Request};

static CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
static TIMEOUT: HeaderName = HeaderName::from_static("x-timeout-ms");

/// Adds to a request what the call's conditions are, and its deadline. A call that is made while another one is being
/// served has that one's correlation id unless it has its own.
#[inline]
pub fn tell(options: &CallOptions, request: &mut ClientRequest) {
    if let Some(id) = options.metadata.correlation_id.or_else(context::correlation_id) {
        let metadata = Metadata { correlation_id: Some(id), ..Metadata::default() };
        let text = metadata.correlation_text().and_then(|text| HeaderValue::try_from(text).ok());
        request.headers.extend(text.map(|text| (CORRELATION.clone(), text)));
    }
    if let Some(deadline) = options.deadline {
        request.deadline = Some(deadline);
        let left = deadline.saturating_duration_since(Instant::now());
        // Rounded up, that the caller's own clock is the first to end it.
        let left = u64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        request.headers.push((TIMEOUT.clone(), left.into()));
    }
}

/// The header fields of a request that tell how a call is to be read and served.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Fields<'a> {
    /// `Content-Type`.
    pub content_type: Option<&'a HeaderValue>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a HeaderValue>,
    correlation: Option<&'a HeaderValue>,
    timeout: Option<&'a HeaderValue>,
}

impl<'a> Fields<'a> {
    /// Those of this request; of a field that is there several times the first one.
    // One look at all fields, which are few: a search for each costs more.
    #[inline]
    #[must_use]
    pub fn of(request: &'a Request) -> Self {
        let mut fields = Self::default();
        for (name, value) in request.headers() {
            let field = if *name == CONTENT_TYPE {
                &mut fields.content_type
            } else if *name == CONTENT_ENCODING {
                &mut fields.content_encoding
            } else if *name == CORRELATION {
                &mut fields.correlation
            } else if *name == TIMEOUT {
                &mut fields.timeout
            } else {
                continue;
            };
            field.get_or_insert(value);
        }
        fields
    }

    /// Takes over what they tell of the call's conditions. What cannot be read is as if it were not there.
    #[inline]
    pub fn read(&self, options: &mut CallOptions) {
        if let Some(id) = self.correlation.and_then(|id| id.to_str().ok()) {
            options.metadata.set_correlation_text(id);
        }
        if let Some(left) = self.timeout.and_then(|left| left.to_str().ok()?.trim().parse().ok()) {
            options.deadline = Instant::now().checked_add(Duration::from_millis(left));
        }
    }
}

/// How long a call may take, by the server's own limit and by its caller's deadline; `None` for as long as it likes. The
/// call's deadline is the earlier one afterwards.
#[inline]
pub fn limit(own: Option<Duration>, options: &mut CallOptions) -> Option<Duration> {
    if own.is_none() && options.deadline.is_none() {
        return None;
    }
    let now = Instant::now();
    let told = options.deadline.map(|deadline| deadline.saturating_duration_since(now));
    let limit = match (own, told) {
        (Some(own), Some(told)) => own.min(told),
        (one, other) => one.or(other)?,
    };
    options.deadline = now.checked_add(limit);
    Some(limit)
}

/// The error of a call that took longer than its [`limit`].
#[must_use]
pub fn given_up(limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("the call was given up after {limit:?}"))
}

/// What the caller is told of an exception that came when its deadline had passed: as a rule the server's word that it
/// has given the call up, which was faster than our own clock.
#[must_use]
pub fn late(options: &CallOptions, e: Error) -> Error {
    match options.deadline {
        Some(deadline) if e.kind() == ErrorKind::Remote && deadline <= Instant::now() => {
            let late = Error::new(ErrorKind::Timeout, "no answer before the deadline");
            late.with_reached(Reached::MaybeExecuted).with_source(e)
        }
        _ => e,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_of_two_limits() {
        let second = Duration::from_secs(1);
        let mut options = CallOptions::default();
        assert_eq!(limit(None, &mut options), None);
        assert_eq!((limit(Some(second), &mut options), options.deadline.is_some()), (Some(second), true));
        options.deadline = Instant::now().checked_add(second * 100);
        assert_eq!(limit(Some(second), &mut options), Some(second));
        options.deadline = Some(Instant::now());
        assert_eq!(limit(Some(second), &mut options), Some(Duration::ZERO));
        assert!(limit(None, &mut options).is_some());
    }

    #[test]
    fn what_comes_late() {
        let raised = || Error::remote(springline_core::Exception::new("TimeoutError", "given up"));
        let mut options = CallOptions::default();
        assert_eq!(late(&options, raised()).kind(), ErrorKind::Remote);
        options.deadline = Instant::now().checked_add(Duration::from_secs(100));
        assert_eq!(late(&options, raised()).kind(), ErrorKind::Remote);
        options.deadline = Some(Instant::now());
        let e = late(&options, raised());
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::MaybeExecuted));
        assert_eq!(e.report(), "timed out: no answer before the deadline: TimeoutError: given up");
    }

    #[test]
    fn what_a_request_is_told() {
        let mut options = CallOptions::default();
        let mut request = ClientRequest::post("");
        tell(&options, &mut request);
        assert!(request.headers.is_empty() && request.deadline.is_none());
        options.metadata.correlation_id = Some([0x1F; 16]);
        options.deadline = Instant::now().checked_add(Duration::from_secs(100));
        tell(&options, &mut request);
        let texts: Vec<&str> = request.headers.iter().filter_map(|(_, value)| value.to_str().ok()).collect();
        assert_eq!(texts.first(), Some(&"1f1f1f1f-1f1f-1f1f-1f1f-1f1f1f1f1f1f"));
        let left: u64 = texts.get(1).and_then(|text| text.parse().ok()).unwrap_or_default();
        assert!(left <= 100_000 && left > 1_000, "{left}");
        assert_eq!(request.deadline, options.deadline);
    }
}
