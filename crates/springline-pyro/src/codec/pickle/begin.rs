//! How containers begin that are no plain list or dict: tuples, sets, objects, and everything in protocol 0.

use springline_core::{Container, Error, ListKind, Result};

use super::encode::{Encoder, Make, Part, Peer, Shape};
use crate::fault;

impl Encoder<'_> {
    pub(super) fn begin_other(&mut self, c: Container<'_>, hashed: bool) -> Result<()> {
        self.value()?;
        if hashed && matches!(c, Container::List { kind: ListKind::List | ListKind::Set, .. } | Container::Map { .. }) {
            let what = match c {
                Container::List { kind: ListKind::Set, .. } => "set",
                Container::List { .. } => "list",
                _ => "dict",
            };
            return Err(Error::encode(format!("Python has no {what} as a key or in a set: it cannot be hashed")));
        }
        match c {
            Container::List { kind: ListKind::List, .. } if self.protocol > 0 => {
                self.open_marked(b']', Shape::List);
            }
            Container::List { kind: ListKind::List, .. } => {
                self.out.buf.extend_from_slice(b"(l");
                self.put(self.begun);
                self.open(Shape::List, false);
            }
            Container::List { kind: ListKind::Tuple, len, .. } => {
                let short = match len {
                    Some(len @ 1..=3) if self.protocol >= 2 => len as u8,
                    _ => 0,
                };
                if short == 0 {
                    self.out.buf.push(b'(');
                }
                self.open(Shape::Tuple(short), hashed);
            }
            Container::List { kind: ListKind::Set, .. } if self.protocol >= 4 => {
                self.out.buf.push(0x8f);
                self.put(self.begun);
                self.out.buf.push(b'(');
                self.open(Shape::Set, true);
            }
            Container::List { kind: ListKind::FrozenSet, .. } if self.protocol >= 4 => {
                self.out.buf.push(b'(');
                self.open(Shape::FrozenSet, true);
            }
            Container::List { kind, .. } => {
                let (name, shape) =
                    if kind == ListKind::Set { ("set", Shape::Set) } else { ("frozenset", Shape::FrozenSet) };
                self.global("builtins", name);
                self.out.buf.extend_from_slice(b"((");
                self.open(shape, true);
            }
            Container::Map { .. } => self.open_dict(Shape::Map),
            Container::Object { class, .. } => self.begin_object(class)?,
        }
        Ok(())
    }

    fn open_dict(&mut self, shape: Shape) {
        if self.protocol > 0 {
            return self.open_marked(b'}', shape);
        }
        self.out.buf.extend_from_slice(b"(d");
        self.put(self.begun);
        self.open(shape, false);
    }

    fn begin_object(&mut self, class: &str) -> Result<()> {
        let (module, name) = class.rsplit_once('.').unwrap_or(("", class));
        let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
        let make = match (module, name) {
            ("Pyro.errors", "PyroExceptionCapsule") => Some(Make::Old),
            ("datetime", "timedelta" | "timezone") => Some(Make::Call),
            ("Pyro4.futures" | "Pyro4.core", "_ExceptionWrapper") => Some(Make::New),
            ("builtins", _) if fault::is_builtin_exception(name) => Some(Make::Call),
            // As exceptions are told to old peers.
            ("", _) if fault::is_builtin_exception(name) && self.peer == Peer::OldPyro4 => {
                return self.begin_object(&format!("builtins.{name}"));
            }
            ("Pyro4.errors" | "Pyro.errors", _) if fault::is_pyro_error(name) => Some(Make::Call),
            _ if self.instances && plain(name) && module.split('.').all(plain) => Some(Make::New),
            _ => None,
        };
        let Some(make) = make else {
            self.open_dict(Shape::Dict);
            self.text("__class__")?;
            self.done()?;
            self.text(class)?;
            return self.done();
        };
        let part = match make {
            Make::Old => {
                self.out.buf.push(b'(');
                self.global(module, name);
                self.out.buf.push(b'o');
                Part::Made
            }
            // Before protocol 2 this is a call, of which the arguments would have to be known here.
            Make::New if self.protocol < 2 => {
                self.made_without_args(module, name);
                Part::Made
            }
            _ => {
                self.global(module, name);
                Part::Named
            }
        };
        if part == Part::Made {
            self.put(self.begun);
        }
        self.open(Shape::Instance(make, part), false);
        Ok(())
    }

    // Makes the instance, if its arguments did not come.
    pub(super) fn make(&mut self, make: Make, part: Part) {
        if part == Part::Named {
            match make {
                Make::New if self.protocol >= 2 => self.out.buf.extend_from_slice(b")\x81"),
                _ if self.protocol == 0 => self.out.buf.extend_from_slice(b"(tR"),
                _ => self.out.buf.extend_from_slice(b")R"),
            }
            self.put(self.top.number);
        }
    }
}
