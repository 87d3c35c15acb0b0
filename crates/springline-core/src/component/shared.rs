//! What the components of one application share.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// One value of each type, made when it is first asked for: the listeners that several exporters share, for instance.
///
/// There is nothing process-wide: what was made with one `Shared` knows nothing of another's.
#[derive(Clone, Default)]
pub struct Shared {
    values: Arc<Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>,
}

impl Shared {
    /// The `T` of all who have a clone of this.
    #[must_use]
    pub fn of<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        value.clone().downcast().unwrap_or_else(|_| Arc::new(T::default()))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_type() {
        let (a, b) = (Shared::default(), Shared::default());
        *a.of::<Mutex<u8>>().lock().unwrap() = 7;
        assert_eq!(*a.clone().of::<Mutex<u8>>().lock().unwrap(), 7);
        assert_eq!(*b.of::<Mutex<u8>>().lock().unwrap(), 0);
        assert_eq!(*a.of::<Mutex<u16>>().lock().unwrap(), 0);
    }
}
