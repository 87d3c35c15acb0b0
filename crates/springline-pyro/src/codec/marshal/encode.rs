//! The marshal writer.

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::ToPrimitive;
use springline_core::{Bytes, Container, DateTime, Error, ErrorKind, ListKind, Output, RemoteRef, Result, Sink};

use super::frames::Frames;
use super::raw::push_long;
use crate::{Generation, special};

/// Writes events as marshal version 2 without references, which CPython 2.7 and 3 read.
///
/// A container's length is filled in at its end, whatever was announced. What marshal or Pyro has no form for, and keys
/// and set members that Python could not hash, are [`ErrorKind::Encode`] errors; the output then holds the part written
/// so far.
#[derive(Debug)]
pub struct Encoder<'o> {
    out: &'o mut Output,
    generation: Generation,
    done: bool,
    frames: Frames<Frame>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Item,
    /// A member of a set.
    Member,
    MapKey,
    MapValue,
    ObjectKey,
    ObjectValue,
}

#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    place: Place,
    /// Whether Python has to hash what lies in here.
    hashed: bool,
    /// Where the length goes, in counted containers.
    slot: usize,
    count: i32,
}

#[cold]
fn no_form(what: &str) -> Error {
    Error::encode(format!(
        "marshal has no form for {what}: send text or a number instead, or use the serpent serializer"
    ))
}

#[cold]
fn misuse(what: &'static str) -> Error {
    Error::new(ErrorKind::Internal, what)
}

fn length(len: usize, what: &str) -> Result<[u8; 4]> {
    i32::try_from(len)
        .map(i32::to_le_bytes)
        .map_err(|_| Error::encode(format!("marshal: {what} of {len} bytes, at most {} fit", i32::MAX)))
}

impl<'o> Encoder<'o> {
    /// Appends one value to `out`. The generation decides the class names of URIs and proxies.
    pub fn new(out: &'o mut Output, generation: Generation) -> Self {
        Self { out, generation, done: false, frames: Frames::default() }
    }

    // Counts a value in the container it lies in.
    #[inline]
    fn value(&mut self) -> Result<()> {
        let Some(frame) = self.frames.last_mut() else {
            if std::mem::replace(&mut self.done, true) {
                return Err(misuse("marshal: a second value after the message's only one"));
            }
            return Ok(());
        };
        frame.place = match frame.place {
            place @ (Place::Item | Place::Member) => {
                let Some(count) = frame.count.checked_add(1) else {
                    return Err(Error::encode("marshal: a list, tuple or set of more than 2147483647 items"));
                };
                frame.count = count;
                place
            }
            Place::MapKey => Place::MapValue,
            Place::MapValue => Place::MapKey,
            Place::ObjectValue => Place::ObjectKey,
            Place::ObjectKey => return Err(misuse("marshal: a value where an object's next field name belongs")),
        };
        Ok(())
    }

    // Whether what comes next is a key or a set's member, or lies in one.
    fn must_hash(&self) -> bool {
        self.frames.last().is_some_and(|f| f.hashed || matches!(f.place, Place::MapKey | Place::Member))
    }

    #[inline]
    fn put<const N: usize>(&mut self, code: u8, bytes: [u8; N]) -> Result<()> {
        self.value()?;
        self.out.buf.push(code);
        self.out.buf.extend_from_slice(&bytes);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        let len = length(text.len(), "text")?;
        self.out.buf.reserve(text.len() + 5);
        self.out.buf.push(b'u');
        self.out.buf.extend_from_slice(&len);
        self.out.buf.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Sink for Encoder<'_> {
    fn null(&mut self) -> Result<()> {
        self.put(b'N', [])
    }

    fn bool(&mut self, v: bool) -> Result<()> {
        self.put(if v { b'T' } else { b'F' }, [])
    }

    fn i32(&mut self, v: i32) -> Result<()> {
        self.put(b'i', v.to_le_bytes())
    }

    fn i64(&mut self, v: i64) -> Result<()> {
        match i32::try_from(v) {
            Ok(v) => self.i32(v),
            Err(_) => {
                self.put(b'l', [])?;
                push_long(&mut self.out.buf, v < 0, &BigUint::from(v.unsigned_abs()))
            }
        }
    }

    fn big(&mut self, v: &BigInt) -> Result<()> {
        match v.to_i32() {
            Some(v) => self.i32(v),
            None => {
                self.put(b'l', [])?;
                push_long(&mut self.out.buf, v.sign() == Sign::Minus, v.magnitude())
            }
        }
    }

    fn f64(&mut self, v: f64) -> Result<()> {
        self.put(b'g', v.to_le_bytes())
    }

    fn str(&mut self, v: &str) -> Result<()> {
        self.value()?;
        self.text(v)
    }

    fn bytes(&mut self, v: &[u8]) -> Result<()> {
        let len = length(v.len(), "bytes")?;
        self.put(b's', len)?;
        self.out.buf.extend_from_slice(v);
        Ok(())
    }

    fn blob(&mut self, v: Bytes) -> Result<()> {
        let len = length(v.len(), "bytes")?;
        self.put(b's', len)?;
        self.out.blob(v);
        Ok(())
    }

    fn datetime(&mut self, v: &DateTime) -> Result<()> {
        Err(no_form(match (v.date, v.time) {
            (Some(_), Some(_)) => "datetime.datetime",
            (Some(_), None) => "datetime.date",
            (None, _) => "datetime.time",
        }))
    }

    fn decimal(&mut self, _v: &str) -> Result<()> {
        Err(no_form("decimal.Decimal"))
    }

    fn complex(&mut self, re: f64, im: f64) -> Result<()> {
        self.put(b'y', re.to_le_bytes())?;
        self.out.buf.extend_from_slice(&im.to_le_bytes());
        Ok(())
    }

    fn remote(&mut self, v: &RemoteRef) -> Result<()> {
        let generation = self.generation;
        special::write_remote(self, v, generation)
    }

    fn begin(&mut self, c: Container<'_>) -> Result<()> {
        let hashed = self.must_hash();
        if hashed {
            let unhashable = match c {
                Container::List { kind: ListKind::Tuple | ListKind::FrozenSet, .. } => None,
                Container::List { kind: ListKind::List, .. } => Some("list"),
                Container::List { kind: ListKind::Set, .. } => Some("set"),
                Container::Map { .. } | Container::Object { .. } => Some("dict"),
            };
            if let Some(what) = unhashable {
                return Err(Error::encode(format!("marshal: a {what} cannot be a key or a set's member in Python")));
            }
        }
        self.value()?;
        let (code, place) = match c {
            Container::List { kind: ListKind::List, .. } => (b'[', Place::Item),
            Container::List { kind: ListKind::Tuple, .. } => (b'(', Place::Item),
            Container::List { kind: ListKind::Set, .. } => (b'<', Place::Member),
            Container::List { kind: ListKind::FrozenSet, .. } => (b'>', Place::Member),
            Container::Map { .. } => (b'{', Place::MapKey),
            Container::Object { .. } => (b'{', Place::ObjectKey),
        };
        self.out.buf.push(code);
        let slot = self.out.buf.len();
        if let Container::List { .. } = c {
            self.out.buf.extend_from_slice(&[0; 4]);
        }
        if let Container::Object { class, .. } = c {
            self.text(special::CLASS_KEY)?;
            self.text(class)?;
        }
        self.frames.push(Frame { place, hashed, slot, count: 0 });
        Ok(())
    }

    fn key(&mut self, name: &str) -> Result<()> {
        match self.frames.last_mut() {
            Some(frame) if frame.place == Place::ObjectKey => frame.place = Place::ObjectValue,
            _ => return Err(misuse("marshal: a field's name outside an object")),
        }
        self.text(name)
    }

    fn end(&mut self) -> Result<()> {
        match self.frames.pop() {
            Some(Frame { place: Place::Item | Place::Member, slot, count, .. }) => {
                let length = self.out.buf.get_mut(slot..slot + 4);
                length
                    .ok_or_else(|| misuse("marshal: the output was cut under an open container"))?
                    .copy_from_slice(&count.to_le_bytes());
            }
            Some(Frame { place: Place::MapKey | Place::ObjectKey, .. }) => self.out.buf.push(b'0'),
            Some(_) => return Err(misuse("marshal: a container ends between a key and its value")),
            None => return Err(misuse("marshal: an end without a container")),
        }
        Ok(())
    }

    fn i64s(&mut self, v: &[i64]) -> Result<()> {
        self.out.buf.reserve(v.len() * 5);
        v.iter().try_for_each(|&x| self.i64(x))
    }

    fn f64s(&mut self, v: &[f64]) -> Result<()> {
        self.out.buf.reserve(v.len() * 9);
        v.iter().try_for_each(|&x| self.f64(x))
    }
}
