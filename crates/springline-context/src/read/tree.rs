//! An XML document as a small tree, by quick-xml's events.

use quick_xml::Reader as Events;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use super::{DEPTH, Reader};

/// An element with its attributes, the elements in it, and its text.
#[derive(Debug)]
pub(super) struct Element {
    /// Without a prefix.
    pub(super) name: String,
    pub(super) at: usize,
    pub(super) attributes: Vec<Attribute>,
    pub(super) children: Vec<Element>,
    /// All text directly in it.
    pub(super) text: String,
    /// Whether it is more than blanks.
    pub(super) has_text: bool,
    /// Where the first of it stands that is no blank.
    pub(super) text_at: usize,
}

#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) at: usize,
    pub(super) value_at: usize,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name == name)
    }
}

/// Reads a document. What is wrong with it as XML ends the reading, and is told; what came before counts.
pub(super) fn parse(reader: &mut Reader<'_>) -> Option<Element> {
    let file = reader.file.clone();
    let (skipped, text) = match file.text.strip_prefix('\u{feff}') {
        Some(text) => (3, text),
        None => (0, file.text.as_str()),
    };
    let mut events = Events::from_str(text);
    let config = events.config_mut();
    config.check_comments = true;
    config.expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let at = position(&events) + skipped;
        let event = match events.read_event() {
            Ok(event) => event,
            Err(e) => {
                let at = usize::try_from(events.error_position()).unwrap_or(0) + skipped;
                reader.wrong(at, format!("this is no well-formed XML: {e}"));
                break;
            }
        };
        match event {
            Event::Start(start) => {
                if open.len() >= DEPTH {
                    reader.wrong(at, format!("elements are nested deeper than {DEPTH} levels"));
                    break;
                }
                if open.is_empty() && root.is_some() {
                    reader.wrong(at, "a document has one element at its top: this is a second one");
                    break;
                }
                open.push(element(reader, &start, text, at, skipped));
            }
            Event::End(_) => {
                let Some(done) = open.pop() else { break };
                match open.last_mut() {
                    Some(around) => around.children.push(done),
                    None => root = Some(done),
                }
            }
            Event::Text(piece) => add_text(reader, open.last_mut(), &piece.xml10_content(), at),
            Event::CData(piece) => add_text(reader, open.last_mut(), &piece.xml10_content(), at),
            Event::GeneralRef(reference) => {
                let found = match reference.resolve_char_ref() {
                    Ok(Some(c)) => Some(c.to_string()),
                    Ok(None) => quick_xml::escape::resolve_predefined_entity(&reference).map(str::to_owned),
                    Err(_) => None,
                };
                match found {
                    Some(text) => add_text(reader, open.last_mut(), &text, at),
                    None => {
                        let name: &str = &reference;
                        reader.wrong(at, format!("unknown entity '&{name};'"));
                    }
                }
            }
            Event::DocType(_) => {
                reader.wrong(at, "a DOCTYPE is refused: it could name other files, or entities without end");
                break;
            }
            Event::Decl(decl) => {
                if let Some(Ok(name)) = decl.encoding() {
                    let known = ["utf-8", "utf8", "us-ascii", "ascii"];
                    if !known.contains(&name.to_ascii_lowercase().as_str()) {
                        reader.wrong(at, format!("the encoding '{name}' is not read: save the file as UTF-8"));
                    }
                }
            }
            // Empty elements come as a start and an end.
            Event::Comment(_) | Event::PI(_) | Event::Empty(_) => {}
            Event::Eof => {
                if let Some(unfinished) = open.last() {
                    let (name, began) = (unfinished.name.clone(), unfinished.at);
                    reader.wrong(began, format!("<{name}> has no end"));
                } else if root.is_none() {
                    reader.wrong(at, "there is no element: expected <objects>");
                }
                break;
            }
        }
    }
    // What was begun counts, too, so that its mistakes are told beside that of the XML.
    while let Some(done) = open.pop() {
        match open.last_mut() {
            Some(around) => around.children.push(done),
            None => root = Some(done),
        }
    }
    root
}

fn position(events: &Events<&[u8]>) -> usize {
    usize::try_from(events.buffer_position()).unwrap_or(usize::MAX)
}

fn add_text(reader: &mut Reader<'_>, element: Option<&mut Element>, text: &str, at: usize) {
    let blank = text.len() - text.trim_start().len();
    match element {
        Some(element) => {
            if !element.has_text && blank < text.len() {
                element.has_text = true;
                element.text_at = at + blank;
            }
            element.text.push_str(text);
        }
        None if blank < text.len() => reader.wrong(at + blank, "text outside of the document's element"),
        None => {}
    }
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn element(reader: &mut Reader<'_>, start: &BytesStart<'_>, document: &str, at: usize, skipped: usize) -> Element {
    let name = start.name();
    let mut element = Element {
        name: local(name.as_ref()).to_owned(),
        at,
        attributes: Vec::new(),
        children: Vec::new(),
        text: String::new(),
        has_text: false,
        text_at: at,
    };
    // Names and values are slices of the document: how far they are from its begin is where they stand.
    let place = |slice: &str| {
        let offset = (slice.as_ptr() as usize).wrapping_sub(document.as_ptr() as usize);
        if offset <= document.len() { offset + skipped } else { at }
    };
    for attribute in start.attributes() {
        let attribute = match attribute {
            Ok(attribute) => attribute,
            Err(e) => {
                reader.wrong(at, format!("<{}> has an attribute that is none: {e}", element.name));
                break;
            }
        };
        let name: &str = attribute.key.as_ref();
        // Namespaces, places of schemas, languages.
        if name == "xmlns" || ["xmlns:", "xsi:", "xml:"].iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let name_at = place(name);
        let value_at = place(&attribute.value);
        match attribute.normalized_value(XmlVersion::Implicit1_0) {
            Ok(value) => element.attributes.push(Attribute {
                name: local(name).to_owned(),
                value: value.into_owned(),
                at: name_at,
                value_at,
            }),
            Err(e) => reader.wrong(value_at, format!("attribute '{name}': {e}")),
        }
    }
    element
}
