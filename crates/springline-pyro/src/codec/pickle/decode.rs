//! The pickle reader: the graph that the machine built, walked from its root.

use std::borrow::{Borrow, BorrowMut};

use springline_core::{Budget, Bytes, Chunk, Container, Error, Event, Kind as EventKind, Result, Source, Start, Text};

use super::graph::{END, Graph, Item, Kind, Node, Object, Rare, Run};
use super::machine::Machine;
use crate::codec::stack::Stack;

/// Arguments that an object's class was called with; see [the module](super).
pub(super) const ARGS: &str = "__args__";
pub(super) const KWARGS: &str = "__kwargs__";
pub(super) const STATE: &str = "__state__";
pub(super) const ITEMS: &str = "__items__";
/// What a class or function as a value is an object of, and its one field.
pub(super) const TYPE: &str = "builtins.type";
pub(super) const NAME: &str = "name";

const UNSEEN: u32 = u32::MAX;

/// Reads a pickle as events; see [the module](super) for what is accepted.
///
/// The whole program runs when the decoder is made; what is wrong with it is told by the first event. Running it and
/// reading what it built are each charged to a budget of their own.
#[derive(Debug)]
pub struct Decoder<'de>(Walk<'de, Graph<'de>, Seen>);

/// What all who walk one graph share.
#[derive(Debug)]
struct Seen {
    budget: Budget,
    /// The number of each node that was begun.
    numbers: Vec<u32>,
    /// The nodes in that order.
    nodes: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// The value itself.
    #[default]
    Start,
    /// Nothing: the value is complete.
    Done,
    Item,
    Key,
    Value,
    Name,
    Field,
}

/// An open container: the run that is being read, and how many items follow in all.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    place: Place,
    /// Where they begin, if the items are those of `Walk::fields`.
    gathered: Option<u32>,
    pos: u32,
    end: u32,
    next: u32,
    left: u32,
    at: u32,
}

#[derive(Debug)]
struct Walk<'de, G, S> {
    graph: G,
    shared: S,
    owner: Option<&'de Bytes>,
    root: Item<'de>,
    failed: Option<Error>,
    top: Frame,
    outer: Stack<Frame>,
    /// The number of the container that begins next.
    begun: u32,
    /// Fields of objects that do not lie in the graph in one piece, of all open objects.
    fields: Vec<Item<'de>>,
    len: usize,
    end: usize,
}

/// A value, looked at.
enum Found<'de> {
    Scalar(Item<'de>),
    Back(u32),
    Container(u32),
}

impl<'de> Decoder<'de> {
    /// A reader of the pickle `message`. `start` is 0 for the whole value, else what [`read_call`](super::read_call) gave
    /// as the place of the arguments.
    #[must_use]
    pub fn new(message: &'de [u8], start: usize, budget: Budget) -> Self {
        let (graph, root, end, failed) = match Machine::run(message, budget) {
            Ok(outcome) => {
                let root = match start.checked_sub(1).map(u32::try_from) {
                    None => Some(outcome.root),
                    Some(Ok(node)) if outcome.graph.node(node).is_some() => Some(Item::Node(node)),
                    Some(_) => None,
                };
                let failed = root.is_none().then(|| Error::malformed(0, "this pickle has no such part"));
                (outcome.graph, root.unwrap_or_default(), outcome.end, failed)
            }
            Err(e) => (Graph::default(), Item::None, 0, Some(e)),
        };
        Self(Walk {
            shared: Seen { budget, numbers: vec![UNSEEN; graph.nodes.len()], nodes: Vec::new() },
            graph,
            owner: None,
            root,
            failed,
            top: Frame::default(),
            outer: Stack::new(),
            begun: 0,
            fields: Vec::new(),
            len: message.len(),
            end,
        })
    }

    /// Names the buffer that `message` lies in, for [`Source::owner`].
    #[must_use]
    pub fn with_owner(mut self, owner: Option<&'de Bytes>) -> Self {
        self.0.owner = owner;
        self
    }

    /// Checks, after the whole value was read, that it ends the message.
    pub fn finish(&mut self) -> Result<()> {
        if let Some(e) = self.0.failed.take() {
            return Err(e);
        }
        if self.0.top.place != Place::Done {
            return Err(Error::malformed(self.0.end, "the value was not read to its end"));
        }
        match self.0.len.checked_sub(self.0.end) {
            Some(0) => Ok(()),
            left => Err(Error::malformed(self.0.end, format!("{} bytes follow the value", left.unwrap_or(0)))),
        }
    }

    /// Where the container that comes next can be opened again, and whether there is something in it.
    pub(crate) fn place(&self) -> Option<(usize, bool)> {
        match self.0.coming()? {
            Item::Node(n) => Some((n as usize + 1, self.0.graph.node(n)?.len > 0)),
            _ => None,
        }
    }
}

impl<'de, G: Borrow<Graph<'de>>, S: BorrowMut<Seen>> Walk<'de, G, S> {
    fn graph(&self) -> &Graph<'de> {
        self.graph.borrow()
    }

    fn node(&self, n: u32) -> Result<Node<'de>> {
        self.graph().node(n).copied().ok_or_else(|| Error::malformed(0, "a container that is not there"))
    }

    // What comes next, if it is no end. The run that it lies in may not be the current one yet.
    #[inline]
    fn coming(&self) -> Option<Item<'de>> {
        if self.top.pos < self.top.end {
            let items = if self.top.gathered.is_some() { &self.fields } else { &self.graph.borrow().items };
            return items.get(self.top.pos as usize).copied();
        }
        self.coming_far()
    }

    #[cold]
    fn coming_far(&self) -> Option<Item<'de>> {
        match self.top.place {
            Place::Start => Some(self.root),
            Place::Done => None,
            _ if self.top.left == 0 => None,
            _ => {
                let run = self.graph().run(self.top.next)?;
                self.graph().items.get(run.start as usize).copied()
            }
        }
    }

    #[inline]
    fn at_end(&self) -> bool {
        self.top.left == 0 && !matches!(self.top.place, Place::Start | Place::Done)
    }

    // Goes past what comes next.
    #[inline]
    fn advance(&mut self) {
        self.top = self.advanced();
    }

    #[inline]
    fn advanced(&self) -> Frame {
        let mut top = self.top;
        if top.pos >= top.end
            && let Some(run) = self.graph().run(top.next)
        {
            (top.pos, top.end, top.next) = (run.start, run.start + run.len, run.next);
        }
        top.pos += 1;
        top.left = top.left.saturating_sub(1);
        top.place = match top.place {
            Place::Start | Place::Done => {
                top.end = 0;
                Place::Done
            }
            Place::Item => Place::Item,
            Place::Key => Place::Value,
            Place::Value => Place::Key,
            Place::Name => Place::Field,
            Place::Field => Place::Name,
        };
        top
    }

    #[inline]
    fn charge(&mut self) -> Result<()> {
        self.shared.borrow_mut().budget.node()
    }

    #[cold]
    fn nothing(&mut self) -> Error {
        match self.failed.take() {
            Some(e) => e,
            None => Error::malformed(self.end, "nothing more to be read: the value is complete"),
        }
    }

    #[inline]
    fn look(&self, item: Item<'de>) -> Found<'de> {
        let Item::Node(n) = item else { return Found::Scalar(item) };
        match self.graph().node(n) {
            Some(Node { kind: Kind::Scalar(scalar), .. }) => Found::Scalar(*scalar),
            _ => match self.shared.borrow().numbers.get(n as usize) {
                Some(number) if *number != UNSEEN && *number != self.begun => Found::Back(*number),
                _ => Found::Container(n),
            },
        }
    }

    fn open(&mut self, n: u32) -> Result<()> {
        let node = self.node(n)?;
        let begun = self.begun;
        let shared = self.shared.borrow_mut();
        shared.budget.enter()?;
        if let Some(number) = shared.numbers.get_mut(n as usize)
            && *number == UNSEEN
        {
            *number = begun;
            shared.nodes.push(n);
        }
        self.begun += 1;
        let outer = self.advanced();
        let place = match node.kind {
            Kind::Map => Place::Key,
            Kind::Object(_) | Kind::Global(_) => Place::Name,
            _ => Place::Item,
        };
        let mut frame = Frame { place, at: node.at, ..Frame::default() };
        match node.kind {
            Kind::Object(o) => self.open_object(o, &mut frame)?,
            Kind::Global(g) => {
                let name = self.graph().globals.get(g as usize).map_or(Item::None, |g| Item::Text(g.name));
                self.gather(&[Item::Str(NAME), name], &mut frame);
            }
            _ => Self::read_run(&node, &mut frame),
        }
        self.outer.push(outer);
        self.top = frame;
        Ok(())
    }

    fn read_run(node: &Node<'de>, frame: &mut Frame) {
        let Run { start, len, next } = node.first;
        (frame.pos, frame.end, frame.next, frame.left) = (start, start + len, next, node.len);
    }

    fn gather(&mut self, items: &[Item<'de>], frame: &mut Frame) {
        let start = self.fields.len() as u32;
        self.fields.extend_from_slice(items);
        frame.gathered = Some(start);
        (frame.pos, frame.end, frame.next) = (start, self.fields.len() as u32, END);
        frame.left = frame.end - frame.pos;
    }

    // The fields of an object: its state where that is a dict of names, and whatever else it has.
    fn open_object(&mut self, o: u32, frame: &mut Frame) -> Result<()> {
        let Object { args, kwargs, state, items, .. } =
            self.graph().objects.get(o as usize).copied().unwrap_or_default();
        let plain = |item| item == Item::None;
        if plain(args) && plain(kwargs) && plain(items) {
            if plain(state) {
                return Ok(());
            }
            if let Some(n) = self.fields_of(state)? {
                let node = self.node(n)?;
                Self::read_run(&node, frame);
                return Ok(());
            }
        }
        let mut fields = Vec::new();
        let mut add = |name, item| {
            if !plain(item) {
                fields.extend([Item::Str(name), item]);
            }
        };
        add(ARGS, args);
        add(KWARGS, kwargs);
        // With slots, the state is a pair of dicts.
        let pair = match self.graph().tuple(state) {
            Some([first @ (Item::None | Item::Node(_)), second @ Item::Node(_)]) => [*first, *second],
            _ => [state, Item::None],
        };
        let mut dicts = Vec::new();
        for dict in pair.into_iter().filter(|d| !plain(*d)) {
            match self.fields_of(dict)? {
                Some(n) => dicts.push(n),
                None => {
                    dicts.clear();
                    add(STATE, state);
                    break;
                }
            }
        }
        for n in dicts {
            fields.extend(self.graph().each(n));
        }
        if !plain(items) {
            fields.extend([Item::Str(ITEMS), items]);
        }
        self.gather(&fields, frame);
        Ok(())
    }

    // A dict whose keys are all text, which is looked through for it.
    fn fields_of(&mut self, state: Item<'de>) -> Result<Option<u32>> {
        let Item::Node(n) = state else { return Ok(None) };
        let node = self.node(n)?;
        if !matches!(node.kind, Kind::Map) {
            return Ok(None);
        }
        self.shared.borrow_mut().budget.many(node.len)?;
        let text = |item| matches!(item, Item::Str(_) | Item::Text(_));
        Ok(self.graph().each(n).step_by(2).all(text).then_some(n))
    }

    fn close(&mut self) {
        let Some(outer) = self.outer.pop() else { return };
        let inner = std::mem::replace(&mut self.top, outer);
        if let Some(first) = inner.gathered {
            self.fields.truncate(first as usize);
        }
        self.shared.borrow_mut().budget.leave();
    }

    fn container(&self, n: u32) -> Container<'_> {
        let len = Some(self.top.left as usize);
        let pairs = len.map(|len| len / 2);
        match self.graph().node(n).map(|node| node.kind) {
            Some(Kind::List(kind)) => Container::List { kind, type_name: None, len },
            Some(Kind::Object(o)) => {
                let graph = self.graph();
                let class = graph.objects.get(o as usize).and_then(|o| graph.globals.get(o.class as usize));
                Container::Object { class: class.map_or("", |class| graph.text_of(class.name)), len: pairs }
            }
            Some(Kind::Global(_)) => Container::Object { class: TYPE, len: pairs },
            _ => Container::Map { type_name: None, len: pairs },
        }
    }

    fn scalar(&self, item: Item<'de>) -> Event<'de, '_> {
        match item {
            Item::None | Item::Gap | Item::Node(_) => Event::Null,
            Item::Bool(v) => Event::Bool(v),
            Item::Int(v) => Event::I64(v),
            Item::Float(v) => Event::F64(v),
            Item::Str(v) => Event::Str(Text::Message(v)),
            Item::Bytes(v) => Event::Bytes(Chunk::Message(v)),
            Item::Text(span) => Event::Str(Text::Scratch(self.graph().text_of(span))),
            Item::Blob(span) => Event::Bytes(Chunk::Scratch(self.graph().blob_of(span))),
            Item::Rare(n) => match self.graph().rares.get(n as usize) {
                Some(Rare::Big(v)) => Event::Big(v),
                Some(Rare::Decimal(v)) => Event::Decimal(v),
                Some(Rare::Complex(re, im)) => Event::Complex(*re, *im),
                Some(Rare::DateTime(v)) => Event::DateTime(*v),
                Some(Rare::Remote(v)) => Event::Remote(v),
                None => Event::Null,
            },
        }
    }

    fn next_event(&mut self) -> Result<Event<'de, '_>> {
        let Some(item) = self.coming() else {
            if self.at_end() {
                self.close();
                return Ok(Event::End);
            }
            return Err(self.nothing());
        };
        if self.failed.is_some() {
            return Err(self.nothing());
        }
        let is_key = self.top.place == Place::Name;
        match self.look(item) {
            Found::Scalar(scalar) => {
                self.charge()?;
                self.advance();
                Ok(match self.scalar(scalar) {
                    Event::Str(text) if is_key => Event::Key(text),
                    event => event,
                })
            }
            Found::Back(number) => {
                self.charge()?;
                self.advance();
                Ok(Event::Back(number))
            }
            Found::Container(n) => {
                self.open(n)?;
                Ok(Event::Begin(self.container(n)))
            }
        }
    }

    // Takes a scalar that a short cut saw.
    #[inline]
    fn took(&mut self) -> bool {
        if self.charge().is_err() {
            return false;
        }
        self.advance();
        true
    }

    // What comes next, for the short cuts. Never what stands before an error.
    #[inline]
    fn plain(&self) -> Option<Item<'de>> {
        if self.top.pos < self.top.end { self.coming() } else { None }
    }
}

macro_rules! takes {
    ($($name:ident $item:ident $t:ty;)*) => {$(
        #[inline]
        fn $name(&mut self) -> Option<$t> {
            match self.plain() {
                Some(Item::$item(v)) if self.took() => Some(v),
                _ => None,
            }
        }
    )*};
}

impl<'de, G: Borrow<Graph<'de>>, S: BorrowMut<Seen>> Source<'de> for Walk<'de, G, S> {
    fn peek(&mut self) -> Result<EventKind> {
        let Some(item) = self.coming() else {
            return if self.at_end() { Ok(EventKind::End) } else { Err(self.nothing()) };
        };
        if self.failed.is_some() {
            return Err(self.nothing());
        }
        Ok(match self.look(item) {
            Found::Scalar(_) if self.top.place == Place::Name => EventKind::Key,
            Found::Scalar(item) => self.scalar(item).kind(),
            Found::Back(_) => EventKind::Back,
            Found::Container(n) => match self.node(n)?.kind {
                Kind::List(_) => EventKind::List,
                Kind::Map => EventKind::Map,
                _ => EventKind::Object,
            },
        })
    }

    fn next(&mut self) -> Result<Event<'de, '_>> {
        self.next_event()
    }

    fn skip(&mut self) -> Result<()> {
        if self.at_end() {
            return Err(Error::malformed(self.offset(), "expected a value to pass over, found an end"));
        }
        let depth = self.outer.len();
        loop {
            self.next_event()?;
            if self.outer.len() <= depth {
                return Ok(());
            }
        }
    }

    /// Where the innermost container was begun: things in a memo have no place of their own.
    fn offset(&self) -> usize {
        match self.top.place {
            Place::Done => self.end,
            _ => self.top.at as usize,
        }
    }

    fn begun(&self) -> Option<u32> {
        Some(self.begun)
    }

    fn open_back(&mut self, n: u32) -> Result<Box<dyn Source<'de> + '_>> {
        let offset = self.offset();
        let shared = self.shared.borrow_mut();
        let Some(node) = shared.nodes.get(n as usize) else {
            return Err(Error::malformed(offset, format!("reference to container {n}, which is not there")));
        };
        Ok(Box::new(Again(Walk {
            root: Item::Node(*node),
            graph: self.graph.borrow(),
            shared,
            owner: self.owner,
            failed: None,
            top: Frame::default(),
            outer: Stack::new(),
            begun: n,
            fields: Vec::new(),
            len: self.len,
            end: self.end,
        })))
    }

    fn text_may_be_bytes(&self) -> bool {
        self.graph().python2
    }

    fn owner(&self) -> Option<&'de Bytes> {
        self.owner
    }

    #[inline]
    fn take_i64(&mut self) -> Result<Option<i64>> {
        match self.plain() {
            Some(Item::Int(v)) => {
                self.charge()?;
                self.advance();
                Ok(Some(v))
            }
            _ => Ok(None),
        }
    }

    takes! {
        take_f64 Float f64;
        take_bool Bool bool;
        take_str Str &'de str;
    }

    #[inline]
    fn take_list(&mut self) -> Start {
        self.take_start(|kind| matches!(kind, Kind::List(_)))
    }

    #[inline]
    fn take_map(&mut self) -> Start {
        self.take_start(|kind| matches!(kind, Kind::Map | Kind::Object(_)))
    }

    #[inline]
    fn take_expected(&mut self, expected: &str) -> bool {
        match self.plain() {
            Some(Item::Str(v)) => v == expected && self.took(),
            _ => false,
        }
    }

    #[inline]
    fn take_end(&mut self) -> Result<bool> {
        if self.failed.is_some() {
            return Err(self.nothing());
        }
        let end = self.at_end();
        if end {
            self.close();
        }
        Ok(end)
    }
}

impl<'de, G: Borrow<Graph<'de>>, S: BorrowMut<Seen>> Walk<'de, G, S> {
    #[inline]
    fn take_start(&mut self, fits: impl Fn(Kind<'de>) -> bool) -> Start {
        let Some(item @ Item::Node(n)) = self.plain() else { return Start::Other };
        if !self.graph().node(n).is_some_and(|node| fits(node.kind)) || !matches!(self.look(item), Found::Container(_))
        {
            return Start::Other;
        }
        if !self.graph().node(n).is_some_and(|node| matches!(node.kind, Kind::Object(_))) {
            // Only the budget can stop it, which is not copied here: reading a word of which a part was just written makes
            // the processor wait.
            let budget = &self.shared.borrow().budget;
            if budget.nodes_left() == 0 || budget.depth_left() == 0 || self.open(n).is_err() {
                return Start::Other;
            }
            let pairs = if self.top.place == Place::Item { 1 } else { 2 };
            return Start::Known(self.top.left as usize / pairs);
        }
        // What fails here leaves everything as it was, and `next` tells.
        let (budget, fields) = (self.shared.borrow().budget, self.fields.len());
        let (top, begun) = (self.top, self.begun);
        if self.open(n).is_err() {
            self.shared.borrow_mut().budget = budget;
            self.fields.truncate(fields);
            (self.top, self.begun) = (top, begun);
            return Start::Other;
        }
        let pairs = if self.top.place == Place::Item { 1 } else { 2 };
        Start::Known(self.top.left as usize / pairs)
    }
}

/// A container that is read again. Gives the levels that are still open back at its end.
#[derive(Debug)]
struct Again<'a, 'de>(Walk<'de, &'a Graph<'de>, &'a mut Seen>);

impl Drop for Again<'_, '_> {
    fn drop(&mut self) {
        (0..self.0.outer.len()).for_each(|_| self.0.shared.budget.leave());
    }
}

macro_rules! forwards {
    ($(impl[$($life:lifetime),*] $t:ty;)*) => {$(
        impl<$($life),*> Source<'de> for $t {
            #[inline]
            fn peek(&mut self) -> Result<EventKind> {
                self.0.peek()
            }

            #[inline]
            fn next(&mut self) -> Result<Event<'de, '_>> {
                self.0.next_event()
            }

            fn skip(&mut self) -> Result<()> {
                self.0.skip()
            }

            #[inline]
            fn offset(&self) -> usize {
                self.0.offset()
            }

            #[inline]
            fn begun(&self) -> Option<u32> {
                self.0.begun()
            }

            fn open_back(&mut self, n: u32) -> Result<Box<dyn Source<'de> + '_>> {
                self.0.open_back(n)
            }

            fn text_may_be_bytes(&self) -> bool {
                self.0.text_may_be_bytes()
            }

            #[inline]
            fn owner(&self) -> Option<&'de Bytes> {
                self.0.owner()
            }

            #[inline]
            fn take_i64(&mut self) -> Result<Option<i64>> {
                self.0.take_i64()
            }

            #[inline]
            fn take_f64(&mut self) -> Option<f64> {
                self.0.take_f64()
            }

            #[inline]
            fn take_bool(&mut self) -> Option<bool> {
                self.0.take_bool()
            }

            #[inline]
            fn take_str(&mut self) -> Option<&'de str> {
                self.0.take_str()
            }

            #[inline]
            fn take_list(&mut self) -> Start {
                self.0.take_list()
            }

            #[inline]
            fn take_map(&mut self) -> Start {
                self.0.take_map()
            }

            #[inline]
            fn take_expected(&mut self, expected: &str) -> bool {
                self.0.take_expected(expected)
            }

            #[inline]
            fn take_end(&mut self) -> Result<bool> {
                self.0.take_end()
            }
        }
    )*};
}

forwards! {
    impl['de] Decoder<'de>;
    impl['a, 'de] Again<'a, 'de>;
}
