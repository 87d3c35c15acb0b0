//! The table: rows are features, columns are ways to the object.

use std::fmt::Write as _;

use crate::features::FEATURES;

/// What became of a feature in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Ok,
    Fail(String),
    /// The wire has no such thing, with what the call said of it.
    Lacks(String),
}

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// One for each feature.
    pub(crate) cells: Vec<Cell>,
}

/// Columns that stand beside each other.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) columns: Vec<Column>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) ok: usize,
    pub(crate) failed: usize,
    pub(crate) lacks: usize,
}

pub(crate) fn counts(groups: &[Group]) -> Counts {
    let mut counts = Counts::default();
    for cell in groups.iter().flat_map(|g| &g.columns).flat_map(|c| &c.cells) {
        match cell {
            Cell::Ok => counts.ok += 1,
            Cell::Fail(_) => counts.failed += 1,
            Cell::Lacks(_) => counts.lacks += 1,
        }
    }
    counts
}

/// Columns of a group that stand in one block.
const ACROSS: usize = 25;

/// The tables, the reasons why a wire lacks something, and what failed and how.
pub(crate) fn text(groups: &[Group], wanted: &dyn Fn(&str) -> bool) -> String {
    let width = FEATURES.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
    let mut out =
        String::from("ok: as with a local object   a letter: the wire has no such thing, and says so; reasons below\n");
    let mut reasons: Vec<&str> = Vec::new();
    let mut failures = String::new();
    for group in groups {
        for block in group.columns.chunks(ACROSS) {
            write!(out, "\n{}\n\n", group.title).ok();
            for (n, column) in block.iter().enumerate() {
                writeln!(out, "{:>4} {}", n + 1, column.name).ok();
            }
            write!(out, "\n{:width$}", "").ok();
            for n in 0..block.len() {
                write!(out, "{:<5}", n + 1).ok();
            }
            out.truncate(out.trim_end().len());
            out.push('\n');
            for (row, (feature, _)) in FEATURES.iter().filter(|(name, _)| wanted(name)).enumerate() {
                let mut line = format!("{feature:width$}");
                for column in block {
                    let text = match column.cells.get(row) {
                        Some(Cell::Ok) => "ok".to_owned(),
                        Some(Cell::Lacks(reason)) => {
                            let n = reasons.iter().position(|r| r == reason).unwrap_or_else(|| {
                                reasons.push(reason);
                                reasons.len() - 1
                            });
                            letter(n)
                        }
                        Some(Cell::Fail(why)) => {
                            writeln!(failures, "FAIL {feature} over {}: {why}", column.name).ok();
                            "FAIL".to_owned()
                        }
                        None => "-".to_owned(), // not asked for
                    };
                    write!(line, "{text:5}").ok();
                }
                writeln!(out, "{}", line.trim_end()).ok();
            }
        }
    }
    out.push('\n');
    for (n, reason) in reasons.iter().enumerate() {
        writeln!(out, "{:<4} {reason}", letter(n)).ok();
    }
    out + &failures
}

fn letter(n: usize) -> String {
    let alphabet = b"abcdefghijklmnopqrstuvwxyz";
    let last = alphabet.get(n % 26).copied().map_or('?', char::from);
    if n < 26 { last.to_string() } else { format!("{}{last}", letter(n / 26 - 1)) }
}
