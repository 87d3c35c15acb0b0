//! What the tests of the msgpack codec share: recorded payloads, the Python side, and one exact text form of values.
#![allow(dead_code, reason = "each test program uses its part")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use springline_core::{Budget, Output, Result, Value};
use springline_pyro::Generation;
use springline_pyro::codec::msgpack::{Decoder, Encoder};

pub(crate) fn encode(value: &Value, generation: Generation) -> Result<Vec<u8>> {
    let mut out = Output::new();
    value.write(&mut Encoder::new(&mut out, generation))?;
    Ok(out.to_vec())
}

pub(crate) fn decode(message: &[u8]) -> Result<Value> {
    let mut source = Decoder::new(message, 0, Budget::default());
    let value = Value::read(&mut source)?;
    source.finish().map(|()| value)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, b| {
        write!(text, "{b:02x}").unwrap();
        text
    })
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).unwrap_or_else(|| panic!("{text:?} is not hexadecimal")) as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// One payload that a Python peer sent.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) generation: Generation,
    pub(crate) payload: Vec<u8>,
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every msgpack payload in the recordings, decompressed.
pub(crate) fn recorded() -> Vec<Recorded> {
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
                if let Some(payload) = payload(&unhex(message["hex"].as_str().unwrap())) {
                    let stem = path.file_stem().unwrap().to_string_lossy();
                    all.push(Recorded { name: format!("{peer}/{stem} message {i}"), generation, payload });
                }
            }
        }
    }
    all
}

// The frame's payload, if it is msgpack.
fn payload(frame: &[u8]) -> Option<Vec<u8>> {
    let u16_at = |at: usize| Some(u16::from_be_bytes(*frame.get(at..)?.first_chunk()?));
    let u32_at = |at: usize| Some(u32::from_be_bytes(*frame.get(at..)?.first_chunk()?) as usize);
    if frame.get(..4)? != b"PYRO" {
        return None;
    }
    let (is_msgpack, length, start) = match u16_at(4)? {
        48 => (u16_at(16)? == 6, u32_at(12)?, 24 + usize::from(u16_at(18)?)),
        502 => (*frame.get(7)? == 4, u32_at(12)?, 40 + u32_at(16)?),
        _ => return None,
    };
    if !is_msgpack {
        return None;
    }
    let body = frame.get(start..)?.get(..length)?;
    const COMPRESSED: u16 = 2;
    if u16_at(8)? & COMPRESSED == 0 {
        return Some(body.to_vec());
    }
    let mut plain = Vec::new();
    flate2::read::ZlibDecoder::new(body).read_to_end(&mut plain).unwrap();
    Some(plain)
}

/// The exact form of a value that `msgpack_peer.py` writes as well; its grammar stands there.
pub(crate) fn canon(value: &Value) -> String {
    let mut out = String::new();
    put(&mut out, value);
    out
}

fn put_text(out: &mut String, tag: char, text: &str) {
    write!(out, "{tag}{};", hex(text.as_bytes())).unwrap();
}

fn bits(v: f64) -> String {
    if v.is_nan() { "nan".to_owned() } else { format!("{:016x}", v.to_bits()) }
}

fn put(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push('N'),
        Value::Bool(v) => out.push(if *v { 'T' } else { 'F' }),
        Value::I64(v) => write!(out, "i{v};").unwrap(),
        Value::Big(v) => write!(out, "i{v};").unwrap(),
        Value::F64(v) => write!(out, "f{};", bits(*v)).unwrap(),
        Value::Complex(re, im) => write!(out, "c{},{};", bits(*re), bits(*im)).unwrap(),
        Value::Str(v) => put_text(out, 's', v),
        Value::Bytes(v) => write!(out, "b{};", hex(v)).unwrap(),
        Value::DateTime(v) => put_text(out, 't', &v.to_string()),
        Value::List(v) => {
            out.push('[');
            v.iter().for_each(|v| put(out, v));
            out.push(']');
        }
        Value::Map(v) => {
            out.push('{');
            for (k, v) in v {
                put(out, k);
                put(out, v);
            }
            out.push('}');
        }
        Value::Object(v) => {
            out.push('O');
            put_text(out, 's', &v.class);
            for (k, v) in &v.fields {
                put_text(out, 's', k);
                put(out, v);
            }
            out.push('}');
        }
        Value::Remote(v) => {
            out.push(if v.proxy { 'P' } else { 'U' });
            put_text(out, 's', &v.uri);
            if v.proxy {
                for names in [&v.oneway, &v.methods, &v.attrs] {
                    let mut names = names.clone();
                    names.sort();
                    out.push('[');
                    names.iter().for_each(|n| put_text(out, 's', n));
                    out.push(']');
                }
            }
        }
        other => panic!("{other:?} does not come from msgpack"),
    }
}

/// A running `msgpack_peer.py`.
pub(crate) struct Python {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Python {
    pub(crate) fn start() -> Self {
        let python = match std::env::var_os("SPRINGLINE_PYTHON") {
            Some(path) => PathBuf::from(path),
            None => workspace().join("target/peers/python/bin/python"),
        };
        assert!(python.exists(), "{} is missing: run `cargo xtask peers`", python.display());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/msgpack_peer.py");
        let mut child = Command::new(&python)
            .arg("-B")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", python.display()));
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    fn send(&mut self, request: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{request}").unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.answers.read_line(&mut line).unwrap() > 0, "Python ended: run `cargo xtask peers` again?");
        line.truncate(line.trim_end().len());
        line
    }

    /// One answer to one request.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        self.send(request);
        self.line()
    }

    /// The messages and canonical forms that answer a request for `count` of them, or up to an empty line.
    pub(crate) fn messages(&mut self, request: &str, count: usize) -> Vec<(Vec<u8>, String)> {
        self.send(request);
        let mut all = Vec::new();
        while all.len() < count {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            let (message, canon) = line.split_once(' ').unwrap_or_else(|| panic!("{request}: {line}"));
            assert!(message != "err", "{request}: {line}");
            all.push((unhex(message), canon.to_owned()));
        }
        all
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
