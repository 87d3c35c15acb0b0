//! Where a reader is, and the tables that references point into.

use super::raw::{Item, Raw};

// What references point into. One object is entered once, however often it is read.
#[derive(Debug, Default)]
pub(super) struct Tables<'de> {
    /// Offsets of the flagged objects.
    pub(super) refs: Vec<usize>,
    /// Python 2's interned strings.
    pub(super) strings: Vec<&'de [u8]>,
    /// Objects before this offset were entered.
    pub(super) entered: usize,
    /// Objects before this offset are still missing.
    pub(super) from: usize,
}

impl<'de> Tables<'de> {
    #[inline]
    pub(super) fn enter(&mut self, item: &Item<'de>) {
        if item.at < self.entered {
            return;
        }
        if item.flagged {
            self.refs.push(item.at);
            self.entered = item.end;
        }
        if let Raw::Interned(text) = item.raw {
            self.strings.push(text);
            self.entered = item.end;
        }
    }
}

/// What may come next in a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// The value itself.
    #[default]
    Start,
    /// Nothing: the value is complete.
    Done,
    /// An item of a list, tuple or set.
    Item,
    /// A member of a frozen set.
    Member,
    /// A key of a map, or its end.
    MapKey,
    MapValue,
    /// A field's name of an object, or its end.
    ObjectKey,
    ObjectValue,
}

impl Place {
    /// Whether a count, and not a mark in the message, ends the container.
    #[inline]
    pub(super) fn is_counted(self) -> bool {
        matches!(self, Self::Item | Self::Member)
    }

    /// Whether a mark in the message may end the container here.
    #[inline]
    pub(super) fn may_end(self) -> bool {
        matches!(self, Self::MapKey | Self::ObjectKey)
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame {
    pub(super) place: Place,
    /// Items still to come, where they are counted.
    pub(super) left: u32,
    /// Offset of the container's type code.
    pub(super) at: usize,
    /// Where to go on afterwards, if the container was entered through a reference.
    pub(super) resume: Option<usize>,
}

impl Frame {
    /// Whether its count says that it ends here.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.left == 0 && self.place.is_counted()
    }
}
