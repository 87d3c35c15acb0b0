//! Random literals and values for the comparison with Python.

use fastrand::Rng;
use springline_core::{BigInt, Value};

use super::support::date;

/// A literal in random clothes.
pub(crate) struct Literals {
    rng: Rng,
    out: String,
    nested: u32,
}

impl Literals {
    pub(crate) fn one(seed: u64) -> String {
        let mut g = Self { rng: Rng::with_seed(seed), out: String::new(), nested: 0 };
        if g.rng.u8(..4) == 0 {
            g.out.push_str("# serpent utf-8 python3.2\n");
        }
        g.value(4, false);
        g.blank();
        g.out
    }

    fn pick(&mut self, choices: &[&str]) {
        let choice = choices[self.rng.usize(..choices.len())];
        self.out.push_str(choice);
    }

    fn blank(&mut self) {
        match (self.rng.u8(..12), self.nested > 0) {
            (0, _) => self.pick(&[" ", "\t", "  ", "\x0c"]),
            (1, true) => self.pick(&["\n", "\r\n", "\r", " \n ", "# it's (a\n", "\\\n", "#\r\n"]),
            _ => {}
        }
    }

    fn value(&mut self, depth: u32, hashed: bool) {
        self.blank();
        let kinds = if depth == 0 { 6 } else { 11 };
        match self.rng.u8(..kinds) {
            0 => self.pick(&["None", "True", "False", "...", "0", "-1"]),
            1 => self.number(),
            2 | 3 => self.string(),
            4 => self.pick(&["'plain'", "'with space'", "'é€'", "\"it's\"", "''"]),
            5 => self.pick(&["1.5", "-2e10", "12345", "(1+2j)", "(1)", "b'x'"]),
            6 => self.bracket('(', ')', |g| g.value(depth - 1, hashed)),
            7 if !hashed => self.items('[', ']', depth),
            8 if !hashed => self.dict(depth),
            9 if !hashed => self.set(depth),
            10 if !hashed && self.rng.bool() => self.special(depth),
            _ => self.tuple(depth, hashed),
        }
    }

    fn bracket(&mut self, open: char, close: char, content: impl FnOnce(&mut Self)) {
        self.out.push(open);
        self.nested += 1;
        self.blank();
        content(self);
        self.blank();
        self.nested -= 1;
        self.out.push(close);
    }

    fn comma_separated(&mut self, count: usize, mut item: impl FnMut(&mut Self)) {
        for i in 0..count {
            item(self);
            self.blank();
            if i + 1 < count || self.rng.u8(..4) == 0 {
                self.out.push(',');
                self.blank();
            }
        }
    }

    fn items(&mut self, open: char, close: char, depth: u32) {
        let count = self.rng.usize(..5);
        self.bracket(open, close, |g| g.comma_separated(count, |g| g.value(depth - 1, false)));
    }

    fn tuple(&mut self, depth: u32, hashed: bool) {
        let count = self.rng.usize(..4);
        self.bracket('(', ')', |g| {
            if count == 1 {
                g.value(depth.saturating_sub(1), hashed);
                g.blank();
                g.out.push(',');
            } else {
                g.comma_separated(count, |g| g.value(depth.saturating_sub(1), hashed));
            }
        });
    }

    fn dict(&mut self, depth: u32) {
        let count = self.rng.usize(..5);
        self.bracket('{', '}', |g| {
            g.comma_separated(count, |g| {
                g.value(depth - 1, true);
                g.blank();
                g.out.push(':');
                g.value(depth - 1, false);
            });
        });
    }

    fn set(&mut self, depth: u32) {
        let count = self.rng.usize(1..5);
        self.bracket('{', '}', |g| g.comma_separated(count, |g| g.value(depth - 1, true)));
    }

    fn special(&mut self, depth: u32) {
        if self.rng.bool() {
            self.pick(&[
                "{'data': 'aGVsbG8=', 'encoding': 'base64'}",
                "{'encoding':'base64','data':''}",
                "{'data':'x','encoding':'base64'}",
            ]);
            return;
        }
        self.out.push_str("{'__class__':'some.Class'");
        for i in 0..self.rng.u8(..3) {
            self.out.push_str(&format!(",'field{i}':"));
            self.nested += 1;
            self.value(depth - 1, false);
            self.nested -= 1;
        }
        self.out.push('}');
    }

    fn number(&mut self) {
        self.pick(&["", "", "-", "+", "- "]);
        let n = self.rng.u64(..) >> self.rng.u32(..64);
        let text = match self.rng.u8(..8) {
            0 => format!("{n:#x}"),
            1 => format!("0o{n:o}"),
            2 => format!("0b{n:b}"),
            3 => format!("{n}{}", self.rng.u64(..)),
            4 => f64::from_bits(self.rng.u64(..) & !(1 << 62)).abs().to_string(),
            5 => format!("{}.{}e{}", n, self.rng.u16(..), self.rng.i8(..)),
            6 => format!("{n}.{}", self.rng.u32(..) >> self.rng.u32(..32)),
            _ => n.to_string(),
        };
        self.out.push_str(if text.contains(['N', 'i']) { "1.5" } else { &text });
        if self.rng.u8(..10) == 0 {
            self.blank();
            self.pick(&["+", "-"]);
            self.blank();
            self.pick(&["1j", "2.5J", "1e3j", "(4j)"]);
        }
    }

    fn string(&mut self) {
        let bytes = self.rng.u8(..4) == 0;
        for i in 0..1 + self.rng.u8(..8) / 6 {
            if i > 0 {
                self.blank();
            }
            self.one_string(bytes);
        }
    }

    fn one_string(&mut self, bytes: bool) {
        let raw = self.rng.u8(..5) == 0;
        match (bytes, raw) {
            (true, true) => self.pick(&["rb", "bR", "Br", "RB"]),
            (true, false) => self.pick(&["b", "B"]),
            (false, true) => self.pick(&["r", "R"]),
            (false, false) => self.pick(&["", "", "", "u", "U"]),
        }
        let quote = ["'", "\"", "'''", "\"\"\""][self.rng.usize(..4)];
        self.out.push_str(quote);
        for _ in 0..self.rng.usize(..12) {
            match self.rng.u8(..10) {
                0 if raw => self.pick(&["\\n", "\\\\", "\\'", "\\\""]),
                0 => self.pick(&["\\n", "\\\\", "\\'", "\\\"", "\\x41", "\\101", "\\0", "\\q", "\\\n", "\\\r\n"]),
                1 if !bytes && !raw => self.pick(&["\\u20ac", "\\U0001f600", "\\N{SNOWMAN}", "\\xe9", "\\777"]),
                2 if !bytes => self.pick(&["é", "€", "😀", "\u{a0}", "\u{2028}"]),
                3 if quote.len() == 3 => self.pick(&["\n", "\r\n", "\r"]),
                4 => self.pick(&["#", "(", "]", "{", ":", ",", "\t"]),
                5 if quote != "'" && quote != "'''" => self.out.push('\''),
                6 if quote.starts_with('\'') => self.out.push('"'),
                _ => self.pick(&["a", "bc", "hello world", " ", "0123456789"]),
            }
        }
        self.out.push_str(quote);
    }
}

/// A value that serpent can write.
pub(crate) fn value(rng: &mut Rng, depth: u32) -> Value {
    let kinds = if depth == 0 { 11 } else { 17 };
    let many = |rng: &mut Rng| (0..rng.usize(..5)).map(|_| value(rng, depth - 1)).collect::<Vec<_>>();
    match rng.u8(..kinds) {
        0 => Value::Null,
        1 => Value::Bool(rng.bool()),
        2 => Value::I64(rng.i64(..) >> rng.u32(..64)),
        3 => Value::from(BigInt::from(rng.i128(..)) * BigInt::from(rng.u128(..))),
        4 => Value::F64(float(rng)),
        5 => Value::Complex(float(rng), float(rng)),
        6 | 7 => Value::Str(text(rng)),
        8 => Value::Bytes((0..rng.usize(..20)).map(|_| rng.u8(..)).collect::<Vec<_>>().into()),
        9 => Value::Decimal(format!("{}.{:03}", rng.i32(..), rng.u16(..1000))),
        10 => date(
            [
                "2020-01-02T03:04:05.000678",
                "2020-01-02T03:04:05",
                "1999-12-31",
                "23:59:59",
                "2020-01-02T03:04:05+01:00",
            ][rng.usize(..5)],
        ),
        11 | 12 => Value::List(many(rng)),
        13 => Value::Tuple(many(rng)),
        14 => {
            let pairs = (0..rng.usize(..5)).map(|i| (key(rng, i as i64), value(rng, depth - 1))).collect();
            Value::Map(pairs)
        }
        15 => {
            // Small integers keep their order in Python's sets.
            let most = rng.i64(..6);
            let items = (0..most).map(Value::I64).collect();
            if rng.bool() { Value::Set(items) } else { Value::FrozenSet(items) }
        }
        _ => {
            let fields = (0..rng.usize(..4)).map(|i| (format!("{i}{}", text(rng)), value(rng, depth - 1))).collect();
            Value::object(format!("module.Class{}", rng.u8(..)), fields)
        }
    }
}

// Keys are made different by `i`.
fn key(rng: &mut Rng, i: i64) -> Value {
    match rng.u8(..5) {
        0 => Value::I64(i + 2),
        1 => Value::Tuple(vec![Value::I64(i), Value::Str(text(rng)), Value::Null]),
        2 => Value::F64(i as f64 + 0.5),
        _ => Value::Str(format!("{i}{}", text(rng))),
    }
}

fn float(rng: &mut Rng) -> f64 {
    match rng.u8(..10) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        3 => -0.0,
        4 => f64::from(rng.i32(..)),
        5 => f64::from(rng.i32(..)) / 1000.0,
        6 => 10f64.powi(i32::from(rng.i8(..))),
        _ => f64::from_bits(rng.u64(..)),
    }
}

fn text(rng: &mut Rng) -> String {
    let special = [
        '\'',
        '"',
        '\\',
        '\n',
        '\r',
        '\t',
        '\u{7f}',
        '\u{80}',
        '\u{a0}',
        '\u{ad}',
        '\u{2028}',
        '\u{e000}',
        '\u{10ffff}',
        '\u{1b}',
        '\u{feff}',
    ];
    (0..rng.usize(..24))
        .map(|_| match rng.u8(..12) {
            0 => special[rng.usize(..special.len())],
            1 => char::from(rng.u8(..128).max(1)),
            // Assigned ranges, whatever the version of Unicode.
            2 => rng.char('\u{a1}'..'\u{370}'),
            3 => rng.char('\u{4e00}'..'\u{9fa5}'),
            4 => rng.char('\u{1f600}'..'\u{1f640}'),
            _ => rng.char(' '..'\u{7f}'),
        })
        .collect()
}
