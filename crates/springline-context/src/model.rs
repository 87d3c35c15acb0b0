//! Definitions of objects, as all kinds of files give them.

use springline_core::{ListKind, Value};

use crate::diagnostics::At;

/// A text and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) at: At,
}

/// How many of an object there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One, which all who refer to it share.
    #[default]
    Singleton,
    /// One for each who refers to it.
    Prototype,
}

/// What was written about one object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    pub(crate) id: Text,
    /// Where it begins.
    pub(crate) at: At,
    pub(crate) class: Option<Text>,
    pub(crate) parent: Option<Text>,
    pub(crate) is_abstract: bool,
    pub(crate) lazy: Option<bool>,
    pub(crate) scope: Option<Scope>,
    pub(crate) count: Option<u32>,
    pub(crate) args: Vec<Argument>,
    pub(crate) properties: Vec<(Text, Node)>,
    /// A value with a name, in place of class and properties.
    pub(crate) value: Option<Node>,
}

impl Definition {
    pub(crate) fn new(id: Text, at: At) -> Self {
        Self {
            id,
            at,
            class: None,
            parent: None,
            is_abstract: false,
            lazy: None,
            scope: None,
            count: None,
            args: Vec::new(),
            properties: Vec::new(),
            value: None,
        }
    }
}

/// An argument of a constructor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Argument {
    pub(crate) name: Option<Text>,
    pub(crate) value: Node,
}

/// A value of a property, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: At,
    pub(crate) what: What,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// Text whose meaning depends on the property.
    Text(String),
    /// A value whose type was written down.
    Value(Value),
    /// Another object.
    Ref(String),
    /// An object of its own.
    Object(Box<Definition>),
    /// A list, tuple or set.
    List(ListKind, Vec<Node>),
    /// A dictionary.
    Dict(Vec<(Node, Node)>),
}
