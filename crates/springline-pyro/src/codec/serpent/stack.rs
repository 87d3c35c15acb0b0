//! A stack whose first levels need no memory of their own.

const INLINE: usize = 16;

#[derive(Debug)]
pub(super) struct Stack<T> {
    first: [T; INLINE],
    more: Vec<T>,
    len: usize,
}

impl<T: Copy + Default> Stack<T> {
    pub(super) fn new() -> Self {
        Self { first: [T::default(); INLINE], more: Vec::new(), len: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push(&mut self, v: T) {
        match self.first.get_mut(self.len) {
            Some(slot) => *slot = v,
            None => self.more.push(v),
        }
        self.len += 1;
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        match self.first.get(self.len) {
            Some(v) => Some(*v),
            None => self.more.pop(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_in_first_out() {
        let mut stack = Stack::new();
        for depth in [1, INLINE, INLINE + 1, 100] {
            (0..depth).for_each(|i| stack.push(i));
            assert_eq!(stack.len(), depth);
            (0..depth).rev().for_each(|i| assert_eq!(stack.pop(), Some(i)));
            assert_eq!(stack.pop(), None);
        }
    }
}
