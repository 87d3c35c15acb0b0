//! The classes that the writer of Hessian 2 has defined or is about to define.

use std::collections::HashMap;

use springline_core::{Error, Result};

use super::names::same;

/// A class with its fields, in order.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) class: String,
    pub(super) fields: Vec<String>,
    /// Whether its first object is still being written: fields may be added.
    pub(super) open: bool,
    /// How many fields that object has to have in the end, once another one ended inside of it.
    pub(super) ends: Option<usize>,
    // The announced number of fields, while it is open.
    len: Option<usize>,
    // The shape before it that has the same class.
    before: Option<usize>,
    // Bytes of the code that its first object was written with, as one of another shape.
    written: usize,
}

/// All of them, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    shapes: Vec<Shape>,
    by_class: HashMap<String, usize>,
    last: usize,
    /// Classes whose objects are written as maps.
    pub(super) maps: Vec<String>,
    /// The class that cannot be written with definitions.
    pub(super) given_up: Option<String>,
}

impl Shapes {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.shapes.len()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, shape: usize) -> Option<&mut Shape> {
        self.shapes.get_mut(shape)
    }

    /// The last shape of a class with so many fields.
    #[inline]
    pub(super) fn find(&mut self, class: &str, len: Option<usize>) -> Option<usize> {
        if let Some(shape) = self.shapes.get(self.last)
            && same(shape.class.as_bytes(), class.as_bytes())
            && shape.fits(len)
        {
            return Some(self.last);
        }
        self.find_otherwise(class, len)
    }

    #[inline(never)]
    fn find_otherwise(&mut self, class: &str, len: Option<usize>) -> Option<usize> {
        let mut at = self.by_class.get(class).copied();
        while let Some(number) = at {
            let shape = self.shapes.get(number)?;
            if shape.fits(len) {
                self.last = number;
                return Some(number);
            }
            at = shape.before;
        }
        None
    }

    /// A new shape without fields.
    pub(super) fn add(&mut self, class: &str, len: Option<usize>) -> usize {
        let number = self.shapes.len();
        let before = self.by_class.insert(class.to_owned(), number);
        let fields = Vec::new();
        self.shapes.push(Shape { class: class.to_owned(), fields, open: true, ends: None, len, before, written: 0 });
        self.last = number;
        number
    }

    /// A new shape for an object that was begun as one of `shape` and is like it in its first `fields` fields.
    pub(super) fn branch(&mut self, shape: usize, fields: usize, name: Option<&str>) -> usize {
        let Some(old) = self.shapes.get(shape) else { return shape };
        let (class, len) = (old.class.clone(), old.len);
        let names: Vec<String> = old.fields.iter().take(fields).cloned().chain(name.map(str::to_owned)).collect();
        let number = self.add(&class, len);
        if let Some(new) = self.shapes.get_mut(number) {
            new.fields = names;
            new.written = match shape {
                0..=15 => 1,
                16..=47 => 2,
                48..=2047 => 3,
                2048..=0x3_ffff => 4,
                _ => 6,
            };
        }
        number
    }

    /// Bytes that the definition takes the place of.
    pub(super) fn written(&self, shape: usize) -> usize {
        self.shapes.get(shape).map_or(0, |shape| shape.written)
    }

    #[cold]
    pub(super) fn give_up(&mut self, shape: usize) -> Error {
        let class = self.shapes.get(shape).map(|shape| shape.class.clone()).unwrap_or_default();
        let text = format!("objects of class {class} have different fields, and other classes inside");
        self.given_up = Some(class);
        Error::encode(text)
    }
}

impl Shape {
    #[inline]
    fn fits(&self, len: Option<usize>) -> bool {
        match (self.open, len) {
            (true, len) => self.len == len,
            (false, Some(len)) => self.fields.len() == len,
            (false, None) => true,
        }
    }
}

/// Encodes with `attempt` until no class is given up, with more classes as maps each time.
pub(super) fn attempts(mut attempt: impl FnMut(&[String]) -> (Result<()>, Option<String>)) -> Result<()> {
    let mut maps = Vec::new();
    loop {
        match attempt(&maps) {
            (Err(_), Some(class)) if !maps.contains(&class) => maps.push(class),
            (result, _) => return result,
        }
    }
}
