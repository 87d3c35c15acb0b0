//! What the live tests found, each as a small test of its own.

use bytes::Bytes;
use springline_core::{Budget, Error, Exception, Limits, Output, Value};
use springline_core::service::{BoxFuture, Call, Reply, Service};
use springline_pyro::wire::{self, Flags, Head, MessageKind};
use springline_pyro::{Daemon, Generation, Proxy, Serializer, Version, fault};

/// In wire version 501 the total of the annotations has 16 bits, but each length 32 (Pyro5 5.1).
#[test]
fn annotations_of_501_have_long_lengths() {
    let annotations = [("ABCD".into(), Bytes::from_static(b"data"))];
    let head = Head {
        version: Version::V501,
        kind: MessageKind::Invoke,
        serializer: 1,
        flags: Flags::default(),
        seq: 1,
        annotations: &annotations,
        correlation_id: None,
        compress: false,
        key: None,
    };
    let mut out = Output::new();
    wire::write_message(&mut out, &head, &Limits::default(), |out| {
        out.buf.extend_from_slice(b"None");
        Ok(())
    })
    .unwrap();
    let message = Bytes::from(out.to_vec());
    assert_eq!(&message[38..], b"ABCD\0\0\0\x04dataNone");
    let header = wire::parse_header(&message).unwrap().unwrap();
    let message = wire::open(&header, message, &Limits::default(), None).unwrap();
    assert_eq!(message.annotations, annotations);
}

/// An integer over 64 bits that a 128-bit one is read from.
#[test]
fn serializers_read_128_bits() {
    for serializer in Serializer::ALL {
        let mut out = Output::new();
        serializer
            .write(Generation::Pyro5, &mut out, |sink| springline_core::ser::to_sink(&(u128::MAX, i128::MIN), sink))
            .unwrap();
        let message = Bytes::from(out.to_vec());
        let payload = serializer.payload(message, serializer_start(serializer), Budget::default());
        assert_eq!(payload.decode::<(u128, i128)>().unwrap(), (u128::MAX, i128::MIN), "{serializer}");
        assert!(payload.decode::<(i64, i64)>().is_err(), "{serializer}");
    }
}

fn serializer_start(_: Serializer) -> usize {
    0
}

/// Programs join the lines of `_pyroTraceback` without asking whether there are any.
#[test]
fn exceptions_always_have_a_traceback_attribute() {
    let value = fault::to_value(Exception::new("ValueError", "text"), Generation::Pyro5);
    let lines = value.field("attributes").and_then(|a| a.field("_pyroTraceback")).and_then(Value::as_items);
    assert_eq!(lines, Some(&[][..]));
    assert_eq!(fault::from_value(value).traceback, None);
}

struct Raises;

impl Service for Raises {
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, springline_core::Result<Reply>> {
        Box::pin(std::future::ready(match call.method {
            "fine" => Ok(Reply::from(Value::Null)),
            class => Err(Error::remote(Exception::new(class, "text"))),
        }))
    }
}

/// Daemons close the connection after some answers: the next call must not be sent on it.
#[tokio::test]
async fn the_next_call_after_a_closing_answer_takes_a_new_connection() {
    let daemon = Daemon::bind("127.0.0.1:0").await.unwrap();
    let uri = daemon.register("x", Raises).unwrap().to_string();
    for version in [Version::V48, Version::V502] {
        let proxy = Proxy::builder(&uri).unwrap().version(version).build().unwrap();
        for (class, connections) in [("ValueError", 1), ("NamingError", 1), ("SecurityError", 2), ("SerializeError", 3)] {
            proxy.call::<()>(class, ()).await.unwrap_err();
            let before = daemon.connections();
            proxy.call::<()>("fine", ()).await.unwrap();
            let opened = daemon.connections() > before;
            assert_eq!(opened || connections == 1, true, "{class}");
        }
    }
}
