//! What stands between a string literal's quotes: escapes and newlines.

use std::borrow::Cow;

use memchr::memchr2;

/// What is wrong with an escape, and where: bytes from the start of the content.
pub(super) type Bad = (usize, Cow<'static, str>);

/// The sink of an unescaped literal: text or bytes.
pub(super) trait Unescaped {
    /// Whether `\u`, `\U` and `\N` are escapes.
    const TEXT: bool;
    /// Appends what needs no escape.
    fn plain(&mut self, text: &str);
    /// Appends a number below 512 from an octal escape, or below 256 from a hexadecimal one.
    fn small(&mut self, code: u16);
    /// Appends a character.
    fn char(&mut self, c: char);
}

impl Unescaped for String {
    const TEXT: bool = true;

    fn plain(&mut self, text: &str) {
        self.push_str(text);
    }

    fn small(&mut self, code: u16) {
        // No number that small is a surrogate.
        self.push(char::from_u32(code.into()).unwrap_or_default());
    }

    fn char(&mut self, c: char) {
        self.push(c);
    }
}

impl Unescaped for Vec<u8> {
    const TEXT: bool = false;

    fn plain(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }

    fn small(&mut self, code: u16) {
        self.push((code & 0xff) as u8); // b'\400' is b'\0' in Python
    }

    fn char(&mut self, c: char) {
        self.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Appends `content` with its escapes replaced, or (`raw`) only its newlines made one character.
pub(super) fn unescape(content: &str, raw: bool, out: &mut impl Unescaped) -> Result<(), Bad> {
    let mut rest = content;
    while let Some(i) = memchr2(if raw { b'\r' } else { b'\\' }, b'\r', rest.as_bytes()) {
        let (plain, special) = rest.split_at_checked(i).unwrap_or((rest, ""));
        out.plain(plain);
        let at = content.len() - special.len();
        rest = match special.strip_prefix('\r') {
            Some(after) => {
                out.plain("\n");
                after.strip_prefix('\n').unwrap_or(after)
            }
            None => escape(special.get(1..).unwrap_or_default(), out).map_err(|why| (at, why))?,
        };
    }
    out.plain(rest);
    Ok(())
}

// `s` is what follows the backslash. Gives what follows the escape.
fn escape<'t, O: Unescaped>(s: &'t str, out: &mut O) -> Result<&'t str, Cow<'static, str>> {
    let Some(&b) = s.as_bytes().first() else { return Err("a string cannot end with a single backslash".into()) };
    let after = s.get(1..).unwrap_or_default();
    let simple = match b {
        b'\n' => return Ok(after),
        b'\r' => return Ok(after.strip_prefix('\n').unwrap_or(after)),
        b'\\' | b'\'' | b'"' => b,
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'v' => 0x0b,
        b'0'..=b'7' => {
            let len = s.bytes().take(3).take_while(|d| matches!(d, b'0'..=b'7')).count();
            let (digits, after) = s.split_at_checked(len).unwrap_or((s, ""));
            out.small(digits.bytes().fold(0, |n, d| n * 8 + u16::from(d - b'0')));
            return Ok(after);
        }
        b'x' => {
            let (code, after) = hex(after, 2).ok_or("expected two hexadecimal digits after \\x")?;
            out.small(code as u16);
            return Ok(after);
        }
        b'u' | b'U' if O::TEXT => {
            let (code, after) = if b == b'u' {
                hex(after, 4).ok_or("expected four hexadecimal digits after \\u")?
            } else {
                hex(after, 8).ok_or("expected eight hexadecimal digits after \\U")?
            };
            out.char(character(code)?);
            return Ok(after);
        }
        b'N' if O::TEXT => {
            let (name, after) =
                after.strip_prefix('{').and_then(|s| s.split_once('}')).ok_or("expected {NAME} after \\N")?;
            out.char(named(name)?);
            return Ok(after);
        }
        // Python keeps the backslash of what is no escape.
        _ => {
            out.plain("\\");
            return Ok(s);
        }
    };
    out.small(simple.into());
    Ok(after)
}

fn hex(s: &str, len: usize) -> Option<(u32, &str)> {
    let (digits, after) = s.split_at_checked(len)?;
    // from_str_radix would take a sign.
    let code = digits.bytes().try_fold(0u32, |n, d| Some(n << 4 | char::from(d).to_digit(16)?))?;
    Some((code, after))
}

fn character(code: u32) -> Result<char, Cow<'static, str>> {
    char::from_u32(code).ok_or_else(|| match code {
        0xd800..=0xdfff => format!("the lone surrogate U+{code:04X} cannot be held in text here").into(),
        _ => format!("U+{code:X} is outside Unicode").into(),
    })
}

#[cfg(feature = "unicode-names")]
fn named(name: &str) -> Result<char, Cow<'static, str>> {
    // The crate also takes names with other blanks and hyphens, which Python does not, and counts on a name not
    // beginning with a hyphen.
    let plausible = name.len() <= 100
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-');
    let found = if plausible { unicode_names2::character(name) } else { None };
    found
        .filter(|c| {
            let loose = |s: &str| s.replace([' ', '-'], "").to_ascii_uppercase();
            match unicode_names2::name(*c).map(|n| n.to_string()) {
                // Another name of the same character: an alias.
                Some(own) if loose(&own) != loose(name) => true,
                // Python makes these two kinds of names up, and does not fold their case.
                Some(own) if own.starts_with("CJK UNIFIED IDEOGRAPH-") || own.starts_with("HANGUL SYLLABLE ") => {
                    own == name
                }
                Some(own) => own.eq_ignore_ascii_case(name),
                None => true,
            }
        })
        .ok_or_else(|| format!("no character is named {name:?}").into())
}

#[cfg(not(feature = "unicode-names"))]
fn named(name: &str) -> Result<char, Cow<'static, str>> {
    Err(format!("the escape \\N{{{name}}} needs the feature `unicode-names` of springline-pyro").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &str) -> Result<String, Bad> {
        let mut out = String::new();
        unescape(content, false, &mut out).map(|()| out)
    }

    #[test]
    fn escapes_of_text() {
        for (content, expected) in [
            (r"a\n\t\r\\\'\'", "a\n\t\r\\''"),
            (r"\a\b\f\v", "\x07\x08\x0c\x0b"),
            (r"\0\08\101\400\777", "\0\08A\u{100}\u{1ff}"),
            (r"\x41\xe9", "Aé"),
            (r"\u20ac\U0001f600", "€😀"),
            (r"\d\8\é", r"\d\8\é"),
            ("a\\\nb\\\r\nc\\\rd", "abcd"),
            ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ] {
            assert_eq!(text(content).unwrap(), expected, "{content}");
        }
    }

    #[test]
    fn escapes_of_bytes() {
        let mut out = Vec::new();
        unescape(r"\x00\xff\401\u0041\N{DOT}\q", false, &mut out).unwrap();
        assert_eq!(out, b"\x00\xff\x01\\u0041\\N{DOT}\\q");
    }

    #[test]
    fn raw_content_keeps_its_backslashes() {
        let mut out = String::new();
        unescape("\\n\\x\r\n\\\r.", true, &mut out).unwrap();
        assert_eq!(out, "\\n\\x\n\\\n.");
    }

    #[test]
    fn bad_escapes_say_where_and_why() {
        for (content, at, why) in [
            (r"ab\x4", 2, "two hex"),
            (r"\xg0", 0, "two hex"),
            (r"é\u+123", 2, "four hex"),
            (r"\U0001f60", 0, "eight hex"),
            (r"\U00110000", 0, "outside Unicode"),
            (r"\ud800", 0, "lone surrogate U+D800"),
            (r"\N", 0, "expected {NAME}"),
            (r"\N{DOT", 0, "expected {NAME}"),
            (r"\x4é", 0, "two hex"),
        ] {
            let (place, text) = text(content).unwrap_err();
            assert!(place == at && text.contains(why), "{content}: {text} at {place}");
        }
    }

    #[cfg(feature = "unicode-names")]
    #[test]
    fn names_of_characters() {
        assert_eq!(text(r"\N{EURO SIGN}\N{line feed}\N{HANGUL SYLLABLE GAG}").unwrap(), "€\n각");
        assert_eq!(text(r"\N{CJK UNIFIED IDEOGRAPH-4E00}\N{HYPHEN-MINUS}").unwrap(), "一-");
        for name in [
            "",
            "-",
            "-A",
            "NO SUCH",
            "eurosign",
            "EURO_SIGN",
            "EURO  SIGN",
            "HYPHEN MINUS",
            "é",
            "hangul syllable gag",
        ] {
            assert!(text(&format!("\\N{{{name}}}")).is_err(), "{name}");
        }
        assert!(text(&format!("\\N{{{}}}", "A".repeat(1000))).is_err());
    }

    #[cfg(not(feature = "unicode-names"))]
    #[test]
    fn names_of_characters() {
        let (_, why) = text(r"\N{EURO SIGN}").unwrap_err();
        assert!(why.contains("unicode-names"), "{why}");
    }
}
