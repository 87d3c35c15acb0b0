//! What the live tests found, each as a small test of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use springline_core::service::{BoxFuture, Call, Reply, Service};
use springline_core::{Blob, Budget, Error, ErrorKind, Exception, Limits, Output, Value};
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
        let payload = serializer.payload(message, 0, Budget::default());
        assert_eq!(payload.decode::<(u128, i128)>().unwrap(), (u128::MAX, i128::MIN), "{serializer}");
        assert!(payload.decode::<(i64, i64)>().is_err(), "{serializer}");
    }
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
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, springline_core::Result<Reply>> {
        Box::pin(std::future::ready(match call.method {
            "fine" => Ok(Reply::from(Value::Null)),
            class => Err(Error::remote(Exception::new(class, "text"))),
        }))
    }
}

/// Daemons close the connection after some answers: the next call must not be sent on it.
#[tokio::test]
async fn the_next_call_after_a_closing_answer_takes_a_new_connection() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    let builder = Daemon::builder().on_handshake(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok("hello".into())
    });
    let daemon = builder.bind("127.0.0.1:0").await.unwrap();
    let uri = daemon.register("x", Raises).unwrap().to_string();
    for version in [Version::V48, Version::V502] {
        connections.store(0, Ordering::Relaxed);
        let proxy = Proxy::builder(&uri).unwrap().version(version).build().unwrap();
        for (class, wanted) in [("ValueError", 1), ("NamingError", 1), ("SecurityError", 2), ("SerializeError", 3)] {
            proxy.call::<()>(class, ()).await.unwrap_err();
            proxy.call::<()>("fine", ()).await.unwrap();
            assert_eq!(connections.load(Ordering::Relaxed), wanted, "{class}");
        }
    }
}

/// Zeros pack a thousand to one, and no peer that sends some is an attacker for that.
#[tokio::test]
async fn a_few_mebibytes_of_zeros_may_be_compressed() {
    struct Echo;
    impl Service for Echo {
        fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, springline_core::Result<Reply>> {
            let (blob,): (Blob,) = call.args.decode().unwrap();
            Box::pin(std::future::ready(Ok(Reply::typed(blob))))
        }
    }
    let daemon = Daemon::builder().compression(true).bind("127.0.0.1:0").await.unwrap();
    let uri = daemon.register("x", Echo).unwrap().to_string();
    for serializer in [Serializer::Serpent, Serializer::Marshal, Serializer::Msgpack] {
        let proxy = Proxy::builder(&uri).unwrap().serializer(serializer).compression(true).build().unwrap();
        let zeros = Blob::from(vec![0; 4 << 20]);
        assert!(proxy.call::<Blob>("echo", (&zeros,)).await.unwrap() == zeros, "{serializer}");
    }
}

/// A refusal that is signed with the right key says what it says.
#[tokio::test]
async fn refusals_are_read_with_a_key_too() {
    let builder = Daemon::builder().hmac_key("key");
    let daemon = builder.bind("127.0.0.1:0").await.unwrap();
    let uri = daemon.uri("nosuch").to_string();
    let e = Proxy::builder(&uri).unwrap().hmac_key("key").build().unwrap().connect().await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound, "{e}");
    let e = Proxy::builder(&uri).unwrap().hmac_key("other").build().unwrap().connect().await.unwrap_err();
    assert!(e.kind() == ErrorKind::Denied && e.message().contains("hmac"), "{e}");
}

/// CPython's marshal of `("x", "echo", ([1, l, l],), {})`, where `l` is one list: the references count from the start of
/// the message, and an argument that is kept alone must not have them.
#[test]
fn arguments_in_marshal_have_no_back_references() {
    let message = b")\x04\xda\x01x\xda\x04echo)\x01[\x03\0\0\0\xe9\x01\0\0\0\xdb\x01\0\0\0\xe9\x02\0\0\0r\x03\0\0\0{0";
    let payload = Serializer::Marshal.payload(Bytes::from_static(message), 11, Budget::default());
    let two = || Value::List(vec![Value::I64(2)]);
    let wanted = Value::Tuple(vec![Value::List(vec![Value::I64(1), two(), two()])]);
    assert_eq!(payload.by_ref().into_value().unwrap(), wanted);
}

/// What Pyro4's marshal makes of exceptions on Python 2.7.18, with `-R` in the second ones: class, arguments and traceback are bytes.
#[test]
fn exceptions_in_marshal_of_python_2() {
    let tests: [(&[u8], Exception); 4] = [
        (
            // 4.37
            b"{t\n\0\0\0attributes{t\x0e\0\0\0_pyroTraceback[\x02\0\0\0s#\0\0\0Traceback (most recent call last):\n\
              s\x15\0\0\0ValueError: no money\n0t\r\0\0\0__exception__Tt\x04\0\0\0args(\x02\0\0\0s\x08\0\0\0no money\
              i\x03\0\0\0t\t\0\0\0__class__s\x15\0\0\0exceptions.ValueError0",
            Exception::new("builtins.ValueError", "('no money', 3)").with_args(vec!["no money".into(), 3_i64.into()]),
        ),
        (
            b"{t\t\0\0\0__class__s\x15\0\0\0exceptions.ValueErrort\n\0\0\0attributes{t\x0e\0\0\0_pyroTraceback[\x02\0\0\0\
              s#\0\0\0Traceback (most recent call last):\ns\x15\0\0\0ValueError: no money\n0t\x04\0\0\0args(\x02\0\0\0\
              s\x08\0\0\0no moneyi\x03\0\0\0t\r\0\0\0__exception__T0",
            Exception::new("builtins.ValueError", "('no money', 3)").with_args(vec!["no money".into(), 3_i64.into()]),
        ),
        (
            // 4.25
            b"{t\n\0\0\0attributes{t\x0e\0\0\0_pyroTraceback[\x01\0\0\0s\x02\0\0\0a\n0t\x04\0\0\0args(\x01\0\0\0\
              s\x0f\0\0\0unknown name: xt\t\0\0\0__class__s\x18\0\0\0Pyro4.errors.NamingError0",
            Exception::new("Pyro4.errors.NamingError", "unknown name: x").with_args(vec!["unknown name: x".into()]),
        ),
        (
            // 4.37
            b"{t\t\0\0\0__class__s\x18\0\0\0Pyro4.errors.NamingErrort\n\0\0\0attributes{t\x0e\0\0\0_pyroTraceback\
              [\x01\0\0\0s\x02\0\0\0a\n0t\x04\0\0\0args(\x01\0\0\0s\x0f\0\0\0unknown name: x\
              t\r\0\0\0__exception__T0",
            Exception::new("Pyro4.errors.NamingError", "unknown name: x").with_args(vec!["unknown name: x".into()]),
        ),
    ];
    for (message, wanted) in tests {
        let message = Bytes::from_static(message);
        let value = Serializer::Marshal.read(&message, Budget::default(), |s| Value::read_tree(s)).unwrap();
        let mut exception = fault::from_value(value);
        assert!(exception.traceback.take().is_some_and(|t| t.ends_with('\n')));
        assert_eq!(exception, wanted);
    }
}
