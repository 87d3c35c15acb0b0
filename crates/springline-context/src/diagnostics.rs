//! What is wrong with a configuration, and where.

use std::fmt;
use std::sync::Arc;

use springline_core::{Error, ErrorKind};

/// A file that was read, so that places in it can be told as lines and columns.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) name: String,
    pub(crate) text: String,
    // Where each line begins.
    lines: Vec<usize>,
}

impl SourceFile {
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name: name.into(), text, lines }
    }

    // Both counted from 1, columns in characters.
    fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|begin| *begin <= offset);
        let begin = self.lines.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(begin..offset.min(self.text.len())).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}

/// A place in one of the files.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) file: Arc<SourceFile>,
    pub(crate) offset: usize,
}

/// `server.xml:3:5`.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.file.place(self.offset);
        write!(f, "{}:{line}:{column}", self.file.name)
    }
}

/// Where something stands does not count when definitions are compared.
impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The file, as it was named.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong, what was expected, and the nearest known name where a name is unknown.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// All that is wrong with a configuration, in the order of files and places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(crate) fn add(&mut self, at: &At, message: impl Into<String>) {
        let (line, column) = at.file.place(at.offset);
        self.list.push(Diagnostic { file: at.file.name.clone(), line, column, message: message.into() });
    }

    /// Of a file that could not be read at all.
    pub(crate) fn add_file(&mut self, file: &str, message: impl Into<String>) {
        self.list.push(Diagnostic { file: file.to_owned(), line: 1, column: 1, message: message.into() });
    }

    /// [`did_you_mean`], as long as there are not so many mistakes that looking would take long.
    pub(crate) fn did_you_mean<'n>(&self, name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
        if self.list.len() < 50 { did_you_mean(name, known) } else { String::new() }
    }

    pub(crate) fn or<T>(mut self, value: T) -> Result<T, Self> {
        if self.list.is_empty() {
            return Ok(value);
        }
        // Stable: files stay in the order in which they were read.
        let order: Vec<String> = self.list.iter().map(|d| d.file.clone()).collect();
        let rank = |file: &str| order.iter().position(|f| f == file);
        self.list.sort_by_key(|d| (rank(&d.file), d.line, d.column));
        self.list.dedup();
        Err(self)
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One a line.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, one) in self.list.iter().enumerate() {
            write!(f, "{}{one}", if i > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostics> for Error {
    fn from(all: Diagnostics) -> Self {
        Self::new(ErrorKind::Config, all.to_string())
    }
}

/// Looks for the known name that is most like `name`, if one is like it at all.
pub(crate) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let wanted: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    let limit = (wanted.len() / 3).clamp(1, 6);
    let near = |other: &str| distance(&wanted, other, limit).unwrap_or(usize::MAX);
    let best = known.into_iter().map(|other| (near(other), other)).min_by_key(|(d, _)| *d)?;
    (best.0 <= limit).then_some(best.1)
}

/// ` (did you mean 'x'?)`, or nothing.
pub(crate) fn did_you_mean<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    nearest(name, known).map(|near| format!(" (did you mean '{near}'?)")).unwrap_or_default()
}

// How many characters have to be put in, left out, exchanged or swapped with the next, case aside. A name that only lacks
// its module is near.
fn distance(wanted: &[char], other: &str, limit: usize) -> Option<usize> {
    let other: Vec<char> = other.chars().flat_map(char::to_lowercase).collect();
    let ends = |long: &[char], short: &[char]| {
        let before = long.len().checked_sub(short.len() + 1).and_then(|at| long.get(at));
        before == Some(&'.') && long.ends_with(short)
    };
    if ends(&other, wanted) || ends(wanted, &other) {
        return Some(1);
    }
    if other.len().abs_diff(wanted.len()) > limit {
        return None;
    }
    let width = other.len() + 1;
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..width).collect();
    for (i, a) in wanted.iter().enumerate() {
        let mut row = Vec::with_capacity(width);
        row.push(i + 1);
        for (j, b) in other.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&last, j) + usize::from(a != b)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            if i > 0 && j > 0 && wanted.get(i - 1) == Some(b) && other.get(j - 1) == Some(a) {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        if row.iter().all(|d| *d > limit) {
            return None;
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let file = SourceFile::new("x", "ab\ncäd\n");
        for (offset, place) in [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (6, (2, 3)), (99, (3, 1))] {
            assert_eq!(file.place(offset), place, "{offset}");
        }
    }

    #[test]
    fn near_names() {
        let known = ["service_name", "service_host", "service_port", "springpython.remoting.pyro.PyroProxyFactory"];
        assert_eq!(nearest("service_nmae", known), Some("service_name"));
        assert_eq!(nearest("ServicePort", known), Some("service_port"));
        assert_eq!(nearest("PyroProxyFactory", known), Some(known[3]));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", []), None);
    }
}
