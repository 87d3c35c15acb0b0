//! The json reader against damaged and hostile messages: no panic, no hang, no memory beyond the message's own size.

#[path = "differential/json_support.rs"]
mod support;

use std::time::{Duration, Instant};

use springline_core::{Budget, Limits, Output, Source, transcode};
use springline_pyro::Generation;
use springline_pyro::codec::{json, marshal};
use support::Serializer;

#[test]
fn a_hundred_thousand_damaged_messages_do_no_harm() {
    let seeds: Vec<Vec<u8>> = support::recorded(Serializer::Json).into_iter().map(|r| r.payload).collect();
    let mut rng = fastrand::Rng::with_seed(1);
    let mut limits = Limits::new();
    limits.nodes = 10_000;
    let (mut good, mut bad) = (0, 0);
    for i in 0..100_000 {
        let mut message = if i % 4 == 0 {
            let value = support::random_value(&mut rng, Serializer::Json, 3);
            Serializer::Json.encode(&value, Generation::Pyro4).unwrap()
        } else {
            rng.choice(&seeds).unwrap().clone()
        };
        support::mutate(&mut rng, &mut message, br#"{}[]",:\u019-+.eEntfNI "#);
        let start = if i % 5 == 0 { rng.usize(..message.len() + 2) } else { 0 };
        let mut source = json::Decoder::new(&message, start, limits.budget());
        let mut out = Output::new();
        let done = if i % 2 == 0 {
            transcode(&mut source, &mut marshal::Encoder::new(&mut out, Generation::Pyro5))
        } else {
            source.skip()
        };
        match done {
            Ok(()) => good += 1,
            Err(e) => {
                assert!(!e.to_string().is_empty());
                bad += 1;
            }
        }
        // What is written is never much larger than what was read.
        assert!(out.len() <= message.len() * 10 + 100, "{} bytes of {}", out.len(), message.len());
    }
    assert!(good > 1000 && bad > 1000, "{good} good, {bad} bad");
}

#[test]
fn hostile_messages_end_soon() {
    let begin = Instant::now();
    let n = 2_000_000;
    for message in [
        "[".repeat(n),
        "{\"a\":".repeat(n),
        "{\"__class__\":\"x\",\"a\":".repeat(n),
        "{\"__class__\":\"Pyro4.core.Proxy\",\"state\":[".repeat(n / 10),
        "\"".repeat(n),
        "\\".repeat(n),
        format!("\"{}", "\\\"".repeat(n)),
        format!("\"{}", "\\ud800".repeat(n)),
        "9".repeat(n),
        format!("[{}", "1,".repeat(n)),
        " ".repeat(n),
        "-".repeat(n),
        format!("0.{}", "0".repeat(n)),
        format!("1e{}", "9".repeat(n)),
    ] {
        let mut source = json::Decoder::new(message.as_bytes(), 0, Budget::default());
        let _ = support::expanded(&mut source);
        let _ = json::Decoder::new(message.as_bytes(), 0, Budget::default()).skip();
    }
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}
