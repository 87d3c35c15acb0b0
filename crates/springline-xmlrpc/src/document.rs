//! Whole documents: calls, responses, faults.

use springline_core::{Bytes, Error, ErrorKind, Payload, Result, Source, Value};

use crate::codec::{self, Encoding, Flags, Head, Opened, Part, Problem, XmlFormat, XmlSink, XmlSource, placed};
use crate::{Dialect, Fault, ReadOptions, WriteOptions};

/// A call as it came.
#[derive(Debug)]
#[non_exhaustive]
pub struct IncomingCall {
    /// The method's name as it was sent, not trimmed.
    pub method: String,
    /// The parameters: a list. They are read, and the rest of the document is checked, when they are decoded.
    pub args: Payload<'static>,
}

/// Reads a `<methodCall>` as far as its method's name and the beginning of its parameters.
///
/// `charset` is the parameter of the `Content-Type`, if there is one. It counts where neither a byte order mark nor the
/// declaration names an encoding.
///
/// ```
/// use springline_xmlrpc::{ReadOptions, parse_call};
///
/// let body = "<?xml version='1.0'?><methodCall><methodName>pow</methodName><params>
///     <param><value><int>41</int></value></param><param><value>three</value></param></params></methodCall>";
/// let call = parse_call(body.into(), None, &ReadOptions::new()).unwrap();
/// assert_eq!(call.method, "pow");
/// assert_eq!(call.args.decode::<(i64, String)>().unwrap(), (41, "three".to_owned()));
/// ```
///
/// # Errors
/// [`ErrorKind::Malformed`] with line and column, [`ErrorKind::Limit`]. [`Fault::from_error`] has the code for each.
pub fn parse_call(body: Bytes, charset: Option<&str>, options: &ReadOptions) -> Result<IncomingCall> {
    let Opened { message, head, start } = codec::open(body, charset, options, true)?;
    let flags = Flags::of(options);
    let budget = options.limits.budget();
    let method = match head {
        Head::BareCall(method) => return Ok(IncomingCall { method, args: Value::List(Vec::new()).into() }),
        Head::Call(Some(method)) => method,
        _ => {
            // The name stands behind the parameters.
            let mut source =
                XmlSource::open(&message, start, Part::Params, flags, budget).map_err(|e| placed(e, &message))?;
            source.skip().map_err(|e| placed(e, &message))?;
            source.take_late_method().ok_or_else(|| Problem::NotXmlRpc.at(0, "the call has no <methodName>"))?
        }
    };
    Ok(IncomingCall { method, args: Payload::wire(message, start, XmlFormat::of(Part::Params, flags), budget) })
}

/// Reads a `<methodResponse>`: its result, or the fault in it. A result is read, and the rest of the document is checked,
/// when it is decoded.
///
/// `charset` is as in [`parse_call`].
///
/// ```
/// use springline_xmlrpc::{ReadOptions, parse_response};
///
/// let body = "<methodResponse><params><param><value><int>123</int></value></param></params></methodResponse>";
/// let result = parse_response(body.into(), None, &ReadOptions::new()).unwrap();
/// assert_eq!(result.unwrap().decode::<i64>().unwrap(), 123);
///
/// let body = "<methodResponse><fault><value><struct>
///     <member><name>faultString</name><value>no such method</value></member>
///     <member><name>faultCode</name><value><int>-32601</int></value></member></struct></value></fault></methodResponse>";
/// let fault = parse_response(body.into(), None, &ReadOptions::new()).unwrap().unwrap_err();
/// assert_eq!((fault.code, fault.string.as_str()), (-32601, "no such method"));
/// ```
///
/// # Errors
/// [`ErrorKind::Malformed`] with line and column, [`ErrorKind::Limit`], [`ErrorKind::Protocol`] for a fault that is none.
pub fn parse_response(
    body: Bytes,
    charset: Option<&str>,
    options: &ReadOptions,
) -> Result<Result<Payload<'static>, Fault>> {
    let Opened { message, head, start } = codec::open(body, charset, options, false)?;
    let flags = Flags::of(options);
    let budget = options.limits.budget();
    let part = match head {
        Head::Fault => {
            let fault = XmlSource::open(&message, start, Part::Fault, flags, budget)
                .and_then(|mut source| Value::read(&mut source))
                .map_err(|e| placed(e, &message))?;
            return Fault::from_value(fault).map(Err);
        }
        Head::BareResponse if options.several_results => Part::Results,
        Head::BareResponse => {
            let e = Problem::NotXmlRpc.at(message.len(), "the response has neither a result nor a fault");
            return Err(placed(e, &message));
        }
        _ if options.several_results && has_several(&message, start, flags, options)? => Part::Results,
        _ => Part::Result,
    };
    Ok(Ok(Payload::wire(message, start, XmlFormat::of(part, flags), budget)))
}

fn has_several(message: &Bytes, start: usize, flags: Flags, options: &ReadOptions) -> Result<bool> {
    XmlSource::open(message, start, Part::Results, flags, options.limits.budget())
        .and_then(|mut source| source.skip_result())
        .map_err(|e| placed(e, message))
}

/// Appends a `<methodCall>` to `out`. `args` is a list. After an error `out` is as it was.
///
/// ```
/// use springline_core::Payload;
/// use springline_xmlrpc::{WriteOptions, write_call};
///
/// let mut out = Vec::new();
/// write_call(&mut out, "pow", &Payload::borrowed(&(41, "three")), &WriteOptions::new()).unwrap();
/// let text = String::from_utf8(out).unwrap();
/// assert!(text.contains("<methodName>pow</methodName><params><param><value><int>41</int></value></param>"));
/// ```
///
/// # Errors
/// [`ErrorKind::Encode`] for a value that XML-RPC or the chosen dialect has no form for.
pub fn write_call(out: &mut Vec<u8>, method: &str, args: &Payload<'_>, options: &WriteOptions) -> Result<()> {
    if method.is_empty() {
        codec::check_method(method)?;
    }
    whole(out, options, "methodCall", |out| {
        out.extend_from_slice(b"<methodName>");
        // What a name cannot have, text cannot have either.
        codec::push_text(out, method).or_else(|e| codec::check_method(method).and(Err(e)))?;
        out.extend_from_slice(b"</methodName>");
        let mut sink = XmlSink::params(out, options);
        args.encode(&mut sink)?;
        sink.finish()
    })
}

/// Appends a `<methodResponse>` with a result to `out`. After an error `out` is as it was.
///
/// # Errors
/// [`ErrorKind::Encode`] for a value that XML-RPC or the chosen dialect has no form for.
pub fn write_response(out: &mut Vec<u8>, result: &Payload<'_>, options: &WriteOptions) -> Result<()> {
    whole(out, options, "methodResponse", |out| {
        out.extend_from_slice(b"<params><param>");
        let mut sink = XmlSink::single(out, options);
        result.encode(&mut sink)?;
        let apache = sink.finish()?;
        out.extend_from_slice(b"</param></params>");
        Ok(apache)
    })
}

/// Appends a `<methodResponse>` with a fault to `out`: its code and its text, and nothing else. Characters that XML has no
/// place for are replaced, and a code beyond 32 bits becomes the nearest within, so that a fault can always be written.
pub fn write_fault(out: &mut Vec<u8>, fault: &Fault, options: &WriteOptions) -> Result<()> {
    whole(out, options, "methodResponse", |out| {
        let code = fault.code.clamp(i32::MIN.into(), i32::MAX.into());
        out.extend_from_slice(b"<fault><value><struct><member><name>faultCode</name><value><int>");
        out.extend_from_slice(itoa::Buffer::new().format(code).as_bytes());
        out.extend_from_slice(b"</int></value></member><member><name>faultString</name><value><string>");
        codec::push_text(out, &codec::replaced(&fault.string))?;
        out.extend_from_slice(b"</string></value></member></struct></value></fault>");
        Ok(false)
    })
}

// The declaration and the root element around what `inside` writes, which tells whether it used Apache's namespace.
fn whole(
    out: &mut Vec<u8>,
    options: &WriteOptions,
    root: &str,
    inside: impl FnOnce(&mut Vec<u8>) -> Result<bool>,
) -> Result<()> {
    let start = out.len();
    out.extend_from_slice(b"<?xml version='1.0'");
    if options.encoding != Encoding::UTF_8 {
        out.extend_from_slice(b" encoding='");
        out.extend_from_slice(options.encoding.name().as_bytes());
        out.push(b'\'');
    }
    out.extend_from_slice(b"?>\n<");
    out.extend_from_slice(root.as_bytes());
    let root_end = out.len();
    out.push(b'>');
    let written = inside(out).and_then(|apache| {
        out.extend_from_slice(b"</");
        out.extend_from_slice(root.as_bytes());
        out.extend_from_slice(b">\n");
        if apache {
            debug_assert_eq!(options.dialect, Dialect::Apache);
            out.splice(root_end..root_end, format!(" xmlns:ex=\"{}\"", codec::APACHE).into_bytes());
        }
        codec::finish(out, start, options.encoding)
    });
    if written.is_err() {
        out.truncate(start);
    }
    written
}

impl Fault {
    /// The fault in the value of a `<fault>`.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] where it is no struct or lacks its code or text.
    pub(crate) fn from_value(value: Value) -> Result<Self> {
        let not_a_fault = |what: &str, value: &Value| {
            let mut shown = format!("{value:?}");
            if let Some((at, _)) = shown.char_indices().nth(300) {
                shown.truncate(at);
                shown.push_str("...");
            }
            Error::new(ErrorKind::Protocol, format!("the fault has no {what}: {shown}"))
        };
        let code = match value.field("faultCode") {
            // phpxmlrpc and others send a string.
            Some(Value::Str(text)) => text.trim().parse().ok(),
            Some(other) => other.as_i64(),
            None => None,
        };
        let string = match value.field("faultString") {
            Some(Value::Null) => Some(String::new()),
            Some(text) => text.as_str().map(str::to_owned),
            None => None,
        };
        let (code, string) = match (code, string) {
            (Some(code), Some(string)) => (code, string),
            (None, _) => return Err(not_a_fault("numeric faultCode", &value)),
            (_, None) => return Err(not_a_fault("textual faultString", &value)),
        };
        let Value::Map(members) = value else { return Err(not_a_fault("members", &value)) };
        let extra = members
            .into_iter()
            .filter_map(|(name, value)| match name {
                Value::Str(name) if name != "faultCode" && name != "faultString" => Some((name, value)),
                _ => None,
            })
            .collect();
        Ok(Self { code, string, extra })
    }
}
