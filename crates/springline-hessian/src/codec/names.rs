//! Names that get numbers in the order in which they are written.

use std::collections::HashMap;

/// A table of names.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Box<str>, i32>,
    // The last one asked for: lists of one type come in rows.
    last: Option<(Box<str>, i32)>,
}

impl Names {
    /// The name's number; none for a new one, which then has the next.
    pub(super) fn number(&mut self, name: &str) -> Option<i32> {
        if let Some((last, number)) = &self.last
            && same(last.as_bytes(), name.as_bytes())
        {
            return Some(*number);
        }
        let known = self.numbers.get(name).copied();
        let number = known.unwrap_or_else(|| {
            let next = self.numbers.len() as i32;
            self.numbers.insert(name.into(), next);
            next
        });
        self.last = Some((name.into(), number));
        known
    }
}

/// Whether two names are equal: overlapping words instead of a call, for the short ones.
#[inline]
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.len() > 32 {
        return a == b;
    }
    macro_rules! ends {
        ($n:literal) => {
            if let (Some(a0), Some(b0), Some(a1), Some(b1)) =
                (a.first_chunk::<$n>(), b.first_chunk::<$n>(), a.last_chunk::<$n>(), b.last_chunk::<$n>())
            {
                return a0 == b0 && a1 == b1;
            }
        };
    }
    ends!(16);
    ends!(8);
    ends!(4);
    ends!(2);
    a.first() == b.first()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_once() {
        let mut names = Names::default();
        let numbers: Vec<_> = ["a", "a", "b", "a", "b"].iter().map(|n| names.number(n)).collect();
        assert_eq!(numbers, [None, Some(0), None, Some(0), Some(1)]);
    }

    #[test]
    fn names_are_compared_whole() {
        for len in 0..40usize {
            let a = vec![b'x'; len];
            assert!(same(&a, &a.clone()) && !same(&a, &vec![b'x'; len + 1]));
            for at in 0..len {
                let mut b = a.clone();
                b[at] = b'y';
                assert!(!same(&a, &b), "{len} {at}");
            }
        }
    }
}
