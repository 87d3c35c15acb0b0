//! Texts and binaries, which come in one piece or in chunks.

use std::borrow::Cow;

use springline_core::{Error, Result};

use super::LoneSurrogates;
use super::text::{self, Joined};

/// Reads the head of a chunk: its length, whether it is the last one, and what follows.
pub(super) type Head = fn(&[u8]) -> Option<(usize, bool, &[u8])>;

/// The head of a text's chunk in Hessian 2.
#[inline]
pub(super) fn text2(rest: &[u8]) -> Option<(usize, bool, &[u8])> {
    Some(match *rest {
        [code @ 0..=0x1f, ref rest @ ..] => (code.into(), true, rest),
        [code @ 0x30..=0x33, b0, ref rest @ ..] => (usize::from(code - 0x30) << 8 | usize::from(b0), true, rest),
        [code @ (b'R' | b'S'), a, b, ref rest @ ..] => (u16::from_be_bytes([a, b]).into(), code == b'S', rest),
        _ => return None,
    })
}

/// The head of a binary's chunk in Hessian 2.
#[inline]
pub(super) fn bytes2(rest: &[u8]) -> Option<(usize, bool, &[u8])> {
    Some(match *rest {
        [code @ 0x20..=0x2f, ref rest @ ..] => (usize::from(code - 0x20), true, rest),
        [code @ 0x34..=0x37, b0, ref rest @ ..] => (usize::from(code - 0x34) << 8 | usize::from(b0), true, rest),
        [code @ (b'A' | b'B'), a, b, ref rest @ ..] => (u16::from_be_bytes([a, b]).into(), code == b'B', rest),
        _ => return None,
    })
}

/// The head of a chunk of a text or of an XML document in Hessian 1.
#[inline]
pub(super) fn text1(rest: &[u8]) -> Option<(usize, bool, &[u8])> {
    match *rest {
        [code @ (b's' | b'S' | b'x' | b'X'), a, b, ref rest @ ..] => {
            Some((u16::from_be_bytes([a, b]).into(), matches!(code, b'S' | b'X'), rest))
        }
        _ => None,
    }
}

/// The head of a binary's chunk in Hessian 1.
#[inline]
pub(super) fn bytes1(rest: &[u8]) -> Option<(usize, bool, &[u8])> {
    match *rest {
        [code @ (b'b' | b'B'), a, b, ref rest @ ..] => Some((u16::from_be_bytes([a, b]).into(), code == b'B', rest)),
        _ => None,
    }
}

/// A text that lies in the message as it is: ASCII in one chunk. Gives what follows it, too.
#[inline]
pub(super) fn plain_text(rest: &[u8], head: Head) -> Option<(&str, &[u8])> {
    let (units, true, rest) = head(rest)? else { return None };
    plain(rest, units)
}

/// The same for a chunk whose head was read.
#[inline]
pub(super) fn plain(rest: &[u8], units: usize) -> Option<(&str, &[u8])> {
    let (text, rest) = rest.split_at_checked(units)?;
    match std::str::from_utf8(text) {
        // otherwise the length counts something else than bytes
        Ok(text) if text.is_ascii() => Some((text, rest)),
        _ => None,
    }
}

fn head_at(message: &[u8], at: usize, head: Head) -> Result<(usize, bool, &[u8])> {
    let rest = message.get(at..).unwrap_or_default();
    head(rest).ok_or_else(|| no_chunk(rest, at, head))
}

#[cold]
fn no_chunk(rest: &[u8], at: usize, head: Head) -> Error {
    match rest.first() {
        Some(code) if head(&[*code, 0, 0]).is_none() => {
            Error::malformed(at, format!("expected a chunk of a text or binary, found byte {code:#04x}"))
        }
        _ => Error::malformed(at, "the message ends where a chunk of a text or binary begins"),
    }
}

#[cold]
fn cut(at: usize, need: usize, have: usize) -> Error {
    Error::malformed(at, format!("the message is cut short: expected {need} more bytes, found {have}"))
}

/// Puts together the text whose first chunk begins at `at`. Gives the offset behind it, too.
pub(super) fn join_text(
    message: &[u8],
    mut at: usize,
    head: Head,
    lone: LoneSurrogates,
    scratch: String,
) -> Result<(String, usize)> {
    let mut joined = Joined::new(scratch);
    loop {
        let (units, last, rest) = head_at(message, at, head)?;
        let begin = message.len() - rest.len();
        let rest = joined.add(rest, units, begin, lone)?;
        at = message.len() - rest.len();
        if last {
            return Ok((joined.finish(lone)?, at));
        }
    }
}

/// A text, borrowed where it lies in the message as it is.
pub(super) fn read_text(message: &[u8], at: usize, head: Head, lone: LoneSurrogates) -> Result<(Cow<'_, str>, usize)> {
    if let Some((text, rest)) = plain_text(message.get(at..).unwrap_or_default(), head) {
        return Ok((Cow::Borrowed(text), message.len() - rest.len()));
    }
    join_text(message, at, head, lone, String::new()).map(|(text, end)| (Cow::Owned(text), end))
}

/// Passes over the text whose first chunk begins at `at`.
pub(super) fn skip_text(message: &[u8], mut at: usize, head: Head) -> Result<usize> {
    loop {
        let (units, last, rest) = head_at(message, at, head)?;
        let begin = message.len() - rest.len();
        at = begin + text::measure(rest, units, begin)?;
        if last {
            return Ok(at);
        }
    }
}

/// Puts together the binary whose first chunk begins at `at`.
pub(super) fn join_bytes(message: &[u8], mut at: usize, head: Head) -> Result<(Vec<u8>, usize)> {
    let mut joined = Vec::new();
    loop {
        let (len, last, rest) = head_at(message, at, head)?;
        let begin = message.len() - rest.len();
        let chunk = rest.get(..len).ok_or_else(|| cut(begin, len, rest.len()))?;
        joined.extend_from_slice(chunk);
        at = begin + len;
        if last {
            return Ok((joined, at));
        }
    }
}

/// Passes over the binary whose first chunk begins at `at`.
pub(super) fn skip_bytes(message: &[u8], mut at: usize, head: Head) -> Result<usize> {
    loop {
        let (len, last, rest) = head_at(message, at, head)?;
        let begin = message.len() - rest.len();
        if len > rest.len() {
            return Err(cut(begin, len, rest.len()));
        }
        at = begin + len;
        if last {
            return Ok(at);
        }
    }
}
