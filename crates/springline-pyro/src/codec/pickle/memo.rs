//! The memo: things by number, dense from 0 or 1 on in every pickle that a pickler wrote.

use std::collections::HashMap;

use super::graph::Item;

#[derive(Debug, Default)]
pub(super) struct Memo<'de> {
    // Gaps are items too, so that an item is copied as a whole.
    dense: Vec<Item<'de>>,
    // Numbers that leave a gap. Nothing is allocated by a claimed number.
    sparse: HashMap<usize, Item<'de>>,
    len: usize,
}

impl<'de> Memo<'de> {
    #[inline]
    pub(super) fn get(&self, n: usize) -> Option<&Item<'de>> {
        match self.dense.get(n) {
            Some(Item::Gap) | None => self.get_far(n),
            found => found,
        }
    }

    #[cold]
    fn get_far(&self, n: usize) -> Option<&Item<'de>> {
        self.sparse.get(&n)
    }

    /// Puts what has the next number, else takes nothing. Inlined, it leaves the item in registers.
    #[inline(always)]
    pub(super) fn put_next(&mut self, n: usize, item: Item<'de>) -> bool {
        let next = n == self.dense.len();
        if next {
            self.dense.push(item);
            self.len += 1;
        }
        next
    }

    pub(super) fn put(&mut self, n: usize, item: Item<'de>) {
        let next = self.dense.len();
        match self.dense.get_mut(n) {
            Some(slot) => {
                self.len += usize::from(matches!(slot, Item::Gap));
                *slot = item;
            }
            None if n == next => {
                self.dense.push(item);
                self.len += 1;
            }
            None => self.put_far(n, item),
        }
    }

    #[cold]
    fn put_far(&mut self, n: usize, item: Item<'de>) {
        // Python 2's cPickle begins with 1.
        if n == 1 && self.dense.is_empty() {
            self.dense.extend([Item::Gap, item]);
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
