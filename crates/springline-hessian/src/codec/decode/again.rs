//! A container that is read again because of a reference.

use springline_core::{Bytes, Event, Kind, Mark, Result, Source, Start, Text};

use super::{Decoder, Wire};

/// Gives the tables and what is left of the budget back at its end.
pub(super) struct Again<'a, 'de, W: Wire> {
    inner: Decoder<'de, W>,
    outer: &'a mut Decoder<'de, W>,
}

impl<'a, 'de, W: Wire> Again<'a, 'de, W> {
    pub(super) fn new(inner: Decoder<'de, W>, outer: &'a mut Decoder<'de, W>) -> Self {
        Self { inner, outer }
    }
}

impl<W: Wire> Drop for Again<'_, '_, W> {
    fn drop(&mut self) {
        (0..self.inner.stack.len()).for_each(|_| self.inner.budget.leave());
        self.outer.budget = self.inner.budget;
        self.outer.tables = std::mem::take(&mut self.inner.tables);
    }
}

impl<'de, W: Wire> Source<'de> for Again<'_, 'de, W> {
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

    fn mark(&self) -> Mark {
        self.inner.mark()
    }

    fn start_over(&mut self, mark: Mark) -> bool {
        self.inner.start_over(mark)
    }

    fn owner(&self) -> Option<&'de Bytes> {
        self.inner.owner()
    }

    fn take_i64(&mut self) -> Result<Option<i64>> {
        self.inner.take_i64()
    }

    fn take_f64(&mut self) -> Option<f64> {
        self.inner.take_f64()
    }

    fn take_bool(&mut self) -> Option<bool> {
        self.inner.take_bool()
    }

    fn take_str(&mut self) -> Option<&'de str> {
        self.inner.take_str()
    }

    fn take_null(&mut self) -> Result<bool> {
        self.inner.take_null()
    }

    fn take_text(&mut self) -> Result<Option<Text<'de, '_>>> {
        self.inner.take_text()
    }

    fn take_list(&mut self) -> Start {
        self.inner.take_list()
    }

    fn take_map(&mut self) -> Start {
        self.inner.take_map()
    }

    fn take_expected(&mut self, expected: &str) -> bool {
        self.inner.take_expected(expected)
    }

    fn take_end(&mut self) -> Result<bool> {
        self.inner.take_end()
    }
}
