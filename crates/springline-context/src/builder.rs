//! Setting up a context.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use springline_core::Result;
use springline_core::component::{Class, Driver};
use tracing::debug;

use crate::classes::Classes;
use crate::context::ApplicationContext;
use crate::diagnostics::{Diagnostics, SourceFile};
use crate::environment::Environment;
use crate::plan::Plan;
use crate::read::{Reader, read_toml, read_xml};

/// Sets up an [`ApplicationContext`]: files and classes.
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    classes: Classes,
    sources: Vec<Source>,
    environment: Environment,
}

#[derive(Clone, Debug)]
enum Source {
    File(PathBuf),
    Text(Kind, String, String),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Xml,
    Toml,
}

impl Builder {
    /// The classes that there are, in place of those that were added so far.
    pub fn classes(mut self, classes: Classes) -> Self {
        self.classes = classes;
        self
    }

    /// Adds the classes of a driver.
    pub fn driver(mut self, driver: &Driver) -> Self {
        self.classes = std::mem::take(&mut self.classes).driver(driver);
        self
    }

    /// Adds a class of the program's own; see [`Classes::class`].
    pub fn class(mut self, name: impl Into<String>, define: impl FnOnce(Class) -> Class) -> Self {
        self.classes = std::mem::take(&mut self.classes).class(name, define);
        self
    }

    /// Adds a file: TOML where its name ends in `.toml`, else XML. Files add up: an object of one may refer to those of
    /// another. It is read when the context is built, and again when it is reloaded.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.push(Source::File(path.into()));
        self
    }

    /// Adds XML from memory, under a name for messages.
    pub fn xml(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.sources.push(Source::Text(Kind::Xml, name.into(), text.into()));
        self
    }

    /// Adds TOML from memory, under a name for messages.
    pub fn toml(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.sources.push(Source::Text(Kind::Toml, name.into(), text.into()));
        self
    }

    /// Where `${NAME}` comes from. Default: the process's environment.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    pub(crate) fn plan(&self) -> Result<Plan, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let mut definitions = Vec::new();
        for source in &self.sources {
            let Some((kind, file)) = load(source, &mut diagnostics) else { continue };
            debug!(target: "springline::context", file = %file.name, "scanning the configuration for object definitions");
            let file = Arc::new(file);
            let reader = Reader::new(file.clone(), &self.environment, &mut diagnostics);
            let found = match kind {
                Kind::Xml => read_xml(reader),
                Kind::Toml => read_toml(reader),
            };
            for definition in &found {
                debug!(target: "springline::context", id = definition.id.text, "found an object definition");
            }
            debug!(target: "springline::context", file = %file.name, objects = found.len(), "done reading object definitions");
            definitions.extend(found);
        }
        let plan = Plan::make(definitions, &self.classes, &mut diagnostics);
        diagnostics.or(plan)
    }

    /// Reads and checks everything, and makes the objects, which does not connect to anything. Nothing is started yet:
    /// see [`ApplicationContext::start`].
    ///
    /// # Errors
    /// All that is wrong with the files.
    pub fn build(self) -> Result<ApplicationContext, Diagnostics> {
        ApplicationContext::new(self)
    }

    /// Builds the context and starts its exporters, on the current runtime.
    ///
    /// # Errors
    /// As [`build`](Self::build), in one error, and as [`ApplicationContext::start`].
    pub async fn start(self) -> Result<ApplicationContext> {
        let context = self.build()?;
        context.start().await?;
        Ok(context)
    }
}

fn load(source: &Source, diagnostics: &mut Diagnostics) -> Option<(Kind, SourceFile)> {
    match source {
        Source::Text(kind, name, text) => Some((*kind, SourceFile::new(name.clone(), text.clone()))),
        Source::File(path) => {
            let name = path.display().to_string();
            match std::fs::read(path).map(String::from_utf8) {
                Ok(Ok(text)) => Some((kind_of(path), SourceFile::new(name, text))),
                Ok(Err(e)) => {
                    let at = e.utf8_error().valid_up_to();
                    let good = String::from_utf8_lossy(e.as_bytes().get(..at).unwrap_or_default()).into_owned();
                    let file = Arc::new(SourceFile::new(name, good));
                    let at = crate::diagnostics::At { file, offset: at };
                    diagnostics.add(&at, "the file is not UTF-8 from here on");
                    None
                }
                Err(e) => {
                    diagnostics.add_file(&name, format!("the file cannot be read: {e}"));
                    None
                }
            }
        }
    }
}

fn kind_of(path: &Path) -> Kind {
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("toml") => Kind::Toml,
        _ => Kind::Xml,
    }
}
