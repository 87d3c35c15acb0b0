//! The reading half: what begins with a brace.

use std::borrow::Cow;

use springline_core::Result;

use super::decode::{Decoder, Phase, Shape, Token};
use super::{base64, scan};
use crate::special::{self, CLASS_KEY, Class};

impl<'de> Decoder<'de> {
    // A dict, a set, or one of the dicts that stand for something else.
    pub(super) fn brace(&mut self) -> Result<Token<'de>> {
        let bytes = self.text.as_bytes();
        let content = self.pos + 1;
        let candidate = match scan::short_string(bytes, content) {
            // Nearly always the first thing in a dict is a plain key.
            Some(end) if self.at(end + 1) == b':' => {
                self.ahead.pass(self.pos);
                let key = bytes.get(content + 1..end).unwrap_or_default();
                key == CLASS_KEY.as_bytes() || key == b"data" || key == b"encoding"
            }
            _ => {
                let known = self.ahead.bracket(bytes, self.pos, self.depth_left());
                let dict = known.map_err(|t| self.trouble(t))?.colon();
                self.pos += 1;
                self.many_blanks(true)?;
                if !dict {
                    let shape = if self.at(self.pos) == b'}' { Shape::Map } else { Shape::Set };
                    self.pos = content;
                    return self.begin(shape, shape == Shape::Set);
                }
                matches!(self.at(self.pos), b'\'' | b'"' | b'u' | b'U' | b'r' | b'R')
            }
        };
        self.pos = content;
        self.enter(Shape::Map, Phase::Start, false)?;
        if candidate {
            if let Some(token) = self.special_dict()? {
                return Ok(token);
            }
            self.pos = content;
        }
        Ok(Token::Begin(Shape::Map))
    }

    /// Tells by its first key whether the dict just entered stands for something else; the caller goes back otherwise.
    fn special_dict(&mut self) -> Result<Option<Token<'de>>> {
        let Some(key) = self.dict_text()? else { return Ok(None) };
        let key = match key {
            Token::Text(key) => key,
            _ => self.scratch.as_str(),
        };
        match key {
            CLASS_KEY => {}
            "data" => return self.bytes_dict(true),
            "encoding" => return self.bytes_dict(false),
            _ => return Ok(None),
        }
        if !self.punctuation(b':')? {
            return Ok(None);
        }
        let Some(class) = self.dict_text()? else { return Ok(None) };
        self.blanks()?;
        if !matches!(self.at(self.pos), b',' | b'}') {
            return Ok(None);
        }
        self.charge(2)?;
        self.top.shape = Shape::Object;
        self.top.phase = Phase::AfterItem;
        let name = match class {
            Token::Text(name) => name,
            _ => self.scratch.as_str(),
        };
        let kind = special::classify(name);
        if kind == Class::Plain {
            return Ok(Some(match class {
                Token::Text(name) => Token::Object(name),
                _ => Token::ScratchObject,
            }));
        }
        let name = name.to_owned();
        if kind == Class::Remote {
            self.remote = Some(Box::new(special::read_remote(self, &name)?));
            return Ok(Some(Token::Remote));
        }
        let (re, im) = special::read_number(self, &name)?;
        Ok(Some(if kind == Class::Float { Token::Float(re) } else { Token::Complex(re, im) }))
    }

    // A text literal and nothing else.
    fn dict_text(&mut self) -> Result<Option<Token<'de>>> {
        self.blanks()?;
        let token = match self.at(self.pos) {
            b'\'' | b'"' => self.literal()?,
            b'u' | b'U' | b'r' | b'R' => self.word()?,
            _ => return Ok(None),
        };
        Ok(Some(token).filter(|t| matches!(t, Token::Text(_) | Token::ScratchText)))
    }

    fn punctuation(&mut self, b: u8) -> Result<bool> {
        self.blanks()?;
        let found = self.at(self.pos) == b;
        self.pos += usize::from(found);
        Ok(found)
    }

    // The rest of {'data': text, 'encoding': 'base64'}, in either order, after its first key.
    fn bytes_dict(&mut self, data_first: bool) -> Result<Option<Token<'de>>> {
        let mut data = None;
        for turn in 0..2 {
            let is_data = data_first == (turn == 0);
            if turn == 1 {
                let (key, text) = (if is_data { "data" } else { "encoding" }, self.dict_text()?);
                match text {
                    Some(Token::Text(text)) if text == key => {}
                    Some(Token::ScratchText) if self.scratch == key => {}
                    _ => return Ok(None),
                }
            }
            if !self.punctuation(b':')? {
                return Ok(None);
            }
            match (is_data, self.dict_text()?) {
                (true, Some(Token::Text(text))) => data = Some(Cow::Borrowed(text)),
                (true, Some(_)) => data = Some(Cow::Owned(std::mem::take(&mut self.scratch))),
                (false, Some(Token::Text("base64"))) => {}
                (false, Some(Token::ScratchText)) if self.scratch == "base64" => {}
                _ => return Ok(None),
            }
            if !self.punctuation(b',')? && turn == 0 {
                return Ok(None);
            }
        }
        let closed = self.punctuation(b'}')?;
        match data {
            Some(data) if closed && base64::decode(data.as_bytes(), &mut self.scratch_bytes) => {
                self.charge(4)?;
                self.leave();
                Ok(Some(Token::ScratchBytes))
            }
            _ => Ok(None),
        }
    }
}
