//! The table: rows are features, columns are peer x serializer x direction.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use springline_pyro::{Serializer, Version};

/// A release of Python's Pyro.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    Pyro4,
    Pyro5,
    /// Pyro5 5.1: wire version 501.
    Pyro51,
    /// Pyro 3.16 on Python 2.7: version 5 of its wire.
    Pyro3,
    /// Pyro 3.9.1: version 4.
    Pyro39,
    /// A release of Pyro4 on Python 2.7: one for each wire version.
    Old(Version),
}

impl Peer {
    /// Those that are there: 4.2 and 4.3 are on no package index.
    pub(crate) fn all() -> Vec<Self> {
        let old = Version::OLD.into_iter().chain([Version::V48]).map(Self::Old);
        let all = [Self::Pyro4, Self::Pyro5, Self::Pyro51, Self::Pyro3, Self::Pyro39].into_iter();
        all.chain(old.filter(|peer| !peer.is_missing())).collect()
    }

    /// Whether it is one of the two that may be.
    pub(crate) fn is_missing(self) -> bool {
        matches!(self, Self::Old(Version::V40 | Version::V43)) && !self.package().is_dir()
    }

    /// Where Python 2 finds it.
    pub(crate) fn package(self) -> std::path::PathBuf {
        crate::python::target().join("peers").join(self.name())
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pyro4 => "pyro4-4.82",
            Self::Pyro5 => "pyro5-5.17",
            Self::Pyro51 => "pyro5-5.1",
            Self::Pyro3 => "pyro3-3.16",
            Self::Pyro39 => "pyro3-3.9.1",
            Self::Old(Version::V40) => "pyro4-4.2",
            Self::Old(Version::V43) => "pyro4-4.3",
            Self::Old(Version::V44) => "pyro4-4.10",
            Self::Old(Version::V45) => "pyro4-4.20",
            Self::Old(Version::V46) => "pyro4-4.25",
            Self::Old(Version::V47) => "pyro4-4.37",
            Self::Old(_) => "pyro4py2-4.82",
        }
    }

    pub(crate) fn is_pyro3(self) -> bool {
        matches!(self, Self::Pyro3 | Self::Pyro39)
    }

    pub(crate) fn version(self) -> Version {
        match self {
            Self::Pyro4 => Version::V48,
            Self::Pyro5 => Version::V502,
            Self::Pyro51 => Version::V501,
            Self::Pyro3 | Self::Pyro39 => unreachable!("Pyro 3 has versions of its own"),
            Self::Old(version) => version,
        }
    }

    /// Whether it is a Pyro4 before 4.38.
    pub(crate) fn is_old(self) -> bool {
        matches!(self, Self::Old(version) if version != Version::V48)
    }

    /// Whether it is a Pyro4 on Python 2.7.
    pub(crate) fn is_python2(self) -> bool {
        matches!(self, Self::Old(_))
    }

    /// The `--gen` of the peer programs.
    pub(crate) fn generation(self) -> &'static str {
        if self.version().generation().is_pyro4() { "4" } else { "5" }
    }

    pub(crate) fn serializers(self) -> Vec<Serializer> {
        match self {
            Self::Old(version) => {
                let mut all = vec![Serializer::Serpent, Serializer::Json, Serializer::Marshal, Serializer::Pickle];
                // Pickle by 4.38 and later, which take it when asked to, is in `pickle_pyro4.rs`.
                all.retain(|s| version.has_serializer(*s) && (*s != Serializer::Pickle || self.is_old()));
                all
            }
            Self::Pyro3 | Self::Pyro39 => vec![Serializer::Pickle],
            _ => Serializer::ALL.to_vec(),
        }
    }
}

/// Who calls whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Direction {
    PythonToRust,
    RustToPython,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Column {
    pub(crate) peer: Peer,
    pub(crate) serializer: Serializer,
    pub(crate) direction: Direction,
}

impl Column {
    /// The peers and serializers, in order.
    pub(crate) fn pairs() -> impl Iterator<Item = (Peer, Serializer)> {
        Peer::all().into_iter().flat_map(|peer| peer.serializers().into_iter().map(move |s| (peer, s)))
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let both = [Direction::PythonToRust, Direction::RustToPython];
        Self::pairs().flat_map(move |(peer, serializer)| both.map(|direction| Self { peer, serializer, direction }))
    }
}

/// What became of a feature in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Ok,
    Fail(String),
    /// The Python peer itself cannot; with the reason.
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

    /// Fills in a cell; its row is added at the end if it is new.
    pub(crate) fn set(&self, row: &str, column: Column, cell: Cell) {
        let mut inner = self.inner();
        if !inner.rows.iter().any(|r| r == row) {
            inner.rows.push(row.to_owned());
        }
        inner.cells.insert((row.to_owned(), column), cell);
    }

    pub(crate) fn get(&self, row: &str, column: Column) -> Option<Cell> {
        self.inner().cells.get(&(row.to_owned(), column)).cloned()
    }

    pub(crate) fn rows(&self) -> Vec<String> {
        self.inner().rows.clone()
    }

    /// Every cell that nothing was said of becomes a failure: none is skipped.
    pub(crate) fn fill(&self) {
        let mut inner = self.inner();
        for row in inner.rows.clone() {
            for column in Column::all() {
                inner.cells.entry((row.clone(), column)).or_insert_with(|| Cell::Fail("nothing tests this".to_owned()));
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
            "P>R: Python calls Rust   R>P: Rust calls Python   n/a: the Python peer itself cannot, reasons below\n\n",
        );
        let mut peers = " ".repeat(width);
        let mut serializers = " ".repeat(width);
        let mut directions = " ".repeat(width);
        for (peer, serializer) in Column::pairs() {
            let name = if serializer == peer.serializers()[0] { peer.name() } else { "" };
            write!(peers, "{name:14}").ok();
            write!(serializers, "{:14}", serializer.name()).ok();
            directions.push_str("P>R    R>P    ");
        }
        for line in [peers, serializers, directions] {
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
                        failures.insert(format!("{row} {}", name(column)), why);
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

fn name(column: Column) -> String {
    let direction = match column.direction {
        Direction::PythonToRust => "P>R",
        Direction::RustToPython => "R>P",
    };
    format!("{} {} {direction}", column.peer.name(), column.serializer)
}
