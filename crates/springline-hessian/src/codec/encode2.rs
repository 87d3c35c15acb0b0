//! The writer of Hessian 2.

use num_bigint::BigInt;
use springline_core::ser::class_of;
use springline_core::{Bytes, Container, DateTime, Error, ListKind, Output, RemoteRef, Result, Sink};

use super::encode1::{miscounted, no_container};
use super::java::{self, Moment};
use super::names::{Names, same};
use super::refs::Refs;
use super::shapes::{Shape, Shapes};
use super::{Part, WriteOptions, ints, text};

/// Writes Hessian 2 in the smallest forms, as Java does, byte for byte.
///
/// A class is defined where its first object begins, but the names of its fields are known only when that object ends:
/// the definition is put in front of it then. Objects of a class that turn out to have other fields than the first one
/// get a definition of their own. Where that comes too late, because another class was defined inside, the writer gives
/// up with an error: [`write`](super::write) then begins anew and writes that class as typed maps.
#[derive(Debug)]
pub struct Encoder<'o> {
    out: &'o mut Output,
    options: WriteOptions,
    refs: Refs,
    types: Names,
    shapes: Shapes,
    part: Part,
    top: Open,
    stack: Vec<Open>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// The value itself.
    #[default]
    Root,
    /// A list whose head has its length.
    List,
    /// A list whose length is filled in at its end; or the count of arguments.
    Slot,
    Map,
    /// An object that is written as a map.
    Plain,
    /// An object whose class was defined before.
    Instance,
    /// The object that its class is defined for.
    First,
}

#[derive(Clone, Copy, Debug, Default)]
struct Open {
    kind: Kind,
    /// Values still owed, keys of maps included; counted below zero where the length is unknown.
    left: i64,
    /// Whether the length was announced.
    known: bool,
    /// Where an object's code or a list's slot lies.
    at: usize,
    /// An object's class, the fields so far, and how many classes there were before it.
    shape: usize,
    fields: usize,
    shapes: usize,
}

impl<'o> Encoder<'o> {
    /// A writer of one value, of the list of arguments behind its count, or of a fault's map, at the end of `out`.
    #[must_use]
    pub fn new(out: &'o mut Output, part: Part, options: &WriteOptions) -> Self {
        Self {
            out,
            options: *options,
            refs: Refs::default(),
            types: Names::default(),
            shapes: Shapes::default(),
            part,
            top: Open::default(),
            stack: Vec::new(),
        }
    }

    /// The same with classes whose objects are written as typed maps.
    pub(super) fn with_maps(mut self, classes: &[String]) -> Self {
        self.shapes.maps = classes.to_vec();
        self
    }

    /// The class that the writer gave up for.
    pub(super) fn given_up(&self) -> Option<&str> {
        self.shapes.given_up.as_deref()
    }

    /// Refuses a scalar where the part is a container.
    pub(super) fn finish(&self) -> Result<()> {
        match self.part {
            Part::Arguments => Err(Error::encode("the arguments of a call must be a list")),
            Part::Fault => Err(Error::encode("a fault must be a map")),
            Part::Value | Part::Reply => Ok(()),
        }
    }

    #[inline]
    fn count(&mut self) {
        self.top.left = self.top.left.wrapping_sub(1);
    }

    #[inline]
    fn enter(&mut self, kind: Kind, left: Option<i64>, at: usize) {
        self.refs.begun += 1;
        self.stack.push(self.top);
        self.top = Open { kind, left: left.unwrap_or(0), known: left.is_some(), at, ..Open::default() };
    }

    // What is an object to Java and one value here.
    fn hidden(&mut self, f: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let before = self.refs.begun;
        f(self)?;
        self.refs.hide_since(before);
        Ok(())
    }

    // A type's name, or its number where it was named before.
    fn type_name(&mut self, name: &str) {
        match self.types.number(name) {
            Some(number) => ints::push_int(&mut self.out.buf, number),
            None => push_text(&mut self.out.buf, name),
        }
    }

    fn begin_list(&mut self, type_name: Option<&str>, len: Option<usize>) -> Result<()> {
        self.count();
        match (type_name, len) {
            (Some(name), Some(len @ 0..=7)) => {
                self.out.buf.push(0x70 + len as u8);
                self.type_name(name);
            }
            (Some(name), _) => {
                self.out.buf.push(b'V');
                self.type_name(name);
            }
            (None, Some(len @ 0..=7)) => self.out.buf.push(0x78 + len as u8),
            (None, _) => self.out.buf.push(b'X'),
        }
        if let Some(len) = len {
            if len > 7 {
                ints::push_int(&mut self.out.buf, list_len(len)?);
            }
            self.enter(Kind::List, Some(len as i64), 0);
        } else {
            self.slot();
        }
        Ok(())
    }

    // A length of fixed width: a shorter one would move everything after it.
    fn slot(&mut self) {
        let at = self.out.buf.len();
        self.out.buf.extend_from_slice(&[b'I', 0, 0, 0, 0]);
        self.enter(Kind::Slot, None, at);
    }

    #[inline]
    fn begin_object(&mut self, class: &str, len: Option<usize>) -> Result<()> {
        self.count();
        if !self.shapes.maps.is_empty() && self.shapes.maps.iter().any(|name| name == class) {
            self.out.buf.push(b'M');
            self.type_name(class);
            self.enter(Kind::Plain, None, 0);
            return Ok(());
        }
        let (at, shapes) = (self.out.buf.len(), self.shapes.len());
        let kind = match self.shapes.find(class, len) {
            Some(shape) => {
                push_instance(&mut self.out.buf, shape)?;
                self.enter(Kind::Instance, Some(0), at);
                self.top.shape = shape;
                Kind::Instance
            }
            None => {
                self.enter(Kind::First, Some(0), at);
                self.top.shape = self.shapes.add(class, len);
                Kind::First
            }
        };
        debug_assert_eq!(kind, self.top.kind);
        self.top.shapes = shapes;
        Ok(())
    }

    // A field that the class, as it was defined, does not have at this place.
    #[cold]
    fn other_field(&mut self, name: Option<&str>) -> Result<()> {
        let Open { kind, shape, fields, shapes, .. } = self.top;
        if kind == Kind::First || shapes != self.shapes.len() {
            return Err(self.shapes.give_up(shape));
        }
        self.top.shape = self.shapes.branch(shape, fields, name);
        self.top.fields += usize::from(name.is_some());
        self.top.kind = Kind::First;
        Ok(())
    }

    #[inline]
    fn field(&mut self, name: &str) -> Result<()> {
        let Some(Shape { fields, open, ends, .. }) = self.shapes.get_mut(self.top.shape) else {
            return Err(Error::encode("a field outside of an object"));
        };
        match fields.get(self.top.fields) {
            Some(expected) if same(expected.as_bytes(), name.as_bytes()) => {}
            None if *open && ends.is_none() => fields.push(name.to_owned()),
            _ => return self.other_field(Some(name)),
        }
        self.top.fields += 1;
        Ok(())
    }

    fn end_object(&mut self) -> Result<()> {
        let fields = self.top.fields;
        if let Some(shape) = self.shapes.get_mut(self.top.shape)
            && self.top.kind == Kind::Instance
        {
            // The first object of the class may still be open: from now on it has to have as many fields.
            let fits =
                if shape.open { *shape.ends.get_or_insert(fields) == fields } else { shape.fields.len() == fields };
            if fits {
                return Ok(());
            }
            self.other_field(None)?;
        }
        let (at, number) = (self.top.at, self.top.shape);
        let Some(shape) = self.shapes.get_mut(number) else { return Ok(()) };
        shape.open = false;
        if shape.fields.len() != fields {
            return Err(self.shapes.give_up(number));
        }
        let mut head = Vec::with_capacity(64);
        head.push(b'C');
        push_text(&mut head, &shape.class);
        ints::push_int(&mut head, list_len(fields)?);
        shape.fields.iter().for_each(|name| push_text(&mut head, name));
        push_instance(&mut head, number)?;
        self.out.replace(at..at + self.shapes.written(number), &head);
        Ok(())
    }
}

/// A text in its smallest form.
#[inline]
pub(super) fn push_text(out: &mut Vec<u8>, v: &str) {
    if v.len() <= 31 && v.is_ascii() {
        out.push(v.len() as u8);
        out.extend_from_slice(v.as_bytes());
    } else {
        push_long_text(out, v);
    }
}

fn push_long_text(out: &mut Vec<u8>, v: &str) {
    let mut rest = v;
    let mut left = text::units(v);
    while left > text::CHUNK {
        let (chunk, units, tail) = text::split(rest, text::CHUNK);
        let [.., a, b] = units.to_be_bytes();
        out.extend_from_slice(&[b'R', a, b]);
        text::push(out, chunk);
        (rest, left) = (tail, left - units);
    }
    let [.., a, b] = left.to_be_bytes();
    match left {
        0..=31 => out.push(b),
        32..=1023 => out.extend_from_slice(&[0x30 + a, b]),
        _ => out.extend_from_slice(&[b'S', a, b]),
    }
    text::push(out, rest);
}

#[inline]
fn push_instance(out: &mut Vec<u8>, shape: usize) -> Result<()> {
    match shape {
        0..=15 => out.push(0x60 + shape as u8),
        _ => {
            out.push(b'O');
            ints::push_int(out, list_len(shape)?);
        }
    }
    Ok(())
}

#[inline]
fn push_bytes_head(out: &mut Vec<u8>, len: usize) {
    let [.., a, b] = len.to_be_bytes();
    match len {
        0..=15 => out.push(0x20 + b),
        16..=1023 => out.extend_from_slice(&[0x34 + a, b]),
        _ => out.extend_from_slice(&[b'B', a, b]),
    }
}

fn list_len(len: usize) -> Result<i32> {
    i32::try_from(len).map_err(|_| Error::encode(format!("a list or class of {len} items: Hessian counts in 31 bits")))
}

impl Sink for Encoder<'_> {
    #[inline]
    fn null(&mut self) -> Result<()> {
        self.count();
        self.out.buf.push(b'N');
        Ok(())
    }

    #[inline]
    fn bool(&mut self, v: bool) -> Result<()> {
        self.count();
        self.out.buf.push(if v { b'T' } else { b'F' });
        Ok(())
    }

    #[inline]
    fn i32(&mut self, v: i32) -> Result<()> {
        self.count();
        ints::push_int(&mut self.out.buf, v);
        Ok(())
    }

    #[inline]
    fn i64(&mut self, v: i64) -> Result<()> {
        self.count();
        ints::push_long(&mut self.out.buf, v);
        Ok(())
    }

    fn big(&mut self, v: &BigInt) -> Result<()> {
        self.hidden(|sink| java::write_big(sink, v))
    }

    #[inline]
    fn f64(&mut self, v: f64) -> Result<()> {
        self.count();
        ints::push_double(&mut self.out.buf, v);
        Ok(())
    }

    #[inline]
    fn str(&mut self, v: &str) -> Result<()> {
        self.count();
        push_text(&mut self.out.buf, v);
        Ok(())
    }

    fn bytes(&mut self, v: &[u8]) -> Result<()> {
        self.count();
        let mut rest = v;
        while let Some((chunk, tail @ [_, ..])) = rest.split_at_checked(text::CHUNK) {
            let [.., a, b] = text::CHUNK.to_be_bytes();
            self.out.buf.extend_from_slice(&[b'A', a, b]);
            self.out.buf.extend_from_slice(chunk);
            rest = tail;
        }
        push_bytes_head(&mut self.out.buf, rest.len());
        self.out.buf.extend_from_slice(rest);
        Ok(())
    }

    fn blob(&mut self, mut v: Bytes) -> Result<()> {
        if v.len() < Output::BY_REFERENCE {
            return self.bytes(&v);
        }
        self.count();
        while v.len() > text::CHUNK {
            let [.., a, b] = text::CHUNK.to_be_bytes();
            self.out.buf.extend_from_slice(&[b'A', a, b]);
            self.out.blob(v.split_to(text::CHUNK));
        }
        push_bytes_head(&mut self.out.buf, v.len());
        self.out.blob(v);
        Ok(())
    }

    fn datetime(&mut self, v: &DateTime) -> Result<()> {
        match Moment::of(v, self.options.java_time)? {
            Moment::Handles(package) => self.hidden(|sink| java::write_handles(sink, package, v)),
            Moment::Millis(millis) => {
                self.count();
                match i32::try_from(millis / 60_000) {
                    Ok(minutes) if millis % 60_000 == 0 => {
                        let [a, b, c, d] = minutes.to_be_bytes();
                        self.out.buf.extend_from_slice(&[0x4b, a, b, c, d]);
                    }
                    _ => {
                        self.out.buf.push(0x4a);
                        self.out.buf.extend_from_slice(&millis.to_be_bytes());
                    }
                }
                Ok(())
            }
        }
    }

    fn remote(&mut self, v: &RemoteRef) -> Result<()> {
        self.hidden(|sink| java::write_remote(sink, v))
    }

    #[inline]
    fn begin(&mut self, c: Container<'_>) -> Result<()> {
        match (std::mem::replace(&mut self.part, Part::Value), c) {
            (Part::Arguments, Container::List { len, .. }) => {
                match len {
                    Some(len) => {
                        ints::push_int(&mut self.out.buf, list_len(len)?);
                        self.enter(Kind::List, Some(len as i64), 0);
                    }
                    None => self.slot(),
                }
                self.refs.skip_first();
                return Ok(());
            }
            (Part::Arguments, _) => return Err(Error::encode("the arguments of a call must be a list")),
            (Part::Fault, Container::List { .. } | Container::Object { .. }) => {
                return Err(Error::encode("a fault must be a map"));
            }
            _ => {}
        }
        match c {
            Container::List { kind, type_name, len } => match (type_name, kind) {
                (None, ListKind::Set | ListKind::FrozenSet) => self.begin_list(Some(java::HASH_SET), len),
                _ => self.begin_list(type_name, len),
            },
            Container::Map { type_name, len } => {
                self.count();
                match type_name {
                    None | Some("") => self.out.buf.push(b'H'),
                    Some(name) => {
                        self.out.buf.push(b'M');
                        self.type_name(name);
                    }
                }
                self.enter(Kind::Map, len.map(|n| (n as i64).saturating_mul(2)), 0);
                Ok(())
            }
            Container::Object { class, len } => self.begin_object(class, len),
        }
    }

    #[inline]
    fn key(&mut self, name: &str) -> Result<()> {
        match self.top.kind {
            Kind::Instance | Kind::First if self.top.left == 0 => {
                self.top.left = 1;
                self.field(name)
            }
            Kind::Plain => self.str(name),
            _ => Err(Error::encode(format!("field '{name}' where a value is expected"))),
        }
    }

    #[inline]
    fn end(&mut self) -> Result<()> {
        let Open { kind, left, known, at, .. } = self.top;
        match kind {
            Kind::Root => return Err(Error::encode("the end of a container, but none is open")),
            _ if known && left != 0 => return Err(miscounted(left)),
            Kind::List => {}
            Kind::Instance | Kind::First => self.end_object()?,
            Kind::Map | Kind::Plain if left % 2 != 0 => {
                return Err(Error::encode("a map ends after a key without its value"));
            }
            Kind::Map | Kind::Plain => self.out.buf.push(b'Z'),
            Kind::Slot => {
                let len = list_len(left.unsigned_abs() as usize)?.to_be_bytes();
                if let Some(slot) = self.out.buf.get_mut(at + 1..at + 5) {
                    slot.copy_from_slice(&len);
                }
            }
        }
        self.top = self.stack.pop().unwrap_or_default();
        Ok(())
    }

    fn variant(&mut self, enum_name: &str, variant: &str) -> Result<()> {
        match class_of(enum_name) {
            Some(class) => self.hidden(|sink| java::write_variant(sink, class, variant)),
            None => self.str(variant),
        }
    }

    fn decimal(&mut self, v: &str) -> Result<()> {
        self.hidden(|sink| java::write_decimal(sink, v))
    }

    fn has_back(&self) -> bool {
        true
    }

    fn begun(&self) -> u32 {
        self.refs.begun
    }

    fn back(&mut self, n: u32) -> Result<()> {
        let wire = self.refs.wire(n).ok_or_else(|| no_container(n))?;
        self.count();
        self.out.buf.push(b'Q');
        ints::push_int(&mut self.out.buf, wire);
        Ok(())
    }

    fn i64s(&mut self, v: &[i64]) -> Result<()> {
        self.top.left = self.top.left.wrapping_sub(v.len() as i64);
        self.out.buf.reserve(v.len());
        v.iter().for_each(|&x| ints::push_long(&mut self.out.buf, x));
        Ok(())
    }

    fn f64s(&mut self, v: &[f64]) -> Result<()> {
        self.top.left = self.top.left.wrapping_sub(v.len() as i64);
        self.out.buf.reserve(v.len());
        v.iter().for_each(|&x| ints::push_double(&mut self.out.buf, x));
        Ok(())
    }
}
