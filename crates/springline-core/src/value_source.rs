//! Reading a [`Value`] as a source of events.

use std::borrow::BorrowMut;
use std::rc::Rc;

use bytes::Bytes;

use crate::event::{Chunk, Container, Event, Kind, ListKind, Source, Text};
use crate::{Budget, Error, Result, Value};

/// Events of a [`Value`]; text and bytes are borrowed from it.
///
/// What a back reference points at is read by a source of its own, which charges the budget of the one it came from.
pub struct ValueSource<'v, B = Budget> {
    // Until its first event.
    start: Option<&'v Value>,
    stack: Vec<Level<'v>>,
    budget: B,
    taken: usize,
    // The number of the container that begins next.
    begun: u32,
    root: &'v Value,
    // All containers in the order in which they begin: made for the first back reference.
    containers: Option<Rc<[&'v Value]>>,
}

// An open container, with the value that belongs to the key that was read.
enum Level<'v> {
    Items(std::slice::Iter<'v, Value>),
    Pairs(std::slice::Iter<'v, (Value, Value)>, Option<&'v Value>),
    Fields(std::slice::Iter<'v, (String, Value)>, Option<&'v Value>),
}

enum Step<'v> {
    Value(&'v Value),
    Key(&'v str),
    End,
}

impl<'v> ValueSource<'v> {
    /// A source that yields `value` once.
    #[must_use]
    pub fn new(value: &'v Value, budget: Budget) -> Self {
        Self { start: Some(value), stack: Vec::new(), budget, taken: 0, begun: 0, root: value, containers: None }
    }
}

impl<'v, B: BorrowMut<Budget>> ValueSource<'v, B> {
    fn step(&self) -> Option<Step<'v>> {
        if let Some(value) = self.start {
            return Some(Step::Value(value));
        }
        Some(match self.stack.last()? {
            Level::Pairs(_, Some(value)) | Level::Fields(_, Some(value)) => Step::Value(value),
            Level::Items(i) => i.as_slice().first().map_or(Step::End, Step::Value),
            Level::Pairs(i, None) => i.as_slice().first().map_or(Step::End, |(k, _)| Step::Value(k)),
            Level::Fields(i, None) => i.as_slice().first().map_or(Step::End, |(k, _)| Step::Key(k)),
        })
    }

    fn advance(&mut self) {
        if self.start.take().is_some() {
            return;
        }
        match self.stack.last_mut() {
            Some(Level::Items(i)) => {
                i.next();
            }
            Some(Level::Pairs(_, value @ Some(_)) | Level::Fields(_, value @ Some(_))) => *value = None,
            Some(Level::Pairs(i, value)) => *value = i.next().map(|(_, v)| v),
            Some(Level::Fields(i, value)) => *value = i.next().map(|(_, v)| v),
            None => {}
        }
    }

    fn node(&mut self) -> Result<()> {
        self.budget.borrow_mut().node()
    }

    fn over(&self) -> Error {
        Error::malformed(self.taken, "read past the end of a value")
    }

    fn begin(&mut self, value: &'v Value, type_name: Option<&'v str>) -> Result<Event<'v, 'v>> {
        let list = |items: &'v [Value], kind| {
            (Level::Items(items.iter()), Container::List { kind, type_name, len: Some(items.len()) })
        };
        let (level, container) = match value {
            Value::List(v) => list(v, ListKind::List),
            Value::Tuple(v) => list(v, ListKind::Tuple),
            Value::Set(v) => list(v, ListKind::Set),
            Value::FrozenSet(v) => list(v, ListKind::FrozenSet),
            Value::Map(v) => (Level::Pairs(v.iter(), None), Container::Map { type_name, len: Some(v.len()) }),
            Value::Object(o) => {
                (Level::Fields(o.fields.iter(), None), Container::Object { class: &o.class, len: Some(o.fields.len()) })
            }
            Value::Typed(t) => return self.begin(&t.value, Some(&t.type_name)),
            scalar => return Ok(scalar_event(scalar)),
        };
        self.budget.borrow_mut().enter()?;
        self.begun += 1;
        self.stack.push(level);
        Ok(Event::Begin(container))
    }
}

fn kind_of(value: &Value) -> Kind {
    match value {
        Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::FrozenSet(_) => Kind::List,
        Value::Map(_) => Kind::Map,
        Value::Object(_) => Kind::Object,
        Value::Typed(t) => kind_of(&t.value),
        scalar => scalar_event(scalar).kind(),
    }
}

fn scalar_event(value: &Value) -> Event<'_, '_> {
    match value {
        Value::Bool(v) => Event::Bool(*v),
        Value::I32(v) => Event::I32(*v),
        Value::I64(v) => Event::I64(*v),
        Value::Big(v) => Event::Big(v),
        Value::F64(v) => Event::F64(*v),
        Value::Decimal(v) => Event::Decimal(v),
        Value::Complex(re, im) => Event::Complex(*re, *im),
        Value::Str(v) => Event::Str(Text::Message(v)),
        Value::Bytes(v) => Event::Bytes(Chunk::Message(v)),
        Value::DateTime(v) => Event::DateTime(*v),
        Value::Remote(v) => Event::Remote(v),
        Value::Back(n) => Event::Back(*n),
        _ => Event::Null,
    }
}

impl<'v, B: BorrowMut<Budget>> Source<'v> for ValueSource<'v, B> {
    fn peek(&mut self) -> Result<Kind> {
        match self.step() {
            Some(Step::Value(v)) => Ok(kind_of(v)),
            Some(Step::Key(_)) => Ok(Kind::Key),
            Some(Step::End) => Ok(Kind::End),
            None => Err(self.over()),
        }
    }

    fn next(&mut self) -> Result<Event<'v, '_>> {
        let step = self.step().ok_or_else(|| self.over())?;
        self.taken += 1;
        match step {
            Step::Value(value) => {
                self.advance();
                match self.begin(value, None)? {
                    begin @ Event::Begin(_) => Ok(begin),
                    scalar => {
                        self.node()?;
                        Ok(scalar)
                    }
                }
            }
            Step::Key(name) => {
                self.node()?;
                self.advance();
                Ok(Event::Key(Text::Message(name)))
            }
            Step::End => {
                self.stack.pop();
                self.budget.borrow_mut().leave();
                Ok(Event::End)
            }
        }
    }

    fn skip(&mut self) -> Result<()> {
        let step = self.step().ok_or_else(|| self.over())?;
        self.taken += 1;
        self.advance();
        if let Step::Value(value) = step {
            let (nodes, containers) = count(value);
            self.budget.borrow_mut().many(nodes)?;
            self.begun += containers;
        }
        Ok(())
    }

    fn offset(&self) -> usize {
        self.taken
    }

    fn begun(&self) -> Option<u32> {
        Some(self.begun)
    }

    fn open_back(&mut self, n: u32) -> Result<Box<dyn Source<'v> + '_>> {
        let containers = self.containers.get_or_insert_with(|| {
            let mut all = Vec::new();
            list_containers(self.root, &mut all);
            all.into()
        });
        let target = *containers
            .get(n as usize)
            .ok_or_else(|| Error::malformed(self.taken, format!("reference to container {n}, which is not there")))?;
        Ok(Box::new(ValueSource {
            start: Some(target),
            stack: Vec::new(),
            budget: self.budget.borrow_mut(),
            taken: 0,
            begun: n,
            root: self.root,
            containers: Some(containers.clone()),
        }))
    }

    fn take_i64(&mut self) -> Result<Option<i64>> {
        let v = match self.step() {
            Some(Step::Value(Value::I32(v))) => (*v).into(),
            Some(Step::Value(Value::I64(v))) => *v,
            _ => return Ok(None),
        };
        self.taken += 1;
        self.advance();
        self.node()?;
        Ok(Some(v))
    }

    fn owner(&self) -> Option<&'v Bytes> {
        match self.step() {
            Some(Step::Value(Value::Bytes(b))) => Some(b),
            _ => None,
        }
    }
}

// The values in a value, itself included, and how many of them are containers.
fn count(value: &Value) -> (u32, u32) {
    fn all<'v>(values: impl Iterator<Item = &'v Value>) -> (u32, u32) {
        values.map(count).fold((1, 1), |(nodes, containers), (n, c)| (nodes.saturating_add(n), containers + c))
    }
    match value {
        Value::List(v) | Value::Tuple(v) | Value::Set(v) | Value::FrozenSet(v) => all(v.iter()),
        Value::Map(pairs) => all(pairs.iter().flat_map(|(k, v)| [k, v])),
        Value::Object(o) => {
            let (nodes, containers) = all(o.fields.iter().map(|(_, v)| v));
            (nodes.saturating_add(o.fields.len() as u32), containers)
        }
        Value::Typed(t) => count(&t.value),
        _ => (1, 0),
    }
}

fn list_containers<'v>(value: &'v Value, all: &mut Vec<&'v Value>) {
    match value {
        Value::List(v) | Value::Tuple(v) | Value::Set(v) | Value::FrozenSet(v) => {
            all.push(value);
            v.iter().for_each(|v| list_containers(v, all));
        }
        Value::Map(pairs) => {
            all.push(value);
            for (k, v) in pairs {
                list_containers(k, all);
                list_containers(v, all);
            }
        }
        Value::Object(o) => {
            all.push(value);
            o.fields.iter().for_each(|(_, v)| list_containers(v, all));
        }
        Value::Typed(t) => {
            // One container, which is to be read with its name.
            let place = all.len();
            list_containers(&t.value, all);
            if let Some(inner) = all.get_mut(place) {
                *inner = value;
            }
        }
        _ => {}
    }
}
