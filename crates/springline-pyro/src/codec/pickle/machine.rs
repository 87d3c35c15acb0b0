//! The stack machine that pickles are programs for. It builds a graph and never calls anything.

use springline_core::{Budget, Error, ErrorKind, ListKind, Result};

use super::graph::{Global, Graph, Item, Kind, Object, Rare};
use super::known::{self, Known};
use super::literal::{self, Number};
use super::memo::Memo;
use super::opcode;

/// The highest protocol that there is.
pub(super) const HIGHEST: u8 = 5;

/// The class of a call of something that has no name.
const CALL: &str = "__call__";

/// Bytes of the longest integer that is read in binary, about a million bits: one number shall not cost seconds.
pub(super) const MAX_LONG_BYTES: usize = 1 << 17;

pub(super) struct Machine<'de> {
    message: &'de [u8],
    pos: usize,
    stack: Vec<Item<'de>>,
    // Heights of the stack.
    marks: Vec<usize>,
    memo: Memo<'de>,
    graph: Graph<'de>,
    budget: Budget,
}

/// What a program ends with.
pub(super) struct Outcome<'de> {
    pub(super) graph: Graph<'de>,
    pub(super) root: Item<'de>,
    /// The offset behind STOP.
    pub(super) end: usize,
}

#[cold]
fn no_text(bytes: &[u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Err(e) if matches!(bytes.get(e.valid_up_to()..), Some([0xed, 0xa0..=0xbf, 0x80..=0xbf, ..])) => literal::LONE,
        _ => "the text is not UTF-8",
    }
}

const CUT: &str = "the message ends here";
const EMPTY: &str = "the stack has too few things on it";

impl<'de> Machine<'de> {
    /// Runs the program in `message`.
    pub(super) fn run(message: &'de [u8], budget: Budget) -> Result<Outcome<'de>> {
        if u32::try_from(message.len()).is_err() {
            return Err(Error::new(ErrorKind::Limit, "a pickle of 4 GiB or more is not read"));
        }
        let mut machine = Self {
            message,
            pos: 0,
            stack: Vec::with_capacity(32),
            marks: Vec::with_capacity(8),
            memo: Memo::default(),
            graph: Graph::default(),
            budget,
        };
        let root = machine.all()?;
        Ok(Outcome { graph: machine.graph, root, end: machine.pos })
    }

    fn all(&mut self) -> Result<Item<'de>> {
        loop {
            let at = self.pos;
            let Some(&opcode) = self.message.get(at) else {
                return Err(Error::malformed(at, "the pickle ends without STOP"));
            };
            self.pos = at + 1;
            if opcode == b'.' {
                return match (self.stack.pop(), self.marks.is_empty()) {
                    (Some(root), true) => Ok(root),
                    (None, _) => Err(failed(at, opcode, EMPTY)),
                    (_, false) => Err(failed(at, opcode, "a MARK was not used")),
                };
            }
            match self.step(opcode, at) {
                Ok(()) => {}
                Err(Stop::Failed(why)) => return Err(failed(at, opcode, why)),
                Err(Stop::Error(e)) => return Err(*e),
            }
        }
    }

    #[inline]
    fn step(&mut self, opcode: u8, at: usize) -> Step {
        match opcode {
            b'X' => {
                let len = self.u32()?;
                self.text(len)
            }
            0x8c => {
                let len = self.u8()?;
                self.text(len.into())
            }
            b'h' => {
                let n = self.u8()?;
                self.recall(n.into())
            }
            b'j' => {
                let n = self.u32()?;
                self.recall(n)
            }
            0x94 => self.memoize(),
            b'q' => {
                let n = self.u8()?;
                self.remember(n.into())
            }
            b'r' => {
                let n = self.u32()?;
                self.remember(n)
            }
            b'K' => {
                let v = self.u8()?;
                self.push(Item::Int(v.into()))
            }
            b'M' => {
                let v = u16::from_le_bytes(self.chunk()?);
                self.push(Item::Int(v.into()))
            }
            b'J' => {
                let v = i32::from_le_bytes(self.chunk()?);
                self.push(Item::Int(v.into()))
            }
            b'G' => {
                let v = f64::from_be_bytes(self.chunk()?);
                self.push(Item::Float(v))
            }
            b'N' => self.push(Item::None),
            0x88 => self.push(Item::Bool(true)),
            0x89 => self.push(Item::Bool(false)),
            b'(' => {
                self.budget.node()?;
                self.marks.push(self.stack.len());
                Ok(())
            }
            b']' => {
                let node = self.graph.add(Kind::List(ListKind::List), at);
                self.push_kept(Item::Node(node))
            }
            b'}' => {
                let node = self.graph.add(Kind::Map, at);
                self.push_kept(Item::Node(node))
            }
            b'e' => {
                let from = self.mark()?;
                self.extend(from, at)
            }
            b'u' => {
                let from = self.mark()?;
                self.set_items(from, at)
            }
            b'a' => {
                let from = self.stack.len().checked_sub(1).ok_or(Stop::Failed(EMPTY))?;
                self.extend(from, at)
            }
            b's' => {
                let from = self.stack.len().checked_sub(2).ok_or(Stop::Failed(EMPTY))?;
                self.set_items(from, at)
            }
            b')' => self.collect(Kind::List(ListKind::Tuple), self.stack.len(), at),
            0x85 => self.tuple(1, at),
            0x86 => self.tuple(2, at),
            0x87 => self.tuple(3, at),
            b'U' => {
                let len = self.u8()?;
                self.string(len.into())
            }
            b'C' => {
                let len = self.u8()?;
                self.bytes(len.into())
            }
            _ => self.rare_step(opcode, at),
        }
    }

    fn rare_step(&mut self, opcode: u8, at: usize) -> Step {
        match opcode {
            0x80 => {
                let version = self.u8()?;
                if version > HIGHEST {
                    return Err(Stop::Failed("the protocol is newer than 5"));
                }
                Ok(())
            }
            // Where frames begin and end changes nothing in a message that is in memory.
            0x95 => {
                let len = self.u64()?;
                if len > self.message.len() - self.pos {
                    return Err(Stop::Failed("the frame is longer than the message"));
                }
                Ok(())
            }
            b't' => {
                let from = self.mark()?;
                self.collect(Kind::List(ListKind::Tuple), from, at)
            }
            b'l' => {
                let from = self.mark()?;
                self.collect(Kind::List(ListKind::List), from, at)
            }
            0x91 => {
                let from = self.mark()?;
                self.collect(Kind::List(ListKind::FrozenSet), from, at)
            }
            b'd' => {
                let from = self.mark()?;
                if !(self.stack.len() - from).is_multiple_of(2) {
                    return Err(Stop::Failed("a key without its value"));
                }
                self.collect(Kind::Map, from, at)
            }
            0x8f => self.container(Kind::List(ListKind::Set), at),
            0x90 => {
                let from = self.mark()?;
                self.extend(from, at)
            }
            b'0' => {
                // A mark may be popped as well.
                if self.marks.last().is_some_and(|mark| *mark == self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
                Ok(())
            }
            b'1' => {
                let from = self.mark()?;
                self.stack.truncate(from);
                Ok(())
            }
            b'2' => {
                let top = self.top()?;
                self.push(top)
            }
            b'I' => match self.line()? {
                b"01" => self.push(Item::Bool(true)),
                b"00" => self.push(Item::Bool(false)),
                text => self.integer(text),
            },
            b'L' => {
                let text = self.line()?;
                self.integer(text.strip_suffix(b"L").unwrap_or(text))
            }
            b'F' => {
                let v = literal::float(self.line()?).ok_or(Stop::Failed("expected a float"))?;
                self.push(Item::Float(v))
            }
            0x8a => {
                let len = self.u8()?;
                self.long(len.into())
            }
            0x8b => {
                let len = self.length()?;
                self.long(len)
            }
            b'T' => {
                let len = self.length()?;
                self.string(len)
            }
            b'S' => {
                let line = self.line()?;
                let mut bytes = Vec::new();
                literal::quoted(line, &mut bytes).map_err(Stop::Failed)?;
                self.graph.python2 = true;
                let item = match std::str::from_utf8(&bytes) {
                    Ok(text) => self.graph.text(text),
                    Err(_) => self.graph.blob(&bytes),
                };
                self.push(item)
            }
            b'V' => {
                let line = self.line()?;
                let mut text = String::new();
                literal::unicode(line, &mut text).map_err(Stop::Failed)?;
                let item = self.graph.text(&text);
                self.push(item)
            }
            b'B' => {
                let len = self.u32()?;
                self.bytes(len)
            }
            0x8d => {
                let len = self.u64()?;
                self.text(len)
            }
            0x8e | 0x96 => {
                let len = self.u64()?;
                self.bytes(len)
            }
            b'g' => {
                let n = self.memo_number()?;
                self.recall(n)
            }
            b'p' => {
                let n = self.memo_number()?;
                self.remember(n)
            }
            b'c' => {
                let module = self.name()?;
                let name = self.name()?;
                self.global(module, name, at)
            }
            0x93 => {
                let name = self.pop()?;
                let module = self.pop()?;
                let owned = |item| self.graph.str_of(item).map(str::to_owned);
                let (Some(module), Some(name)) = (owned(module), owned(name)) else {
                    return Err(Stop::Failed("expected the module and the name as text"));
                };
                self.charge(module.len() + name.len())?;
                self.global(&module, &name, at)
            }
            b'R' => {
                let args = self.pop()?;
                let callable = self.pop()?;
                self.reduce(callable, args, at)
            }
            0x81 => {
                let args = self.pop()?;
                let class = self.pop()?;
                self.instance(class, args, Item::None, at)
            }
            0x92 => {
                let kwargs = self.pop()?;
                let args = self.pop()?;
                let class = self.pop()?;
                self.instance(class, args, kwargs, at)
            }
            b'i' => {
                let module = self.name()?;
                let name = self.name()?;
                let from = self.mark()?;
                self.collect(Kind::List(ListKind::Tuple), from, at)?;
                let args = self.pop()?;
                self.global(module, name, at)?;
                let class = self.pop()?;
                self.instance(class, args, Item::None, at)
            }
            b'o' => {
                let from = self.mark()?;
                let class = *self.stack.get(from).ok_or(Stop::Failed("expected a class behind the MARK"))?;
                self.collect(Kind::List(ListKind::Tuple), from + 1, at)?;
                let args = self.pop()?;
                self.pop()?;
                self.instance(class, args, Item::None, at)
            }
            b'b' => self.build(),
            b'P' | b'Q' => Err(Stop::Failed("persistent ids mean nothing here")),
            0x82..=0x84 => Err(Stop::Failed("the extension registry's codes mean nothing here")),
            0x97 | 0x98 => Err(Stop::Failed("out-of-band buffers do not come with the message")),
            _ => Err(Stop::Failed("unknown opcode")),
        }
    }

    // Reading.

    #[inline]
    fn chunk<const N: usize>(&mut self) -> std::result::Result<[u8; N], Stop> {
        let chunk = self.message.get(self.pos..).and_then(<[u8]>::first_chunk).ok_or(Stop::Failed(CUT))?;
        self.pos += N;
        Ok(*chunk)
    }

    #[inline]
    fn u8(&mut self) -> std::result::Result<u8, Stop> {
        self.chunk().map(|[v]: [u8; 1]| v)
    }

    #[inline]
    fn u32(&mut self) -> std::result::Result<usize, Stop> {
        self.chunk().map(|v| u32::from_le_bytes(v) as usize)
    }

    fn u64(&mut self) -> std::result::Result<usize, Stop> {
        usize::try_from(u64::from_le_bytes(self.chunk()?)).map_err(|_| Stop::Failed(CUT))
    }

    // A length that is written with a sign.
    fn length(&mut self) -> std::result::Result<usize, Stop> {
        usize::try_from(i32::from_le_bytes(self.chunk()?)).map_err(|_| Stop::Failed("the length is negative"))
    }

    #[inline]
    fn take(&mut self, len: usize) -> std::result::Result<&'de [u8], Stop> {
        let end = self.pos.checked_add(len).ok_or(Stop::Failed(CUT))?;
        let taken = self.message.get(self.pos..end).ok_or(Stop::Failed(CUT))?;
        self.pos = end;
        Ok(taken)
    }

    // What comes before the next line feed.
    fn line(&mut self) -> std::result::Result<&'de [u8], Stop> {
        let rest = self.message.get(self.pos..).unwrap_or_default();
        let len = memchr::memchr(b'\n', rest).ok_or(Stop::Failed("the line does not end"))?;
        let line = self.take(len)?;
        self.pos += 1;
        Ok(line)
    }

    fn name(&mut self) -> std::result::Result<&'de str, Stop> {
        std::str::from_utf8(self.line()?).map_err(|_| Stop::Failed("the name is not UTF-8"))
    }

    fn memo_number(&mut self) -> std::result::Result<usize, Stop> {
        let line = std::str::from_utf8(self.line()?).ok();
        line.and_then(|line| line.trim_ascii().parse().ok()).ok_or(Stop::Failed("expected a number in the memo"))
    }

    // The stack.

    #[inline(always)]
    fn push(&mut self, item: Item<'de>) -> Step {
        self.budget.node()?;
        self.stack.push(item);
        Ok(())
    }

    // Pushes what picklers put into the memo at once, which is then done here: to read an item that was just written makes
    // the processor wait.
    #[inline(always)]
    fn push_kept(&mut self, item: Item<'de>) -> Step {
        self.push(item)?;
        let (n, len) = match self.message.get(self.pos..) {
            Some([0x94, ..]) => (self.memo.len(), 1),
            Some([b'q', n, ..]) => (usize::from(*n), 2),
            Some([b'r', a, b, c, d, ..]) => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, 5),
            _ => return Ok(()),
        };
        self.pos += len;
        if !self.memo.put_next(n, item) {
            return self.remember(n);
        }
        Ok(self.budget.node()?)
    }

    #[inline]
    fn pop(&mut self) -> std::result::Result<Item<'de>, Stop> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(Stop::Failed(EMPTY));
        }
        self.stack.pop().ok_or(Stop::Failed(EMPTY))
    }

    #[inline]
    fn top(&self) -> std::result::Result<Item<'de>, Stop> {
        self.stack.last().copied().ok_or(Stop::Failed(EMPTY))
    }

    #[inline]
    fn mark(&mut self) -> std::result::Result<usize, Stop> {
        self.marks.pop().ok_or(Stop::Failed("there is no MARK"))
    }

    #[inline]
    fn recall(&mut self, n: usize) -> Step {
        match self.memo.get(n) {
            Some(item) => {
                self.budget.node()?;
                self.stack.push(*item);
                Ok(())
            }
            None => Err(Stop::Failed("the memo has nothing under this number")),
        }
    }

    fn remember(&mut self, n: usize) -> Step {
        let top = self.top()?;
        self.budget.node()?;
        self.memo.put(n, top);
        Ok(())
    }

    #[inline]
    fn memoize(&mut self) -> Step {
        self.remember(self.memo.len())
    }

    // Scalars.

    #[inline]
    fn text(&mut self, len: usize) -> Step {
        let bytes = self.take(len)?;
        match std::str::from_utf8(bytes) {
            // Its length is known: the result lies in memory, where two words would be read at once that were written one
            // by one, for which the processor waits.
            Ok(text) => self.push_kept(Item::Str(text.get(..len).unwrap_or(text))),
            Err(_) => Err(Stop::Failed(no_text(bytes))),
        }
    }

    // Python 2's `str`: text where it can be.
    fn string(&mut self, len: usize) -> Step {
        let bytes = self.take(len)?;
        self.graph.python2 = true;
        self.push_kept(std::str::from_utf8(bytes).map_or(Item::Bytes(bytes), Item::Str))
    }

    fn bytes(&mut self, len: usize) -> Step {
        let bytes = self.take(len)?;
        self.push(Item::Bytes(bytes))
    }

    fn integer(&mut self, text: &[u8]) -> Step {
        let item = match literal::integer(text).map_err(Stop::Failed)? {
            Number::Small(v) => Item::Int(v),
            Number::Big(v) => self.graph.rare(Rare::Big(v)),
        };
        self.push(item)
    }

    fn long(&mut self, len: usize) -> Step {
        let bytes = self.take(len)?;
        if len > MAX_LONG_BYTES {
            return Err(Stop::Failed("the integer has more than a million bits"));
        }
        let v = num_bigint::BigInt::from_signed_bytes_le(bytes);
        let item = match i64::try_from(&v) {
            Ok(v) => Item::Int(v),
            Err(_) => self.graph.rare(Rare::Big(v)),
        };
        self.push(item)
    }

    // Containers.

    #[inline]
    fn container(&mut self, kind: Kind<'de>, at: usize) -> Step {
        let node = self.graph.add(kind, at);
        self.push(Item::Node(node))
    }

    // A container of all that is on the stack from `from` on.
    #[inline]
    fn collect(&mut self, kind: Kind<'de>, from: usize, at: usize) -> Step {
        let node = self.graph.add(kind, at);
        self.graph.append(node, self.stack.get(from..).unwrap_or_default());
        self.stack.truncate(from);
        self.push(Item::Node(node))
    }

    #[inline]
    fn tuple(&mut self, len: usize, at: usize) -> Step {
        let from = self.stack.len().checked_sub(len).ok_or(Stop::Failed(EMPTY))?;
        if self.marks.last().is_some_and(|mark| *mark > from) {
            return Err(Stop::Failed(EMPTY));
        }
        self.collect(Kind::List(ListKind::Tuple), from, at)
    }

    // The thing below what is to be put into it.
    #[inline]
    fn below(&self, from: usize) -> std::result::Result<u32, Stop> {
        if self.marks.last().is_some_and(|mark| *mark >= from) {
            return Err(Stop::Failed(EMPTY));
        }
        match from.checked_sub(1).and_then(|below| self.stack.get(below)) {
            Some(Item::Node(node)) => Ok(*node),
            Some(_) => Err(Stop::Failed("expected a container below the items")),
            None => Err(Stop::Failed(EMPTY)),
        }
    }

    #[inline]
    fn extend(&mut self, from: usize, at: usize) -> Step {
        let node = self.below(from)?;
        let list = match self.graph.node(node).map(|n| n.kind) {
            Some(Kind::List(ListKind::List | ListKind::Set)) => node,
            Some(Kind::Object(o)) => self.held(o, Kind::List(ListKind::List), at)?,
            _ => return Err(Stop::Failed("expected a list or set below the items")),
        };
        self.graph.append(list, self.stack.get(from..).unwrap_or_default());
        self.stack.truncate(from);
        Ok(())
    }

    #[inline]
    fn set_items(&mut self, from: usize, at: usize) -> Step {
        let node = self.below(from)?;
        if !(self.stack.len() - from).is_multiple_of(2) {
            return Err(Stop::Failed("a key without its value"));
        }
        let map = match self.graph.node(node).map(|n| n.kind) {
            Some(Kind::Map) => node,
            Some(Kind::Object(o)) => self.held(o, Kind::Map, at)?,
            _ => return Err(Stop::Failed("expected a dict below the items")),
        };
        self.graph.append(map, self.stack.get(from..).unwrap_or_default());
        self.stack.truncate(from);
        Ok(())
    }

    // The list or map that an instance of such a class holds besides its state.
    fn held(&mut self, object: u32, kind: Kind<'de>, at: usize) -> std::result::Result<u32, Stop> {
        let held = self.graph.objects.get(object as usize).map(|o| o.items);
        match held {
            Some(Item::Node(node)) if self.graph.node(node).is_some_and(|n| n.kind == kind) => Ok(node),
            Some(Item::None) => {
                let node = self.graph.add(kind, at);
                if let Some(object) = self.graph.objects.get_mut(object as usize) {
                    object.items = Item::Node(node);
                }
                Ok(node)
            }
            _ => Err(Stop::Failed("the object cannot hold such items")),
        }
    }

    // Classes and objects.

    fn global(&mut self, module: &str, name: &str, at: usize) -> Step {
        let module = known::module_name(module);
        let known = Known::of(module, name);
        let full = match module {
            "" => self.graph.span(name),
            _ => self.graph.span(&format!("{module}.{name}")),
        };
        let g = u32::try_from(self.graph.globals.len()).unwrap_or(u32::MAX);
        self.graph.globals.push(Global { name: full, known });
        self.container(Kind::Global(g), at)
    }

    // Charges work on so many bytes.
    fn charge(&mut self, bytes: usize) -> Step {
        Ok(self.budget.many(u32::try_from(bytes / 16).unwrap_or(u32::MAX))?)
    }

    // Charges what may be copied out of an item.
    fn charge_item(&mut self, item: Item<'de>, depth: u32) -> Step {
        let item = self.graph.resolve(item);
        match item {
            Item::Node(n) => {
                let len = self.graph.node(n).map_or(0, |node| node.len);
                self.budget.many(len)?;
                if depth > 0 {
                    let items: Vec<_> = self.graph.each(n).collect();
                    items.into_iter().try_for_each(|item| self.charge_item(item, depth - 1))?;
                }
                Ok(())
            }
            Item::Rare(n) => match self.graph.rares.get(n as usize) {
                Some(Rare::Remote(remote)) => self.charge(remote.uri.len()),
                _ => Ok(()),
            },
            text => self.charge(self.graph.bytes_of(text).map_or(0, <[u8]>::len)),
        }
    }

    fn reduce(&mut self, callable: Item<'de>, args: Item<'de>, at: usize) -> Step {
        let Some((_, global)) = self.graph.global(callable) else {
            return self.instance(callable, args, Item::None, at);
        };
        let values: [Option<Item<'de>>; 3] = match self.graph.tuple(args) {
            Some(values) => std::array::from_fn(|i| values.get(i).copied()),
            None => return Err(Stop::Failed("expected the arguments as a tuple")),
        };
        match (global.known, values) {
            (Known::Other | Known::Uuid, _) => {}
            (Known::Reconstructor, [Some(class), Some(base), Some(state)]) => {
                self.instance(class, Item::None, Item::None, at)?;
                let of_object = self.graph.global(base).is_some_and(|(_, base)| base.known == Known::Object);
                let made = self.top()?;
                if let (false, Item::Node(n)) = (of_object, made)
                    && let Some(Kind::Object(o)) = self.graph.node(n).map(|n| n.kind)
                    && let Some(object) = self.graph.objects.get_mut(o as usize)
                {
                    object.items = state;
                }
                return Ok(());
            }
            (Known::NewObject, [Some(class), ..]) => {
                let rest: Vec<_> = self.graph.tuple(args).and_then(|a| a.get(1..)).unwrap_or_default().to_vec();
                self.budget.many(u32::try_from(rest.len()).unwrap_or(u32::MAX))?;
                let tuple = self.graph.add(Kind::List(ListKind::Tuple), at);
                self.graph.append(tuple, &rest);
                return self.instance(class, Item::Node(tuple), Item::None, at);
            }
            (Known::NewObjectEx, [Some(class), Some(args), Some(kwargs)]) => {
                return self.instance(class, args, kwargs, at);
            }
            // A class in a class: naming it runs nothing.
            (Known::GetAttr, [Some(owner), Some(name), None]) => {
                if let (Some((_, owner)), Some(name)) = (self.graph.global(owner), self.graph.str_of(name)) {
                    let (owner, name) = (self.graph.text_of(owner.name).to_owned(), name.to_owned());
                    self.charge(owner.len() + name.len())?;
                    return self.global(&owner, &name, at);
                }
            }
            (known, _) => {
                self.charge_item(args, 1)?;
                if let Some(item) = known::called(&mut self.graph, known, args, at) {
                    return self.push(item);
                }
            }
        }
        self.instance(callable, args, Item::None, at)
    }

    // An object of a class, and what the class was called with.
    fn instance(&mut self, class: Item<'de>, args: Item<'de>, kwargs: Item<'de>, at: usize) -> Step {
        let args = if self.graph.tuple(args).is_some_and(<[_]>::is_empty) { Item::None } else { args };
        let class = match self.graph.global(class) {
            Some((g, global)) => match global.known {
                // Empty, and filled afterwards.
                Known::Map | Known::DefaultDict if args == Item::None => return self.container(Kind::Map, at),
                Known::List(kind) if args == Item::None => return self.container(Kind::List(kind), at),
                _ => g,
            },
            None => return self.call_of(class, args, kwargs, at),
        };
        let kwargs = match kwargs {
            Item::Node(n) if self.graph.node(n).is_some_and(|n| n.len > 0) => kwargs,
            _ => Item::None,
        };
        let o = u32::try_from(self.graph.objects.len()).unwrap_or(u32::MAX);
        self.graph.objects.push(Object { class, args, kwargs, ..Object::default() });
        self.container(Kind::Object(o), at)
    }

    // What is called is itself something that was called, or no function at all.
    #[cold]
    fn call_of(&mut self, callable: Item<'de>, args: Item<'de>, kwargs: Item<'de>, at: usize) -> Step {
        self.budget.many(3)?;
        let call = self.graph.add(Kind::List(ListKind::Tuple), at);
        self.graph.append(call, &[callable, args]);
        self.global("", CALL, at)?;
        let class = self.pop()?;
        self.instance(class, Item::Node(call), kwargs, at)
    }

    fn build(&mut self) -> Step {
        let state = self.pop()?;
        let made = self.top()?;
        // What has become something known keeps no state of its own.
        let Item::Node(n) = made else { return Ok(()) };
        let Some(Kind::Object(o)) = self.graph.node(n).map(|n| n.kind) else { return Ok(()) };
        let Some(class) = self.graph.objects.get(o as usize).map(|o| o.class) else { return Ok(()) };
        let known = self.graph.globals.get(class as usize).map_or(Known::Other, |g| g.known);
        if matches!(known, Known::PyroUri | Known::PyroProxy | Known::Pyro4Uri | Known::Pyro4Proxy | Known::Uuid) {
            self.charge_item(state, 2)?;
            if let Some(scalar) = known::built(&mut self.graph, known, state) {
                if let Some(node) = self.graph.nodes.get_mut(n as usize) {
                    node.kind = Kind::Scalar(scalar);
                }
                return Ok(());
            }
        }
        if let Some(object) = self.graph.objects.get_mut(o as usize) {
            object.state = state;
        }
        Ok(())
    }
}

type Step = std::result::Result<(), Stop>;

/// Why a step did not succeed. Small, as it is returned by every step.
enum Stop {
    Failed(&'static str),
    Error(Box<Error>),
}

impl From<Error> for Stop {
    #[cold]
    fn from(e: Error) -> Self {
        Self::Error(Box::new(e))
    }
}

#[cold]
fn failed(at: usize, opcode: u8, why: &str) -> Error {
    match opcode::name(opcode) {
        Some(name) => Error::malformed(at, format!("{name}: {why}")),
        None => Error::malformed(at, format!("opcode 0x{opcode:02x}: {why}")),
    }
}
