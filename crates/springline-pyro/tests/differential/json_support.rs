//! What the tests of the json and marshal codecs share: recorded payloads, the Python side, and one exact text form of
//! values.
#![allow(dead_code, reason = "each test program uses its part")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use springline_core::{BigInt, Budget, Container, Event, ListKind, Output, Result, Source, Value};
use springline_pyro::Generation;
use springline_pyro::codec::{json, marshal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serializer {
    Json,
    Marshal,
}

impl Serializer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Marshal => "marshal",
        }
    }

    pub(crate) fn encode(self, value: &Value, generation: Generation) -> Result<Vec<u8>> {
        let mut out = Output::new();
        match self {
            Self::Json => value.write(&mut json::Encoder::new(&mut out, generation))?,
            Self::Marshal => value.write(&mut marshal::Encoder::new(&mut out, generation))?,
        }
        Ok(out.to_vec())
    }

    /// Reads a whole message, references expanded.
    pub(crate) fn decode(self, message: &[u8], budget: Budget) -> Result<Value> {
        match self {
            Self::Json => {
                let mut source = json::Decoder::new(message, 0, budget);
                let value = expanded(&mut source)?;
                source.finish().map(|()| value)
            }
            Self::Marshal => {
                let mut source = marshal::Decoder::new(message, 0, budget);
                let value = expanded(&mut source)?;
                source.finish().map(|()| value)
            }
        }
    }
}

/// Reads a value and puts the content in the place of every back reference.
pub(crate) fn expanded(source: &mut dyn Source<'_>) -> Result<Value> {
    let kind = match source.next()? {
        Event::Begin(Container::List { kind, .. }) => Ok(kind),
        Event::Begin(Container::Map { .. }) => Err(None),
        Event::Begin(Container::Object { class, .. }) => Err(Some(class.to_owned())),
        Event::Back(n) => return expanded(&mut *source.open_back(n)?),
        Event::Null => return Ok(Value::Null),
        Event::Bool(v) => return Ok(Value::Bool(v)),
        Event::I32(v) => return Ok(Value::I32(v)),
        Event::I64(v) => return Ok(Value::I64(v)),
        Event::Big(v) => return Ok(Value::Big(Box::new(v.clone()))),
        Event::F64(v) => return Ok(Value::F64(v)),
        Event::Complex(re, im) => return Ok(Value::Complex(re, im)),
        Event::Str(v) => return Ok(v.get().into()),
        Event::Bytes(v) => return Ok(Value::Bytes(v.get().to_vec().into())),
        Event::Remote(v) => return Ok(v.clone().into()),
        event => panic!("{event:?} is no value"),
    };
    match kind {
        Ok(kind) => {
            let mut items = Vec::new();
            while !source.take_end()? {
                items.push(expanded(source)?);
            }
            Ok(match kind {
                ListKind::List => Value::List(items),
                ListKind::Tuple => Value::Tuple(items),
                ListKind::Set => Value::Set(items),
                ListKind::FrozenSet => Value::FrozenSet(items),
            })
        }
        Err(None) => {
            let mut pairs = Vec::new();
            while !source.take_end()? {
                let key = expanded(source)?;
                pairs.push((key, expanded(source)?));
            }
            Ok(Value::Map(pairs))
        }
        Err(Some(class)) => {
            let mut fields = Vec::new();
            while !source.take_end()? {
                let Event::Key(name) = source.next()? else { panic!("no field name") };
                let name = name.get().to_owned();
                fields.push((name, expanded(source)?));
            }
            Ok(Value::object(class, fields))
        }
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// One payload that a Python peer sent.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) generation: Generation,
    pub(crate) payload: Vec<u8>,
}

/// Every payload of that serializer in the recordings, decompressed.
pub(crate) fn recorded(serializer: Serializer) -> Vec<Recorded> {
    let mut all = Vec::new();
    for (peer, generation) in [("pyro4-4.82", Generation::Pyro4), ("pyro5-5.17", Generation::Pyro5)] {
        let folder = workspace().join("testdata/pyro").join(peer);
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect();
        files.sort();
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            let case: serde_json::Value = serde_json::from_str(&text).unwrap();
            for (i, message) in case["messages"].as_array().into_iter().flatten().enumerate() {
                let frame = unhex(message["hex"].as_str().unwrap());
                if let Some(payload) = payload(&frame, serializer) {
                    let stem = path.file_stem().unwrap().to_string_lossy();
                    all.push(Recorded { name: format!("{peer}/{stem} message {i}"), generation, payload });
                }
            }
        }
    }
    all
}

fn payload(frame: &[u8], serializer: Serializer) -> Option<Vec<u8>> {
    let u16_at = |at: usize| Some(usize::from(u16::from_be_bytes(*frame.get(at..)?.first_chunk()?)));
    let u32_at = |at: usize| Some(u32::from_be_bytes(*frame.get(at..)?.first_chunk()?) as usize);
    if frame.get(..4)? != b"PYRO" {
        return None;
    }
    // Version, then where the header has the type, the flags and the lengths of payload and annotations.
    let (kind, id, flags, length, start) = match u16_at(4)? {
        48 => (u16_at(6)?, u16_at(16)?, u16_at(8)?, u32_at(12)?, 24 + u16_at(18)?),
        502 => {
            (frame.get(6).copied()?.into(), frame.get(7).copied()?.into(), u16_at(8)?, u32_at(12)?, 40 + u32_at(16)?)
        }
        _ => return None,
    };
    let wanted = match (u16_at(4)?, serializer) {
        (48, Serializer::Json) | (502, Serializer::Marshal) => 2,
        _ => 3,
    };
    const PING: usize = 6;
    let body = frame.get(start..)?.get(..length)?;
    if id != wanted || kind == PING {
        return None;
    }
    if flags & 2 == 0 {
        return Some(body.to_vec());
    }
    let mut plain = Vec::new();
    flate2::read::ZlibDecoder::new(body).read_to_end(&mut plain).unwrap();
    Some(plain)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, b| {
        write!(text, "{b:02x}").unwrap();
        text
    })
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let digit = |b: u8| char::from(b).to_digit(16).unwrap_or_else(|| panic!("{text:?} is not hexadecimal")) as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// The exact form of a value that `json_marshal_peer.py` writes and reads as well; its grammar is written down there.
pub(crate) fn canon(value: &Value) -> String {
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

fn put_set(out: &mut String, open: char, close: char, items: &[Value]) {
    let mut seen = std::collections::HashSet::new();
    let mut texts: Vec<String> = items.iter().filter(|v| seen.insert(equal_form(v))).map(canon).collect();
    texts.sort();
    out.push(open);
    texts.iter().for_each(|t| out.push_str(t));
    out.push(close);
}

// Values that Python finds equal have the same: 1, 1.0 and True are one key.
fn equal_form(value: &Value) -> String {
    match value {
        Value::Bool(v) => canon(&Value::I64((*v).into())),
        Value::F64(v) if v.fract() == 0.0 && v.abs() < 9e15 => canon(&Value::I64(*v as i64)),
        Value::Tuple(items) => format!("({})", items.iter().map(equal_form).collect::<String>()),
        other => canon(other),
    }
}

fn put_pairs<'v>(out: &mut String, pairs: impl Iterator<Item = (String, String, &'v Value)>) {
    // As a Python dict keeps them: the last value of a key, in the place and with the form of the first.
    let mut kept: Vec<(String, String, &Value)> = Vec::new();
    for (equal, key, value) in pairs {
        match kept.iter_mut().find(|(e, ..)| *e == equal) {
            Some(old) => old.2 = value,
            None => kept.push((equal, key, value)),
        }
    }
    out.push('D');
    for (_, key, value) in kept {
        out.push_str(&key);
        put(out, value);
    }
    out.push('E');
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
        Value::Remote(v) => {
            put_str(out, if v.proxy { 'P' } else { 'U' }, &v.uri);
            for names in [&v.oneway, &v.methods, &v.attrs] {
                let mut names = names.clone();
                names.sort();
                names.iter().for_each(|n| put_str(out, 's', n));
                out.push('/');
            }
        }
        Value::List(v) => {
            out.push('[');
            v.iter().for_each(|x| put(out, x));
            out.push(']');
        }
        Value::Tuple(v) => {
            out.push('(');
            v.iter().for_each(|x| put(out, x));
            out.push(')');
        }
        Value::Set(v) => put_set(out, '{', '}', v),
        Value::FrozenSet(v) => put_set(out, '<', '>', v),
        Value::Map(pairs) => put_pairs(out, pairs.iter().map(|(k, v)| (equal_form(k), canon(k), v))),
        Value::Object(o) => {
            let class = Value::from(o.class.as_str());
            let named = [("__class__", &class)].into_iter().chain(o.fields.iter().map(|(k, v)| (k.as_str(), v)));
            put_pairs(out, named.map(|(k, v)| (canon(&k.into()), canon(&k.into()), v)));
        }
        other => panic!("{other:?} has no form for Python"),
    }
}

/// The Python process: one request a line, one answer a line.
pub(crate) struct Python {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Python {
    pub(crate) fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/json_marshal_peer.py");
        Self::run(&Self::path(), &script)
    }

    /// The interpreter that has the Pyro releases.
    pub(crate) fn path() -> PathBuf {
        match std::env::var_os("SPRINGLINE_PYTHON") {
            Some(path) => PathBuf::from(path),
            None => workspace().join("target/peers/python/bin/python"),
        }
    }

    pub(crate) fn run(python: &Path, script: &Path) -> Self {
        assert!(python.exists(), "{} is missing: run `cargo xtask peers`", python.display());
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", python.display()));
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    /// Sends all requests and gives one answer for each.
    pub(crate) fn ask(&mut self, requests: &[String]) -> Vec<String> {
        let mut stdin = self.child.stdin.take().unwrap();
        let (answers, stdin) = std::thread::scope(|scope| {
            let writer = scope.spawn(move || {
                for request in requests {
                    writeln!(stdin, "{request}").unwrap();
                }
                stdin.flush().unwrap();
                stdin
            });
            let answers: Vec<String> = requests.iter().map(|_| self.line()).collect();
            (answers, writer.join().unwrap())
        });
        self.child.stdin = Some(stdin);
        answers
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        let n = self.answers.read_line(&mut line).unwrap();
        assert!(n > 0, "the Python side ended; see its message above");
        line.trim_end_matches('\n').to_owned()
    }

    /// Sends one request that has many answers, up to an empty line.
    pub(crate) fn ask_many(&mut self, request: &str) -> Vec<String> {
        writeln!(self.child.stdin.as_mut().unwrap(), "{request}").unwrap();
        let mut lines = Vec::new();
        loop {
            match self.line() {
                line if line.is_empty() => return lines,
                line => lines.push(line),
            }
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Values that the serializer can carry, of every kind it has. Sets have one member at most, for their order is not
/// kept.
pub(crate) fn random_value(rng: &mut fastrand::Rng, serializer: Serializer, depth: usize) -> Value {
    let items = |rng: &mut fastrand::Rng| -> Vec<Value> {
        let n = rng.usize(..5);
        (0..n).map(|_| random_value(rng, serializer, depth.saturating_sub(1))).collect()
    };
    let marshal = serializer == Serializer::Marshal;
    match rng.u32(..if depth == 0 { 10 } else { 15 }) {
        0 => Value::Null,
        1 => Value::Bool(rng.bool()),
        2 => Value::I64(rng.i64(-200..200)),
        3 => Value::I64(rng.i64(..) >> rng.u32(..64)),
        4 => big(rng),
        5 => Value::F64(any_float(rng)),
        6 => Value::F64(f64::from(rng.i32(-100_000..100_000)) / 100.0),
        7 if marshal => Value::Bytes(random_bytes(rng).into()),
        8 if marshal => Value::Complex(any_float(rng), rng.f64()),
        7 => Value::Decimal(format!("{}.{:02}", rng.i32(..), rng.u32(..100))),
        8 => Value::DateTime(date(rng)),
        9 => random_text(rng).into(),
        10 => Value::List(items(rng)),
        11 => Value::Tuple(items(rng)),
        12 if marshal && rng.bool() => {
            Value::FrozenSet((0..rng.usize(..2)).map(|_| random_key(rng, serializer)).collect())
        }
        12 => Value::Set((0..rng.usize(..2)).map(|_| random_key(rng, serializer)).collect()),
        13 => {
            let fields = items(rng).into_iter().enumerate();
            Value::object("bank.Money", fields.map(|(i, v)| (format!("{i}{}", random_text(rng)), v)).collect())
        }
        _ => {
            let mut pairs: Vec<(Value, Value)> = Vec::new();
            for value in items(rng) {
                let key = random_key(rng, serializer);
                if !pairs.iter().any(|(k, _)| equal_form(k) == equal_form(&key)) {
                    pairs.push((key, value));
                }
            }
            Value::Map(pairs)
        }
    }
}

fn random_key(rng: &mut fastrand::Rng, serializer: Serializer) -> Value {
    match rng.u32(..8) {
        0 => Value::Null,
        1 => Value::Bool(rng.bool()),
        2 => Value::I64(rng.i64(-300..300)),
        3 => Value::F64(rng.f64() * 1e6),
        4 if serializer == Serializer::Marshal => Value::Tuple(vec![random_text(rng).into(), Value::I64(rng.i64(..))]),
        5 if serializer == Serializer::Marshal => Value::Bytes(random_bytes(rng).into()),
        _ => random_text(rng).into(),
    }
}

// The exact form has one NaN only.
fn any_float(rng: &mut fastrand::Rng) -> f64 {
    let v = f64::from_bits(rng.u64(..));
    if v.is_nan() { f64::NAN } else { v }
}

fn random_bytes(rng: &mut fastrand::Rng) -> Vec<u8> {
    (0..rng.usize(..20)).map(|_| rng.u8(..)).collect()
}

fn random_text(rng: &mut fastrand::Rng) -> String {
    let n = rng.usize(..20);
    (0..n)
        .map(|_| match rng.u32(..12) {
            0 => rng.char(..'\u{80}'),
            1 => rng.char('\u{80}'..'\u{800}'),
            2 => rng.char(..),
            3 => *rng.choice(&['"', '\\', '\n', '\u{0}', '\u{7f}', '/', '\u{2028}']).unwrap(),
            _ => rng.alphanumeric(),
        })
        .collect()
}

fn big(rng: &mut fastrand::Rng) -> Value {
    let digits: String = (0..rng.usize(1..60)).map(|_| rng.digit(10)).collect();
    let n: BigInt = digits.parse().unwrap();
    Value::from(if rng.bool() { -n } else { n })
}

fn date(rng: &mut fastrand::Rng) -> springline_core::DateTime {
    use springline_core::{Date, DateTime, Time};
    let date = Date::new(rng.i32(1..10_000), rng.u8(1..13), rng.u8(1..29)).unwrap();
    if rng.bool() {
        return DateTime::from_date(date);
    }
    let micros = if rng.bool() { 0 } else { rng.u32(..1_000_000) };
    let time = Time::new(rng.u8(..24), rng.u8(..60), rng.u8(..60), micros * 1000).unwrap();
    let offset = rng.bool().then(|| rng.i32(-900..900) * 60);
    DateTime { offset, ..DateTime::naive(date, time) }
}

/// Changes a few bytes: replaces, inserts, removes, repeats or cuts.
pub(crate) fn mutate(rng: &mut fastrand::Rng, bytes: &mut Vec<u8>, alphabet: &[u8]) {
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=bytes.len());
        let byte = if rng.bool() { rng.u8(..) } else { *rng.choice(alphabet).unwrap() };
        match rng.u32(..8) {
            0..=2 if at < bytes.len() => bytes[at] = byte,
            3 if at < bytes.len() => bytes[at] ^= 1 << rng.u32(..8),
            4 if at < bytes.len() => {
                bytes.remove(at);
            }
            5 => {
                let end = rng.usize(at..=bytes.len()).min(at + 64);
                let piece = bytes[at..end].to_vec();
                let to = rng.usize(..=bytes.len());
                bytes.splice(to..to, piece);
            }
            6 if rng.u32(..4) == 0 => bytes.truncate(at),
            _ => bytes.insert(at, byte),
        }
    }
}
