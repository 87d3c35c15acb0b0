//! The reading half: scalars.

use num_bigint::BigInt;
use num_traits::ToPrimitive;
use springline_core::Result;

use super::decode::{Decoder, Shape, Token};
use super::number::{self, Number, is_word};
use super::scan::{self, Quoted};
use super::text::{self, Unescaped};

/// The letters before a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Prefix {
    bytes: bool,
    raw: bool,
}

impl Prefix {
    // u r b br rb, in any case.
    fn read(letters: &[u8]) -> Option<(Self, usize)> {
        let lower = |i: usize| letters.get(i).copied().unwrap_or_default().to_ascii_lowercase();
        let is_quote = |i: usize| matches!(lower(i), b'\'' | b'"');
        let (prefix, len) = match (lower(0), lower(1)) {
            (b'\'' | b'"', _) => (Self::default(), 0),
            (b'b', b'r') | (b'r', b'b') => (Self { bytes: true, raw: true }, 2),
            (b'b', _) => (Self { bytes: true, raw: false }, 1),
            (b'r', _) => (Self { bytes: false, raw: true }, 1),
            (b'u', _) => (Self::default(), 1),
            _ => return None,
        };
        is_quote(len).then_some((prefix, len))
    }

    // Whether the content stands for itself.
    fn is_plain(self, q: Quoted) -> bool {
        (self.raw || !q.backslash) && !q.cr
    }
}

// Behind one of these nothing can belong to the literal any more.
#[inline]
fn ends(b: u8) -> bool {
    matches!(b, b',' | b':' | b']' | b'}' | b')')
}

// As many as a float holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

impl<'de> Decoder<'de> {
    fn slice(&self, q: Quoted) -> &'de str {
        self.text.get(q.start..q.end).unwrap_or_default()
    }

    /// Text that begins with a quote.
    #[inline]
    pub(super) fn literal(&mut self) -> Result<Token<'de>> {
        match self.plain_text() {
            Some((content, after)) => {
                self.pos = after;
                Ok(Token::Text(content))
            }
            None => self.any_literal(),
        }
    }

    /// The text at `pos`, if it is written as writers write it, and the offset behind it.
    #[inline]
    pub(super) fn plain_text(&self) -> Option<(&'de str, usize)> {
        let end = scan::short_string(self.text.as_bytes(), self.pos)?;
        let content = self.text.get(self.pos + 1..end)?;
        ends(self.at(end + 1)).then_some((content, end + 1))
    }

    /// The length of `name`, if that stands at `pos` and nothing that could belong to it follows.
    #[inline]
    pub(super) fn plain_name(&self, name: &str) -> Option<usize> {
        let rest = self.text.get(self.pos..)?;
        (rest.starts_with(name) && ends(self.at(self.pos + name.len()))).then_some(name.len())
    }

    #[inline(never)]
    fn any_literal(&mut self) -> Result<Token<'de>> {
        let q = scan::string(self.text.as_bytes(), self.pos).map_err(|t| self.trouble(t))?;
        self.pos = q.after;
        if !q.backslash && !q.cr && ends(self.at(self.pos)) {
            return Ok(Token::Text(self.slice(q)));
        }
        self.rest_of_literal(Prefix::default(), q)
    }

    // The literal whose first string is `q`: the strings that follow belong to it.
    #[inline(never)]
    fn rest_of_literal(&mut self, prefix: Prefix, q: Quoted) -> Result<Token<'de>> {
        self.blanks()?;
        if prefix.is_plain(q) && self.next_string().is_none() {
            let content = self.slice(q);
            if !prefix.bytes {
                return Ok(Token::Text(content));
            }
            self.check_ascii(q)?;
            return Ok(Token::Bytes(content.as_bytes()));
        }
        if prefix.bytes {
            let mut out = std::mem::take(&mut self.scratch_bytes);
            out.clear();
            let done = self.join(prefix, q, &mut out);
            self.scratch_bytes = out;
            done.map(|()| Token::ScratchBytes)
        } else {
            let mut out = std::mem::take(&mut self.scratch);
            out.clear();
            let done = self.join(prefix, q, &mut out);
            self.scratch = out;
            done.map(|()| Token::ScratchText)
        }
    }

    fn next_string(&self) -> Option<(Prefix, usize)> {
        Prefix::read(self.text.as_bytes().get(self.pos..)?)
    }

    fn join(&mut self, mut prefix: Prefix, mut q: Quoted, out: &mut impl Unescaped) -> Result<()> {
        let bytes = prefix.bytes;
        loop {
            if bytes {
                self.check_ascii(q)?;
            }
            text::unescape(self.slice(q), prefix.raw, out)
                .map_err(|(at, why)| self.wrong(q.start + at, why.into_owned()))?;
            let Some((next, len)) = self.next_string() else { return Ok(()) };
            if next.bytes != bytes {
                return Err(self.wrong(self.pos, "bytes and text cannot be joined".to_owned()));
            }
            prefix = next;
            q = scan::string(self.text.as_bytes(), self.pos + len).map_err(|t| self.trouble(t))?;
            self.pos = q.after;
            self.blanks()?;
        }
    }

    fn check_ascii(&self, q: Quoted) -> Result<()> {
        match self.slice(q).bytes().position(|b| !b.is_ascii()) {
            None => Ok(()),
            Some(i) => Err(self.fail(q.start + i, "only ASCII characters in bytes")),
        }
    }

    /// A literal that begins with a letter: a string with a prefix, or one of four names.
    pub(super) fn word(&mut self) -> Result<Token<'de>> {
        let start = self.pos;
        let rest = self.text.get(start..).unwrap_or_default();
        for (name, token) in [("True", Token::Bool(true)), ("False", Token::Bool(false)), ("None", Token::Null)] {
            if let Some(len) = self.plain_name(name) {
                self.pos += len;
                return Ok(token);
            }
        }
        if let Some((prefix, len)) = Prefix::read(rest.as_bytes()) {
            let q = scan::string(self.text.as_bytes(), start + len).map_err(|t| self.trouble(t))?;
            self.pos = q.after;
            return self.rest_of_literal(prefix, q);
        }
        let len = rest.bytes().position(|b| !is_word(b)).unwrap_or(rest.len());
        let name = rest.get(..len).unwrap_or_default();
        self.pos += len;
        match name {
            "None" => Ok(Token::Null),
            "True" => Ok(Token::Bool(true)),
            "False" => Ok(Token::Bool(false)),
            "set" => {
                self.blanks()?;
                if self.at(self.pos) != b'(' {
                    return Err(self.fail(self.pos, "'(' after the name set"));
                }
                self.ahead.pass(self.pos);
                self.pos += 1;
                self.many_blanks(true)?;
                if self.at(self.pos) != b')' {
                    return Err(self.fail(self.pos, "')': only the empty set is written as set()"));
                }
                self.pos += 1;
                Ok(Token::Begin(Shape::Empty))
            }
            "" => Err(self.fail(start, "a value")),
            _ => {
                let short: String = name.chars().take(40).collect();
                Err(self.wrong(start, format!("expected a value, found the name {short:?}")))
            }
        }
    }

    /// A number that begins with a digit, a point or a sign; two, for a complex one.
    #[inline]
    pub(super) fn numeric(&mut self) -> Result<Token<'de>> {
        // Most are integers of a few digits, or plain decimals, and nothing else.
        let negative = self.at(self.pos) == b'-';
        let start = self.pos + usize::from(negative);
        let most = start + 18;
        let (mut i, mut value) = (start, 0i64);
        while i < most && self.at(i).is_ascii_digit() {
            value = value * 10 + i64::from(self.at(i) - b'0');
            i += 1;
        }
        // A parenthesis may be followed by an imaginary part.
        let whole = |b: u8| ends(b) && !(b == b')' && self.top.shape == Shape::Paren);
        let b = self.at(i);
        if whole(b) && i > start && (self.at(start) != b'0' || i == start + 1) {
            self.pos = i;
            return Ok(Token::Int(if negative { -value } else { value }));
        }
        if b == b'.' && i > start {
            i += 1;
            let point = i;
            while i < most && self.at(i).is_ascii_digit() {
                value = value * 10 + i64::from(self.at(i) - b'0');
                i += 1;
            }
            // With both numbers exact the quotient is rounded once, as the literal would be.
            if whole(self.at(i))
                && value < 1 << 53
                && let Some(unit) = POWERS_OF_TEN.get(i - point)
            {
                self.pos = i;
                let value = value as f64 / unit;
                return Ok(Token::Float(if negative { -value } else { value }));
            }
            while self.at(i).is_ascii_digit() {
                i += 1;
            }
            if whole(self.at(i))
                && let Some(Ok(value)) = self.text.get(self.pos..i).map(str::parse)
            {
                self.pos = i;
                return Ok(Token::Float(value));
            }
        }
        self.any_number()
    }

    #[inline(never)]
    fn any_number(&mut self) -> Result<Token<'de>> {
        let sign = self.at(self.pos);
        let negative = sign == b'-';
        let left = if negative || sign == b'+' {
            self.pos += 1;
            self.blanks()?;
            self.number_in_parens()?
        } else {
            self.number()?
        };
        self.blanks()?;
        // Parentheses around the real part alone.
        while self.top.shape == Shape::Paren && self.at(self.pos) == b')' {
            self.close_paren()?;
            self.blanks()?;
        }
        let sign = self.at(self.pos);
        let re = match left {
            _ if sign != b'+' && sign != b'-' => return Ok(self.signed(left, negative)),
            Number::Imaginary(_) => return Ok(self.signed(left, negative)),
            Number::Int(v) => v as f64,
            Number::Big(v) => v.to_f64().filter(|re| re.is_finite()).ok_or_else(|| {
                self.wrong(self.pos, "the integer is too large for the real part of a complex number".to_owned())
            })?,
            Number::Float(v) if negative => -v,
            Number::Float(v) => v,
        };
        // An integer has no negative zero.
        let re = if negative && re > 0.0 { -re } else { re };
        self.pos += 1;
        self.blanks()?;
        let at = self.pos;
        match self.number_in_parens()? {
            Number::Imaginary(im) => Ok(Token::Complex(re, if sign == b'-' { -im } else { im })),
            _ => Err(self.wrong(at, "expected an imaginary number after the sign".to_owned())),
        }
    }

    fn signed(&mut self, n: Number, negative: bool) -> Token<'de> {
        match n {
            Number::Int(v) if negative && v <= 1 << 63 => Token::Int((v as i64).wrapping_neg()),
            Number::Int(v) if !negative && i64::try_from(v).is_ok() => Token::Int(v as i64),
            Number::Int(v) => self.signed(Number::Big(BigInt::from(v)), negative),
            Number::Big(v) => {
                self.big = if negative { -v } else { v };
                Token::Big
            }
            Number::Float(v) => Token::Float(if negative { -v } else { v }),
            // What Python's minus makes of 2j.
            Number::Imaginary(v) if negative => Token::Complex(-0.0, -v),
            Number::Imaginary(v) => Token::Complex(0.0, v),
        }
    }

    // A number without a sign, perhaps in parentheses.
    fn number_in_parens(&mut self) -> Result<Number> {
        let mut open = 0;
        while self.at(self.pos) == b'(' {
            if open >= self.depth_left() {
                return Err(self.trouble(scan::Trouble::TooDeep(self.pos)));
            }
            self.ahead.pass(self.pos);
            self.pos += 1;
            open += 1;
            self.many_blanks(true)?;
        }
        let n = self.number()?;
        for _ in 0..open {
            self.many_blanks(true)?;
            if self.at(self.pos) != b')' {
                return Err(self.fail(self.pos, "')' after the number"));
            }
            self.pos += 1;
        }
        Ok(n)
    }

    fn number(&mut self) -> Result<Number> {
        let digit = self.pos + usize::from(self.at(self.pos) == b'.');
        if !self.at(digit).is_ascii_digit() {
            return Err(self.fail(self.pos, "a number"));
        }
        let (n, end) = number::number(self.text, self.pos).map_err(|(at, why)| {
            if why.starts_with("expected") {
                self.fail(at, why.trim_start_matches("expected "))
            } else {
                self.wrong(at, why.to_owned())
            }
        })?;
        self.pos = end;
        Ok(n)
    }
}
