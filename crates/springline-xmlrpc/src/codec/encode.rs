//! The writer: events as a document.

use num_bigint::BigInt;
use springline_core::{Container, DateTime, Error, ErrorKind, RemoteRef, Result, Sink};

use super::options::{DateStyle, Dialect, NonFinite, WriteOptions};
use super::{chars, date};

/// Writes events as the values of a document, as UTF-8; see [`WriteOptions`] for the forms.
///
/// Needs no lengths beforehand. What XML-RPC has no form for is an [`ErrorKind::Encode`] error; the output then holds the
/// part written so far.
#[derive(Debug)]
pub(crate) struct XmlSink<'o> {
    out: &'o mut Vec<u8>,
    options: &'o WriteOptions,
    state: State,
    // What each open container lies in.
    around: Vec<State>,
    // Whether a type of Apache's namespace was written.
    apache: bool,
}

// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The list of parameters.
    Call,
    /// A parameter.
    Param,
    /// The one value.
    Single,
    Item,
    /// A map's key.
    MapKey,
    MapValue,
    ObjectKey,
    ObjectValue,
    Done,
}

#[cold]
fn no_form(what: &str, instead: &str) -> Error {
    Error::encode(format!("XML-RPC has no form for {what}: {instead}"))
}

#[cold]
fn bad_key(what: &str) -> Error {
    Error::encode(format!("XML-RPC: the names of a struct's members are strings, not {what}"))
}

#[cold]
fn misuse(state: State) -> Error {
    Error::new(
        ErrorKind::Internal,
        match state {
            State::Done => "xmlrpc: a second value after the only one",
            State::ObjectKey => "xmlrpc: a value where an object's next field name belongs",
            State::MapValue | State::ObjectValue => "xmlrpc: a container ends between a key and its value",
            State::Call => "xmlrpc: the parameters of a call are a list",
            _ => "xmlrpc: a key or an end outside its container",
        },
    )
}

impl<'o> XmlSink<'o> {
    /// Appends `<params>` with a list's items in it.
    pub(crate) fn params(out: &'o mut Vec<u8>, options: &'o WriteOptions) -> Self {
        Self { out, options, state: State::Call, around: Vec::new(), apache: false }
    }

    /// Appends one `<value>`.
    pub(crate) fn single(out: &'o mut Vec<u8>, options: &'o WriteOptions) -> Self {
        Self { out, options, state: State::Single, around: Vec::new(), apache: false }
    }

    /// Checks that something whole was written; whether Apache's namespace is used in it.
    pub(crate) fn finish(self) -> Result<bool> {
        match self.state {
            State::Done => Ok(self.apache),
            _ => Err(Error::new(ErrorKind::Internal, "xmlrpc: the value was not written to its end")),
        }
    }

    // Before a value that is no text.
    #[inline]
    fn open(&mut self, what: &str) -> Result<()> {
        match self.state {
            State::Item | State::MapValue | State::ObjectValue | State::Single => Ok(()),
            State::Param => {
                self.out.extend_from_slice(b"<param>");
                Ok(())
            }
            State::MapKey => Err(bad_key(what)),
            state => Err(misuse(state)),
        }
    }

    // After a value.
    #[inline]
    fn close(&mut self) {
        match self.state {
            State::Item => {}
            State::MapValue => {
                self.out.extend_from_slice(b"</member>");
                self.state = State::MapKey;
            }
            State::ObjectValue => {
                self.out.extend_from_slice(b"</member>");
                self.state = State::ObjectKey;
            }
            State::Param => self.out.extend_from_slice(b"</param>"),
            _ => self.state = State::Done,
        }
    }

    #[inline]
    fn simple(&mut self, what: &str, start: &[u8], text: &[u8], end: &[u8]) -> Result<()> {
        self.open(what)?;
        self.out.reserve(start.len() + text.len() + end.len());
        self.out.extend_from_slice(start);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(end);
        self.close();
        Ok(())
    }

    #[inline]
    fn name(&mut self, name: &str) -> Result<()> {
        self.out.reserve(name.len() + 32);
        self.out.extend_from_slice(b"<member><name>");
        push_text(self.out, name).map_err(|e| e.context("a member's name"))?;
        self.out.extend_from_slice(b"</name>");
        Ok(())
    }

    #[cold]
    fn wide(&mut self, v: i64) -> Result<()> {
        let text = itoa::Buffer::new().format(v).to_owned();
        match self.options.dialect {
            Dialect::None => Err(no_form(
                &format!("{v}, which does not fit into 32 bits"),
                "write with Dialect::Plain if the peer reads <i8>, or send a string or a double",
            )),
            Dialect::Plain => self.simple("an integer", b"<value><i8>", text.as_bytes(), b"</i8></value>"),
            Dialect::Apache => {
                self.apache = true;
                self.simple("an integer", b"<value><ex:i8>", text.as_bytes(), b"</ex:i8></value>")
            }
        }
    }

    #[cold]
    fn not_finite(&mut self, v: f64) -> Result<()> {
        let java = match self.options.non_finite {
            NonFinite::Refuse => {
                return Err(no_form(&format!("the number {v}"), "see NonFinite for the words that some peers read"));
            }
            NonFinite::Python => false,
            NonFinite::Java => true,
        };
        let word: &[u8] = match (v.is_nan(), v > 0.0) {
            (true, _) => {
                if java {
                    b"NaN"
                } else {
                    b"nan"
                }
            }
            (false, true) => {
                if java {
                    b"Infinity"
                } else {
                    b"inf"
                }
            }
            (false, false) => {
                if java {
                    b"-Infinity"
                } else {
                    b"-inf"
                }
            }
        };
        self.simple("a float", b"<value><double>", word, b"</double></value>")
    }
}

impl Sink for XmlSink<'_> {
    fn null(&mut self) -> Result<()> {
        match self.options.dialect {
            Dialect::None => {
                self.open("null")?;
                Err(no_form("null", "write with Dialect::Plain (allow_none) if the peer reads <nil/>"))
            }
            Dialect::Plain => self.simple("null", b"<value><nil/>", b"", b"</value>"),
            Dialect::Apache => {
                self.apache = true;
                self.simple("null", b"<value><ex:nil/>", b"", b"</value>")
            }
        }
    }

    fn bool(&mut self, v: bool) -> Result<()> {
        self.simple("a bool", b"<value><boolean>", if v { b"1" } else { b"0" }, b"</boolean></value>")
    }

    #[inline]
    fn i32(&mut self, v: i32) -> Result<()> {
        self.simple("an integer", b"<value><int>", itoa::Buffer::new().format(v).as_bytes(), b"</int></value>")
    }

    #[inline]
    fn i64(&mut self, v: i64) -> Result<()> {
        match i32::try_from(v) {
            Ok(v) => self.i32(v),
            Err(_) => self.wide(v),
        }
    }

    fn big(&mut self, v: &BigInt) -> Result<()> {
        match i64::try_from(v) {
            Ok(v) => self.i64(v),
            Err(_) => Err(no_form("an integer of more than 64 bits", "send it as a string")),
        }
    }

    fn f64(&mut self, v: f64) -> Result<()> {
        if !v.is_finite() {
            return self.not_finite(v);
        }
        self.open("a float")?;
        self.out.extend_from_slice(b"<value><double>");
        push_f64(self.out, v);
        self.out.extend_from_slice(b"</double></value>");
        self.close();
        Ok(())
    }

    #[inline]
    fn str(&mut self, v: &str) -> Result<()> {
        if self.state == State::MapKey {
            self.name(v)?;
            self.state = State::MapValue;
            return Ok(());
        }
        self.open("a string")?;
        self.out.reserve(v.len() + 48);
        self.out.extend_from_slice(b"<value><string>");
        push_text(self.out, v)?;
        self.out.extend_from_slice(b"</string></value>");
        self.close();
        Ok(())
    }

    fn bytes(&mut self, v: &[u8]) -> Result<()> {
        self.open("bytes")?;
        self.out.extend_from_slice(b"<value><base64>");
        push_base64(self.out, v);
        self.out.extend_from_slice(b"</base64></value>");
        self.close();
        Ok(())
    }

    fn datetime(&mut self, v: &DateTime) -> Result<()> {
        self.open("a date")?;
        self.out.extend_from_slice(b"<value><dateTime.iso8601>");
        date::push(self.out, v, self.options.dates == DateStyle::Extended).map_err(Error::encode)?;
        self.out.extend_from_slice(b"</dateTime.iso8601></value>");
        self.close();
        Ok(())
    }

    fn remote(&mut self, v: &RemoteRef) -> Result<()> {
        let _ = v;
        Err(no_form("references to remote objects", "send the URI as a string"))
    }

    fn complex(&mut self, _re: f64, _im: f64) -> Result<()> {
        Err(no_form("complex numbers", "send a list of two numbers"))
    }

    fn begin(&mut self, c: Container<'_>) -> Result<()> {
        if self.state == State::Call {
            let Container::List { .. } = c else { return Err(misuse(State::Call)) };
            self.out.extend_from_slice(b"<params>");
            self.around.push(State::Call);
            self.state = State::Param;
            return Ok(());
        }
        self.open(match c {
            Container::List { .. } => "a list",
            Container::Map { .. } => "a map",
            Container::Object { .. } => "an object",
        })?;
        self.around.push(self.state);
        match c {
            Container::List { .. } => {
                self.out.extend_from_slice(b"<value><array><data>");
                self.state = State::Item;
            }
            Container::Map { .. } => {
                self.out.extend_from_slice(b"<value><struct>");
                self.state = State::MapKey;
            }
            Container::Object { class, .. } => {
                self.out.extend_from_slice(b"<value><struct>");
                self.state = State::ObjectKey;
                if let Some(key) = self.options.class_key {
                    self.key(key)?;
                    self.str(class)?;
                }
            }
        }
        Ok(())
    }

    fn key(&mut self, name: &str) -> Result<()> {
        if self.state != State::ObjectKey {
            return Err(misuse(self.state));
        }
        self.name(name)?;
        self.state = State::ObjectValue;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.out.extend_from_slice(match self.state {
            State::Item => b"</data></array></value>",
            State::MapKey | State::ObjectKey => b"</struct></value>",
            State::Param => b"</params>",
            state => return Err(misuse(state)),
        });
        let Some(around) = self.around.pop() else { return Err(misuse(State::Single)) };
        self.state = around;
        self.close();
        Ok(())
    }
}

/// Appends text with `& < >` and CR as references. Characters that XML has not are errors: nobody could read them.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) -> Result<()> {
    let bytes = text.as_bytes();
    let mut rest = bytes;
    while let Some(at) = find_special(rest) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&special, tail)) = tail.split_first() else { break };
        match special {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'\r' => out.extend_from_slice(b"&#13;"),
            0xef if !matches!(tail, [0xbf, 0xbe | 0xbf, ..]) => out.push(special),
            _ => return Err(illegal(text, bytes.len() - tail.len() - 1)),
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
    Ok(())
}

#[cold]
fn illegal(text: &str, at: usize) -> Error {
    let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    let code = rest.chars().next().map_or(0, u32::from);
    no_form(
        &format!("{} (character {} of a text)", chars::name(code), before.chars().count() + 1),
        "it cannot be in XML; send bytes, which go as base64",
    )
}

// The first byte that cannot stay as it is. Whole chunks are tested first: that compiles to vector instructions.
#[inline]
fn find_special(text: &[u8]) -> Option<usize> {
    let rest = match find_chunk::<32>(text) {
        Ok(found) => return Some(found),
        Err(rest) => text.get(text.len() - rest..).unwrap_or_default(),
    };
    let before = text.len() - rest.len();
    let rest = match find_chunk::<8>(rest) {
        Ok(found) => return Some(before + found),
        Err(rest) => rest,
    };
    // The end is tested with what is before it.
    match text.last_chunk::<8>() {
        Some(end) if !has_special(end) => None,
        _ => {
            let start = text.len() - rest;
            text.get(start..)?.iter().position(|&b| is_special(b)).map(|found| start + found)
        }
    }
}

// The first such byte in whole chunks, or how many bytes are left behind them.
#[inline]
fn find_chunk<const N: usize>(text: &[u8]) -> Result<usize, usize> {
    let (chunks, rest) = text.as_chunks::<N>();
    for (at, chunk) in chunks.iter().enumerate() {
        if has_special(chunk) {
            return Ok(at * N + chunk.iter().position(|&b| is_special(b)).unwrap_or_default());
        }
    }
    Err(rest.len())
}

#[inline]
fn has_special<const N: usize>(chunk: &[u8; N]) -> bool {
    chunk.iter().fold(false, |found, &b| {
        found | ((b < 0x20) & (b != b'\n') & (b != b'\t')) | (b == b'&') | (b == b'<') | (b == b'>') | (b == 0xef)
    })
}

#[inline]
fn is_special(b: u8) -> bool {
    SPECIAL.get(usize::from(b)).copied().unwrap_or_default()
}

// Looked up, where one byte is looked at after the other: sooner than comparing it with each.
static SPECIAL: [bool; 256] = special();

const fn special() -> [bool; 256] {
    let mut special = [false; 256];
    let mut b = 0;
    while b < 256 {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within the bound of the loop")]
        {
            special[b] = matches!(b as u8, 0..=8 | 0xb..=0x1f | b'&' | b'<' | b'>' | 0xef);
        }
        b += 1;
    }
    special
}

fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    // A multiple of three, so that padding comes at the end only.
    const PIECE: usize = 3 * 1024;
    use base64::Engine;
    let mut text = [0; PIECE / 3 * 4];
    out.reserve(bytes.len().div_ceil(3) * 4);
    for piece in bytes.chunks(PIECE) {
        // The buffer has room for a piece: this cannot fail.
        let len = base64::engine::general_purpose::STANDARD.encode_slice(piece, &mut text).unwrap_or_default();
        out.extend_from_slice(text.get(..len).unwrap_or_default());
    }
}

// The shortest digits that read back the same, without an exponent where that takes no more than some 20 of them: the
// specification has none, though everybody reads them.
fn push_f64(out: &mut Vec<u8>, v: f64) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(v);
    let Some((mantissa, exponent)) = text.split_once('e') else {
        out.extend_from_slice(text.as_bytes());
        return;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |m| ("-", m));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = if fraction == "0" { "" } else { fraction };
    out.extend_from_slice(sign.as_bytes());
    match exponent {
        0..20 if fraction.len() <= exponent as usize => {
            out.extend_from_slice(whole.as_bytes());
            out.extend_from_slice(fraction.as_bytes());
            out.extend(std::iter::repeat_n(b'0', exponent as usize - fraction.len()));
            out.extend_from_slice(b".0");
        }
        -20..0 if fraction.len() as i32 - exponent <= 20 => {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', (-exponent - 1) as usize));
            out.extend_from_slice(whole.as_bytes());
            out.extend_from_slice(fraction.as_bytes());
        }
        _ => {
            out.extend_from_slice(whole.as_bytes());
            out.push(b'.');
            out.extend_from_slice(if fraction.is_empty() { b"0" } else { fraction.as_bytes() });
            out.push(b'e');
            out.extend_from_slice(itoa::Buffer::new().format(exponent).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles() {
        for (v, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "10000000000000000.0"),
            (1.2345e18, "1234500000000000000.0"),
            (-1.5e19, "-15000000000000000000.0"),
            (1e20, "1.0e20"),
            (1e300, "1.0e300"),
            (-1.7976931348623157e308, "-1.7976931348623157e308"),
            (1e-5, "0.00001"),
            (1.5e-7, "0.00000015"),
            (-1.25e-10, "-0.000000000125"),
            (1e-20, "0.00000000000000000001"),
            (1e-21, "1.0e-21"),
            (5e-324, "5.0e-324"),
            (2.2250738585072014e-308, "2.2250738585072014e-308"),
            (0.30000000000000004, "0.30000000000000004"),
        ] {
            let mut out = Vec::new();
            push_f64(&mut out, v);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text, expected);
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), v.to_bits());
        }
    }

    #[test]
    fn texts() {
        for (text, expected) in [
            ("", ""),
            ("a<b>&c\r\n\t\"'", "a&lt;b&gt;&amp;c&#13;\n\t\"'"),
            ("]]>", "]]&gt;"),
            ("\u{fffd}\u{feff}\u{10ffff}é", "\u{fffd}\u{feff}\u{10ffff}é"),
        ] {
            for before in [0, 1, 30, 31, 32, 33, 70] {
                let before = "x".repeat(before);
                let mut out = Vec::new();
                push_text(&mut out, &format!("{before}{text}")).unwrap();
                assert_eq!(String::from_utf8(out).unwrap(), format!("{before}{expected}"));
            }
        }
        for (bad, name) in
            [("ab\u{1}", "U+0001 START OF HEADING (character 3"), ("é\u{ffff}", "U+FFFF NONCHARACTER (character 2")]
        {
            let e = push_text(&mut Vec::new(), bad).unwrap_err();
            assert!(e.to_string().contains(name), "{e}");
        }
    }
}
