//! One error type for the whole stack, one pointer wide.

use std::borrow::Cow;
use std::fmt;

use crate::Exception;

/// `Result` with [`Error`] unless told otherwise, so that traits can say `Result<String>`.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the coarse terms that decide what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are not what the format or protocol allows.
    Malformed,
    /// The data is well-formed but does not fit the type that was asked for.
    Mismatch,
    /// The value cannot be written in this format.
    Encode,
    /// One of [`Limits`](crate::Limits) was exceeded.
    Limit,
    /// Arguments do not fit the method: too few, too many, unknown or given twice.
    Arguments,
    /// No such object, method or attribute.
    NotFound,
    /// The peer could not be reached.
    Unavailable,
    /// A pool has nobody left to call.
    NoEndpoint,
    /// The connection ended before the answer came.
    Closed,
    /// A deadline passed.
    Timeout,
    /// The peer speaks, but not as agreed: version, order of messages, sequence numbers.
    Protocol,
    /// The peer, or we, refused: handshake, signature, certificate.
    Denied,
    /// The peer answered with an exception; see [`Error::exception`].
    Remote,
    /// A name or URI that cannot be read or resolved.
    Name,
    /// Options that contradict each other or cannot be used here.
    Config,
    /// This side is shutting down.
    Shutdown,
    /// A defect or a panic on this side.
    Internal,
}

impl ErrorKind {
    fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed data",
            Self::Mismatch => "type mismatch",
            Self::Encode => "cannot be encoded",
            Self::Limit => "limit exceeded",
            Self::Arguments => "bad arguments",
            Self::NotFound => "not found",
            Self::Unavailable => "cannot connect",
            Self::NoEndpoint => "no endpoint",
            Self::Closed => "connection closed",
            Self::Timeout => "timed out",
            Self::Protocol => "protocol error",
            Self::Denied => "denied",
            Self::Remote => "remote exception",
            Self::Name => "bad name",
            Self::Config => "bad configuration",
            Self::Shutdown => "shutting down",
            Self::Internal => "internal error",
        }
    }
}

/// How far a failed call got. Only `NotSent` may be repeated without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reached {
    /// The peer never saw the whole request: it cannot have run.
    NotSent,
    /// The request may have been seen and may have run.
    MaybeExecuted,
    /// The peer answered.
    Answered,
}

/// Anything that can go wrong in a call, from a typing error in a URI to an exception in the remote method.
///
/// `Display` prints one level; walk [`source`](std::error::Error::source) for the rest.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    reached: Reached,
    message: Cow<'static, str>,
    offset: Option<usize>,
    context: Vec<String>,
    endpoint: Option<String>,
    exception: Option<Exception>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    repeated_field: bool,
}

impl Error {
    /// A new error. `message` says what was found and what was expected.
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            reached: Reached::NotSent,
            message: message.into(),
            offset: None,
            context: Vec::new(),
            endpoint: None,
            exception: None,
            source: None,
            repeated_field: false,
        }))
    }

    /// The error that carries what a peer raised.
    #[cold]
    #[must_use]
    pub fn remote(exception: Exception) -> Self {
        let mut e = Self::new(ErrorKind::Remote, exception.to_string()).with_reached(Reached::Answered);
        e.0.exception = Some(exception);
        e
    }

    /// Bytes that cannot be read, at `offset` from the start of the message.
    #[cold]
    pub fn malformed(offset: usize, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Malformed, message).at(offset)
    }

    /// Well-formed data of another type than was asked for.
    #[cold]
    pub fn mismatch(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Mismatch, message)
    }

    /// A value that the format cannot express.
    #[cold]
    pub fn encode(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Encode, message)
    }

    /// Adds the place, unless one is known already (the innermost is the most exact).
    #[must_use]
    #[cold]
    pub fn at(mut self, offset: usize) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Adds what was being done, for example `argument 2 'id' of balanceOf()`; outermost last.
    #[must_use]
    #[cold]
    pub fn context(mut self, what: impl Into<String>) -> Self {
        self.0.context.push(what.into());
        self
    }

    /// Adds the peer's address or URI, unless one is known already.
    #[must_use]
    #[cold]
    pub fn with_endpoint(mut self, endpoint: impl fmt::Display) -> Self {
        if self.0.endpoint.is_none() {
            self.0.endpoint = Some(endpoint.to_string());
        }
        self
    }

    /// Says how far the call got.
    #[must_use]
    #[cold]
    pub fn with_reached(mut self, reached: Reached) -> Self {
        self.0.reached = reached;
        self
    }

    /// Adds the cause.
    #[must_use]
    #[cold]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The coarse class of the failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// How far the call got before it failed.
    #[must_use]
    pub fn reached(&self) -> Reached {
        self.0.reached
    }

    /// The peer's address or URI, where there was one.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.0.endpoint.as_deref()
    }

    /// Where in the message, counted in bytes from its start.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        self.0.offset
    }

    /// What the peer raised, when `kind()` is [`ErrorKind::Remote`].
    #[must_use]
    pub fn exception(&self) -> Option<&Exception> {
        self.0.exception.as_ref()
    }

    // Whether it is a struct's reader that met a field the second time.
    pub(crate) fn is_repeated_field(&self) -> bool {
        self.0.repeated_field
    }

    /// Takes out what the peer raised.
    pub fn into_exception(mut self) -> Result<Exception, Self> {
        self.0.exception.take().ok_or(self)
    }

    /// The message alone, without kind, place and endpoint.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The message, and what was being done: `argument 1 'id' of balanceOf(): expected an integer`. Without kind, place and
    /// endpoint.
    pub(crate) fn said(&self) -> String {
        let mut text = String::new();
        for what in self.0.context.iter().rev() {
            text.push_str(what);
            text.push_str(": ");
        }
        text.push_str(&self.0.message);
        text
    }

    /// The whole chain on one line, for logs and command lines.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        let mut next = std::error::Error::source(self);
        while let Some(e) = next {
            text.push_str(": ");
            text.push_str(&e.to_string());
            next = e.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &*self.0;
        // A remote exception speaks for itself: `ValueError: text`.
        if e.exception.is_none() {
            write!(f, "{}: ", e.kind.label())?;
        }
        for what in e.context.iter().rev() {
            write!(f, "{what}: ")?;
        }
        f.write_str(&e.message)?;
        if let Some(offset) = e.offset {
            write!(f, " at byte {offset}")?;
        }
        if let Some(endpoint) = &e.endpoint {
            write!(f, " [{endpoint}]")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &*self.0;
        let mut d = f.debug_struct("Error");
        d.field("kind", &e.kind).field("message", &e.message).field("reached", &e.reached);
        if let Some(offset) = e.offset {
            d.field("offset", &offset);
        }
        if !e.context.is_empty() {
            d.field("context", &e.context);
        }
        if let Some(endpoint) = &e.endpoint {
            d.field("endpoint", endpoint);
        }
        if let Some(exception) = &e.exception {
            d.field("exception", exception);
        }
        if let Some(source) = &e.source {
            d.field("source", source);
        }
        d.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(msg: T) -> Self {
        Self::encode(msg.to_string())
    }
}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(msg: T) -> Self {
        Self::mismatch(msg.to_string())
    }

    #[cold]
    fn duplicate_field(field: &'static str) -> Self {
        let mut e = Self::mismatch(format!("duplicate field `{field}`"));
        e.0.repeated_field = true;
        e
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pointer_wide_and_chained() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
        let e = Error::malformed(7, "expected ','")
            .at(9)
            .context("argument 1")
            .with_endpoint("127.0.0.1:1")
            .with_source(std::io::Error::other("disk"));
        assert_eq!(e.to_string(), "malformed data: argument 1: expected ',' at byte 7 [127.0.0.1:1]");
        assert_eq!(e.report(), "malformed data: argument 1: expected ',' at byte 7 [127.0.0.1:1]: disk");
        assert_eq!(e.said(), "argument 1: expected ','");
        assert_eq!(e.reached(), Reached::NotSent);
    }
}
