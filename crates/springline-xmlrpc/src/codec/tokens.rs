//! XML as a stream of tags and text: quick-xml's events, and the checks that quick-xml leaves to its user.
//!
//! quick-xml 0.42 finds tags, text and references. It accepts declarations and DOCTYPEs anywhere, any reference, text and
//! elements after the root, elements that are still open at the end. Here comments and processing instructions are passed
//! over, the rest is refused, and the names of elements become [`Tag`]s. Characters and line ends were seen to before, for
//! the whole document at once (see `encoding.rs`). That elements end in order is checked by who asks for tags: XML-RPC's
//! grammar says which one may end where.
//!
//! Nearly all tags of nearly all documents are written in one way: `<value>`, `</value>`. Where a tag that may come is there
//! letter by letter, it is taken by comparing bytes ([`Tokens::start`], [`Tokens::end`], [`Tokens::element`]), which costs
//! a tenth of an event; other tags of XML-RPC that have nothing but their name, text and the five entities are read here
//! too. Whatever else is there, attributes, comments or references by number, goes through quick-xml, which is not even made
//! before something of that kind comes.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use springline_core::{Error, Result};

use super::attributes::{Attributes, is_name};
use super::chars;
use super::element::{APACHE, Element, Tag};
use super::pieces::{entity, number, plain_text, usual_declaration, with_entities};
use super::problem::{Problem, excerpt};

/// One piece of a document.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token<'de> {
    Start(Tag),
    /// `<name/>`.
    Empty(Tag),
    End(Tag),
    /// Text as it is; from a CDATA section too.
    Text(&'de str),
    /// What a reference stands for.
    Char(char),
    Eof,
}

#[derive(Clone, Debug)]
struct Declared<'de> {
    prefix: &'de str,
    apache: bool,
    depth: u32,
}

/// The pieces of a document, one after the other.
#[derive(Debug)]
pub(super) struct Tokens<'de> {
    message: &'de [u8],
    // What was not read yet.
    rest: &'de [u8],
    // Made when it is needed.
    reader: Option<Box<Reader<&'de [u8]>>>,
    // Whether quick-xml has read text, and knows what ended it.
    amid: bool,
    // Where the last token began.
    at: usize,
    // Elements that are open.
    depth: u32,
    // Namespaces that are declared; hardly ever any.
    declared: Vec<Declared<'de>>,
    // Name of the open element that has a prefix. There is at most one: only scalars have any.
    prefixed: &'de str,
    lenient_chars: bool,
    // Start tags that quick-xml has noted and whose ends it may not get to see.
    noted: u32,
}

// Bytes of the longest name that an element has here: `dateTime.iso8601`.
const LONGEST: usize = 16;
// From so many on quick-xml's notes are thrown away.
const MOST_NOTED: u32 = 1024;

// How the root element is written as a rule.
const ROOTS: [(&[u8], Element); 2] =
    [(b"<methodCall>", Element::MethodCall), (b"<methodResponse>", Element::MethodResponse)];

fn blank(b: u8) -> bool {
    matches!(b, b' ' | b'\n' | b'\t' | b'\r')
}

fn blank_char(c: char) -> bool {
    matches!(c, ' ' | '\n' | '\t' | '\r')
}

pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(blank)
}

impl<'de> Tokens<'de> {
    pub(super) fn new(message: &'de [u8], lenient_chars: bool) -> Self {
        Self::at_tag(message, 0, 0, lenient_chars)
    }

    /// From a position on where so many elements are open.
    #[inline(always)]
    pub(super) fn at_tag(message: &'de [u8], position: usize, depth: u32, lenient_chars: bool) -> Self {
        Self {
            message,
            rest: message.get(position..).unwrap_or_default(),
            reader: None,
            amid: false,
            at: position,
            depth,
            declared: Vec::new(),
            prefixed: "",
            lenient_chars,
            noted: 0,
        }
    }

    /// Where the next token begins.
    #[inline]
    pub(super) fn position(&self) -> usize {
        self.message.len() - self.rest.len()
    }

    /// Where the next token begins that is no blank.
    pub(super) fn next_position(&self) -> usize {
        self.position() + self.rest.iter().take_while(|b| blank(**b)).count()
    }

    /// Where the last token began.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Elements that are open.
    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    /// Goes to another position, where so many elements are open.
    pub(super) fn seek(&mut self, position: usize, depth: u32) {
        self.at = position;
        self.rest = self.message.get(position..).unwrap_or_default();
        self.restart();
        self.depth = depth;
        self.prefixed = "";
        self.declared.retain(|d| d.depth <= depth);
    }

    // quick-xml begins anew.
    fn restart(&mut self) {
        self.reader = None;
        self.amid = false;
        self.noted = 0;
    }

    /// Whether no namespaces were declared.
    pub(super) fn is_plain(&self) -> bool {
        self.declared.is_empty()
    }

    /// The first two bytes of what comes next.
    #[inline]
    pub(super) fn next_two(&self) -> [u8; 2] {
        self.rest.first_chunk().copied().unwrap_or_default()
    }

    /// Takes a start tag if it is the next thing, in just these letters. The last token was a tag.
    #[inline]
    pub(super) fn start<const N: usize>(&mut self, tag: &[u8; N]) -> bool {
        let at = self.position();
        let Some(tail) = self.rest.strip_prefix(tag) else { return false };
        self.rest = tail;
        self.at = at;
        self.depth += 1;
        true
    }

    /// Takes an end tag if it is the next thing, in just these letters. The last token was a tag.
    #[inline]
    pub(super) fn end<const N: usize>(&mut self, tag: &[u8; N]) -> bool {
        if !self.declared.is_empty() {
            return false;
        }
        let at = self.position();
        let Some(tail) = self.rest.strip_prefix(tag) else { return false };
        self.rest = tail;
        self.at = at;
        self.depth = self.depth.wrapping_sub(1);
        true
    }

    /// Takes a whole element if it is the next thing, with its tags in just these letters and plain text in it. The last
    /// token was a tag.
    #[inline]
    pub(super) fn element<const N: usize, const M: usize>(
        &mut self,
        start: &[u8; N],
        end: &[u8; M],
    ) -> Option<&'de str> {
        let at = self.position();
        let (text, tail) = plain_text(self.rest.strip_prefix(start)?, end)?;
        self.rest = tail;
        self.at = at;
        Some(text)
    }

    /// The same for an element that is not empty.
    pub(super) fn filled<const N: usize, const M: usize>(
        &mut self,
        start: &[u8; N],
        end: &[u8; M],
    ) -> Option<&'de str> {
        let content = self.rest.strip_prefix(start)?;
        if content.starts_with(b"<") { None } else { self.element(start, end) }
    }

    /// Takes plain text and the end tag after it, if that is there in just these letters. The last token was a tag.
    #[inline]
    pub(super) fn text<const M: usize>(&mut self, end: &[u8; M]) -> Option<&'de str> {
        if !self.declared.is_empty() {
            return None;
        }
        let at = self.position();
        let (text, tail) = plain_text(self.rest, end)?;
        self.rest = tail;
        self.at = at;
        self.depth = self.depth.wrapping_sub(1);
        Some(text)
    }

    /// Takes text with references to the five entities in it, and the end tag after it in just these letters, and puts the
    /// text into `out`. Where it is not that, nothing is taken. The last token was a tag.
    pub(super) fn text_with_entities<const M: usize>(&mut self, end: &[u8; M], out: &mut String) -> bool {
        if !self.declared.is_empty() {
            return false;
        }
        let mut bytes = std::mem::take(out).into_bytes();
        let Some(left) = with_entities(self.rest, end, &mut bytes) else {
            // What follows begins anew, in the same buffer.
            bytes.clear();
            *out = String::from_utf8(bytes).unwrap_or_default();
            return false;
        };
        // Looked at once, not piece by piece.
        let Ok(text) = String::from_utf8(bytes) else { return false };
        *out = text;
        self.at = self.message.len() - left - M;
        self.rest = self.message.get(self.message.len() - left..).unwrap_or_default();
        self.depth = self.depth.wrapping_sub(1);
        true
    }

    /// Passes over blanks that stand between elements.
    #[inline]
    pub(super) fn skip_blanks(&mut self) {
        while let [b' ' | b'\n' | b'\t', tail @ ..] = self.rest {
            self.rest = tail;
        }
    }

    // A tag of XML-RPC that is its name and nothing else.
    #[inline]
    fn plain_tag(&mut self) -> Option<Token<'de>> {
        // Where namespaces are declared, each end tag may end what they are good for.
        if self.amid || !self.declared.is_empty() {
            return None;
        }
        let (is_end, tag) = match self.rest {
            [b'<', b'/', tag @ ..] => (true, tag),
            [b'<', tag @ ..] => (false, tag),
            _ => return None,
        };
        let end = tag.iter().take(LONGEST + 1).position(|b| *b == b'>')?;
        let (name, tail) = tag.split_at_checked(end)?;
        let name = Element::of(name);
        if name == Element::Other {
            return None;
        }
        self.at = self.position();
        self.rest = tail.get(1..)?;
        let tag = Tag::plain(name);
        if is_end {
            self.depth = self.depth.wrapping_sub(1);
            return Some(Token::End(tag));
        }
        self.depth += 1;
        Some(Token::Start(tag))
    }

    // quick-xml's next event.
    fn event(&mut self) -> std::result::Result<Event<'de>, quick_xml::Error> {
        let reader = self.reader.get_or_insert_with(|| Box::new(reader_inside()));
        *reader.get_mut() = self.rest;
        let event = reader.read_event();
        self.rest = reader.get_ref();
        self.amid = matches!(event, Ok(Event::Text(_)));
        event
    }

    /// The next token.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Token<'de>> {
        match self.plain_tag().or_else(|| self.plain_piece()) {
            Some(token) => Ok(token),
            None => self.other(),
        }
    }

    // Text as far as the next tag or reference, or one of the five entities.
    fn plain_piece(&mut self) -> Option<Token<'de>> {
        if self.amid {
            return None;
        }
        let at = self.position();
        let (token, tail) = match self.rest {
            rest @ [b'&', ..] => {
                let (c, tail) = entity(rest)?;
                (Token::Char(c), tail)
            }
            [b'<', ..] | [] => return None,
            rest => {
                let (text, tail) = plain_text(rest, b"").filter(|(_, tail)| !tail.starts_with(b"]"))?;
                (Token::Text(text), tail)
            }
        };
        self.at = at;
        self.rest = tail;
        Some(token)
    }

    // The next token, whatever it is.
    fn other(&mut self) -> Result<Token<'de>> {
        loop {
            if self.noted > MOST_NOTED {
                self.forget_notes();
            }
            self.at = self.position();
            return Ok(match self.event() {
                Ok(Event::Start(e)) => {
                    self.depth += 1;
                    self.noted += 1;
                    Token::Start(self.tag(&e)?)
                }
                Ok(Event::End(e)) => {
                    self.noted = self.noted.saturating_sub(1);
                    let name = e.name();
                    let name: &str = name.as_ref();
                    let mut tag = Tag::plain(Element::of(name.as_bytes()));
                    if tag.name == Element::Other {
                        tag = self.end_with_prefix(name)?;
                    }
                    self.depth = self.depth.wrapping_sub(1);
                    let depth = self.depth;
                    self.declared.retain(|d| d.depth <= depth);
                    Token::End(tag)
                }
                Ok(Event::Text(e)) => match e.into_inner() {
                    std::borrow::Cow::Borrowed(text) => {
                        if memchr::memchr(b']', text.as_bytes()).is_some() {
                            self.no_section_end(text)?;
                        }
                        Token::Text(text)
                    }
                    std::borrow::Cow::Owned(_) => return Err(self.not_borrowed()),
                },
                Ok(Event::Empty(e)) => {
                    self.depth += 1;
                    let tag = self.tag(&e)?;
                    self.depth -= 1;
                    let depth = self.depth;
                    self.declared.retain(|d| d.depth <= depth);
                    Token::Empty(tag)
                }
                Ok(Event::CData(e)) => match e.into_inner() {
                    std::borrow::Cow::Borrowed(text) => Token::Text(text),
                    std::borrow::Cow::Owned(_) => return Err(self.not_borrowed()),
                },
                Ok(Event::GeneralRef(e)) => Token::Char(self.reference(&e)?),
                Ok(Event::Comment(_)) => continue,
                Ok(Event::PI(e)) => {
                    self.instruction(e.target())?;
                    continue;
                }
                Ok(Event::Eof) => Token::Eof,
                Ok(Event::Decl(_)) => return Err(self.late_declaration()),
                Ok(Event::DocType(_)) => {
                    return Err(Problem::NotWellFormed.at(self.at, "a DOCTYPE can only stand before the root element"));
                }
                Err(e) => return Err(self.wrong(&e)),
            });
        }
    }

    /// The next token where only elements may stand: blanks between them are passed over.
    #[inline]
    pub(super) fn markup(&mut self) -> Result<Token<'de>> {
        loop {
            self.skip_blanks();
            match self.next()? {
                // After a comment.
                Token::Text(text) if is_blank(text) && !self.is_section() => {}
                token => return Ok(token),
            }
        }
    }

    /// Takes the end tag of `name`, past blanks.
    #[inline]
    pub(super) fn expect_end(&mut self, name: Element) -> Result<()> {
        match self.markup()? {
            Token::End(tag) if tag == Tag::plain(name) => Ok(()),
            other => Err(self.not_ended(other, name)),
        }
    }

    #[cold]
    fn not_ended(&self, found: Token<'de>, name: Element) -> Error {
        self.unexpected(found, &format!("</{}>", name.text()))
    }

    /// The root element, past the declaration, a DOCTYPE, comments and blanks.
    pub(super) fn root(&mut self, lenient_start: bool, strict_doctype: bool) -> Result<Token<'de>> {
        let mut first = true;
        let mut doctype = false;
        loop {
            if !first || lenient_start {
                self.skip_blanks();
            }
            let tail = if first { usual_declaration(self.rest) } else { None };
            if let Some(tail) = tail {
                self.rest = tail;
                self.skip_blanks();
                first = false;
            }
            for (tag, name) in ROOTS {
                if !self.amid && self.rest.starts_with(tag) {
                    self.at = self.position();
                    self.rest = self.rest.get(tag.len()..).unwrap_or_default();
                    self.depth += 1;
                    return Ok(Token::Start(Tag::plain(name)));
                }
            }
            if first {
                // This one passes over a byte order mark.
                self.reader = Some(Box::new(reader(self.rest)));
            }
            self.at = self.position();
            match self.event() {
                Ok(Event::Decl(e)) if first => self.declaration(&e)?,
                Ok(Event::DocType(e)) if !doctype => {
                    doctype = true;
                    self.doctype(&e, strict_doctype)?;
                }
                Ok(Event::Text(e)) if is_blank(&e) => {}
                Ok(Event::Comment(_)) => {}
                Ok(Event::PI(e)) => self.instruction(e.target())?,
                Ok(Event::Start(e)) => {
                    self.depth += 1;
                    return self.tag(&e).map(Token::Start);
                }
                Ok(Event::Empty(e)) => return self.tag(&e).map(Token::Empty),
                Ok(Event::Eof) => {
                    return Err(Problem::NotWellFormed.at(self.at, "expected a document, found nothing but its end"));
                }
                Ok(Event::Decl(_)) => return Err(self.late_declaration()),
                Ok(Event::DocType(_)) => return Err(Problem::NotWellFormed.at(self.at, "a second DOCTYPE")),
                Ok(_) => {
                    return Err(Problem::NotWellFormed.at(self.at, "expected '<' and the root element, found text"));
                }
                Err(e) => return Err(self.wrong(&e)),
            }
            first = false;
        }
    }

    /// Checks that nothing but blanks and comments comes after the root element.
    pub(super) fn finish(&mut self) -> Result<()> {
        if self.rest.iter().copied().all(blank) {
            return Ok(());
        }
        loop {
            match self.next()? {
                Token::Eof => return Ok(()),
                Token::Text(text) if is_blank(text) && !self.is_section() => {}
                Token::Start(_) | Token::Empty(_) => {
                    return Err(Problem::NotWellFormed.at(self.at, "a second element after the root element"));
                }
                Token::End(_) => return Err(Problem::NotWellFormed.at(self.at, "an end tag after the root element")),
                Token::Text(_) | Token::Char(_) => {
                    return Err(Problem::NotWellFormed.at(self.at, "text after the root element"));
                }
            }
        }
    }

    // quick-xml notes the names of start tags until it meets their ends.
    #[cold]
    fn forget_notes(&mut self) {
        // Between text and tag it knows that a tag comes.
        if self.rest.starts_with(b"<") {
            self.restart();
        }
    }

    // Whether the last token was a CDATA section.
    fn is_section(&self) -> bool {
        self.message.get(self.at) == Some(&b'<')
    }

    #[inline]
    fn tag(&mut self, e: &BytesStart<'de>) -> Result<Tag> {
        let name = e.name();
        let name: &str = name.as_ref();
        let text: &str = e;
        if text.len() != name.len() {
            self.attributes(e, name.len())?;
        }
        match Element::of(name.as_bytes()) {
            Element::Other => self.start_with_prefix(name.len()),
            name => Ok(Tag::plain(name)),
        }
    }

    // A piece of the message.
    fn piece(&self, from: usize, len: usize) -> &'de str {
        let bytes = self.message.get(from..from + len).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    #[cold]
    fn start_with_prefix(&mut self, len: usize) -> Result<Tag> {
        let full = self.piece(self.at + 1, len);
        let (prefix, local) = full.split_once(':').unwrap_or(("", full));
        let declared = self.declared.iter().rev().find(|d| d.prefix == prefix);
        let apache = declared.map_or(prefix == "ex", |d| d.apache);
        if !apache {
            let what = match (prefix, Element::of(local.as_bytes())) {
                ("", _) => return Ok(Tag::plain(Element::Other)),
                (_, Element::Other) => return Ok(Tag { name: Element::Other, prefixed: true }),
                (_, name) => name.text(),
            };
            return Err(Problem::NotXmlRpc
                .at(self.at, format!("<{}> is no <{what}> of XML-RPC: its namespace is another", shown(full))));
        }
        match Element::of_apache(local.as_bytes()) {
            Some(name) if prefix.is_empty() => Ok(Tag::plain(name)),
            Some(name) => {
                self.prefixed = full;
                Ok(Tag { name, prefixed: true })
            }
            None => Ok(Tag { name: Element::Other, prefixed: true }),
        }
    }

    #[cold]
    fn end_with_prefix(&mut self, full: &str) -> Result<Tag> {
        if full == self.prefixed {
            self.prefixed = "";
            let local = full.split_once(':').map_or(full, |(_, local)| local);
            if let Some(name) = Element::of_apache(local.as_bytes()) {
                return Ok(Tag { name, prefixed: true });
            }
        }
        // Not `dateTime` in Apache's namespace by default?
        if full == "dateTime" && self.declared.iter().rev().find(|d| d.prefix.is_empty()).is_some_and(|d| d.apache) {
            return Ok(Tag::plain(Element::ApacheDateTime));
        }
        Ok(Tag::plain(Element::Other))
    }

    // The name of the element has so many bytes.
    #[cold]
    fn attributes(&mut self, e: &BytesStart<'de>, name: usize) -> Result<()> {
        // What quick-xml gives does not live as long as the message.
        let whole = self.piece(self.at + 1, e.len());
        let (name, rest) = whole.split_at_checked(name).unwrap_or((whole, ""));
        let mut attributes = Attributes::new(rest);
        loop {
            let (key, value) = match attributes.next() {
                Ok(Some(attribute)) => attribute,
                Ok(None) => return Ok(()),
                Err(what) => {
                    let text = format!("bad attributes in <{}>: {what}", shown(name));
                    return Err(Problem::NotWellFormed.at(self.at, text));
                }
            };
            let mut rest = value;
            while let Some((_, tail)) = rest.split_once('&') {
                let Some((name, tail)) = tail.split_once(';') else {
                    return Err(Problem::NotWellFormed.at(self.at, "'&' without a reference in an attribute"));
                };
                self.resolve(name)?;
                rest = tail;
            }
            let prefix = match key.strip_prefix("xmlns") {
                Some("") => "",
                Some(rest) => match rest.strip_prefix(':') {
                    Some(prefix) => prefix,
                    None => continue,
                },
                None => continue,
            };
            let depth = self.depth;
            self.declared.push(Declared { prefix, apache: value == APACHE, depth });
        }
    }

    // What a reference in text stands for.
    fn reference(&mut self, name: &str) -> Result<char> {
        Ok(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => match number(name) {
                Some(high @ 0xd800..0xdc00) => self.pair(high)?,
                _ => self.resolve(name)?,
            },
        })
    }

    // Joins a high surrogate with the low one that has to follow: Apache ws-xmlrpc writes characters beyond U+FFFF so.
    #[cold]
    fn pair(&mut self, high: u32) -> Result<char> {
        let low = match self.rest.starts_with(b"&#").then(|| self.event()) {
            Some(Ok(Event::GeneralRef(low))) => number(&low),
            _ => None,
        };
        match low {
            Some(low @ 0xdc00..0xe000) => {
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                char::from_u32(code).ok_or_else(|| self.lone(high))
            }
            _ => Err(self.lone(high)),
        }
    }

    #[cold]
    fn lone(&self, code: u32) -> Error {
        Problem::NotWellFormed.at(self.at, format!("{} without its other half", chars::name(code)))
    }

    // Checks a reference that is no surrogate; the five entities are known to the caller.
    fn resolve(&self, name: &str) -> Result<char> {
        let code = match name {
            "lt" | "gt" | "amp" | "quot" | "apos" => return Ok('&'),
            _ => number(name),
        };
        let Some(code) = code else {
            let what = if name.starts_with('#') {
                format!("&{}; is no character reference", shown(name))
            } else {
                format!("unknown entity &{};: only &lt; &gt; &amp; &quot; and &apos; are known", shown(name))
            };
            return Err(Problem::NotWellFormed.at(self.at, what));
        };
        match char::from_u32(code) {
            Some(c) if chars::is_legal(c) || self.lenient_chars => Ok(c),
            Some(_) => Err(Problem::NotWellFormed.at(self.at, format!("{} cannot be in XML", chars::name(code)))),
            None if (0xd800..0xe000).contains(&code) => Err(self.lone(code)),
            None => Err(Problem::NotWellFormed.at(self.at, format!("&{}; is beyond the last character", shown(name)))),
        }
    }

    fn declaration(&self, e: &str) -> Result<()> {
        let wrong = |what: &str| {
            Problem::NotWellFormed.at(
                self.at,
                format!("bad XML declaration: {what}; expected <?xml version=\"1.0\" encoding=\"utf-8\"?>"),
            )
        };
        let mut attributes = Attributes::new(e.get(3..).unwrap_or_default());
        let mut seen = 0;
        while let Some((key, value)) = attributes.next().map_err(|what| wrong(&what))? {
            let place = match key {
                "version" if matches!(value, "1.0" | "1.1") => 1,
                "version" => return Err(wrong(&format!("version {}", excerpt(value)))),
                "encoding" => 2,
                "standalone" if matches!(value, "yes" | "no") => 3,
                other => return Err(wrong(&format!("unknown word '{}'", shown(other)))),
            };
            if place <= seen || (seen == 0 && place != 1) {
                return Err(wrong("its parts are out of order"));
            }
            seen = place;
        }
        if seen == 0 { Err(wrong("no version")) } else { Ok(()) }
    }

    fn doctype(&self, content: &str, strict: bool) -> Result<()> {
        let what = match content.trim_ascii() {
            _ if strict => "a DOCTYPE, which XML-RPC has no use for",
            name if is_name(name) && self.message.get(self.at + 9).is_some_and(|b| blank(*b)) => return Ok(()),
            name if memchr::memchr(b'[', name.as_bytes()).is_some() => "a DOCTYPE with declarations",
            name if name.contains(blank_char) => "a DOCTYPE with an external identifier",
            _ => return Err(Problem::NotWellFormed.at(self.at, "a DOCTYPE with a name it cannot have")),
        };
        Err(Problem::NotXmlRpc.at(self.at, format!("{what}: refused")))
    }

    fn instruction(&self, target: &str) -> Result<()> {
        if !is_name(target) || target.eq_ignore_ascii_case("xml") {
            return Err(Problem::NotWellFormed.at(self.at, "a processing instruction with a name it cannot have"));
        }
        Ok(())
    }

    #[cold]
    fn late_declaration(&self) -> Error {
        let text = if self.message.get(..self.at).is_some_and(|before| before.iter().copied().all(blank)) {
            "blanks before the XML declaration, which has to be the first"
        } else {
            "an XML declaration can only stand at the very beginning"
        };
        Problem::NotWellFormed.at(self.at, text)
    }

    #[cold]
    fn no_section_end(&self, text: &str) -> Result<()> {
        match text.find("]]>") {
            Some(at) => Err(Problem::NotWellFormed.at(self.at + at, "']]>' in text: it has to be written ']]&gt;'")),
            None => Ok(()),
        }
    }

    #[cold]
    fn wrong(&self, e: &quick_xml::Error) -> Error {
        Problem::NotWellFormed.at(self.at, e.to_string())
    }

    #[cold]
    fn not_borrowed(&self) -> Error {
        Error::new(springline_core::ErrorKind::Internal, "text outside of the document").at(self.at)
    }

    /// The error for another token than was expected.
    #[cold]
    pub(super) fn unexpected(&self, found: Token<'de>, expected: &str) -> Error {
        self.unexpected_at(self.at, found, expected)
    }

    /// The same for a token that began at `at`.
    #[cold]
    pub(super) fn unexpected_at(&self, at: usize, found: Token<'de>, expected: &str) -> Error {
        let (problem, found) = match found {
            Token::Start(tag) | Token::Empty(tag) => {
                (Problem::NotXmlRpc, format!("<{}>", self.shown_name(tag, at + 1)))
            }
            // Whatever it is the end of, something else is open.
            Token::End(tag) => (Problem::NotWellFormed, format!("</{}>", self.shown_name(tag, at + 2))),
            Token::Text(text) => (Problem::NotXmlRpc, format!("the text {}", excerpt(text.trim_ascii()))),
            Token::Char(c) => (Problem::NotXmlRpc, format!("the text {c:?}")),
            Token::Eof => (Problem::NotWellFormed, "the end of the document".to_owned()),
        };
        problem.at(at, format!("expected {expected}, found {found}"))
    }

    fn shown_name(&self, tag: Tag, from: usize) -> String {
        if tag.name != Element::Other && !tag.prefixed {
            return tag.name.text().to_owned();
        }
        let name = self.message.get(from..).unwrap_or_default();
        let end = name.iter().position(|b| blank(*b) || matches!(b, b'>' | b'/')).unwrap_or(name.len());
        shown(self.piece(from, end)).to_owned()
    }
}

fn reader(message: &[u8]) -> Reader<&[u8]> {
    let mut reader = Reader::from_reader(message);
    let config = reader.config_mut();
    // Checked by who reads the tokens.
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.check_comments = true;
    reader
}

// A reader for what is left of a document. A new one passes over a byte order mark, which in the midst is a character like
// any other: so it reads something first.
fn reader_inside<'de>() -> Reader<&'de [u8]> {
    let mut reader = reader(b"<a>");
    let _ = reader.read_event();
    reader
}

// A name from the document, cut to a length that fits into a message.
fn shown(name: &str) -> &str {
    match name.char_indices().nth(40) {
        Some((at, _)) => name.get(..at).unwrap_or_default(),
        None => name,
    }
}
