//! The readers as sources.

use springline_core::{Bytes, Error, Event, Kind, Mark, Result, Source, Start, Text};

use super::again::Again;
use super::{Ahead, Decoder, PLACES, Place, Wire};

// A mark has 32 bits for how deep the reader is and what comes next there.
const PLACE_BITS: u32 = 4;

impl<'de, W: Wire> Source<'de> for Decoder<'de, W> {
    fn peek(&mut self) -> Result<Kind> {
        self.settle()?;
        if self.at_end() {
            return if self.is_complete() { Err(self.nothing_left()) } else { Ok(Kind::End) };
        }
        if !self.at_value() {
            return Ok(if self.flags.objects_as_maps() { Kind::Str } else { Kind::Key });
        }
        W::prepare(self)?;
        let code = self.code()?;
        W::kind(self, code)
    }

    fn next(&mut self) -> Result<Event<'de, '_>> {
        self.settle()?;
        if self.at_end() {
            self.leave()?;
            return Ok(Event::End);
        }
        if !self.at_value() {
            let as_text = self.flags.objects_as_maps();
            let name = self.field_text()?;
            return Ok(if as_text { Event::Str(name) } else { Event::Key(name) });
        }
        W::prepare(self)?;
        let code = self.code()?;
        W::value(self, code)
    }

    fn skip(&mut self) -> Result<()> {
        self.settle()?;
        if self.at_end() {
            return Err(Error::malformed(self.at(), "expected a value to pass over, found an end"));
        }
        self.skip_one()
    }

    #[inline]
    fn offset(&self) -> usize {
        self.at()
    }

    fn begun(&self) -> Option<u32> {
        Some(self.number(self.seen.refs as usize))
    }

    fn open_back(&mut self, n: u32) -> Result<Box<dyn Source<'de> + '_>> {
        let target = self.wire_number(n).and_then(|n| Some((n, *self.tables.refs.get(n)?)));
        let Some((number, at)) = target else {
            return Err(Error::malformed(self.at(), format!("no container {n} to be read again")));
        };
        let seen = self.seen_at(number, at);
        let mut inner = self.fork(at, seen, self.budget);
        inner.again = true;
        Ok(Box::new(Again::new(inner, self)))
    }

    #[inline]
    fn mark(&self) -> Mark {
        let place = PLACES.iter().position(|p| *p == self.top.place).unwrap_or(0) as u32;
        let depth = u32::try_from(self.stack.len()).unwrap_or(u32::MAX >> PLACE_BITS);
        Mark { offset: self.at(), own: [self.seen.refs, depth << PLACE_BITS | place, self.top.left] }
    }

    fn start_over(&mut self, mark: Mark) -> bool {
        let [refs, depth, left] = mark.own;
        let place = PLACES.get((depth & ((1 << PLACE_BITS) - 1)) as usize).copied().unwrap_or(Place::Root);
        let depth = (depth >> PLACE_BITS) as usize;
        if self.last_names || self.stack.len() < depth {
            return false;
        }
        while self.stack.len() > depth {
            self.budget.leave();
            self.top = self.stack.pop().unwrap_or_default();
        }
        (self.top.place, self.top.left) = (place, left);
        self.seen = self.seen_at(refs as usize, mark.offset);
        self.go_to(mark.offset);
        self.ahead = Ahead::NOTHING;
        self.last_names = true;
        true
    }

    #[inline]
    fn owner(&self) -> Option<&'de Bytes> {
        self.owner
    }

    #[inline]
    fn take_i64(&mut self) -> Result<Option<i64>> {
        match W::take_long(self.rest) {
            Some((v, rest)) if self.at_value() && self.is_begun() => {
                self.took(rest)?;
                Ok(Some(v))
            }
            _ => Ok(None),
        }
    }

    #[inline]
    fn take_f64(&mut self) -> Option<f64> {
        let (v, rest) = W::take_double(self.rest)?;
        (self.at_value() && self.is_begun() && self.took(rest).is_ok()).then_some(v)
    }

    #[inline]
    fn take_bool(&mut self) -> Option<bool> {
        match self.rest {
            [code @ (b'T' | b'F'), rest @ ..] if self.at_value() && self.is_begun() => {
                self.took(rest).is_ok().then_some(*code == b'T')
            }
            _ => None,
        }
    }

    #[inline]
    fn take_str(&mut self) -> Option<&'de str> {
        if self.again || !self.at_value() || !self.is_begun() {
            return None;
        }
        let (text, rest) = W::take_plain(self.rest)?;
        self.took(rest).is_ok().then_some(text)
    }

    #[inline]
    fn take_null(&mut self) -> Result<bool> {
        if self.at_value() {
            // Definitions may stand before a null, too.
            W::prepare(self)?;
        }
        match self.rest {
            [b'N', rest @ ..] if self.at_value() && self.is_begun() => {
                self.took(rest)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    #[inline]
    fn take_text(&mut self) -> Result<Option<Text<'de, '_>>> {
        if let Some(text) = self.take_str() {
            return Ok(Some(Text::Message(text)));
        }
        if !matches!(self.peek()?, Kind::Str | Kind::Key) {
            return Ok(None);
        }
        match self.next()? {
            Event::Str(text) | Event::Key(text) => Ok(Some(text)),
            _ => Ok(None),
        }
    }

    #[inline]
    fn take_list(&mut self) -> Start {
        W::take_list(self)
    }

    #[inline]
    fn take_map(&mut self) -> Start {
        W::take_map(self)
    }

    #[inline]
    fn take_expected(&mut self, expected: &str) -> bool {
        self.top.place == Place::Field && W::take_field(self, expected)
    }

    #[inline]
    fn take_end(&mut self) -> Result<bool> {
        self.settle()?;
        if !self.at_end() || self.stack.is_empty() {
            return Ok(false);
        }
        self.leave()?;
        Ok(true)
    }
}
