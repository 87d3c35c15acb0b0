//! What stands around the values of a call or reply: method names, counts, headers.

use std::borrow::Cow;

use springline_core::{Budget, Bytes, Error, ErrorKind, Result};

use super::{LoneSurrogates, Part, ReadOptions, Version, chunks, format, ints, text};

/// Reads a message's framing, from front to back. Offsets in errors count from the message's start.
///
/// ```
/// use springline_hessian::codec::Cursor;
///
/// let call = b"\x48\x02\x00C\x04echo\x91\x90".as_slice().into();
/// let mut cursor = Cursor::new(&call, 0);
/// cursor.expect(b"\x48\x02\x00C", "a call of Hessian 2")?;
/// assert_eq!((cursor.text()?, cursor.int()?, cursor.offset()), ("echo".into(), 1, 10));
/// # Ok::<(), springline_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Cursor<'m> {
    message: &'m Bytes,
    at: usize,
}

impl<'m> Cursor<'m> {
    /// A cursor at byte `at` of `message`.
    #[must_use]
    pub fn new(message: &'m Bytes, at: usize) -> Self {
        Self { message, at }
    }

    /// Where it stands.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The bytes from here on.
    #[must_use]
    pub fn rest(&self) -> &'m [u8] {
        self.message.get(self.at..).unwrap_or_default()
    }

    /// The next byte, which is not taken.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Takes the next byte; `what` says in the error what was expected.
    pub fn byte(&mut self, what: &str) -> Result<u8> {
        let byte = self.peek().ok_or_else(|| self.wrong(what))?;
        self.at += 1;
        Ok(byte)
    }

    /// Takes exactly these bytes; `what` says in the error what they mean.
    pub fn expect(&mut self, bytes: &[u8], what: &str) -> Result<()> {
        if !self.rest().starts_with(bytes) {
            return Err(self.wrong(what));
        }
        self.at += bytes.len();
        Ok(())
    }

    /// A text behind a length of two bytes: method and header names of Hessian 1. Lone surrogates are errors.
    pub fn short_text(&mut self) -> Result<Cow<'m, str>> {
        let rest = self.rest();
        let Some((len, content)) = rest.split_first_chunk() else { return Err(self.wrong("a name")) };
        let units = u16::from_be_bytes(*len).into();
        if let Some((text, _)) = chunks::plain(content, units) {
            self.at += 2 + units;
            return Ok(Cow::Borrowed(text));
        }
        let mut joined = text::Joined::new(String::new());
        let left = joined.add(content, units, self.at + 2, LoneSurrogates::Refuse)?;
        let text = joined.finish(LoneSurrogates::Refuse)?;
        self.at = self.message.len() - left.len();
        Ok(Cow::Owned(text))
    }

    /// A text of Hessian 2 in any of its forms: method and header names there. Lone surrogates are errors.
    pub fn text(&mut self) -> Result<Cow<'m, str>> {
        if chunks::text2(self.rest()).is_none() {
            return Err(self.wrong("a string"));
        }
        let (text, end) = chunks::read_text(self.message, self.at, chunks::text2, LoneSurrogates::Refuse)?;
        self.at = end;
        Ok(text)
    }

    /// An int of Hessian 2 in any of its forms: counts.
    pub fn int(&mut self) -> Result<i32> {
        let (v, rest) = ints::split_int(self.rest()).ok_or_else(|| self.wrong("an int"))?;
        self.at = self.message.len() - rest.len();
        Ok(v)
    }

    /// Passes over one value, which is checked. Of a value that refers to others, those are not looked at.
    pub fn skip_value(&mut self, version: Version, budget: Budget) -> Result<()> {
        let options = ReadOptions::new();
        format::read(version, Part::Value, &options, self.message, self.at, budget, &mut |source| {
            source.skip()?;
            self.at = source.offset();
            Ok(())
        })
    }

    #[cold]
    fn wrong(&self, what: &str) -> Error {
        let message = match self.peek() {
            Some(byte) => format!("expected {what}, found byte {byte:#04x}"),
            None => format!("expected {what}, found the end of the message"),
        };
        Error::malformed(self.at, message)
    }
}

/// Refuses a reply in the draft of Hessian 2, which begins `r 2 0`: Caucho 3.1 and 3.2.0 answer so when they are asked for
/// version 2. Its values look like those of the final version and mean something else.
///
/// # Errors
/// [`ErrorKind::Protocol`] that says so.
pub fn refuse_draft(reply: &[u8]) -> Result<()> {
    if reply.starts_with(b"r\x02\x00") {
        let text = "the reply is in the draft of Hessian 2, as Caucho 3.1 and 3.2.0 write it, and in no released version: \
                    ask such a server for Hessian 1";
        return Err(Error::new(ErrorKind::Protocol, text).at(0));
    }
    Ok(())
}

/// Whether an error says that the message ended before it should have.
pub(crate) fn ends_early(e: &Error) -> bool {
    const WORDS: [&str; 4] =
        ["the message is cut short", "the message ends", "the end of the message", "bytes are left"];
    e.kind() == ErrorKind::Malformed && WORDS.iter().any(|words| e.message().contains(words))
}

/// Appends a text behind a length of two bytes: method and header names of Hessian 1.
///
/// # Errors
/// [`ErrorKind::Encode`](springline_core::ErrorKind::Encode) for more than 65,535 UTF-16 units.
pub fn push_short_text(out: &mut Vec<u8>, name: &str) -> Result<()> {
    let units = text::units(name);
    let len = u16::try_from(units)
        .map_err(|_| Error::encode(format!("a name of {units} UTF-16 units: Hessian 1 has room for 65,535")))?;
    out.extend_from_slice(&len.to_be_bytes());
    text::push(out, name);
    Ok(())
}

/// Appends a text in the smallest form of Hessian 2: method and header names there.
pub fn push_text(out: &mut Vec<u8>, name: &str) {
    super::encode2::push_text(out, name);
}

/// Appends an int in the smallest form of Hessian 2: counts.
pub fn push_int(out: &mut Vec<u8>, v: i32) {
    ints::push_int(out, v);
}

/// Appends the head of a chunk of a binary that is written piece by piece; `len` bytes follow it. The last chunk may be
/// empty.
///
/// # Errors
/// [`ErrorKind::Encode`](springline_core::ErrorKind::Encode) for more than 65,535 bytes.
pub fn push_chunk_head(out: &mut Vec<u8>, version: Version, len: usize, last: bool) -> Result<()> {
    let short = u16::try_from(len).map_err(|_| Error::encode(format!("a chunk of {len} bytes: 65,535 is the most")))?;
    match (version, last, short) {
        (Version::Two, true, 0..=15) => {
            out.push(0x20 + short as u8);
            return Ok(());
        }
        (Version::Two, true, 16..=1023) => {
            out.extend_from_slice(&[0x34 + (short >> 8) as u8, short as u8]);
            return Ok(());
        }
        (Version::Two, true, _) | (Version::One, true, _) => out.push(b'B'),
        (Version::Two, false, _) => out.push(b'A'),
        (Version::One, false, _) => out.push(b'b'),
    }
    out.extend_from_slice(&short.to_be_bytes());
    Ok(())
}
