//! The writer's two ways of counting containers: those that were begun, and those that the wire counts.

/// What [`Sink::begun`](springline_core::Sink::begun) counts, and what a reference on the wire goes by.
///
/// They differ where the wire counts what is no container here (a decimal is an object in Java), and where it does not
/// count what is one (the list of arguments).
#[derive(Debug, Default)]
pub(super) struct Refs {
    pub(super) begun: u32,
    // From which container on the wire's number is higher by how much.
    shifts: Vec<(u32, i64)>,
    // Whether the first one is none on the wire.
    uncounted: bool,
}

impl Refs {
    /// Notes that the first container, which has just begun, is none on the wire.
    pub(super) fn skip_first(&mut self) {
        self.uncounted = true;
        self.shift(-1);
    }

    // Changes the wire's numbers of the containers to come.
    fn shift(&mut self, by: i64) {
        let before = self.shifts.last().map_or(0, |(_, shift)| *shift);
        self.shifts.push((self.begun, before.saturating_add(by)));
    }

    /// What was begun since there were `before` counts for the wire only.
    pub(super) fn hide_since(&mut self, before: u32) {
        let hidden = self.begun - before;
        self.begun = before;
        self.shift(hidden.into());
    }

    /// The wire's number of a container.
    pub(super) fn wire(&self, n: u32) -> Option<i32> {
        if n >= self.begun || n == 0 && self.uncounted {
            return None;
        }
        let until = self.shifts.partition_point(|(from, _)| *from <= n);
        let shift = until.checked_sub(1).and_then(|at| self.shifts.get(at)).map_or(0, |(_, shift)| *shift);
        i32::try_from(i64::from(n) + shift).ok().filter(|n| *n >= 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_counts_otherwise() {
        let mut refs = Refs { begun: 1, ..Refs::default() };
        refs.skip_first();
        assert_eq!(refs.wire(0), None);
        refs.begun = 3;
        assert_eq!((refs.wire(1), refs.wire(2), refs.wire(3)), (Some(0), Some(1), None));
        refs.begun = 5; // an object with a list in it, hidden
        refs.hide_since(3);
        refs.begun += 1;
        assert_eq!((refs.wire(2), refs.wire(3), refs.wire(4)), (Some(1), Some(4), None));
    }
}
