//! A stack of two-bit marks: the first 64 levels need no memory of their own.

#[derive(Debug, Default)]
pub(super) struct Stack {
    // The newest mark is in the lowest bits.
    top: u128,
    len: u32,
    full: Vec<u128>,
}

const PER_WORD: u32 = u128::BITS / 2;

impl Stack {
    #[inline]
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Adds the low two bits of `mark`.
    #[inline]
    pub(super) fn push(&mut self, mark: u8) {
        if self.len > 0 && self.len.is_multiple_of(PER_WORD) {
            self.full.push(self.top);
            self.top = 0;
        }
        self.top = self.top << 2 | u128::from(mark & 3);
        self.len += 1;
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<u8> {
        self.len = self.len.checked_sub(1)?;
        let mark = (self.top & 3) as u8;
        self.top >>= 2;
        if self.len > 0 && self.len.is_multiple_of(PER_WORD) {
            self.top = self.full.pop().unwrap_or_default();
        }
        Some(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back_in_reverse() {
        let marks: Vec<u8> = (0..1000u32).map(|i| (i * 7 % 11 % 4) as u8).collect();
        let mut stack = Stack::default();
        for depth in [1, 63, 64, 65, 128, 129, 1000] {
            marks.iter().take(depth).for_each(|m| stack.push(*m));
            assert_eq!(stack.len() as usize, depth);
            for m in marks.iter().take(depth).rev() {
                assert_eq!(stack.pop(), Some(*m), "depth {depth}");
            }
            assert_eq!(stack.pop(), None);
        }
    }
}
