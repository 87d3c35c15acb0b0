//! Faults: what they look like on the wire, and which exceptions they are.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use springline_core::{Container, Encode, Error, ErrorKind, Exception, Object, Result, Sink, Value};

/// Codes of faults: those that Caucho's servers send, and those of the 1.0 specification that fit what can go wrong here.
pub mod code {
    /// The method threw an exception, which is the fault's `detail`.
    pub const SERVICE: &str = "ServiceException";
    /// There is no such method.
    pub const NO_SUCH_METHOD: &str = "NoSuchMethodException";
    /// The call is none, or over a limit.
    pub const PROTOCOL: &str = "ProtocolException";
}

/// A fault as it lies on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Fault {
    /// `code`, one of the [`code`]s.
    pub code: String,
    /// `message`, as it was sent: Caucho's servers escape `<`, `>` and `&` in it.
    pub message: Option<String>,
    /// `detail`: the exception.
    pub detail: Option<Box<Exception>>,
    /// A `detail` that is no exception. Never written.
    pub other: Option<Value>,
}

impl Fault {
    /// A fault without an exception.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: Some(message.into()), detail: None, other: None }
    }

    /// The fault in a fault's map.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] where it has no code.
    pub(crate) fn from_value(value: Value) -> Result<Self> {
        let Some(code) = value.field("code").and_then(Value::as_str) else {
            let mut shown = format!("{value:?}");
            if let Some((at, _)) = shown.char_indices().nth(300) {
                shown.truncate(at);
                shown.push_str("...");
            }
            return Err(Error::new(ErrorKind::Protocol, format!("the fault has no textual code: {shown}")));
        };
        let message = value.field("message").and_then(Value::as_str).map(str::to_owned);
        let graph = Graph::of(&value);
        let detail = value.field("detail").map(|detail| graph.follow(detail));
        let is_object = |detail: &&Value| matches!(detail, Value::Object(_) | Value::Map(_) | Value::Typed(_));
        let other = detail.filter(|detail| !is_object(detail) && !detail.is_null() && !detail.refers_back()).cloned();
        let detail = detail.filter(is_object).map(|detail| Box::new(graph.exception(detail, 0)));
        Ok(Self { code: code.to_owned(), message, detail, other })
    }

    /// The exception that a client raises: of the class of the `detail`, with what it says unescaped, its cause, its stack as
    /// Java prints it, and its other fields as attributes. Without a `detail` the class is the code; one that is no exception is the
    /// attribute `detail`.
    ///
    /// A field `code` that is an integer is the exception's [`code`](Exception::code) as well.
    #[must_use]
    pub fn into_exception(self) -> Exception {
        let Self { code, message, detail, other } = self;
        let mut exception = match detail {
            Some(exception) => *exception,
            None => Exception::new(code, message.map(|text| unescaped(&text)).unwrap_or_default()),
        };
        if let Some(other) = other {
            exception.attributes.push(("detail".to_owned(), other));
        }
        exception
    }

    /// The error that a client's call ends with.
    #[must_use]
    pub fn into_error(self) -> Error {
        Error::remote(self.into_exception())
    }

    /// What a server answers after `error`: the exception in it, or what went wrong in words for the caller. What is
    /// wrong on the server's own side is not told.
    #[must_use]
    pub fn from_error(error: &Error) -> Self {
        if let Some(exception) = error.exception() {
            return Self::from_exception(exception);
        }
        let class = match error.kind() {
            ErrorKind::Malformed | ErrorKind::Limit | ErrorKind::Protocol => {
                return Self::new(code::PROTOCOL, told(error));
            }
            ErrorKind::NotFound | ErrorKind::Name => return Self::new(code::NO_SUCH_METHOD, told(error)),
            ErrorKind::Mismatch | ErrorKind::Arguments => "java.lang.IllegalArgumentException",
            ErrorKind::Denied => "java.lang.SecurityException",
            ErrorKind::Shutdown => "java.lang.IllegalStateException",
            _ => "java.lang.RuntimeException",
        };
        let text = match error.kind() {
            ErrorKind::Mismatch | ErrorKind::Arguments => told(error),
            ErrorKind::Encode => format!("the result cannot be sent: {}", error.message()).into(),
            ErrorKind::Denied => "denied".into(),
            ErrorKind::Shutdown => "the server is shutting down".into(),
            ErrorKind::Unavailable | ErrorKind::Closed => "the service behind this one cannot be reached".into(),
            ErrorKind::Timeout => "the method took too long".into(),
            _ => "internal error".into(),
        };
        Self::from_exception(&Exception::new(class, shortened(&text, LONGEST)))
    }

    /// As [`from_error`](Self::from_error), with all that is known of the error, secrets included.
    #[cfg(feature = "net")]
    pub(crate) fn detailed(error: &Error) -> Self {
        let mut fault = Self::from_error(error);
        if error.exception().is_none() {
            let report = error.report();
            if let Some(detail) = &mut fault.detail {
                detail.message.clone_from(&report);
            }
            fault.message = Some(report);
        }
        fault
    }

    /// There is no method of that name, of which the caller gets to see the beginning.
    #[cfg(feature = "net")]
    pub(crate) fn no_such_method(name: &str) -> Self {
        let name = shortened(name, SHOWN_NAME);
        Self::new(code::NO_SUCH_METHOD, format!("The service has no method named: {name}"))
    }

    /// A defect on the server's side.
    #[cfg(feature = "net")]
    pub(crate) fn internal(why: &str) -> Self {
        Self::from_exception(&Exception::new("java.lang.RuntimeException", why))
    }

    /// What a server answers for an exception: one of Java's class goes as it is, those that Python has become their
    /// nearest in Java, others `java.lang.RuntimeException` with the class before the text. What it was stands in a field
    /// `remoteClass`, which Java passes over and [`into_exception`](Self::into_exception) goes by.
    #[must_use]
    pub fn from_exception(exception: &Exception) -> Self {
        if matches!(&*exception.class, code::NO_SUCH_METHOD | code::PROTOCOL) {
            // A fault of another server, which a gateway passes on.
            return Self::new(exception.class.clone(), exception.message.clone());
        }
        let mut detail = Box::new(exception.clone());
        let mut next = Some(&mut *detail);
        while let Some(one) = next {
            translate(one);
            next = one.cause.as_deref_mut();
        }
        let message = Some(detail.message.clone()).filter(|text| !text.is_empty());
        Self { code: code::SERVICE.to_owned(), message, detail: Some(detail), other: None }
    }
}

/// Characters of a name that are told to whoever asked for it.
#[cfg(feature = "net")]
pub(crate) const SHOWN_NAME: usize = 200;

/// Characters of a text that is made here. Some quote what was sent.
const LONGEST: usize = 1000;

/// Exceptions within one another that are read.
const DEEPEST: usize = 100;

/// A text, or its beginning where it is longer.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()).into(),
        None => text.into(),
    }
}

// An error's text without the name of its kind, and without the address of a peer behind this one.
fn told(error: &Error) -> Cow<'_, str> {
    if error.endpoint().is_some() {
        return error.message().to_owned().into();
    }
    let text = error.to_string();
    let text = match text.split_once(": ") {
        Some((_, text)) => text.to_owned(),
        None => text,
    };
    shortened(&text, LONGEST).into_owned().into()
}

// Gives an exception a class that Java has.
fn translate(exception: &mut Exception) {
    let class = &exception.class;
    let bare = class.strip_prefix("builtins.").or_else(|| class.strip_prefix("exceptions.")).unwrap_or(class);
    if bare.contains('.') {
        return;
    }
    let was = bare.to_owned();
    let java = match bare {
        "ValueError" | "TypeError" => "java.lang.IllegalArgumentException",
        "RuntimeError" | "Exception" => "java.lang.RuntimeException",
        "KeyError" => "java.util.NoSuchElementException",
        "IndexError" => "java.lang.IndexOutOfBoundsException",
        "ArithmeticError" | "ZeroDivisionError" | "OverflowError" => "java.lang.ArithmeticException",
        "NotImplementedError" => "java.lang.UnsupportedOperationException",
        "PermissionError" => "java.lang.SecurityException",
        "AssertionError" => "java.lang.AssertionError",
        "" => "java.lang.RuntimeException",
        other => {
            exception.message = match &*exception.message {
                "" => other.to_owned(),
                text => format!("{other}: {text}"),
            };
            "java.lang.RuntimeException"
        }
    };
    exception.class = java.to_owned();
    if !was.is_empty() {
        exception.attributes.push((REMOTE_CLASS.to_owned(), was.into()));
    }
}

// Gives it back the class that it had.
fn restore(exception: &mut Exception) {
    let Some(at) = exception.attributes.iter().position(|(name, _)| name == REMOTE_CLASS) else { return };
    let Some(class) = exception.attributes.get(at).and_then(|(_, value)| value.as_str()).map(str::to_owned) else {
        return;
    };
    exception.attributes.remove(at);
    if let Some(rest) = exception.message.strip_prefix(&*class) {
        match rest.strip_prefix(": ") {
            Some(text) => exception.message = text.to_owned(),
            None if rest.is_empty() => exception.message.clear(),
            None => {}
        }
    }
    exception.args = vec![exception.message.as_str().into()];
    exception.class = class;
}

/// What Java's servers make of markup, undone.
fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&#00;", "\0").replace("&amp;", "&")
}

/// The fields of `java.lang.Throwable`.
const MESSAGE: &str = "detailMessage";
const CAUSE: &str = "cause";
const STACK: &str = "stackTrace";
const SUPPRESSED: &str = "suppressedExceptions";

/// Our own: what an exception was before it got a class that Java has.
const REMOTE_CLASS: &str = "remoteClass";

impl Encode for Fault {
    /// Writes the fault's map. An exception has the fields of Java's `Throwable`: a `cause` that is itself where it has
    /// none, and an empty stack, since what is not sent would be missing in Java.
    fn encode(&self, sink: &mut dyn Sink) -> Result<()> {
        sink.begin(Container::map(Some(2 + usize::from(self.detail.is_some()))))?;
        sink.str("code")?;
        sink.str(&self.code)?;
        sink.str("message")?;
        match &self.message {
            Some(text) => sink.str(text)?,
            None => sink.null()?,
        }
        if let Some(detail) = &self.detail {
            sink.str("detail")?;
            write_exception(detail, sink)?;
        }
        sink.end()
    }
}

fn write_exception(exception: &Exception, sink: &mut dyn Sink) -> Result<()> {
    let own = |name: &str| !matches!(name, MESSAGE | CAUSE | STACK | SUPPRESSED);
    let fields: Vec<_> = exception.attributes.iter().filter(|(name, _)| own(name)).collect();
    let code = exception.code.filter(|_| !fields.iter().any(|(name, _)| name == "code"));
    let number = sink.begun();
    sink.begin(Container::object(&exception.class, Some(fields.len() + usize::from(code.is_some()) + 3)))?;
    if let Some(code) = code {
        sink.key("code")?;
        match i32::try_from(code) {
            Ok(code) => sink.i32(code)?,
            Err(_) => sink.i64(code)?,
        }
    }
    for (name, value) in fields {
        sink.key(name)?;
        value.write(sink)?;
    }
    sink.key(MESSAGE)?;
    if exception.message.is_empty() {
        sink.null()?
    } else {
        sink.str(&exception.message)?
    }
    sink.key(CAUSE)?;
    match &exception.cause {
        Some(cause) => write_exception(cause, sink)?,
        None => sink.back(number)?,
    }
    sink.key(STACK)?;
    sink.begin(Container::List {
        kind: Default::default(),
        type_name: Some("[java.lang.StackTraceElement"),
        len: Some(0),
    })?;
    sink.end()?;
    sink.end()
}

/// The containers of a value, by number, so that references can be followed.
struct Graph<'v> {
    containers: Vec<&'v Value>,
}

impl<'v> Graph<'v> {
    fn of(value: &'v Value) -> Self {
        let mut graph = Self { containers: Vec::new() };
        graph.add(value);
        graph
    }

    fn add(&mut self, value: &'v Value) {
        match value {
            Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
                self.containers.push(value);
                items.iter().for_each(|item| self.add(item));
            }
            Value::Map(pairs) => {
                self.containers.push(value);
                for (key, value) in pairs {
                    self.add(key);
                    self.add(value);
                }
            }
            Value::Object(object) => {
                self.containers.push(value);
                object.fields.iter().for_each(|(_, value)| self.add(value));
            }
            Value::Typed(typed) => self.add(&typed.value),
            _ => {}
        }
    }

    fn follow(&self, value: &'v Value) -> &'v Value {
        match value {
            Value::Back(n) => self.containers.get(*n as usize).copied().unwrap_or(value),
            _ => value,
        }
    }

    fn field(&self, value: &'v Value, name: &str) -> Option<&'v Value> {
        value.field(name).map(|found| self.follow(found))
    }

    /// An object, or a map with the fields of one.
    fn exception(&self, value: &'v Value, depth: usize) -> Exception {
        let (class, fields): (&str, Vec<(&str, &Value)>) = match value {
            Value::Object(object) => {
                let Object { class, fields } = &**object;
                (class, fields.iter().map(|(name, value)| (&**name, value)).collect())
            }
            other => {
                let class = if let Value::Typed(t) = other { &*t.type_name } else { "" };
                let pairs = other.as_pairs().unwrap_or_default();
                (class, pairs.iter().filter_map(|(name, value)| Some((name.as_str()?, value))).collect())
            }
        };
        let text = self.field(value, MESSAGE).and_then(Value::as_str).unwrap_or_default();
        let mut exception = Exception::new(class, text);
        // Its own cause means that it has none.
        let cause = self.field(value, CAUSE).filter(|cause| !std::ptr::eq(*cause, value) && !cause.is_null());
        if depth < DEEPEST
            && let Some(cause @ (Value::Object(_) | Value::Map(_) | Value::Typed(_))) = cause
        {
            exception.cause = Some(Box::new(self.exception(cause, depth + 1)));
        }
        exception.traceback = self.stack(value, &exception);
        for (name, value) in fields {
            let value = self.follow(value);
            let told = match name {
                MESSAGE | CAUSE | STACK => false,
                SUPPRESSED => value.as_items().is_some_and(|items| !items.is_empty()),
                _ => true,
            };
            // What refers to elsewhere would lose what it refers to.
            if told && !value.refers_back() {
                exception.attributes.push((name.to_owned(), value.clone()));
            }
        }
        exception.code = exception.attribute("code").and_then(Value::as_i64);
        restore(&mut exception);
        exception
    }

    /// The stack as Java prints it; nothing where none was sent.
    fn stack(&self, value: &'v Value, exception: &Exception) -> Option<String> {
        let frames = self.field(value, STACK)?.as_items().filter(|frames| !frames.is_empty())?;
        let mut text = exception.to_string();
        for frame in frames {
            let frame = self.follow(frame);
            let part = |name| self.field(frame, name).and_then(Value::as_str).unwrap_or("?");
            let line = self.field(frame, "lineNumber").and_then(Value::as_i64).unwrap_or(-1);
            let _ = write!(text, "\n\tat {}.{}(", part("declaringClass"), part("methodName"));
            let _ = match (self.field(frame, "fileName").and_then(Value::as_str), line) {
                (_, -2) => write!(text, "Native Method)"),
                (None, _) => write!(text, "Unknown Source)"),
                (Some(file), ..0) => write!(text, "{file})"),
                (Some(file), line) => write!(text, "{file}:{line})"),
            };
        }
        if let Some(cause) = &exception.cause {
            let _ = write!(text, "\nCaused by: {}", cause.traceback.as_deref().unwrap_or(&cause.to_string()));
        }
        Some(text)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(text) => write!(f, "{}: {text}", self.code),
            None => f.write_str(&self.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_get_classes_that_java_has() {
        for (class, message, java, text) in [
            ("builtins.ValueError", "boom", "java.lang.IllegalArgumentException", "boom"),
            ("peer.BankException", "boom", "peer.BankException", "boom"),
            ("Overdrawn", "boom", "java.lang.RuntimeException", "Overdrawn: boom"),
            ("Overdrawn", "", "java.lang.RuntimeException", "Overdrawn"),
        ] {
            let fault = Fault::from_exception(&Exception::new(class, message));
            let detail = fault.detail.unwrap();
            assert_eq!((&*detail.class, &*detail.message, &*fault.code), (java, text, "ServiceException"));
            // As it comes to a client that knows the field.
            let mut back = *detail;
            restore(&mut back);
            let wanted = Exception::new(class.trim_start_matches("builtins."), message);
            assert_eq!(back, wanted);
        }
    }

    #[test]
    fn each_failure_has_its_code_and_keeps_secrets() {
        for (error, code, text) in [
            (Error::malformed(3, "x"), "ProtocolException", "x at byte 3"),
            (Error::new(ErrorKind::Limit, "x"), "ProtocolException", "x"),
            (Error::new(ErrorKind::NotFound, "x"), "NoSuchMethodException", "x"),
            (Error::new(ErrorKind::Arguments, "x"), "ServiceException", "x"),
            (Error::encode("x"), "ServiceException", "the result cannot be sent: x"),
            (Error::new(ErrorKind::Internal, "password"), "ServiceException", "internal error"),
            (Error::new(ErrorKind::Config, "password"), "ServiceException", "internal error"),
            (
                Error::new(ErrorKind::Closed, "password"),
                "ServiceException",
                "the service behind this one cannot be reached",
            ),
        ] {
            let fault = Fault::from_error(&error);
            assert_eq!((&*fault.code, fault.message.as_deref()), (code, Some(text)));
        }
    }

    #[test]
    fn java_s_fault_is_read() {
        // {code, message, detail: E {code: 7, detailMessage, cause: E2 {cause: itself}, stackTrace: [..]}}
        let frame = Value::object(
            "java.lang.StackTraceElement",
            vec![
                ("declaringClass".to_owned(), "a.B".into()),
                ("methodName".to_owned(), "c".into()),
                ("fileName".to_owned(), "B.java".into()),
                ("lineNumber".to_owned(), 12.into()),
            ],
        );
        let inner = Value::object(
            "java.io.IOException",
            vec![(CAUSE.to_owned(), Value::Back(2)), (MESSAGE.to_owned(), "inner".into())],
        );
        let outer = Value::object(
            "peer.BankException",
            vec![
                ("code".to_owned(), 7.into()),
                (MESSAGE.to_owned(), "<a>".into()),
                (CAUSE.to_owned(), inner),
                (STACK.to_owned(), Value::List(vec![frame])),
                (SUPPRESSED.to_owned(), Value::List(vec![])),
            ],
        );
        let map = Value::Map(vec![
            ("code".into(), "ServiceException".into()),
            ("message".into(), "&lt;a&gt;".into()),
            ("detail".into(), outer),
        ]);
        let x = Fault::from_value(map).unwrap().into_exception();
        assert_eq!((&*x.class, &*x.message, x.code), ("peer.BankException", "<a>", Some(7)));
        assert_eq!(x.attributes, [("code".to_owned(), 7.into())]);
        let cause = x.cause.unwrap();
        assert_eq!((&*cause.class, &*cause.message, cause.cause), ("java.io.IOException", "inner", None));
        let stack = "peer.BankException: <a>\n\tat a.B.c(B.java:12)\nCaused by: java.io.IOException: inner";
        assert_eq!(x.traceback.as_deref(), Some(stack));

        let plain = Value::Map(vec![
            ("code".into(), "NoSuchMethodException".into()),
            ("message".into(), "a &lt; b &amp;lt;".into()),
        ]);
        let x = Fault::from_value(plain).unwrap().into_exception();
        assert_eq!((&*x.class, &*x.message), ("NoSuchMethodException", "a < b &lt;"));
        assert!(Fault::from_value(Value::Map(vec![])).unwrap_err().to_string().contains("no textual code"));
    }
}
