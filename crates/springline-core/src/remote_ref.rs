//! References to remote objects, as values.

/// A reference to a remote object that travels as a value: a Pyro URI or proxy, a Hessian remote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RemoteRef {
    /// Where it is: `PYRO:thing@127.0.0.1:7766`.
    pub uri: String,
    /// The type's name, where the wire has one (Hessian).
    pub type_name: Option<String>,
    /// Whether it travels as a ready-made proxy rather than a bare URI.
    pub proxy: bool,
    /// Names of its methods, where the wire tells.
    pub methods: Vec<String>,
    /// Names of its oneway methods, where the wire tells.
    pub oneway: Vec<String>,
    /// Names of its attributes, where the wire tells.
    pub attrs: Vec<String>,
}

impl RemoteRef {
    /// A bare URI.
    pub fn uri(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), ..Self::default() }
    }

    /// A proxy for the object at `uri`.
    pub fn proxy(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), proxy: true, ..Self::default() }
    }
}
