//! The memo: things by number, dense from 0 or 1 on in every pickle that a pickler wrote.

use std::collections::HashMap;

use super::graph::Item;

#[derive(Debug, Default)]
pub(super) struct Memo<'de> {
    dense: Vec<Option<Item<'de>>>,
    // Numbers that leave a gap. Nothing is allocated by a claimed number.
    sparse: HashMap<usize, Item<'de>>,
    len: usize,
}

impl<'de> Memo<'de> {
    #[inline]
    pub(super) fn get(&self, n: usize) -> Option<Item<'de>> {
        match self.dense.get(n) {
            Some(Some(item)) => Some(*item),
            _ if self.sparse.is_empty() => None,
            _ => self.sparse.get(&n).copied(),
        }
    }

    #[inline]
    pub(super) fn put(&mut self, n: usize, item: Item<'de>) {
        let next = self.dense.len();
        match self.dense.get_mut(n) {
            Some(slot) => {
                self.len += usize::from(slot.is_none());
                *slot = Some(item);
            }
            None if n == next => {
                self.dense.push(Some(item));
                self.len += 1;
            }
            None => self.put_far(n, item),
        }
    }

    #[cold]
    fn put_far(&mut self, n: usize, item: Item<'de>) {
        // Python 2's cPickle begins with 1.
        if n == 1 && self.dense.is_empty() {
            self.dense.extend([None, Some(item)]);
            self.len += 1;
        } else {
            self.len += usize::from(self.sparse.insert(n, item).is_none());
        }
    }

    /// The number that MEMOIZE gives: how many are in.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}
