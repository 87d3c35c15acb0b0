//! A container that is read again through a back reference.

use springline_core::{Bytes, Event, Kind, Result, Source, Text};

use super::decode::Decoder;

/// A container that is read again. Gives the tables and what is left of the budget back at its end.
pub(super) struct Again<'a, 'de> {
    inner: Decoder<'de>,
    outer: &'a mut Decoder<'de>,
}

impl<'a, 'de> Again<'a, 'de> {
    pub(super) fn new(inner: Decoder<'de>, outer: &'a mut Decoder<'de>) -> Self {
        Self { inner, outer }
    }
}

impl Drop for Again<'_, '_> {
    fn drop(&mut self) {
        self.outer.take_back(&mut self.inner);
    }
}

impl<'de> Source<'de> for Again<'_, 'de> {
    fn peek(&mut self) -> Result<Kind> {
        self.inner.peek()
    }

    fn next(&mut self) -> Result<Event<'de, '_>> {
        self.inner.next()
    }

    fn skip(&mut self) -> Result<()> {
        self.inner.skip()
    }

    fn offset(&self) -> usize {
        self.inner.offset()
    }

    fn begun(&self) -> Option<u32> {
        self.inner.begun()
    }

    fn open_back(&mut self, n: u32) -> Result<Box<dyn Source<'de> + '_>> {
        self.inner.open_back(n)
    }

    fn owner(&self) -> Option<&'de Bytes> {
        self.inner.owner()
    }

    fn take_i64(&mut self) -> Result<Option<i64>> {
        self.inner.take_i64()
    }

    fn take_null(&mut self) -> Result<bool> {
        self.inner.take_null()
    }

    fn take_text(&mut self) -> Result<Option<Text<'de, '_>>> {
        self.inner.take_text()
    }

    fn take_expected(&mut self, expected: &str) -> bool {
        self.inner.take_expected(expected)
    }

    fn take_end(&mut self) -> Result<bool> {
        self.inner.take_end()
    }
}
