//! Calls and replies as they lie on the wire.

use std::borrow::Cow;

use springline_core::{Bytes, Encode, Error, ErrorKind, Format, Output, Payload, Result, Value};

use crate::codec::{Cursor, HessianFormat, Part, ReadOptions, Version, WriteOptions};
use crate::codec::{ends_early, push_short_text, push_text, write};
use crate::fault::Fault;

/// What a client asks in, and asks to be answered in. These are the settings that Caucho's `HessianProxyFactory` has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Hessian 1, both ways: `c 01 00`, answered with `r 01 00`. `setHessian2Reply(false)` in Java, and all that the
    /// original Spring Python speaks.
    Hessian1,
    /// A call of Hessian 1 that asks for an answer of Hessian 2: `c 02 00`, answered with `H 02 00`. The default of Java's
    /// client in every release, and here. Not to be sent to servers of 3.1, which take it for their draft of Hessian 2.
    #[default]
    Mixed,
    /// Hessian 2, both ways: `H 02 00 C`. `setHessian2Request(true)` in Java.
    Hessian2,
}

impl Dialect {
    /// The version that calls are written in.
    #[must_use]
    pub fn call(self) -> Version {
        match self {
            Self::Hessian1 | Self::Mixed => Version::One,
            Self::Hessian2 => Version::Two,
        }
    }

    /// The version that replies are asked for in. Those that come may be in another one.
    #[must_use]
    pub fn reply(self) -> Version {
        match self {
            Self::Hessian1 => Version::One,
            Self::Mixed | Self::Hessian2 => Version::Two,
        }
    }
}

/// How a reply of Hessian 2 begins.
const REPLY2: [u8; 3] = [b'H', 2, 0];
/// How a reply of Hessian 1 begins.
const REPLY1: [u8; 3] = [b'r', 1, 0];

/// What stands before a call's arguments.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CallHead<'m> {
    /// The version that the call is written in.
    pub version: Version,
    /// The version that the reply has to be in.
    pub reply: Version,
    /// The method's name, as it was sent: possibly mangled.
    pub method: Cow<'m, str>,
    /// How many arguments there are. Calls of Hessian 1 do not tell.
    pub count: Option<usize>,
    /// Headers of Hessian 1.
    pub headers: Vec<(String, Value)>,
    /// Where the arguments begin: at their count in Hessian 2.
    pub arguments: usize,
    /// Where the first argument begins.
    pub first: usize,
}

/// The version that a call asks to be answered in, as far as its first bytes tell; what is no call at all has none.
#[must_use]
pub fn reply_version(call: &[u8]) -> Option<Version> {
    match *call {
        [b'c', major, ..] => Some(if major >= 2 { Version::Two } else { Version::One }),
        [b'c'] => Some(Version::One),
        [b'H', ..] | [b'C', ..] => Some(Version::Two),
        _ => None,
    }
}

impl<'m> CallHead<'m> {
    /// Reads the head of a call. A bare `C` without the version before it is taken as well, as by Spring's exporter.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] with the offset; [`ErrorKind::Protocol`] for an envelope.
    pub fn read(call: &'m Bytes, options: &ReadOptions) -> Result<Self> {
        let mut cursor = Cursor::new(call, 0);
        match cursor.byte("a call of Hessian ('c', 'H' or 'C')")? {
            b'c' => Self::read1(call, cursor, options),
            b'C' => Self::read2(cursor),
            b'H' => {
                // Java's servers look at neither.
                cursor.byte("the major version")?;
                cursor.byte("the minor version")?;
                if cursor.peek() == Some(b'E') {
                    let e = "Hessian's envelopes are not understood: no HTTP client of Caucho's sends one";
                    return Err(Error::new(ErrorKind::Protocol, e));
                }
                cursor.expect(b"C", "'C', a call")?;
                Self::read2(cursor)
            }
            other => {
                let e = format!("expected a call of Hessian ('c', 'H' or 'C'), found byte {other:#04x}");
                Err(Error::malformed(0, e))
            }
        }
    }

    fn read1(call: &'m Bytes, mut cursor: Cursor<'m>, options: &ReadOptions) -> Result<Self> {
        let major = cursor.byte("the major version")?;
        cursor.byte("the minor version")?;
        let mut headers = Vec::new();
        while cursor.peek() == Some(b'H') {
            cursor.byte("a header")?;
            let name = cursor.short_text()?.into_owned();
            let (value, end) = header(call, cursor.offset(), options)?;
            headers.push((name, value));
            cursor = Cursor::new(call, end);
        }
        cursor.expect(b"m", "'m', a method's name")?;
        let method = cursor.short_text()?;
        let reply = if major >= 2 { Version::Two } else { Version::One };
        let at = cursor.offset();
        Ok(Self { version: Version::One, reply, method, count: None, headers, arguments: at, first: at })
    }

    fn read2(mut cursor: Cursor<'m>) -> Result<Self> {
        let method = cursor.text()?;
        let arguments = cursor.offset();
        let count = cursor.int()?;
        let count = usize::try_from(count)
            .map_err(|_| Error::malformed(arguments, format!("expected a count of arguments, found {count}")))?;
        let first = cursor.offset();
        let version = Version::Two;
        Ok(Self { version, reply: version, method, count: Some(count), headers: Vec::new(), arguments, first })
    }

    /// The arguments, which are read when they are decoded.
    #[must_use]
    pub fn payload(&self, call: &Bytes, options: &ReadOptions) -> Payload<'static> {
        let format = HessianFormat::of(self.version, Part::Arguments, options);
        Payload::wire(call.clone(), self.arguments, format, options.limits.budget())
    }
}

// A header's value, and where it ends.
fn header(call: &Bytes, at: usize, options: &ReadOptions) -> Result<(Value, usize)> {
    let mut out = (Value::Null, at);
    let format = HessianFormat::of(Version::One, Part::Value, options);
    format.read(call, at, options.limits.budget(), &mut |source| {
        out = (Value::read_tree(source)?, source.offset());
        Ok(())
    })?;
    Ok(out)
}

/// Reads a reply: its result, or the fault in it. A result is read when it is decoded.
///
/// ```
/// use springline_hessian::{ReadOptions, parse_reply};
///
/// let reply = b"H\x02\x00R\x05hello".as_slice().into();
/// assert_eq!(parse_reply(&reply, &ReadOptions::new())?.unwrap().decode::<String>()?, "hello");
///
/// let reply = b"r\x01\x00I\x00\x00\x00\x2az".as_slice().into();
/// assert_eq!(parse_reply(&reply, &ReadOptions::new())?.unwrap().decode::<i32>()?, 42);
///
/// let empty = b"".as_slice().into();
/// assert!(parse_reply(&empty, &ReadOptions::new()).unwrap_err().to_string().contains("empty"));
/// # Ok::<(), springline_core::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Protocol`] for what is no reply, a draft of Hessian 2 and an empty or cut one among it,
/// [`ErrorKind::Malformed`] with the offset, [`ErrorKind::Limit`].
pub fn parse_reply(reply: &Bytes, options: &ReadOptions) -> Result<Result<Payload<'static>, Fault>> {
    let ReplyHead { version, is_fault, at } = ReplyHead::read(reply)?;
    if !is_fault {
        let format = HessianFormat::of(version, Part::Reply, options);
        return Ok(Ok(Payload::wire(reply.clone(), at, format, options.limits.budget())));
    }
    let format = HessianFormat::of(version, Part::Fault, options);
    let fault = Payload::wire(reply.clone(), at, format, options.limits.budget());
    let fault = fault.into_value().map_err(|e| cut_off(e, reply.len()))?;
    Ok(Err(Fault::from_value(fault)?))
}

/// What stands before a reply's value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplyHead {
    pub(crate) version: Version,
    pub(crate) is_fault: bool,
    pub(crate) at: usize,
}

impl ReplyHead {
    /// How many bytes are enough to read it.
    #[cfg(feature = "net")]
    pub(crate) const LONGEST: usize = 4;

    pub(crate) fn read(reply: &[u8]) -> Result<Self> {
        match *reply {
            [] => Err(no_reply(EMPTY)),
            [b'r', 2, ..] => Err(no_reply(
                "the reply is in the draft of Hessian 2 that servers of Caucho 3.1 and 3.2.0 speak, which is not \
                 understood: ask in Hessian 1",
            )),
            // The original's library ignores both bytes of the version, and so do we but for the draft's.
            [b'r', _, _, b'f', ..] => Ok(Self { version: Version::One, is_fault: true, at: 3 }),
            [b'r', _, _, _, ..] => Ok(Self { version: Version::One, is_fault: false, at: 3 }),
            [b'H', _, _, b'R', ..] => Ok(Self { version: Version::Two, is_fault: false, at: 4 }),
            [b'H', _, _, b'F', ..] => Ok(Self { version: Version::Two, is_fault: true, at: 4 }),
            [b'H', _, _, other, ..] => {
                Err(no_reply(format!("the reply of Hessian 2 has neither 'R' nor 'F' but byte {other:#04x}")))
            }
            [b'r' | b'H', ..] => Err(no_reply(format!("the reply is cut off after {} bytes", reply.len()))),
            [..] => Err(no_reply(format!("the answer is no Hessian: {}", shown(reply)))),
        }
    }
}

const EMPTY: &str =
    "the reply is empty: Java's servers answer so when they cannot read an argument or write the result";

fn no_reply(text: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Protocol, text)
}

/// The error of a reply that ends too early says so.
pub(crate) fn cut_off(e: Error, len: usize) -> Error {
    if !ends_early(&e) {
        return e;
    }
    let text = format!(
        "the reply is cut off after {len} bytes: Java's servers break off when they cannot read an argument or write the \
         result"
    );
    Error::new(ErrorKind::Protocol, text).with_source(e)
}

fn shown(reply: &[u8]) -> String {
    const SHOWN: usize = 60;
    let text = String::from_utf8_lossy(reply.get(..SHOWN * 4).unwrap_or(reply));
    let start: String = text.chars().take(SHOWN).collect();
    format!("it begins with {start:?}")
}

/// Appends a call to `out`. `args` is a list. After an error `out` is as it was.
///
/// ```
/// use springline_core::{Output, Payload};
/// use springline_hessian::{Dialect, WriteOptions, write_call};
///
/// let mut out = Output::new();
/// write_call(&mut out, Dialect::Hessian2, "echo", &Payload::borrowed(&("x",)), &WriteOptions::new())?;
/// assert_eq!(out.buf, b"H\x02\x00C\x04echo\x91\x01x");
/// out.clear();
/// write_call(&mut out, Dialect::Mixed, "echo", &Payload::borrowed(&("x",)), &WriteOptions::new())?;
/// assert_eq!(out.buf, b"c\x02\x00m\x00\x04echoS\x00\x01xz");
/// # Ok::<(), springline_core::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Encode`] for a value that Hessian has no form for.
pub fn write_call(
    out: &mut Output,
    dialect: Dialect,
    method: &str,
    args: &Payload<'_>,
    options: &WriteOptions,
) -> Result<()> {
    whole(out, |out| {
        write_call_head(out, dialect, method)?;
        write(dialect.call(), Part::Arguments, out, options, &mut |sink| args.encode(sink))?;
        finish_call(out, dialect);
        Ok(())
    })
}

/// What stands before the arguments.
pub(crate) fn write_call_head(out: &mut Output, dialect: Dialect, method: &str) -> Result<()> {
    match dialect {
        Dialect::Hessian1 => out.buf.extend_from_slice(b"c\x01\x00m"),
        Dialect::Mixed => out.buf.extend_from_slice(b"c\x02\x00m"),
        Dialect::Hessian2 => out.buf.extend_from_slice(b"H\x02\x00C"),
    }
    match dialect.call() {
        Version::One => push_short_text(&mut out.buf, method)?,
        Version::Two => push_text(&mut out.buf, method),
    }
    Ok(())
}

/// What stands behind the arguments.
pub(crate) fn finish_call(out: &mut Output, dialect: Dialect) {
    if dialect.call() == Version::One {
        out.buf.push(b'z');
    }
}

/// Appends a reply with a result to `out`. After an error `out` is as it was.
///
/// # Errors
/// [`ErrorKind::Encode`] for a value that Hessian has no form for.
pub fn write_reply(out: &mut Output, version: Version, result: &Payload<'_>, options: &WriteOptions) -> Result<()> {
    whole(out, |out| {
        write_reply_head(out, version);
        write(version, Part::Value, out, options, &mut |sink| result.encode(sink))?;
        finish_reply(&mut out.buf, version);
        Ok(())
    })
}

/// What stands before a result.
pub(crate) fn write_reply_head(out: &mut Output, version: Version) {
    match version {
        Version::One => out.buf.extend_from_slice(&REPLY1),
        Version::Two => out.buf.extend_from_slice(&[&REPLY2[..], b"R"].concat()),
    }
}

/// What stands behind a result or fault.
pub(crate) fn finish_reply(out: &mut Vec<u8>, version: Version) {
    if version == Version::One {
        out.push(b'z');
    }
}

/// Appends a reply with a fault to `out`, in the form that Java's servers give it.
///
/// # Errors
/// [`ErrorKind::Encode`] where something in the exception has no form in Hessian.
pub fn write_fault(out: &mut Output, version: Version, fault: &Fault, options: &WriteOptions) -> Result<()> {
    whole(out, |out| {
        match version {
            Version::One => out.buf.extend_from_slice(&REPLY1),
            Version::Two => out.buf.extend_from_slice(&[&REPLY2[..], b"F"].concat()),
        }
        write(version, Part::Fault, out, options, &mut |sink| fault.encode(sink))?;
        finish_reply(&mut out.buf, version);
        Ok(())
    })
}

fn whole(out: &mut Output, f: impl FnOnce(&mut Output) -> Result<()>) -> Result<()> {
    let (len, blobs) = (out.buf.len(), out.blobs().len());
    f(out).inspect_err(|_| out.truncate(len, blobs))
}
