//! The stack of open containers that readers and writers keep: no heap for ordinary nesting.

const INLINE: usize = 8;

/// A stack whose first 8 levels lie in place.
#[derive(Debug)]
pub(super) struct Stack<T> {
    near: [T; INLINE],
    far: Vec<T>,
    len: usize,
}

impl<T: Copy + Default> Stack<T> {
    /// An empty one.
    #[inline]
    pub(super) fn new() -> Self {
        Self { near: [T::default(); INLINE], far: Vec::new(), len: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push(&mut self, v: T) {
        match self.near.get_mut(self.len) {
            Some(slot) => *slot = v,
            // Without a function around it, which would take the value by its address: it stays in registers so.
            None => self.far.push(v),
        }
        self.len += 1;
    }

    /// From the outermost to the innermost.
    pub(super) fn iter(&self) -> impl Iterator<Item = T> {
        self.near.iter().copied().take(self.len).chain(self.far.iter().copied())
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        match self.near.get(self.len) {
            Some(v) => Some(*v),
            None => self.far.pop(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spills_and_comes_back() {
        let mut s = Stack::new();
        (0..40u64).for_each(|v| s.push(v));
        assert_eq!((s.len(), s.far.len()), (40, 40 - INLINE));
        assert_eq!((0..40).map(|_| s.pop().unwrap()).collect::<Vec<_>>(), (0..40).rev().collect::<Vec<_>>());
        assert_eq!((s.pop(), s.len()), (None, 0));
    }
}
