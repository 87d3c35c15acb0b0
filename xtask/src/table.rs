//! `cargo xtask table`: README.md's table of what works with what, made of the tables that the live tests write.
//!
//! Those have a row for each of hundreds of things and a column for each peer, serializer or transport and direction. Here a
//! peer is a row and a group of things a column. How many checks there were is rounded down, so that a new one does not
//! change the file each time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

const BEGIN: &str = "<!-- of the live tests' output, by `cargo xtask table` -->\n";
const END: &str = "<!-- end -->\n";

/// What the live tests write in the target directory; the name of the peer where the table has but one; the rows that show how
/// something is refused which does not exist there.
const FILES: [(&str, &str, &[&str]); 3] = [
    ("live-table.txt", "", &["stream", "stream_fail", "stream_close"]),
    ("live-xmlrpc-table.txt", "", &["keyword_arguments"]),
    ("live-hessian-table.txt", "hessian-4.0.38", &["kwargs"]),
];

/// Peers by their names there, as the README calls them.
const PEERS: [(&str, &str); 16] = [
    ("pyro5-5.17", "Pyro5 5.17"),
    ("pyro5-5.1", "Pyro5 5.1"),
    ("pyro4-4.82", "Pyro4 4.82"),
    ("pyro4py2-4.82", "Pyro4 4.82, Python 2.7"),
    ("pyro4-4.37", "Pyro4 4.37"),
    ("pyro4-4.25", "Pyro4 4.25"),
    ("pyro4-4.20", "Pyro4 4.20"),
    ("pyro4-4.10", "Pyro4 4.10"),
    ("pyro4-4.3", "Pyro4 4.3"),
    ("pyro4-4.2", "Pyro4 4.2"),
    ("pyro3-3.16", "Pyro 3.16"),
    ("pyro3-3.9.1", "Pyro 3.9.1"),
    ("cpython-3", "XML-RPC of CPython 3"),
    ("cpython-2.7", "XML-RPC of CPython 2.7"),
    ("xmlrpc-c", "XML-RPC of xmlrpc-c"),
    ("hessian-4.0.38", "Hessian of Java (Caucho 4.0.38)"),
];

/// Groups of rows, by how their names begin, or whole where a name ends with a blank.
const GROUPS: [(&str, &[&str]); 8] = [
    ("values", &["echo:", "special:", "typed", "sample:", "SOME"]),
    ("exceptions", &["exception", "fault", "fail"]),
    ("keywords", &["kwargs ", "keyword_arguments "]),
    ("attributes", &["attribute_get ", "attribute_set "]),
    ("oneway", &["oneway "]),
    ("batches", &["batch ", "multicall "]),
    ("references", &["proxy_result ", "autoproxy ", "callback ", "reference"]),
    ("streams", &["stream"]),
];

const ALL: &[&str] = &[""];

/// A column of a live table: whose, over what, and whether it is Rust that calls.
#[derive(Debug, PartialEq, Eq)]
struct Column {
    peer: String,
    over: String,
    rust_calls: bool,
}

/// A live table. Cells are `ok`, `n/a:1`, `FAIL` and the like.
#[derive(Debug, Default)]
struct Live {
    columns: Vec<Column>,
    rows: Vec<(String, Vec<String>)>,
    /// Peers that were not there.
    not_run: Vec<String>,
    refusals: &'static [&'static str],
}

impl Live {
    /// Reads what a live test wrote. Columns are found by where their headings stand.
    fn parse(text: &str, only_peer: &str) -> Result<Self, String> {
        let lines: Vec<&str> = text.lines().collect();
        let is_direction = |word: &str| word.len() == 3 && word.as_bytes()[1] == b'>' && word.contains('R');
        let at = lines.iter().position(|l| !l.trim().is_empty() && l.split_whitespace().all(is_direction));
        let at = at.ok_or("there is no line of directions")?;
        let starts: Vec<usize> = lines[at].match_indices('>').map(|(i, _)| i - 1).collect();
        // The headings above, each valid up to the next one.
        let heading = |line: Option<&&str>, start: usize| -> String {
            let Some(text) = line.filter(|l| !l.trim().is_empty()) else { return String::new() };
            let begins = |i: &usize| {
                let before = text[..*i].chars().rev();
                text.is_char_boundary(*i) && !text[*i..].starts_with(' ') && before.take(2).all(|c| c == ' ')
            };
            let from = (0..text.len().min(start + 1)).rev().find(begins);
            from.map_or(String::new(), |from| text[from..].split("  ").next().unwrap_or_default().trim().to_owned())
        };
        let line = |up: usize| at.checked_sub(up).and_then(|i| lines.get(i));
        let columns = starts.iter().map(|start| Column {
            peer: if only_peer.is_empty() { heading(line(2), *start) } else { only_peer.to_owned() },
            over: heading(line(1), *start),
            rust_calls: lines[at][*start..].starts_with('R'),
        });
        let mut live = Self { columns: columns.collect(), ..Self::default() };
        for row in lines[at + 1..].iter().take_while(|l| !l.trim().is_empty()) {
            let cell = |i: usize| row.get(starts[i]..starts.get(i + 1).copied().unwrap_or(row.len()));
            let cells: Option<Vec<String>> = (0..starts.len()).map(|i| Some(cell(i)?.trim().to_owned())).collect();
            let name = row.split_whitespace().next().unwrap_or_default().to_owned();
            live.rows.push((name, cells.ok_or_else(|| format!("a row is too short: {row}"))?));
        }
        let not_run = lines.iter().filter_map(|l| l.strip_prefix("not run: ")?.split(',').next());
        live.not_run = not_run.map(str::to_owned).collect();
        if live.rows.is_empty() { Err("there are no rows".to_owned()) } else { Ok(live) }
    }

    fn failures(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(|(_, cells)| cells.iter().any(|c| c == "FAIL" || c.is_empty())).map(|(name, _)| &**name)
    }

    /// The peers, in the order of the columns.
    fn peers(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.columns.iter().map(|c| &*c.peer).filter(|peer| seen.insert(*peer)).collect()
    }

    /// The rows of a group with something that works, called by Rust or by the peer.
    fn working(&self, peer: &str, rust_calls: bool, prefixes: &[&str]) -> usize {
        let wanted = |name: &str| {
            let is_one = prefixes.iter().any(|prefix| format!("{name} ").starts_with(prefix));
            is_one && (prefixes == ALL || !self.refusals.contains(&name))
        };
        let columns: Vec<usize> = (0..self.columns.len())
            .filter(|i| self.columns[*i].peer == peer && self.columns[*i].rust_calls == rust_calls)
            .collect();
        self.rows.iter().filter(|(name, cells)| wanted(name) && columns.iter().any(|i| cells[*i] == "ok")).count()
    }

    fn row(&self, peer: &str, shown: &str) -> String {
        let mut over: Vec<&str> = Vec::new();
        for column in self.columns.iter().filter(|c| c.peer == peer) {
            if !over.contains(&&*column.over) {
                over.push(&column.over);
            }
        }
        let about = |rust_calls| match self.working(peer, rust_calls, ALL) {
            n if n < 25 => n.to_string(),
            n => format!("{}+", n / 25 * 25),
        };
        let mut row = format!("| {shown} | {} | {} | {} |", over.join(", "), about(true), about(false));
        for (_, prefixes) in GROUPS {
            let [called, calls] = [true, false].map(|rust_calls| self.working(peer, rust_calls, prefixes) > 0);
            row += match (called, calls) {
                (true, true) => " yes |",
                (true, false) => " called |",
                (false, true) => " calls |",
                (false, false) => " |",
            };
        }
        row
    }
}

fn shown(peer: &str) -> &str {
    PEERS.iter().find(|(name, _)| *name == peer).map_or(peer, |(_, shown)| shown)
}

/// The table. Rows of peers that were not there are those that the README has.
fn markdown(tables: &[Live], present: &str) -> String {
    let mut out = String::from("| peer | over | Rust calls it | it calls Rust |");
    for (name, _) in GROUPS {
        let _ = write!(out, " {name} |");
    }
    out.push('\n');
    out += &"| --- ".repeat(GROUPS.len() + 4);
    out += "|\n";
    let row_of = |peer: &str| {
        let is_there = tables.iter().find(|table| table.peers().contains(&peer));
        let begin = format!("| {} |", shown(peer));
        is_there.map(|table| table.row(peer, shown(peer))).or_else(|| {
            let missing = tables.iter().any(|table| table.not_run.iter().any(|p| p == peer));
            present.lines().find(|line| missing && line.starts_with(&begin)).map(str::to_owned)
        })
    };
    let known = PEERS.iter().map(|(peer, _)| *peer);
    let others = tables.iter().flat_map(Live::peers).filter(|peer| PEERS.iter().all(|(name, _)| name != peer));
    for row in known.chain(others).filter_map(row_of) {
        out += &row;
        out.push('\n');
    }
    out
}

/// The README before the table, the table, and what is behind it.
fn parts(readme: &str) -> Result<(&str, &str, &str), String> {
    let missing = || format!("README.md has no place for the table, between {BEGIN:?} and {END:?}");
    let (before, rest) = readme.split_once(BEGIN).ok_or_else(missing)?;
    let (table, behind) = rest.split_once(END).ok_or_else(missing)?;
    Ok((before, table, behind))
}

/// Writes the table, or tells how it differs from the one that is there.
pub(crate) fn run(root: &Path, target: &Path, only_check: bool) -> Result<(), String> {
    let mut tables = Vec::new();
    for (name, peer, refusals) in FILES {
        let file = target.join(name);
        let text = std::fs::read_to_string(&file)
            .map_err(|e| format!("{}: {e}: `cargo xtask test` writes it", file.display()))?;
        let mut table = Live::parse(&text, peer).map_err(|why| format!("{}: {why}", file.display()))?;
        table.refusals = refusals;
        let failures: Vec<&str> = table.failures().collect();
        if !failures.is_empty() {
            return Err(format!("{}: some failed: {}", file.display(), failures.join(", ")));
        }
        tables.push(table);
    }
    let file = root.join("README.md");
    let readme = std::fs::read_to_string(&file).map_err(|e| format!("README.md: {e}"))?;
    let (before, present, behind) = parts(&readme)?;
    let made = markdown(&tables, present);
    if made == present {
        return Ok(());
    }
    if only_check {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let difference = crate::transcript::difference(&lines(present), &lines(&made));
        let changed: Vec<&str> = difference.lines().filter(|line| !line.starts_with(' ')).collect();
        let changed = changed.join("\n");
        return Err(format!("README.md's table is not that of the tests: `cargo xtask table` writes it\n{changed}"));
    }
    std::fs::write(&file, [before, BEGIN, &made, END, behind].concat()).map_err(|e| format!("README.md: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_PEERS: &str = "\
P>R: Python calls Rust   R>P: Rust calls Python

            pyro4-4.82                  pyro3-3.16
            serpent       json          pickle
            P>R    R>P    P>R    R>P    P>R    R>P
echo:none   ok     ok     ok     ok     ok     ok
stream      n/a:1  n/a:155n/a:1  ok     n/a:1  n/a:1
stream_fail n/a:1  n/a:1  n/a:1  n/a:1  n/a:1  n/a:1
oneway      ok     ok     ok     ok     n/a:1  ok
own         ok     ok     ok     ok     n/a:1  ok

n/a:1    why

not run: pyro4-4.2, which `cargo xtask peers` makes
";

    #[test]
    fn live_tables_are_read() {
        let live = Live::parse(TWO_PEERS, "").unwrap();
        let column = |peer: &str, over: &str, rust_calls| Column { peer: peer.into(), over: over.into(), rust_calls };
        assert_eq!(live.columns[1], column("pyro4-4.82", "serpent", true));
        assert_eq!(live.columns[2], column("pyro4-4.82", "json", false));
        assert_eq!(live.columns[5], column("pyro3-3.16", "pickle", true));
        assert_eq!((live.rows.len(), &live.rows[1].1[1], live.not_run.len()), (5, &"n/a:155".to_owned(), 1));
        assert_eq!(live.failures().count(), 0);
        let failed = Live::parse(&TWO_PEERS.replace("oneway      ok  ", "oneway      FAIL"), "").unwrap();
        assert_eq!(failed.failures().collect::<Vec<_>>(), ["oneway"]);
        assert!(Live::parse("nothing\n", "").is_err());
        let one = Live::parse(
            "      h1 plain      h2 tls\n      J>R    R>J    J>R    R>J\necho  ok     ok     ok     ok\n",
            "x",
        );
        assert_eq!(one.unwrap().columns[3], column("x", "h2 tls", true));
    }

    #[test]
    fn what_is_condensed() {
        let mut live = [Live::parse(TWO_PEERS, "").unwrap()];
        let old = "| Pyro4 4.2 | as it was |\n| Pyro4 4.3 | gone |\n";
        let table = markdown(&live, old);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0].matches('|').count(), lines[1].matches('|').count());
        assert_eq!(
            lines[2..],
            [
                "| Pyro4 4.82 | serpent, json | 4 | 3 | yes | | | | yes | | | called |",
                "| Pyro4 4.2 | as it was |",
                "| Pyro 3.16 | pickle | 3 | 1 | yes | | | | called | | | |",
            ]
        );
        live[0].refusals = &["stream"];
        assert!(markdown(&live, "").contains("| Pyro4 4.82 | serpent, json | 4 | 3 | yes | | | | yes | | | |\n"));
    }

    #[test]
    fn the_readme_has_its_place() {
        let readme = include_str!("../../README.md");
        let (_, table, _) = parts(readme).unwrap();
        assert!(table.starts_with("| peer |") && table.lines().count() > 10, "{table}");
        assert!(parts("nothing").is_err());
    }

    #[test]
    fn differences_are_told() {
        let dir = std::env::temp_dir().join(format!("springline-table-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        assert!(run(&dir, &dir, true).unwrap_err().contains("live-table.txt"));
        for (name, ..) in FILES {
            std::fs::write(dir.join(name), TWO_PEERS).unwrap();
        }
        std::fs::write(dir.join("README.md"), format!("a\n{BEGIN}| x |\n{END}b\n")).unwrap();
        let why = run(&dir, &dir, true).unwrap_err();
        assert!(why.contains("cargo xtask table") && why.contains("- | x |") && why.contains("+ | Pyro4"), "{why}");
        assert_eq!(run(&dir, &dir, false), Ok(()));
        assert_eq!(run(&dir, &dir, true), Ok(()));
        let readme = std::fs::read_to_string(dir.join("README.md")).unwrap();
        assert!(readme.starts_with("a\n<!-- ") && readme.ends_with(" -->\nb\n"), "{readme}");
        std::fs::write(dir.join(FILES[0].0), TWO_PEERS.replace("own         ok  ", "own         FAIL")).unwrap();
        assert!(run(&dir, &dir, true).unwrap_err().contains("some failed: own"));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
