//! Faults: what they look like on the wire, and which exceptions they are.

use std::borrow::Cow;
use std::fmt;

use springline_core::{Error, ErrorKind, Exception, Value};

use crate::codec::Problem;

/// Codes of the "specification for fault code interoperability" (2001-05-16), as the default [`FaultDialect`] sends
/// them.
pub mod code {
    /// The document is not well-formed XML.
    pub const NOT_WELL_FORMED: i32 = -32700;
    /// The document's encoding is not known.
    pub const UNSUPPORTED_ENCODING: i32 = -32701;
    /// The document has bytes that its encoding does not allow.
    pub const INVALID_CHARACTER: i32 = -32702;
    /// The document is XML but no XML-RPC.
    pub const INVALID_REQUEST: i32 = -32600;
    /// There is no such method.
    pub const METHOD_NOT_FOUND: i32 = -32601;
    /// The parameters do not fit the method.
    pub const INVALID_PARAMS: i32 = -32602;
    /// A defect on the server's side, or a result that cannot be sent.
    pub const INTERNAL: i32 = -32603;
    /// The method raised an exception.
    pub const APPLICATION: i32 = -32500;
    /// The server cannot serve at the moment.
    pub const SYSTEM: i32 = -32400;
    /// What the server needs for its answer could not be reached.
    pub const TRANSPORT: i32 = -32300;
}

/// Which codes and texts a server gives its faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FaultDialect {
    /// The [`code`]s of the interoperability specification, -32500 for an exception that has no code of its own.
    #[default]
    Interop,
    /// As CPython's server: always 1 and `<class 'ValueError'>:text`.
    Python,
}

/// A fault as it lies on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Fault {
    /// `faultCode`.
    pub code: i64,
    /// `faultString`.
    pub string: String,
    /// What else the struct held, in its order. Apache ws-xmlrpc sends `faultCause`. Never written.
    pub extra: Vec<(String, Value)>,
}

impl Fault {
    /// A fault of that code and text.
    pub fn new(code: i32, string: impl Into<String>) -> Self {
        Self { code: code.into(), string: string.into(), extra: Vec::new() }
    }

    /// What a server answers after `error`: the exception in it, or what went wrong in words for the caller. What is
    /// wrong on the server's own side is not told.
    #[must_use]
    pub fn from_error(error: &Error, dialect: FaultDialect) -> Self {
        if let Some(exception) = error.exception() {
            return Self::from_exception(exception, dialect);
        }
        let (code, class) = match (Problem::of(error), error.kind()) {
            (Some(Problem::NotWellFormed), _) | (None, ErrorKind::Malformed) => (code::NOT_WELL_FORMED, EXPAT),
            (Some(Problem::UnsupportedEncoding), _) => (code::UNSUPPORTED_ENCODING, "LookupError"),
            (Some(Problem::InvalidCharacter), _) => (code::INVALID_CHARACTER, EXPAT),
            (Some(Problem::NotXmlRpc), _) | (_, ErrorKind::Protocol) => (code::INVALID_REQUEST, RESPONSE),
            (_, ErrorKind::Limit) => (code::INVALID_REQUEST, "ValueError"),
            (_, ErrorKind::Mismatch | ErrorKind::Arguments) => (code::INVALID_PARAMS, "TypeError"),
            (_, ErrorKind::NotFound | ErrorKind::Name) => (code::METHOD_NOT_FOUND, "Exception"),
            (_, ErrorKind::Encode) => (code::INTERNAL, "TypeError"),
            (_, ErrorKind::Denied) => (code::SYSTEM, "PermissionError"),
            (_, ErrorKind::Shutdown) => (code::SYSTEM, "Exception"),
            (_, ErrorKind::Unavailable | ErrorKind::Closed | ErrorKind::Timeout) => {
                (code::TRANSPORT, "ConnectionError")
            }
            _ => (code::INTERNAL, "Exception"),
        };
        let text = match error.kind() {
            ErrorKind::Malformed | ErrorKind::Limit => error.to_string(),
            ErrorKind::Mismatch | ErrorKind::Arguments | ErrorKind::NotFound | ErrorKind::Name => told(error),
            ErrorKind::Encode => format!("the result cannot be sent: {}", error.message()),
            ErrorKind::Denied => "denied".to_owned(),
            ErrorKind::Shutdown => "the server is shutting down".to_owned(),
            ErrorKind::Unavailable | ErrorKind::Closed => "the service behind this one cannot be reached".to_owned(),
            ErrorKind::Timeout => "the method took too long".to_owned(),
            ErrorKind::Protocol => "the service behind this one answered nonsense".to_owned(),
            _ => "internal error".to_owned(),
        };
        Self::said(dialect, code, class, &shortened(&text, LONGEST))
    }

    fn said(dialect: FaultDialect, code: i32, class: &str, text: &str) -> Self {
        match dialect {
            FaultDialect::Interop => Self::new(code, text),
            FaultDialect::Python => Self::new(PYTHON, format!("<class '{class}'>:{text}")),
        }
    }

    /// What a server answers for an exception.
    ///
    /// One of the class `Fault` goes as it is, with its code. In [`FaultDialect::Interop`] others go with their own code
    /// and message, or with -32500 and `class: message`.
    #[must_use]
    pub fn from_exception(exception: &Exception, dialect: FaultDialect) -> Self {
        let Exception { class, message, code, .. } = exception;
        let class = class.strip_prefix("builtins.").or_else(|| class.strip_prefix("exceptions.")).unwrap_or(class);
        let has_class = class != FAULT && !class.is_empty();
        let (code, string) = match (dialect, code) {
            // An exception of another server, which a gateway passes on: its class was in the text.
            (FaultDialect::Interop, Some(code)) if has_class && *code == i64::from(code::APPLICATION) => {
                (*code, format!("{class}: {message}"))
            }
            (FaultDialect::Interop, Some(code)) if has_class && *code == i64::from(PYTHON) => {
                (*code, format!("<class '{class}'>:{message}"))
            }
            (FaultDialect::Interop, Some(code)) => (*code, message.clone()),
            (FaultDialect::Python, Some(code)) if class == FAULT => (*code, message.clone()),
            (FaultDialect::Interop, None) if !has_class => (code::APPLICATION.into(), message.clone()),
            (FaultDialect::Interop, None) => (code::APPLICATION.into(), format!("{class}: {message}")),
            (FaultDialect::Python, _) => (PYTHON.into(), format!("<class '{class}'>:{message}")),
        };
        Self { code, string, extra: Vec::new() }
    }

    /// The exception that a client raises, with the fault's code, and what else the fault held as attributes.
    ///
    /// Its class is that of a text in CPython's form (`<class 'ValueError'>:text`, `<type 'exceptions.ValueError'>:text`),
    /// or of `class: text` with the code -32500, which is how [`FaultDialect::Interop`] sends it; else `Fault`.
    #[must_use]
    pub fn into_exception(self) -> Exception {
        let (class, message) = match class_and_message(self.code, &self.string) {
            Some((class, message)) => (class.to_owned(), message.to_owned()),
            None => (FAULT.to_owned(), self.string),
        };
        let mut exception = Exception::new(class, message).with_code(self.code);
        exception.attributes = self.extra;
        exception
    }

    /// The error that a client's call ends with.
    #[must_use]
    pub fn into_error(self) -> Error {
        Error::remote(self.into_exception())
    }
}

/// What a server tells of its own accord.
#[cfg(feature = "net")]
impl Fault {
    /// As [`from_error`](Self::from_error), with all that is known of the error, secrets included.
    pub(crate) fn detailed(error: &Error, dialect: FaultDialect) -> Self {
        let fault = Self::from_error(error, dialect);
        if error.exception().is_some() {
            return fault;
        }
        let report = error.report();
        let string = match dialect {
            FaultDialect::Interop => report,
            FaultDialect::Python => {
                let class = fault.string.split_inclusive(">:").next().unwrap_or_default();
                format!("{class}{report}")
            }
        };
        Self { string, ..fault }
    }

    /// There is no method of that name, of which the caller gets to see the beginning.
    pub(crate) fn no_such_method(name: &str, dialect: FaultDialect) -> Self {
        let name = shortened(name, SHOWN_NAME);
        let text = match dialect {
            FaultDialect::Interop => format!("method '{name}' is not supported"),
            FaultDialect::Python => format!("method \"{name}\" is not supported"),
        };
        Self::said(dialect, code::METHOD_NOT_FOUND, "Exception", &text)
    }

    /// A defect on the server's side.
    pub(crate) fn internal(why: &str, dialect: FaultDialect) -> Self {
        Self::said(dialect, code::INTERNAL, "RuntimeError", why)
    }

    /// A call that is none.
    pub(crate) fn no_call(why: &str, dialect: FaultDialect) -> Self {
        Self::said(dialect, code::INVALID_REQUEST, "TypeError", why)
    }
}

/// Characters of a name that are told to whoever asked for it.
#[cfg(feature = "net")]
pub(crate) const SHOWN_NAME: usize = 200;

/// Characters of a text that is made here. Some quote what was sent, and in an answer a character may take six.
const LONGEST: usize = 1000;

/// A text, or its beginning where it is longer.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()).into(),
        None => text.into(),
    }
}

// An error's text without the name of its kind, and without the address of a peer behind this one.
fn told(error: &Error) -> String {
    let text = error.to_string();
    match text.split_once(": ") {
        Some((_, text)) if error.endpoint().is_none() => text.to_owned(),
        _ => error.message().to_owned(),
    }
}

// The class of exceptions that have no other, as in CPython's `xmlrpc.client`.
const FAULT: &str = "Fault";
// CPython's server gives all its faults this code.
const PYTHON: i32 = 1;
// What CPython's `loads` raises.
const EXPAT: &str = "xml.parsers.expat.ExpatError";
const RESPONSE: &str = "xmlrpc.client.ResponseError";

fn class_and_message(code: i64, text: &str) -> Option<(&str, &str)> {
    let is_class = |class: &str| {
        !class.is_empty()
            && class.split('.').all(|part| {
                part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                    && part.chars().all(|c| c.is_alphanumeric() || c == '_')
            })
    };
    if let Some(rest) = text.strip_prefix("<class '").or_else(|| text.strip_prefix("<type '")) {
        let (class, message) = rest.split_once("'>:")?;
        let class = class.strip_prefix("exceptions.").unwrap_or(class);
        return is_class(class).then_some((class, message));
    }
    if code == i64::from(code::APPLICATION) {
        let (class, message) = text.split_once(": ")?;
        return is_class(class).then_some((class, message));
    }
    None
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault {}: {}", self.code, self.string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(exception: &Exception, dialect: FaultDialect, code: i64, string: &str, class: &str) {
        let fault = Fault::from_exception(exception, dialect);
        assert_eq!((fault.code, fault.string.as_str()), (code, string));
        let back = fault.into_exception();
        assert_eq!((back.class.as_str(), back.message.as_str(), back.code), (class, "boom", Some(code)));
    }

    #[test]
    fn exceptions_go_and_come_back() {
        use FaultDialect::{Interop, Python};
        let plain = Exception::new("builtins.ValueError", "boom");
        check(&plain, Interop, -32500, "ValueError: boom", "ValueError");
        check(&plain, Python, 1, "<class 'ValueError'>:boom", "ValueError");
        let coded = Exception::new("bank.BankError", "boom").with_code(7);
        check(&coded, Interop, 7, "boom", "Fault");
        check(&coded, Python, 1, "<class 'bank.BankError'>:boom", "bank.BankError");
        let fault = Exception::new("Fault", "boom").with_code(42);
        check(&fault, Interop, 42, "boom", "Fault");
        check(&fault, Python, 42, "boom", "Fault");
        check(&Exception::new("Fault", "boom"), Interop, -32500, "boom", "Fault");
        // As a gateway passes them on.
        check(&plain.clone().with_code(-32500), Interop, -32500, "ValueError: boom", "ValueError");
        check(&plain.with_code(1), Interop, 1, "<class 'ValueError'>:boom", "ValueError");
    }

    #[test]
    fn texts_that_only_look_like_a_class() {
        for (code, text) in [
            (1, "ValueError: boom"),
            (-32500, "could not open: no such file"),
            (-32500, "http://x: y"),
            (1, "<class 'a b'>:boom"),
            (1, "<class 'x' boom"),
        ] {
            let e = Fault::new(code, text).into_exception();
            assert_eq!((e.class.as_str(), e.message.as_str()), ("Fault", text));
        }
        let e = Fault::new(1, "<type 'exceptions.KeyError'>:'a'").into_exception();
        assert_eq!((e.class.as_str(), e.message.as_str()), ("KeyError", "'a'"));
        let mut fault = Fault::new(1, "x");
        fault.extra.push(("faultCause".to_owned(), Value::from(3)));
        assert_eq!(fault.into_exception().attribute("faultCause"), Some(&Value::from(3)));
    }

    #[test]
    fn each_failure_has_its_code_and_keeps_secrets() {
        for (error, code, text) in [
            (Problem::NotWellFormed.at(3, "x"), -32700, "malformed data: x at byte 3"),
            (Problem::UnsupportedEncoding.at(0, "x"), -32701, "malformed data: x at byte 0"),
            (Problem::InvalidCharacter.at(0, "x"), -32702, "malformed data: x at byte 0"),
            (Problem::NotXmlRpc.at(0, "x"), -32600, "malformed data: x at byte 0"),
            (Error::new(ErrorKind::Limit, "x"), -32600, "limit exceeded: x"),
            (Error::new(ErrorKind::Arguments, "x"), -32602, "x"),
            (Error::mismatch("x"), -32602, "x"),
            (Error::new(ErrorKind::NotFound, "x"), -32601, "x"),
            (Error::encode("x"), -32603, "the result cannot be sent: x"),
            (Error::new(ErrorKind::Internal, "password"), -32603, "internal error"),
            (Error::new(ErrorKind::Config, "password"), -32603, "internal error"),
            (Error::new(ErrorKind::Closed, "password"), -32300, "the service behind this one cannot be reached"),
            (Error::new(ErrorKind::Shutdown, "x"), -32400, "the server is shutting down"),
        ] {
            let fault = Fault::from_error(&error, FaultDialect::Interop);
            assert_eq!((fault.code, fault.string.as_str()), (code, text));
            assert_eq!(Fault::from_error(&error, FaultDialect::Python).code, 1);
        }
        let e = Error::remote(Exception::new("ValueError", "boom"));
        assert_eq!(Fault::from_error(&e, FaultDialect::Python).string, "<class 'ValueError'>:boom");
    }
}
