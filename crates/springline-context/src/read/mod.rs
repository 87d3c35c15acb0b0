//! Files become definitions.

mod elements;
mod literal;
mod toml;
mod tree;
mod xml;

use std::sync::Arc;

use crate::diagnostics::{At, Diagnostics, SourceFile};
use crate::environment::Environment;
use crate::model::{Definition, Text};

pub(crate) use self::toml::{RESERVED, read_toml};
pub(crate) use self::xml::read_xml;

/// Levels that elements or tables may have inside one another.
const DEPTH: usize = 64;

/// What readers fill: the definitions of a file, and what is wrong with it.
pub(crate) struct Reader<'a> {
    file: Arc<SourceFile>,
    environment: &'a Environment,
    diagnostics: &'a mut Diagnostics,
    definitions: Vec<Definition>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(file: Arc<SourceFile>, environment: &'a Environment, diagnostics: &'a mut Diagnostics) -> Self {
        Self { file, environment, diagnostics, definitions: Vec::new() }
    }

    fn at(&self, offset: usize) -> At {
        At { file: self.file.clone(), offset }
    }

    fn wrong(&mut self, offset: usize, message: impl Into<String>) {
        let at = self.at(offset);
        self.diagnostics.add(&at, message);
    }

    // A text with the environment's variables in it. One that cannot be had is told, and stays as it was written.
    fn expand(&mut self, text: &str, offset: usize) -> String {
        match self.environment.expand(text) {
            Ok(text) => text.into_owned(),
            Err((_, message)) => {
                self.wrong(offset, message);
                text.to_owned()
            }
        }
    }

    fn text(&self, text: &str, offset: usize) -> Text {
        Text { text: text.to_owned(), at: self.at(offset) }
    }

    fn truth(&mut self, what: &str, text: &str, offset: usize) -> bool {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => true,
            "false" | "no" | "0" => false,
            _ => {
                self.wrong(offset, format!("{what}: expected true or false, found '{text}'"));
                false
            }
        }
    }

    fn scope(&mut self, text: &str, offset: usize) -> Option<crate::model::Scope> {
        use crate::model::Scope;
        match text {
            "singleton" | "scope.SINGLETON" => Some(Scope::Singleton),
            "prototype" | "scope.PROTOTYPE" => Some(Scope::Prototype),
            _ => {
                self.wrong(offset, format!("scope: expected singleton or prototype, found '{text}'"));
                None
            }
        }
    }

    fn count(&mut self, number: Option<i64>, shown: &str, offset: usize) -> Option<u32> {
        let count = number.and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=MOST).contains(n));
        if count.is_none() {
            self.wrong(offset, format!("count: expected an integer from 1 to {MOST}, found '{shown}'"));
        }
        count
    }
}

/// Objects that one definition may ask for.
const MOST: u32 = 10_000;
