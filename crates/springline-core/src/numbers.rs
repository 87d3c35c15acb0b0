//! Which number a container got in what is written, by its number in what is read.

use std::collections::HashMap;

/// A table from one numbering of containers to another. Where both count the same containers, which is the rule, it is
/// one run and nothing is allocated.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    from: u32,
    to: u32,
    len: u32,
    others: HashMap<u32, u32>,
}

impl Numbers {
    /// Notes that container `from` was written as container `to`.
    #[inline]
    pub(crate) fn note(&mut self, from: u32, to: u32) {
        if self.len == 0 {
            (self.from, self.to) = (from, to);
        } else if !self.others.is_empty()
            || Some(from) != self.from.checked_add(self.len)
            || Some(to) != self.to.checked_add(self.len)
        {
            self.others.insert(from, to);
            return;
        }
        self.len += 1;
    }

    /// As which container `from` was written, last if it was more than once.
    pub(crate) fn get(&self, from: u32) -> Option<u32> {
        if let Some(to) = self.others.get(&from) {
            return Some(*to);
        }
        let index = from.checked_sub(self.from)?;
        if index < self.len { self.to.checked_add(index) } else { None }
    }
}
