//! The table: rows are features, columns are dialect x way x direction.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use springline_hessian::Dialect;

/// How far TLS goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    /// HTTP.
    Plain,
    /// HTTPS; clients stay unknown.
    Tls,
    /// Clients have to show a certificate, and its fields are checked.
    Cert,
}

impl Way {
    /// Its name in the peer programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
            Self::Cert => "cert",
        }
    }

    pub(crate) fn scheme(self) -> &'static str {
        if self == Self::Plain { "http" } else { "https" }
    }
}

/// A dialect's name in the peer programs.
pub(crate) fn name_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Hessian1 => "h1",
        Dialect::Mixed => "mixed",
        Dialect::Hessian2 => "h2",
    }
}

/// What is spoken, and over what.
pub(crate) const PAIRS: [(Dialect, Way); 5] = [
    (Dialect::Hessian1, Way::Plain),
    (Dialect::Mixed, Way::Plain),
    (Dialect::Hessian2, Way::Plain),
    (Dialect::Mixed, Way::Tls),
    (Dialect::Hessian2, Way::Cert),
];

/// Who calls whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    JavaToRust,
    RustToJava,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Column {
    pub(crate) dialect: Dialect,
    pub(crate) way: Way,
    pub(crate) direction: Direction,
}

impl Column {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let both = [Direction::JavaToRust, Direction::RustToJava];
        PAIRS.into_iter().flat_map(move |(dialect, way)| both.map(|direction| Self { dialect, way, direction }))
    }

    pub(crate) fn name(self) -> String {
        let direction = match self.direction {
            Direction::JavaToRust => "J>R",
            Direction::RustToJava => "R>J",
        };
        format!("{}/{}/{direction}", name_of(self.dialect), self.way.name())
    }
}

/// What became of a feature in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Ok,
    Fail(String),
    /// Java itself cannot, or there is nothing to try; with the reason.
    Na(String),
}

#[derive(Default)]
pub(crate) struct Table {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    rows: Vec<String>,
    cells: HashMap<(String, Column), Cell>,
}

/// How many cells there are of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) ok: usize,
    pub(crate) failed: usize,
    pub(crate) not_applicable: usize,
}

impl Table {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills in a cell.
    pub(crate) fn set(&self, row: &str, column: Column, cell: Cell) {
        let mut inner = self.inner();
        if !inner.rows.iter().any(|r| r == row) {
            inner.rows.push(row.to_owned());
        }
        inner.cells.insert((row.to_owned(), column), cell);
    }

    /// Every cell that nothing was said of becomes a failure: none is skipped.
    pub(crate) fn fill(&self) {
        let rows = self.inner().rows.clone();
        for column in Column::all() {
            for row in &rows {
                if !self.inner().cells.contains_key(&(row.clone(), column)) {
                    self.set(row, column, Cell::Fail("nothing tests this".to_owned()));
                }
            }
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.inner().cells.values().fold(Counts::default(), |mut n, cell| {
            match cell {
                Cell::Ok => n.ok += 1,
                Cell::Fail(_) => n.failed += 1,
                Cell::Na(_) => n.not_applicable += 1,
            }
            n
        })
    }

    /// The table, the reasons of `n/a`, and what failed and how.
    pub(crate) fn text(&self) -> String {
        let inner = self.inner();
        let width = inner.rows.iter().map(String::len).max().unwrap_or(0) + 2;
        let mut out = String::from(
            "Caucho's Hessian 4.0.38 on the JVM. J>R: Java calls Rust   R>J: Rust calls Java   n/a: reasons below\n\
             h1: Hessian 1   mixed: Java's default, Hessian 1 out and 2 back   h2: Hessian 2\n\
             plain: HTTP   tls: HTTPS   cert: a client certificate is required and its fields are checked\n\n",
        );
        let mut heads = [" ".repeat(width), " ".repeat(width)];
        for (dialect, way) in PAIRS {
            write!(heads[0], "{:14}", format!("{} {}", name_of(dialect), way.name())).ok();
            heads[1].push_str("J>R    R>J    ");
        }
        for line in heads {
            writeln!(out, "{}", line.trim_end()).ok();
        }
        let mut reasons: Vec<&str> = Vec::new();
        let mut failures: BTreeMap<String, &str> = BTreeMap::new();
        for row in &inner.rows {
            let mut line = format!("{row:width$}");
            for column in Column::all() {
                let text = match inner.cells.get(&(row.clone(), column)) {
                    Some(Cell::Ok) => "ok".to_owned(),
                    Some(Cell::Na(reason)) => {
                        let n = reasons.iter().position(|r| r == reason).unwrap_or_else(|| {
                            reasons.push(reason);
                            reasons.len() - 1
                        });
                        format!("n/a:{}", n + 1)
                    }
                    Some(Cell::Fail(why)) => {
                        failures.insert(format!("{row} {}", column.name()), why);
                        "FAIL".to_owned()
                    }
                    None => "-".to_owned(), // not asked for
                };
                write!(line, "{text:7}").ok();
            }
            writeln!(out, "{}", line.trim_end()).ok();
        }
        out.push('\n');
        for (i, reason) in reasons.iter().enumerate() {
            writeln!(out, "n/a:{:<3} {reason}", i + 1).ok();
        }
        for (cell, why) in failures {
            writeln!(out, "FAIL {cell}: {why}").ok();
        }
        out
    }
}
