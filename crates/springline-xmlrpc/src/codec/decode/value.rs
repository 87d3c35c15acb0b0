//! Values, from their start tags on.

use std::collections::HashSet;

use springline_core::{Bytes, Error, Result};

use super::{ARRAY, Ahead, DATA, Found, Level, NAME, STRING, State, VALUE, XmlSource};
use crate::codec::element::{Element, Tag};
use crate::codec::problem::{Problem, excerpt};
use crate::codec::tokens::{Token, is_blank};
use crate::codec::{date, scalar};

impl<'de> XmlSource<'de> {
    // After `<member>`: its name.
    pub(super) fn member(&mut self) -> Result<Ahead<'de>> {
        self.budget.node()?;
        self.tokens.skip_blanks();
        if let Some(name) = self.tokens.element(b"<name>", b"</name>") {
            self.state = State::MemberValue;
            if self.flags.strict_names() {
                self.check_repeated(Found::Message(name))?;
            }
            return Ok(Ahead::Str(name));
        }
        let name = match self.tokens.markup()? {
            Token::Start(NAME) => {
                let name = self.content(NAME)?;
                self.state = State::MemberValue;
                name
            }
            Token::Empty(NAME) => {
                self.state = State::MemberValue;
                Found::Message("")
            }
            token @ (Token::Start(VALUE) | Token::Empty(VALUE)) if self.passing => {
                self.value_first();
                return if matches!(token, Token::Empty(_)) { self.empty_text() } else { self.value() };
            }
            token @ (Token::Start(VALUE) | Token::Empty(VALUE)) => self.name_behind_value(token)?,
            other => return Err(self.tokens.unexpected(other, "<name>")),
        };
        if self.flags.strict_names() {
            self.check_repeated(name)?;
        }
        Ok(name.into())
    }

    // A member's value before its name (Ruby, PHP, C and dxr read that): passes over the value, takes the name, and comes
    // back for the value.
    #[cold]
    fn name_behind_value(&mut self, token: Token<'de>) -> Result<Found<'de>> {
        let at = self.tokens.at();
        let depth = self.tokens.depth() - u32::from(matches!(token, Token::Start(_)));
        let level = self.levels.len();
        if matches!(token, Token::Start(_)) {
            let begun = self.value()?;
            self.pass(begun, level)?;
        }
        let name = match self.tokens.markup()? {
            Token::Start(NAME) => self.content(NAME)?,
            Token::Empty(NAME) => Found::Message(""),
            other => return Err(self.tokens.unexpected(other, "<name>")),
        };
        self.tokens.seek(at, depth);
        self.value_first();
        self.state = State::MemberValue;
        Ok(name)
    }

    fn value_first(&mut self) {
        self.levels.pop();
        self.levels.push(Level::StructValueFirst);
    }

    // Passes over what is left of a value whose beginning was read, down to so many levels.
    pub(super) fn pass(&mut self, begun: Ahead<'de>, level: usize) -> Result<()> {
        if !matches!(begun, Ahead::List | Ahead::Map) {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.passing, true);
        while self.levels.len() > level {
            self.read_ahead()?;
        }
        self.passing = before;
        Ok(())
    }

    #[cold]
    fn check_repeated(&mut self, name: Found<'de>) -> Result<()> {
        let name = match name {
            Found::Message(name) => name,
            Found::Scratch => self.scratch.as_str(),
        };
        let seen = &mut self.rare.get_or_insert_default().seen;
        if seen.last_mut().is_none_or(|seen| seen.insert(name.into())) {
            return Ok(());
        }
        let name = excerpt(name);
        Err(Problem::NotXmlRpc.at(self.begins, format!("member {name} is there twice")))
    }

    pub(super) fn empty_text(&mut self) -> Result<Ahead<'de>> {
        self.budget.node()?;
        self.value_done()?;
        Ok(Ahead::Str(""))
    }

    // After `<value>`, to its end or into the container in it.
    pub(super) fn value(&mut self) -> Result<Ahead<'de>> {
        if let Some(scalar) = self.plain_scalar() {
            let scalar = scalar?;
            self.budget.node()?;
            self.end_value()?;
            self.value_done()?;
            return Ok(scalar);
        }
        if self.tokens.next_two().first() != Some(&b'<')
            && let Some(text) = self.tokens.text(b"</value>")
        {
            self.budget.node()?;
            self.value_done()?;
            return Ok(Ahead::Str(text));
        }
        match self.tokens.next()? {
            Token::Start(tag) => self.typed(tag),
            Token::Empty(tag) => self.typed_empty(tag),
            Token::End(VALUE) => self.empty_text(),
            other => self.untyped(other),
        }
    }

    // A scalar of one of the usual types, where it is written as usual.
    #[inline]
    fn plain_scalar(&mut self) -> Option<Result<Ahead<'de>>> {
        let [b'<', letter] = self.tokens.next_two() else { return None };
        let (name, text) = match letter {
            b'i' => match self.tokens.element(b"<int>", b"</int>") {
                Some(text) => (Element::Int, text),
                None => (Element::I4, self.tokens.element(b"<i4>", b"</i4>")?),
            },
            b's' => match self.tokens.element(b"<string>", b"</string>") {
                Some(text) => return Some(Ok(Ahead::Str(text))),
                // References, most likely.
                None if self.tokens.start(b"<string>") => {
                    if self.tokens.text_with_entities(b"</string>", &mut self.scratch) {
                        return Some(Ok(Ahead::Scratch));
                    }
                    let found = self.content(STRING);
                    return Some(found.map(Ahead::from));
                }
                None => return None,
            },
            b'd' => (Element::Double, self.tokens.element(b"<double>", b"</double>")?),
            b'b' => (Element::Boolean, self.tokens.element(b"<boolean>", b"</boolean>")?),
            _ => return None,
        };
        let at = self.tokens.at();
        Some(self.scalar_of(Tag::plain(name), Found::Message(text), at))
    }

    // Takes `</value>`.
    #[inline]
    pub(super) fn end_value(&mut self) -> Result<()> {
        if self.tokens.end(b"</value>") {
            return Ok(());
        }
        self.tokens.expect_end(Element::Value)
    }

    // A value that begins with text: all of it if no element follows, else blanks before that element.
    fn untyped(&mut self, first: Token<'de>) -> Result<Ahead<'de>> {
        let text_at = self.tokens.at();
        let (found, token) = self.collect(first)?;
        let text = self.text(found);
        if !matches!(token, Token::End(_) | Token::Eof) && !is_blank(text) {
            return Err(
                Problem::NotXmlRpc.at(text_at, format!("the value has the text {} beside an element", excerpt(text)))
            );
        }
        match token {
            Token::End(VALUE) => {
                self.budget.node()?;
                self.value_done()?;
                Ok(found.into())
            }
            Token::Start(tag) => self.typed(tag),
            Token::Empty(tag) => self.typed_empty(tag),
            other => Err(self.tokens.unexpected(other, "</value>")),
        }
    }

    #[inline]
    fn text(&self, found: Found<'de>) -> &str {
        match found {
            Found::Message(text) => text,
            Found::Scratch => &self.scratch,
        }
    }

    // Joins text, CDATA and references from this token on; the first token that is none of them.
    fn collect(&mut self, first: Token<'de>) -> Result<(Found<'de>, Token<'de>)> {
        let mut token = first;
        let mut found = Found::Message("");
        loop {
            match token {
                Token::Text(text) => match found {
                    Found::Message("") => found = Found::Message(text),
                    Found::Message(before) => {
                        self.scratch.clear();
                        self.scratch.push_str(before);
                        self.scratch.push_str(text);
                        found = Found::Scratch;
                    }
                    Found::Scratch => self.scratch.push_str(text),
                },
                Token::Char(c) => {
                    if let Found::Message(before) = found {
                        self.scratch.clear();
                        self.scratch.push_str(before);
                        found = Found::Scratch;
                    }
                    self.scratch.push(c);
                }
                other => return Ok((found, other)),
            }
            token = self.tokens.next()?;
        }
    }

    // The text of an element that has no others in it, to its end tag.
    #[inline]
    fn content(&mut self, tag: Tag) -> Result<Found<'de>> {
        let first = self.tokens.next()?;
        let (found, last) = match first {
            Token::Text(text) => match self.tokens.next()? {
                last @ Token::End(_) => (Found::Message(text), last),
                more => self.collect_more(text, more)?,
            },
            other => self.collect(other)?,
        };
        match last {
            Token::End(end) if end == tag => Ok(found),
            other => Err(self.not_text(other, tag)),
        }
    }

    #[cold]
    fn not_text(&self, found: Token<'de>, tag: Tag) -> Error {
        self.tokens.unexpected(found, &format!("only text and then </{}>", tag.name.text()))
    }

    // Text went before.
    fn collect_more(&mut self, before: &'de str, token: Token<'de>) -> Result<(Found<'de>, Token<'de>)> {
        if !matches!(token, Token::Text(_) | Token::Char(_)) {
            return Ok((Found::Message(before), token));
        }
        self.scratch.clear();
        // For what follows as well, which most often is short.
        self.scratch.reserve(before.len() + 32);
        self.scratch.push_str(before);
        match token {
            Token::Text(text) => self.scratch.push_str(text),
            Token::Char(c) => self.scratch.push(c),
            _ => {}
        }
        let mut token = self.tokens.next()?;
        loop {
            match token {
                Token::Text(text) => self.scratch.push_str(text),
                Token::Char(c) => self.scratch.push(c),
                other => return Ok((Found::Scratch, other)),
            }
            token = self.tokens.next()?;
        }
    }

    // After the start tag of a type element.
    fn typed(&mut self, tag: Tag) -> Result<Ahead<'de>> {
        let at = self.tokens.at();
        match tag.name {
            Element::Array => return self.array(),
            Element::Struct => {
                self.budget.enter()?;
                self.begin_struct();
                self.state = State::Members;
                return Ok(Ahead::Map);
            }
            _ => {}
        }
        self.budget.node()?;
        let scalar = self.scalar(tag, at)?;
        self.end_value()?;
        self.value_done()?;
        Ok(scalar)
    }

    // After `<type/>`.
    fn typed_empty(&mut self, tag: Tag) -> Result<Ahead<'de>> {
        let at = self.tokens.at();
        let value = match tag.name {
            Element::Array | Element::Struct => {
                self.budget.enter()?;
                let begun = if tag == ARRAY {
                    self.levels.push(Level::Array);
                    Ahead::List
                } else {
                    self.begin_struct();
                    Ahead::Map
                };
                self.state = State::Closed;
                return Ok(begun);
            }
            Element::Nil => Ahead::Null,
            Element::String => Ahead::Str(""),
            Element::Base64 => {
                self.rare().bytes = Bytes::new();
                Ahead::Bytes
            }
            _ => self.scalar_of(tag, Found::Message(""), at)?,
        };
        self.budget.node()?;
        self.end_value()?;
        self.value_done()?;
        Ok(value)
    }

    fn begin_struct(&mut self) {
        self.levels.push(Level::Struct);
        if self.flags.strict_names() {
            self.rare().seen.push(HashSet::new());
        }
    }

    // After `<array>`: to the first item.
    fn array(&mut self) -> Result<Ahead<'de>> {
        self.budget.enter()?;
        self.levels.push(Level::Array);
        self.state = State::Items;
        match self.tokens.markup()? {
            Token::Start(DATA) => {}
            Token::Empty(DATA) => {
                self.tokens.expect_end(Element::Array)?;
                self.state = State::Closed;
            }
            Token::End(ARRAY) => self.state = State::Closed,
            other => return Err(self.tokens.unexpected(other, "<data>")),
        }
        Ok(Ahead::List)
    }

    // The content of a type element, to its end tag.
    fn scalar(&mut self, tag: Tag, at: usize) -> Result<Ahead<'de>> {
        if matches!(tag.name, Element::Other | Element::Serializable | Element::Dom) {
            return Err(self.refused(tag, at));
        }
        let found = self.content(tag)?;
        self.scalar_of(tag, found, at)
    }

    #[inline]
    fn scalar_of(&mut self, tag: Tag, found: Found<'de>, at: usize) -> Result<Ahead<'de>> {
        let flags = self.flags;
        let text = match found {
            Found::Message(text) => text,
            Found::Scratch => self.scratch.as_str(),
        };
        let read = match tag.name {
            Element::String => {
                return Ok(found.into());
            }
            Element::Int | Element::I4 => scalar::integer(text).and_then(|v| match i32::try_from(v) {
                Ok(v) => Ok(Ahead::I32(v)),
                Err(_) if flags.strict_ints() => Err(format!("{v} does not fit into 32 bits")),
                Err(_) => Ok(Ahead::I64(v)),
            }),
            Element::I8 => scalar::integer(text).map(Ahead::I64),
            Element::I1 => small(text, -128..=127),
            Element::I2 => small(text, -32_768..=32_767),
            Element::Double | Element::Float => scalar::double(text).map(Ahead::F64),
            Element::Boolean => scalar::boolean(text, flags.lenient_bools()).map(Ahead::Bool),
            Element::DateTime | Element::ApacheDateTime => match date::parse(text, flags.lenient_dates()) {
                Ok(date) => {
                    self.rare().date = Some(date);
                    Ok(Ahead::DateTime)
                }
                Err(_) if flags.lenient_dates() => {
                    return Ok(found.into());
                }
                Err(e) => Err(e),
            },
            Element::Base64 => scalar::base64(text, flags.lenient_base64()).map(|bytes| {
                self.rare().bytes = bytes;
                Ahead::Bytes
            }),
            Element::Nil if is_blank(text) => Ok(Ahead::Null),
            Element::Nil => Err(format!("expected nothing in it, found {}", excerpt(text))),
            Element::BigInteger => scalar::big_integer(text).map(|v| match i64::try_from(&v) {
                Ok(v) => Ahead::I64(v),
                Err(_) => {
                    self.rare().big = v;
                    Ahead::Big
                }
            }),
            Element::BigDecimal => match scalar::decimal(text).map(str::to_owned) {
                Ok(text) => {
                    self.scratch = text;
                    Ok(Ahead::Decimal)
                }
                Err(e) => Err(e),
            },
            _ => return Err(self.refused(tag, at)),
        };
        read.map_err(|what| Problem::NotXmlRpc.at(at, format!("<{}>: {what}", tag.name.text())))
    }

    #[cold]
    fn refused(&self, tag: Tag, at: usize) -> Error {
        let what = match tag.name {
            Element::Serializable => {
                "<ex:serializable> holds a serialized Java object, which is never read: send a struct".to_owned()
            }
            Element::Dom => "<ex:dom> holds an XML document, which is not read: send it as a string".to_owned(),
            _ => {
                let tokens = &self.tokens;
                return tokens.unexpected_at(at, Token::Start(tag), "a type such as <string>, <int> or <struct>");
            }
        };
        Problem::NotXmlRpc.at(at, what)
    }
}

#[inline]
fn small<'de>(text: &str, range: std::ops::RangeInclusive<i64>) -> Result<Ahead<'de>, String> {
    let v = scalar::integer(text)?;
    match i32::try_from(v) {
        Ok(small) if range.contains(&v) => Ok(Ahead::I32(small)),
        _ => Err(format!("{v} is not within {} and {}", range.start(), range.end())),
    }
}
