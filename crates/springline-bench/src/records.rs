//! The data of the codec benchmarks.

use serde::{Deserialize, Serialize};

/// One record, as a caller would own it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Some of them fit a byte, most do not.
    pub id: i64,
    /// Now and then with a letter beyond ASCII.
    pub name: String,
    /// Always ASCII.
    pub email: String,
    /// With a fraction.
    pub score: f64,
    /// Half of them.
    pub active: bool,
    /// None to four short words.
    pub tags: Vec<String>,
}

/// The same record with its texts in the message it was read from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordRef<'a> {
    /// As in [`Record`].
    pub id: i64,
    /// As in [`Record`].
    pub name: &'a str,
    /// As in [`Record`].
    pub email: &'a str,
    /// As in [`Record`].
    pub score: f64,
    /// As in [`Record`].
    pub active: bool,
    /// As in [`Record`].
    #[serde(borrow)]
    pub tags: Vec<&'a str>,
}

const FIRST: [&str; 8] = ["Ada", "Grace", "José", "Linus", "Barbara", "Søren", "Ken", "Radia"];
const LAST: [&str; 8] = ["Lovelace", "Hopper", "Müller", "Liskov", "Thompson", "Perlman", "Dijkstra", "Knuth"];
const TAGS: [&str; 8] = ["admin", "beta", "staff", "trial", "eu-west", "archived", "vip", "ops"];

/// `count` records, always the same.
pub fn records(count: usize) -> Vec<Record> {
    let mut state: u64 = 0x5eed;
    let mut next = || {
        // A linear congruential generator: its upper bits are random enough for test data.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    (0..count)
        .map(|id| {
            let (first, last) = (FIRST[next() % 8], LAST[next() % 8]);
            Record {
                id: id as i64 * 7 - 100,
                name: format!("{first} {last}"),
                email: format!("user{id}@mail{}.example.org", next() % 100),
                score: next() as f64 / 1000.0,
                active: next() % 2 == 0,
                tags: (0..next() % 5).map(|_| TAGS[next() % 8].to_owned()).collect(),
            }
        })
        .collect()
}
