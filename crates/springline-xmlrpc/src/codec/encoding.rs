//! Character encodings: which one a document is in, and the way to UTF-8 and back.

use std::collections::HashMap;
use std::fmt::Write as _;

use bytes::Buf;
use encoding_rs::DecoderResult;
use springline_core::{Bytes, Error, ErrorKind, Result};

use super::chars::{self, Odd};
use super::problem::{Problem, excerpt, placed};

/// A character encoding, by one of the labels that XML declarations and HTTP headers carry.
///
/// ```
/// use springline_xmlrpc::Encoding;
///
/// assert_eq!(Encoding::for_label("UTF8").unwrap(), Encoding::UTF_8);
/// assert_eq!(Encoding::for_label("latin1").unwrap(), Encoding::LATIN_1);
/// assert_eq!(Encoding::for_label("cp1252").unwrap().name(), "windows-1252");
/// assert!(Encoding::for_label("ebcdic").is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encoding(Repr);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Repr {
    #[default]
    Utf8,
    Ascii,
    Latin1,
    Utf16Le,
    Utf16Be,
    Other(&'static encoding_rs::Encoding),
}

impl Encoding {
    /// UTF-8, the default.
    pub const UTF_8: Self = Self(Repr::Utf8);
    /// US-ASCII: everything else is written as references.
    pub const ASCII: Self = Self(Repr::Ascii);
    /// ISO 8859-1, not to be confused with windows-1252.
    pub const LATIN_1: Self = Self(Repr::Latin1);
    /// UTF-16: little endian with a byte order mark where it is written.
    pub const UTF_16: Self = Self(Repr::Utf16Le);

    /// The encoding of that label, in any case: those of the WHATWG's encoding standard, except that `us-ascii` and
    /// `iso-8859-1` mean what XML means by them and not windows-1252.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an unknown label.
    pub fn for_label(label: &str) -> Result<Self> {
        Self::find(label).ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("unknown encoding '{label}': expected a name such as utf-8"))
        })
    }

    fn find(label: &str) -> Option<Self> {
        const ASCII: &[&str] =
            &["us-ascii", "ascii", "ansi_x3.4-1968", "iso-ir-6", "iso646-us", "us", "ibm367", "cp367"];
        const LATIN_1: &[&str] = &[
            "iso-8859-1",
            "iso8859-1",
            "iso_8859-1",
            "iso88591",
            "latin1",
            "latin-1",
            "l1",
            "iso-ir-100",
            "ibm819",
            "cp819",
            "iso_8859-1:1987",
            "csisolatin1",
        ];
        let label = label.trim();
        let is = |names: &[&str]| names.iter().any(|n| n.eq_ignore_ascii_case(label));
        if is(ASCII) {
            return Some(Self::ASCII);
        }
        if is(LATIN_1) {
            return Some(Self::LATIN_1);
        }
        let found = match () {
            // Python's and Java's names that the standard lacks.
            () if is(&["cp1252"]) => encoding_rs::WINDOWS_1252,
            () if is(&["sjis", "shift-jis", "cp932"]) => encoding_rs::SHIFT_JIS,
            () => encoding_rs::Encoding::for_label(label.as_bytes())?,
        };
        Some(Self(match found {
            e if e == encoding_rs::UTF_8 => Repr::Utf8,
            e if e == encoding_rs::UTF_16LE => Repr::Utf16Le,
            e if e == encoding_rs::UTF_16BE => Repr::Utf16Be,
            e if e == encoding_rs::REPLACEMENT => return None,
            e => Repr::Other(e),
        }))
    }

    /// The name that is written into declarations: `utf-8`, `iso-8859-1`, `windows-1252`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Repr::Utf8 => "utf-8",
            Repr::Ascii => "us-ascii",
            Repr::Latin1 => "iso-8859-1",
            Repr::Utf16Le | Repr::Utf16Be => "utf-16",
            Repr::Other(e) => e.name(),
        }
    }

    fn is_utf_16(self) -> bool {
        matches!(self.0, Repr::Utf16Le | Repr::Utf16Be)
    }

    // UTF-8 as it is; anything else decoded, and never with replacement characters.
    fn decode(self, body: Bytes) -> Result<Bytes> {
        let text = match self.0 {
            Repr::Utf8 => return Ok(body),
            Repr::Ascii => match body.iter().position(|b| !b.is_ascii()) {
                None => return Ok(body),
                Some(at) => return Err(self.illegal(&body, at, 1)),
            },
            Repr::Latin1 => {
                if body.is_ascii() {
                    return Ok(body);
                }
                encoding_rs::mem::decode_latin1(&body).into_owned()
            }
            Repr::Utf16Le => self.decode_with(encoding_rs::UTF_16LE, &body)?,
            Repr::Utf16Be => self.decode_with(encoding_rs::UTF_16BE, &body)?,
            Repr::Other(e) => {
                if e.is_ascii_compatible() && e != encoding_rs::ISO_2022_JP && body.is_ascii() {
                    return Ok(body);
                }
                self.decode_with(e, &body)?
            }
        };
        Ok(Bytes::from(text))
    }

    fn decode_with(self, encoding: &'static encoding_rs::Encoding, body: &[u8]) -> Result<String> {
        const PIECE: usize = 64 * 1024;
        let mut decoder = encoding.new_decoder_without_bom_handling();
        let mut text = String::new();
        let mut at = 0;
        loop {
            let piece = body.get(at..body.len().min(at + PIECE)).unwrap_or_default();
            let last = at + piece.len() == body.len();
            text.reserve(decoder.max_utf8_buffer_length_without_replacement(piece.len()).unwrap_or(PIECE * 3));
            let (result, read) = decoder.decode_to_string_without_replacement(piece, &mut text, last);
            at += read;
            match result {
                DecoderResult::InputEmpty if last => return Ok(text),
                DecoderResult::InputEmpty | DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, after) => {
                    let length = usize::from(length);
                    return Err(self.illegal(body, at.saturating_sub(length + usize::from(after)), length));
                }
            }
        }
    }

    #[cold]
    fn illegal(self, body: &[u8], at: usize, length: usize) -> Error {
        let mut bytes = String::new();
        for b in body.get(at..).unwrap_or_default().iter().take(length.max(1)) {
            let _ = write!(bytes, " {b:02x}");
        }
        let e = Problem::InvalidCharacter.at(at, format!("bytes{bytes} are no character of {}", self.name()));
        // Lines are not told by bytes there.
        if self.is_utf_16() { e } else { placed(e, body) }
    }

    /// Turns what was written as UTF-8 from `start` on into this encoding. What it lacks goes as references.
    pub(super) fn encode(self, out: &mut Vec<u8>, start: usize) -> Result<()> {
        let written = out.get(start..).unwrap_or_default();
        let escapes = matches!(self.0, Repr::Other(e) if e == encoding_rs::ISO_2022_JP);
        if self.0 == Repr::Utf8 || (written.is_ascii() && !self.is_utf_16() && !escapes) {
            return Ok(());
        }
        let text = String::from_utf8(out.split_off(start))
            .map_err(|_| Error::new(ErrorKind::Internal, "what was written is not UTF-8"))?;
        match self.0 {
            Repr::Utf8 => out.extend_from_slice(text.as_bytes()),
            Repr::Ascii => with_references(out, &text, 0x7f),
            Repr::Latin1 => with_references(out, &text, 0xff),
            Repr::Utf16Le | Repr::Utf16Be => {
                out.reserve(text.len() * 2 + 2);
                out.extend_from_slice(&[0xff, 0xfe]);
                out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            }
            Repr::Other(e) => {
                let (bytes, _, lacks) = e.encode(&text);
                let comes_back = |bytes: &[u8], text: &str| {
                    e.decode_without_bom_handling_and_without_replacement(bytes).is_some_and(|back| back == text)
                };
                if !lacks && comes_back(&bytes, &text) {
                    out.extend_from_slice(&bytes);
                    return Ok(());
                }
                // The standard's encoders write references for what they lack. But the Japanese ones also write some
                // characters as others that look like them: those go as references too.
                let mut known = HashMap::new();
                let mut kept = String::with_capacity(text.len());
                for c in text.chars() {
                    let good = c.is_ascii()
                        || *known.entry(c).or_insert_with(|| {
                            let alone = c.to_string();
                            let (bytes, _, lacks) = e.encode(&alone);
                            !lacks && comes_back(&bytes, &alone)
                        });
                    if good {
                        kept.push(c);
                    } else {
                        let _ = write!(kept, "&#{};", u32::from(c));
                    }
                }
                out.extend_from_slice(&e.encode(&kept).0);
            }
        }
        Ok(())
    }
}

fn with_references(out: &mut Vec<u8>, text: &str, most: u32) {
    out.reserve(text.len());
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(b) if u32::from(c) <= most => out.push(b),
            _ => {
                out.extend_from_slice(b"&#");
                out.extend_from_slice(itoa::Buffer::new().format(u32::from(c)).as_bytes());
                out.push(b';');
            }
        }
    }
}

/// Brings a document to UTF-8 without a byte order mark and with `\n` at the ends of lines, and refuses characters that
/// XML has not.
///
/// The encoding is that of the byte order mark, else of the declaration, else `charset`, else UTF-8. UTF-8 with `\n` stays
/// where it is; other line ends are changed in place where nobody else holds the buffer; other encodings are copied once.
pub(super) fn to_utf8(mut body: Bytes, charset: Option<&str>, lenient_chars: bool) -> Result<Bytes> {
    let (encoding, skip) = detect(&body, charset)?;
    body.advance(skip);
    let body = encoding.decode(body)?;
    if chars::is_plain(&body) {
        return Ok(body);
    }
    let text = match std::str::from_utf8(&body) {
        Ok(text) => text,
        Err(e) => return Err(encoding.illegal(&body, e.valid_up_to(), e.error_len().unwrap_or(4))),
    };
    let odd = match chars::look(text) {
        Odd::Illegal(at, c) if !lenient_chars => {
            let e = Problem::InvalidCharacter.at(at, format!("{} cannot be in XML", chars::name(c.into())));
            return Err(placed(e, &body));
        }
        Odd::Illegal(..) => memchr::memchr(b'\r', &body).map_or(Odd::None, |_| Odd::Returns),
        odd => odd,
    };
    if odd != Odd::Returns {
        return Ok(body);
    }
    let mut bytes = Vec::from(body);
    chars::unify_line_ends(&mut bytes);
    Ok(Bytes::from(bytes))
}

// The encoding, and how long its byte order mark is.
fn detect(body: &[u8], charset: Option<&str>) -> Result<(Encoding, usize)> {
    match *body {
        [0xef, 0xbb, 0xbf, ..] => return Ok((Encoding::UTF_8, 3)),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [b'<', 0, 0, 0, ..] | [0, 0, 0, b'<', ..] => {
            return Err(Problem::UnsupportedEncoding.at(0, "UTF-32 is not supported: send UTF-8"));
        }
        [0xff, 0xfe, ..] => return Ok((Encoding(Repr::Utf16Le), 2)),
        [0xfe, 0xff, ..] => return Ok((Encoding(Repr::Utf16Be), 2)),
        [b'<', 0, _, 0, ..] => return Ok((Encoding(Repr::Utf16Le), 0)),
        [0, b'<', 0, _, ..] => return Ok((Encoding(Repr::Utf16Be), 0)),
        _ => {}
    }
    let unknown = |at: usize, label: &str| {
        Problem::UnsupportedEncoding.at(at, format!("unknown encoding {}: send UTF-8", excerpt(label)))
    };
    let (encoding, at) = match (declared(body), charset.map(|c| c.trim_matches([' ', '\t', '"', '\'']))) {
        (Some((label, at)), _) => (Encoding::find(label).ok_or_else(|| unknown(at, label))?, at),
        (None, Some(label)) if !label.is_empty() => (Encoding::find(label).ok_or_else(|| unknown(0, label))?, 0),
        _ => (Encoding::UTF_8, 0),
    };
    if encoding.is_utf_16() {
        return Err(Problem::UnsupportedEncoding.at(at, "the document is said to be UTF-16, but its bytes are not"));
    }
    Ok((encoding, 0))
}

// The encoding's label in the declaration, and where it is. Blanks before are forgiven here; the reader refuses them where
// it has to.
fn declared(body: &[u8]) -> Option<(&str, usize)> {
    // Nearly all that say nothing of it.
    if body.starts_with(b"<?xml version='1.0'?>") || body.starts_with(b"<?xml version=\"1.0\"?>") {
        return None;
    }
    let blanks = body.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let declaration = body.get(blanks..)?.strip_prefix(b"<?xml")?;
    let start = blanks + 5;
    let mut ends = memchr::memchr_iter(b'>', declaration);
    let end = ends.find_map(|at| at.checked_sub(1).filter(|at| declaration.get(*at) == Some(&b'?')))?;
    let declaration = declaration.get(..end)?;
    let mut from = 0;
    loop {
        let at = from + memchr::memmem::find(declaration.get(from..)?, b"encoding")?;
        let rest = declaration.get(at + 8..)?;
        let before = declaration.get(..at)?.last().copied().unwrap_or_default();
        let value = rest.trim_ascii_start().strip_prefix(b"=").map(<[u8]>::trim_ascii_start);
        if let (Some([quote @ (b'"' | b'\''), value @ ..]), true) = (value, before.is_ascii_whitespace()) {
            let label = value.get(..memchr::memchr(*quote, value)?)?;
            let label_at = start + declaration.len() - value.len();
            return std::str::from_utf8(label).ok().map(|label| (label, label_at));
        }
        from = at + 8;
    }
}
