//! Pieces of a document that are looked for in its bytes.

/// Text that is as it is, and what follows `end`, which is next. A bracket may begin `]]>`, which text must not have.
#[inline]
pub(super) fn plain_text<'t, const M: usize>(content: &'t [u8], end: &[u8; M]) -> Option<(&'t str, &'t [u8])> {
    let (text, tail) = content.split_at_checked(memchr::memchr3(b'<', b'&', b']', content)?)?;
    let tail = tail.strip_prefix(end)?;
    Some((std::str::from_utf8(text).ok()?, tail))
}

/// A reference to one of the five entities, and what follows it.
#[inline]
pub(super) fn entity(content: &[u8]) -> Option<(char, &[u8])> {
    let name = content.strip_prefix(b"&")?;
    let (c, whole) = match name {
        [b'g', ..] => ('>', &b"gt;"[..]),
        [b'l', ..] => ('<', &b"lt;"[..]),
        [b'a', b'm', ..] => ('&', &b"amp;"[..]),
        [b'a', ..] => ('\'', &b"apos;"[..]),
        _ => ('"', &b"quot;"[..]),
    };
    Some((c, name.strip_prefix(whole)?))
}

/// Puts text with references to the five entities into `out`, as far as `end`. Gives how much there is behind that; nothing
/// where it is not that.
pub(super) fn with_entities<const M: usize>(content: &[u8], end: &[u8; M], out: &mut Vec<u8>) -> Option<usize> {
    out.clear();
    let mut rest = content;
    loop {
        let (text, mark) = rest.split_at_checked(memchr::memchr3(b'<', b'&', b']', rest)?)?;
        if out.is_empty() {
            // For what follows as well, which most often is short.
            out.reserve(text.len() + 32);
        }
        out.extend_from_slice(text);
        if let Some(tail) = mark.strip_prefix(end) {
            return Some(tail.len());
        }
        let (c, tail) = entity(mark)?;
        out.push(u8::try_from(c).ok()?);
        rest = tail;
    }
}

/// What follows a declaration as nearly everybody writes it: the version, and perhaps the encoding.
pub(super) fn usual_declaration(message: &[u8]) -> Option<&[u8]> {
    let rest = message.strip_prefix(b"<?xml version=")?;
    let rest = rest.strip_prefix(b"'1.0'").or_else(|| rest.strip_prefix(b"\"1.0\""))?;
    if let Some(tail) = rest.strip_prefix(b"?>") {
        return Some(tail);
    }
    let (quote, value) = rest.strip_prefix(b" encoding=")?.split_first()?;
    let len = value.iter().take(40).position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'-' | b'.' | b'_'))?;
    let rest = value.get(len..)?.strip_prefix(&[*quote])?;
    if matches!(quote, b'"' | b'\'') { rest.strip_prefix(b"?>") } else { None }
}

/// The number of a reference such as `#65` or `#x41`.
pub(super) fn number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix('#')?;
    let (digits, radix) = match digits.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}
