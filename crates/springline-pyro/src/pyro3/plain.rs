//! Messages with nothing but a few scalars in them, which most calls and answers are: read where they lie, without the
//! machine that a pickle takes in general. Whatever else is there, an opcode or a shape, is left to that.

use springline_core::{
    Budget, Bytes, Chunk, Container, Error, Event, Format, Kind, Reading, Result, Source, Start, Text,
};

/// A call by a proxy of Pyro's or ours, as far as finding its object needs.
#[derive(Debug, PartialEq)]
pub(super) struct Call<'m> {
    pub(super) object: &'m str,
    pub(super) method: &'m str,
    /// Where the arguments begin, for [`FORMAT`].
    pub(super) args_at: usize,
}

/// Opens arguments where they lie in a message that [`call`] has looked through.
#[derive(Debug)]
pub(super) struct Arguments;

pub(super) static FORMAT: Arguments = Arguments;

impl Format for Arguments {
    fn name(&self) -> &'static str {
        "pickle"
    }

    fn read<'de>(&self, message: &'de Bytes, start: usize, budget: Budget, f: Reading<'_, 'de>) -> Result<()> {
        let mut cursor = Cursor { message, pos: start };
        let Some((len, pos)) = cursor.args() else {
            return Err(Error::malformed(start, "expected a tuple of scalars"));
        };
        let python2 = true; // who else speaks Pyro 3
        f(&mut Plain { cursor: Cursor { message, pos }, place: Place::Start, left: len, python2, budget })
    }
}

/// The call in bytes `start..` of a message: its object, method and arguments, and no keyword arguments.
#[inline]
pub(super) fn call(message: &[u8], start: usize) -> Option<Call<'_>> {
    let mut cursor = Cursor { message, pos: start };
    cursor.expect(&[0x80, 2, b'('])?;
    let object = cursor.text()?;
    let method = cursor.text()?;
    cursor.expect(b"K\x03")?; // positional arguments and keywords, and an answer is waited for
    let args_at = cursor.pos;
    cursor.args()?;
    for code in *b"}\x86t" {
        cursor.expect(&[code])?;
        cursor.put()?;
    }
    cursor.expect(b".")?;
    (cursor.pos == message.len()).then_some(Call { object, method, args_at })
}

/// The answer that `message` is, if it is one scalar. An exception never is.
#[inline]
pub(super) fn answer(message: &[u8], budget: Budget) -> Option<Plain<'_>> {
    let mut cursor = Cursor { message, pos: 0 };
    cursor.expect(&[0x80, 2])?;
    let at = cursor;
    let (_, python2) = cursor.scalar()?;
    cursor.expect(b".")?;
    (cursor.pos == message.len()).then_some(Plain { cursor: at, place: Place::Root, left: 0, python2, budget })
}

#[derive(Clone, Copy, Debug)]
enum Scalar<'m> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(&'m str),
    Bytes(&'m [u8]),
}

#[derive(Clone, Copy, Debug)]
struct Cursor<'m> {
    message: &'m [u8],
    pos: usize,
}

impl<'m> Cursor<'m> {
    #[inline]
    fn expect(&mut self, bytes: &[u8]) -> Option<()> {
        self.message.get(self.pos..)?.starts_with(bytes).then(|| self.pos += bytes.len())
    }

    #[inline]
    fn take(&mut self, len: usize) -> Option<&'m [u8]> {
        let bytes = self.message.get(self.pos..)?.get(..len)?;
        self.pos += len;
        Some(bytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = *self.message.get(self.pos..)?.first_chunk()?;
        self.pos += N;
        Some(bytes)
    }

    /// A value's number in the memo, which nothing here refers to.
    #[inline]
    fn put(&mut self) -> Option<()> {
        match self.message.get(self.pos) {
            Some(b'q') => self.take(2).map(drop),
            Some(b'r') => self.take(5).map(drop),
            _ => Some(()),
        }
    }

    #[inline]
    fn text(&mut self) -> Option<&'m str> {
        match self.scalar()? {
            (Scalar::Str(text), _) => Some(text),
            _ => None,
        }
    }

    /// The next value, and whether it is a `str` of Python 2.
    #[inline]
    fn scalar(&mut self) -> Option<(Scalar<'m>, bool)> {
        let [code] = self.array()?;
        let scalar = match code {
            b'U' | b'T' | b'X' => {
                let len = match code {
                    b'U' => {
                        let [len] = self.array()?;
                        usize::from(len)
                    }
                    _ => usize::try_from(i32::from_le_bytes(self.array()?)).ok()?,
                };
                let bytes = self.take(len)?;
                let scalar = match (std::str::from_utf8(bytes), code) {
                    (Ok(text), _) => Scalar::Str(text),
                    (Err(_), b'X') => return None,
                    (Err(_), _) => Scalar::Bytes(bytes),
                };
                self.put()?;
                return Some((scalar, code != b'X'));
            }
            b'K' => {
                let [v] = self.array()?;
                Scalar::Int(v.into())
            }
            b'M' => Scalar::Int(u16::from_le_bytes(self.array()?).into()),
            b'J' => Scalar::Int(i32::from_le_bytes(self.array()?).into()),
            b'G' => Scalar::Float(f64::from_be_bytes(self.array()?)),
            b'N' => Scalar::Null,
            0x88 | 0x89 => Scalar::Bool(code == 0x88),
            _ => return None,
        };
        Some((scalar, false))
    }

    /// A tuple of scalars: how many there are, and where they begin.
    #[inline]
    fn args(&mut self) -> Option<(usize, usize)> {
        if self.expect(b")").is_some() {
            self.put()?;
            return Some((0, self.pos));
        }
        let marked = self.expect(b"(").is_some();
        let begin = self.pos;
        let mut len = 0_usize;
        loop {
            match *self.message.get(self.pos)? {
                b't' if marked => break,
                code @ 0x85..=0x87 if !marked && usize::from(code - 0x84) == len => break,
                _ => self.scalar()?,
            };
            len += 1;
        }
        self.pos += 1;
        self.put()?;
        Some((len, begin))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The one scalar of an answer.
    Root,
    /// Before the tuple of arguments.
    Start,
    Items,
    Done,
}

/// Reads a scalar, or a tuple of them, that was looked through before.
#[derive(Debug)]
pub(super) struct Plain<'m> {
    cursor: Cursor<'m>,
    place: Place,
    left: usize,
    python2: bool,
    budget: Budget,
}

impl<'m> Plain<'m> {
    #[inline]
    fn is_at_scalar(&self) -> bool {
        match self.place {
            Place::Root => true,
            Place::Items => self.left > 0,
            Place::Start | Place::Done => false,
        }
    }

    #[inline]
    fn scalar(&mut self) -> Result<Scalar<'m>> {
        self.budget.node()?;
        let at = self.cursor.pos;
        let (scalar, _) = self.cursor.scalar().ok_or_else(|| Error::malformed(at, "expected a scalar"))?;
        match self.place {
            Place::Root => self.place = Place::Done,
            _ => self.left -= 1,
        }
        Ok(scalar)
    }

    fn code(&self) -> u8 {
        self.cursor.message.get(self.cursor.pos).copied().unwrap_or_default()
    }

    fn end(&mut self) {
        self.budget.leave();
        self.place = Place::Done;
    }
}

impl<'m> Source<'m> for Plain<'m> {
    fn peek(&mut self) -> Result<Kind> {
        if !self.is_at_scalar() {
            return match self.place {
                Place::Start => Ok(Kind::List),
                Place::Items => Ok(Kind::End),
                _ => Err(nothing(self.cursor.pos)),
            };
        }
        Ok(match self.code() {
            b'N' => Kind::Null,
            0x88 | 0x89 => Kind::Bool,
            b'G' => Kind::Float,
            b'K' | b'M' | b'J' => Kind::Int,
            _ => {
                let mut ahead = self.cursor;
                match ahead.scalar() {
                    Some((Scalar::Bytes(_), _)) => Kind::Bytes,
                    _ => Kind::Str,
                }
            }
        })
    }

    fn next(&mut self) -> Result<Event<'m, '_>> {
        if self.is_at_scalar() {
            return Ok(match self.scalar()? {
                Scalar::Null => Event::Null,
                Scalar::Bool(v) => Event::Bool(v),
                Scalar::Int(v) => Event::I64(v),
                Scalar::Float(v) => Event::F64(v),
                Scalar::Str(v) => Event::Str(Text::Message(v)),
                Scalar::Bytes(v) => Event::Bytes(Chunk::Message(v)),
            });
        }
        match self.place {
            Place::Start => {
                self.budget.enter()?;
                self.place = Place::Items;
                Ok(Event::Begin(Container::tuple(Some(self.left))))
            }
            Place::Items => {
                self.end();
                Ok(Event::End)
            }
            _ => Err(nothing(self.cursor.pos)),
        }
    }

    fn skip(&mut self) -> Result<()> {
        if self.is_at_scalar() {
            return self.scalar().map(drop);
        }
        if self.place != Place::Start {
            return Err(nothing(self.cursor.pos));
        }
        self.budget.enter()?;
        self.place = Place::Items;
        while self.left > 0 {
            self.scalar()?;
        }
        self.end();
        Ok(())
    }

    fn offset(&self) -> usize {
        self.cursor.pos
    }

    fn begun(&self) -> Option<u32> {
        Some(u32::from(matches!(self.place, Place::Items)))
    }

    fn text_may_be_bytes(&self) -> bool {
        self.python2
    }

    #[inline]
    fn take_str(&mut self) -> Option<&'m str> {
        if !self.is_at_scalar() || !matches!(self.code(), b'U' | b'T' | b'X') {
            return None;
        }
        let (before, place, left) = (self.cursor.pos, self.place, self.left);
        match self.scalar() {
            Ok(Scalar::Str(text)) => Some(text),
            _ => {
                // Bytes, or no budget for it: `next` tells.
                (self.cursor.pos, self.place, self.left) = (before, place, left);
                None
            }
        }
    }

    #[inline]
    fn take_list(&mut self) -> Start {
        if self.place != Place::Start || self.budget.enter().is_err() {
            return Start::Other;
        }
        self.place = Place::Items;
        Start::Known(self.left)
    }

    #[inline]
    fn take_end(&mut self) -> Result<bool> {
        let end = self.place == Place::Items && self.left == 0;
        if end {
            self.end();
        }
        Ok(end)
    }
}

#[cold]
fn nothing(at: usize) -> Error {
    Error::malformed(at, "nothing more to be read: the value is complete")
}

#[cfg(test)]
mod tests {
    use springline_core::{Output, Payload, Value};

    use super::*;
    use crate::codec::pickle::{Decoder, Encoder};
    use crate::pyro3::{read_call, wire, write_call};

    fn in_general(message: &Bytes) -> Option<Value> {
        Value::read(&mut Decoder::new(message, 0, Budget::default())).ok()
    }

    // Whatever is read here is what is read in general. Gives whether it was.
    fn check_call(message: &Bytes) -> bool {
        let Some(call) = call(message, 0) else { return false };
        let parts = read_call(message, Budget::default()).unwrap();
        assert_eq!((call.object, call.method), (&*parts.object, &*parts.method));
        assert!(!parts.oneway && parts.kwargs.is_none(), "{parts:?}");
        let wanted = parts.args.payload(message, Budget::default()).into_value().unwrap();
        let args = Payload::lent(message, call.args_at, &FORMAT, Budget::default());
        assert_eq!(args.to_value().unwrap(), wanted);
        let skipped = FORMAT.read(message, call.args_at, Budget::default(), &mut |source| {
            source.skip()?;
            assert!(source.next().is_err(), "nothing follows");
            Ok(())
        });
        skipped.unwrap();
        true
    }

    fn check_answer(message: &Bytes) -> bool {
        let Some(mut plain) = answer(message, Budget::default()) else { return false };
        let mut general = Decoder::new(message, 0, Budget::default());
        assert_eq!(plain.text_may_be_bytes(), general.text_may_be_bytes());
        assert_eq!(plain.peek().unwrap(), general.peek().unwrap());
        assert_eq!(Value::read(&mut plain).unwrap(), Value::read(&mut general).unwrap());
        true
    }

    #[test]
    fn what_python_sent() {
        // From testdata/pyro/pyro3-3.16/call.json.
        let request = Bytes::from_static(
            b"\x80\x02(U\"7f000001288429cd0388a98d5bac75425cq\x01U\x08get_dataq\x02K\x03U\x05Helloq\x03\x85q\x04}q\x05\x86q\x06t.",
        );
        assert!(check_call(&request));
        assert!(check_answer(&Bytes::from_static(b"\x80\x02U\ndata:Helloq\x01.")));
        // Bytes that are no text, and a text that was said before.
        assert!(check_answer(&Bytes::from_static(b"\x80\x02U\x02\xff\xfeq\x01.")));
        let again = Bytes::from_static(b"\x80\x02(U\x01aq\x01U\x01bq\x02K\x03h\x01\x85q\x03}q\x04\x86q\x05tq\x06.");
        assert!(!check_call(&again) && in_general(&again).is_some());
    }

    #[test]
    fn every_shape_and_every_cut() {
        let text = |s: &str| Value::from(s);
        let scalars = [
            Value::Null,
            Value::Bool(true),
            Value::I64(3),
            Value::I64(300),
            Value::I64(-70_000),
            Value::F64(-0.5),
            text(""),
            text("Hello"),
            text("gr\u{fc}n \u{1f600}"),
            text(&"long ".repeat(100)),
        ];
        let others = [Value::I64(1 << 40), Value::Tuple(vec![]), Value::List(vec![text("x")]), Value::Map(vec![])];
        let mut plain = 0;
        for len in 0..6 {
            for first in 0..scalars.len() + others.len() {
                let args = (first..first + len)
                    .map(|i| scalars.iter().chain(&others).nth(i % (scalars.len() + others.len())).unwrap().clone());
                let args = Value::Tuple(args.collect());
                let is_plain = args.as_items().unwrap().iter().all(|arg| scalars.contains(arg));
                for oneway in [false, true] {
                    let mut out = Output::new();
                    let args = Payload::from(args.clone());
                    write_call(&mut out, false, "guid", "method", oneway, &args, None).unwrap();
                    let message = Bytes::from(out.to_vec());
                    assert_eq!(check_call(&message), is_plain && !oneway, "{}", message.escape_ascii());
                    plain += usize::from(is_plain && !oneway);
                    for end in 0..message.len() {
                        assert!(call(&message[..end], 0).is_none());
                    }
                }
            }
        }
        assert!(plain > 30, "{plain}");
        for value in scalars.iter().chain(&others) {
            let mut out = Output::new();
            value.write(&mut Encoder::pyro3(&mut out)).unwrap();
            let message = Bytes::from(out.to_vec());
            assert_eq!(check_answer(&message), scalars.contains(value), "{}", message.escape_ascii());
            for end in 0..message.len() {
                assert!(answer(&message[..end], Budget::default()).is_none());
            }
        }
    }

    #[test]
    fn whatever_was_recorded() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/pyro/pyro3-3.16");
        let (mut calls, mut answers) = (0, 0);
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for hex in text.split("\"hex\": \"").skip(1).filter_map(|rest| rest.split('"').next()) {
                let byte = |i: usize| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
                let bytes: Bytes = (0..hex.len() / 2).map(byte).collect();
                let Ok(Some(header)) = wire::parse_header(&bytes) else { continue };
                if header.is_plain() && header.frame_len() == bytes.len() {
                    let body = bytes.slice(wire::HEADER..);
                    calls += usize::from(check_call(&body));
                    answers += usize::from(check_answer(&body));
                }
            }
        }
        assert!(calls >= 40 && answers >= 40, "{calls} calls, {answers} answers");
    }
}
