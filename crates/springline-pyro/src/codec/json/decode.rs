//! The JSON reader.

use std::borrow::Cow;

use memchr::memchr2;
use num_bigint::BigInt;
use springline_core::{
    Budget, Bytes, Container, Error, ErrorKind, Event, Kind, ListKind, RemoteRef, Result, Source, Text,
};

use super::MAX_INT_DIGITS;
use crate::codec::stack::Stack;
use crate::special::{self, CLASS_KEY, Class};

/// Reads one JSON value as events; see [the module](super) for what is accepted.
///
/// Texts without escapes are borrowed from the message, the others pass through one buffer that is reused. Integers of
/// up to 64 bits come as [`Event::I64`], longer ones of up to [`MAX_INT_DIGITS`] digits as [`Event::Big`]. Every value,
/// key and container is charged to the budget, also where it is skipped.
#[derive(Debug)]
pub struct Decoder<'de> {
    message: &'de [u8],
    pos: usize,
    budget: Budget,
    owner: Option<&'de Bytes>,
    state: State,
    stack: Stack<u8>,
    scratch: String,
    big: BigInt,
    remote: RemoteRef,
}

// What may come next in the innermost container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The value, at a position inside the message: one separator before it is forgiven.
    Inside,
    /// The value.
    Top,
    /// Nothing: the value is complete.
    Done,
    ListFirst,
    /// A comma or the end.
    ListNext,
    /// An item, the comma before it taken.
    ListItem,
    MapFirst,
    MapNext,
    MapKey,
    MapValue,
    ObjectNext,
    ObjectKey,
    ObjectValue,
}

// Marks on the stack: what a container lies in.
const IN_TOP: u8 = 0;
const IN_LIST: u8 = 1;
const IN_MAP: u8 = 2;
const IN_OBJECT: u8 = 3;

enum Number<'de> {
    I64(i64),
    Big(&'de str),
    F64(f64),
}

impl<'de> Decoder<'de> {
    /// A reader of the value at byte `start` of `message`. At `start` > 0 blanks and one `:` or `,` before the value
    /// are passed over.
    #[must_use]
    pub fn new(message: &'de [u8], start: usize, budget: Budget) -> Self {
        Self {
            message,
            pos: start,
            budget,
            owner: None,
            state: if start > 0 { State::Inside } else { State::Top },
            stack: Stack::new(),
            scratch: String::new(),
            big: BigInt::ZERO,
            remote: RemoteRef::default(),
        }
    }

    /// Names the buffer that `message` lies in, for [`Source::owner`].
    #[must_use]
    pub fn with_owner(mut self, owner: Option<&'de Bytes>) -> Self {
        self.owner = owner;
        self
    }

    /// Checks, after the whole value was read, that nothing but blanks follows in the message.
    pub fn finish(&mut self) -> Result<()> {
        if self.state != State::Done {
            return Err(Error::malformed(self.pos, "the value was not read to its end"));
        }
        match self.blanks() {
            None => Ok(()),
            Some(b) => Err(Error::malformed(self.pos, format!("expected the end of the message, found {}", show(b)))),
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.message.get(self.pos).copied()
    }

    fn rest(&self) -> &'de [u8] {
        self.message.get(self.pos..).unwrap_or_default()
    }

    // Passes over blanks; the byte there.
    #[inline]
    fn blanks(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.pos += 1,
                other => return other,
            }
        }
    }

    #[cold]
    fn expected(&self, what: &str) -> Error {
        match self.byte() {
            Some(b) => Error::malformed(self.pos, format!("expected {what}, found {}", show(b))),
            None => Error::malformed(self.pos, format!("expected {what}, found the end of the message")),
        }
    }

    // What to expect in this state, for messages.
    fn wanted(&self) -> &'static str {
        match self.state {
            State::Inside | State::Top | State::MapValue | State::ObjectValue | State::ListItem => "a value",
            State::Done => "nothing more to be read",
            State::ListFirst => "a value or ']'",
            State::ListNext => "',' or ']'",
            State::MapFirst => "a key in double quotes or '}'",
            State::MapNext | State::ObjectNext => "',' or '}'",
            State::MapKey | State::ObjectKey => "a key in double quotes",
        }
    }

    // Goes to the next token, past blanks and a separator that is due. The byte there.
    #[inline]
    fn settle(&mut self) -> Result<u8> {
        let mut b = self.blanks();
        let after = match (self.state, b) {
            (State::ListNext, Some(b',')) => State::ListItem,
            (State::MapNext, Some(b',')) => State::MapKey,
            (State::ObjectNext, Some(b',')) => State::ObjectKey,
            (State::Inside, Some(b',' | b':')) => State::Top,
            (State::ListNext, Some(b']')) | (State::MapNext | State::ObjectNext, Some(b'}')) => self.state,
            (State::ListNext | State::MapNext | State::ObjectNext | State::Done, _) => {
                return Err(self.expected(self.wanted()));
            }
            _ => return b.ok_or_else(|| self.expected(self.wanted())),
        };
        if after != self.state {
            self.state = after;
            self.pos += 1;
            b = self.blanks();
        }
        b.ok_or_else(|| self.expected(self.wanted()))
    }

    // Whether the settled byte ends the innermost container.
    #[inline]
    fn is_end(&self, b: u8) -> bool {
        match b {
            b']' => matches!(self.state, State::ListFirst | State::ListNext),
            b'}' => matches!(self.state, State::MapFirst | State::MapNext | State::ObjectNext),
            _ => false,
        }
    }

    #[inline]
    fn at_key(&self) -> bool {
        matches!(self.state, State::MapFirst | State::MapKey | State::ObjectKey)
    }

    #[inline]
    fn value_done(&mut self) {
        self.state = match self.state {
            State::ListFirst | State::ListItem => State::ListNext,
            State::MapValue => State::MapNext,
            State::ObjectValue => State::ObjectNext,
            _ => State::Done,
        };
    }

    // After a key: takes the colon and goes to the value.
    #[inline]
    fn key_done(&mut self) -> Result<()> {
        if self.blanks() != Some(b':') {
            return Err(self.expected("':' after a key"));
        }
        self.pos += 1;
        self.blanks();
        self.state = if self.state == State::ObjectKey { State::ObjectValue } else { State::MapValue };
        Ok(())
    }

    fn open(&mut self, inside: State) -> Result<()> {
        self.budget.enter()?;
        self.stack.push(match self.state {
            State::ListFirst | State::ListItem => IN_LIST,
            State::MapValue => IN_MAP,
            State::ObjectValue => IN_OBJECT,
            _ => IN_TOP,
        });
        self.state = inside;
        Ok(())
    }

    fn close(&mut self) {
        self.pos += 1;
        self.budget.leave();
        self.state = match self.stack.pop() {
            Some(IN_LIST) => State::ListNext,
            Some(IN_MAP) => State::MapNext,
            Some(IN_OBJECT) => State::ObjectNext,
            _ => State::Done,
        };
    }

    // Takes the string whose opening quote is here. `None` where it had to be unescaped and is in `scratch`.
    #[inline]
    fn string(&mut self) -> Result<Option<&'de str>> {
        let start = self.pos + 1;
        let body = self.message.get(start..).unwrap_or_default();
        let Some(at) = memchr2(b'"', b'\\', body) else { return Err(self.unterminated()) };
        let Some((plain, [b'"', ..])) = body.split_at_checked(at) else {
            return self.unescape(start).map(|()| None);
        };
        let text = plain_text(plain, start)?;
        self.pos = start + at + 1;
        Ok(Some(text))
    }

    #[cold]
    fn unterminated(&self) -> Error {
        Error::malformed(self.pos, "the string that begins here has no closing quote")
    }

    fn unescape(&mut self, start: usize) -> Result<()> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let end = self.unescape_into(&mut scratch, start);
        self.scratch = scratch;
        self.pos = end?;
        Ok(())
    }

    fn unescape_into(&self, scratch: &mut String, start: usize) -> Result<usize> {
        let mut at = start;
        loop {
            let body = self.message.get(at..).unwrap_or_default();
            let Some((plain, [special, tail @ ..])) = memchr2(b'"', b'\\', body).and_then(|n| body.split_at_checked(n))
            else {
                return Err(self.unterminated());
            };
            scratch.push_str(plain_text(plain, at)?);
            at += plain.len();
            if *special == b'"' {
                return Ok(at + 1);
            }
            let (c, len) = escape(tail, at).unwrap_or_else(|| Err(self.unterminated()))?;
            scratch.push(c);
            at += 1 + len;
        }
    }

    // Passes over the string whose opening quote is here, looking only for its end.
    fn skip_string(&mut self) -> Result<()> {
        let mut at = self.pos + 1;
        loop {
            let body = self.message.get(at..).unwrap_or_default();
            match memchr2(b'"', b'\\', body).and_then(|n| Some((n, *body.get(n)?))) {
                None => return Err(self.unterminated()),
                Some((n, b'"')) => {
                    self.pos = at + n + 1;
                    return Ok(());
                }
                Some((n, _)) => at += n + 2,
            }
        }
    }

    fn text<'s>(scratch: &'s str, text: Option<&'de str>) -> Text<'de, 's> {
        match text {
            Some(text) => Text::Message(text),
            None => Text::Scratch(scratch),
        }
    }

    // Where the number here ends, how many digits its whole part has, and whether it has more parts.
    #[inline]
    fn number_span(&self) -> Result<(usize, usize, bool)> {
        let digits = |from: usize| {
            let tail = self.message.get(from..).unwrap_or_default();
            tail.iter().position(|b| !b.is_ascii_digit()).unwrap_or(tail.len())
        };
        let at = |i: usize| self.message.get(i).copied();
        let first = self.pos + usize::from(at(self.pos) == Some(b'-'));
        let whole = match at(first) {
            Some(b'0') => 1,
            Some(b'1'..=b'9') => digits(first),
            _ => return Err(Error::malformed(self.pos, "expected a number after '-'")),
        };
        let (mut end, mut parts) = (first + whole, false);
        if at(end) == Some(b'.') {
            let n = digits(end + 1);
            if n > 0 {
                end += 1 + n;
                parts = true;
            }
        }
        if matches!(at(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(at(end + 1), Some(b'+' | b'-')));
            let n = digits(end + 1 + sign);
            if n > 0 {
                end += 1 + sign + n;
                parts = true;
            }
        }
        Ok((end, whole, parts))
    }

    // An integer of up to 18 digits and where it ends, in one pass. `None` for all other numbers.
    #[inline]
    fn short_int(&self) -> Option<(i64, usize)> {
        let (negative, digits) = match self.message.get(self.pos..)? {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let (mut n, mut len) = (0i64, 0);
        for b in digits.iter().take(19) {
            let digit = b.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            n = n.wrapping_mul(10).wrapping_add(digit.into());
            len += 1;
        }
        let has_more = matches!(digits.get(len), Some(b'.' | b'e' | b'E' | b'0'..=b'9'));
        if len == 0 || len > 18 || has_more || len > 1 && digits.first() == Some(&b'0') {
            return None;
        }
        Some((if negative { -n } else { n }, self.pos + usize::from(negative) + len))
    }

    // Any number and where it ends.
    fn number(&self) -> Result<(Number<'de>, usize)> {
        let (end, whole, parts) = self.number_span()?;
        let text = self.message.get(self.pos..end).and_then(|t| std::str::from_utf8(t).ok()).unwrap_or_default();
        let number = if parts {
            Number::F64(text.parse().map_err(|_| Error::malformed(self.pos, "expected a float"))?)
        } else if let Ok(n) = text.parse() {
            Number::I64(n)
        } else if whole <= MAX_INT_DIGITS {
            Number::Big(text)
        } else {
            let message = format!("integer of {whole} digits, at most {MAX_INT_DIGITS} are read");
            return Err(Error::new(ErrorKind::Limit, message).at(self.pos));
        };
        Ok((number, end))
    }

    // Whether the settled byte begins a number in digits.
    #[inline]
    fn is_number(&self, b: u8) -> bool {
        b.is_ascii_digit() || b == b'-' && self.message.get(self.pos + 1) != Some(&b'I')
    }

    // Whether exactly this word is here; any following letter is then an error of the next token.
    fn word(&self) -> Option<(&'static str, Kind)> {
        let rest = self.rest();
        [
            ("null", Kind::Null),
            ("true", Kind::Bool),
            ("false", Kind::Bool),
            ("NaN", Kind::Float),
            ("Infinity", Kind::Float),
            ("-Infinity", Kind::Float),
        ]
        .into_iter()
        .find(|(word, _)| rest.starts_with(word.as_bytes()))
    }

    // The class that the map here names by its first key, and where its next pair or end is to be looked for.
    fn class(&mut self) -> Result<Option<(Cow<'de, str>, usize)>> {
        let start = self.pos;
        let class = self.class_here();
        let end = std::mem::replace(&mut self.pos, start);
        Ok(class?.map(|class| (class, end)))
    }

    fn class_here(&mut self) -> Result<Option<Cow<'de, str>>> {
        self.pos += 1;
        self.blanks();
        let named = self.rest().strip_prefix(b"\"").and_then(|r| r.strip_prefix(CLASS_KEY.as_bytes()));
        if named.and_then(<[u8]>::first) != Some(&b'"') {
            return Ok(None);
        }
        self.pos += CLASS_KEY.len() + 2;
        if self.blanks() != Some(b':') {
            return Ok(None);
        }
        self.pos += 1;
        if self.blanks() != Some(b'"') {
            return Ok(None);
        }
        Ok(Some(match self.string()? {
            Some(class) => Cow::Borrowed(class),
            None => Cow::Owned(self.scratch.clone()),
        }))
    }

    fn map(&mut self) -> Result<Event<'de, '_>> {
        let Some((class, end)) = self.class()? else {
            self.open(State::MapFirst)?;
            self.pos += 1;
            return Ok(Event::Begin(Container::map(None)));
        };
        self.open(State::ObjectNext)?;
        self.pos = end;
        match special::classify(&class) {
            Class::Plain => {
                let class = match class {
                    Cow::Borrowed(class) => class,
                    Cow::Owned(class) => {
                        self.scratch = class;
                        &self.scratch
                    }
                };
                Ok(Event::Begin(Container::object(class, None)))
            }
            Class::Remote => {
                self.remote = special::read_remote(self, &class)?;
                Ok(Event::Remote(&self.remote))
            }
            Class::Float => Ok(Event::F64(special::read_number(self, &class)?.0)),
            Class::Complex => {
                let (re, im) = special::read_number(self, &class)?;
                Ok(Event::Complex(re, im))
            }
        }
    }

    fn float(&mut self, v: f64, len: usize) -> Event<'de, 'static> {
        self.pos += len;
        self.value_done();
        Event::F64(v)
    }

    fn plain_word(&mut self) -> Result<Event<'de, '_>> {
        let Some((word, _)) = self.word() else { return Err(self.expected(self.wanted())) };
        self.budget.node()?;
        Ok(match word {
            "NaN" => self.float(f64::NAN, word.len()),
            "Infinity" => self.float(f64::INFINITY, word.len()),
            "-Infinity" => self.float(f64::NEG_INFINITY, word.len()),
            _ => {
                self.pos += word.len();
                self.value_done();
                match word {
                    "null" => Event::Null,
                    word => Event::Bool(word == "true"),
                }
            }
        })
    }

    // One token of a value that nobody wants: structure is checked, the content of strings is not.
    fn skip_token(&mut self) -> Result<()> {
        let b = self.settle()?;
        if self.is_end(b) {
            self.close();
            return Ok(());
        }
        if self.at_key() {
            if b != b'"' {
                return Err(self.expected(self.wanted()));
            }
            self.budget.node()?;
            self.skip_string()?;
            return self.key_done();
        }
        match b {
            b'{' | b'[' => {
                self.open(if b == b'{' { State::MapFirst } else { State::ListFirst })?;
                self.pos += 1;
            }
            b'"' => {
                self.budget.node()?;
                self.skip_string()?;
                self.value_done();
            }
            b if self.is_number(b) => {
                self.budget.node()?;
                self.pos = self.number_span()?.0;
                self.value_done();
            }
            _ => {
                self.plain_word()?;
            }
        }
        Ok(())
    }
}

impl<'de> Source<'de> for Decoder<'de> {
    fn peek(&mut self) -> Result<Kind> {
        let b = self.settle()?;
        if self.is_end(b) {
            return Ok(Kind::End);
        }
        if self.at_key() {
            return match (b, self.state) {
                (b'"', State::ObjectKey) => Ok(Kind::Key),
                (b'"', _) => Ok(Kind::Str),
                _ => Err(self.expected(self.wanted())),
            };
        }
        Ok(match b {
            b'"' => Kind::Str,
            b'[' => Kind::List,
            b'{' => match self.class()? {
                None => Kind::Map,
                Some((class, _)) => match special::classify(&class) {
                    Class::Plain => Kind::Object,
                    Class::Remote => Kind::Remote,
                    Class::Float => Kind::Float,
                    Class::Complex => Kind::Complex,
                },
            },
            b if self.is_number(b) => match self.number_span()?.2 {
                true => Kind::Float,
                false => Kind::Int,
            },
            _ => match self.word() {
                Some((_, kind)) => kind,
                None => return Err(self.expected(self.wanted())),
            },
        })
    }

    fn next(&mut self) -> Result<Event<'de, '_>> {
        let b = self.settle()?;
        if self.is_end(b) {
            self.close();
            return Ok(Event::End);
        }
        if self.at_key() {
            if b != b'"' {
                return Err(self.expected(self.wanted()));
            }
            self.budget.node()?;
            let in_object = self.state == State::ObjectKey;
            let text = self.string()?;
            self.key_done()?;
            let text = Self::text(&self.scratch, text);
            return Ok(if in_object { Event::Key(text) } else { Event::Str(text) });
        }
        match b {
            b'"' => {
                self.budget.node()?;
                let text = self.string()?;
                self.value_done();
                Ok(Event::Str(Self::text(&self.scratch, text)))
            }
            b if self.is_number(b) => {
                self.budget.node()?;
                if let Some((v, end)) = self.short_int() {
                    self.pos = end;
                    self.value_done();
                    return Ok(Event::I64(v));
                }
                let (number, end) = self.number()?;
                self.pos = end;
                self.value_done();
                Ok(match number {
                    Number::I64(v) => Event::I64(v),
                    Number::F64(v) => Event::F64(v),
                    Number::Big(text) => {
                        self.big = BigInt::parse_bytes(text.as_bytes(), 10).unwrap_or_default();
                        Event::Big(&self.big)
                    }
                })
            }
            b'[' => {
                self.open(State::ListFirst)?;
                self.pos += 1;
                Ok(Event::Begin(Container::List { kind: ListKind::List, type_name: None, len: None }))
            }
            b'{' => self.map(),
            _ => self.plain_word(),
        }
    }

    fn skip(&mut self) -> Result<()> {
        let b = self.settle()?;
        if self.is_end(b) {
            return Err(self.expected("a value to pass over"));
        }
        let depth = self.stack.len();
        loop {
            self.skip_token()?;
            if self.stack.len() <= depth {
                return Ok(());
            }
        }
    }

    fn offset(&self) -> usize {
        self.pos
    }

    fn owner(&self) -> Option<&'de Bytes> {
        self.owner
    }

    fn take_i64(&mut self) -> Result<Option<i64>> {
        let b = self.settle()?;
        if self.at_key() || !self.is_number(b) {
            return Ok(None);
        }
        let taken = match self.short_int() {
            Some(taken) => Some(taken),
            None if self.number_span()?.2 => None,
            None => match self.number()? {
                (Number::I64(v), end) => Some((v, end)),
                _ => None,
            },
        };
        let Some((v, end)) = taken else { return Ok(None) };
        self.budget.node()?;
        self.pos = end;
        self.value_done();
        Ok(Some(v))
    }

    fn take_null(&mut self) -> Result<bool> {
        let b = self.settle()?;
        if b != b'n' || self.at_key() || !self.rest().starts_with(b"null") {
            return Ok(false);
        }
        self.next().map(|_| true)
    }

    fn take_expected(&mut self, expected: &str) -> bool {
        if self.settle().ok() != Some(b'"') || memchr2(b'"', b'\\', expected.as_bytes()).is_some() {
            return false;
        }
        let found = self.rest().get(1..).and_then(|rest| rest.strip_prefix(expected.as_bytes()));
        if found.and_then(<[u8]>::first) != Some(&b'"') || self.budget.node().is_err() {
            return false;
        }
        let start = self.pos;
        self.pos += expected.len() + 2;
        if !self.at_key() {
            self.value_done();
        } else if self.key_done().is_err() {
            self.pos = start;
            return false;
        }
        true
    }

    fn take_text(&mut self) -> Result<Option<Text<'de, '_>>> {
        let b = self.settle()?;
        if b != b'"' {
            // Also finds out what is no value at all.
            return if self.is_end(b) { Ok(None) } else { self.peek().map(|_| None) };
        }
        self.budget.node()?;
        let is_key = self.at_key();
        let text = self.string()?;
        if is_key {
            self.key_done()?;
        } else {
            self.value_done();
        }
        Ok(Some(Self::text(&self.scratch, text)))
    }

    fn take_end(&mut self) -> Result<bool> {
        let b = self.settle()?;
        let end = self.is_end(b);
        if end {
            self.close();
        }
        Ok(end)
    }
}

fn show(b: u8) -> String {
    if b.is_ascii_graphic() { format!("'{}'", char::from(b)) } else { format!("byte 0x{b:02x}") }
}

// A piece of a string without quotes and backslashes, at `offset`.
#[inline]
fn plain_text(bytes: &[u8], offset: usize) -> Result<&str> {
    // No early exit: this compiles to vector instructions.
    if bytes.iter().fold(false, |found, &b| found | (b < 0x20)) {
        let at = bytes.iter().position(|&b| b < 0x20).unwrap_or(0);
        return Err(Error::malformed(offset + at, "a control character in a string must be escaped"));
    }
    std::str::from_utf8(bytes).map_err(|e| Error::malformed(offset + e.valid_up_to(), "text is not UTF-8"))
}

// What stands after a backslash: the character and how many bytes it takes. `None` where the message ends within.
// `at` is the offset of the backslash.
fn escape(tail: &[u8], at: usize) -> Option<Result<(char, usize)>> {
    let (letter, tail) = tail.split_first()?;
    let plain = match letter {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(tail, at),
        _ => return Some(Err(Error::malformed(at, format!("unknown escape: a backslash before {}", show(*letter))))),
    };
    Some(Ok((plain, 1)))
}

fn unicode(tail: &[u8], at: usize) -> Option<Result<(char, usize)>> {
    let hex = |digits: &[u8; 4]| digits.iter().try_fold(0, |n, d| Some(n << 4 | char::from(*d).to_digit(16)?));
    let bad = |what: String| Some(Err(Error::malformed(at, what)));
    let (digits, tail) = tail.split_first_chunk::<4>()?;
    let Some(first) = hex(digits) else { return bad("expected four hexadecimal digits after \\u".to_owned()) };
    if let Some(c) = char::from_u32(first) {
        return Some(Ok((c, 5)));
    }
    let lone = || bad(format!("\\u{first:04x} is half of a surrogate pair, which alone is no character"));
    let Some((digits, _)) = tail.strip_prefix(b"\\u").and_then(<[u8]>::split_first_chunk::<4>) else { return lone() };
    match hex(digits) {
        Some(second) if first < 0xdc00 && (0xdc00..0xe000).contains(&second) => {
            let c = char::from_u32(0x10000 + ((first - 0xd800) << 10 | (second - 0xdc00)));
            c.map_or_else(lone, |c| Some(Ok((c, 11))))
        }
        _ => lone(),
    }
}
