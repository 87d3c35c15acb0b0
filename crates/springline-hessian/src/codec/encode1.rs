//! The writer of Hessian 1.

use num_bigint::BigInt;
use springline_core::ser::class_of;
use springline_core::{Bytes, Container, DateTime, Error, ListKind, Output, RemoteRef, Result, Sink};

use super::java::{self, Moment};
use super::refs::Refs;
use super::{Part, WriteOptions, text};

/// Writes Hessian 1 as Java does: the codes with a length, lists with a length where it is known, maps and objects with
/// a type.
#[derive(Debug)]
pub struct Encoder<'o> {
    out: &'o mut Output,
    options: WriteOptions,
    refs: Refs,
    // What the outermost container is, until it begins.
    part: Part,
    top: Open,
    stack: Vec<Open>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Open {
    /// What is written at its end; none for the arguments.
    end: Option<u8>,
    /// Values still owed, keys included; counted below zero where the length is unknown.
    left: i64,
    known: bool,
    /// Whether every second value is owed to a key.
    pairs: bool,
}

impl<'o> Encoder<'o> {
    /// A writer of one value, of the list of arguments without a count, or of a fault's map, at the end of `out`.
    #[must_use]
    pub fn new(out: &'o mut Output, part: Part, options: &WriteOptions) -> Self {
        Self { out, options: *options, refs: Refs::default(), part, top: Open::default(), stack: Vec::new() }
    }

    /// Refuses a scalar where the part is a container.
    pub(super) fn finish(&self) -> Result<()> {
        match self.part {
            Part::Arguments => Err(Error::encode("the arguments of a call must be a list")),
            Part::Fault => Err(Error::encode("a fault must be a map")),
            Part::Value | Part::Reply => Ok(()),
        }
    }

    #[inline]
    fn count(&mut self) {
        self.top.left = self.top.left.wrapping_sub(1);
    }

    #[inline]
    fn text(&mut self, code: u8, v: &str) {
        if v.len() <= text::CHUNK && v.is_ascii() {
            self.head(code, v.len());
            self.out.buf.extend_from_slice(v.as_bytes());
        } else {
            self.wide_text(code, v);
        }
    }

    fn wide_text(&mut self, code: u8, v: &str) {
        let mut rest = v;
        let mut left = text::units(v);
        while left > text::CHUNK {
            let (chunk, units, tail) = text::split(rest, text::CHUNK);
            self.head(code.to_ascii_lowercase(), units);
            text::push(&mut self.out.buf, chunk);
            (rest, left) = (tail, left - units);
        }
        self.head(code, left);
        text::push(&mut self.out.buf, rest);
    }

    // A code and a length of two bytes.
    #[inline]
    fn head(&mut self, code: u8, len: usize) {
        let [.., a, b] = len.to_be_bytes();
        self.out.buf.extend_from_slice(&[code, a, b]);
    }

    fn type_name(&mut self, name: &str) -> Result<()> {
        let units = text::units(name);
        if units > usize::from(u16::MAX) {
            return Err(Error::encode(format!("a type's name of {units} UTF-16 units: Hessian 1 has room for 65,535")));
        }
        self.head(b't', units);
        text::push(&mut self.out.buf, name);
        Ok(())
    }

    fn enter(&mut self, end: Option<u8>, len: Option<usize>, pairs: bool) {
        self.count();
        self.refs.begun += 1;
        self.stack.push(self.top);
        let left = len.map_or(0, |n| i64::try_from(n).unwrap_or(i64::MAX));
        self.top = Open { end, left: if pairs { left.saturating_mul(2) } else { left }, known: len.is_some(), pairs };
    }

    // What is an object to Java and one value here.
    fn hidden(&mut self, f: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let before = self.refs.begun;
        f(self)?;
        self.refs.hide_since(before);
        Ok(())
    }

    fn begin_list(&mut self, kind: ListKind, type_name: Option<&str>, len: Option<usize>) -> Result<()> {
        self.out.buf.push(b'V');
        match (type_name, kind) {
            (Some(name), _) => self.type_name(name)?,
            (None, ListKind::Set | ListKind::FrozenSet) => self.type_name(java::HASH_SET)?,
            _ => {}
        }
        if let Some(len) = len {
            let len = i32::try_from(len).map_err(|_| Error::encode(format!("a list of {len} items")))?;
            let [a, b, c, d] = len.to_be_bytes();
            self.out.buf.extend_from_slice(&[b'l', a, b, c, d]);
        }
        self.enter(Some(b'z'), len, false);
        Ok(())
    }
}

impl Sink for Encoder<'_> {
    #[inline]
    fn null(&mut self) -> Result<()> {
        self.count();
        self.out.buf.push(b'N');
        Ok(())
    }

    #[inline]
    fn bool(&mut self, v: bool) -> Result<()> {
        self.count();
        self.out.buf.push(if v { b'T' } else { b'F' });
        Ok(())
    }

    #[inline]
    fn i32(&mut self, v: i32) -> Result<()> {
        self.count();
        let [a, b, c, d] = v.to_be_bytes();
        self.out.buf.extend_from_slice(&[b'I', a, b, c, d]);
        Ok(())
    }

    #[inline]
    fn i64(&mut self, v: i64) -> Result<()> {
        self.count();
        let [a, b, c, d, e, f, g, h] = v.to_be_bytes();
        self.out.buf.extend_from_slice(&[b'L', a, b, c, d, e, f, g, h]);
        Ok(())
    }

    fn big(&mut self, v: &BigInt) -> Result<()> {
        self.hidden(|sink| java::write_big(sink, v))
    }

    #[inline]
    fn f64(&mut self, v: f64) -> Result<()> {
        self.count();
        let [a, b, c, d, e, f, g, h] = v.to_bits().to_be_bytes();
        self.out.buf.extend_from_slice(&[b'D', a, b, c, d, e, f, g, h]);
        Ok(())
    }

    #[inline]
    fn str(&mut self, v: &str) -> Result<()> {
        self.count();
        self.text(b'S', v);
        Ok(())
    }

    fn bytes(&mut self, v: &[u8]) -> Result<()> {
        self.count();
        let mut chunks = v.chunks(text::CHUNK).peekable();
        while let Some(chunk) = chunks.next() {
            let code = if chunks.peek().is_some() { b'b' } else { b'B' };
            self.head(code, chunk.len());
            self.out.buf.extend_from_slice(chunk);
        }
        if v.is_empty() {
            self.head(b'B', 0);
        }
        Ok(())
    }

    fn blob(&mut self, mut v: Bytes) -> Result<()> {
        if v.len() < Output::BY_REFERENCE {
            return self.bytes(&v);
        }
        self.count();
        while v.len() > text::CHUNK {
            self.head(b'b', text::CHUNK);
            self.out.blob(v.split_to(text::CHUNK));
        }
        self.head(b'B', v.len());
        self.out.blob(v);
        Ok(())
    }

    fn datetime(&mut self, v: &DateTime) -> Result<()> {
        match Moment::of(v, self.options.java_time)? {
            Moment::Handles(package) => self.hidden(|sink| java::write_handles(sink, package, v)),
            Moment::Millis(millis) => {
                self.count();
                let [a, b, c, d, e, f, g, h] = millis.to_be_bytes();
                self.out.buf.extend_from_slice(&[b'd', a, b, c, d, e, f, g, h]);
                Ok(())
            }
        }
    }

    fn remote(&mut self, v: &RemoteRef) -> Result<()> {
        self.hidden(|sink| java::write_remote(sink, v))
    }

    fn begin(&mut self, c: Container<'_>) -> Result<()> {
        match (std::mem::replace(&mut self.part, Part::Value), c) {
            (Part::Arguments, Container::List { len, .. }) => {
                self.enter(None, len, false);
                self.refs.skip_first();
                return Ok(());
            }
            (Part::Fault, Container::Map { len, .. }) => {
                self.out.buf.push(b'f');
                self.enter(Some(b'z'), len, true);
                self.refs.skip_first();
                return Ok(());
            }
            (Part::Arguments, _) => return Err(Error::encode("the arguments of a call must be a list")),
            (Part::Fault, _) => return Err(Error::encode("a fault must be a map")),
            _ => {}
        }
        match c {
            Container::List { kind, type_name, len } => return self.begin_list(kind, type_name, len),
            Container::Map { type_name, len } => {
                self.out.buf.push(b'M');
                self.type_name(type_name.unwrap_or_default())?;
                self.enter(Some(b'z'), len, true);
            }
            Container::Object { class, len } => {
                self.out.buf.push(b'M');
                self.type_name(class)?;
                self.enter(Some(b'z'), len, true);
            }
        }
        Ok(())
    }

    #[inline]
    fn key(&mut self, name: &str) -> Result<()> {
        self.str(name)
    }

    fn end(&mut self) -> Result<()> {
        let Open { end, left, known, pairs } = self.top;
        if known && left != 0 {
            return Err(miscounted(left));
        }
        if pairs && left % 2 != 0 {
            return Err(Error::encode("a map ends after a key without its value"));
        }
        self.top = self.stack.pop().ok_or_else(|| Error::encode("the end of a container, but none is open"))?;
        self.out.buf.extend(end);
        Ok(())
    }

    fn variant(&mut self, enum_name: &str, variant: &str) -> Result<()> {
        match class_of(enum_name) {
            Some(class) => self.hidden(|sink| java::write_variant(sink, class, variant)),
            None => self.str(variant),
        }
    }

    fn decimal(&mut self, v: &str) -> Result<()> {
        self.hidden(|sink| java::write_decimal(sink, v))
    }

    fn has_back(&self) -> bool {
        true
    }

    fn begun(&self) -> u32 {
        self.refs.begun
    }

    fn back(&mut self, n: u32) -> Result<()> {
        let wire = self.refs.wire(n).ok_or_else(|| no_container(n))?;
        self.count();
        let [a, b, c, d] = wire.to_be_bytes();
        self.out.buf.extend_from_slice(&[b'R', a, b, c, d]);
        Ok(())
    }
}

#[cold]
pub(super) fn miscounted(left: i64) -> Error {
    let n = left.unsigned_abs();
    let what = if left > 0 { "fewer" } else { "more" };
    Error::encode(format!("a container ends with {n} {what} values than its announced length (keys count too)"))
}

#[cold]
pub(super) fn no_container(n: u32) -> Error {
    Error::encode(format!("cannot refer back to container {n}, which has not begun or is none on this wire"))
}
