//! [`XmlSource`] as a [`Source`].

use springline_core::{Bytes, Chunk, Container, Event, Kind, Mark, Result, Source, Start, Text};

use super::{Ahead, State, XmlSource};

/// Bytes that a text may have in its buffer beyond its own to be given away with it.
const SPARE: usize = 64;

impl<'de> Source<'de> for XmlSource<'de> {
    fn peek(&mut self) -> Result<Kind> {
        self.fill()?;
        Ok(match self.ahead {
            Ahead::Null | Ahead::Nothing => Kind::Null,
            Ahead::Bool(_) => Kind::Bool,
            Ahead::I32(_) | Ahead::I64(_) | Ahead::Big => Kind::Int,
            Ahead::F64(_) => Kind::Float,
            Ahead::Str(_) | Ahead::Scratch => Kind::Str,
            Ahead::Decimal => Kind::Decimal,
            Ahead::Bytes => Kind::Bytes,
            Ahead::DateTime => Kind::DateTime,
            Ahead::List => Kind::List,
            Ahead::Map => Kind::Map,
            Ahead::End => Kind::End,
        })
    }

    fn next(&mut self) -> Result<Event<'de, '_>> {
        self.fill()?;
        let ahead = self.ahead;
        self.ahead = Ahead::Nothing;
        Ok(match ahead {
            Ahead::Null | Ahead::Nothing => Event::Null,
            Ahead::Bool(v) => Event::Bool(v),
            Ahead::I32(v) => Event::I32(v),
            Ahead::I64(v) => Event::I64(v),
            Ahead::F64(v) => Event::F64(v),
            Ahead::Str(v) => Event::Str(Text::Message(v)),
            Ahead::Scratch => Event::Str(Text::Scratch(&self.scratch)),
            Ahead::Decimal => Event::Decimal(&self.scratch),
            Ahead::Big => Event::Big(&self.rare().big),
            Ahead::Bytes => Event::Bytes(Chunk::Shared(&self.rare().bytes)),
            Ahead::DateTime => match self.rare().date {
                Some(date) => Event::DateTime(date),
                None => Event::Null,
            },
            Ahead::List => Event::Begin(Container::list(None)),
            Ahead::Map => Event::Begin(Container::map(None)),
            Ahead::End => Event::End,
        })
    }

    fn skip(&mut self) -> Result<()> {
        self.fill()?;
        let ahead = self.ahead;
        self.taken();
        let open = match (ahead, self.state) {
            (Ahead::List | Ahead::Map, State::Closed) => return self.fill().map(|()| self.taken()),
            (Ahead::List | Ahead::Map, _) => self.levels.len().saturating_sub(1),
            _ => return Ok(()),
        };
        self.pass(ahead, open).map_err(|e| self.fail(e))
    }

    fn offset(&self) -> usize {
        match self.ahead {
            Ahead::Nothing => self.tokens.next_position(),
            _ => self.begins,
        }
    }

    fn mark(&self) -> Mark {
        self.mark_here()
    }

    fn start_over(&mut self, mark: Mark) -> bool {
        self.go_back(mark)
    }

    fn owner(&self) -> Option<&'de Bytes> {
        Some(self.owner)
    }

    #[inline]
    fn take_i64(&mut self) -> Result<Option<i64>> {
        self.fill()?;
        let v = match self.ahead {
            Ahead::I32(v) => v.into(),
            Ahead::I64(v) => v,
            _ => return Ok(None),
        };
        self.taken();
        Ok(Some(v))
    }

    #[inline]
    fn take_f64(&mut self) -> Option<f64> {
        self.try_fill();
        let Ahead::F64(v) = self.ahead else { return None };
        self.taken();
        Some(v)
    }

    #[inline]
    fn take_bool(&mut self) -> Option<bool> {
        self.try_fill();
        let Ahead::Bool(v) = self.ahead else { return None };
        self.taken();
        Some(v)
    }

    #[inline]
    fn take_str(&mut self) -> Option<&'de str> {
        self.try_fill();
        let Ahead::Str(v) = self.ahead else { return None };
        self.taken();
        Some(v)
    }

    #[inline]
    fn take_string(&mut self) -> Option<String> {
        // One that was made for longer texts goes on being used.
        if !matches!(self.ahead, Ahead::Scratch) || self.scratch.capacity() - self.scratch.len() > SPARE {
            return None;
        }
        self.taken();
        Some(std::mem::take(&mut self.scratch))
    }

    #[inline]
    fn take_null(&mut self) -> Result<bool> {
        self.fill()?;
        let taken = matches!(self.ahead, Ahead::Null);
        if taken {
            self.taken();
        }
        Ok(taken)
    }

    #[inline]
    fn take_text(&mut self) -> Result<Option<Text<'de, '_>>> {
        self.fill()?;
        let text = match self.ahead {
            Ahead::Str(v) => Text::Message(v),
            Ahead::Scratch => Text::Scratch(&self.scratch),
            _ => return Ok(None),
        };
        self.ahead = Ahead::Nothing;
        Ok(Some(text))
    }

    #[inline]
    fn take_list(&mut self) -> Start {
        self.try_fill();
        if !matches!(self.ahead, Ahead::List) {
            return Start::Other;
        }
        self.taken();
        Start::Unknown
    }

    #[inline]
    fn take_map(&mut self) -> Start {
        self.try_fill();
        if !matches!(self.ahead, Ahead::Map) {
            return Start::Other;
        }
        self.taken();
        Start::Unknown
    }

    #[inline]
    fn take_expected(&mut self, expected: &str) -> bool {
        self.try_fill();
        let taken = matches!(self.ahead, Ahead::Str(v) if v == expected);
        if taken {
            self.taken();
        }
        taken
    }

    #[inline]
    fn take_end(&mut self) -> Result<bool> {
        self.fill()?;
        let taken = matches!(self.ahead, Ahead::End);
        if taken {
            self.taken();
        }
        Ok(taken)
    }
}
