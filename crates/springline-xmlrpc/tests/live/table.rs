//! The table: rows are features, columns are peer x way x direction.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An implementation that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Peer {
    /// CPython 3, `xmlrpc`.
    Python3,
    /// CPython 2.7, `xmlrpclib` and `SimpleXMLRPCServer`.
    Python2,
    /// xmlrpc-c: a client on libcurl, a server on Abyss.
    C,
}

/// How far TLS goes: the three ways of the original's manual, and none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Way {
    /// HTTP.
    Plain,
    /// HTTPS; clients stay unknown.
    Tls,
    /// Clients have to show a certificate.
    Cert,
    /// Its fields are checked.
    Fields,
}

impl Peer {
    pub(crate) const ALL: [Self; 3] = [Self::Python3, Self::Python2, Self::C];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Python3 => "cpython-3",
            Self::Python2 => "cpython-2.7",
            Self::C => "xmlrpc-c",
        }
    }
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Tls, Self::Cert, Self::Fields];

    /// Its name in the peer programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
            Self::Cert => "cert",
            Self::Fields => "fields",
        }
    }

    pub(crate) fn scheme(self) -> &'static str {
        if self == Self::Plain { "http" } else { "https" }
    }
}

/// Who calls whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Direction {
    PeerToRust,
    RustToPeer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Column {
    pub(crate) peer: Peer,
    pub(crate) way: Way,
    pub(crate) direction: Direction,
}

impl Column {
    /// The peers and ways, in order.
    pub(crate) fn pairs() -> impl Iterator<Item = (Peer, Way)> {
        Peer::ALL.into_iter().flat_map(|peer| Way::ALL.into_iter().map(move |way| (peer, way)))
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let both = [Direction::PeerToRust, Direction::RustToPeer];
        Self::pairs().flat_map(move |(peer, way)| both.map(|direction| Self { peer, way, direction }))
    }
}

/// What became of a feature in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Ok,
    Fail(String),
    /// The peer itself cannot, or there is nothing to try; with the reason.
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

    /// Adds rows at the end, those that are not there yet.
    pub(crate) fn rows<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let mut inner = self.inner();
        for name in names {
            if !inner.rows.iter().any(|r| r == name) {
                inner.rows.push(name.to_owned());
            }
        }
    }

    /// Fills in a cell.
    pub(crate) fn set(&self, row: &str, column: Column, cell: Cell) {
        self.rows([row]);
        self.inner().cells.insert((row.to_owned(), column), cell);
    }

    /// The rows that have no cell in a column.
    pub(crate) fn empty(&self, column: Column) -> Vec<String> {
        let inner = self.inner();
        inner.rows.iter().filter(|row| !inner.cells.contains_key(&((*row).clone(), column))).cloned().collect()
    }

    /// Every cell that nothing was said of becomes a failure: none is skipped.
    pub(crate) fn fill(&self) {
        for column in Column::all() {
            for row in self.empty(column) {
                self.set(&row, column, Cell::Fail("nothing tests this".to_owned()));
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
            "P>R: the peer calls Rust   R>P: Rust calls the peer   n/a: reasons below\n\
             plain: HTTP   tls: HTTPS   cert: a client certificate is required   fields: its fields are checked\n\n",
        );
        let mut peers = " ".repeat(width);
        let mut ways = " ".repeat(width);
        let mut directions = " ".repeat(width);
        for (peer, way) in Column::pairs() {
            let name = if way == Way::ALL[0] { peer.name() } else { "" };
            write!(peers, "{name:14}").ok();
            write!(ways, "{:14}", way.name()).ok();
            directions.push_str("P>R    R>P    ");
        }
        for line in [peers, ways, directions] {
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
        Direction::PeerToRust => "P>R",
        Direction::RustToPeer => "R>P",
    };
    format!("{} {} {direction}", column.peer.name(), column.way.name())
}
