//! The pickle writer.

use num_bigint::BigInt;
use num_traits::ToPrimitive;
use springline_core::{Bytes, Container, DateTime, Error, ErrorKind, ListKind, Output, RemoteRef, Result, Sink};

use super::decode::{ARGS, ITEMS, KWARGS, STATE};
use super::literal::MAX_TEXT_BYTES;
use crate::codec::float::push_f64;
use crate::codec::stack::Stack;
use crate::{Generation, fault};

/// Writes events as one pickle, from PROTO to STOP.
///
/// Containers are put into the memo under their numbers, so that what is shared, or contains itself, stays so. A tuple
/// or set that contains itself is an error, and so are keys and set members that Python could not hash; the output then
/// holds the part written so far.
#[derive(Debug)]
pub struct Encoder<'o> {
    pub(super) out: &'o mut Output,
    pub(super) protocol: u8,
    pub(super) peer: Peer,
    /// That of containers that need nothing around their items.
    pace: Pace,
    pub(super) instances: bool,
    frames: Stack<Frame>,
    pub(super) top: Frame,
    /// Items of the open containers, or keys and values. Apart from the frames, since it changes with every value, and
    /// reading a word of which a part was just written makes the processor wait.
    counts: Stack<u32>,
    count: u32,
    pub(super) begun: u32,
}

/// Whom it is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// Python 2 with Pyro 3: text is `str` where it can be.
    Pyro3,
    /// Python 2 or 3 with Pyro 4 before 4.38: URIs and proxies have another state in each release, so they are made by
    /// their constructors.
    OldPyro4,
    /// Python 2 or 3 with Pyro 4.
    Pyro4,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shape {
    /// Around the value itself.
    #[default]
    Message,
    Done,
    List,
    /// With the number of items, where that was told and is one that has an opcode of its own.
    Tuple(u8),
    Set,
    FrozenSet,
    Map,
    /// An object as a dict with `__class__`.
    Dict,
    /// An object as an instance: see [`Part`].
    Instance(Make, Part),
}

/// How a class is made an instance of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Make {
    /// By `cls.__new__`, without `__init__`.
    New,
    /// By a call.
    Call,
    /// As Python 2 makes instances of old-style classes.
    Old,
}

/// What comes next of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The class was named.
    Named,
    /// The arguments are next.
    Args,
    /// The mark that exceptions have among fields is next.
    Marker,
    /// A dict that is the state is next.
    State,
    /// The instance is there.
    Made,
    /// A dict of fields is open.
    Fields,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame {
    shape: Shape,
    pub(super) number: u32,
    /// Whether Python has to hash what lies in here.
    hashed: bool,
    pace: Pace,
}

/// What the usual values take in a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pace {
    /// Something may have to be written around them.
    #[default]
    Slow,
    /// Nothing has.
    Plain,
    /// Nothing has, and they are written as protocols 2 and 3 write them for Python 3 or Pyro 4.
    Fast,
}

impl Pace {
    fn of(protocol: u8, peer: Peer) -> Self {
        match protocol {
            0 => Self::Slow,
            2 | 3 if peer != Peer::Pyro3 => Self::Fast,
            _ => Self::Plain,
        }
    }
}

const NO_STATE: &str = "pickle: a value where an object's next field name belongs";

#[cold]
fn misuse(what: &'static str) -> Error {
    Error::new(ErrorKind::Internal, what)
}

impl<'o> Encoder<'o> {
    /// Appends one pickle of protocol 2 to `out`, for Pyro 4 on Python 2 or 3. Text is Python 2's `unicode`; bytes are
    /// what both take for bytes.
    #[must_use]
    pub fn new(out: &'o mut Output, generation: Generation) -> Self {
        Self::of(out, if generation.is_old() { Peer::OldPyro4 } else { Peer::Pyro4 })
    }

    /// Appends one pickle of protocol 2 to `out`, for Pyro 3 on Python 2: ASCII text and bytes are `str`, other text is
    /// `unicode`.
    #[must_use]
    pub fn pyro3(out: &'o mut Output) -> Self {
        Self::of(out, Peer::Pyro3)
    }

    fn of(out: &'o mut Output, peer: Peer) -> Self {
        Self {
            out,
            protocol: 2,
            peer,
            pace: Pace::of(2, peer),
            instances: false,
            frames: Stack::new(),
            top: Frame::default(),
            counts: Stack::new(),
            count: 0,
            begun: 0,
        }
    }

    /// Writes another protocol: 0 to 4. Python 2 reads up to 2, Python 3.4 and later all.
    #[must_use]
    pub fn with_protocol(mut self, protocol: u8) -> Self {
        self.protocol = protocol.min(4);
        self.pace = Pace::of(self.protocol, self.peer);
        self
    }

    /// Writes objects as instances of their classes, which the peer imports and makes without calling `__init__`.
    ///
    /// For objects whose class names are the program's own. Where values are passed on from others, whoever made them
    /// names the classes.
    #[must_use]
    pub fn with_instances(mut self, instances: bool) -> Self {
        self.instances = instances;
        self
    }

    // What stands before any value.
    #[inline]
    pub(super) fn value(&mut self) -> Result<()> {
        if self.top.pace == Pace::Slow { self.other_value() } else { Ok(()) }
    }

    #[cold]
    fn other_value(&mut self) -> Result<()> {
        match self.top.shape {
            Shape::Message => {
                if self.protocol >= 2 {
                    self.out.buf.extend_from_slice(&[0x80, self.protocol]);
                }
                Ok(())
            }
            Shape::Done => Err(misuse("pickle: a second value after the message's only one")),
            Shape::Instance(_, Part::Named | Part::Made) => Err(misuse(NO_STATE)),
            _ => Ok(()),
        }
    }

    // What stands behind any value.
    #[inline]
    pub(super) fn done(&mut self) -> Result<()> {
        self.count = self.count.wrapping_add(1);
        if self.top.pace == Pace::Slow { self.done_other() } else { Ok(()) }
    }

    #[cold]
    fn done_other(&mut self) -> Result<()> {
        match self.top.shape {
            // Without a MARK around them, items are put into their container one by one.
            Shape::List if self.protocol == 0 => self.out.buf.push(b'a'),
            Shape::Map | Shape::Dict if self.protocol == 0 && self.count.is_multiple_of(2) => {
                self.out.buf.push(b's');
            }
            Shape::Message => {
                self.out.buf.push(b'.');
                self.top.shape = Shape::Done;
            }
            Shape::Instance(make, Part::Args) => {
                self.out.buf.push(if make == Make::New && self.protocol >= 2 { 0x81 } else { b'R' });
                self.put(self.top.number);
                self.top.shape = Shape::Instance(make, Part::Made);
            }
            Shape::Instance(make, Part::State) => {
                self.out.buf.push(b'b');
                self.top.shape = Shape::Instance(make, Part::Made);
            }
            Shape::Instance(make, Part::Marker) => {
                self.out.buf.push(b'0');
                self.top.shape = Shape::Instance(make, Part::Named);
            }
            Shape::Instance(_, Part::Fields) if self.protocol == 0 && self.count.is_multiple_of(2) => {
                self.out.buf.push(b's');
            }
            _ => {}
        }
        Ok(())
    }

    // Whether what comes next is a key or a set's member, or lies in one.
    #[inline]
    fn must_hash(&self) -> bool {
        self.top.hashed
            || match self.top.shape {
                Shape::Set | Shape::FrozenSet => true,
                Shape::Map => self.count.is_multiple_of(2),
                _ => false,
            }
    }

    // Puts what is on the top of the stack into the memo.
    #[inline]
    pub(super) fn put(&mut self, number: u32) {
        match u8::try_from(number) {
            _ if self.protocol == 0 => self.line(b'p', itoa::Buffer::new().format(number).as_bytes()),
            Ok(n) => self.out.buf.extend_from_slice(&[b'q', n]),
            Err(_) => self.sized(b'r', number),
        }
    }

    #[inline(always)]
    pub(super) fn sized(&mut self, code: u8, len: u32) {
        let [a, b, c, d] = len.to_le_bytes();
        self.out.buf.extend_from_slice(&[code, a, b, c, d]);
    }

    pub(super) fn line(&mut self, code: u8, text: &[u8]) {
        self.out.buf.push(code);
        self.out.buf.extend_from_slice(text);
        self.out.buf.push(b'\n');
    }

    // A class or function, under the names of the Python that reads this protocol.
    pub(super) fn global(&mut self, module: &str, name: &str) {
        let module = match module {
            "builtins" if self.protocol < 3 && fault::is_builtin_exception(name) => "exceptions",
            "builtins" if self.protocol < 3 => "__builtin__",
            other => other,
        };
        self.out.buf.push(b'c');
        self.out.buf.extend_from_slice(module.as_bytes());
        self.out.buf.push(b'\n');
        self.out.buf.extend_from_slice(name.as_bytes());
        self.out.buf.push(b'\n');
    }

    // The parts of values that are written by a call. Their own protocol-independent forms, without the memo.

    pub(super) fn open_args(&mut self) {
        self.out.buf.push(b'(');
    }

    pub(super) fn call(&mut self) {
        self.out.buf.extend_from_slice(b"tR");
    }

    #[inline]
    pub(super) fn int(&mut self, v: i64) {
        if self.protocol == 0 {
            self.line(b'I', itoa::Buffer::new().format(v).as_bytes());
        } else if let Ok(v) = u8::try_from(v) {
            self.out.buf.extend_from_slice(&[b'K', v]);
        } else if let Ok(v) = u16::try_from(v) {
            let [a, b] = v.to_le_bytes();
            self.out.buf.extend_from_slice(&[b'M', a, b]);
        } else if let Ok(v) = i32::try_from(v) {
            self.sized(b'J', v.cast_unsigned());
        } else {
            self.long_int(v);
        }
    }

    fn long_int(&mut self, v: i64) {
        // Python 2 has an `int` of 64 bits, which no other opcode gives.
        if self.peer == Peer::Pyro3 || self.protocol < 2 {
            self.line(b'I', itoa::Buffer::new().format(v).as_bytes());
        } else {
            self.out.buf.extend_from_slice(&[0x8a, 8]);
            self.out.buf.extend_from_slice(&v.to_le_bytes());
        }
    }

    #[inline]
    pub(super) fn float(&mut self, v: f64) {
        if self.protocol > 0 {
            let [a, b, c, d, e, f, g, h] = v.to_be_bytes();
            self.out.buf.extend_from_slice(&[b'G', a, b, c, d, e, f, g, h]);
        } else {
            self.float_text(v);
        }
    }

    fn float_text(&mut self, v: f64) {
        self.out.buf.push(b'F');
        match v {
            v if v.is_nan() => self.out.buf.extend_from_slice(b"nan"),
            v if v.is_infinite() => self.out.buf.extend_from_slice(if v < 0.0 { b"-inf" } else { b"inf" }),
            v => push_f64(&mut self.out.buf, v),
        }
        self.out.buf.push(b'\n');
    }

    #[inline(never)]
    fn other_str(&mut self, v: &str) -> Result<()> {
        self.value()?;
        self.text(v)?;
        self.done()
    }

    #[inline]
    pub(super) fn text(&mut self, text: &str) -> Result<()> {
        if self.peer == Peer::Pyro3 || self.protocol == 0 {
            return self.text_for_python2(text);
        }
        match u8::try_from(text.len()) {
            Ok(len) if self.protocol >= 4 => self.out.buf.extend_from_slice(&[0x8c, len]),
            _ => self.sized(b'X', length(text.len())?),
        }
        self.out.buf.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn text_for_python2(&mut self, text: &str) -> Result<()> {
        if self.peer == Peer::Pyro3 && text.is_ascii() {
            return self.python2_str(text.as_bytes());
        }
        if self.protocol == 0 {
            self.unicode(text);
            return Ok(());
        }
        self.sized(b'X', length(text.len())?);
        self.out.buf.extend_from_slice(text.as_bytes());
        Ok(())
    }

    // A list or dict, which is in the memo before its items come.
    #[inline]
    pub(super) fn open_marked(&mut self, opcode: u8, shape: Shape) {
        match u8::try_from(self.begun) {
            Ok(n) => self.out.buf.extend_from_slice(&[opcode, b'q', n, b'(']),
            Err(_) => {
                let [a, b, c, d] = self.begun.to_le_bytes();
                self.out.buf.extend_from_slice(&[opcode, b'r', a, b, c, d, b'(']);
            }
        }
        self.open(shape, false);
    }

    #[inline]
    pub(super) fn open(&mut self, shape: Shape, hashed: bool) {
        let pace = match shape {
            Shape::Message | Shape::Done | Shape::Instance(..) => Pace::Slow,
            _ => self.pace,
        };
        let frame = Frame { shape, number: self.begun, hashed, pace };
        self.begun = self.begun.wrapping_add(1);
        self.counts.push(std::mem::take(&mut self.count));
        self.frames.push(std::mem::replace(&mut self.top, frame));
    }

    // Takes back the MARK where nothing followed it.
    fn unmark(&mut self) -> bool {
        if self.count == 0 {
            self.out.buf.pop();
        }
        self.count == 0
    }
}

// Python reads some of the lengths as signed.
const MAX_LENGTH: usize = i32::MAX as usize;

pub(super) fn length(len: usize) -> Result<u32> {
    match u32::try_from(len) {
        Ok(short) if len <= MAX_LENGTH => Ok(short),
        _ => Err(Error::encode(format!("pickle: a text or bytes of {len} bytes, at most 2147483647 fit"))),
    }
}

impl Sink for Encoder<'_> {
    fn null(&mut self) -> Result<()> {
        self.value()?;
        self.out.buf.push(b'N');
        self.done()
    }

    #[inline]
    fn bool(&mut self, v: bool) -> Result<()> {
        if self.top.pace == Pace::Fast {
            self.out.buf.push(0x89 - u8::from(v));
            self.count = self.count.wrapping_add(1);
            return Ok(());
        }
        self.value()?;
        match v {
            _ if self.protocol < 2 => self.line(b'I', if v { b"01" } else { b"00" }),
            true => self.out.buf.push(0x88),
            false => self.out.buf.push(0x89),
        }
        self.done()
    }

    #[inline]
    fn i32(&mut self, v: i32) -> Result<()> {
        self.i64(v.into())
    }

    #[inline]
    fn i64(&mut self, v: i64) -> Result<()> {
        self.value()?;
        self.int(v);
        self.done()
    }

    fn big(&mut self, v: &BigInt) -> Result<()> {
        if let Some(v) = v.to_i64() {
            return self.i64(v);
        }
        self.value()?;
        let bytes = v.to_signed_bytes_le();
        if self.protocol < 2 {
            if bytes.len() > MAX_TEXT_BYTES {
                return Err(Error::encode("pickle: so long an integer needs protocol 2"));
            }
            let mut text = v.to_string();
            text.push('L');
            self.line(b'L', text.as_bytes());
        } else {
            match u8::try_from(bytes.len()) {
                Ok(len) => self.out.buf.extend_from_slice(&[0x8a, len]),
                Err(_) => self.sized(0x8b, length(bytes.len())?),
            }
            self.out.buf.extend_from_slice(&bytes);
        }
        self.done()
    }

    #[inline]
    fn f64(&mut self, v: f64) -> Result<()> {
        self.value()?;
        self.float(v);
        self.done()
    }

    // Always inlined: names of fields are constants, and are written by a store or two then.
    #[inline(always)]
    fn str(&mut self, v: &str) -> Result<()> {
        if self.top.pace != Pace::Fast || v.len() > MAX_LENGTH {
            return self.other_str(v);
        }
        self.sized(b'X', v.len() as u32);
        self.out.buf.extend_from_slice(v.as_bytes());
        self.count = self.count.wrapping_add(1);
        Ok(())
    }

    fn bytes(&mut self, v: &[u8]) -> Result<()> {
        self.blob(Bytes::copy_from_slice(v))
    }

    fn blob(&mut self, v: Bytes) -> Result<()> {
        self.value()?;
        match (self.peer, self.protocol) {
            (Peer::Pyro3, 0) => self.python2_str(&v)?,
            (Peer::Pyro3, _) => {
                self.python2_str_start(v.len())?;
                self.out.blob(v);
            }
            (_, 0..3) => self.encoded_bytes(&v)?,
            _ => {
                match u8::try_from(v.len()) {
                    Ok(len) => self.out.buf.extend_from_slice(&[b'C', len]),
                    Err(_) => self.sized(b'B', length(v.len())?),
                }
                self.out.blob(v);
            }
        }
        self.done()
    }

    fn datetime(&mut self, v: &DateTime) -> Result<()> {
        self.value()?;
        self.datetime_value(v)?;
        self.done()
    }

    fn remote(&mut self, v: &RemoteRef) -> Result<()> {
        self.value()?;
        self.remote_value(v)?;
        self.done()
    }

    fn decimal(&mut self, v: &str) -> Result<()> {
        self.value()?;
        self.global("decimal", "Decimal");
        self.open_args();
        self.text(v)?;
        self.call();
        self.done()
    }

    fn complex(&mut self, re: f64, im: f64) -> Result<()> {
        self.value()?;
        self.global("builtins", "complex");
        self.open_args();
        self.float(re);
        self.float(im);
        self.call();
        self.done()
    }

    #[inline]
    fn has_back(&self) -> bool {
        true
    }

    #[inline]
    fn begun(&self) -> u32 {
        self.begun
    }

    fn back(&mut self, n: u32) -> Result<()> {
        self.value()?;
        let late = |frame: Frame| {
            frame.number == n
                && match frame.shape {
                    Shape::Tuple(_) | Shape::FrozenSet => true,
                    Shape::Set => self.protocol < 4,
                    Shape::Instance(_, part) => matches!(part, Part::Named | Part::Args | Part::Marker),
                    _ => false,
                }
        };
        if late(self.top) || self.frames.iter().any(late) {
            let what = "pickle: a tuple or set that contains itself cannot be written while it is being made";
            return Err(Error::encode(what));
        }
        match u8::try_from(n) {
            _ if self.protocol == 0 => self.line(b'g', itoa::Buffer::new().format(n).as_bytes()),
            Ok(n) => self.out.buf.extend_from_slice(&[b'h', n]),
            Err(_) => self.sized(b'j', n),
        }
        self.done()
    }

    #[inline]
    fn begin(&mut self, c: Container<'_>) -> Result<()> {
        let hashed = self.must_hash();
        if self.top.pace == Pace::Fast && !hashed {
            match c {
                Container::List { kind: ListKind::List, .. } => {
                    self.open_marked(b']', Shape::List);
                    return Ok(());
                }
                Container::Map { .. } => {
                    self.open_marked(b'}', Shape::Map);
                    return Ok(());
                }
                _ => {}
            }
        }
        self.begin_other(c, hashed)
    }

    #[inline]
    fn key(&mut self, name: &str) -> Result<()> {
        let Shape::Instance(make, part) = self.top.shape else {
            self.text(name)?;
            return self.done();
        };
        let next = match (part, name) {
            (_, KWARGS | STATE | ITEMS) => {
                return Err(Error::encode(format!("pickle: an object with {name} is not written as an instance")));
            }
            (Part::Made, ARGS) => {
                return Err(Error::encode("pickle: arguments of an instance come first, and need protocol 2"));
            }
            (Part::Named, "__exception__") => Part::Marker,
            (Part::Named, "args" | ARGS) if make != Make::New || name == ARGS => Part::Args,
            (Part::Made, "attributes") if make == Make::Call => Part::State,
            (Part::Fields, _) => {
                self.text(name)?;
                return self.done();
            }
            (Part::Named | Part::Made, _) => {
                self.make(make, part);
                self.out.buf.extend_from_slice(match self.protocol {
                    0 => b"(d".as_slice(),
                    _ => b"}(",
                });
                self.top.shape = Shape::Instance(make, Part::Fields);
                self.count = 0;
                self.text(name)?;
                return self.done();
            }
            _ => return Err(misuse("pickle: a field's name where its value belongs")),
        };
        self.top.shape = Shape::Instance(make, next);
        Ok(())
    }

    #[inline]
    fn end(&mut self) -> Result<()> {
        let close = match self.top.shape {
            Shape::List => b'e',
            Shape::Map => b'u',
            _ => return self.other_end(),
        };
        if self.top.pace == Pace::Slow {
            return self.other_end();
        }
        if !self.unmark() {
            self.out.buf.push(close);
        }
        self.ended()
    }
}

impl Encoder<'_> {
    // Goes back to what is around a container.
    #[inline]
    fn ended(&mut self) -> Result<()> {
        let (Some(outer), Some(count)) = (self.frames.pop(), self.counts.pop()) else {
            return Err(misuse("pickle: the end of a container that was not begun"));
        };
        (self.top, self.count) = (outer, count);
        self.done()
    }

    fn other_end(&mut self) -> Result<()> {
        let text = self.protocol == 0;
        match self.top.shape {
            Shape::List => {
                if !text && !self.unmark() {
                    self.out.buf.push(b'e');
                }
            }
            Shape::Map | Shape::Dict => {
                if !text && !self.unmark() {
                    self.out.buf.push(b'u');
                }
            }
            Shape::Tuple(0) => {
                if !text && self.unmark() {
                    self.out.buf.push(b')');
                } else {
                    self.out.buf.push(b't');
                }
                self.put(self.top.number);
            }
            Shape::Tuple(len) => {
                if self.count != len.into() {
                    return Err(misuse("pickle: a tuple of another length than was told"));
                }
                self.out.buf.push(0x84 + len);
                self.put(self.top.number);
            }
            Shape::Set if self.protocol >= 4 => {
                if !self.unmark() {
                    self.out.buf.push(0x90);
                }
            }
            Shape::FrozenSet if self.protocol >= 4 => {
                self.out.buf.push(0x91);
                self.put(self.top.number);
            }
            Shape::Set | Shape::FrozenSet => {
                self.out.buf.extend_from_slice(b"ltR");
                self.put(self.top.number);
            }
            Shape::Instance(_, Part::Fields) => {
                self.out.buf.extend_from_slice(if text { b"b" } else { b"ub" });
            }
            Shape::Instance(make, part @ (Part::Named | Part::Made)) => self.make(make, part),
            Shape::Instance(..) => return Err(misuse("pickle: a field's name without its value")),
            Shape::Message | Shape::Done => {}
        }
        self.ended()
    }
}

#[cfg(test)]
mod tests {
    use springline_core::Value;

    use super::*;

    fn written(value: &Value, protocol: u8, pace: Option<Pace>) -> Result<Vec<u8>> {
        let mut out = Output::new();
        let mut encoder = Encoder::new(&mut out, Generation::Pyro4).with_protocol(protocol);
        encoder.pace = pace.unwrap_or(encoder.pace);
        value.write(&mut encoder)?;
        Ok(out.to_vec())
    }

    #[test]
    fn the_fast_way_writes_what_the_other_writes() {
        let text = |n: usize| Value::from("ab".repeat(n));
        let pairs =
            (0..300).map(|n| (text(n), Value::List(vec![text(n), Value::I64(n as i64), Value::Bool(n % 2 == 0)])));
        let object = Value::object("a.B", vec![("x".into(), text(1)), ("y".into(), Value::List(vec![]))]);
        let tuple = |items: &[usize]| Value::Tuple(items.iter().map(|n| text(*n)).collect());
        let values = [
            Value::Map(pairs.collect()),
            Value::List(vec![Value::Map(vec![]), Value::F64(0.5), Value::Null, object, Value::Back(1)]),
            Value::List(vec![tuple(&[]), tuple(&[1, 2]), tuple(&[1, 2, 3, 4]), Value::Set(vec![tuple(&[1]), text(2)])]),
            Value::Map(vec![(tuple(&[1]), Value::Map(vec![(Value::I64(1), Value::FrozenSet(vec![text(1)]))]))]),
        ];
        for value in &values {
            for protocol in [2, 3] {
                let fast = written(value, protocol, None).unwrap();
                assert_eq!(fast, written(value, protocol, Some(Pace::Plain)).unwrap());
            }
        }
        // Python hashes no list, wherever it stands in a key.
        let bad = Value::Map(vec![(Value::Tuple(vec![Value::List(vec![])]), Value::Null)]);
        for pace in [Pace::Fast, Pace::Plain] {
            assert!(written(&bad, 2, Some(pace)).is_err());
        }
    }
}
