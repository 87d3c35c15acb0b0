//! A recorded run of events: what a typed value becomes when it must be read as another type without any wire between.

use std::borrow::BorrowMut;

use bytes::Bytes;
use num_bigint::BigInt;

use crate::event::{Chunk, Container, Event, Kind, ListKind, Sink, Source, Text};
use crate::{Budget, DateTime, Error, RemoteRef, Result};

/// Events in the order in which they were written. A [`Sink`] to fill, and [`Tape::source`] to read, as often as asked.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    ops: Vec<Op>,
    text: String,
    // Where each container begins, for back references.
    begins: Vec<u32>,
}

#[derive(Clone, Debug)]
enum Op {
    Null,
    Bool(bool),
    I32(i32),
    I64(i64),
    Big(Box<BigInt>),
    F64(f64),
    Decimal(u32, u32),
    Complex(Box<(f64, f64)>),
    Str(u32, u32),
    Bytes(Box<Bytes>),
    DateTime(Box<DateTime>),
    Remote(Box<RemoteRef>),
    Back(u32),
    Begin(Box<Begin>),
    Key(u32, u32),
    End,
}

#[derive(Clone, Debug)]
enum Begin {
    List(ListKind, Option<Box<str>>, Option<usize>),
    Map(Option<Box<str>>, Option<usize>),
    Object(Box<str>, Option<usize>),
}

impl Tape {
    /// An empty tape.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the tape from its start.
    #[must_use]
    pub fn source(&self, budget: Budget) -> TapeSource<'_> {
        TapeSource { tape: self, at: 0, begun: 0, budget }
    }

    fn push_text(&mut self, s: &str) -> Result<(u32, u32)> {
        let start = self.text.len();
        self.text.push_str(s);
        match (u32::try_from(start), u32::try_from(s.len())) {
            (Ok(start), Ok(len)) => Ok((start, len)),
            _ => Err(Error::encode("more than 4 GiB of text in one value")),
        }
    }
}

impl Sink for Tape {
    fn null(&mut self) -> Result<()> {
        self.ops.push(Op::Null);
        Ok(())
    }

    fn bool(&mut self, v: bool) -> Result<()> {
        self.ops.push(Op::Bool(v));
        Ok(())
    }

    fn i32(&mut self, v: i32) -> Result<()> {
        self.ops.push(Op::I32(v));
        Ok(())
    }

    fn i64(&mut self, v: i64) -> Result<()> {
        self.ops.push(Op::I64(v));
        Ok(())
    }

    fn big(&mut self, v: &BigInt) -> Result<()> {
        self.ops.push(Op::Big(Box::new(v.clone())));
        Ok(())
    }

    fn f64(&mut self, v: f64) -> Result<()> {
        self.ops.push(Op::F64(v));
        Ok(())
    }

    fn str(&mut self, v: &str) -> Result<()> {
        let (start, len) = self.push_text(v)?;
        self.ops.push(Op::Str(start, len));
        Ok(())
    }

    fn bytes(&mut self, v: &[u8]) -> Result<()> {
        self.blob(Bytes::copy_from_slice(v))
    }

    fn blob(&mut self, v: Bytes) -> Result<()> {
        self.ops.push(Op::Bytes(Box::new(v)));
        Ok(())
    }

    fn decimal(&mut self, v: &str) -> Result<()> {
        let (start, len) = self.push_text(v)?;
        self.ops.push(Op::Decimal(start, len));
        Ok(())
    }

    fn complex(&mut self, re: f64, im: f64) -> Result<()> {
        self.ops.push(Op::Complex(Box::new((re, im))));
        Ok(())
    }

    fn datetime(&mut self, v: &DateTime) -> Result<()> {
        self.ops.push(Op::DateTime(Box::new(*v)));
        Ok(())
    }

    fn remote(&mut self, v: &RemoteRef) -> Result<()> {
        self.ops.push(Op::Remote(Box::new(v.clone())));
        Ok(())
    }

    fn has_back(&self) -> bool {
        true
    }

    fn begun(&self) -> u32 {
        self.begins.len() as u32 // no more than `begin` could number
    }

    fn back(&mut self, n: u32) -> Result<()> {
        self.ops.push(Op::Back(n));
        Ok(())
    }

    fn begin(&mut self, c: Container<'_>) -> Result<()> {
        let at = u32::try_from(self.ops.len()).map_err(|_| Error::encode("too many values for a tape"))?;
        self.begins.push(at);
        self.ops.push(Op::Begin(Box::new(match c {
            Container::List { kind, type_name, len } => Begin::List(kind, type_name.map(Into::into), len),
            Container::Map { type_name, len } => Begin::Map(type_name.map(Into::into), len),
            Container::Object { class, len } => Begin::Object(class.into(), len),
        })));
        Ok(())
    }

    fn key(&mut self, name: &str) -> Result<()> {
        let (start, len) = self.push_text(name)?;
        self.ops.push(Op::Key(start, len));
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.ops.push(Op::End);
        Ok(())
    }
}

/// Reads a [`Tape`].
///
/// What a back reference points at is read by a source of its own, which charges the budget of the one it came from.
pub struct TapeSource<'t, B = Budget> {
    tape: &'t Tape,
    at: usize,
    // The number of the container that begins next.
    begun: u32,
    budget: B,
}

impl<'t, B: BorrowMut<Budget>> TapeSource<'t, B> {
    fn text(&self, start: u32, len: u32) -> &'t str {
        let start = start as usize;
        self.tape.text.get(start..start + len as usize).unwrap_or_default()
    }

    fn op(&self) -> Result<&'t Op> {
        self.tape.ops.get(self.at).ok_or_else(|| Error::malformed(self.at, "read past the end of a value"))
    }

    fn event(&self, op: &'t Op) -> Event<'t, 't> {
        match op {
            Op::Null => Event::Null,
            Op::Bool(v) => Event::Bool(*v),
            Op::I32(v) => Event::I32(*v),
            Op::I64(v) => Event::I64(*v),
            Op::Big(v) => Event::Big(v),
            Op::F64(v) => Event::F64(*v),
            Op::Decimal(start, len) => Event::Decimal(self.text(*start, *len)),
            Op::Complex(v) => Event::Complex(v.0, v.1),
            Op::Str(start, len) => Event::Str(Text::Message(self.text(*start, *len))),
            Op::Bytes(v) => Event::Bytes(Chunk::Message(v)),
            Op::DateTime(v) => Event::DateTime(**v),
            Op::Remote(v) => Event::Remote(v),
            Op::Back(n) => Event::Back(*n),
            Op::Begin(b) => Event::Begin(match &**b {
                Begin::List(kind, type_name, len) => {
                    Container::List { kind: *kind, type_name: type_name.as_deref(), len: *len }
                }
                Begin::Map(type_name, len) => Container::Map { type_name: type_name.as_deref(), len: *len },
                Begin::Object(class, len) => Container::Object { class, len: *len },
            }),
            Op::Key(start, len) => Event::Key(Text::Message(self.text(*start, *len))),
            Op::End => Event::End,
        }
    }
}

impl<'t, B: BorrowMut<Budget>> Source<'t> for TapeSource<'t, B> {
    fn peek(&mut self) -> Result<Kind> {
        Ok(self.event(self.op()?).kind())
    }

    fn next(&mut self) -> Result<Event<'t, '_>> {
        let event = self.event(self.op()?);
        self.at += 1;
        let budget = self.budget.borrow_mut();
        match event {
            Event::Begin(_) => {
                budget.enter()?;
                self.begun += 1;
            }
            Event::End => budget.leave(),
            _ => budget.node()?,
        }
        Ok(event)
    }

    fn skip(&mut self) -> Result<()> {
        let mut depth = 0usize;
        loop {
            match self.next()? {
                Event::Begin(_) => depth += 1,
                Event::End => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn offset(&self) -> usize {
        self.at
    }

    fn begun(&self) -> Option<u32> {
        Some(self.begun)
    }

    fn open_back(&mut self, n: u32) -> Result<Box<dyn Source<'t> + '_>> {
        let at = self.tape.begins.get(n as usize);
        let at =
            *at.ok_or_else(|| Error::malformed(self.at, format!("reference to container {n}, which is not there")))?;
        Ok(Box::new(TapeSource { tape: self.tape, at: at as usize, begun: n, budget: self.budget.borrow_mut() }))
    }

    fn take_i64(&mut self) -> Result<Option<i64>> {
        let v = match self.op()? {
            Op::I32(v) => (*v).into(),
            Op::I64(v) => *v,
            _ => return Ok(None),
        };
        self.at += 1;
        self.budget.borrow_mut().node()?;
        Ok(Some(v))
    }

    fn owner(&self) -> Option<&'t Bytes> {
        match self.tape.ops.get(self.at) {
            Some(Op::Bytes(b)) => Some(b),
            _ => None,
        }
    }
}
