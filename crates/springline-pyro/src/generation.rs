//! The generations that differ in names and numbers but share their serializers.

/// Pyro4 or Pyro5: decides class names, serializer ids, flag bits, and the forms that its Python reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// Pyro4 up to 4.25, wire versions 40 to 46.
    Pyro4Early,
    /// Pyro4 4.26 to 4.37, wire version 47.
    Pyro4Middle,
    /// Pyro4, wire version 48 (4.38 to 4.82).
    Pyro4,
    /// Pyro5, wire versions 501 and 502.
    Pyro5,
}

impl Generation {
    /// `Pyro4` or `Pyro5`, as its modules are named.
    #[must_use]
    pub fn name(self) -> &'static str {
        if self.is_pyro4() { "Pyro4" } else { "Pyro5" }
    }

    /// Whether it is one of Pyro4's.
    #[must_use]
    #[inline]
    pub fn is_pyro4(self) -> bool {
        self != Self::Pyro5
    }

    /// Whether its peers may be a Python 2, which has fewer exceptions and no literals of sets.
    #[must_use]
    #[inline]
    pub fn is_old(self) -> bool {
        matches!(self, Self::Pyro4Early | Self::Pyro4Middle)
    }
}
