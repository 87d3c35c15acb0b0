//! What a pickle built: things and the containers that hold them. Containers may share content and hold each other.

use num_bigint::BigInt;
use springline_core::{DateTime, ListKind, RemoteRef};

use super::known::Known;

/// A thing on the stack, in the memo or in a container. Made of whole words, which a compiler keeps in registers: an item
/// that is written in parts and copied as a whole makes the processor wait.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(u64)]
pub(super) enum Item<'de> {
    #[default]
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Text that lies in the message as it is.
    Str(&'de str),
    /// Bytes that lie in the message as they are.
    Bytes(&'de [u8]),
    /// Text of the graph's own.
    Text(Span),
    /// Bytes of the graph's own.
    Blob(Span),
    /// A scalar that takes more room.
    Rare(u32),
    /// A container, or what one became.
    Node(u32),
    /// Nothing: a number that the memo skipped.
    Gap,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

/// Scalars that take more room.
#[derive(Clone, Debug)]
pub(super) enum Rare {
    Big(BigInt),
    Decimal(String),
    Complex(f64, f64),
    DateTime(DateTime),
    Remote(RemoteRef),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind<'de> {
    List(ListKind),
    Map,
    /// By its number in `objects`.
    Object(u32),
    /// A class or function, by its number in `globals`.
    Global(u32),
    /// What an object turned out to be.
    Scalar(Item<'de>),
}

/// A container. Its items are one run, or several that were appended one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'de> {
    pub(super) kind: Kind<'de>,
    /// Offset of the opcode that made it.
    pub(super) at: u32,
    /// Items in all runs; a map has two for each pair.
    pub(super) len: u32,
    pub(super) first: Run,
    last: u32,
}

/// Consecutive items, and the number of the next run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) start: u32,
    pub(super) len: u32,
    pub(super) next: u32,
}

/// No run follows.
pub(super) const END: u32 = u32::MAX;

/// An instance of a class, or a call that was not made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Object<'de> {
    /// The global's number.
    pub(super) class: u32,
    /// What its class was called with: a tuple.
    pub(super) args: Item<'de>,
    /// Keyword arguments of that: a map.
    pub(super) kwargs: Item<'de>,
    /// What BUILD gave it.
    pub(super) state: Item<'de>,
    /// A list or map: what it holds besides.
    pub(super) items: Item<'de>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Global {
    /// `module.name`, Python 3's names.
    pub(super) name: Span,
    pub(super) known: Known,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Graph<'de> {
    pub(super) items: Vec<Item<'de>>,
    pub(super) nodes: Vec<Node<'de>>,
    runs: Vec<Run>,
    pub(super) objects: Vec<Object<'de>>,
    pub(super) globals: Vec<Global>,
    pub(super) rares: Vec<Rare>,
    texts: String,
    blobs: Vec<u8>,
    /// Whether there was a `str` of Python 2.
    pub(super) python2: bool,
}

// Numbers fit 32 bits: a message has less than 4 GiB (checked), and nothing here outgrows it by more than the node limit.
fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl<'de> Graph<'de> {
    #[inline]
    pub(super) fn node(&self, n: u32) -> Option<&Node<'de>> {
        self.nodes.get(n as usize)
    }

    #[inline]
    pub(super) fn add(&mut self, kind: Kind<'de>, at: usize) -> u32 {
        let n = number(self.nodes.len());
        let first = Run { start: 0, len: 0, next: END };
        self.nodes.push(Node { kind, at: number(at), len: 0, first, last: END });
        n
    }

    pub(super) fn rare(&mut self, rare: Rare) -> Item<'de> {
        self.rares.push(rare);
        Item::Rare(number(self.rares.len() - 1))
    }

    pub(super) fn text(&mut self, text: &str) -> Item<'de> {
        Item::Text(self.span(text))
    }

    pub(super) fn span(&mut self, text: &str) -> Span {
        let start = number(self.texts.len());
        self.texts.push_str(text);
        Span { start, len: number(text.len()) }
    }

    pub(super) fn blob(&mut self, bytes: &[u8]) -> Item<'de> {
        let start = number(self.blobs.len());
        self.blobs.extend_from_slice(bytes);
        Item::Blob(Span { start, len: number(bytes.len()) })
    }

    #[inline]
    pub(super) fn text_of(&self, span: Span) -> &str {
        let start = span.start as usize;
        self.texts.get(start..start + span.len as usize).unwrap_or_default()
    }

    #[inline]
    pub(super) fn blob_of(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        self.blobs.get(start..start + span.len as usize).unwrap_or_default()
    }

    /// Appends items to a container.
    #[inline]
    pub(super) fn append(&mut self, node: u32, new: &[Item<'de>]) {
        let start = number(self.items.len());
        self.items.extend_from_slice(new);
        self.appended(node, start, number(new.len()));
    }

    /// Appends copies of items that are here already.
    pub(super) fn append_again(&mut self, node: u32, from: u32) {
        let Some(source) = self.node(from) else { return };
        let (mut run, mut left) = (source.first, source.len);
        let start = number(self.items.len());
        let whole = left;
        while left > 0 && run.len > 0 {
            let at = run.start as usize;
            self.items.extend_from_within(at..at + run.len as usize);
            left = left.saturating_sub(run.len);
            match self.runs.get(run.next as usize) {
                Some(next) => run = *next,
                None => break,
            }
        }
        self.appended(node, start, whole);
    }

    #[inline]
    fn appended(&mut self, node: u32, start: u32, len: u32) {
        let Some(node) = self.nodes.get_mut(node as usize) else { return };
        if len == 0 {
            return;
        }
        if node.len == 0 {
            node.first = Run { start, len, next: END };
        } else {
            let fresh = number(self.runs.len());
            let last = match self.runs.get_mut(node.last as usize) {
                Some(run) if node.last != END => run,
                _ => &mut node.first,
            };
            if last.start + last.len == start {
                last.len += len;
            } else {
                last.next = fresh;
                node.last = fresh;
                self.runs.push(Run { start, len, next: END });
            }
        }
        node.len += len;
    }

    pub(super) fn run(&self, n: u32) -> Option<Run> {
        self.runs.get(n as usize).copied()
    }

    /// The items of a container that was made in one go, as tuples are.
    pub(super) fn tuple(&self, item: Item<'de>) -> Option<&[Item<'de>]> {
        let Item::Node(n) = item else { return None };
        let node = self.node(n)?;
        let (start, len) = (node.first.start as usize, node.first.len as usize);
        (matches!(node.kind, Kind::List(_)) && node.first.len == node.len)
            .then(|| self.items.get(start..start + len))?
    }

    /// Every item of a container, in order.
    pub(super) fn each(&self, n: u32) -> impl Iterator<Item = Item<'de>> {
        let first = self.node(n).map(|node| node.first);
        std::iter::successors(first, |run| self.run(run.next)).flat_map(|run| {
            let start = run.start as usize;
            self.items.get(start..start + run.len as usize).unwrap_or_default().iter().copied()
        })
    }

    /// The value of a map's text key.
    pub(super) fn get(&self, map: Item<'de>, key: &str) -> Option<Item<'de>> {
        let Item::Node(n) = map else { return None };
        if !matches!(self.node(n)?.kind, Kind::Map) {
            return None;
        }
        let mut items = self.each(n);
        let mut found = None;
        while let (Some(k), Some(v)) = (items.next(), items.next()) {
            if self.str_of(k) == Some(key) {
                found = Some(v);
            }
        }
        found
    }

    /// The text of a text.
    pub(super) fn str_of<'s>(&'s self, item: Item<'de>) -> Option<&'s str> {
        match self.resolve(item) {
            Item::Str(s) => Some(s),
            Item::Text(span) => Some(self.text_of(span)),
            _ => None,
        }
    }

    /// The bytes of bytes, or of Python 2's `str`.
    pub(super) fn bytes_of<'s>(&'s self, item: Item<'de>) -> Option<&'s [u8]> {
        match self.resolve(item) {
            Item::Str(s) => Some(s.as_bytes()),
            Item::Text(span) => Some(self.text_of(span).as_bytes()),
            Item::Bytes(b) => Some(b),
            Item::Blob(span) => Some(self.blob_of(span)),
            _ => None,
        }
    }

    /// What a node became, where it is no container.
    #[inline]
    pub(super) fn resolve(&self, item: Item<'de>) -> Item<'de> {
        if let Item::Node(n) = item
            && let Some(Node { kind: Kind::Scalar(scalar), .. }) = self.node(n)
        {
            return *scalar;
        }
        item
    }

    /// A number.
    pub(super) fn number_of(&self, item: Item<'de>) -> Option<f64> {
        match item {
            Item::Int(v) => Some(v as f64),
            Item::Float(v) => Some(v),
            _ => None,
        }
    }

    /// The object that a node is.
    pub(super) fn object(&self, item: Item<'de>) -> Option<&Object<'de>> {
        let Item::Node(n) = item else { return None };
        match self.node(n)?.kind {
            Kind::Object(o) => self.objects.get(o as usize),
            _ => None,
        }
    }

    /// The class or function that an item is.
    pub(super) fn global(&self, item: Item<'de>) -> Option<(u32, Global)> {
        let Item::Node(n) = item else { return None };
        match self.node(n)?.kind {
            Kind::Global(g) => Some((g, *self.globals.get(g as usize)?)),
            _ => None,
        }
    }
}
