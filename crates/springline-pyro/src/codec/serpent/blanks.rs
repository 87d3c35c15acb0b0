//! The reading half: blanks, comments and lines.

use springline_core::Result;

use super::decode::Decoder;
use super::scan;

// Whether blanks, or what stands like one, may begin with `b`. The end of the text counts.
#[inline]
pub(super) fn is_blank(b: u8) -> bool {
    b <= b' ' || b == b'#' || b == b'\\'
}

impl Decoder<'_> {
    /// Passes blanks and comments; inside brackets newlines are blanks too.
    #[inline]
    pub(super) fn blanks(&mut self) -> Result<()> {
        if is_blank(self.at(self.pos)) { self.many_blanks(self.nested()) } else { Ok(()) }
    }

    pub(super) fn many_blanks(&mut self, newlines: bool) -> Result<()> {
        loop {
            match self.at(self.pos) {
                b' ' | b'\t' | b'\x0c' => self.pos += 1,
                b'\n' | b'\r' if newlines => self.pos += 1,
                b'#' => self.pos = scan::line_end(self.text.as_bytes(), self.pos),
                b'\\' => self.continuation()?,
                _ => return Ok(()),
            }
        }
    }

    // A backslash at the end of a line joins it with the next one.
    fn continuation(&mut self) -> Result<()> {
        self.pos += match (self.at(self.pos + 1), self.at(self.pos + 2)) {
            (b'\r', b'\n') => 3,
            (b'\n' | b'\r', _) => 2,
            _ => return Err(self.fail(self.pos + 1, "a newline after the backslash")),
        };
        if self.at(self.pos) == 0 {
            return Err(self.fail(self.pos, "another line after the backslash"));
        }
        Ok(())
    }

    // What may stand before the outermost value. Its own line must not be indented, but for the text's very first.
    pub(super) fn lead(&mut self) -> Result<()> {
        if self.base > 0 {
            self.blanks()?;
            if matches!(self.at(self.pos), b',' | b':') {
                self.pos += 1;
                self.blanks()?;
            }
            return Ok(());
        }
        while matches!(self.at(self.pos), b' ' | b'\t') {
            self.pos += 1;
        }
        let mut indent = false;
        loop {
            match self.at(self.pos) {
                b' ' | b'\t' => {
                    indent = true;
                    self.pos += 1;
                }
                b'\n' | b'\r' | b'\x0c' => {
                    indent = false;
                    self.pos += 1;
                }
                b'#' => self.pos = scan::line_end(self.text.as_bytes(), self.pos),
                b'\\' => self.continuation()?,
                _ if indent => return Err(self.fail(self.pos, "a literal at the start of the line")),
                _ => return Ok(()),
            }
        }
    }
}
