//! Text, bytes and floats as CPython's `repr` prints them.

use memchr::memchr;
use unicode_general_category::{GeneralCategory, get_general_category};

const HEX: &[u8; 16] = b"0123456789abcdef";

fn push_hex(out: &mut Vec<u8>, prefix: &[u8], code: u32, digits: u32) {
    out.extend_from_slice(prefix);
    for i in (0..digits).rev() {
        out.push(HEX.get((code >> (4 * i) & 15) as usize).copied().unwrap_or_default());
    }
}

// Single quotes, unless that would need escapes and double ones would not.
fn quote_for(v: &[u8]) -> u8 {
    if memchr(b'\'', v).is_some() && memchr(b'"', v).is_none() { b'"' } else { b'\'' }
}

// `str.isprintable` for what is not ASCII.
fn is_printable(c: char) -> bool {
    use GeneralCategory as G;
    !matches!(
        get_general_category(c),
        G::Control
            | G::Format
            | G::Surrogate
            | G::PrivateUse
            | G::Unassigned
            | G::LineSeparator
            | G::ParagraphSeparator
            | G::SpaceSeparator
    )
}

#[inline]
fn is_plain(b: u8) -> bool {
    (b' '..0x7f).contains(&b) && b != b'\\' && b != b'\''
}

/// The length of the plain text that `v` begins with: printable ASCII without backslash and single quote.
#[inline]
fn plain_len(v: &[u8]) -> usize {
    // A chunk at a time without early exit, so that the test becomes a few vector instructions.
    let mut chunks = v.chunks_exact(16);
    let mut done = 0;
    for chunk in &mut chunks {
        if !chunk.iter().fold(true, |ok, b| ok & is_plain(*b)) {
            break;
        }
        done += 16;
    }
    let rest = v.get(done..).unwrap_or_default();
    done + rest.iter().position(|b| !is_plain(*b)).unwrap_or(rest.len())
}

/// Appends `repr(str)`.
#[inline]
pub(super) fn push_str(out: &mut Vec<u8>, v: &str) {
    let plain = plain_len(v.as_bytes());
    if plain == v.len() {
        out.reserve(v.len() + 2);
        out.push(b'\'');
        out.extend_from_slice(v.as_bytes());
        out.push(b'\'');
    } else {
        push_special_str(out, v);
    }
}

#[inline(never)]
fn push_special_str(out: &mut Vec<u8>, v: &str) {
    let quote = quote_for(v.as_bytes());
    out.push(quote);
    let mut rest = v;
    loop {
        let (plain, special) = rest.split_at_checked(plain_len(rest.as_bytes())).unwrap_or((rest, ""));
        out.extend_from_slice(plain.as_bytes());
        let Some(c) = special.chars().next() else { break };
        rest = special.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '\0'..='\x7f' => push_ascii(out, c as u8, quote),
            _ if is_printable(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            _ if c <= '\u{ff}' => push_hex(out, b"\\x", c.into(), 2),
            _ if c <= '\u{ffff}' => push_hex(out, b"\\u", c.into(), 4),
            _ => push_hex(out, b"\\U", c.into(), 8),
        }
    }
    out.push(quote);
}

fn push_ascii(out: &mut Vec<u8>, b: u8, quote: u8) {
    match b {
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        b'\\' => out.extend_from_slice(b"\\\\"),
        _ if b == quote => out.extend_from_slice(&[b'\\', b]),
        b' '..0x7f => out.push(b),
        _ => push_hex(out, b"\\x", b.into(), 2),
    }
}

/// Appends `repr(bytes)`.
pub(super) fn push_bytes(out: &mut Vec<u8>, v: &[u8]) {
    let quote = quote_for(v);
    out.extend_from_slice(&[b'b', quote]);
    let mut rest = v;
    loop {
        let (plain, special) = rest.split_at_checked(plain_len(rest)).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((b, after)) = special.split_first() else { break };
        push_ascii(out, *b, quote);
        rest = after;
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &str, f: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::new();
        f(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    // The right columns are what CPython 3.11.7 prints.
    #[test]
    fn text() {
        for (v, expected) in [
            ("", "''"),
            ("abc", "'abc'"),
            ("it's", "\"it's\""),
            ("say \"hi\"", "'say \"hi\"'"),
            ("it's \"hi\"", r#"'it\'s "hi"'"#),
            ("a\\b\n\r\t\0\x1b\x7f", r"'a\\b\n\r\t\x00\x1b\x7f'"),
            ("héllo € 😀", "'héllo € 😀'"),
            ("\u{80}\u{a0}\u{ad}\u{200b}\u{2028}\u{3000}\u{e000}", r"'\x80\xa0\xad\u200b\u2028\u3000\ue000'"),
            ("\u{e0001}\u{10ffff}", r"'\U000e0001\U0010ffff'"),
            ("0123456789abcdef0123456789abcdef'\"é", "'0123456789abcdef0123456789abcdef\\'\"é'"),
        ] {
            check(expected, |out| push_str(out, v));
        }
    }

    #[test]
    fn bytes() {
        for (v, expected) in [
            (&b""[..], "b''"),
            (b"a'b", "b\"a'b\""),
            (b"a'\"b", r#"b'a\'"b'"#),
            (b"\x00\n\\\x7f\xff~", r"b'\x00\n\\\x7f\xff~'"),
        ] {
            check(expected, |out| push_bytes(out, v));
        }
    }
}
