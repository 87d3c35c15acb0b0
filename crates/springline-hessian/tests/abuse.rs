//! Hostile messages: clear errors, bounded work and memory, no panic.

mod support;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use springline_core::{Bytes, DateTime, Error, Format, Limits, RemoteRef, Result, Tape, Value, de, transcode};
use springline_hessian::Version::{self, One, Two};
use springline_hessian::codec::HessianFormat;
use springline_hessian::{LoneSurrogates, Part, ReadOptions};
use support::{bytes, encoded, list, object, typed_list, typed_map};

fn as_value(version: Version, part: Part, options: &ReadOptions, message: &Bytes) -> Result<Value> {
    let mut out = Value::Null;
    HessianFormat::of(version, part, options).read(message, 0, options.limits.budget(), &mut |source| {
        out = Value::read(source)?;
        Ok(())
    })?;
    Ok(out)
}

fn as_type<T: DeserializeOwned>(version: Version, options: &ReadOptions, message: &Bytes) -> Result<T> {
    let mut out = None;
    HessianFormat::of(version, Part::Value, options).read(message, 0, options.limits.budget(), &mut |source| {
        out = Some(de::from_source(source)?);
        Ok(())
    })?;
    Ok(out.unwrap())
}

fn passed(version: Version, message: &Bytes) -> Result<()> {
    HessianFormat::of(version, Part::Value, &ReadOptions::new()).read(
        message,
        0,
        Limits::new().budget(),
        &mut |source| source.skip(),
    )
}

/// Reads in every way; all of them say the same words.
#[track_caller]
fn refused(version: Version, message: &[u8], words: &str) {
    let message = Bytes::copy_from_slice(message);
    let options = ReadOptions::new();
    let errors: [Error; 3] = [
        as_value(version, Part::Value, &options, &message).unwrap_err(),
        as_type::<Value>(version, &options, &message).unwrap_err(),
        passed(version, &message).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn nesting_ends_at_the_limit() {
    refused(Two, &[0x79; 200_000], "depth = 200");
    refused(Two, &[0x57; 200_000], "depth = 200");
    refused(Two, &b"H".repeat(200_000), "depth = 200");
    refused(Two, &bytes("43 0161 91 0162").into_iter().chain([0x60; 200_000]).collect::<Vec<_>>(), "depth = 200");
    refused(One, &b"V".repeat(200_000), "depth = 200");
    refused(One, &b"Mt\0\0".repeat(200_000), "depth = 200");
    refused(One, &b"Mt\0\x01aS\0\x01b".repeat(200_000), "depth = 200");
    // Objects that stand for values are looked into, but not far, and not again and again.
    let decimal = b"Mt\0\x14java.math.BigDecimalS\0\x05value";
    refused(One, &decimal.repeat(10_000), "depth = 200");
    let class = b"C\x14java.math.BigDecimal\x91\x05value";
    refused(Two, &class.iter().copied().chain([0x60; 100_000]).collect::<Vec<_>>(), "depth = 200");
    // Passing over needs no stack, however deep.
    let mut options = ReadOptions::new();
    options.limits.depth = 1_000_000;
    for (version, code) in [(Two, 0x79), (One, b'V')] {
        let message = Bytes::from(vec![code; 300_000]);
        let error = HessianFormat::of(version, Part::Value, &options)
            .read(&message, 0, options.limits.budget(), &mut |source| source.skip())
            .unwrap_err();
        assert!(error.to_string().contains("cut short"), "{error}");
    }
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Pair(Option<Box<Pair>>, Option<Box<Pair>>);

#[test]
fn shared_data_that_unfolds_without_end_ends_at_the_limit() {
    let mut options = ReadOptions::new();
    options.limits.nodes = 100_000;
    // Each list holds the next one, and a reference to it: 2 to the 60th in all, were they copied.
    let mut two = Vec::new();
    let mut one = Vec::new();
    for _ in 0..60 {
        two.push(0x7a);
        one.push(b'V');
    }
    two.extend_from_slice(b"NN");
    one.extend_from_slice(b"NNz");
    for n in (1..60_u8).rev() {
        two.extend_from_slice(&if n < 0x30 { vec![b'Q', 0x90 + n] } else { vec![b'Q', 0xc8, n] });
        one.extend_from_slice(&[b'R', 0, 0, 0, n, b'z']);
    }
    for (version, message) in [(Two, two), (One, one)] {
        let message = Bytes::from(message);
        let kept = as_value(version, Part::Value, &options, &message).unwrap();
        assert!(kept.refers_back());
        for error in [
            as_type::<Pair>(version, &options, &message).map(drop).unwrap_err(),
            HessianFormat::of(version, Part::Value, &options)
                .read(&message, 0, options.limits.budget(), &mut |source| Value::read_tree(source).map(drop))
                .unwrap_err(),
        ] {
            assert!(error.to_string().contains("nodes = 100000"), "{error}");
        }
    }
    // A large text that many references lead to costs its size each time.
    let text = vec![b'x'; 30_000];
    let mut message = bytes("58 d3e8 79 537530");
    message.extend_from_slice(&text);
    message.extend(b"Q\x91".repeat(999));
    let message = Bytes::from([&b"\x58\xcb\xe8"[..], &message[3..]].concat());
    let error = as_type::<Vec<Vec<String>>>(Two, &options, &message).unwrap_err();
    assert!(error.to_string().contains("nodes = 100000"), "{error}");
    assert_eq!(as_type::<Vec<Vec<String>>>(Two, &ReadOptions::new(), &message).unwrap().len(), 1000);
}

#[test]
fn cycles_end_at_the_limit() {
    for (version, message) in [(Two, bytes("79 51 90")), (One, bytes("56 52 00000000 7a"))] {
        let message = Bytes::from(message);
        let options = ReadOptions::new();
        assert_eq!(as_value(version, Part::Value, &options, &message).unwrap(), list(vec![Value::Back(0)]));
        let error = as_type::<Pair>(version, &options, &message).unwrap_err();
        assert!(error.to_string().contains("depth = 200"), "{error}");
    }
}

#[test]
fn many_definitions_are_charged() {
    let mut options = ReadOptions::new();
    options.limits.nodes = 1000;
    let mut message = b"C\x01a\x90".repeat(1001);
    message.push(b'N');
    let error = as_value(Two, Part::Value, &options, &message.clone().into()).unwrap_err();
    assert!(error.to_string().contains("nodes = 1000"), "{error}");
    let mut message = b"C\x01a\xcc\x00".to_vec();
    message.extend(b"\x01a".repeat(1024));
    message.extend_from_slice(&[0x60; 1025]);
    let error = as_value(Two, Part::Value, &options, &message.into()).unwrap_err();
    assert!(error.to_string().contains("nodes = 1000"), "{error}");
    // Definitions that are read again.
    let mut message = bytes("58 49 000007d0 78").to_vec();
    message.truncate(6);
    message.extend_from_slice(b"\x79");
    message.extend(b"C\x01a\x90".repeat(90));
    message.push(b'N');
    message.extend(b"Q\x91".repeat(1999));
    let error = as_type::<Vec<Vec<Option<bool>>>>(Two, &options, &message.into()).unwrap_err();
    assert!(error.to_string().contains("nodes = 1000"), "{error}");
}

/// Messages in which everything occurs.
fn samples() -> Vec<(Version, Vec<u8>)> {
    let person = |n: i32| {
        object(
            "peer.Person",
            &[
                ("firstName", "Ada \u{1f600}".into()),
                ("age", n.into()),
                ("attributes", typed_list("[string", vec!["a".into(), "b".into()])),
                ("born", DateTime::from_unix_millis(-1).into()),
                ("amount", Value::Decimal("1.50".into())),
                ("shared", 1.into()),
                ("shared", 2.into()),
            ],
        )
    };
    let uuid = object("java.util.UUID", &[("mostSigBits", Value::I64(1)), ("leastSigBits", Value::I64(-1))]);
    let value = list(vec![
        person(1),
        person(100_000),
        Value::Back(1),
        typed_map("java.util.TreeMap", vec![("k".into(), Value::Back(0)), ("l".into(), uuid.clone())]),
        Value::Map(vec![(Value::Null, 0.5.into()), (list(vec![]), Value::I64(i64::MAX))]),
        Value::Set(vec![true.into()]),
        "x".repeat(40).into(),
        Value::Bytes(vec![7; 40].into()),
        RemoteRef::uri("http://h/x").into(),
        springline_core::BigInt::from(i128::MAX).into(),
        uuid,
        (0..20).map(Value::I32).collect(),
    ]);
    let mut samples: Vec<(Version, Vec<u8>)> =
        [One, Two].map(|version| (version, encoded(version, &value).unwrap())).into();
    // What is read but never written.
    samples.push((
        Two,
        bytes("57 55 0161 4d 90 5a 5a 520001 61 0162 410001 07 2107 43 0162 90 4f90 51 91 5d01 5f00000001 5a"),
    ));
    samples.push((One, bytes("56 72 74 0001 61 53 0001 62 78 0001 3c 58 0001 3e 62 0001 07 42 0000 52 00000000 7a")));
    samples
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Loose {
    #[serde(rename = "firstName")]
    first_name: Option<String>,
    shared: Option<i64>,
    attributes: Option<Vec<String>>,
    born: Option<DateTime>,
    amount: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Anything {
    People(Vec<Loose>),
    One(Box<Loose>),
    Map(BTreeMap<String, Value>),
    Other(Value),
}

#[test]
fn a_hundred_thousand_mutations_are_read_or_refused() {
    let samples = samples();
    for (version, message) in &samples {
        as_value(*version, Part::Value, &ReadOptions::new(), &Bytes::copy_from_slice(message)).unwrap();
    }
    let mut random = fastrand::Rng::with_seed(4);
    let mut options = ReadOptions::new();
    options.limits.nodes = 20_000;
    let (mut read, mut refused) = (0, 0);
    for round in 0..100_000 {
        let (version, message) = &samples[random.usize(..samples.len())];
        let mut message = message.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..message.len());
            match random.u8(..6) {
                0 => message[at] = random.u8(..),
                1 => message[at] ^= 1 << random.u8(..8),
                2 => drop(message.remove(at)),
                3 => message.insert(at, random.u8(..)),
                4 => message.truncate(at.max(1)),
                // codes that mean something
                _ => message[at] = *random.choice(b"CHMNOQRSUVWXZzVMRrtlsbfd\x51\x60\x70\x78\x90\x4a").unwrap(),
            }
            if message.is_empty() {
                message.push(b'N');
            }
        }
        let message = Bytes::from(message);
        options.raw_classes = round % 3 == 0;
        options.objects_as_maps = round % 5 == 0;
        options.lone_surrogates = if round % 2 == 0 { LoneSurrogates::Refuse } else { LoneSurrogates::Replace };
        let part = *random
            .choice([Part::Value, Part::Value, Part::Value, Part::Arguments, Part::Reply, Part::Fault].iter())
            .unwrap();
        match as_value(*version, part, &options, &message) {
            Ok(value) => {
                read += 1;
                // What was read can be written, unless it is a set or map that the other side has not.
                let _ = encoded(Two, &value);
                let _ = encoded(One, &value);
            }
            Err(e) => {
                refused += 1;
                let text = e.to_string();
                assert!(text.len() < 400 && !text.contains("  "), "{text}");
            }
        }
        // One of the other ways, too.
        let format = HessianFormat::of(*version, Part::Value, &options);
        match random.u8(..5) {
            0 => drop(as_type::<Anything>(*version, &options, &message)),
            1 => drop(as_type::<Vec<Loose>>(*version, &options, &message)),
            2 => drop(as_type::<IgnoredAny>(*version, &options, &message)),
            3 => drop(
                format.read(&message, 0, options.limits.budget(), &mut |source| transcode(source, &mut Tape::new())),
            ),
            _ => {
                // Passing over a value and reading it end at one place.
                let mut ends = Vec::new();
                for skip in [false, true] {
                    let _ = format.read(&message, 0, options.limits.budget(), &mut |source| {
                        if skip {
                            source.skip()?
                        } else {
                            Value::read(source).map(drop)?
                        };
                        ends.push(source.offset());
                        Ok(())
                    });
                }
                if let [a, b] = ends[..] {
                    assert_eq!(a, b, "{message:x?}");
                }
            }
        }
    }
    assert!(read > 1000 && refused > 10_000, "{read} {refused}");
}
