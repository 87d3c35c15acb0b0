//! The characters that XML 1.0 has, and how the others are called.

use std::borrow::Cow;

/// Whether XML 1.0 has this character.
pub(crate) fn is_legal(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// `U+0001 START OF HEADING`.
pub(crate) fn name(code: u32) -> String {
    const CONTROLS: [&str; 32] = [
        "NULL",
        "START OF HEADING",
        "START OF TEXT",
        "END OF TEXT",
        "END OF TRANSMISSION",
        "ENQUIRY",
        "ACKNOWLEDGE",
        "BELL",
        "BACKSPACE",
        "CHARACTER TABULATION",
        "LINE FEED",
        "LINE TABULATION",
        "FORM FEED",
        "CARRIAGE RETURN",
        "SHIFT OUT",
        "SHIFT IN",
        "DATA LINK ESCAPE",
        "DEVICE CONTROL ONE",
        "DEVICE CONTROL TWO",
        "DEVICE CONTROL THREE",
        "DEVICE CONTROL FOUR",
        "NEGATIVE ACKNOWLEDGE",
        "SYNCHRONOUS IDLE",
        "END OF TRANSMISSION BLOCK",
        "CANCEL",
        "END OF MEDIUM",
        "SUBSTITUTE",
        "ESCAPE",
        "INFORMATION SEPARATOR FOUR",
        "INFORMATION SEPARATOR THREE",
        "INFORMATION SEPARATOR TWO",
        "INFORMATION SEPARATOR ONE",
    ];
    let called = match code {
        0xd800..=0xdbff => "HIGH SURROGATE",
        0xdc00..=0xdfff => "LOW SURROGATE",
        0xfffe | 0xffff => "NONCHARACTER",
        _ => CONTROLS.get(code as usize).copied().unwrap_or_default(),
    };
    format!("U+{code:04X} {called}").trim_end().to_owned()
}

/// What the bytes of a text hold that needs a closer look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Odd {
    /// Nothing.
    None,
    /// Carriage returns, which XML takes for line feeds.
    Returns,
    /// At this byte, a character that XML has not.
    Illegal(usize, char),
}

/// Whether all is ASCII and nothing in it odd: then it is UTF-8, too.
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    let plain = |chunk: &[u8]| {
        chunk.iter().fold(true, |plain, &b| plain & ((0x20..0x80).contains(&b) | (b == b'\n') | (b == b'\t')))
    };
    let (chunks, rest) = bytes.as_chunks::<CHUNK>();
    // The end is tested with what is before it, where there is that much.
    let end = bytes.last_chunk::<CHUNK>().map_or(rest, |end| if rest.is_empty() { rest } else { end });
    chunks.iter().all(|chunk| plain(chunk)) && plain(end)
}

/// Looks through UTF-8. Whole chunks are tested first: that compiles to vector instructions.
pub(crate) fn look(text: &str) -> Odd {
    let mut odd = Odd::None;
    let mut start = 0;
    let (chunks, rest) = text.as_bytes().as_chunks::<CHUNK>();
    for chunk in chunks {
        if may_be_odd(chunk) {
            odd = look_closely(text, start, chunk, odd);
            if matches!(odd, Odd::Illegal(..)) {
                return odd;
            }
        }
        start += CHUNK;
    }
    // The end is tested with what is before it.
    match text.as_bytes().last_chunk() {
        Some(end) if rest.is_empty() || !may_be_odd(end) => odd,
        _ => look_closely(text, start, rest, odd),
    }
}

const CHUNK: usize = 64;

#[inline]
fn may_be_odd(chunk: &[u8; CHUNK]) -> bool {
    chunk.iter().fold(false, |found, &b| found | ((b < 0x20) & (b != b'\n') & (b != b'\t')) | (b == 0xef))
}

fn look_closely(text: &str, start: usize, bytes: &[u8], mut odd: Odd) -> Odd {
    for (at, &b) in bytes.iter().enumerate() {
        match b {
            b'\n' | b'\t' | 0x20..=0xee | 0xf0.. => {}
            b'\r' => odd = Odd::Returns,
            _ => match text.get(start + at..).and_then(|t| t.chars().next()) {
                Some(c) if !is_legal(c) => return Odd::Illegal(start + at, c),
                _ => {}
            },
        }
    }
    odd
}

/// The text with U+FFFD for what XML has not.
pub(crate) fn replaced(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_legal) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if is_legal(c) { c } else { '\u{fffd}' }).collect())
}

/// Makes `\r\n` and `\r` to `\n`, in place, as XML wants it before anything else is read.
pub(crate) fn unify_line_ends(text: &mut Vec<u8>) {
    let Some(first) = memchr::memchr(b'\r', text) else { return };
    let mut from = first;
    let mut to = first;
    while let Some(&b) = text.get(from) {
        if b == b'\r' {
            set(text, to, b'\n');
            to += 1;
            from += 1;
            if text.get(from) == Some(&b'\n') {
                from += 1;
            }
            continue;
        }
        let run = text.get(from..).and_then(|rest| memchr::memchr(b'\r', rest)).unwrap_or(text.len() - from);
        text.copy_within(from..from + run, to);
        from += run;
        to += run;
    }
    text.truncate(to);
}

fn set(text: &mut [u8], at: usize, b: u8) {
    if let Some(slot) = text.get_mut(at) {
        *slot = b;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn illegal_characters_are_found_wherever_they_are() {
        for illegal in ["\0", "\u{1}", "\u{1f}", "\u{fffe}", "\u{ffff}", "\u{b}"] {
            for before in 0..130 {
                let text = format!("{}{illegal}\u{fffd}tail", "x".repeat(before));
                assert_eq!(look(&text), Odd::Illegal(before, illegal.chars().next().unwrap()));
            }
        }
        assert_eq!(look("tab\tfeed\n\u{fffd}\u{feff}\u{7f}\u{80}\u{10ffff}"), Odd::None);
        assert_eq!(look(&format!("{}\r", "é".repeat(100))), Odd::Returns);
        assert_eq!(name(1), "U+0001 START OF HEADING");
        assert_eq!(name(0x1f), "U+001F INFORMATION SEPARATOR ONE");
        assert_eq!(name(0xd83d), "U+D83D HIGH SURROGATE");
        assert_eq!(replaced("a\u{1}b"), "a\u{fffd}b");
    }

    #[test]
    fn what_is_plain_needs_no_look() {
        for len in 0..200 {
            let plain = "\t\n ~x".chars().cycle().take(len).collect::<String>();
            assert!(is_plain(plain.as_bytes()), "{len}");
            for at in 0..len {
                for odd in [0, 8, 0xb, b'\r', 0x1f, 0x80, 0xc3, 0xef, 0xff] {
                    let mut bytes = plain.clone().into_bytes();
                    bytes[at] = odd;
                    assert!(!is_plain(&bytes), "{odd} at {at} of {len}");
                }
            }
        }
    }

    #[test]
    fn line_ends() {
        for (text, expected) in [("", ""), ("ab", "ab"), ("\r", "\n"), ("a\r\nb\rc\nd\r\r\ne\r", "a\nb\nc\nd\n\ne\n")] {
            let mut bytes = text.as_bytes().to_vec();
            unify_line_ends(&mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        }
    }
}
