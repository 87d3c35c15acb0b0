//! The reader: a document's values as events.

mod again;
mod source;
mod value;

use std::collections::HashSet;

use num_bigint::BigInt;
use smallvec::SmallVec;
use springline_core::{Budget, Bytes, DateTime, Error, ErrorKind, Result, Source};

use super::element::{Element, Tag};
use super::format::{Flags, Part};
use super::head::{self, Head};
use super::problem::Problem;
use super::tokens::{Token, Tokens};
use again::Again;

/// Reads the values of a document as events; see [the module](super) for what is accepted.
///
/// What comes next is read whole and kept until it is taken. Texts that lie in the document in one piece are borrowed from
/// it, the others are put together in one buffer that is used again and again.
#[derive(Debug)]
pub(crate) struct XmlSource<'de> {
    tokens: Tokens<'de>,
    part: Part,
    flags: Flags,
    budget: Budget,
    owner: &'de Bytes,
    state: State,
    levels: Levels,
    // What comes next, if it was read already, and where it begins.
    ahead: Ahead<'de>,
    begins: usize,
    before: Before,
    failed: Option<Error>,
    // Whether what is read is thrown away. Names are then not looked for behind their values: that would read the values
    // of each level twice, and so those of the innermost one twice to the power of its depth.
    passing: bool,
    // Whether a call's method stood before the parameters.
    named: bool,
    scratch: String,
    rare: Option<Box<Rare>>,
    // Where the document is read once more, without members that a later one of the same name replaces.
    again: Option<Box<Again>>,
}

// What few documents need: without it a source is quickly made and moved.
#[derive(Debug, Default)]
struct Rare {
    // A call's method, where it comes after the parameters.
    late_method: Option<String>,
    bytes: Bytes,
    date: Option<DateTime>,
    big: BigInt,
    // Names of the members of each open struct, where they must not repeat.
    seen: Vec<HashSet<Box<str>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A list of parameters begins, or one that is not there.
    Params,
    NoParams,
    /// `<param>` or `</params>`.
    Param,
    ParamEnd,
    /// The one `<value>`.
    Single,
    /// `<value>` or `</data>`.
    Items,
    /// `<member>` or `</struct>`.
    Members,
    MemberValue,
    /// `<name>`, which was read before its value.
    NameAfter,
    MemberEnd,
    /// The container that has just begun is over already.
    Closed,
    Done,
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Params,
    Array,
    Struct,
    /// A struct whose open member has its value before its name.
    StructValueFirst,
}

// Most documents are not deeper than what lies in place.
type Levels = SmallVec<[Level; 16]>;

// How it was before what comes next was read.
#[derive(Clone, Copy, Debug)]
struct Before {
    state: State,
    levels: usize,
    depth: u32,
}

#[derive(Clone, Copy, Debug)]
enum Ahead<'de> {
    Nothing,
    Null,
    Bool(bool),
    I32(i32),
    I64(i64),
    F64(f64),
    Str(&'de str),
    /// In `scratch`.
    Scratch,
    /// In `scratch`.
    Decimal,
    /// In `big`.
    Big,
    /// In `bytes`.
    Bytes,
    /// In `date`.
    DateTime,
    List,
    Map,
    End,
}

// Text that was put together: where it is.
#[derive(Clone, Copy)]
enum Found<'de> {
    Message(&'de str),
    Scratch,
}

impl<'de> From<Found<'de>> for Ahead<'de> {
    #[inline]
    fn from(found: Found<'de>) -> Self {
        match found {
            Found::Message(text) => Self::Str(text),
            Found::Scratch => Self::Scratch,
        }
    }
}

const VALUE: Tag = Tag::plain(Element::Value);
const DATA: Tag = Tag::plain(Element::Data);
const ARRAY: Tag = Tag::plain(Element::Array);
const STRUCT: Tag = Tag::plain(Element::Struct);
const MEMBER: Tag = Tag::plain(Element::Member);
const STRING: Tag = Tag::plain(Element::String);
const NAME: Tag = Tag::plain(Element::Name);
const PARAM: Tag = Tag::plain(Element::Param);
const PARAMS: Tag = Tag::plain(Element::Params);

/// Reads a document as far as its first value. Also gives where that was, so that [`XmlSource::open`] can go on there; 0
/// where it has to look at the beginning itself.
pub(crate) fn head(
    message: &[u8],
    flags: Flags,
    is_call: bool,
    lenient_start: bool,
    strict: bool,
) -> Result<(Head, usize)> {
    let mut tokens = Tokens::new(message, flags.lenient_chars());
    let root = tokens.root(lenient_start, strict)?;
    let head = if is_call { head::call(&mut tokens, root)? } else { head::response(&mut tokens, root)? };
    let goes_on = tokens.is_plain() && matches!(head, Head::Call(Some(_)) | Head::Response | Head::Fault);
    let start = if goes_on { tokens.position() } else { 0 };
    Ok((head, start))
}

impl<'de> XmlSource<'de> {
    /// Opens one part of a document whose [`head`] was found good and gave `start`.
    // Inlined, as is what it is made of: it is large, and is made where it is used.
    #[inline(always)]
    pub(crate) fn open(message: &'de Bytes, start: usize, part: Part, flags: Flags, budget: Budget) -> Result<Self> {
        if start == 0 {
            return Self::open_anew(message, part, flags, budget);
        }
        let (state, depth) = match part {
            Part::Params => (State::Params, 2),
            Part::Results => (State::Params, 3),
            Part::Result => (State::Single, 3),
            Part::Fault => (State::Single, 2),
        };
        let tokens = Tokens::at_tag(message, start, depth, flags.lenient_chars());
        Ok(Self::at(tokens, message, state, part, flags, budget))
    }

    #[cold]
    fn open_anew(message: &'de Bytes, part: Part, flags: Flags, budget: Budget) -> Result<Self> {
        let mut tokens = Tokens::new(message, flags.lenient_chars());
        let root = tokens.root(true, false)?;
        let head = match part {
            Part::Params => head::call(&mut tokens, root)?,
            _ => head::response(&mut tokens, root)?,
        };
        let state = match (part, &head) {
            (Part::Params, Head::Call(_)) => State::Params,
            (Part::Params, Head::BareCall(_)) | (Part::Results, Head::BareResponse) => State::NoParams,
            (Part::Results, Head::Response) => State::Params,
            (Part::Result, Head::Response) | (Part::Fault, Head::Fault) => State::Single,
            _ => return Err(Error::new(ErrorKind::Internal, "the document was opened as another than it is")),
        };
        let named = !matches!(head, Head::Call(None));
        let mut source = Self::at(tokens, message, state, part, flags, budget);
        source.named = named;
        Ok(source)
    }

    #[inline(always)]
    fn at(tokens: Tokens<'de>, message: &'de Bytes, state: State, part: Part, flags: Flags, budget: Budget) -> Self {
        Self {
            tokens,
            part,
            flags,
            budget,
            owner: message,
            state,
            levels: Levels::new(),
            ahead: Ahead::Nothing,
            begins: 0,
            before: Before { state, levels: 0, depth: 0 },
            failed: None,
            passing: false,
            named: true,
            scratch: String::new(),
            rare: None,
            again: None,
        }
    }

    /// The method's name that stood behind the parameters, once they were read.
    pub(crate) fn take_late_method(&mut self) -> Option<String> {
        self.rare.as_mut()?.late_method.take()
    }

    /// Whether another `<param>` follows the one that was read: for documents that may have several results.
    pub(crate) fn skip_result(&mut self) -> Result<bool> {
        self.take_list();
        self.skip()?;
        Ok(!self.take_end()?)
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    #[inline]
    fn fill(&mut self) -> Result<()> {
        if matches!(self.ahead, Ahead::Nothing) {
            return self.fill_up();
        }
        Ok(())
    }

    fn fill_up(&mut self) -> Result<()> {
        let read = if self.again.is_none() { self.read_ahead() } else { self.read_last_ones() };
        match read {
            Ok(ahead) => {
                self.ahead = ahead;
                Ok(())
            }
            Err(e) => Err(self.fail(e)),
        }
    }

    #[cold]
    fn fail(&mut self, e: Error) -> Error {
        self.state = State::Broken;
        e.at(self.tokens.at())
    }

    // For what cannot report an error: it is kept for the next call that can.
    #[inline]
    fn try_fill(&mut self) {
        if matches!(self.ahead, Ahead::Nothing) && self.failed.is_none() {
            self.failed = self.fill_up().err();
        }
    }

    #[inline]
    fn now(&self) -> Before {
        Before { state: self.state, levels: self.levels.len(), depth: self.tokens.depth() }
    }

    #[inline]
    fn taken(&mut self) {
        self.ahead = Ahead::Nothing;
    }

    fn read_ahead(&mut self) -> Result<Ahead<'de>> {
        self.tokens.skip_blanks();
        if matches!(self.state, State::MemberEnd | State::NameAfter | State::ParamEnd) {
            self.end_around()?;
            self.tokens.skip_blanks();
        }
        self.begins = self.tokens.position();
        self.before = self.now();
        match self.state {
            State::Items | State::MemberValue | State::Single if self.tokens.start(b"<value>") => self.value(),
            State::Items => match self.tokens.markup()? {
                Token::Start(VALUE) => self.value(),
                Token::Empty(VALUE) => self.empty_text(),
                Token::End(DATA) => {
                    self.tokens.expect_end(Element::Array)?;
                    self.leave()?;
                    Ok(Ahead::End)
                }
                other => Err(self.tokens.unexpected(other, "<value> or </data>")),
            },
            State::Members if self.tokens.start(b"<member>") => self.member(),
            State::Members => match self.tokens.markup()? {
                Token::Start(MEMBER) => self.member(),
                Token::End(STRUCT) => {
                    self.leave()?;
                    Ok(Ahead::End)
                }
                other => Err(self.tokens.unexpected(other, "<member> or </struct>")),
            },
            State::MemberValue | State::Single => match self.tokens.markup()? {
                Token::Start(VALUE) => self.value(),
                Token::Empty(VALUE) => self.empty_text(),
                other => Err(self.tokens.unexpected(other, "<value>")),
            },
            State::Param if self.tokens.start(b"<param>") => self.param(),
            State::Param if self.tokens.end(b"</params>") => self.params_end(),
            State::Param => match self.tokens.markup()? {
                Token::Start(PARAM) => self.param(),
                Token::End(PARAMS) => self.params_end(),
                other => Err(self.tokens.unexpected(other, "<param> or </params>")),
            },
            State::Params | State::NoParams => {
                self.budget.node()?;
                if self.state == State::NoParams {
                    self.state = State::Closed;
                } else {
                    self.levels.push(Level::Params);
                    // A response's head takes the first `<param>` with it.
                    self.state = if self.part == Part::Params { State::Param } else { State::MemberValue };
                }
                Ok(Ahead::List)
            }
            State::Closed => {
                self.leave()?;
                Ok(Ahead::End)
            }
            State::Done => Err(Error::new(ErrorKind::Internal, "the value was read to its end already")),
            State::Broken => Err(self.failed.take().unwrap_or_else(|| {
                Error::new(ErrorKind::Internal, "the document was found bad before, and was read on")
            })),
            State::MemberEnd | State::NameAfter | State::ParamEnd => {
                Err(Error::new(ErrorKind::Internal, "an element was not ended"))
            }
        }
    }

    // After `<param>`.
    fn param(&mut self) -> Result<Ahead<'de>> {
        self.tokens.skip_blanks();
        if self.tokens.start(b"<value>") {
            return self.value();
        }
        match self.tokens.markup()? {
            Token::Start(VALUE) => self.value(),
            Token::Empty(VALUE) => self.empty_text(),
            other => Err(self.tokens.unexpected(other, "<value>")),
        }
    }

    // After `</params>`.
    fn params_end(&mut self) -> Result<Ahead<'de>> {
        self.levels.pop();
        self.state = State::Done;
        self.tail()?;
        Ok(Ahead::End)
    }

    // The end of the element around a value.
    #[inline]
    fn end_around(&mut self) -> Result<()> {
        match self.state {
            State::ParamEnd => {
                self.param_end()?;
                self.state = State::Param;
            }
            State::NameAfter => {
                match self.tokens.markup()? {
                    Token::Start(NAME) => {
                        let first = self.tokens.next()?;
                        let mut token = first;
                        while matches!(token, Token::Text(_) | Token::Char(_)) {
                            token = self.tokens.next()?;
                        }
                        if !matches!(token, Token::End(NAME)) {
                            return Err(self.tokens.unexpected(token, "</name>"));
                        }
                    }
                    Token::Empty(NAME) => {}
                    other => return Err(self.tokens.unexpected(other, "<name>")),
                }
                self.tokens.expect_end(Element::Member)?;
                self.state = State::Members;
            }
            _ => {
                if !self.tokens.end(b"</member>") {
                    self.tokens.expect_end(Element::Member)?;
                }
                self.state = State::Members;
            }
        }
        Ok(())
    }

    // After a container's own end tag.
    fn leave(&mut self) -> Result<()> {
        match self.levels.pop() {
            Some(Level::Params) | None => {
                // A list of parameters that is not there.
                self.state = State::Done;
                return Ok(());
            }
            Some(Level::Struct | Level::StructValueFirst) if self.flags.strict_names() => {
                self.rare().seen.pop();
            }
            Some(_) => {}
        }
        self.budget.leave();
        self.end_value()?;
        self.value_done()
    }

    // After `</value>`.
    #[inline]
    fn value_done(&mut self) -> Result<()> {
        self.state = match self.levels.last() {
            Some(Level::Array) => State::Items,
            Some(Level::Struct) => State::MemberEnd,
            Some(Level::StructValueFirst) => {
                self.levels.pop();
                self.levels.push(Level::Struct);
                State::NameAfter
            }
            Some(Level::Params) => State::ParamEnd,
            None => {
                self.state = State::Done;
                return self.tail();
            }
        };
        Ok(())
    }

    fn param_end(&mut self) -> Result<()> {
        self.tokens.skip_blanks();
        if self.tokens.end(b"</param>") {
            return Ok(());
        }
        self.tokens.expect_end(Element::Param)
    }

    // What follows the value that this source is for.
    fn tail(&mut self) -> Result<()> {
        match self.part {
            Part::Params => {
                if let Some(method) = head::call_tail(&mut self.tokens, self.named)? {
                    self.rare().late_method = Some(method);
                }
            }
            Part::Results => head::response_tail(&mut self.tokens)?,
            Part::Result => {
                self.param_end()?;
                self.tokens.skip_blanks();
                if self.tokens.end(b"</params>") {
                    return head::response_tail(&mut self.tokens);
                }
                match self.tokens.markup()? {
                    Token::End(PARAMS) => {}
                    Token::Start(PARAM) | Token::Empty(PARAM) => {
                        return Err(Problem::NotXmlRpc.at(self.tokens.at(), "the response has more than one <param>"));
                    }
                    other => return Err(self.tokens.unexpected(other, "</params>")),
                }
                head::response_tail(&mut self.tokens)?;
            }
            Part::Fault => {
                self.tokens.expect_end(Element::Fault)?;
                head::response_tail(&mut self.tokens)?;
            }
        }
        Ok(())
    }
}
