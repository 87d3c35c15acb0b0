//! The JSON writer.

use num_bigint::BigInt;
use springline_core::{Container, DateTime, Error, ErrorKind, ListKind, Output, RemoteRef, Result, Sink};

use super::MAX_INT_DIGITS;
use crate::codec::float::push_f64;
use crate::codec::stack::Stack;
use crate::{Generation, special};

/// Writes events as JSON, byte for byte as Pyro's `json` serializer does on CPython 3.11.
///
/// Needs no lengths beforehand and makes no copy of what it is given. What JSON or Pyro has no form for is an
/// [`ErrorKind::Encode`] error; the output then holds the part written so far.
#[derive(Debug)]
pub struct Encoder<'o> {
    out: &'o mut Output,
    generation: Generation,
    state: State,
    stack: Stack<u8>,
}

// What may come next in the innermost container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Top,
    Done,
    ListFirst,
    List,
    MapFirst,
    Map,
    MapValue,
    Object,
    ObjectValue,
}

// Marks on the stack: what a container lies in.
const IN_TOP: u8 = 0;
const IN_LIST: u8 = 1;
const IN_MAP: u8 = 2;
const IN_OBJECT: u8 = 3;

// Bits of 10^MAX_INT_DIGITS: an integer of more bits has more digits.
const MAX_INT_BITS: u64 = 14_285;

#[cold]
fn no_form(what: &str, serializers: &str) -> Error {
    Error::encode(format!("Pyro's json has no form for {what}: send text instead, or use {serializers}"))
}

#[cold]
fn bad_key(what: &str) -> Error {
    Error::encode(format!("json: keys must be str, int, float, bool or None, not {what}"))
}

#[cold]
fn misuse(state: State) -> Error {
    Error::new(
        ErrorKind::Internal,
        match state {
            State::Done => "json: a second value after the message's only one",
            State::Object => "json: a value where an object's next field name belongs",
            State::MapValue | State::ObjectValue => "json: a container ends between a key and its value",
            _ => "json: a key or an end outside its container",
        },
    )
}

impl<'o> Encoder<'o> {
    /// Appends one value to `out`. The generation decides the class names of URIs and proxies.
    pub fn new(out: &'o mut Output, generation: Generation) -> Self {
        Self { out, generation, state: State::Top, stack: Stack::new() }
    }

    // Separator before something that cannot be a map's key.
    #[inline]
    fn value(&mut self, what: &str) -> Result<()> {
        self.state = match self.state {
            State::List => {
                self.out.buf.extend_from_slice(b", ");
                State::List
            }
            State::ListFirst => State::List,
            State::MapValue => State::Map,
            State::ObjectValue => State::Object,
            State::Top => State::Done,
            State::MapFirst | State::Map => return Err(bad_key(what)),
            state @ (State::Done | State::Object) => return Err(misuse(state)),
        };
        Ok(())
    }

    // A scalar that Python's json also takes as a key, then in quotes.
    #[inline]
    fn scalar(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        if !self.at_key() {
            self.value("")?;
            write(&mut self.out.buf);
            return Ok(());
        }
        self.out.buf.push(b'"');
        write(&mut self.out.buf);
        self.out.buf.extend_from_slice(b"\": ");
        Ok(())
    }

    // Whether a map's key comes now; then also its separator is written.
    #[inline]
    fn at_key(&mut self) -> bool {
        match self.state {
            State::MapFirst => {}
            State::Map => self.out.buf.extend_from_slice(b", "),
            _ => return false,
        }
        self.state = State::MapValue;
        true
    }
}

impl Sink for Encoder<'_> {
    fn null(&mut self) -> Result<()> {
        self.scalar(|out| out.extend_from_slice(b"null"))
    }

    fn bool(&mut self, v: bool) -> Result<()> {
        self.scalar(|out| out.extend_from_slice(if v { b"true" } else { b"false" }))
    }

    fn i32(&mut self, v: i32) -> Result<()> {
        self.i64(v.into())
    }

    fn i64(&mut self, v: i64) -> Result<()> {
        self.scalar(|out| out.extend_from_slice(itoa::Buffer::new().format(v).as_bytes()))
    }

    fn big(&mut self, v: &BigInt) -> Result<()> {
        // Asked first, because printing takes quadratic time.
        let digits = if v.bits() <= MAX_INT_BITS { v.to_string() } else { String::new() };
        if digits.is_empty() || digits.trim_start_matches('-').len() > MAX_INT_DIGITS {
            return Err(Error::encode(format!(
                "json: an integer of more than {MAX_INT_DIGITS} digits, which Python refuses"
            )));
        }
        self.scalar(|out| out.extend_from_slice(digits.as_bytes()))
    }

    fn f64(&mut self, v: f64) -> Result<()> {
        self.scalar(|out| {
            if v.is_finite() {
                push_f64(out, v);
            } else if v.is_nan() {
                out.extend_from_slice(b"NaN");
            } else {
                out.extend_from_slice(if v > 0.0 { b"Infinity" } else { b"-Infinity" });
            }
        })
    }

    fn str(&mut self, v: &str) -> Result<()> {
        if self.at_key() {
            push_text(&mut self.out.buf, v);
            self.out.buf.extend_from_slice(b": ");
            return Ok(());
        }
        self.value("str")?;
        push_text(&mut self.out.buf, v);
        Ok(())
    }

    fn bytes(&mut self, _v: &[u8]) -> Result<()> {
        self.value("bytes")?;
        Err(no_form("bytes", "the serpent, marshal or msgpack serializer"))
    }

    fn datetime(&mut self, v: &DateTime) -> Result<()> {
        special::check_years(v)?;
        match (v.date, v.time) {
            (Some(_), Some(_)) => self.value("datetime.datetime")?,
            (Some(_), None) => self.value("datetime.date")?,
            (None, _) => {
                self.value("datetime.time")?;
                return Err(no_form("datetime.time", "the serpent serializer"));
            }
        }
        push_text(&mut self.out.buf, &v.to_string());
        Ok(())
    }

    fn decimal(&mut self, v: &str) -> Result<()> {
        self.value("decimal.Decimal")?;
        push_text(&mut self.out.buf, v);
        Ok(())
    }

    fn complex(&mut self, _re: f64, _im: f64) -> Result<()> {
        self.value("complex")?;
        Err(no_form("complex numbers", "the serpent, marshal or msgpack serializer"))
    }

    fn remote(&mut self, v: &RemoteRef) -> Result<()> {
        let generation = self.generation;
        special::write_remote(self, v, generation)
    }

    fn begin(&mut self, c: Container<'_>) -> Result<()> {
        let around = match self.state {
            State::List | State::ListFirst => IN_LIST,
            State::MapValue => IN_MAP,
            State::ObjectValue => IN_OBJECT,
            _ => IN_TOP,
        };
        self.value(match c {
            Container::List { kind: ListKind::List, .. } => "list",
            Container::List { kind: ListKind::Tuple, .. } => "tuple",
            Container::List { kind: ListKind::Set, .. } => "set",
            Container::List { kind: ListKind::FrozenSet, .. } => "frozenset",
            Container::Map { .. } => "dict",
            Container::Object { class, .. } => class,
        })?;
        self.state = match c {
            Container::List { kind: ListKind::FrozenSet, .. } => {
                return Err(no_form("frozenset", "a set, or the serpent or marshal serializer"));
            }
            Container::List { .. } => {
                self.out.buf.push(b'[');
                State::ListFirst
            }
            Container::Map { .. } => {
                self.out.buf.push(b'{');
                State::MapFirst
            }
            Container::Object { class, .. } => {
                self.out.buf.extend_from_slice(b"{\"__class__\": ");
                push_text(&mut self.out.buf, class);
                State::Object
            }
        };
        self.stack.push(around);
        Ok(())
    }

    fn key(&mut self, name: &str) -> Result<()> {
        if self.state != State::Object {
            return Err(misuse(self.state));
        }
        self.state = State::ObjectValue;
        self.out.buf.extend_from_slice(b", ");
        push_text(&mut self.out.buf, name);
        self.out.buf.extend_from_slice(b": ");
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.out.buf.push(match self.state {
            State::ListFirst | State::List => b']',
            State::MapFirst | State::Map | State::Object => b'}',
            state => return Err(misuse(state)),
        });
        self.state = match self.stack.pop() {
            Some(IN_LIST) => State::List,
            Some(IN_MAP) => State::Map,
            Some(IN_OBJECT) => State::Object,
            _ => State::Done,
        };
        Ok(())
    }

    fn i64s(&mut self, v: &[i64]) -> Result<()> {
        let ([first, rest @ ..], State::ListFirst | State::List) = (v, self.state) else {
            return v.iter().try_for_each(|&x| self.i64(x));
        };
        self.i64(*first)?;
        self.out.buf.reserve(rest.len() * 4);
        let mut digits = itoa::Buffer::new();
        for &x in rest {
            self.out.buf.extend_from_slice(b", ");
            self.out.buf.extend_from_slice(digits.format(x).as_bytes());
        }
        Ok(())
    }
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = find_special(rest) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&special, tail)) = tail.split_first() else { break };
        out.push(b'\\');
        match escape(special) {
            b'u' => {
                const HEX: [u8; 16] = *b"0123456789abcdef";
                out.extend_from_slice(b"u00");
                out.extend([special >> 4, special & 15].iter().filter_map(|d| HEX.get(usize::from(*d))));
            }
            letter => out.push(letter),
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

// The first byte that needs an escape. Whole chunks are tested first: that compiles to vector instructions.
fn find_special(text: &[u8]) -> Option<usize> {
    let mut start = 0;
    for chunk in text.chunks(32) {
        if chunk.iter().fold(false, |found, &b| found | (b < 0x20) | (b == b'"') | (b == b'\\')) {
            return chunk.iter().position(|&b| escape(b) != 0).map(|at| start + at);
        }
        start += chunk.len();
    }
    None
}

// What Python's `py_encode_basestring` does with a byte: 0 as it is, `u` as \u00xx, else a backslash and this letter.
#[inline]
fn escape(b: u8) -> u8 {
    match b {
        b'"' | b'\\' => b,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        0..0x20 => b'u',
        _ => 0,
    }
}
