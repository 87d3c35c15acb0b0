//! Messages that no peer should send: a hundred thousand damaged ones with a fixed seed. None may panic, hang, or make the
//! reader reserve what a length only claims.

#[path = "differential/msgpack_support.rs"]
mod support;

use std::time::{Duration, Instant};

use serde::Deserialize;
use springline_core::{Budget, Error, ErrorKind, Limits, Output, Result, Source, Value, de, transcode};
use springline_pyro::Generation;
use springline_pyro::codec::msgpack::{Decoder, Encoder};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code, reason = "only read")]
struct Record<'a> {
    id: i64,
    #[serde(borrow)]
    name: &'a str,
    score: f64,
    active: Option<bool>,
    tags: Vec<String>,
    inner: Option<Box<Record<'a>>>,
    data: serde_json::Value,
}

fn seeds() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = support::recorded().into_iter().map(|r| r.payload).filter(|p| p.len() < 2000).collect();
    for text in [
        "93 81 a4 6e616d65 a2 4142 82 a2 6964 05 a5 696e6e6572 81 a4 64617461 91 c0 dc 0002 01 02",
        "82 a9 5f5f636c6173735f5f ae 5079726f352e636f72652e555249 a5 7374617465 95 a4 5059524f a1 61 c0 a1 62 01",
        "83 a9 5f5f636c6173735f5f a7 636f6d706c6578 a4 7265616c 01 a4 696d6167 02",
        "96 d8 30 0000000000000840 0000000000001040 c7 14 31 3138343436373434303733373039353531363136 d7 32 00000000 d04cd941 \
         d7 33 3cf90a00 00000000 d6 ff 00000001 c7 0c ff 00000001 ffffffffffffffff",
        "84 a5 73636f7265 cb 3ff8000000000000 a6 616374697665 c3 a4 74616773 92 a1 78 d9 02 7879 c0 c4 03 010203",
    ] {
        all.push(support::unhex(&text.replace(char::is_whitespace, "")));
    }
    all
}

fn damage(r: &mut fastrand::Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut message = seeds[r.usize(..seeds.len())].clone();
    for _ in 0..r.usize(1..5) {
        let at = r.usize(..message.len() + 1);
        match r.u32(..8) {
            0 if at < message.len() => message[at] ^= 1 << r.u32(..8),
            // heads of every kind, with lengths that are not there
            1 if at < message.len() => message[at] = r.u8(0x80..0xe0),
            2 => message.truncate(at),
            3 => message.insert(at, r.u8(..)),
            4 if at < message.len() => drop(message.remove(at)),
            5 => {
                let claim = [r.u8(0xc4..0xe0), 0xff, 0xff, r.u8(..), r.u8(..)];
                message.splice(at..(at + 5).min(message.len()), claim);
            }
            6 => {
                let other = &seeds[r.usize(..seeds.len())];
                let from = r.usize(..other.len());
                message.splice(at..at, other[from..].iter().take(200).copied());
            }
            _ => message.splice(at..at, std::iter::repeat_n(r.u8(0x80..0x9f), r.usize(..300))).for_each(drop),
        }
    }
    message
}

// What the values read hold in capacity, whether used or not.
fn reserved(value: &Value) -> usize {
    let size = size_of::<Value>();
    match value {
        Value::Str(v) => v.capacity(),
        Value::Bytes(v) => v.len(),
        Value::List(v) => v.capacity() * size + v.iter().map(reserved).sum::<usize>(),
        Value::Map(v) => v.capacity() * 2 * size + v.iter().map(|(k, v)| reserved(k) + reserved(v)).sum::<usize>(),
        Value::Object(o) => o.fields.capacity() * 2 * size + o.fields.iter().map(|(_, v)| reserved(v)).sum::<usize>(),
        _ => 0,
    }
}

#[test]
fn a_hundred_thousand_damaged_messages() {
    let seeds = seeds();
    let mut r = fastrand::Rng::with_seed(0x6d73_6770);
    let started = Instant::now();
    let (mut good, mut bad) = (0, 0);
    for i in 0..100_000 {
        let message = damage(&mut r, &seeds);
        let read = Value::read(&mut Decoder::new(&message, 0, Budget::default()));
        let mut out = Output::new();
        let through: Result<()> = transcode(
            &mut Decoder::new(&message, 0, Budget::default()),
            &mut Encoder::new(&mut out, Generation::Pyro5),
        );
        let mut skipping = Decoder::new(&message, 0, Budget::default());
        let skipped = skipping.skip();
        let typed: Result<Vec<Record<'_>>> = de::from_source(&mut Decoder::new(&message, 0, Budget::default()));
        let mut dynamic = Decoder::new(&message, 0, Budget::default());
        let typed_too: Result<Vec<Record<'_>>> = de::from_source(&mut dynamic as &mut dyn Source<'_>);
        assert_eq!(typed.is_ok(), typed_too.is_ok(), "{}", support::hex(&message));
        match &read {
            Ok(value) => {
                good += 1;
                assert!(skipped.is_ok(), "{}", support::hex(&message));
                // What was read as a date or a reference may be none that can be written.
                let fails = through.err().filter(|e| e.kind() != ErrorKind::Encode);
                assert!(fails.is_none(), "{fails:?} {}", support::hex(&message));
                // 64 places are reserved where a length was claimed; nothing claims more than is there
                let most = 4096 + message.len() * 64 * 2 * size_of::<Value>();
                assert!(reserved(value) < most, "{} bytes for {}", reserved(value), support::hex(&message));
            }
            Err(e) => {
                bad += 1;
                assert!(e.offset().is_some_and(|at| at <= message.len()), "{e} in {}", support::hex(&message));
                assert!(through.is_err());
            }
        }
        if i % 1000 == 0 {
            assert!(started.elapsed() < Duration::from_secs(300), "message {i} is late: {}", support::hex(&message));
        }
    }
    assert!(good > 1000 && bad > 50_000, "{good} good, {bad} bad");
}

#[test]
fn random_bytes_and_every_short_message() {
    let try_it = |message: &[u8]| {
        let value = Value::read(&mut Decoder::new(message, 0, Budget::default()));
        let mut skipping = Decoder::new(message, 0, Budget::default());
        if value.is_ok() {
            skipping.skip().unwrap();
        } else {
            let _ = skipping.skip();
        }
    };
    for a in 0..=255u8 {
        for b in 0..=255u8 {
            try_it(&[a, b]);
            try_it(&[a, b, 0, 0, 0, 1, 0x30, 0xa1, b, 0xc0]);
        }
    }
    let mut r = fastrand::Rng::with_seed(77);
    for _ in 0..50_000 {
        let message: Vec<u8> = (0..r.usize(..60)).map(|_| r.u8(..)).collect();
        try_it(&message);
    }
}

// Skipping needs no memory of its own: a hundred million levels are refused at the limit, and within it they are walked.
#[test]
fn nesting_costs_neither_the_stack_nor_the_heap() {
    let depth = 1_000_000;
    let mut message = vec![0x91; depth];
    message.push(0xc0);
    let mut limits = Limits::new();
    limits.depth = u32::MAX;
    let mut source = Decoder::new(&message, 0, limits.budget());
    source.skip().unwrap();
    source.finish().unwrap();
    let e: Error = Decoder::new(&message, 0, Budget::default()).skip().unwrap_err();
    assert!(e.message().contains("depth = 200"), "{e}");
}
