//! The readers. What the two versions have in common is here: containers, numbers of containers, limits; what differs is
//! a [`Wire`].

mod again;
mod known;
mod source;
mod wire1;
mod wire2;

use std::borrow::Cow;
use std::collections::HashSet;
use std::marker::PhantomData;

use springline_core::{Budget, Bytes, Error, Event, Kind, Result, Start, Text, Value};

use super::Part;
use super::format::Flags;
use known::Known;
pub use wire1::One;
pub use wire2::Two;

/// Reads one value of a message as events; text and bytes are borrowed from it where they lie in it as they are.
///
/// A container's number is its number on the wire, plus one behind the start of the arguments. Containers that
/// stand for a plain value are among the numbers, but not among the events; a reference to one gives the value again.
///
/// What is read again because of a reference is charged to the same budget, texts and bytes by their length, too.
#[derive(Debug)]
pub struct Decoder<'de, W> {
    message: &'de [u8],
    rest: &'de [u8],
    part: Part,
    flags: Flags,
    budget: Budget,
    owner: Option<&'de Bytes>,
    // The innermost container, and those around it.
    top: Frame,
    stack: Vec<Frame>,
    tables: Tables<'de>,
    seen: Seen,
    // The list of arguments or the fault's map, once it has begun, has no number on the wire: it stands before the
    // container that has this one.
    uncounted: Option<u32>,
    // Whether what is read was read before.
    again: bool,
    // Whether of fields with the same name only the last one is given; and the places of those that are not (version 1).
    last_names: bool,
    shadowed: HashSet<usize>,
    // What the object at an offset stands for, once that was looked at.
    ahead: Ahead,
    // The object at this offset is given as it is.
    plain: usize,
    scratch: String,
    bytes: Bytes,
    value: Value,
    wire: PhantomData<W>,
}

/// The tables that numbers on the wire point into. They hold what is known of the message, whoever found it: entries
/// ascend with the offset, and a reader that comes by again knows them by their number.
#[derive(Debug, Default)]
struct Tables<'de> {
    /// Offsets of the containers.
    refs: Vec<usize>,
    types: Vec<Name<'de>>,
    classes: Vec<Class<'de>>,
}

/// How much of the tables a reader has met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    refs: u32,
    types: u32,
    classes: u32,
}

/// A type's name, and where it stands.
#[derive(Debug)]
struct Name<'de> {
    at: usize,
    end: usize,
    text: Cow<'de, str>,
}

/// A class definition.
#[derive(Debug)]
struct Class<'de> {
    at: usize,
    end: usize,
    name: Cow<'de, str>,
    fields: Vec<Cow<'de, str>>,
    known: Option<Known>,
    /// How many different names the fields have.
    distinct: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// The value itself, or nothing more.
    #[default]
    Root,
    /// An item of a list of `left` more.
    Item,
    /// An item of a list, or its end.
    OpenItem,
    /// A map's key, or its end.
    Key,
    Value,
    /// A field's name, of `left` more in version 2.
    Field,
    FieldValue,
    /// The same where some of the fields are passed over.
    LastField,
    LastValue,
}

const PLACES: [Place; 9] = [
    Place::Root,
    Place::Item,
    Place::OpenItem,
    Place::Key,
    Place::Value,
    Place::Field,
    Place::FieldValue,
    Place::LastField,
    Place::LastValue,
];

#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    place: Place,
    left: u32,
    /// An object's class.
    class: u32,
    /// Whether the container's end is that of the message as well (version 1).
    whole: bool,
}

/// An object that was looked at: what it stands for, if anything, and where the reader is behind it.
#[derive(Debug)]
struct Ahead {
    at: usize,
    found: Option<(Value, usize, Seen)>,
}

impl Ahead {
    const NOTHING: Self = Self { at: usize::MAX, found: None };
}

/// What differs between the versions. All methods are called at a value's first byte, which is not that of an end.
pub trait Wire: Sized {
    /// The mark at the end of a container.
    #[doc(hidden)]
    const END: u8;

    /// Makes the reader ready for a part of a message.
    #[doc(hidden)]
    fn open(d: &mut Decoder<'_, Self>) -> Result<()>;

    /// Passes over what stands before a value (class definitions).
    #[doc(hidden)]
    fn prepare(d: &mut Decoder<'_, Self>) -> Result<()>;

    /// What the value is.
    #[doc(hidden)]
    fn kind(d: &mut Decoder<'_, Self>, code: u8) -> Result<Kind>;

    /// Takes the value, or the start of it.
    #[doc(hidden)]
    fn value<'de, 's>(d: &'s mut Decoder<'de, Self>, code: u8) -> Result<Event<'de, 's>>;

    /// Passes over a scalar, or goes into a container.
    #[doc(hidden)]
    fn pass(d: &mut Decoder<'_, Self>, code: u8) -> Result<()>;

    /// The number of the container that a reference stands for, and the offset behind it.
    #[doc(hidden)]
    fn reference(d: &Decoder<'_, Self>) -> Result<(usize, usize)>;

    /// The class with a meaning of its own that the container at an offset has.
    #[doc(hidden)]
    fn known_at(d: &Decoder<'_, Self>, at: usize, seen: Seen) -> Option<Known>;

    /// An object's next field's name, which is not taken, and the offset behind it. None: it is in the scratch.
    #[doc(hidden)]
    fn field<'de>(d: &mut Decoder<'de, Self>) -> Result<(Option<&'de str>, usize)>;

    /// Whether a field with the same name follows the next one.
    #[doc(hidden)]
    fn is_shadowed(d: &Decoder<'_, Self>) -> bool;

    /// Short cuts; see [`Source`](springline_core::Source).
    #[doc(hidden)]
    fn take_long(rest: &[u8]) -> Option<(i64, &[u8])>;
    #[doc(hidden)]
    fn take_double(rest: &[u8]) -> Option<(f64, &[u8])>;
    #[doc(hidden)]
    fn take_plain(rest: &[u8]) -> Option<(&str, &[u8])>;
    #[doc(hidden)]
    fn take_list(d: &mut Decoder<'_, Self>) -> Start;
    #[doc(hidden)]
    fn take_map(d: &mut Decoder<'_, Self>) -> Start;
    #[doc(hidden)]
    fn take_field(d: &mut Decoder<'_, Self>, expected: &str) -> bool;
}

impl<'de, W: Wire> Decoder<'de, W> {
    /// A reader of the part that begins at byte `start` of `message`; offsets in errors count from `message`.
    ///
    /// # Errors
    /// What stands before the arguments of Hessian 1 is read here.
    pub(super) fn open(message: &'de [u8], start: usize, part: Part, flags: Flags, budget: Budget) -> Result<Self> {
        let mut decoder = Self::new(message, start, part, flags, budget);
        W::open(&mut decoder)?;
        Ok(decoder)
    }

    fn new(message: &'de [u8], start: usize, part: Part, flags: Flags, budget: Budget) -> Self {
        Self {
            message,
            rest: message.get(start..).unwrap_or_default(),
            // in version 2 a fault is a map like any other
            part: if part == Part::Fault && W::END == b'Z' { Part::Value } else { part },
            flags,
            budget,
            owner: None,
            top: Frame { place: Place::Root, left: 1, class: 0, whole: false },
            stack: Vec::new(),
            tables: Tables::default(),
            seen: Seen::default(),
            uncounted: None,
            again: false,
            last_names: false,
            shadowed: HashSet::new(),
            ahead: Ahead::NOTHING,
            plain: usize::MAX,
            scratch: String::new(),
            bytes: Bytes::new(),
            value: Value::Null,
            wire: PhantomData,
        }
    }

    /// A reader of one value, with the default options.
    ///
    /// ```
    /// use springline_core::{Limits, Value};
    /// use springline_hessian::codec::{Decoder, Two};
    ///
    /// let mut decoder = Decoder::<Two>::value(b"\x58\x92\x91\x02hi", Limits::new().budget());
    /// assert_eq!(Value::read(&mut decoder)?, Value::List(vec![Value::I32(1), Value::from("hi")]));
    /// decoder.finish()?;
    /// # Ok::<(), springline_core::Error>(())
    /// ```
    #[must_use]
    pub fn value(message: &'de [u8], budget: Budget) -> Self {
        Self::new(message, 0, Part::Value, Flags::NONE, budget)
    }

    /// Names the buffer that `message` is, so that blobs can be taken out of it without a copy.
    #[must_use]
    pub(super) fn with_owner(mut self, owner: &'de Bytes) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Checks that the value was read whole and nothing follows it.
    pub fn finish(&self) -> Result<()> {
        if !self.is_complete() {
            return Err(Error::malformed(self.at(), "the value has not been read to its end"));
        }
        match self.rest.len() {
            0 => Ok(()),
            n => Err(Error::malformed(self.at(), format!("{n} bytes follow the value"))),
        }
    }

    /// After a reply's result of version 1: checks the mark of its end. For what was not read whole there is no telling.
    pub(super) fn finish_reply(&self) -> Result<()> {
        if self.is_complete() && self.rest.first() != Some(&W::END) {
            return Err(self.expected("the z that ends the reply"));
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.stack.is_empty() && self.top.left == 0
    }

    #[inline]
    fn at(&self) -> usize {
        self.message.len() - self.rest.len()
    }

    #[inline]
    fn go_to(&mut self, at: usize) {
        self.rest = self.message.get(at..).unwrap_or_default();
    }

    #[cold]
    fn expected(&self, what: &str) -> Error {
        let message = match self.rest.first() {
            Some(byte) => format!("expected {what}, found byte {byte:#04x}"),
            None => format!("the message is cut short: expected {what}"),
        };
        Error::malformed(self.at(), message)
    }

    // Whether the innermost container ends here.
    #[inline]
    fn at_end(&self) -> bool {
        match self.top.place {
            Place::Root | Place::Item => self.top.left == 0,
            Place::OpenItem | Place::Key => self.rest.first() == Some(&W::END),
            Place::Value | Place::FieldValue | Place::LastValue => false,
            Place::Field | Place::LastField => self.top.left == 0 || self.ends_object(),
        }
    }

    // In version 1 an object is a map; in version 2 `Z` is no name.
    #[inline]
    fn ends_object(&self) -> bool {
        self.top.left == u32::MAX && self.rest.first() == Some(&W::END)
    }

    // Whether a value comes next, and neither an end nor a field's name.
    #[inline]
    fn at_value(&self) -> bool {
        match self.top.place {
            Place::Item | Place::Root => self.top.left != 0,
            Place::OpenItem | Place::Key => self.rest.first() != Some(&W::END),
            Place::Value | Place::FieldValue | Place::LastValue => true,
            Place::Field | Place::LastField => false,
        }
    }

    // Accounts for a value that was read.
    #[inline]
    fn value_done(&mut self) {
        match self.top.place {
            Place::Root | Place::Item => self.top.left = self.top.left.wrapping_sub(1),
            Place::OpenItem => {}
            Place::Key => self.top.place = Place::Value,
            Place::Value => self.top.place = Place::Key,
            Place::FieldValue => self.top.place = Place::Field,
            Place::LastValue => self.top.place = Place::LastField,
            // a name, not a value
            Place::Field | Place::LastField => {}
        }
    }

    // Accounts for a field's name that was read.
    #[inline]
    fn field_done(&mut self) {
        if self.top.left != u32::MAX {
            self.top.left = self.top.left.wrapping_sub(1);
        }
        self.top.place = if self.top.place == Place::Field { Place::FieldValue } else { Place::LastValue };
    }

    // Takes a scalar that ends where `rest` begins.
    #[inline]
    fn took(&mut self, rest: &'de [u8]) -> Result<()> {
        self.budget.node()?;
        self.rest = rest;
        self.value_done();
        Ok(())
    }

    // Charges what is read again by its size.
    #[inline]
    fn charge(&mut self, bytes: usize) -> Result<()> {
        if self.again && bytes >= 64 {
            self.budget.many(u32::try_from(bytes / 64).unwrap_or(u32::MAX))?;
        }
        Ok(())
    }

    // Goes into a container that begins at `at` and whose content begins at `rest`.
    #[inline]
    fn enter(&mut self, at: usize, rest: &'de [u8], frame: Frame) -> Result<()> {
        self.budget.enter()?;
        if self.seen.refs as usize == self.tables.refs.len() {
            self.tables.refs.push(at);
        }
        self.seen.refs += 1;
        self.enter_uncounted(rest, frame);
        Ok(())
    }

    #[inline]
    fn enter_uncounted(&mut self, rest: &'de [u8], frame: Frame) {
        self.value_done();
        self.stack.push(self.top);
        self.top = frame;
        self.rest = rest;
    }

    // Comes out of the innermost container, which is at its end.
    #[inline]
    fn leave(&mut self) -> Result<()> {
        let marked = match self.top.place {
            Place::OpenItem | Place::Key => true,
            _ => self.top.left == u32::MAX,
        };
        let whole = self.top.whole;
        match self.stack.pop() {
            Some(outer) => self.top = outer,
            None => return Err(self.nothing_left()),
        }
        if marked {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        if whole {
            return self.end_of_fault();
        }
        self.budget.leave();
        Ok(())
    }

    // A fault's map is followed by the mark of the reply's end.
    #[cold]
    fn end_of_fault(&mut self) -> Result<()> {
        if self.rest.first() != Some(&W::END) {
            return Err(self.expected("the z that ends the reply"));
        }
        self.rest = self.rest.get(1..).unwrap_or_default();
        self.budget.leave();
        Ok(())
    }

    #[cold]
    fn nothing_left(&self) -> Error {
        Error::malformed(self.at(), "expected a value, but the one here was read to its end")
    }

    // Passes over the fields that are not to be given, where there are any.
    #[inline]
    fn settle(&mut self) -> Result<()> {
        if self.top.place == Place::LastField { self.pass_shadowed() } else { Ok(()) }
    }

    #[cold]
    fn pass_shadowed(&mut self) -> Result<()> {
        while !self.at_end() && W::is_shadowed(self) {
            self.skip_one()?;
            self.skip_one()?;
        }
        Ok(())
    }

    // Passes over one value, or a field's name.
    fn skip_one(&mut self) -> Result<()> {
        let depth = self.stack.len();
        loop {
            self.skip_step()?;
            if self.stack.len() <= depth {
                return Ok(());
            }
        }
    }

    #[inline]
    fn skip_step(&mut self) -> Result<()> {
        if self.at_end() {
            return self.leave();
        }
        if !self.at_value() {
            let (_, end) = W::field(self)?;
            self.budget.node()?;
            self.go_to(end);
            self.field_done();
            return Ok(());
        }
        W::prepare(self)?;
        let code = self.code()?;
        W::pass(self, code)
    }

    #[inline]
    fn code(&self) -> Result<u8> {
        match self.rest.first() {
            Some(code) => Ok(*code),
            None => Err(self.expected("a value")),
        }
    }

    // A field's name as an event's text.
    fn field_text(&mut self) -> Result<Text<'de, '_>> {
        let (text, end) = W::field(self)?;
        self.budget.node()?;
        self.charge(end - self.at())?;
        self.go_to(end);
        self.field_done();
        Ok(match text {
            Some(text) => Text::Message(text),
            None => Text::Scratch(&self.scratch),
        })
    }

    // The number that events go by.
    #[inline]
    fn number(&self, wire: usize) -> u32 {
        let wire = u32::try_from(wire).unwrap_or(u32::MAX);
        if self.uncounted.is_some_and(|before| before <= wire) { wire.saturating_add(1) } else { wire }
    }

    // The number on the wire of one that events go by.
    fn wire_number(&self, n: u32) -> Option<usize> {
        match self.uncounted {
            Some(before) if n == before => None,
            Some(before) if n > before => Some(n as usize - 1),
            _ => Some(n as usize),
        }
    }

    // How much of the tables a reader at `at` has met.
    fn seen_at(&self, refs: usize, at: usize) -> Seen {
        Seen {
            refs: u32::try_from(refs).unwrap_or(u32::MAX),
            types: self.tables.types.partition_point(|name| name.at < at) as u32,
            classes: self.tables.classes.partition_point(|class| class.at < at) as u32,
        }
    }

    // A reader for the container at `at`, which gets the tables.
    fn fork(&mut self, at: usize, seen: Seen, budget: Budget) -> Self {
        let mut inner = Self::new(self.message, at, Part::Value, self.flags, budget);
        inner.owner = self.owner;
        inner.seen = seen;
        inner.uncounted = self.uncounted;
        inner.last_names = self.last_names;
        inner.tables = std::mem::take(&mut self.tables);
        inner
    }

    // What the object at `at` stands for. None: it is an object like any other.
    fn look_at(&mut self, at: usize, seen: Seen) -> Result<Option<(Value, usize, Seen)>> {
        let Some(known) = W::known_at(self, at, seen) else { return Ok(None) };
        let budget = self.budget.within_depth(known::DEPTH);
        let mut inner = self.fork(at, seen, budget);
        inner.plain = at;
        inner.again = true;
        // What does not fit is given as it is, and errors are found once more then.
        let found = Value::read_tree(&mut inner).ok().and_then(|object| known.convert(object));
        let (end, seen) = (inner.at(), inner.seen);
        let used = budget.nodes_left() - inner.budget.nodes_left();
        self.tables = inner.tables;
        self.budget.many(used)?;
        Ok(found.map(|value| (value, end, seen)))
    }

    // Whether the object here stands for something else, which is then in `ahead`.
    #[cold]
    fn stands_for(&mut self, known: Option<Known>) -> Result<bool> {
        let at = self.at();
        if known.is_none() || self.flags.raw_classes() || at == self.plain {
            return Ok(false);
        }
        if self.ahead.at != at {
            let found = self.look_at(at, self.seen)?;
            self.ahead = Ahead { at, found };
        }
        Ok(self.ahead.found.is_some())
    }

    // The same for what a reference here points at. Gives the container's number.
    fn follow(&mut self) -> Result<(usize, bool)> {
        let (number, end) = W::reference(self)?;
        let at = self.at();
        let Some(&target) = self.tables.refs.get(number).filter(|_| number < self.seen.refs as usize) else {
            let before = self.seen.refs;
            return Err(Error::malformed(
                at,
                format!("reference to container {number}, but only {before} came before"),
            ));
        };
        if self.flags.raw_classes() {
            return Ok((number, false));
        }
        if self.ahead.at != at {
            let seen = self.seen_at(number, target);
            let found = self.look_at(target, seen)?;
            self.ahead = Ahead { at, found: found.map(|(value, ..)| (value, end, self.seen)) };
        }
        Ok((number, self.ahead.found.is_some()))
    }

    // What was looked at, as an event.
    fn take_ahead(&mut self) -> Result<Event<'de, '_>> {
        let found = std::mem::replace(&mut self.ahead, Ahead::NOTHING).found;
        let Some((value, end, seen)) = found else { return Err(self.nothing_left()) };
        self.budget.node()?;
        self.go_to(end);
        self.seen = seen;
        self.value_done();
        self.value = value;
        Ok(known::event(&self.value))
    }

    // Takes a reference.
    fn back(&mut self) -> Result<Event<'de, '_>> {
        let (number, scalar) = self.follow()?;
        if scalar {
            return self.take_ahead();
        }
        let (_, end) = W::reference(self)?;
        self.budget.node()?;
        self.go_to(end);
        self.value_done();
        Ok(Event::Back(self.number(number)))
    }

    // Whether the list of arguments or the fault's map, where that is what is read, has begun.
    #[inline]
    fn is_begun(&self) -> bool {
        !matches!(self.part, Part::Arguments | Part::Fault)
    }

    // A kind of what was looked at.
    fn kind_ahead(&self) -> Kind {
        self.ahead.found.as_ref().map_or(Kind::Null, |(value, ..)| known::event(value).kind())
    }
}
