//! The writing half.

use num_bigint::BigInt;
use num_traits::ToPrimitive;
use rmp::Marker;
use springline_core::{Bytes, Container, DateTime, Error, Output, RemoteRef, Result, Sink};

use super::extension;
use crate::Generation;
use crate::codec::stack::Stack;
use crate::special::{self, CLASS_KEY};

/// Writes msgpack into an [`Output`].
///
/// A container of known length gets the shortest head; `end` checks that it got what was announced. One of unknown
/// length gets a 32-bit head whose length is filled in at `end`: a shorter head would move everything after it.
#[derive(Debug)]
pub struct Encoder<'o> {
    out: &'o mut Output,
    generation: Generation,
    top: Open,
    stack: Stack<Open>,
}

/// What is known of a container that is being written.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    /// Values still owed, keys included; counted below zero where the length is unknown.
    left: i64,
    /// Where the length lies that `end` fills in; 0 where it is known (a head of one byte stands before any other).
    slot: usize,
}

impl<'o> Encoder<'o> {
    /// An encoder that appends to `out`. The generation decides the class names of remote references.
    #[must_use]
    #[inline]
    pub fn new(out: &'o mut Output, generation: Generation) -> Self {
        Self { out, generation, top: Open::default(), stack: Stack::new() }
    }

    #[inline]
    fn count(&mut self) {
        self.top.left = self.top.left.wrapping_sub(1);
    }

    #[inline]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.out.buf.extend_from_slice(&bytes);
    }

    #[inline]
    fn small(&mut self, marker: Marker, v: u8) {
        self.put([marker.to_u8(), v]);
    }

    #[inline]
    fn short(&mut self, marker: Marker, v: u16) {
        let [a, b] = v.to_be_bytes();
        self.put([marker.to_u8(), a, b]);
    }

    #[inline]
    fn word(&mut self, marker: Marker, v: u32) {
        let [a, b, c, d] = v.to_be_bytes();
        self.put([marker.to_u8(), a, b, c, d]);
    }

    #[inline]
    fn long(&mut self, marker: Marker, v: u64) {
        let [a, b, c, d, e, f, g, h] = v.to_be_bytes();
        self.put([marker.to_u8(), a, b, c, d, e, f, g, h]);
    }

    #[inline]
    fn unsigned(&mut self, v: u64) {
        match v {
            0..=0x7f => self.put([v as u8]),
            0x80..=0xff => self.small(Marker::U8, v as u8),
            0x100..=0xffff => self.short(Marker::U16, v as u16),
            0x1_0000..=0xffff_ffff => self.word(Marker::U32, v as u32),
            _ => self.long(Marker::U64, v),
        }
    }

    #[inline]
    fn integer(&mut self, v: i64) {
        match v {
            0.. => self.unsigned(v as u64),
            -0x20..=-1 => self.put([v as u8]),
            -0x80..=-0x21 => self.small(Marker::I8, v as u8),
            -0x8000..=-0x81 => self.short(Marker::I16, v as u16),
            -0x8000_0000..=-0x8001 => self.word(Marker::I32, v as u32),
            _ => self.long(Marker::I64, v as u64),
        }
    }

    #[inline]
    fn text(&mut self, v: &str) -> Result<()> {
        match v.len() {
            n @ 0..=31 => self.put([Marker::FixStr(n as u8).to_u8()]),
            n @ 32..=0xff => self.small(Marker::Str8, n as u8),
            n @ 0x100..=0xffff => self.short(Marker::Str16, n as u16),
            n => self.word(Marker::Str32, fits(n, "text")?),
        }
        self.out.buf.extend_from_slice(v.as_bytes());
        Ok(())
    }

    #[inline]
    fn bin_head(&mut self, len: usize) -> Result<()> {
        match len {
            n @ 0..=0xff => self.small(Marker::Bin8, n as u8),
            n @ 0x100..=0xffff => self.short(Marker::Bin16, n as u16),
            n => self.word(Marker::Bin32, fits(n, "bytes")?),
        }
        Ok(())
    }

    #[inline]
    fn array_head(&mut self, len: usize) -> Result<()> {
        match len {
            n @ 0..=15 => self.put([Marker::FixArray(n as u8).to_u8()]),
            n @ 16..=0xffff => self.short(Marker::Array16, n as u16),
            n => self.word(Marker::Array32, fits(n, "a list")?),
        }
        Ok(())
    }

    #[inline]
    fn map_head(&mut self, len: usize) -> Result<()> {
        match len {
            n @ 0..=15 => self.put([Marker::FixMap(n as u8).to_u8()]),
            n @ 16..=0xffff => self.short(Marker::Map16, n as u16),
            n => self.word(Marker::Map32, fits(n, "a map")?),
        }
        Ok(())
    }

    /// Begins a container whose content the caller counts: `left` values to come, or unknown.
    #[inline]
    fn enter(&mut self, left: i64, slot: usize) {
        self.count();
        self.stack.push(self.top);
        self.top = Open { left, slot };
    }

    #[cold]
    fn enter_unknown(&mut self, marker: Marker) {
        self.word(marker, 0);
        self.enter(0, self.out.buf.len() - 4);
    }

    /// Fills in the length of a container that was begun without one.
    #[cold]
    fn patch(&mut self) -> Result<()> {
        let Open { left, slot } = self.top;
        let mut len = left.unsigned_abs() as usize;
        let head = self.out.buf.get(slot - 1).copied().map(Marker::from_u8);
        if head == Some(Marker::Map32) {
            if len % 2 == 1 {
                return Err(Error::encode("a map ends after a key without its value"));
            }
            len /= 2;
        }
        let len = fits(len, "a list or map")?.to_be_bytes();
        if let Some(place) = self.out.buf.get_mut(slot..slot + 4) {
            place.copy_from_slice(&len);
        }
        Ok(())
    }

    fn extension(&mut self, kind: i8, data: &[u8]) -> Result<()> {
        self.count();
        let len = fits(data.len(), "an extension")?;
        rmp::encode::write_ext_meta(&mut self.out.buf, len, kind).map_err(|e| Error::encode(e.to_string()))?;
        self.out.buf.extend_from_slice(data);
        Ok(())
    }
}

/// A length as msgpack has it.
#[inline]
fn fits(n: usize, what: &'static str) -> Result<u32> {
    u32::try_from(n).map_err(|_| too_long(n, what))
}

#[cold]
fn too_long(n: usize, what: &'static str) -> Error {
    Error::encode(format!("{what} of length {n}: msgpack's lengths have 32 bits"))
}

#[cold]
fn miscounted(left: i64) -> Error {
    let n = left.unsigned_abs();
    let what = if left > 0 { "fewer" } else { "more" };
    Error::encode(format!("a container ends with {n} {what} values than its announced length (keys count too)"))
}

#[cold]
fn nothing_open() -> Error {
    Error::encode("the end of a container, but none is open")
}

impl Sink for Encoder<'_> {
    #[inline]
    fn null(&mut self) -> Result<()> {
        self.count();
        self.put([Marker::Null.to_u8()]);
        Ok(())
    }

    #[inline]
    fn bool(&mut self, v: bool) -> Result<()> {
        self.count();
        self.put([if v { Marker::True } else { Marker::False }.to_u8()]);
        Ok(())
    }

    #[inline]
    fn i32(&mut self, v: i32) -> Result<()> {
        self.i64(v.into())
    }

    #[inline]
    fn i64(&mut self, v: i64) -> Result<()> {
        self.count();
        self.integer(v);
        Ok(())
    }

    #[inline]
    fn u64(&mut self, v: u64) -> Result<()> {
        self.count();
        self.unsigned(v);
        Ok(())
    }

    fn big(&mut self, v: &BigInt) -> Result<()> {
        if let Some(v) = v.to_i64() {
            return self.i64(v);
        }
        if let Some(v) = v.to_u64() {
            return self.u64(v);
        }
        self.extension(extension::INTEGER, extension::integer_text(v)?.as_bytes())
    }

    #[inline]
    fn f64(&mut self, v: f64) -> Result<()> {
        self.count();
        self.long(Marker::F64, v.to_bits());
        Ok(())
    }

    #[inline]
    fn str(&mut self, v: &str) -> Result<()> {
        self.count();
        self.text(v)
    }

    #[inline]
    fn bytes(&mut self, v: &[u8]) -> Result<()> {
        self.count();
        self.bin_head(v.len())?;
        self.out.buf.extend_from_slice(v);
        Ok(())
    }

    fn blob(&mut self, v: Bytes) -> Result<()> {
        self.count();
        self.bin_head(v.len())?;
        self.out.blob(v);
        Ok(())
    }

    fn complex(&mut self, re: f64, im: f64) -> Result<()> {
        self.extension(extension::COMPLEX, &extension::complex(re, im))
    }

    fn datetime(&mut self, v: &DateTime) -> Result<()> {
        special::check_years(v)?;
        let (kind, data) = extension::datetime(v)?;
        self.extension(kind, &data)
    }

    fn remote(&mut self, v: &RemoteRef) -> Result<()> {
        let generation = self.generation;
        special::write_remote(self, v, generation)
    }

    #[inline]
    fn begin(&mut self, c: Container<'_>) -> Result<()> {
        match c {
            Container::List { len: Some(len), .. } => {
                self.array_head(len)?;
                self.enter(len as i64, 0);
            }
            Container::Map { len: Some(len), .. } => {
                self.map_head(len)?;
                self.enter(len as i64 * 2, 0);
            }
            Container::Object { class, len: Some(len) } => {
                // one more pair: the class
                let pairs = len.saturating_add(1);
                self.map_head(pairs)?;
                self.enter(pairs as i64 * 2, 0);
                self.str(CLASS_KEY)?;
                self.str(class)?;
            }
            Container::List { len: None, .. } => self.enter_unknown(Marker::Array32),
            Container::Map { len: None, .. } => self.enter_unknown(Marker::Map32),
            Container::Object { class, len: None } => {
                self.enter_unknown(Marker::Map32);
                self.str(CLASS_KEY)?;
                self.str(class)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn key(&mut self, name: &str) -> Result<()> {
        self.str(name)
    }

    #[inline]
    fn end(&mut self) -> Result<()> {
        if self.top.slot != 0 {
            self.patch()?;
        } else if self.top.left != 0 && self.stack.len() != 0 {
            return Err(miscounted(self.top.left));
        }
        match self.stack.pop() {
            Some(outer) => {
                self.top = outer;
                Ok(())
            }
            None => Err(nothing_open()),
        }
    }

    fn i64s(&mut self, v: &[i64]) -> Result<()> {
        self.top.left = self.top.left.wrapping_sub(v.len() as i64);
        self.out.buf.reserve(v.len());
        v.iter().for_each(|&x| self.integer(x));
        Ok(())
    }

    fn f64s(&mut self, v: &[f64]) -> Result<()> {
        self.top.left = self.top.left.wrapping_sub(v.len() as i64);
        self.out.buf.reserve(v.len().saturating_mul(9));
        v.iter().for_each(|&x| self.long(Marker::F64, x.to_bits()));
        Ok(())
    }
}
