//! What the tests of the pickle codec share: the Python side, and one exact text form of values.
#![allow(dead_code, reason = "each test program uses its part")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use springline_core::{Budget, Output, Result, Value};
use springline_pyro::Generation;
use springline_pyro::codec::pickle;

use crate::support::{Python, hex};

/// Reads a whole pickle.
pub(crate) fn decode(message: &[u8]) -> Result<Value> {
    decode_within(message, Budget::default())
}

pub(crate) fn decode_within(message: &[u8], budget: Budget) -> Result<Value> {
    let mut source = pickle::Decoder::new(message, 0, budget);
    let value = Value::read(&mut source)?;
    source.finish().map(|()| value)
}

pub(crate) fn encode(value: &Value, protocol: u8, pyro3: bool) -> Result<Vec<u8>> {
    let mut out = Output::new();
    let encoder =
        if pyro3 { pickle::Encoder::pyro3(&mut out) } else { pickle::Encoder::new(&mut out, Generation::Pyro4) };
    value.write(&mut encoder.with_protocol(protocol))?;
    Ok(out.to_vec())
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/pickle_peer.py")
}

/// CPython 3.
pub(crate) fn python3() -> Python {
    Python::run(&Python::path(), &script())
}

/// CPython 2.7.
pub(crate) fn python2() -> Python {
    Python::run(&python2_path(), &script())
}

fn python2_path() -> PathBuf {
    if let Some(path) = std::env::var_os("SPRINGLINE_PYTHON2") {
        return path.into();
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/python2")
}

/// The form that `pickle_peer.py` writes and reads as well; its grammar is written down there.
pub(crate) fn form(value: &Value) -> String {
    let mut out = String::new();
    put(&mut out, value);
    out
}

fn put_float(out: &mut String, v: f64) {
    if v.is_nan() {
        out.push_str("nan;");
    } else {
        write!(out, "{:016x};", v.to_bits()).unwrap();
    }
}

fn put_str(out: &mut String, tag: char, text: &str) {
    write!(out, "{tag}{};", hex(text.as_bytes())).unwrap();
}

fn put_all(out: &mut String, open: char, close: char, items: &[Value]) {
    out.push(open);
    items.iter().for_each(|v| put(out, v));
    out.push(close);
}

fn put(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push('N'),
        Value::Bool(v) => out.push(if *v { 'T' } else { 'F' }),
        Value::I32(v) => write!(out, "i{v};").unwrap(),
        Value::I64(v) => write!(out, "i{v};").unwrap(),
        Value::Big(v) => write!(out, "i{v};").unwrap(),
        Value::F64(v) => {
            out.push('f');
            put_float(out, *v);
        }
        Value::Complex(re, im) => {
            out.push('c');
            put_float(out, *re);
            put_float(out, *im);
        }
        Value::Decimal(v) => put_str(out, 'd', v),
        Value::DateTime(v) => put_str(out, 't', &v.to_string()),
        Value::Str(v) => put_str(out, 's', v),
        Value::Bytes(v) => write!(out, "b{};", hex(v)).unwrap(),
        Value::Back(n) => write!(out, "@{n};").unwrap(),
        Value::List(v) => put_all(out, '[', ']', v),
        Value::Tuple(v) => put_all(out, '(', ')', v),
        Value::Set(v) => put_all(out, '{', '}', v),
        Value::FrozenSet(v) => put_all(out, '<', '>', v),
        Value::Map(pairs) => {
            out.push('D');
            for (k, v) in pairs {
                put(out, k);
                put(out, v);
            }
            out.push('E');
        }
        other => panic!("{other:?} has no form for Python"),
    }
}

/// Random values with shared and cyclic parts.
pub(crate) struct Maker<'r> {
    pub(crate) rng: &'r mut fastrand::Rng,
    begun: u32,
    // Containers that may be referred to: those that are whole, and lists and maps.
    there: Vec<u32>,
    python2: bool,
}

impl<'r> Maker<'r> {
    pub(crate) fn value(rng: &'r mut fastrand::Rng, python2: bool) -> Value {
        Maker { rng, begun: 0, there: Vec::new(), python2 }.any(4)
    }

    fn items(&mut self, depth: u32) -> Vec<Value> {
        (0..self.rng.usize(..5)).map(|_| self.any(depth - 1)).collect()
    }

    fn any(&mut self, depth: u32) -> Value {
        if !self.there.is_empty() && self.rng.u32(..8) == 0 {
            let n = self.rng.usize(..self.there.len());
            return Value::Back(self.there[n]);
        }
        match self.rng.u32(..if depth == 0 { 11 } else { 18 }) {
            0 => Value::Null,
            1 => Value::Bool(self.rng.bool()),
            2 => Value::I64(self.rng.i64(-300..70_000)),
            3 => Value::I64(self.rng.i64(..) >> self.rng.u32(..64)),
            4 => {
                let digits: String = (0..self.rng.usize(1..700)).map(|_| self.rng.digit(10)).collect();
                Value::from(digits.parse::<springline_core::BigInt>().unwrap() * if self.rng.bool() { -1 } else { 1 })
            }
            5 => Value::F64(f64::from_bits(self.rng.u64(..))),
            6 => Value::Complex(self.rng.f64(), -self.rng.f64()),
            7 => Value::Bytes((0..self.rng.usize(..400)).map(|_| self.rng.u8(..)).collect()),
            8 => Value::Decimal(format!("{}.{:02}", self.rng.i32(..), self.rng.u32(..100))),
            9 => Value::DateTime(self.date()),
            10 => self.text().into(),
            kind @ 11..=13 => {
                let n = self.begin(kind < 13);
                let items = self.items(depth);
                if kind < 13 {
                    return Value::List(items);
                }
                // Python has one empty tuple, which is not referred to.
                if !items.is_empty() {
                    self.there.push(n);
                }
                Value::Tuple(items)
            }
            kind @ 14..=15 => {
                self.begin(false);
                let members = self.rng.usize(..4);
                let members = (0..members).map(|i| Value::I64(i as i64 * 1000)).collect();
                if kind == 14 { Value::Set(members) } else { Value::FrozenSet(members) }
            }
            _ => {
                self.begin(true);
                let pairs = self.rng.i64(..5);
                Value::Map((0..pairs).map(|i| (self.key(i), self.any(depth - 1))).collect())
            }
        }
    }

    fn begin(&mut self, there: bool) -> u32 {
        let n = self.begun;
        self.begun += 1;
        if there {
            self.there.push(n);
        }
        n
    }

    fn key(&mut self, i: i64) -> Value {
        match self.rng.u32(..3) {
            0 => Value::I64(i),
            1 => Value::Bytes(vec![255, i as u8].into()),
            _ => format!("{i}{}", self.text()).into(),
        }
    }

    fn text(&mut self) -> String {
        (0..self.rng.usize(..30))
            .map(|_| match self.rng.u32(..12) {
                0 => self.rng.char(..'\u{80}'),
                1 => self.rng.char('\u{80}'..'\u{800}'),
                2 => self.rng.char(..),
                3 => *self.rng.choice(&['\'', '\\', '\n', '\u{0}', '\u{1a}', '\u{2028}']).unwrap(),
                _ => self.rng.alphanumeric(),
            })
            .collect()
    }

    fn date(&mut self) -> springline_core::DateTime {
        use springline_core::{Date, DateTime, Time};
        let rng = &mut *self.rng;
        let date = Date::new(rng.i32(1..10_000), rng.u8(1..13), rng.u8(1..29)).unwrap();
        let time = Time::new(rng.u8(..24), rng.u8(..60), rng.u8(..60), rng.u32(..1_000_000) * 1000).unwrap();
        match rng.u32(..4) {
            0 => DateTime::from_date(date),
            1 => DateTime::from_time(time),
            2 if !self.python2 => DateTime { offset: Some(rng.i32(-900..900) * 60), ..DateTime::naive(date, time) },
            _ => DateTime::naive(date, time),
        }
    }
}
