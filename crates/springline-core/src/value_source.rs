//! Reading a [`Value`] as a source of events.

use bytes::Bytes;

use crate::event::{Chunk, Container, Event, Kind, ListKind, Source, Text};
use crate::{Budget, Error, Result, Value};

/// Events of a [`Value`]; text and bytes are borrowed from it.
pub struct ValueSource<'v> {
    root: &'v Value,
    stack: Vec<Level<'v>>,
    // The value that was begun but not delivered: the root, or a map's value after its key.
    pending: Option<&'v Value>,
    budget: Budget,
    taken: usize,
}

enum Level<'v> {
    Items(std::slice::Iter<'v, Value>),
    Pairs(std::slice::Iter<'v, (Value, Value)>),
    Fields(std::slice::Iter<'v, (String, Value)>),
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
        Self { root: value, stack: Vec::new(), pending: Some(value), budget, taken: 0 }
    }

    fn step(&self) -> Option<Step<'v>> {
        if let Some(value) = self.pending {
            return Some(Step::Value(value));
        }
        Some(match self.stack.last()? {
            Level::Items(i) => i.as_slice().first().map_or(Step::End, Step::Value),
            Level::Pairs(i) => i.as_slice().first().map_or(Step::End, |(k, _)| Step::Value(k)),
            Level::Fields(i) => i.as_slice().first().map_or(Step::End, |(k, _)| Step::Key(k)),
        })
    }

    fn advance(&mut self) {
        if self.pending.take().is_some() {
            return;
        }
        match self.stack.last_mut() {
            Some(Level::Items(i)) => {
                i.next();
            }
            Some(Level::Pairs(i)) => self.pending = i.next().map(|(_, v)| v),
            Some(Level::Fields(i)) => self.pending = i.next().map(|(_, v)| v),
            None => {}
        }
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
            Value::Map(v) => (Level::Pairs(v.iter()), Container::Map { type_name, len: Some(v.len()) }),
            Value::Object(o) => {
                (Level::Fields(o.fields.iter()), Container::Object { class: &o.class, len: Some(o.fields.len()) })
            }
            Value::Typed(t) => return self.begin(&t.value, Some(&t.type_name)),
            scalar => return Ok(scalar_event(scalar)),
        };
        self.budget.enter()?;
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

impl<'v> Source<'v> for ValueSource<'v> {
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
                        self.budget.node()?;
                        Ok(scalar)
                    }
                }
            }
            Step::Key(name) => {
                self.budget.node()?;
                self.advance();
                Ok(Event::Key(Text::Message(name)))
            }
            Step::End => {
                self.stack.pop();
                self.budget.leave();
                Ok(Event::End)
            }
        }
    }

    fn skip(&mut self) -> Result<()> {
        self.step().ok_or_else(|| self.over())?;
        self.taken += 1;
        self.advance();
        Ok(())
    }

    fn offset(&self) -> usize {
        self.taken
    }

    fn open_back(&mut self, n: u32) -> Result<Box<dyn Source<'v> + '_>> {
        let target = nth_container(self.root, &mut { n })
            .ok_or_else(|| Error::malformed(self.taken, format!("reference to container {n}, which is not there")))?;
        let mut budget = self.budget;
        budget.enter()?;
        let mut source = ValueSource::new(target, budget);
        source.root = self.root;
        Ok(Box::new(source))
    }

    fn owner(&self) -> Option<&'v Bytes> {
        match self.step() {
            Some(Step::Value(Value::Bytes(b))) => Some(b),
            _ => None,
        }
    }
}

// Containers are counted in the order in which they begin.
fn nth_container<'v>(value: &'v Value, n: &mut u32) -> Option<&'v Value> {
    match value {
        Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::FrozenSet(_) => {}
        Value::Map(_) | Value::Object(_) | Value::Typed(_) => {}
        _ => return None,
    }
    if *n == 0 {
        return Some(value);
    }
    *n -= 1;
    match value {
        Value::Map(pairs) => pairs.iter().find_map(|(k, v)| nth_container(k, n).or_else(|| nth_container(v, n))),
        Value::Object(o) => o.fields.iter().find_map(|(_, v)| nth_container(v, n)),
        Value::Typed(t) => match &t.value {
            Value::Map(pairs) => pairs.iter().find_map(|(k, v)| nth_container(k, n).or_else(|| nth_container(v, n))),
            inner => inner.as_items()?.iter().find_map(|v| nth_container(v, n)),
        },
        other => other.as_items()?.iter().find_map(|v| nth_container(v, n)),
    }
}
