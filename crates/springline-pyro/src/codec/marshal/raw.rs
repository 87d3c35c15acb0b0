//! One object of a marshal stream as it lies there, without what is inside it and without resolving references.

use num_bigint::{BigInt, BigUint, Sign};
use springline_core::{Error, ErrorKind, ListKind, Result};

use super::MAX_LONG_DIGITS;

/// FLAG_REF: the object takes the next index of the reference table.
pub(super) const FLAG: u8 = 0x80;
const DIGIT_BITS: u32 = 15;

#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'de> {
    /// The mark that ends a dict.
    End,
    None,
    Bool(bool),
    StopIteration,
    Ellipsis,
    Int(i64),
    /// An integer outside 64 bits.
    Long(Long<'de>),
    Float(f64),
    Complex(f64, f64),
    Bytes(&'de [u8]),
    /// UTF-8, with surrogates as Python lets them pass.
    Utf8(&'de [u8]),
    /// The same, interned: Python 2's `str` of any bytes.
    Interned(&'de [u8]),
    /// ASCII by its name; CPython takes higher bytes as Latin-1.
    Latin(&'de [u8]),
    List(ListKind, u32),
    Dict,
    /// Index in the reference table.
    Ref(u32),
    /// Index in the table of interned strings.
    StringRef(u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Long<'de> {
    negative: bool,
    /// 16-bit words of 15 bits each, the lowest first.
    words: &'de [u8],
}

/// An object and where it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'de> {
    pub(super) raw: Raw<'de>,
    /// Whether it takes an index of the reference table.
    pub(super) flagged: bool,
    /// Offset of the type code.
    pub(super) at: usize,
    /// Offset behind it; behind its head, for a container.
    pub(super) end: usize,
}

impl Raw<'_> {
    pub(super) fn is_container(&self) -> bool {
        matches!(self, Raw::List(..) | Raw::Dict)
    }

    /// Whether CPython gives it an index: single objects and references never get one, whatever their flag.
    fn takes_index(&self) -> bool {
        !matches!(
            self,
            Raw::End | Raw::None | Raw::Bool(_) | Raw::StopIteration | Raw::Ellipsis | Raw::Ref(_) | Raw::StringRef(_)
        )
    }
}

struct Reader<'de> {
    message: &'de [u8],
    pos: usize,
}

impl<'de> Reader<'de> {
    #[cold]
    fn short(&self, wanted: usize) -> Error {
        let left = self.message.len().saturating_sub(self.pos);
        Error::malformed(self.pos, format!("expected {wanted} more bytes, but only {left} are left"))
    }

    #[inline]
    fn chunk<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.message.get(self.pos..).and_then(<[u8]>::first_chunk::<N>) {
            Some(bytes) => {
                self.pos += N;
                Ok(*bytes)
            }
            None => Err(self.short(N)),
        }
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'de [u8]> {
        match self.message.get(self.pos..).and_then(|rest| rest.get(..len)) {
            Some(bytes) => {
                self.pos += len;
                Ok(bytes)
            }
            None => Err(self.short(len)),
        }
    }

    #[inline]
    fn u8(&mut self) -> Result<u8> {
        self.chunk::<1>().map(|[b]| b)
    }

    #[inline]
    fn i32(&mut self) -> Result<i32> {
        self.chunk().map(i32::from_le_bytes)
    }

    fn f64(&mut self) -> Result<f64> {
        self.chunk().map(f64::from_le_bytes)
    }

    // A length or an index; CPython refuses negative ones.
    #[inline]
    fn count(&mut self) -> Result<u32> {
        let at = self.pos;
        u32::try_from(self.i32()?).map_err(|_| Error::malformed(at, "a negative length or index"))
    }

    #[inline]
    fn sized(&mut self) -> Result<&'de [u8]> {
        let len = self.count()?;
        self.take(len as usize)
    }

    #[inline]
    fn short_sized(&mut self) -> Result<&'de [u8]> {
        let len = self.u8()?;
        self.take(len.into())
    }

    // Items of a list: each takes a byte at least, so that a claim can be checked against what is there.
    fn items(&self, len: u32) -> Result<u32> {
        let left = self.message.len().saturating_sub(self.pos);
        if len as usize > left {
            return Err(Error::malformed(
                self.pos,
                format!("{len} items are announced, but only {left} bytes are left"),
            ));
        }
        Ok(len)
    }

    fn float_text(&mut self) -> Result<f64> {
        let at = self.pos;
        let text = self.short_sized()?;
        std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
            Error::malformed(at, format!("expected a float as text, found {:?}", text.escape_ascii().to_string()))
        })
    }

    fn long(&mut self) -> Result<Raw<'de>> {
        let at = self.pos;
        let size = self.i32()?;
        let count = size.unsigned_abs() as usize;
        if count > MAX_LONG_DIGITS {
            let message = format!("integer of {count} digits of 15 bits, at most {MAX_LONG_DIGITS} are read");
            return Err(Error::new(ErrorKind::Limit, message).at(at));
        }
        let words = self.take(count * 2)?;
        let long = Long { negative: size < 0, words };
        if let Some(bad) = long.digits().position(|d| d >> DIGIT_BITS != 0) {
            return Err(Error::malformed(at + 4 + bad * 2, "a digit of an integer has more than 15 bits"));
        }
        if long.digits().next_back() == Some(0) {
            return Err(Error::malformed(self.pos, "the highest digit of an integer is zero"));
        }
        Ok(long.to_i64().map_or(Raw::Long(long), Raw::Int))
    }
}

impl Long<'_> {
    fn digits(&self) -> impl DoubleEndedIterator<Item = u16> + ExactSizeIterator {
        self.words.chunks_exact(2).map(|w| w.first_chunk().map_or(0, |w| u16::from_le_bytes(*w)))
    }

    /// Bytes of its digits.
    pub(super) fn size(&self) -> usize {
        self.words.len()
    }

    fn to_i64(self) -> Option<i64> {
        if self.words.len() > 10 {
            return None;
        }
        let size = self.digits().rev().fold(0i128, |n, d| n << DIGIT_BITS | i128::from(d));
        i64::try_from(if self.negative { -size } else { size }).ok()
    }

    pub(super) fn to_big(self) -> BigInt {
        let mut words = Vec::with_capacity(self.words.len() / 4 + 1);
        let (mut bits, mut held) = (0u64, 0);
        for digit in self.digits() {
            bits |= u64::from(digit) << held;
            held += DIGIT_BITS;
            if held >= u32::BITS {
                words.push(bits as u32);
                bits >>= u32::BITS;
                held -= u32::BITS;
            }
        }
        words.push(bits as u32);
        BigInt::from_biguint(if self.negative { Sign::Minus } else { Sign::Plus }, BigUint::new(words))
    }
}

/// Appends the digits of an integer, their number first (negative for a negative integer).
pub(super) fn push_long(out: &mut Vec<u8>, negative: bool, size: &BigUint) -> Result<()> {
    let count = size.bits().div_ceil(DIGIT_BITS.into());
    if count > MAX_LONG_DIGITS as u64 {
        return Err(Error::encode(format!("marshal: an integer of {} bits is too long to be sent", size.bits())));
    }
    let count = count as i32;
    out.extend_from_slice(&(if negative { -count } else { count }).to_le_bytes());
    let (mut bits, mut held, mut left) = (0u64, 0, count);
    let mut words = size.iter_u32_digits();
    while left > 0 {
        if held < DIGIT_BITS {
            bits |= u64::from(words.next().unwrap_or(0)) << held;
            held += u32::BITS;
        }
        out.extend_from_slice(&((bits & 0x7fff) as u16).to_le_bytes());
        bits >>= DIGIT_BITS;
        held -= DIGIT_BITS;
        left -= 1;
    }
    Ok(())
}

/// The object whose type code is at `at`.
#[inline]
pub(super) fn item(message: &[u8], at: usize) -> Result<Item<'_>> {
    let mut r = Reader { message, pos: at };
    let Some(code) = message.get(at) else {
        return Err(Error::malformed(at, "expected a value, found the end of the message"));
    };
    r.pos += 1;
    let raw = match code & !FLAG {
        b'z' | b'Z' => Raw::Latin(r.short_sized()?),
        b'a' | b'A' => Raw::Latin(r.sized()?),
        b'u' => Raw::Utf8(r.sized()?),
        b't' => Raw::Interned(r.sized()?),
        b's' => Raw::Bytes(r.sized()?),
        b'i' => Raw::Int(r.i32()?.into()),
        b'I' => Raw::Int(i64::from_le_bytes(r.chunk()?)),
        b'l' => r.long()?,
        b'g' => Raw::Float(r.f64()?),
        b'f' => Raw::Float(r.float_text()?),
        b'y' => Raw::Complex(r.f64()?, r.f64()?),
        b'x' => Raw::Complex(r.float_text()?, r.float_text()?),
        b'N' => Raw::None,
        b'T' => Raw::Bool(true),
        b'F' => Raw::Bool(false),
        b'S' => Raw::StopIteration,
        b'.' => Raw::Ellipsis,
        b'r' => Raw::Ref(r.count()?),
        b'R' => Raw::StringRef(r.count()?),
        b'0' => Raw::End,
        b'{' => Raw::Dict,
        b')' => {
            let len = r.u8()?;
            Raw::List(ListKind::Tuple, r.items(len.into())?)
        }
        code @ (b'(' | b'[' | b'<' | b'>') => {
            let len = r.count()?;
            let kind = match code {
                b'(' => ListKind::Tuple,
                b'[' => ListKind::List,
                b'<' => ListKind::Set,
                _ => ListKind::FrozenSet,
            };
            Raw::List(kind, r.items(len)?)
        }
        b'c' => return Err(Error::malformed(at, "a code object: code is never accepted")),
        b':' => return Err(Error::malformed(at, "a slice object (marshal version 5) has no counterpart")),
        other => return Err(Error::malformed(at, format!("unknown marshal type code 0x{other:02x}"))),
    };
    Ok(Item { raw, flagged: code & FLAG != 0 && raw.takes_index(), at, end: r.pos })
}

/// Text that lies in the message as it is, given its type code and what follows, and the length of the whole object.
/// `None` for everything else, bad text included.
#[inline]
pub(super) fn plain_text(code: u8, rest: &[u8]) -> Option<(&str, usize)> {
    let (bytes, len) = match code & !FLAG {
        b'z' | b'Z' => {
            let (len, rest) = rest.split_first()?;
            (rest.get(..usize::from(*len))?, usize::from(*len) + 2)
        }
        b'u' | b'a' | b'A' => {
            let (len, rest) = rest.split_first_chunk()?;
            let len = usize::try_from(i32::from_le_bytes(*len)).ok()?;
            (rest.get(..len)?, len + 5)
        }
        _ => return None,
    };
    if code & !FLAG != b'u' && !bytes.is_ascii() {
        return None;
    }
    Some((std::str::from_utf8(bytes).ok()?, len))
}
