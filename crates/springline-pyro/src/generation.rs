//! The two generations that differ in names and numbers but share their serializers.

/// Pyro4 or Pyro5: decides class names, serializer ids and flag bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// Pyro4, wire version 48 (4.38 to 4.82).
    Pyro4,
    /// Pyro5, wire versions 501 and 502.
    Pyro5,
}

impl Generation {
    /// `Pyro4` or `Pyro5`, as its modules are named.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pyro4 => "Pyro4",
            Self::Pyro5 => "Pyro5",
        }
    }
}
