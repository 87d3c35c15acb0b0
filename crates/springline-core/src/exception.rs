//! What a peer raised, or what we raise to a peer.

use std::fmt;

use crate::Value;

/// A remote exception, fault or Java throwable, as far as the wire tells.
///
/// Each protocol maps it to and from its own form in one file, `fault.rs`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Exception {
    /// Class name as the peer writes it, such as `ValueError` or `bank.InsufficientFunds`.
    pub class: String,
    /// The text a person reads.
    pub message: String,
    /// A number, where the protocol has one (XML-RPC's faultCode).
    pub code: Option<i64>,
    /// The remote traceback, where the peer sends it; never sent by us unless asked to.
    pub traceback: Option<String>,
    /// The exception's arguments, as Python has them. Usually the message alone.
    pub args: Vec<Value>,
    /// Further attributes of the exception object.
    pub attributes: Vec<(String, Value)>,
    /// What it was raised from.
    pub cause: Option<Box<Exception>>,
}

impl Exception {
    /// An exception of a class, with a message as its only argument.
    ///
    /// ```
    /// let e = springline_core::Exception::new("ValueError", "too small");
    /// assert_eq!(e.to_string(), "ValueError: too small");
    /// ```
    pub fn new(class: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { class: class.into(), args: vec![Value::Str(message.clone())], message, ..Self::default() }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// Sets the number.
    #[must_use]
    pub fn with_code(mut self, code: i64) -> Self {
        self.code = Some(code);
        self
    }

    /// Replaces the arguments.
    #[must_use]
    pub fn with_args(mut self, args: Vec<Value>) -> Self {
        self.args = args;
        self
    }

    /// Whether the class is `name`, either of them bare or qualified: `builtins.ValueError` is a `ValueError`,
    /// and where the peer tells no module, its `ValueError` is a `builtins.ValueError`.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        let ends_with = |qualified: &str, bare: &str| qualified.rsplit('.').next() == Some(bare);
        self.class == name || ends_with(&self.class, name) || ends_with(name, &self.class)
    }

    /// The attribute of that name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() { f.write_str(&self.class) } else { write!(f, "{}: {}", self.class, self.message) }
    }
}
