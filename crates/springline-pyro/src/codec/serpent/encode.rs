//! The writing half.

use springline_core::{BigInt, Bytes, Container, DateTime, Error, ListKind, Output, RemoteRef, Result, Sink};

use super::{HEADER, MAX_DEPTH, MAX_INT_DIGITS, base64, repr};
use crate::codec::float;
use crate::codec::stack::Stack;
use crate::{Generation, special};

/// Writes one Python literal, as serpent 1.43 does for Pyro.
///
/// What serpent refuses is an [`Encode`](springline_core::ErrorKind::Encode) error, and so is what it writes but cannot
/// read: keys of a dict and members of a set must be numbers, text, bools, tuples or, with
/// [`with_bytes_repr`](Self::with_bytes_repr), bytes; brackets nest at most [`MAX_DEPTH`] levels and integers have at
/// most [`MAX_INT_DIGITS`] digits. References back into the message do not exist here.
#[derive(Debug)]
pub struct Encoder<'o> {
    out: &'o mut Output,
    generation: Generation,
    bytes_repr: bool,
    // The innermost container; the others are on the stack.
    top: Frame,
    stack: Stack<Frame>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shape {
    #[default]
    Root,
    List,
    Tuple,
    Set,
    Map,
    Object,
}

#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    shape: Shape,
    // Items, or keys, so far; beyond two it does not matter.
    count: u8,
    // In a map or object: a key was written and its value has not been.
    has_key: bool,
    // Whether it is part of a key or of a member of a set.
    hashed: bool,
}

// How a value does as a key or member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    /// Serpent writes it and reads it.
    Fine,
    /// Serpent refuses it, though not inside of a tuple.
    Refused,
    /// It could not be read.
    Unreadable,
}

impl<'o> Encoder<'o> {
    /// An encoder that appends to `out`. `generation` decides the class names of references to remote objects.
    #[must_use]
    pub fn new(out: &'o mut Output, generation: Generation) -> Self {
        Self { out, generation, bytes_repr: false, top: Frame::default(), stack: Stack::new() }
    }

    /// Whether bytes are written as `b'..'` literals instead of dicts of base64 text: Pyro's `SERPENT_BYTES_REPR`.
    /// Readers of serpent 1.43 accept both.
    #[must_use]
    pub fn with_bytes_repr(mut self, bytes_repr: bool) -> Self {
        self.bytes_repr = bytes_repr;
        self
    }

    /// Writes the comment line that begins a message; call it before the value.
    #[must_use]
    pub fn with_header(self) -> Self {
        self.out.buf.extend_from_slice(HEADER);
        self
    }

    /// Checks that one whole value was written.
    pub fn finish(&self) -> Result<()> {
        if self.top.shape == Shape::Root && self.top.count == 1 {
            return Ok(());
        }
        Err(Error::encode("the value was not written to its end"))
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.out.buf.extend_from_slice(bytes);
    }

    /// Comes before each value: the separator, and whether it may stand here.
    #[inline]
    fn place(&mut self, hash: Hash, what: &str) -> Result<()> {
        let top = &mut self.top;
        let mut separator = b',';
        let mut first = top.count == 0;
        let mut direct = false;
        match top.shape {
            Shape::List | Shape::Tuple => {}
            Shape::Set => direct = true,
            Shape::Map | Shape::Object if top.has_key => {
                (separator, first) = (b':', false);
            }
            Shape::Map => direct = true,
            Shape::Object => return Err(Error::encode(format!("{what} where the name of a field was expected"))),
            Shape::Root if !first => return Err(Error::encode("a second value in one message")),
            Shape::Root => {}
        }
        let refused = hash != Hash::Fine && (direct || (top.hashed && hash == Hash::Unreadable));
        if refused {
            return Err(Error::encode(format!("{what} cannot be a key of a dict or a member of a set in serpent")));
        }
        if separator == b':' {
            top.has_key = false;
        } else {
            top.has_key = top.shape == Shape::Map;
            top.count = top.count.saturating_add(1);
        }
        if !first {
            self.out.buf.push(separator);
        }
        Ok(())
    }

    // Brackets that this value opens and closes itself.
    fn bracket(&self) -> Result<()> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Error::encode(format!(
                "nested deeper than the {MAX_DEPTH} levels that serpent's readers take"
            )));
        }
        Ok(())
    }

    #[inline]
    fn number(&mut self, v: impl itoa::Integer) -> Result<()> {
        self.place(Hash::Fine, "an integer")?;
        self.put(itoa::Buffer::new().format(v).as_bytes());
        Ok(())
    }

    fn push_f64(&mut self, v: f64) {
        if v.is_nan() {
            self.put(b"{'__class__':'float','value':'nan'}");
        } else if v.is_infinite() {
            self.put(if v > 0.0 { b"1e30000" } else { b"-1e30000" });
        } else {
            float::push_f64(&mut self.out.buf, v);
        }
    }
}

impl Sink for Encoder<'_> {
    fn null(&mut self) -> Result<()> {
        self.place(Hash::Refused, "None")?;
        self.put(b"None");
        Ok(())
    }

    fn bool(&mut self, v: bool) -> Result<()> {
        self.place(Hash::Fine, "a bool")?;
        self.put(if v { b"True" } else { b"False" });
        Ok(())
    }

    fn i32(&mut self, v: i32) -> Result<()> {
        self.number(v)
    }

    fn i64(&mut self, v: i64) -> Result<()> {
        self.number(v)
    }

    fn u64(&mut self, v: u64) -> Result<()> {
        self.number(v)
    }

    fn big(&mut self, v: &BigInt) -> Result<()> {
        // A digit is 3.32 bits. Anything far beyond is refused before it is turned into text, which takes long.
        let too_long =
            || Error::encode(format!("an integer of more than {MAX_INT_DIGITS} digits, which Python refuses"));
        if v.bits() > 4 * MAX_INT_DIGITS as u64 {
            return Err(too_long());
        }
        let text = v.to_string();
        if text.trim_start_matches('-').len() > MAX_INT_DIGITS {
            return Err(too_long());
        }
        self.place(Hash::Fine, "an integer")?;
        self.put(text.as_bytes());
        Ok(())
    }

    fn f64(&mut self, v: f64) -> Result<()> {
        if v.is_nan() {
            self.place(Hash::Unreadable, "nan")?;
            self.bracket()?;
        } else {
            self.place(Hash::Fine, "a float")?;
        }
        self.push_f64(v);
        Ok(())
    }

    fn complex(&mut self, re: f64, im: f64) -> Result<()> {
        let nan = re.is_nan() || im.is_nan();
        self.place(if nan { Hash::Unreadable } else { Hash::Fine }, "a complex number with a nan part")?;
        self.bracket()?;
        if nan {
            self.put(b"{'__class__':'complex','real':");
            self.push_f64(re);
            self.put(b",'imag':");
            self.push_f64(im);
            self.put(b"}");
            return Ok(());
        }
        self.put(b"(");
        self.push_f64(re);
        if im.is_sign_positive() {
            self.put(b"+");
        }
        self.push_f64(im);
        self.put(b"j)");
        Ok(())
    }

    #[inline]
    fn str(&mut self, v: &str) -> Result<()> {
        self.place(Hash::Fine, "text")?;
        repr::push_str(&mut self.out.buf, v);
        Ok(())
    }

    fn bytes(&mut self, v: &[u8]) -> Result<()> {
        if self.bytes_repr {
            self.place(Hash::Fine, "bytes")?;
            repr::push_bytes(&mut self.out.buf, v);
            return Ok(());
        }
        self.place(Hash::Unreadable, "bytes (as a dict of base64 text)")?;
        self.bracket()?;
        self.put(b"{'data': '");
        base64::encode(v, &mut self.out.buf);
        self.put(b"', 'encoding': 'base64'}");
        Ok(())
    }

    fn blob(&mut self, v: Bytes) -> Result<()> {
        self.bytes(&v)
    }

    fn datetime(&mut self, v: &DateTime) -> Result<()> {
        special::check_years(v)?;
        self.place(Hash::Refused, "a date or time")?;
        repr::push_str(&mut self.out.buf, &v.to_string());
        Ok(())
    }

    fn remote(&mut self, v: &RemoteRef) -> Result<()> {
        let generation = self.generation;
        special::write_remote(self, v, generation)
    }

    fn begin(&mut self, c: Container<'_>) -> Result<()> {
        let (shape, hash, what) = match c {
            Container::List { kind: ListKind::List, .. } => (Shape::List, Hash::Unreadable, "a list"),
            Container::List { kind: ListKind::Tuple, .. } => (Shape::Tuple, Hash::Fine, "a tuple"),
            // Python 2 does not read sets: its own serpent writes them as tuples.
            Container::List { .. } if self.generation.is_old() => (Shape::Tuple, Hash::Unreadable, "a set"),
            Container::List { .. } => (Shape::Set, Hash::Unreadable, "a set"),
            Container::Map { .. } => (Shape::Map, Hash::Unreadable, "a dict"),
            Container::Object { .. } => (Shape::Object, Hash::Unreadable, "an object"),
        };
        let hashed =
            self.top.hashed || self.top.shape == Shape::Set || (self.top.shape == Shape::Map && !self.top.has_key);
        self.place(hash, what)?;
        self.bracket()?;
        self.put(match shape {
            Shape::List => b"[",
            Shape::Tuple => b"(",
            _ => b"{",
        });
        self.stack.push(self.top);
        self.top = Frame { shape, count: 0, has_key: false, hashed };
        if let Container::Object { class, .. } = c {
            self.put(b"'__class__':");
            repr::push_str(&mut self.out.buf, class);
            self.top.count = 1;
        }
        Ok(())
    }

    fn key(&mut self, name: &str) -> Result<()> {
        if self.top.shape != Shape::Object || self.top.has_key {
            return Err(Error::encode(format!("the field name {name:?} where no field can begin")));
        }
        self.put(b",");
        repr::push_str(&mut self.out.buf, name);
        self.top.has_key = true;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let Frame { shape, count, has_key, .. } = self.top;
        match shape {
            Shape::Map | Shape::Object if has_key => return Err(Error::encode("a key without a value")),
            Shape::Root => return Err(Error::encode("the end of a container that was not begun")),
            Shape::List => self.put(b"]"),
            Shape::Tuple => self.put(if count == 1 { b",)" } else { b")" }),
            Shape::Set if count == 0 => {
                // There is no literal of an empty set: serpent makes it an empty tuple.
                self.out.buf.pop();
                self.put(b"()");
            }
            _ => self.put(b"}"),
        }
        self.top = self.stack.pop().unwrap_or_default();
        Ok(())
    }
}
