//! Any value comes back, from both versions; nothing that is cut short is taken for whole.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use springline_core::value::Typed;
use springline_core::{BigInt, Budget, Bytes, DateTime, Format, RemoteRef, Tape, Value, transcode};
use springline_hessian::Version::{self, One, Two};
use springline_hessian::codec::HessianFormat;
use springline_hessian::{Part, ReadOptions};
use support::{encoded, raw, read, read_with, written};

fn scalar() -> impl Strategy<Value = Value> {
    let decimal = "-?[0-9]{1,20}(\\.[0-9]{1,5})?".prop_map(Value::Decimal);
    let big = vec(any::<u32>(), 3..8).prop_map(|digits| {
        let big = digits.into_iter().fold(BigInt::from(1), |big, digit| (big << 32) + digit);
        Value::from(big)
    });
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (any::<i32>(), 0..32).prop_map(|(v, shift)| Value::I32(v >> shift)),
        (any::<i64>(), 0..64).prop_map(|(v, shift)| Value::I64(v >> shift)),
        any::<f64>().prop_filter("itself", |v| !v.is_nan()).prop_map(Value::F64),
        any::<i32>().prop_map(|v| Value::F64(f64::from(v) * 0.001)),
        any::<String>().prop_map(Value::Str),
        "[a-z]{0,40}".prop_map(Value::Str),
        vec(any::<u8>(), 0..40).prop_map(|v| Value::Bytes(v.into())),
        any::<i64>().prop_map(|v| DateTime::from_unix_millis(v).into()),
        any::<i32>().prop_map(|v| DateTime::from_unix_millis(i64::from(v) * 60_000).into()),
        decimal,
        big,
        "[a-z]{1,8}".prop_map(|uri| RemoteRef::uri(uri).into()),
        any::<u32>().prop_map(Value::Back),
    ]
}

fn typed(type_name: &str, value: Value) -> Value {
    Value::Typed(Box::new(Typed { type_name: type_name.into(), value }))
}

// Objects of one class have the same fields: otherwise Hessian 2 may need a map.
fn object(fields: Vec<(u8, Value)>) -> Value {
    let class = fields.iter().map(|(n, _)| format!("f{n}")).collect::<Vec<_>>().join(".");
    Value::object(format!("peer.{class}"), fields.into_iter().map(|(n, v)| (format!("f{n}é"), v)).collect())
}

fn value() -> impl Strategy<Value = Value> {
    let any = scalar().prop_recursive(5, 60, 9, |item| {
        let items = vec(item.clone(), 0..10);
        let pairs = vec((item.clone(), item.clone()), 0..5);
        prop_oneof![
            items.clone().prop_map(Value::List),
            items.clone().prop_map(Value::Set),
            ("[a-c]{1,2}", items.clone()).prop_map(|(name, v)| typed(&format!("[{name}"), Value::List(v))),
            items.prop_map(|v| typed("java.util.TreeSet", Value::Set(v))),
            pairs.clone().prop_map(Value::Map),
            pairs.prop_map(|v| typed("java.util.TreeMap", Value::Map(v))),
            vec((0..4_u8, item), 0..4).prop_map(object),
        ]
    });
    any.prop_map(|mut value| {
        point_back(&mut value, &mut 0);
        value
    })
}

// References point at containers that began before them.
fn point_back(value: &mut Value, begun: &mut u32) {
    match value {
        Value::Back(n) => match n.checked_rem(*begun) {
            Some(rest) => *n = rest,
            None => *value = Value::Null,
        },
        Value::List(v) | Value::Set(v) => {
            *begun += 1;
            v.iter_mut().for_each(|v| point_back(v, begun));
        }
        Value::Map(pairs) => {
            *begun += 1;
            pairs.iter_mut().for_each(|(k, v)| {
                point_back(k, begun);
                point_back(v, begun);
            });
        }
        Value::Object(o) => {
            *begun += 1;
            o.fields.iter_mut().for_each(|(_, v)| point_back(v, begun));
        }
        Value::Typed(t) => point_back(&mut t.value, begun),
        _ => {}
    }
}

/// Where passing over the value ends.
fn skipped(version: Version, message: &[u8]) -> springline_core::Result<usize> {
    let message = Bytes::copy_from_slice(message);
    let mut end = 0;
    HessianFormat::of(version, Part::Value, &ReadOptions::new()).read(
        &message,
        0,
        Budget::default(),
        &mut |source| {
            source.skip()?;
            end = source.offset();
            Ok(())
        },
    )?;
    Ok(end)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_come_back(value in value()) {
        for version in [One, Two] {
            let message = encoded(version, &value).unwrap();
            prop_assert_eq!(&read(version, &message).unwrap(), &value, "{:?}", version);
            prop_assert_eq!(skipped(version, &message).unwrap(), message.len());
            // As it lies on the wire, too, and that is written the same.
            let as_is = read_with(version, Part::Value, &raw(), &message).unwrap();
            prop_assert_eq!(encoded(version, &as_is).unwrap(), message);
        }
    }

    #[test]
    fn versions_can_be_exchanged(value in value()) {
        for (from, to) in [(One, Two), (Two, One)] {
            let message = Bytes::from(encoded(from, &value).unwrap());
            let other = written(to, Part::Value, |sink| {
                HessianFormat::of(from, Part::Value, &ReadOptions::new())
                    .read(&message, 0, Budget::default(), &mut |source| transcode(source, sink))
            })
            .unwrap();
            prop_assert_eq!(&read(to, &other).unwrap(), &value);
        }
    }

    #[test]
    fn arguments_and_tapes_keep_references(values in vec(value(), 0..4)) {
        // Each argument's references count from its own first container: here they are those of the list.
        let mut args = Value::List(values);
        point_back(&mut args, &mut 0);
        for version in [One, Two] {
            let written = written(version, Part::Arguments, |sink| args.write(sink));
            // The list itself has no number on the wire.
            if format!("{args:?}").contains("Back(0)") {
                prop_assert!(written.is_err());
                continue;
            }
            let mut message = written.unwrap();
            if version == One {
                message.push(b'z');
            }
            prop_assert_eq!(&read_with(version, Part::Arguments, &ReadOptions::new(), &message).unwrap(), &args);
            let message = Bytes::from(message);
            let mut tape = Tape::new();
            HessianFormat::of(version, Part::Arguments, &ReadOptions::new())
                .read(&message, 0, Budget::default(), &mut |source| transcode(source, &mut tape))
                .unwrap();
            prop_assert_eq!(&Value::read(&mut tape.source(Budget::default())).unwrap(), &args);
        }
    }

    #[test]
    fn what_is_cut_short_is_an_error(value in value()) {
        for version in [One, Two] {
            let message = encoded(version, &value).unwrap();
            for end in 0..message.len() {
                let cut = &message[..end];
                prop_assert!(read(version, cut).is_err(), "{:?} read {}", version, end);
                prop_assert!(skipped(version, cut).is_err(), "{:?} passed over {}", version, end);
            }
        }
    }
}
