//! The serpent payloads of recorded conversations: read, cut at every byte, and written back.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use springline_core::{Budget, Container, Event, Output, Source, Value, transcode};
use springline_pyro::Generation;
use springline_pyro::codec::serpent::{Decoder, Encoder, HEADER};

struct Recorded {
    name: String,
    generation: Generation,
    payload: Vec<u8>,
}

/// The payload of a Pyro4 (wire version 48) or Pyro5 (502) message in serpent.
fn serpent_payload(message: &[u8]) -> Option<(Generation, Vec<u8>)> {
    let u16_at = |i: usize| Some(u16::from_be_bytes(*message.get(i..)?.first_chunk()?));
    let u32_at = |i: usize| Some(u32::from_be_bytes(*message.get(i..)?.first_chunk()?) as usize);
    if message.get(..4)? != b"PYRO" {
        return None;
    }
    let (generation, serializer, flags, start) = match u16_at(4)? {
        48 => (Generation::Pyro4, u16_at(16)?, u16_at(8)?, 24 + usize::from(u16_at(18)?)),
        502 => (Generation::Pyro5, message.get(7).copied()?.into(), u16_at(8)?, 40 + u32_at(16)?),
        _ => return None,
    };
    let payload = message.get(start..)?;
    if serializer != 1 || payload.is_empty() {
        return None;
    }
    let mut plain = Vec::new();
    if flags & 2 != 0 {
        flate2::read::ZlibDecoder::new(payload).read_to_end(&mut plain).expect("a compressed payload");
    } else {
        plain.extend_from_slice(payload);
    }
    Some((generation, plain))
}

fn recorded() -> Vec<Recorded> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/pyro");
    let mut all = Vec::new();
    for peer in ["pyro4-4.82", "pyro5-5.17"] {
        let folder = root.join(peer);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
        files.retain(|f| f.extension().is_some_and(|e| e == "json"));
        files.sort();
        for file in files {
            let case: Json = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            for (i, message) in case["messages"].as_array().into_iter().flatten().enumerate() {
                let hex = message["hex"].as_str().unwrap_or_default();
                let bytes: Vec<u8> =
                    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
                let name = format!("{peer}/{} message {}", file.file_stem().unwrap().display(), i + 1);
                all.extend(serpent_payload(&bytes).map(|(generation, payload)| Recorded { name, generation, payload }));
            }
        }
    }
    // As many as there are today; more may come.
    assert!(all.len() >= 550, "only {} serpent payloads in {}", all.len(), root.display());
    all
}

fn read(message: &[u8]) -> springline_core::Result<Value> {
    let mut decoder = Decoder::new(message, 0, Budget::default());
    let value = Value::read(&mut decoder)?;
    decoder.finish()?;
    Ok(value)
}

fn is_container(v: &Value) -> bool {
    matches!(v, Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::Map(_) | Value::Object(_))
}

// References are written in one form, with this side's own handshake and timeout: they need not come back as they were.
fn holds_remote(v: &Value) -> bool {
    match v {
        Value::Remote(_) => true,
        Value::List(v) | Value::Tuple(v) | Value::Set(v) => v.iter().any(holds_remote),
        Value::Map(v) => v.iter().any(|(_, v)| holds_remote(v)),
        Value::Object(o) => o.fields.iter().any(|(_, v)| holds_remote(v)),
        _ => false,
    }
}

// A peer that sends back what it got has bytes as a dict like any other, without the blanks that `repr` gives it.
fn with_blanks(message: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(message).unwrap();
    text.replace("{'data':'", "{'data': '").replace("','encoding':'base64'}", "', 'encoding': 'base64'}").into_bytes()
}

// An encoder that writes as the recorded peer did. Hand-made probes came without the header line.
fn encoder<'o>(out: &'o mut Output, r: &Recorded) -> Encoder<'o> {
    let bytes_repr = r.payload.windows(2).any(|w| w == b"b'" || w == b"b\"");
    let encoder = Encoder::new(out, r.generation).with_bytes_repr(bytes_repr);
    if r.payload.starts_with(HEADER) { encoder.with_header() } else { encoder }
}

#[test]
fn read_and_written_back() {
    let (mut remotes, mut exact) = (0, 0);
    for r in recorded() {
        let value = read(&r.payload).unwrap_or_else(|e| panic!("{}: {e}", r.name));
        let mut out = Output::new();
        let mut writer = encoder(&mut out, &r);
        value.write(&mut writer).unwrap_or_else(|e| panic!("{}: {e}", r.name));
        writer.finish().unwrap();
        let ours = out.to_vec();
        if ours == r.payload || ours == with_blanks(&r.payload) {
            exact += 1;
        } else {
            assert!(
                holds_remote(&value),
                "{}:\n{}\n{}",
                r.name,
                String::from_utf8_lossy(&r.payload),
                String::from_utf8_lossy(&ours)
            );
            assert_eq!(read(&ours).unwrap(), value, "{}", r.name);
            remotes += 1;
        }
        // The same without a tree in between, where events and not values decide.
        let mut out = Output::new();
        let mut decoder = Decoder::new(&r.payload, 0, Budget::default());
        transcode(&mut decoder, &mut encoder(&mut out, &r)).unwrap();
        decoder.finish().unwrap();
        assert_eq!(out.to_vec(), ours, "{}", r.name);
    }
    assert!(exact > 20 * remotes, "{exact} exact, {remotes} with references");
}

#[test]
fn cut_at_every_byte() {
    let mut seen = std::collections::HashSet::new();
    for r in recorded() {
        // Long ones are cut near their ends only: every cut reads all that is left.
        if !seen.insert(r.payload.clone()) {
            continue;
        }
        let container = is_container(&read(&r.payload).unwrap());
        let len = r.payload.len();
        let cuts = (0..len).filter(|i| len < 3000 || *i < 300 || *i + 300 > len);
        for cut in cuts {
            let part = &r.payload[..cut];
            match read(part) {
                Ok(v) => assert!(!container, "{}: cut at {cut} gives {v:?}", r.name),
                Err(e) => {
                    assert!(e.offset().is_some_and(|at| at <= cut), "{}: cut at {cut}: {e}", r.name);
                    assert!(!e.message().is_empty());
                }
            }
            let mut decoder = Decoder::new(part, 0, Budget::default());
            assert!(decoder.skip().and_then(|()| decoder.finish()).is_err() || !container, "{}: cut at {cut}", r.name);
        }
    }
}

#[test]
fn skipped_and_peeked() {
    for r in recorded() {
        let mut decoder = Decoder::new(&r.payload, 0, Budget::default());
        decoder.skip().unwrap_or_else(|e| panic!("{}: {e}", r.name));
        decoder.finish().unwrap_or_else(|e| panic!("{}: {e}", r.name));

        // What peek says is what comes.
        let mut decoder = Decoder::new(&r.payload, 0, Budget::default());
        let mut depth = 0;
        loop {
            let kind = decoder.peek().unwrap();
            assert_eq!(decoder.peek().unwrap(), kind);
            let event = decoder.next().unwrap();
            assert_eq!(event.kind(), kind, "{}", r.name);
            depth += match event {
                Event::Begin(_) => 1,
                Event::End => -1,
                _ => 0,
            };
            if depth == 0 {
                break;
            }
        }
        decoder.finish().unwrap();
    }
}

#[test]
fn every_value_can_be_opened_where_it_stands() {
    for r in recorded().iter().filter(|r| r.payload.len() < 3000) {
        let mut decoder = Decoder::new(&r.payload, 0, Budget::default());
        let Event::Begin(Container::List { .. }) = decoder.next().unwrap() else { continue };
        while !decoder.take_end().unwrap() {
            let at = decoder.offset();
            let expected = Value::read(&mut decoder).unwrap();
            assert_eq!(Value::read(&mut Decoder::new(&r.payload, at, Budget::default())).unwrap(), expected);
        }
    }
}
