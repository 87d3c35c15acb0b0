//! The containers that a reader or writer is in: the first eight need no memory of their own.

const INLINE: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Frames<T> {
    inline: [T; INLINE],
    len: usize,
    more: Vec<T>,
}

impl<T: Copy> Frames<T> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push(&mut self, frame: T) {
        match self.inline.get_mut(self.len) {
            Some(slot) => *slot = frame,
            None => self.more.push(frame),
        }
        self.len += 1;
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        match self.inline.get(self.len) {
            Some(frame) => Some(*frame),
            None => self.more.pop(),
        }
    }

    #[inline]
    pub(super) fn last(&self) -> Option<&T> {
        let at = self.len.checked_sub(1)?;
        self.inline.get(at).or_else(|| self.more.last())
    }

    #[inline]
    pub(super) fn last_mut(&mut self) -> Option<&mut T> {
        let at = self.len.checked_sub(1)?;
        self.inline.get_mut(at).or_else(|| self.more.last_mut())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.inline.iter().take(self.len).chain(&self.more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_in_reverse() {
        let mut frames = Frames::<usize>::default();
        for depth in [1, 7, 8, 9, 30] {
            (0..depth).for_each(|at| frames.push(at));
            assert_eq!(frames.iter().copied().collect::<Vec<_>>(), (0..depth).collect::<Vec<_>>());
            for at in (0..depth).rev() {
                assert_eq!(frames.last().copied(), Some(at));
                assert_eq!(frames.last_mut().copied(), Some(at));
                assert_eq!(frames.pop(), Some(at));
            }
            assert!(frames.last().is_none() && frames.pop().is_none() && frames.len() == 0);
        }
    }
}
