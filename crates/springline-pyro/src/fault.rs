//! Exceptions to and from the form that each generation's Python raises.
//!
//! * Python's builtin exceptions go as `builtins.X`: a `ValueError` from Rust is caught as `ValueError`.
//! * Pyro's own (`NamingError`, `SecurityError`, ...) go under the generation's module.
//! * Any other class arrives as `PyroError("class: message")` with the attributes `remote_class`, `remote_message` and
//!   `remote_args` beside its own, and `remote_code` where it has a number, as a fault of XML-RPC: Python clients refuse classes they have not registered (Pyro4 4.82, Pyro5 5.17).
//!   Reading turns that form back.

use springline_core::{Error, ErrorKind, Exception, Result, Value};

use crate::special::{class_in_bytes, with_texts};
use crate::{Generation, Serializer, Version};

/// Builtin exceptions of CPython 3.8 to 3.13, and Python 2's that 3 has as well.
const BUILTINS: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "EOFError",
    "EnvironmentError",
    "Exception",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "GeneratorExit",
    "IOError",
    "ImportError",
    "IndentationError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "NotADirectoryError",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PermissionError",
    "ProcessLookupError",
    "RecursionError",
    "ReferenceError",
    "RuntimeError",
    "StopAsyncIteration",
    "StopIteration",
    "SyntaxError",
    "SystemError",
    "SystemExit",
    "TabError",
    "TimeoutError",
    "TypeError",
    "UnboundLocalError",
    "UnicodeError",
    "ValueError",
    "ZeroDivisionError",
];

/// Classes of the modules `Pyro4.errors` and `Pyro5.errors`, except for `TimeoutError`, which Python has too.
const PYRO_ERRORS: &[&str] = &[
    "PyroError",
    "CommunicationError",
    "ConnectionClosedError",
    "ProtocolError",
    "MessageTooLargeError",
    "SerializeError",
    "NamingError",
    "DaemonError",
    "SecurityError",
];

/// Whether Python has an exception of that name.
pub(crate) fn is_builtin_exception(name: &str) -> bool {
    BUILTINS.contains(&name)
}

/// Whether Pyro has an exception of that name.
pub(crate) fn is_pyro_error(name: &str) -> bool {
    // The last ones are Pyro 3's.
    PYRO_ERRORS.contains(&name)
        || matches!(name, "TimeoutError" | "URIError" | "ConnectionDeniedError" | "NoModuleError")
}

const TRACEBACK: &str = "_pyroTraceback";
const REMOTE_CLASS: &str = "remote_class";
const REMOTE_MESSAGE: &str = "remote_message";
const REMOTE_ARGS: &str = "remote_args";
const REMOTE_CODE: &str = "remote_code";

/// Adds the number of an exception to its attributes.
pub(crate) fn put_code(code: Option<i64>, attributes: &mut Vec<(String, Value)>) {
    attributes.extend(code.map(|code| (REMOTE_CODE.to_owned(), Value::I64(code))));
}

/// Takes it out again.
pub(crate) fn take_code(e: &mut Exception) {
    if let Some(code) = take(&mut e.attributes, REMOTE_CODE) {
        e.code = code.as_i64();
    }
}

/// The exception in a reply's payload.
#[must_use]
pub fn from_value(value: Value) -> Exception {
    let value = if is_of_python_2(&value) { with_texts(value) } else { value };
    let Some(class) = value.class().map(str::to_owned) else {
        // Not a class dict: keep whatever it is as text.
        let text = value.as_str().map_or_else(|| format!("{value:?}"), str::to_owned);
        return Exception::new("PyroError", text);
    };
    if let Value::Object(o) = &value
        && value.field("__exception__").is_none()
        && value.field("args").is_none()
    {
        return from_instance(o);
    }
    let args: Vec<Value> = value.field("args").and_then(Value::as_items).unwrap_or_default().to_vec();
    let attributes = match value.field("attributes") {
        Some(Value::Object(o)) => o.fields.clone(),
        Some(map) => map
            .as_pairs()
            .unwrap_or_default()
            .iter()
            .filter_map(|(k, v)| k.as_str().map(|k| (k.to_owned(), v.clone())))
            .collect(),
        None => Vec::new(),
    };
    made_of(class, args, attributes)
}

// Whether Python 2 wrote it in marshal: Python 3 has neither classes nor lines of tracebacks as bytes.
fn is_of_python_2(value: &Value) -> bool {
    let lines = value.field("attributes").and_then(|a| a.field(TRACEBACK)).and_then(Value::as_items);
    class_in_bytes(value).is_some() || lines.is_some_and(|lines| lines.iter().any(|line| line.as_bytes().is_some()))
}

// An exception as pickle has it: what it was made with, and its attributes as fields.
pub(crate) fn from_instance(object: &springline_core::value::Object) -> Exception {
    let mut attributes = object.fields.clone();
    let args = take(&mut attributes, "__args__");
    let args = args.as_ref().and_then(Value::as_items).unwrap_or_default().to_vec();
    made_of(object.class.clone(), args, attributes)
}

fn made_of(class: String, args: Vec<Value>, mut attributes: Vec<(String, Value)>) -> Exception {
    let traceback = take(&mut attributes, TRACEBACK).and_then(|t| match t {
        Value::Str(text) => Some(text),
        lines => {
            let lines: Vec<&str> = lines.as_items()?.iter().filter_map(Value::as_str).collect();
            Some(lines.concat())
        }
    });
    let mut exception = Exception::new(full_name(class), message_of(&args));
    exception.args = args;
    exception.traceback = traceback.filter(|t| !t.is_empty());
    exception.attributes = attributes;
    restore(exception)
}

// Python 2's module of exceptions is Python 3's `builtins`, and 4.20 to 4.25 name no module.
fn full_name(class: String) -> String {
    match class.strip_prefix("exceptions.").or_else(|| (!class.contains('.')).then_some(&*class)) {
        Some(bare) if BUILTINS.contains(&bare) => format!("builtins.{bare}"),
        Some(bare) if PYRO_ERRORS.contains(&bare) => format!("Pyro4.errors.{bare}"),
        _ => class,
    }
}

pub(crate) fn take(attributes: &mut Vec<(String, Value)>, name: &str) -> Option<Value> {
    let i = attributes.iter().position(|(n, _)| n == name)?;
    Some(attributes.remove(i).1)
}

// What Python's str(exception) gives.
fn message_of(args: &[Value]) -> String {
    match args {
        [] => String::new(),
        [Value::Str(text)] => text.clone(),
        [one] => plain(one),
        many => format!("({})", many.iter().map(plain).collect::<Vec<_>>().join(", ")),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(v) => if *v { "True" } else { "False" }.to_owned(),
        Value::I32(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        Value::Big(v) => v.to_string(),
        Value::F64(v) => format!("{v:?}"),
        Value::Str(v) => format!("'{v}'"),
        other => format!("{other:?}"),
    }
}

// Our own form for classes that Python does not know.
fn restore(mut e: Exception) -> Exception {
    let Some(Value::Str(class)) = e.attribute(REMOTE_CLASS).cloned() else { return e };
    take(&mut e.attributes, REMOTE_CLASS);
    take_code(&mut e);
    e.class = class;
    if let Some(Value::Str(message)) = take(&mut e.attributes, REMOTE_MESSAGE) {
        e.message = message;
    }
    if let Some(args) = take(&mut e.attributes, REMOTE_ARGS) {
        e.args = args.as_items().unwrap_or_default().to_vec();
    }
    e
}

/// The class dict that this generation's Python client raises.
#[must_use]
pub fn to_value(exception: Exception, generation: Generation) -> Value {
    let Exception { class, message, args, mut attributes, traceback, code, .. } = exception;
    let bare = class.rsplit('.').next().unwrap_or_default();
    let module = class.get(..class.len() - bare.len()).unwrap_or_default().trim_end_matches('.');
    let of_python = matches!(module, "" | "builtins" | "exceptions").then(|| builtin(bare, generation)).flatten();
    let of_pyro = matches!(module, "" | "Pyro4.errors" | "Pyro5.errors") && PYRO_ERRORS.contains(&bare)
        || bare == "TimeoutError" && (matches!(module, "Pyro4.errors" | "Pyro5.errors") || generation.is_old());
    let (class, args) = if let Some(name) = of_python {
        (name, args)
    } else if of_pyro {
        let bare = match bare {
            // 4.27 is the first to have this one, 4.38 the other.
            "SerializeError" if generation == Generation::Pyro4Early => "ProtocolError",
            "MessageTooLargeError" if generation.is_old() => "ProtocolError",
            bare => bare,
        };
        (format!("{}.errors.{bare}", generation.name()), args)
    } else {
        let text = if message.is_empty() { class.clone() } else { format!("{class}: {message}") };
        attributes.push((REMOTE_CLASS.to_owned(), Value::Str(class)));
        attributes.push((REMOTE_MESSAGE.to_owned(), Value::Str(message)));
        attributes.push((REMOTE_ARGS.to_owned(), Value::List(args)));
        put_code(code, &mut attributes);
        (format!("{}.errors.PyroError", generation.name()), vec![Value::Str(text)])
    };
    // Always there, as Python's daemons have it, for clients that join its lines unasked.
    let lines = traceback.iter().flat_map(|t| t.split_inclusive('\n')).map(Value::from).collect();
    attributes.push((TRACEBACK.to_owned(), Value::List(lines)));
    let attributes = attributes.into_iter().map(|(k, v)| (Value::Str(k), v)).collect();
    Value::object(
        class,
        vec![
            ("__exception__".to_owned(), Value::Bool(true)),
            ("args".to_owned(), Value::Tuple(args)),
            ("attributes".to_owned(), Value::Map(attributes)),
        ],
    )
}

// A builtin exception as the generation's Python finds it.
fn builtin(name: &str, generation: Generation) -> Option<String> {
    if !generation.is_old() {
        return BUILTINS.contains(&name).then(|| format!("builtins.{name}"));
    }
    // Without a module Python 2 and 3 find it both (4.20 to 4.37).
    in_python_2(name).map(str::to_owned)
}

/// What Python 2.7 raises instead of an exception that only Python 3 has.
pub(crate) fn in_python_2(name: &str) -> Option<&str> {
    Some(match name {
        "BlockingIOError" | "ChildProcessError" | "FileExistsError" | "FileNotFoundError" | "InterruptedError"
        | "IsADirectoryError" | "NotADirectoryError" | "PermissionError" | "ProcessLookupError" => "OSError",
        "BrokenPipeError"
        | "ConnectionAbortedError"
        | "ConnectionError"
        | "ConnectionRefusedError"
        | "ConnectionResetError" => "IOError",
        "ModuleNotFoundError" => "ImportError",
        "RecursionError" => "RuntimeError",
        "StopAsyncIteration" => "StopIteration",
        // Pyro has one of its own.
        "TimeoutError" => return None,
        name if is_builtin_exception(name) => name,
        _ => return None,
    })
}

/// Whether a daemon closes the connection after this answer, so that the next call needs another one (4.82, 5.17).
#[cfg(feature = "net")]
pub(crate) fn ends_connection(exception: &Exception) -> bool {
    let of_pyro = exception.class.starts_with("Pyro4.errors.") || exception.class.starts_with("Pyro5.errors.");
    of_pyro && ["SecurityError", "SerializeError", "ProtocolError"].iter().any(|name| exception.is(name))
}

/// What a daemon tells of failures that are its own rather than a handler's, in the classes and words of Python's
/// daemons (4.82, 5.17) where they have any.
#[cfg(feature = "net")]
pub(crate) mod told {
    use springline_core::{Error, ErrorKind, Exception};

    /// There is no such object.
    pub(crate) fn unknown_object(object: &str) -> Exception {
        Exception::new("DaemonError", format!("unknown object '{object}'"))
    }

    /// The name begins with an underscore, and the object does not list it.
    pub(crate) fn private(name: &str) -> Exception {
        Exception::new("AttributeError", format!("attempt to access private attribute '{name}'"))
    }

    /// `__getattr__` or `__setattr__` with other arguments than they have.
    pub(crate) fn no_attribute_name(method: &str) -> Exception {
        Exception::new("TypeError", format!("{method} needs the attribute's name as a string"))
    }

    /// There are no item streams here.
    pub(crate) fn no_stream() -> Exception {
        Exception::new("PyroError", "item stream terminated")
    }

    /// The caller's deadline passed.
    pub(crate) fn given_up() -> Exception {
        Exception::new("TimeoutError", "the call was given up at its caller's deadline")
    }

    /// A handler panicked. What it said stays in the log.
    pub(crate) fn panicked() -> Exception {
        Exception::new("RuntimeError", "internal error: the method panicked")
    }

    /// The request's serializer is unknown, or not accepted.
    pub(crate) fn not_accepted(serializer: u16) -> Exception {
        Exception::new("ProtocolError", format!("message used serializer that is not accepted: {serializer}"))
    }

    /// The request's frame cannot be opened.
    pub(crate) fn bad_frame(e: &Error) -> Exception {
        let class = if e.kind() == ErrorKind::Denied { "SecurityError" } else { "ProtocolError" };
        Exception::new(class, e.to_string())
    }

    /// The request's payload cannot be read.
    pub(crate) fn bad_payload(e: &Error) -> Exception {
        Exception::new("SerializeError", e.to_string())
    }

    /// The result cannot be written in the caller's serializer.
    pub(crate) fn unsent(e: Error) -> Exception {
        e.into_exception().unwrap_or_else(|e| {
            let class = if e.kind() == ErrorKind::Encode { "TypeError" } else { "ValueError" };
            Exception::new(class, format!("the result cannot be sent: {e}"))
        })
    }

    /// An exception cannot be written in the caller's serializer: its class at least.
    pub(crate) fn unsent_exception(class: &str, e: &Error) -> Exception {
        Exception::new("PyroError", format!("Error serializing exception {class}: {}", e.message()))
    }
}

/// The last result of a batch that an exception ended.
#[must_use]
pub fn wrapper(exception: Exception, version: Version) -> Value {
    let class = match version {
        // 4.6 to 4.16; the two releases of that version after them have it where all later ones do.
        Version::V44 => "Pyro4.core._ExceptionWrapper",
        _ if version.generation().is_pyro4() => "Pyro4.futures._ExceptionWrapper",
        _ => "Pyro5.core._ExceptionWrapper",
    };
    Value::object(class, vec![("exception".to_owned(), to_value(exception, version.generation()))])
}

/// The exception inside a batch's last result, if it is one.
#[must_use]
pub fn unwrap(value: &Value) -> Option<Exception> {
    let class = value.class().or_else(|| class_in_bytes(value))?;
    if class.rsplit('.').next() != Some("_ExceptionWrapper") {
        return None;
    }
    value.field("exception").map(|e| from_value(e.clone()))
}

/// The error of a refused handshake. Its text is in the request's serializer, or in marshal when the daemon could not
/// read the request (4.82, 5.17).
#[must_use]
pub fn refused(text: Result<Value>, serializer: Option<Serializer>) -> Error {
    let reason = match text {
        Ok(Value::Str(text)) => text,
        Ok(value) if value.class().is_some() => from_value(value).to_string(),
        Ok(other) => plain(&other),
        Err(e) => format!("reason unreadable in {}: {e}", serializer.map_or("an unknown serializer", Serializer::name)),
    };
    let kind = match reason.as_str() {
        // Texts of Pyro4 4.82 and Pyro5 5.17.
        r if r.contains("unknown object") => ErrorKind::NotFound,
        r if r.contains("no free workers") => ErrorKind::Unavailable,
        _ => ErrorKind::Denied,
    };
    Error::new(kind, format!("the daemon refused the connection: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(class: &str, generation: Generation, on_wire: &str) {
        let value = to_value(Exception::new(class, "text"), generation);
        assert_eq!(value.class(), Some(on_wire), "{class}");
        let back = from_value(value);
        assert_eq!(back.message, "text");
        assert_eq!(back.args, [Value::from("text")]);
        let bare = class.rsplit('.').next().unwrap();
        assert!(back.is(bare), "{class} came back as {}", back.class);
    }

    #[test]
    fn classes_as_python_knows_them() {
        check("ValueError", Generation::Pyro5, "builtins.ValueError");
        check("exceptions.KeyError", Generation::Pyro4, "builtins.KeyError");
        check("NamingError", Generation::Pyro4, "Pyro4.errors.NamingError");
        check("Pyro4.errors.SecurityError", Generation::Pyro5, "Pyro5.errors.SecurityError");
        check("bank.BankError", Generation::Pyro5, "Pyro5.errors.PyroError");
        check("mine.ValueError", Generation::Pyro5, "Pyro5.errors.PyroError");
        check("ValueError", Generation::Pyro4Early, "ValueError");
        check("TimeoutError", Generation::Pyro4Middle, "Pyro4.errors.TimeoutError");
        let missing = to_value(Exception::new("FileNotFoundError", "text"), Generation::Pyro4Middle);
        assert_eq!(missing.class(), Some("OSError"), "which Python 2 has");
    }

    #[test]
    fn own_classes_keep_class_message_and_attributes() {
        let e = Exception::new("bank.BankError", "no money").with_attribute("balance", 3).with_code(7);
        let back = from_value(to_value(e.clone(), Generation::Pyro5));
        assert_eq!(back, e);
        let wrapped = wrapper(e.clone(), Version::V48);
        assert_eq!(unwrap(&wrapped), Some(e));
    }
}
