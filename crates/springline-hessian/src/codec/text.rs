//! Texts: lengths count UTF-16 units, and each unit is written by itself, so that a character beyond U+FFFF is two
//! three-byte sequences (CESU-8).

use springline_core::{Error, Result};

use super::LoneSurrogates;

/// Units that a chunk holds at most, which is what Java's writer puts into one.
pub(super) const CHUNK: usize = 0x8000;

/// UTF-16 units of a text.
#[inline]
pub(super) fn units(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { wide_units(text) }
}

fn wide_units(text: &str) -> usize {
    // every character has one byte that is no continuation; those of four bytes have two units
    text.bytes().map(|b| usize::from(b & 0xc0 != 0x80) + usize::from(b >= 0xf0)).sum()
}

/// Appends a text without its length.
#[inline]
pub(super) fn push(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|b| b >= 0xf0) { push_astral(out, text) } else { out.extend_from_slice(text.as_bytes()) }
}

fn push_astral(out: &mut Vec<u8>, text: &str) {
    for c in text.chars() {
        if (c as u32) < 0x1_0000 {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let unit = *unit;
            out.extend_from_slice(&[
                0xe0 | (unit >> 12) as u8,
                0x80 | (unit >> 6 & 0x3f) as u8,
                0x80 | (unit & 0x3f) as u8,
            ]);
        }
    }
}

/// Cuts off the text's first `most` units, or one less where a pair of surrogates would be cut. Gives the units, too.
pub(super) fn split(text: &str, most: usize) -> (&str, usize, &str) {
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        let units = c.len_utf16();
        if taken + units > most {
            let (head, tail) = text.split_at(at);
            return (head, taken, tail);
        }
        taken += units;
    }
    (text, taken, "")
}

/// A text that is put together from chunks. Surrogates are paired across them.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) text: String,
    // A high surrogate whose partner has not come yet, and where it stands.
    high: Option<(u16, usize)>,
}

impl Joined {
    /// An empty text that reuses a buffer.
    pub(super) fn new(mut text: String) -> Self {
        text.clear();
        Self { text, high: None }
    }

    /// Adds the `units` units that `rest` begins with, and gives what follows them. `at` is the offset of `rest`.
    pub(super) fn add<'m>(
        &mut self,
        mut rest: &'m [u8],
        mut units: usize,
        mut at: usize,
        lone: LoneSurrogates,
    ) -> Result<&'m [u8]> {
        while units > 0 {
            let ascii = rest.iter().take(units).take_while(|b| b.is_ascii()).count();
            if let (1.., Some((head, tail))) = (ascii, rest.split_at_checked(ascii)) {
                self.lone(lone)?;
                self.text.push_str(std::str::from_utf8(head).unwrap_or_default());
                (rest, units, at) = (tail, units - ascii, at + ascii);
                continue;
            }
            let (code, bytes) = one(rest, at)?;
            if code < 0x1_0000 {
                self.unit(code as u16, at, lone)?;
                units -= 1;
            } else {
                // Foreign writers send UTF-8; such a character stands for the two units it has.
                units = units.checked_sub(2).ok_or_else(|| {
                    Error::malformed(at, "a character of two UTF-16 units, where the text's length leaves one")
                })?;
                self.lone(lone)?;
                self.text.push(char::from_u32(code).ok_or_else(|| bad(at))?);
            }
            rest = rest.get(bytes..).unwrap_or_default();
            at += bytes;
        }
        Ok(rest)
    }

    fn unit(&mut self, unit: u16, at: usize, lone: LoneSurrogates) -> Result<()> {
        match unit {
            0xd800..=0xdbff => {
                self.lone(lone)?;
                self.high = Some((unit, at));
            }
            0xdc00..=0xdfff => match self.high.take() {
                Some((high, _)) => {
                    let code = 0x1_0000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(unit) - 0xdc00);
                    self.text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                None => self.replace(unit, at, lone)?,
            },
            _ => {
                self.lone(lone)?;
                self.text.push(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        Ok(())
    }

    // Settles a high surrogate without a partner.
    #[inline]
    fn lone(&mut self, lone: LoneSurrogates) -> Result<()> {
        match self.high.take() {
            None => Ok(()),
            Some((unit, at)) => self.replace(unit, at, lone),
        }
    }

    fn replace(&mut self, unit: u16, at: usize, lone: LoneSurrogates) -> Result<()> {
        match lone {
            LoneSurrogates::Replace => {
                self.text.push(char::REPLACEMENT_CHARACTER);
                Ok(())
            }
            LoneSurrogates::Refuse => {
                Err(Error::malformed(at, format!("text has a lone surrogate ({unit:04x}), which is no character")))
            }
        }
    }

    /// The whole text.
    pub(super) fn finish(mut self, lone: LoneSurrogates) -> Result<String> {
        self.lone(lone)?;
        Ok(self.text)
    }
}

#[cold]
fn bad(at: usize) -> Error {
    Error::malformed(at, "text that is neither CESU-8 nor UTF-8")
}

#[cold]
fn cut(at: usize) -> Error {
    Error::malformed(at, "the message ends within a text")
}

// One unit, or one character of four bytes, and how many bytes it takes. Like Java, overlong forms are taken as they are.
fn one(rest: &[u8], at: usize) -> Result<(u32, usize)> {
    let Some((&first, more)) = rest.split_first() else { return Err(cut(at)) };
    let (mut code, len) = match first {
        0..=0x7f => (u32::from(first), 1),
        0xc0..=0xdf => (u32::from(first & 0x1f), 2),
        0xe0..=0xef => (u32::from(first & 0x0f), 3),
        0xf0..=0xf4 => (u32::from(first & 0x07), 4),
        _ => return Err(bad(at)),
    };
    for n in 0..len - 1 {
        match more.get(n) {
            Some(b) if b & 0xc0 == 0x80 => code = code << 6 | u32::from(b & 0x3f),
            Some(_) => return Err(bad(at)),
            None => return Err(cut(at)),
        }
    }
    if len == 4 && !(0x1_0000..=0x10_ffff).contains(&code) {
        return Err(bad(at));
    }
    Ok((code, len))
}

/// How many bytes the first `units` units of `rest` take: what passing over a text needs. The bytes are checked.
pub(super) fn measure(rest: &[u8], mut units: usize, at: usize) -> Result<usize> {
    let mut taken = 0;
    while units > 0 {
        let left = rest.get(taken..).unwrap_or_default();
        let ascii = left.iter().take(units).take_while(|b| b.is_ascii()).count();
        if ascii > 0 {
            (taken, units) = (taken + ascii, units - ascii);
            continue;
        }
        let (code, bytes) = one(left, at + taken)?;
        units = units.checked_sub(if code < 0x1_0000 { 1 } else { 2 }).ok_or_else(|| bad(at + taken))?;
        taken += bytes;
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(chunks: &[(&[u8], usize)], lone: LoneSurrogates) -> Result<String> {
        let mut joined = Joined::new(String::from("old"));
        for (bytes, units) in chunks {
            let rest = joined.add(bytes, *units, 0, lone)?;
            assert_eq!(measure(bytes, *units, 0).unwrap(), bytes.len() - rest.len());
            assert!(rest.is_empty());
        }
        joined.finish(lone)
    }

    #[test]
    fn characters_are_written_unit_by_unit() {
        for (text, hex, n) in [
            ("a\0é", &b"a\0\xc3\xa9"[..], 3),
            ("\u{20ac}", b"\xe2\x82\xac", 1),
            ("\u{1f600}!", b"\xed\xa0\xbd\xed\xb8\x80!", 3),
        ] {
            let mut out = Vec::new();
            push(&mut out, text);
            assert_eq!((&out[..], units(text)), (hex, n));
            assert_eq!(join(&[(hex, n)], LoneSurrogates::Refuse).unwrap(), text);
        }
        assert_eq!(join(&[(b"\xc0\x80", 1)], LoneSurrogates::Refuse).unwrap(), "\0");
        assert_eq!(join(&["\u{1f600}".as_bytes()].map(|b| (b, 2)), LoneSurrogates::Refuse).unwrap(), "\u{1f600}");
    }

    #[test]
    fn pairs_are_joined_across_chunks_and_not_cut() {
        let halves: [(&[u8], usize); 3] = [(b"\xed\xa0\xbd", 1), (b"", 0), (b"\xed\xb8\x80", 1)];
        assert_eq!(join(&halves, LoneSurrogates::Refuse).unwrap(), "\u{1f600}");
        assert_eq!(split("a\u{1f600}b", 2), ("a", 1, "\u{1f600}b"));
        assert_eq!(split("a\u{1f600}b", 3), ("a\u{1f600}", 3, "b"));
        assert_eq!(split("ab", 3), ("ab", 2, ""));
    }

    #[test]
    fn lone_surrogates_go_by_the_policy() {
        for bytes in [&b"\xed\xa0\xbd"[..], b"\xed\xb8\x80"] {
            let message = join(&[(bytes, 1)], LoneSurrogates::Refuse).unwrap_err().to_string();
            assert!(message.contains("lone surrogate"), "{message}");
            assert_eq!(join(&[(bytes, 1)], LoneSurrogates::Replace).unwrap(), "\u{fffd}");
        }
        assert_eq!(join(&[(b"\xed\xa0\xbdx\xed\xa0\xbd\xed\xa0\xbd", 4)], LoneSurrogates::Replace).unwrap().len(), 10);
    }

    #[test]
    fn bad_bytes_are_refused() {
        for (bytes, units) in [
            (&b"\x80"[..], 1),
            (b"\xc3", 1),
            (b"\xc3(", 1),
            (b"\xf0\x9f\x98\x80", 1),
            (b"\xf5\x80\x80\x80", 2),
            (b"\xf0\x80\x80\x80", 2),
            (b"ab", 3),
        ] {
            let mut joined = Joined::new(String::new());
            assert!(joined.add(bytes, units, 0, LoneSurrogates::Replace).is_err(), "{bytes:x?}");
            assert!(measure(bytes, units, 0).is_err(), "{bytes:x?}");
        }
    }
}
