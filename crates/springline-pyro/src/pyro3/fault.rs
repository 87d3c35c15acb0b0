//! Exceptions to and from Pyro 3's capsule, which is all that tells a failure from a result.
//!
//! * Exceptions that Python 2 has are raised there as what they are; those that only Python 3 has, as their next of kin.
//! * Pyro's own go under `Pyro.errors`.
//! * Any other class arrives as `PyroError("class: message")` with the attributes `remote_class`, `remote_message` and
//!   `remote_args`:
//!   a client that cannot import a class loses the whole answer.

use springline_core::value::Object;
use springline_core::{Exception, Value};

use crate::fault;

/// The class of the capsule.
pub const CAPSULE: &str = "Pyro.errors.PyroExceptionCapsule";

/// Of the module `Pyro.errors` (3.16).
const PYRO_ERRORS: &[&str] = &[
    "PyroError",
    "URIError",
    "DaemonError",
    "ProtocolError",
    "ConnectionClosedError",
    "ConnectionDeniedError",
    "TimeoutError",
    "NamingError",
    "NoModuleError",
];

const REMOTE_CLASS: &str = "remote_class";
const REMOTE_MESSAGE: &str = "remote_message";
const REMOTE_ARGS: &str = "remote_args";

/// What the other side is told of a message that cannot be read or has no object.
#[cfg(feature = "net")]
pub(super) fn protocol(text: impl Into<String>) -> Exception {
    Exception::new("ProtocolError", text)
}

/// Whether a daemon closes the connection after this exception (3.16).
#[cfg(feature = "net")]
pub(super) fn ends_connection(exception: &Exception) -> bool {
    exception.is("ProtocolError") || exception.is("NoModuleError")
}

/// What `ResolvePYROLOC` raises for a name that nobody has (3.16).
#[cfg(feature = "net")]
pub(super) fn unknown_name(name: String) -> Exception {
    let text = "no object found by this name";
    Exception::new("NamingError", text).with_args(vec![text.into(), name.into()])
}

/// The exception in an answer, if it is one.
#[must_use]
pub fn from_value(value: &Value) -> Option<Exception> {
    let Value::Object(capsule) = value else { return None };
    if capsule.class != CAPSULE {
        return None;
    }
    let lines = value.field("args").and_then(Value::as_items).unwrap_or_default();
    let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
    let mut exception = match value.field("excObj") {
        Some(Value::Object(object)) => fault::from_instance(object),
        other => Exception::new("PyroError", format!("{other:?}")),
    };
    if let Some(Value::Str(class)) = fault::take(&mut exception.attributes, REMOTE_CLASS) {
        exception.class = class;
        if let Some(Value::Str(message)) = fault::take(&mut exception.attributes, REMOTE_MESSAGE) {
            exception.message = message;
        }
        if let Some(args) = fault::take(&mut exception.attributes, REMOTE_ARGS) {
            exception.args = args.as_items().unwrap_or_default().to_vec();
        }
        fault::take_code(&mut exception);
    }
    exception.traceback = Some(lines.concat()).filter(|text| !text.is_empty());
    Some(exception)
}

/// The capsule that a client raises what is in it from. Without `lines` it is one of Pyro's own.
#[must_use]
pub fn to_value(exception: Exception, lines: bool) -> Value {
    let Exception { class, message, args, mut attributes, code, .. } = exception;
    let bare = class.rsplit('.').next().unwrap_or_default();
    let module = class.get(..class.len() - bare.len()).unwrap_or_default().trim_end_matches('.');
    let of_pyro = matches!(module, "Pyro.errors" | "Pyro4.errors" | "Pyro5.errors" | "");
    let builtin = matches!(module, "" | "builtins" | "exceptions").then(|| fault::in_python_2(bare)).flatten();
    let (class, args) = match builtin {
        Some(name) => (format!("builtins.{name}"), args),
        None if of_pyro && PYRO_ERRORS.contains(&bare) => (format!("Pyro.errors.{bare}"), args),
        None => {
            let text = if message.is_empty() { class.clone() } else { format!("{class}: {message}") };
            attributes.push((REMOTE_CLASS.to_owned(), Value::Str(class)));
            attributes.push((REMOTE_MESSAGE.to_owned(), Value::Str(message)));
            attributes.push((REMOTE_ARGS.to_owned(), Value::List(args)));
            fault::put_code(code, &mut attributes);
            ("Pyro.errors.PyroError".to_owned(), vec![Value::Str(text)])
        }
    };
    let mut fields = vec![("__args__".to_owned(), Value::Tuple(args))];
    fields.extend(attributes);
    let lines = if lines { Value::List(Vec::new()) } else { Value::Null };
    Value::Object(Box::new(Object {
        class: CAPSULE.to_owned(),
        fields: vec![("excObj".to_owned(), Value::object(class, fields)), ("args".to_owned(), lines)],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_as_python_2_knows_them() {
        for (class, told) in [
            ("ValueError", "builtins.ValueError"),
            ("builtins.FileNotFoundError", "builtins.OSError"),
            ("NamingError", "Pyro.errors.NamingError"),
            ("Pyro5.errors.ProtocolError", "Pyro.errors.ProtocolError"),
            ("TimeoutError", "Pyro.errors.TimeoutError"),
            ("bank.BankError", "Pyro.errors.PyroError"),
            ("SecurityError", "Pyro.errors.PyroError"),
        ] {
            let value = to_value(Exception::new(class, "text").with_attribute("x", 1).with_code(7), true);
            let inner = value.field("excObj").unwrap();
            assert_eq!(inner.class(), Some(told), "{class}");
            let back = from_value(&value).unwrap();
            assert_eq!(back.message, "text");
            assert_eq!(back.attribute("x"), Some(&Value::I32(1)));
            if told.ends_with("PyroError") {
                assert_eq!(back.class, class);
                assert_eq!((&*back.args, back.code), (&[Value::from("text")][..], Some(7)));
            }
        }
        assert_eq!(from_value(&Value::object("a.B", vec![])), None);
    }
}
