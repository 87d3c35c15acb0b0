//! The reading half: containers and the order of things. Scalars are in [`literal`](super::literal).

use num_bigint::BigInt;
use springline_core::{
    Budget, Bytes, Chunk, Container, Error, ErrorKind, Event, Kind, ListKind, RemoteRef, Result, Source, Text,
};

use super::blanks::is_blank;
use super::scan::{Ahead, Trouble};
use crate::codec::stack::Stack;

/// Reads one Python literal out of a message; text without escapes, and bytes literals, are borrowed from it.
///
/// Brackets, redundant parentheses included, count against the depth limit.
#[derive(Debug)]
pub struct Decoder<'de> {
    // The message from `base` on: UTF-8 without a zero byte, or empty if it is not (then `broken` says where).
    pub(super) text: &'de str,
    pub(super) base: usize,
    pub(super) pos: usize,
    budget: Budget,
    owner: Option<&'de Bytes>,
    broken: Option<(usize, &'static str)>,
    // The innermost container; the others are on the stack.
    pub(super) top: Frame,
    stack: Stack<Frame>,
    // What stands at `pos`, once that is known.
    place: Option<Place>,
    // What was peeked at, and where it began.
    token: Option<Token<'de>>,
    token_at: usize,
    pub(super) ahead: Ahead,
    // What the last event may refer to.
    pub(super) scratch: String,
    pub(super) scratch_bytes: Vec<u8>,
    pub(super) big: BigInt,
    pub(super) remote: Option<Box<RemoteRef>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shape {
    #[default]
    Root,
    List,
    Tuple,
    Set,
    Map,
    Object,
    /// Parentheses around one value: no container of the data.
    Paren,
    /// A container that ends without a bracket of its own: `set()`, `...`.
    Empty,
}

impl Shape {
    fn closer(self) -> u8 {
        match self {
            Self::List => b']',
            Self::Tuple | Self::Paren => b')',
            Self::Set | Self::Map | Self::Object => b'}',
            Self::Root | Self::Empty => 0,
        }
    }

    // Whether it has items between brackets.
    #[inline]
    fn is_container(self) -> bool {
        matches!(self, Self::List | Self::Tuple | Self::Set | Self::Map | Self::Object)
    }

    #[inline]
    fn item(self) -> Place {
        if matches!(self, Self::Map | Self::Object) { Place::Key } else { Place::Item }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Start,
    AfterKey,
    AfterItem,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame {
    pub(super) shape: Shape,
    pub(super) phase: Phase,
    // Whether it is a key of a dict or a member of a set, or part of one.
    hashed: bool,
    closer: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Item,
    Key,
    End,
}

/// An event without its borrow of the decoder, so that it can be kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token<'de> {
    Null,
    Bool(bool),
    Int(i64),
    Big,
    Float(f64),
    Complex(f64, f64),
    Text(&'de str),
    ScratchText,
    Bytes(&'de [u8]),
    ScratchBytes,
    Remote,
    Begin(Shape),
    Object(&'de str),
    ScratchObject,
    Key(&'de str),
    ScratchKey,
    End,
}

impl<'de> Decoder<'de> {
    /// A decoder for the literal that begins at byte `start` of `message`; offsets in errors count from `message`.
    ///
    /// At 0 the header line may come first, as any comment; further in, blanks and one `:` or `,` may. That the message
    /// is UTF-8 without zero bytes is checked here, from `start` to its end, and reported by the first event.
    #[must_use]
    pub fn new(message: &'de [u8], start: usize, budget: Budget) -> Self {
        let bytes = message.get(start..).unwrap_or_default();
        let (text, broken) = match std::str::from_utf8(bytes) {
            Ok(text) => match memchr::memchr(0, bytes) {
                None => (text, None),
                Some(i) => ("", Some((start + i, "a zero byte is in the text"))),
            },
            Err(e) => ("", Some((start + e.valid_up_to(), "the text is not UTF-8"))),
        };
        Self {
            text,
            base: start,
            pos: 0,
            budget,
            owner: None,
            broken,
            top: Frame::default(),
            stack: Stack::new(),
            place: None,
            token: None,
            token_at: 0,
            ahead: Ahead::default(),
            scratch: String::new(),
            scratch_bytes: Vec::new(),
            big: BigInt::ZERO,
            remote: None,
        }
    }

    /// Names the buffer that `message` is the whole of, so that blobs can be taken out of it without a copy.
    #[must_use]
    pub fn with_owner(mut self, owner: Option<&'de Bytes>) -> Self {
        self.owner = owner;
        self
    }

    /// Checks that the value was read whole and nothing follows it but blanks, comments and newlines.
    pub fn finish(&mut self) -> Result<()> {
        while self.token.is_none() && self.top.shape == Shape::Paren && self.top.phase == Phase::AfterItem {
            self.close_paren()?;
        }
        if self.token.is_some() || self.top.shape != Shape::Root || self.top.phase == Phase::Start {
            return Err(self.fail(self.pos, "the value to be read to its end"));
        }
        self.blanks()?;
        // At the outermost level a newline ends the literal, yet empty lines may follow.
        while matches!(self.at(self.pos), b'\n' | b'\r') {
            self.pos += 1;
            self.blanks()?;
        }
        match self.at(self.pos) {
            0 => Ok(()),
            b',' => Err(self.fail(self.pos, "the end of the literal (a tuple needs parentheses here)")),
            _ => Err(self.fail(self.pos, "the end of the literal")),
        }
    }

    /// The byte at `i`, 0 behind the end: there are no zero bytes in the text.
    #[inline]
    pub(super) fn at(&self, i: usize) -> u8 {
        self.text.as_bytes().get(i).copied().unwrap_or_default()
    }

    /// Levels of nesting still allowed.
    pub(super) fn depth_left(&self) -> usize {
        self.budget.depth_left() as usize
    }

    // Whether newlines are blanks: inside brackets, and where the literal was opened in the middle of a message.
    pub(super) fn nested(&self) -> bool {
        self.stack.len() > 0 || self.base > 0
    }

    #[cold]
    pub(super) fn fail(&self, at: usize, expected: &str) -> Error {
        if let Some((place, what)) = self.broken {
            return Error::malformed(place, what);
        }
        let found = match self.text.get(at..).and_then(|rest| rest.chars().next()) {
            Some(c) if c.is_control() => format!("{:?}", c.to_string()),
            Some(c) => format!("'{c}'"),
            None => "the end of the text".to_owned(),
        };
        self.wrong(at, format!("expected {expected}, found {found}"))
    }

    /// An error at byte `at` of the text, with line and column (both from 1) when it has several lines.
    #[cold]
    pub(super) fn wrong(&self, at: usize, what: String) -> Error {
        let before = self.text.get(..at).unwrap_or(self.text);
        let what = if self.base == 0 && before.contains('\n') {
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
            format!("{what} (line {line}, column {column})")
        } else {
            what
        };
        Error::malformed(self.base + at, what)
    }

    #[cold]
    pub(super) fn trouble(&self, t: Trouble) -> Error {
        match t {
            Trouble::Unterminated(at) => self.wrong(at, "the string that begins here does not end".to_owned()),
            Trouble::Mismatch(at, b) => self.fail(at, &format!("'{}'", char::from(b))),
            Trouble::Unclosed(at, b) => self.fail(at, &format!("'{}' somewhere", char::from(b))),
            Trouble::TooDeep(at) => {
                let what = "brackets are nested deeper than the limit depth allows";
                Error::new(ErrorKind::Limit, what).at(self.base + at)
            }
        }
    }

    /// Tells what stands next and passes what separates it from the last token.
    #[inline]
    fn prepare(&mut self) -> Result<Place> {
        if let Some(place) = self.place {
            return Ok(place);
        }
        // Writers put no blanks between tokens.
        let (b, next) = (self.at(self.pos), self.at(self.pos + 1));
        let Frame { shape, phase, closer, .. } = self.top;
        let place = match phase {
            Phase::AfterItem if b == b',' && !is_blank(next) && next != closer && shape.is_container() => {
                self.pos += 1;
                shape.item()
            }
            Phase::AfterItem if b == closer && shape.is_container() => Place::End,
            Phase::AfterKey if b == b':' && !is_blank(next) => {
                self.pos += 1;
                Place::Item
            }
            _ => self.find_place()?,
        };
        self.place = Some(place);
        Ok(place)
    }

    #[inline(never)]
    fn find_place(&mut self) -> Result<Place> {
        loop {
            let Frame { shape, phase, closer, .. } = self.top;
            match (shape, phase) {
                (Shape::Root, Phase::Start) => {
                    self.lead()?;
                    return Ok(Place::Item);
                }
                (Shape::Root, _) => {
                    return Err(Error::malformed(self.base + self.pos, "the value has been read to its end"));
                }
                (Shape::Empty, _) => return Ok(Place::End),
                (Shape::Paren, Phase::AfterItem) => {
                    self.close_paren()?;
                    continue;
                }
                (Shape::Paren, _) => {
                    self.blanks()?;
                    return Ok(Place::Item);
                }
                (_, Phase::AfterKey) => {
                    self.blanks()?;
                    if self.at(self.pos) != b':' {
                        return Err(self.fail(self.pos, "':' after a key"));
                    }
                    self.pos += 1;
                    self.blanks()?;
                    return Ok(Place::Item);
                }
                (_, Phase::Start) => self.blanks()?,
                (_, Phase::AfterItem) => {
                    self.blanks()?;
                    let b = self.at(self.pos);
                    if b == b',' {
                        self.pos += 1;
                        self.blanks()?;
                    } else if b == closer {
                        return Ok(Place::End);
                    } else {
                        return Err(self.fail(self.pos, &format!("',' or '{}'", char::from(closer))));
                    }
                }
            }
            return Ok(if self.at(self.pos) == closer { Place::End } else { shape.item() });
        }
    }

    pub(super) fn close_paren(&mut self) -> Result<()> {
        self.blanks()?;
        if self.at(self.pos) != b')' {
            return Err(self.fail(self.pos, "')'"));
        }
        self.pos += 1;
        self.leave();
        Ok(())
    }

    #[inline]
    pub(super) fn enter(&mut self, shape: Shape, phase: Phase, hashed: bool) -> Result<()> {
        self.budget.enter().map_err(|e| e.at(self.base + self.pos))?;
        self.stack.push(self.top);
        self.top = Frame { shape, phase, hashed, closer: shape.closer() };
        Ok(())
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        self.budget.leave();
        self.top = self.stack.pop().unwrap_or_default();
    }

    #[inline]
    fn close(&mut self) {
        self.place = None;
        self.pos += usize::from(self.top.shape != Shape::Empty);
        self.leave();
    }

    #[inline]
    fn node(&mut self) -> Result<()> {
        self.charge(1)
    }

    // Values that were read without an event each.
    #[inline]
    pub(super) fn charge(&mut self, values: u32) -> Result<()> {
        self.budget.many(values).map_err(|e| e.at(self.base + self.pos))
    }

    #[inline]
    fn advance(&mut self) -> Result<Token<'de>> {
        let place = self.prepare()?;
        self.token_at = self.pos;
        let b = self.at(self.pos);
        match place {
            Place::End => {
                self.close();
                return Ok(Token::End);
            }
            Place::Item => self.top.phase = Phase::AfterItem,
            Place::Key => {
                self.top.phase = Phase::AfterKey;
                if self.top.shape == Shape::Object {
                    self.place = None;
                    return self.field();
                }
            }
        }
        self.place = None;
        match b {
            b'\'' | b'"' => {
                self.node()?;
                self.literal()
            }
            b'0'..=b'9' | b'-' => {
                self.node()?;
                self.numeric()
            }
            _ => self.other(place == Place::Key),
        }
    }

    // The name of an object's field.
    fn field(&mut self) -> Result<Token<'de>> {
        let token = match self.at(self.pos) {
            b'\'' | b'"' => {
                self.node()?;
                self.literal()?
            }
            _ => self.other(true)?,
        };
        match token {
            Token::Text(text) => Ok(Token::Key(text)),
            Token::ScratchText => Ok(Token::ScratchKey),
            _ => Err(self.fail(self.token_at, "text as the name of an object's field")),
        }
    }

    // A value of any kind.
    #[inline(never)]
    fn other(&mut self, key: bool) -> Result<Token<'de>> {
        let hashed = key || self.top.hashed || self.top.shape == Shape::Set;
        loop {
            let b = self.at(self.pos);
            match b {
                b'[' => {
                    self.unhashable(hashed, "a list")?;
                    self.pos += 1;
                    return self.begin(Shape::List, false);
                }
                b'{' => {
                    self.unhashable(hashed, "a dict or set")?;
                    return self.brace();
                }
                b'(' => {
                    let known = self.ahead.bracket(self.text.as_bytes(), self.pos, self.depth_left());
                    let tuple = known.map_err(|t| self.trouble(t))?.comma();
                    self.pos += 1;
                    let content = self.pos;
                    // Inside of this bracket newlines are blanks.
                    self.many_blanks(true)?;
                    if tuple || self.at(self.pos) == b')' {
                        self.pos = content;
                        return self.begin(Shape::Tuple, hashed);
                    }
                    self.enter(Shape::Paren, Phase::AfterItem, hashed)?;
                    continue;
                }
                _ => {}
            }
            self.node()?;
            return match b {
                b'\'' | b'"' => self.literal(),
                b'0'..=b'9' | b'-' | b'+' => self.numeric(),
                b'.' if self.at(self.pos + 1).is_ascii_digit() => self.numeric(),
                b'.' if self.at(self.pos + 1) == b'.' && self.at(self.pos + 2) == b'.' => {
                    self.pos += 3;
                    self.begin(Shape::Empty, hashed).map(|_| Token::Object("ellipsis"))
                }
                _ => match self.word()? {
                    Token::Begin(shape) => {
                        self.unhashable(hashed, "a set")?;
                        self.begin(shape, false)
                    }
                    token => Ok(token),
                },
            };
        }
    }

    #[inline]
    fn unhashable(&self, hashed: bool, what: &str) -> Result<()> {
        if !hashed {
            return Ok(());
        }
        Err(self.wrong(self.pos, format!("{what} cannot be a key of a dict or a member of a set")))
    }

    #[inline]
    pub(super) fn begin(&mut self, shape: Shape, hashed: bool) -> Result<Token<'de>> {
        self.enter(shape, Phase::Start, hashed)?;
        Ok(Token::Begin(shape))
    }

    #[inline]
    fn event(&self, token: Token<'de>) -> Event<'de, '_> {
        match token {
            Token::Null => Event::Null,
            Token::Bool(v) => Event::Bool(v),
            Token::Int(v) => Event::I64(v),
            Token::Big => Event::Big(&self.big),
            Token::Float(v) => Event::F64(v),
            Token::Complex(re, im) => Event::Complex(re, im),
            Token::Text(v) => Event::Str(Text::Message(v)),
            Token::ScratchText => Event::Str(Text::Scratch(&self.scratch)),
            Token::Bytes(v) => Event::Bytes(Chunk::Message(v)),
            Token::ScratchBytes => Event::Bytes(Chunk::Scratch(&self.scratch_bytes)),
            Token::Remote => match &self.remote {
                Some(remote) => Event::Remote(remote),
                None => Event::Null, // never: the token is only made beside the reference
            },
            Token::Begin(Shape::Map | Shape::Object) => Event::Begin(Container::map(None)),
            Token::Begin(shape) => {
                let kind = match shape {
                    Shape::Tuple => ListKind::Tuple,
                    Shape::Set | Shape::Empty => ListKind::Set,
                    _ => ListKind::List,
                };
                let len = (shape == Shape::Empty).then_some(0);
                Event::Begin(Container::List { kind, type_name: None, len })
            }
            Token::Object(class) => Event::Begin(Container::object(class, None)),
            Token::ScratchObject => Event::Begin(Container::object(&self.scratch, None)),
            Token::Key(v) => Event::Key(Text::Message(v)),
            Token::ScratchKey => Event::Key(Text::Scratch(&self.scratch)),
            Token::End => Event::End,
        }
    }

    #[inline]
    fn take(&mut self) -> Result<Token<'de>> {
        match self.token.take() {
            Some(token) => Ok(token),
            None => self.advance(),
        }
    }

    // Whether a value or key stands at `pos` and was not peeked at yet. None for bad bytes, of which `next` will tell.
    #[inline]
    fn ready(&mut self) -> Option<bool> {
        Some(self.token.is_none() && self.prepare().ok()? != Place::End)
    }

    // Whether it is an object's value and not a name, which has to be text, that stands at `pos`.
    fn in_field(&self) -> bool {
        self.top.shape == Shape::Object && self.place == Some(Place::Item)
    }

    // What `advance` does before a scalar, for one that is known to be good. Gives what `undo` needs.
    #[inline]
    fn begin_scalar(&mut self) -> Option<Place> {
        self.node().ok()?;
        self.token_at = self.pos;
        let place = self.place.take()?;
        self.top.phase = if place == Place::Key { Phase::AfterKey } else { Phase::AfterItem };
        Some(place)
    }

    // Goes back to the value at `start`, of which nothing but the container's phase was changed.
    fn undo(&mut self, start: usize, place: Place) {
        self.pos = start;
        self.place = Some(place);
    }

    // Passes the rest of the container whose content is being read.
    fn skip_open(&mut self) -> Result<()> {
        if self.top.shape != Shape::Empty {
            self.skip_to(self.top.closer)?;
        }
        self.leave();
        Ok(())
    }

    // Passes everything to the bracket `last`, and that.
    fn skip_to(&mut self, last: u8) -> Result<()> {
        let end = self.ahead.close(self.text.as_bytes(), self.pos, last, self.depth_left());
        let (end, values) = end.map_err(|t| self.trouble(t))?;
        self.charge(values)?;
        self.pos = end + 1;
        Ok(())
    }
}

impl<'de> Source<'de> for Decoder<'de> {
    fn peek(&mut self) -> Result<Kind> {
        let token = match self.token {
            Some(token) => token,
            None => {
                let token = self.advance()?;
                self.token = Some(token);
                token
            }
        };
        Ok(self.event(token).kind())
    }

    #[inline]
    fn next(&mut self) -> Result<Event<'de, '_>> {
        let token = self.take()?;
        Ok(self.event(token))
    }

    fn skip(&mut self) -> Result<()> {
        if self.token.is_none() {
            let place = self.prepare()?;
            let last = match self.at(self.pos) {
                b'[' => b']',
                b'{' => b'}',
                _ => 0,
            };
            if place == Place::Item && last != 0 && !self.top.hashed && self.top.shape != Shape::Set {
                self.place = None;
                self.top.phase = Phase::AfterItem;
                self.budget.enter().map_err(|e| e.at(self.base + self.pos))?;
                if last == b'}' {
                    self.ahead.pass(self.pos);
                }
                self.pos += 1;
                self.skip_to(last)?;
                self.budget.leave();
                return Ok(());
            }
        }
        let at = self.offset();
        match self.take()? {
            Token::Begin(_) | Token::Object(_) | Token::ScratchObject => self.skip_open(),
            Token::End => Err(Error::malformed(at, "expected a value to pass over, found the end of a container")),
            _ => Ok(()),
        }
    }

    #[inline]
    fn offset(&self) -> usize {
        self.base + if self.token.is_some() { self.token_at } else { self.pos }
    }

    fn owner(&self) -> Option<&'de Bytes> {
        self.owner
    }

    #[inline]
    fn take_i64(&mut self) -> Result<Option<i64>> {
        match self.take()? {
            Token::Int(v) => Ok(Some(v)),
            other => {
                self.token = Some(other);
                Ok(None)
            }
        }
    }

    fn take_f64(&mut self) -> Option<f64> {
        if !self.ready()? || !matches!(self.at(self.pos), b'0'..=b'9' | b'-') {
            return None;
        }
        if matches!(self.top.shape, Shape::Paren | Shape::Object) && !self.in_field() {
            return None;
        }
        let (start, place) = (self.pos, self.begin_scalar()?);
        match self.numeric() {
            Ok(Token::Float(v)) => return Some(v),
            Ok(other) => self.token = Some(other),
            Err(_) => self.undo(start, place),
        }
        None
    }

    fn take_bool(&mut self) -> Option<bool> {
        if !self.ready()? || (self.top.shape == Shape::Object && !self.in_field()) {
            return None;
        }
        let (value, len) = match self.at(self.pos) {
            b'T' => (true, self.plain_name("True")?),
            b'F' => (false, self.plain_name("False")?),
            _ => return None,
        };
        self.begin_scalar()?;
        self.pos += len;
        Some(value)
    }

    fn take_null(&mut self) -> Result<bool> {
        if self.token.is_none() {
            self.prepare()?;
            // What begins otherwise is none, also in parentheses.
            if !matches!(self.at(self.pos), b'N' | b'(') {
                return Ok(false);
            }
        }
        match self.take()? {
            Token::Null => Ok(true),
            other => {
                self.token = Some(other);
                Ok(false)
            }
        }
    }

    #[inline]
    fn take_str(&mut self) -> Option<&'de str> {
        if !self.ready()? {
            return None;
        }
        let (content, after) = self.plain_text()?;
        self.begin_scalar()?;
        self.pos = after;
        Some(content)
    }

    #[inline]
    fn take_expected(&mut self, expected: &str) -> bool {
        if !self.ready().unwrap_or(false) {
            return false;
        }
        // Cheaper than to look for the text's end, when it is another.
        if self.text.as_bytes().get(self.pos + 1..).is_none_or(|rest| !rest.starts_with(expected.as_bytes())) {
            return false;
        }
        let Some((content, after)) = self.plain_text() else { return false };
        if content != expected || self.begin_scalar().is_none() {
            return false;
        }
        self.pos = after;
        true
    }

    #[inline]
    fn take_text(&mut self) -> Result<Option<Text<'de, '_>>> {
        match self.take()? {
            Token::Text(v) | Token::Key(v) => Ok(Some(Text::Message(v))),
            Token::ScratchText | Token::ScratchKey => Ok(Some(Text::Scratch(&self.scratch))),
            other => {
                self.token = Some(other);
                Ok(None)
            }
        }
    }

    #[inline]
    fn take_end(&mut self) -> Result<bool> {
        match self.token {
            Some(Token::End) => {
                self.token = None;
                Ok(true)
            }
            Some(_) => Ok(false),
            None => {
                let end = self.prepare()? == Place::End;
                if end {
                    self.close();
                }
                Ok(end)
            }
        }
    }
}
