//! Finding ends without decoding: of a string, of a container, of a bracket's first element.

use memchr::{memchr, memchr2};

/// Where a string literal lies. Offsets count from the start of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quoted {
    /// Between the quotes.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Behind the closing quotes.
    pub(super) after: usize,
    /// Whether there is a backslash.
    pub(super) backslash: bool,
    /// Whether there is a carriage return, which Python reads as a newline.
    pub(super) cr: bool,
}

/// Why a scan cannot go on, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The string that begins here does not end, or not on its line.
    Unterminated(usize),
    /// A closing bracket that fits no open one; the byte that was expected instead.
    Mismatch(usize, u8),
    /// The text ends inside a container; its closing bracket.
    Unclosed(usize, u8),
    /// Deeper than the limit.
    TooDeep(usize),
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

// The high bit of each byte that equals `b`. Bits above the lowest one may be wrong; only that one is used.
#[inline]
fn equal(chunk: u64, b: u8) -> u64 {
    below(chunk ^ (LOW * u64::from(b)), 1)
}

// The high bit of each byte that is less than `n` (at most 128), with the same restriction.
#[inline]
fn below(chunk: u64, n: u8) -> u64 {
    chunk.wrapping_sub(LOW * u64::from(n)) & !chunk & HIGH
}

// Strings longer than this are left to memchr, whose call costs more than a short string's scan.
const SHORT: usize = 64;

/// The first quote, backslash or control character from `from` on (a long string's harmless controls may be passed).
#[inline]
fn stop(bytes: &[u8], from: usize, quote: u8) -> usize {
    let mut i = from;
    while let Some(chunk) = bytes.get(i..).and_then(|rest| rest.first_chunk::<8>()) {
        let chunk = u64::from_le_bytes(*chunk);
        let hit = equal(chunk, quote) | equal(chunk, b'\\') | below(chunk, 0x20);
        if hit != 0 {
            return i + hit.trailing_zeros() as usize / 8;
        }
        i += 8;
        if i - from >= SHORT {
            return far_stop(bytes, i, quote);
        }
    }
    let tail = bytes.get(i..).unwrap_or_default();
    i + tail.iter().position(|b| *b == quote || *b == b'\\' || *b < 0x20).unwrap_or(tail.len())
}

#[inline(never)]
fn far_stop(bytes: &[u8], from: usize, quote: u8) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let end = memchr2(quote, b'\\', rest).unwrap_or(rest.len());
    let line = rest.get(..end).unwrap_or_default();
    from + memchr2(b'\n', b'\r', line).unwrap_or(end)
}

/// The closing quote of a string without backslashes and control characters whose opening quote is at `open`; none if
/// it is anything else, the empty string and triple quotes included.
#[inline]
pub(super) fn short_string(bytes: &[u8], open: usize) -> Option<usize> {
    let quote = *bytes.get(open)?;
    if quote != b'\'' && quote != b'"' {
        return None;
    }
    let end = stop(bytes, open + 1, quote);
    (bytes.get(end) == Some(&quote) && end > open + 1).then_some(end)
}

/// The string whose opening quote is at `open`.
#[inline]
pub(super) fn string(bytes: &[u8], open: usize) -> Result<Quoted, Trouble> {
    let quote = bytes.get(open).copied().unwrap_or_default();
    let start = open + 1;
    if bytes.get(start) == Some(&quote) {
        if bytes.get(start + 1) == Some(&quote) {
            return triple(bytes, open, quote);
        }
        return Ok(Quoted { start, end: start, after: start + 1, backslash: false, cr: false });
    }
    let (mut i, mut backslash, mut cr) = (start, false, false);
    loop {
        i = stop(bytes, i, quote);
        match bytes.get(i) {
            Some(b) if *b == quote => return Ok(Quoted { start, end: i, after: i + 1, backslash, cr }),
            Some(b'\\') => {
                backslash = true;
                i += 2;
                if bytes.get(i - 1) == Some(&b'\r') {
                    cr = true;
                    i += usize::from(bytes.get(i) == Some(&b'\n'));
                }
            }
            Some(b'\n' | b'\r') | None => return Err(Trouble::Unterminated(open)),
            Some(_) => i += 1,
        }
    }
}

#[inline(never)]
fn triple(bytes: &[u8], open: usize, quote: u8) -> Result<Quoted, Trouble> {
    let start = open + 3;
    let (mut i, mut backslash) = (start, false);
    loop {
        let rest = bytes.get(i..).ok_or(Trouble::Unterminated(open))?;
        i += memchr2(quote, b'\\', rest).ok_or(Trouble::Unterminated(open))?;
        match bytes.get(i..i + 3) {
            Some([b'\\', ..]) => {
                backslash = true;
                i += 2;
            }
            Some(three) if three.iter().all(|b| *b == quote) => {
                let cr = memchr(b'\r', bytes.get(start..i).unwrap_or_default()).is_some();
                return Ok(Quoted { start, end: i, after: i + 3, backslash, cr });
            }
            Some(_) => i += 1,
            None => return Err(Trouble::Unterminated(open)),
        }
    }
}

/// The end of the line from `from` on: the index of its newline, or the end of the text.
pub(super) fn line_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())
}

const COMMA: u8 = 1;
const COLON: u8 = 2;

/// What is known of the brackets ahead.
///
/// A `(` is a tuple if a comma follows its first element, a `{` is a dict if a colon does, so that element has to be
/// passed over first. What is found on the way about brackets inside of it is kept, in the order in which they open,
/// which is the order in which the decoder will ask: so no byte is scanned twice, however deep the nesting.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// One entry for each `(` and `{` that opens between the decoder's position and `to`, from `head` on.
    found: Vec<u8>,
    head: usize,
    to: usize,
    open: Vec<(u8, usize)>,
}

/// A bracket's punctuation behind its first element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Punctuation(u8);

impl Punctuation {
    pub(super) fn comma(self) -> bool {
        self.0 & COMMA != 0
    }

    pub(super) fn colon(self) -> bool {
        self.0 & COLON != 0
    }
}

#[inline]
fn closer(opener: u8) -> u8 {
    match opener {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

// The bytes at which a scan stops.
#[allow(clippy::indexing_slicing, reason = "the compiler runs it")]
const STOPS: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &[u8] = b"\"'#()[]{},:";
    while let [b, tail @ ..] = rest {
        table[*b as usize] = true;
        rest = tail;
    }
    table
};

#[inline]
fn next_stop(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|b| STOPS.get(usize::from(*b)) == Some(&true)).unwrap_or(rest.len())
}

impl Ahead {
    /// What follows the first element of the bracket (`(` or `{`) at `at`, which may nest `depth` levels.
    #[inline]
    pub(super) fn bracket(&mut self, bytes: &[u8], at: usize, depth: usize) -> Result<Punctuation, Trouble> {
        match self.pass(at) {
            Some(known) => Ok(known),
            None => self.first_element(bytes, at, depth),
        }
    }

    /// The decoder passes a `(` or `{` at `at`: gives what is known about it, if it was scanned before.
    #[inline]
    pub(super) fn pass(&mut self, at: usize) -> Option<Punctuation> {
        if at >= self.to {
            return None;
        }
        let known = self.found.get(self.head).copied().map(Punctuation);
        self.head += 1;
        known
    }

    fn first_element(&mut self, bytes: &[u8], at: usize, depth: usize) -> Result<Punctuation, Trouble> {
        let opener = bytes.get(at).copied().unwrap_or_default();
        let last = closer(opener);
        self.found.clear();
        self.head = 0;
        self.open.clear();
        let mut i = at + 1;
        let found = loop {
            i = next_stop(bytes, i);
            let Some(&b) = bytes.get(i) else { return Err(Trouble::Unclosed(i, self.expected(last))) };
            match b {
                b'\'' | b'"' => {
                    i = string(bytes, i)?.after;
                    continue;
                }
                b'#' => {
                    i = line_end(bytes, i);
                    continue;
                }
                b'(' | b'{' | b'[' => {
                    if self.open.len() >= depth {
                        return Err(Trouble::TooDeep(i));
                    }
                    let slot = if b == b'[' { usize::MAX } else { self.found.len() };
                    self.open.push((closer(b), slot));
                    if b != b'[' {
                        self.found.push(0);
                    }
                }
                b',' | b':' => {
                    let mark = if b == b',' { COMMA } else { COLON };
                    match self.open.last() {
                        Some(&(_, slot)) => {
                            if let Some(found) = self.found.get_mut(slot) {
                                *found |= mark;
                            }
                        }
                        None if mark == COMMA || opener == b'{' => break mark,
                        None => {} // not a literal: the decoder will say so
                    }
                }
                _ => match self.open.pop() {
                    Some((expected, _)) if expected == b => {}
                    None if last == b => break 0,
                    Some((expected, _)) => return Err(Trouble::Mismatch(i, expected)),
                    None => return Err(Trouble::Mismatch(i, last)),
                },
            }
            i += 1;
        };
        self.to = if self.found.is_empty() { 0 } else { i };
        Ok(Punctuation(found))
    }

    fn expected(&self, last: u8) -> u8 {
        self.open.last().map_or(last, |(expected, _)| *expected)
    }

    /// Finds the bracket that closes the container whose content begins at `from`, nested at most `depth` levels
    /// more. Gives its index and about how many values were passed.
    pub(super) fn close(&mut self, bytes: &[u8], from: usize, last: u8, depth: usize) -> Result<(usize, u32), Trouble> {
        self.open.clear();
        let (mut i, mut values) = (from, 0u32);
        loop {
            i = next_stop(bytes, i);
            let Some(&b) = bytes.get(i) else { return Err(Trouble::Unclosed(i, self.expected(last))) };
            match b {
                b'\'' | b'"' => {
                    i = string(bytes, i)?.after;
                    continue;
                }
                b'#' => {
                    i = line_end(bytes, i);
                    continue;
                }
                b'(' | b'{' | b'[' => {
                    if self.open.len() >= depth {
                        return Err(Trouble::TooDeep(i));
                    }
                    self.open.push((closer(b), usize::MAX));
                    if b != b'[' {
                        self.pass(i);
                    }
                    values = values.saturating_add(1);
                }
                b',' | b':' => values = values.saturating_add(1),
                _ => match self.open.pop() {
                    Some((expected, _)) if expected == b => {}
                    None if last == b => return Ok((i, values)),
                    Some((expected, _)) => return Err(Trouble::Mismatch(i, expected)),
                    None => return Err(Trouble::Mismatch(i, last)),
                },
            }
            i += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_where_python_ends_them() {
        let long = "x".repeat(200);
        for (text, content, backslash, cr) in [
            ("'', 1", "", false, false),
            ("'abc'", "abc", false, false),
            ("\"it's\"", "it's", false, false),
            (r"'a\'b'", r"a\'b", true, false),
            (r"'a\\'", r"a\\", true, false),
            ("'tab\there'", "tab\there", false, false),
            ("'a\\\nb'", "a\\\nb", true, false),
            ("'a\\\r\nb'", "a\\\r\nb", true, true),
            ("'''a'b''c'''", "a'b''c", false, false),
            ("\"\"\"a\r\nb\"\"\"", "a\r\nb", false, true),
            (r"'''a\''''", r"a\'", true, false),
            (&format!("'{long}\té{long}'"), &format!("{long}\té{long}"), false, false),
            (&format!("'{long}\\n{long}'"), &format!("{long}\\n{long}"), true, false),
        ] {
            let q = string(text.as_bytes(), 0).unwrap();
            assert_eq!((&text[q.start..q.end], q.backslash, q.cr), (content, backslash, cr), "{text}");
        }
        for text in
            ["'", "'abc", "'a\nb'", "'a\rb'", "'\\", "'\\'", "'''a''", "'''", "'''a\\'''", &format!("'{long}\n'")]
        {
            assert_eq!(string(text.as_bytes(), 0), Err(Trouble::Unterminated(0)), "{text:?}");
        }
    }

    #[test]
    fn every_byte_of_a_chunk_is_seen() {
        for at in 0..100 {
            for end in ["'", "\n"] {
                let text = format!("'{}{end}", "é~".repeat(at).chars().take(at).collect::<String>());
                let q = string(text.as_bytes(), 0);
                if end == "'" {
                    assert_eq!(q.unwrap().after, text.len());
                } else {
                    assert!(q.is_err());
                }
            }
        }
    }

    #[test]
    fn the_first_element_decides() {
        for (text, comma, colon) in [
            ("(1)", false, false),
            ("(1,)", true, false),
            ("()", false, false),
            ("(((1,),))", false, false),
            ("(((1,)),)", true, false),
            ("('a,b')", false, false),
            ("([1,2])", false, false),
            ("( # a,b\n 1)", false, false),
            ("{1:2,3:4}", false, true),
            ("{1,2}", true, false),
            ("{(1,2):3}", false, true),
            ("{}", false, false),
        ] {
            let p = Ahead::default().bracket(text.as_bytes(), 0, 200).unwrap();
            assert_eq!((p.comma(), p.colon()), (comma, colon), "{text}");
        }
        for (text, trouble) in [
            ("(1", Trouble::Unclosed(2, b')')),
            ("([1", Trouble::Unclosed(3, b']')),
            ("([1)", Trouble::Mismatch(3, b']')),
            ("(1]", Trouble::Mismatch(2, b')')),
            ("('a", Trouble::Unterminated(1)),
        ] {
            assert_eq!(Ahead::default().bracket(text.as_bytes(), 0, 200), Err(trouble), "{text}");
        }
        assert_eq!(Ahead::default().bracket(b"(((1)))", 0, 1), Err(Trouble::TooDeep(2)));
    }

    #[test]
    fn one_scan_tells_of_all_inner_brackets() {
        let text = b"([(1,),{2:3},(4)],5)";
        let mut ahead = Ahead::default();
        assert!(ahead.bracket(text, 0, 200).unwrap().comma());
        assert_eq!(ahead.to, 17);
        assert!(ahead.bracket(text, 2, 200).unwrap().comma());
        assert!(ahead.bracket(text, 7, 200).unwrap().colon());
        assert!(!ahead.bracket(text, 13, 200).unwrap().comma());
    }

    #[test]
    fn containers_end() {
        let mut ahead = Ahead::default();
        assert_eq!(ahead.close(b"1,[2,'])'],{}] tail", 0, b']', 9), Ok((13, 5)));
        assert_eq!(ahead.close(b"1,(2]", 0, b']', 9), Err(Trouble::Mismatch(4, b')')));
        assert_eq!(ahead.close(b"1", 0, b']', 9), Err(Trouble::Unclosed(1, b']')));
        assert_eq!(ahead.close(b"[[]]]", 0, b']', 1), Err(Trouble::TooDeep(1)));
    }
}
