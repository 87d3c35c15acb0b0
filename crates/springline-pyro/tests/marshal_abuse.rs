//! The marshal reader against damaged and hostile messages: no panic, no hang, no memory beyond the message's own size.

#[path = "differential/json_support.rs"]
mod support;

use std::time::{Duration, Instant};

use springline_core::{Budget, Event, Limits, Output, Source, Value, transcode};
use springline_pyro::Generation;
use springline_pyro::codec::{json, marshal};
use support::{Serializer, unhex};

const ALPHABET: &[u8] = b"NTFS.iIlfgxysutaAzZ([{<>)rR0c\x00\x01\x02\x05\x7f\x81\xe9\xf5\xdb\xa9\xfb\xda\xff";

#[test]
fn a_hundred_thousand_damaged_messages_do_no_harm() {
    let mut seeds: Vec<Vec<u8>> = support::recorded(Serializer::Marshal).into_iter().map(|r| r.payload).collect();
    // x = [1]; [x, "ab", {"k": x, "ab": (x, x)}, frozenset(), bytes, a URI, the URI], much referred to.
    let uri = "fb da095f5f636c6173735f5f da0e5079726f342e636f72652e555249 da057374617465 a905 da045059524f da0178 4e \
               da0168 e901000000 30";
    let shared = format!(
        "db07000000 db01000000e901000000 da026162 fb da016b 7201000000 7203000000 a902 7201000000 7201000000 30 \
         be00000000 f30300000001ff02 {uri} 7200000000"
    );
    seeds.extend(std::iter::repeat_n(unhex(&shared), seeds.len() / 4));
    let mut rng = fastrand::Rng::with_seed(1);
    let mut limits = Limits::new();
    limits.nodes = 10_000;
    let (mut good, mut bad, mut back) = (0, 0, 0);
    for i in 0..100_000 {
        let mut message = if i % 4 == 0 {
            let value = support::random_value(&mut rng, Serializer::Marshal, 3);
            Serializer::Marshal.encode(&value, Generation::Pyro4).unwrap()
        } else {
            rng.choice(&seeds).unwrap().clone()
        };
        support::mutate(&mut rng, &mut message, ALPHABET);
        let start = if i % 5 == 0 { rng.usize(..message.len() + 2) } else { 0 };
        let mut source = marshal::Decoder::new(&message, start, limits.budget());
        let mut out = Output::new();
        let done = match i % 4 {
            0 => transcode(&mut source, &mut marshal::Encoder::new(&mut out, Generation::Pyro5)),
            1 => transcode(&mut source, &mut json::Encoder::new(&mut out, Generation::Pyro4)),
            2 => Value::read(&mut source).map(|_| ()),
            _ => wander(&mut source, &mut rng, &mut back),
        };
        match done {
            Ok(()) => good += 1,
            Err(e) => {
                assert!(!e.to_string().is_empty());
                bad += 1;
            }
        }
        // Nodes are bounded, and what is read again pays for its bytes.
        assert!(out.len() <= message.len() * 10 + 10_000 * 70, "{} bytes of {}", out.len(), message.len());
    }
    assert!(good > 1000 && bad > 1000 && back > 1000, "{good} good, {bad} bad, {back} references followed");
}

// Reads this, skips that, follows references or not, and leaves sources before their end.
fn wander(source: &mut dyn Source<'_>, rng: &mut fastrand::Rng, back: &mut u32) -> springline_core::Result<()> {
    let mut depth = 0;
    loop {
        if depth > 0 && rng.u32(..8) == 0 {
            match source.peek()? {
                springline_core::Kind::End => {}
                _ => source.skip()?,
            }
        }
        match source.next()? {
            Event::Begin(_) => depth += 1,
            Event::End => depth -= 1,
            Event::Back(n) if rng.bool() => {
                *back += 1;
                wander(&mut *source.open_back(n)?, rng, back)?;
            }
            _ => {}
        }
        if depth == 0 || rng.u32(..400) == 0 {
            return Ok(());
        }
    }
}

#[test]
fn hostile_messages_end_soon() {
    let begin = Instant::now();
    let n = 300_000u32;
    let lists = |code: u8| [&[code], &n.to_le_bytes()[..]].concat();
    let reference = |i: u32| [&b"r"[..], &i.to_le_bytes()].concat();
    let long_text = [&b"\xe1"[..], &4_000_000u32.to_le_bytes(), &vec![b'x'; 4_000_000]].concat();
    let class_key = b"z\x09__class__".to_vec();
    let named = [&b"{"[..], &class_key, &reference(0), b"0"].concat();
    let long_number = [&b"\xec"[..], &65_536u32.to_le_bytes(), &[0xff, 0x7f].repeat(65_536)].concat();
    // Every length there is, claimed and not kept.
    let mut messages: Vec<Vec<u8>> = b"sutaA([<>l"
        .iter()
        .flat_map(|code| [i32::MAX, i32::MIN, -1, 1 << 24].map(|len| [&[*code], &len.to_le_bytes()[..]].concat()))
        .collect();
    messages.extend([
        unhex(&"5b01000000".repeat(400_000)),
        unhex(&"fb".repeat(400_000)),
        [&b"{"[..], &class_key, b"z\x01cz\x01f"].concat().repeat(100_000),
        [&b"{"[..], &class_key, b"z\x10Pyro4.core.Proxyz\x05state)\x01"].concat().repeat(100_000),
        // One text, one class name, one number, used over and over.
        [lists(b'['), long_text.clone(), reference(0).repeat(n as usize - 1)].concat(),
        [lists(b'['), long_text.clone(), named.repeat(n as usize - 1)].concat(),
        [lists(b'['), long_number, reference(0).repeat(n as usize - 1)].concat(),
        // A list that holds the long text, used over and over.
        [lists(b'['), vec![0xdb, 1, 0, 0, 0], long_text, reference(0).repeat(n as usize - 1)].concat(),
        // Half a million references to a cycle.
        [&[0xdb], &n.to_le_bytes()[..], &reference(0).repeat(n as usize)].concat(),
    ]);
    // A tenth of the default, for the sake of builds without optimisation.
    let mut limits = Limits::new();
    limits.nodes = 1_000_000;
    for message in &messages {
        let mut bytes = 0;
        let scanned = scan(&mut marshal::Decoder::new(message, 0, limits.budget()), &mut bytes);
        assert!(scanned.is_err() && bytes < 80_000_000, "{scanned:?}, {bytes} bytes of text");
        let _ = marshal::Decoder::new(message, 0, limits.budget()).skip();
        let _ = Value::read(&mut marshal::Decoder::new(message, 0, limits.budget()));
    }
    // The second of two values, where each reference stands after a long front.
    let front = [&[b'(', 2, 0, 0, 0], &lists(b'[')[..], &b"z\x01a".repeat(n as usize)].concat();
    let start = front.len();
    let message = [front, vec![0xdb, 2, 0, 0, 0, 0xda, 1, b'b'], reference(1)].concat();
    let value = Value::read(&mut marshal::Decoder::new(&message, start, Budget::default())).unwrap();
    assert_eq!(value, Value::List(vec!["b".into(), "b".into()]));
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}

// Follows every reference and keeps nothing.
fn scan(source: &mut dyn Source<'_>, bytes: &mut usize) -> springline_core::Result<()> {
    let mut depth = 0;
    loop {
        match source.next()? {
            Event::Begin(_) => depth += 1,
            Event::End => depth -= 1,
            Event::Back(n) => scan(&mut *source.open_back(n)?, bytes)?,
            Event::Str(text) => *bytes += text.get().len(),
            _ => {}
        }
        if depth == 0 {
            return Ok(());
        }
    }
}
